// SPDX-License-Identifier: LGPL-2.1-or-later

/** A laboratory with a server, and parties with pictures and tones in it. */

import { party } from '../../e2e/kit/pipeline.js';
import { Server } from '../../e2e/kit/server.js';
import { until } from '../../e2e/kit/wait.js';
import { Lab, SERVER, within } from './lab.js';

/** How long whoever is waited for may take on a machine that is busy. */
export const PATIENCE = 60000;

export class CallLab extends Lab {
  #parties = [];

  /**
   * One that goes when the test ends.
   * @param {import('node:test').TestContext} t
   * @param {() => string[]} [options] of the server, once there is a network
   */
  static async open(t, options = () => []) {
    const self = new CallLab();
    t.after(() => self.end());
    self.server = new Server(['--listen', `${SERVER}:0`, ...options()]);
    self.link = await self.server.link();
    return self;
  }

  /**
   * @param {string} name
   * @param {object} look
   * @param {{space: string}} place
   * @param {object} [options]
   * @param {number} [options.fps]
   * @param {number[]} [options.size]
   * @param {string[]} [options.room] further properties of meshroom
   * @param {object} [options.env] as Pipeline has it
   */
  join(name, look, place,
    { fps = 15, size = [320, 240], room = [], env } = {}) {
    const p = party({ name, look, link: this.link, room, fps, size, env,
      within: within(place.space) });
    p.name = name;
    p.look = look;
    this.#parties.push(p);
    return p;
  }

  /** Ends the server as the kernel would. */
  async killServer() {
    this.address = new URL(await this.server.url()).host;
    await this.server.stop('SIGKILL');
  }

  /** Starts it again, where it was. */
  async restartServer() {
    this.server = new Server(['--listen', this.address]);
    await this.server.url();
  }

  async end() {
    await Promise.all(this.#parties.map(p => p.stop('SIGKILL')));
    await this.server?.stop();
    this.close();
  }
}

export const explain = (...all) => () => all.map(p => [p.name, p.summary(),
  p.output.split('\n').filter(line => /^(WARN|ERROR)/.test(line)).slice(-9)]);

/** Waits until everybody of the first sees and hears everybody of the second. */
export async function meet(who, whom, timeout = PATIENCE) {
  await Promise.all(who.flatMap(a => whom.filter(b => a !== b).map(b =>
    until(`${a.name} to meet ${b.name}`, () => a.meets(b.look), timeout,
      explain(a)))));
}
