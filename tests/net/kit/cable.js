// SPDX-License-Identifier: LGPL-2.1-or-later

/** A bad cable between two network namespaces (tests/net/shaper.c). */

import { createInterface } from 'node:readline';
import { start } from '../../e2e/kit/children.js';
import { until } from '../../e2e/kit/wait.js';

export class Cable {
  output = '';
  #lines = [];

  /**
   * @param {string} profile see tests/net/link.c
   * @param {string} a a namespace, which gets a device `cable`
   * @param {string} b another one
   * @param {number} [seed]
   */
  constructor(profile, a, b, seed = 1) {
    this.process = start(
      `${process.env.MESH_BUILD_ROOT}/tests/net/net-shaper`,
      [String(seed), profile, a, b], { stdio: ['pipe', 'pipe', 'pipe'] });
    createInterface({ input: this.process.stdout })
      .on('line', line => this.#lines.push(line));
    createInterface({ input: this.process.stderr })
      .on('line', line => { this.output += line + '\n'; });
  }

  async #waitFor(line) {
    await until(`the cable to be ${line}`, () => this.#lines.includes(line),
      10000, () => this.output);
    this.#lines = [];
  }

  async ready() {
    await this.#waitFor('ready');
  }

  /** Changes the cable. @param {string} change a profile, or a command */
  async become(change) {
    this.process.stdin.write(change + '\n');
    await this.#waitFor(change);
  }

  stop() {
    this.process.stdin.end();
  }
}
