// SPDX-License-Identifier: LGPL-2.1-or-later

/** Carries out what client.js decides, with a connection and a timer. */

import {Client} from './client.js';
import {Route, Transport} from './transport.js';

/**
 * @typedef {object} SocketHandlers
 * @property {(message: Record<string, any>) => void} message
 * @property {() => void} lost the connection was lost or could not be made
 * @property {(code: string, text: string) => void} failed the client gave up
 * @property {(text: string) => void} warning
 */

export class Socket {
  #client;
  #origin;
  #handlers;
  #route = new Route();
  /** @type {Transport | null} */
  #transport = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #onOnline = () => {
    this.#route.forget();
    this.#client.hurry();
    this.#run();
  };

  /**
   * @param {string} origin of the server
   * @param {{room: string, id: string, token: string}} config
   * @param {SocketHandlers} handlers
   */
  constructor(origin, config, handlers) {
    this.#origin = origin;
    this.#client = new Client(config);
    this.#handlers = handlers;
  }

  start() {
    addEventListener('online', this.#onOnline);
    this.#client.start();
    this.#run();
  }

  /** @param {Record<string, any>} payload with `to` */
  send(payload) {
    if (!this.#client.send(payload, performance.now()))
      this.#handlers.warning('a message could not be sent');
    this.#run();
  }

  leave() {
    removeEventListener('online', this.#onOnline);
    this.#client.leave(performance.now());
    this.#run();
  }

  /* Handlers may send, and so call this function again from within the loop. */
  #run() {
    if (performance.now() >= this.#client.deadline())
      this.#client.tick(performance.now());
    for (const action of this.#client.takeActions())
      this.#carryOut(action);
    clearTimeout(this.#timer);
    const wait = this.#client.deadline() - performance.now();
    if (wait !== Infinity)
      this.#timer = setTimeout(() => this.#run(), Math.max(wait, 0));
  }

  /** @param {import('./client.js').ClientAction} action */
  #carryOut({type, text = '', message = {}, code = ''}) {
    switch (type) {
      case 'connect':
        this.#connect();
        break;
      case 'write':
        this.#transport?.send(text);
        break;
      case 'close':
      case 'finish':
        this.#transport?.close(type === 'finish');
        this.#transport = null;
        break;
      case 'message':
        this.#handlers.message(message);
        break;
      case 'lost':
        this.#handlers.lost();
        break;
      case 'warning':
        this.#handlers.warning(text);
        break;
      case 'failed':
        removeEventListener('online', this.#onOnline);
        this.#handlers.failed(code, text);
        break;
    }
  }

  /* Opens a connection, and passes all its events to the client. */
  #connect() {
    const client = this.#client;
    const on = (handle) => (...args) => {
      handle(...args, performance.now());
      this.#run();
    };
    this.#transport = new Transport(this.#origin, this.#route, {
      opened: on((now) => client.opened(now)),
      frame: on((text, now) => client.feed(text, now)),
      heard: on((now) => client.heard(now)),
      closed: (code) => {
        this.#transport = null;
        client.closed(code, performance.now());
        this.#run();
      },
    });
  }
}
