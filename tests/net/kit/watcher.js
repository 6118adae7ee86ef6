// SPDX-License-Identifier: LGPL-2.1-or-later

/** A member that reports the paths of its connections (tests/net/launch.c). */

import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { start } from '../../e2e/kit/children.js';
import { environment } from '../../e2e/kit/pipeline.js';

export class Watcher {
  /** @type {{id: string, name: string, state: string, path: string,
   *   silence?: number}[]} */
  peers = [];
  output = '';

  /**
   * @param {string} name
   * @param {string} link
   * @param {string[]} within the command that runs it in its network
   * @param {string[]} [room] further properties of meshroom
   * @param {object} [options]
   * @param {boolean} [options.stubborn] starts it again when the server could
   *   not be reached at first, as a person would
   */
  constructor(name, link, within, room = [], { stubborn = false } = {}) {
    this.name = name;
    this.command = [...within,
      `${process.env.MESH_BUILD_ROOT}/tests/net/net-launch`,
      'meshroom', 'name=room', `link=${link}`, `display-name=${name}`,
      'decode=false', ...room, 'audiotestsrc', 'is-live=true', '!',
      'room.audio_sink'];
    this.#start(stubborn ? 5 : 1);
  }

  #start(tries) {
    const [command, ...args] = this.command;
    this.process = start(command, args, {
      env: { ...environment, MESHROOM_OWN_PROCESS: '1' },
      stdio: ['ignore', 'pipe', 'pipe'] });
    this.process.on('exit', code => {
      if (code === 1 && tries > 1)
        this.#start(tries - 1);
    });
    createInterface({ input: this.process.stdout })
      .on('line', line => {
        if (line.startsWith('['))
          this.peers = JSON.parse(line);
      });
    createInterface({ input: this.process.stderr })
      .on('line', line => { this.output += line + '\n'; });
  }

  /** The state of another member. @param {string} name */
  peer(name) {
    return this.peers.find(p => p.name === name);
  }

  /** The path of the connection with another member, or null. */
  path(name) {
    const peer = this.peer(name);
    return peer?.state === 'connected' && peer.path ? peer.path : null;
  }

  async stop(signal = 'SIGKILL') {
    if (this.process.exitCode === null && !this.process.signalCode) {
      this.process.kill(signal);
      await once(this.process, 'exit');
    }
  }
}
