// SPDX-License-Identifier: LGPL-2.1-or-later

/** A bad cable between two network namespaces (tests/net/shaper.c). */

import { once } from 'node:events';
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

  /**
   * Makes both directions alike, for all but TCP.
   * @param {object} how
   * @param {number} how.rtt ms, without the queue
   * @param {number} [how.jitter] ms, the deviation of the delay each way
   * @param {number} [how.kbit] 0 = no limit
   * @param {number} [how.queueMs] how long a packet may wait
   * @param {number} [how.loss] share of packets lost
   * @param {number} [how.burst] how many are lost in a row, on average
   */
  async shape({ rtt, jitter = 0, kbit = 0, queueMs = 300, loss = 0,
    burst = 1 }) {
    await this.become('spare tcp');
    await this.become(`set both delay_ms=${rtt / 2} jitter_ms=${jitter} ` +
      `queue_ms=${queueMs} kbit=${kbit} ` + (burst > 1
      ? `to_bad=${loss / (burst * (1 - loss))} to_good=${1 / burst} burst_loss=1`
      : `loss=${loss}`));
  }

  /** Writes a line for each packet into a file (shaper.c). */
  async log(path) {
    await this.become(`log ${path}`);
  }

  /** Ends it, and so completes its log. */
  async end() {
    this.stop();
    if (this.process.exitCode === null)
      await once(this.process, 'exit');
  }

  stop() {
    this.process.stdin.end();
  }
}
