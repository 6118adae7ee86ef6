// SPDX-License-Identifier: LGPL-2.1-or-later

/** Carries out what client.js decides, with a WebSocket and a timer. */

import {Client} from './client.js';

/**
 * @typedef {object} SocketHandlers
 * @property {(message: Record<string, any>) => void} message
 * @property {() => void} lost the connection, or the attempt at one
 * @property {(code: string, text: string) => void} failed given up
 * @property {(text: string) => void} warning
 */

export class Socket {
  #client;
  #url;
  #handlers;
  /** @type {WebSocket | null} */
  #ws = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #onOnline = () => {
    this.#client.hurry();
    this.#run();
  };

  /**
   * @param {string} url
   * @param {{room: string, id: string, token: string}} config
   * @param {SocketHandlers} handlers
   */
  constructor(url, config, handlers) {
    this.#url = url;
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

  /* Handlers may send, and so come back here, from within the loop. */
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
        this.#ws?.send(text);
        break;
      case 'close':
      case 'finish':
        this.#drop();
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

  #connect() {
    const ws = new WebSocket(this.#url);
    this.#ws = ws;
    /* One that was dropped has nothing to say any more. */
    const on = (name, handler) => ws.addEventListener(name, (event) => {
      if (this.#ws !== ws)
        return;
      handler(event);
      this.#run();
    });
    on('open', () => this.#client.opened(performance.now()));
    on('message', ({data}) => {
      if (typeof data === 'string')
        this.#client.feed(data, performance.now());
    });
    on('close', ({code}) => {
      this.#ws = null;
      this.#client.closed(code, performance.now());
    });
  }

  /* close() still sends what was handed over before. */
  #drop() {
    this.#ws?.close();
    this.#ws = null;
  }
}
