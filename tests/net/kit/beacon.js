// SPDX-License-Identifier: LGPL-2.1-or-later

/** A member that flashes and beeps each second, or one that watches for it
 * (tests/e2e/sync.c). */

import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { start } from '../../e2e/kit/children.js';
import { environment } from '../../e2e/kit/pipeline.js';

export class Beacon {
  /** @type {object[]} */
  lines = [];
  output = '';

  /**
   * @param {'send' | 'receive'} role
   * @param {string} link
   * @param {string[]} [within] the command that runs it in its network
   * @param {string} [room] further properties of meshroom
   */
  constructor(role, link, within = [], room = '') {
    const [command, ...args] = [...within,
      `${process.env.MESH_BUILD_ROOT}/tests/e2e/e2e-sync`, role, link, room];
    this.process = start(command, args, { env: environment,
      stdio: ['pipe', 'pipe', 'pipe'] });
    createInterface({ input: this.process.stdout })
      .on('line', line => this.lines.push(JSON.parse(line)));
    createInterface({ input: this.process.stderr })
      .on('line', line => { this.output += line + '\n'; });
  }

  /** What was written of a kind. @param {string} kind */
  all(kind) {
    return this.lines.filter(line => line.kind === kind);
  }

  /** How much later each beep is than its flash, in ms. */
  offsets() {
    const beeps = this.all('beep');
    return this.all('flash').map(flash => beeps
      .map(beep => beep.time - flash.time)
      .sort((a, b) => Math.abs(a) - Math.abs(b))[0])
      .filter(ms => ms !== undefined && Math.abs(ms) < 500);
  }

  async stop() {
    if (this.process.exitCode !== null || this.process.signalCode !== null)
      return;
    const ended = once(this.process, 'exit');
    this.process.stdin.end();
    await ended;
  }
}
