// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * A proxy as some networks have one: it reads each request completely, makes it
 * on a new connection to the server, and passes the complete answer on, or cuts
 * it off. A test chooses what becomes of WebSockets.
 */

import { once } from 'node:events';
import http from 'node:http';
import { connect } from 'node:net';

export class Proxy {
  /** the number of answers cut off, and of WebSockets requested */
  aborted = 0;
  upgrades = 0;
  #pairs = new Set();

  /**
   * @param {string} url of the server
   * @param {object} [options]
   * @param {number} [options.abort] how many of the answers to cut off
   * @param {'pass' | 'refuse' | 'cut' | 'swallow'} [options.upgrade]
   */
  constructor(url, { abort = 0, upgrade = 'pass' } = {}) {
    this.upstream = new URL(url);
    this.abort = abort;
    this.upgrade = upgrade;
    this.server = http.createServer((request, response) =>
      this.#pass(request, response));
    this.server.on('upgrade', (request, socket, head) =>
      this.#upgrade(request, socket, head));
    this.server.listen(0, '127.0.0.1');
  }

  async url() {
    if (!this.server.listening)
      await once(this.server, 'listening');
    return `http://127.0.0.1:${this.server.address().port}`;
  }

  async #pass(request, response) {
    const body = [];
    for await (const chunk of request)
      body.push(chunk);
    /* Some requests never reach the server. */
    const unlucky = Math.random() < this.abort;
    if (unlucky && Math.random() < 0.25) {
      this.aborted++;
      request.socket.destroy();
      return;
    }
    const asked = http.request({ host: this.upstream.hostname,
      port: this.upstream.port, path: request.url, method: request.method,
      headers: request.headers, agent: false });
    asked.on('error', () => request.socket.destroy());
    asked.on('response', answer => this.#answer(answer, request, response,
      unlucky));
    asked.end(Buffer.concat(body));
  }

  async #answer(answer, request, response, unlucky) {
    const body = [];
    for await (const chunk of answer)
      body.push(chunk);
    const whole = Buffer.concat(body);
    const { connection, ...headers } = answer.headers;
    response.writeHead(answer.statusCode, headers);
    if (!unlucky) {
      response.end(whole);
      return;
    }
    this.aborted++;
    response.write(whole.subarray(0, Math.random() * whole.length),
      () => request.socket.destroy());
  }

  #upgrade(request, socket, head) {
    this.upgrades++;
    socket.on('error', () => {});
    if (this.upgrade === 'refuse') {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n' +
        'Connection: close\r\n\r\n');
      return;
    }
    const { hostname, port } = this.upstream;
    const server = connect(Number(port), hostname);
    const lines = request.rawHeaders.map((text, i) =>
      text + (i % 2 ? '\r\n' : ': ')).join('');
    server.write(`GET ${request.url} HTTP/1.1\r\n${lines}\r\n`);
    server.write(head);
    this.#pairs.add(socket).add(server);
    server.on('error', () => socket.destroy());
    server.on('close', () => socket.destroy());
    socket.on('close', () => server.destroy());
    server.on('data', data => {
      socket.write(data);
      if (this.upgrade === 'cut')
        socket.destroy();
    });
    socket.on('data', data => {
      if (this.upgrade === 'pass')
        server.write(data);
    });
  }

  /** Cuts all present WebSockets. */
  cutAll() {
    this.#pairs.forEach(socket => socket.destroy());
    this.#pairs.clear();
  }

  close() {
    this.cutAll();
    this.server.closeAllConnections();
    this.server.close();
  }
}
