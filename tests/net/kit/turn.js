// SPDX-License-Identifier: LGPL-2.1-or-later

/** coturn as the STUN and TURN server of a laboratory, with credentials that
 *  expire ("TURN REST"). */

import { createHmac, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start } from '../../e2e/kit/children.js';
import { until } from '../../e2e/kit/wait.js';

export const hasTurn = existsSync('/usr/bin/turnserver');

export class Turn {
  output = '';
  secret = randomBytes(12).toString('hex');

  /** @param {string} address at which the server listens */
  constructor(address, port = 3478) {
    this.host = `${address}:${port}`;
    this.folder = mkdtempSync(join(tmpdir(), 'mesh-turn-'));
    this.process = start('turnserver', ['-n', '--log-file=stdout',
      `--listening-ip=${address}`, `--relay-ip=${address}`,
      `--listening-port=${port}`, '--use-auth-secret', '--realm=mesh.test',
      `--static-auth-secret=${this.secret}`, '--no-cli', '--no-tls',
      '--no-dtls', '--fingerprint', '--simple-log', '--verbose',
      `--pidfile=${this.folder}/pid`, `--userdb=${this.folder}/db`,
      '--min-port=40000', '--max-port=49999',
    ], { stdio: ['ignore', 'pipe', 'pipe'], cwd: this.folder });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      createInterface({ input: stream })
        .on('line', line => this.output += line + '\n');
    }
  }

  /** Waits until it serves. */
  async ready() {
    await until('the TURN server', () =>
      /Total auth threads|listener opened on.*TCP|TCP listener opened/i.test(this.output) &&
      /UDP listener opened/i.test(this.output), 10000, () => this.output);
  }

  /** The value for meshroom's stun-server. */
  get stun() {
    return `stun://${this.host}`;
  }

  /** The value for meshroom's turn-servers: by UDP, and by TCP where UDP is
   *  blocked. */
  get turn() {
    const user = `${Math.floor(Date.now() / 1000) + 3600}:mesh`;
    const password = createHmac('sha1', this.secret).update(user)
      .digest('base64');
    const url = `turn://${[user, password].map(encodeURIComponent)
      .join(':')}@${this.host}`;
    return `<"${url}?transport=udp","${url}?transport=tcp">`;
  }

  /** The options for meshroom-server, which names coturn to members. */
  get serverOptions() {
    const urls = [`stun:${this.host}`, ...['udp', 'tcp'].map(transport =>
      `turn:${this.host}?transport=${transport}`)];
    return ['--turn-secret', this.secret,
      ...urls.flatMap(url => ['--ice-server', url])];
  }

  stop() {
    this.process.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
