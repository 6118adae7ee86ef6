// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * A proxy as http_proxy names one: it takes requests for tunnels (CONNECT) and
 * for whole URLs, and connects every host name to the server of the test.
 */

import { once } from 'node:events';
import http from 'node:http';
import { connect } from 'node:net';

export class Tunnel {
  /** the first line of each request @type {string[]} */
  asked = [];
  #sockets = new Set();

  /**
   * @param {string} url of the server that stands for all hosts
   * @param {object} [options]
   * @param {'pass' | 'refuse' | 'password' | 'hang'} [options.tunnels]
   * @param {'pass' | 'refuse' | 'password' | 'hang'} [options.requests]
   */
  constructor(url, { tunnels = 'pass', requests = tunnels } = {}) {
    this.upstream = new URL(url);
    this.server = http.createServer((request, response) => {
      this.asked.push(`${request.method} ${request.url}`);
      if (requests === 'pass')
        this.#pass(request, response);
      else if (requests !== 'hang')
        response.writeHead(requests === 'refuse' ? 403 : 407).end();
    });
    this.server.on('connect', (request, socket) => {
      this.asked.push(`CONNECT ${request.url}`);
      socket.on('error', () => {});
      if (tunnels === 'pass')
        this.#connect(socket);
      else if (tunnels === 'refuse')
        socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
      else if (tunnels === 'password')
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n' +
          'Proxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n');
    });
    this.server.on('connection', socket => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.server.listen(0, '127.0.0.1');
  }

  /** The value of a pipeline's http_proxy, which contains a password. */
  async environment() {
    if (!this.server.listening)
      await once(this.server, 'listening');
    const url = `http://ann:geheim@127.0.0.1:${this.server.address().port}`;
    return { http_proxy: url, https_proxy: url, all_proxy: url,
      HTTP_PROXY: url, HTTPS_PROXY: url, ALL_PROXY: url, no_proxy: '',
      NO_PROXY: '' };
  }

  get place() {
    return `127.0.0.1:${this.server.address().port}`;
  }

  #pass(request, response) {
    const { pathname, search } = new URL(request.url);
    const asked = http.request({ host: this.upstream.hostname,
      port: this.upstream.port, path: pathname + search,
      method: request.method, headers: request.headers, agent: false },
    answer => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    asked.on('error', () => request.socket.destroy());
    request.pipe(asked);
  }

  #connect(socket) {
    const server = connect(Number(this.upstream.port), this.upstream.hostname);
    server.on('error', () => socket.destroy());
    server.on('connect', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(server).pipe(socket);
    });
    socket.on('close', () => server.destroy());
  }

  close() {
    this.#sockets.forEach(socket => socket.destroy());
    this.server.close();
  }
}
