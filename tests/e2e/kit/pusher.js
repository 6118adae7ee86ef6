// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The part of Pusher Channels that mooz needs, written after Pusher's
 * documentation and not after our server, so that tests with both find
 * misunderstandings of ours. It checks signatures and the limits on lengths.
 */

import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const event = (name, data, channel) =>
  JSON.stringify({ event: name, data: JSON.stringify(data), channel });

export class PusherService {
  app = '1';
  key = 'app-key';
  secret = 'app-secret';
  /** how many messages were refused */
  refused = 0;
  /** what was sent */
  messages = [];
  #last = 0;

  async listen() {
    this.server = createServer((request, response) =>
      this.#answer(request, response));
    this.sockets = new WebSocketServer({ server: this.server });
    this.sockets.on('connection', (socket, request) =>
      this.#welcome(socket, request));
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  #welcome(socket, request) {
    const url = new URL(request.url, this.url);
    if (url.pathname !== `/app/${this.key}` ||
        url.searchParams.get('protocol') !== '7') {
      socket.close(4001);
      return;
    }
    socket.channels = new Set();
    socket.id = `7.${++this.#last}`;
    socket.send(event('pusher:connection_established',
      { socket_id: socket.id, activity_timeout: 120 }));
    socket.on('message', text => this.#hear(socket, JSON.parse(text)));
  }

  #hear(socket, { event: name, data }) {
    if (name === 'pusher:subscribe') {
      socket.channels.add(data.channel);
      socket.send(event('pusher_internal:subscription_succeeded', {},
        data.channel));
    } else if (name === 'pusher:unsubscribe') {
      socket.channels.delete(data.channel);
    } else if (name === 'pusher:ping') {
      socket.send('{"event":"pusher:pong","data":{}}');
    }
  }

  #judge(method, url, body) {
    const query = new URLSearchParams(url.searchParams);
    const given = query.get('auth_signature');
    query.delete('auth_signature');
    query.sort();
    const text = [method, url.pathname,
      [...query].map(([name, value]) => `${name}=${value}`).join('&')]
      .join('\n');
    const right = createHmac('sha256', this.secret).update(text).digest('hex');
    const md5 = createHash('md5').update(body).digest('hex');
    const age = Math.abs(Date.now() / 1000 - query.get('auth_timestamp'));
    if (url.pathname !== `/apps/${this.app}/events`)
      return 404;
    if (given !== right || query.get('auth_key') !== this.key ||
        query.get('body_md5') !== md5 || age > 600)
      return 401;
    return JSON.parse(body).data.length > 10240 ? 413 : 200;
  }

  async #answer(request, response) {
    let body = '';
    for await (const chunk of request)
      body += chunk;
    const status = this.#judge(request.method,
      new URL(request.url, this.url), body);
    if (status === 200) {
      const { name, data, channels, socket_id: but } = JSON.parse(body);
      this.messages.push(JSON.parse(data));
      for (const channel of channels)
        this.#publish(name, data, channel, but);
    } else {
      this.refused++;
    }
    response.writeHead(status).end('{}');
  }

  #publish(name, data, channel, but) {
    for (const socket of this.sockets.clients) {
      if (socket.channels?.has(channel) && socket.id !== but)
        socket.send(JSON.stringify({ event: name, data, channel }));
    }
  }

  /** Closes every connection with a close code of Pusher's. */
  cut(code) {
    this.sockets.clients.forEach(socket => socket.close(code));
  }

  close() {
    this.sockets.clients.forEach(socket => socket.terminate());
    this.server.closeAllConnections();
    this.server.close();
  }
}
