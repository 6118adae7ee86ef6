// SPDX-License-Identifier: LGPL-2.1-or-later

/** A laboratory with a server, and members with pictures and tones. */

import { party } from '../../e2e/kit/pipeline.js';
import { Server } from '../../e2e/kit/server.js';
import { until } from '../../e2e/kit/wait.js';
import { Lab, SERVER, within } from './lab.js';

/** The longest wait of a test, which suffices on a busy machine. */
export const PATIENCE = 60000;

export class CallLab extends Lab {
  #parties = [];

  /**
   * Sets up a laboratory, which is taken down when the test ends.
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
   * @param {object} [options.env] as for Pipeline
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

  /** Kills the server. */
  async killServer() {
    this.address = new URL(await this.server.url()).host;
    await this.server.stop('SIGKILL');
  }

  /** Starts the server again, at the same address. */
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

/** Waits until each of the first sees and hears each of the second. */
export async function meet(who, whom, timeout = PATIENCE) {
  await Promise.all(who.flatMap(a => whom.filter(b => a !== b).map(b =>
    until(`${a.name} to meet ${b.name}`, () => a.meets(b.look), timeout,
      explain(a)))));
}
