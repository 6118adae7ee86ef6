// SPDX-License-Identifier: LGPL-2.1-or-later

/** A meshroom-server for a test, members without media, and a wire-tap. */

import { randomBytes, randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import WebSocket, { WebSocketServer } from 'ws';
import { start } from './children.js';
import { until } from './wait.js';

export class Server {
  output = '';

  /**
   * @param {string[]} [args]
   * @param {object} [env]
   * @param {string[]} [within] a command that runs it elsewhere, such as in a
   *   network namespace
   */
  constructor(args = [], env = {}, within = []) {
    const [command, ...rest] = [...within,
      `${process.env.MESH_BUILD_ROOT}/gst/server/meshroom-server`];
    const listen = args.includes('--listen') ? []
      : ['--listen', '127.0.0.1:0'];
    this.process = start(command,
      [...rest, ...listen, ...args],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      createInterface({ input: stream })
        .on('line', line => this.output += line + '\n');
    }
  }

  /** The server's address, once it accepts connections. */
  async url() {
    const found = await until('the server to listen',
      () => this.output.match(/^listening on (\S+)$/m), 10000,
      () => this.output);
    return found[1].replace(/\/$/, '');
  }

  /** A new room's link, with a key or without. */
  async link({ key = true } = {}) {
    const fragment = key ? `#${randomBytes(16).toString('base64url')}` : '';
    return `${await this.url()}/room/${randomUUID()}${fragment}`;
  }

  async stop(signal = 'SIGTERM') {
    if (this.process.exitCode === null && !this.process.signalCode) {
      this.process.kill(signal);
      await once(this.process, 'exit');
    }
  }
}

/**
 * A member of a room without a key. It speaks the envelope, and sends only the
 * messages that a test tells it to send.
 */
export class Member extends EventEmitter {
  id = randomUUID();
  token = randomBytes(16).toString('base64url');
  inc = Date.now().toString(16).padStart(12, '0') +
    randomBytes(2).toString('hex');
  /** every message of a member or of the server */
  heard = [];
  #mid = 0;

  constructor(link) {
    super();
    const url = new URL(link);
    this.room = url.pathname.split('/').pop();
    this.socket = new WebSocket(`ws://${url.host}/v1/socket`);
    this.socket.on('open', () => this.socket.send(JSON.stringify({
      type: 'hello', v: 1, room: this.room, id: this.id, token: this.token })));
    this.socket.on('message', data => this.#take(JSON.parse(data)));
    this.socket.on('error', () => {});
  }

  #take(frame) {
    const message = frame.payload ?? frame.event ?? frame;
    if (frame.seq)
      this.socket.send(JSON.stringify({ ack: frame.seq }));
    this.heard.push(message);
    this.emit('message', message);
  }

  /** Waits for a message of a type. */
  async hear(type, timeout = 10000) {
    return until(`a ${type}`, () => this.heard.find(m => m.type === type),
      timeout, () => this.heard);
  }

  send(to, payload) {
    this.socket.send(JSON.stringify({ mid: ++this.#mid, to, payload }));
  }

  /** Sends a message, with the fields that all messages have. */
  say(to, message) {
    this.send(to, { from: this.id, to, inc: this.inc, ...message });
  }

  close() {
    this.socket.terminate();
  }
}

/**
 * A relay between a pipeline and a server, which acts as a dishonest server or
 * network could: every frame passes through `change`, which may alter it, or
 * return null to drop it.
 */
export class WireTap {
  pairs = [];

  constructor(url, change = text => text) {
    this.upstream = url.replace(/^http/, 'ws');
    this.change = change;
    this.server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    this.server.on('connection', (client, request) =>
      this.#join(client, request));
  }

  #join(client, request) {
    const server = new WebSocket(this.upstream + request.url);
    const waiting = [];
    this.pairs.push({ client, server });
    client.on('message', data => {
      const text = this.change(data.toString(), 'up');
      if (text === null)
        return;
      if (server.readyState === WebSocket.OPEN)
        server.send(text);
      else
        waiting.push(text);
    });
    server.on('open', () => waiting.forEach(text => server.send(text)));
    server.on('message', data => {
      const text = this.change(data.toString(), 'down');
      if (text !== null)
        client.send(text);
    });
    client.on('close', () => server.close());
    server.on('close', code => client.close(code >= 3000 ? code : 1000));
    client.on('error', () => {});
    server.on('error', () => client.close());
  }

  async url() {
    if (!this.server.address())
      await once(this.server, 'listening');
    return `http://127.0.0.1:${this.server.address().port}`;
  }

  /** Sends a frame to every client as if the server had sent it. */
  inject(text) {
    this.pairs.forEach(({ client }) => client.send(text));
  }

  close() {
    this.pairs.forEach(({ client, server }) => {
      client.terminate();
      server.terminate();
    });
    this.server.close();
  }
}
