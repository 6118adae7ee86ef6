// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * One connection to the server, by a WebSocket or, where none gets through, by
 * long polling. A proxy can refuse the WebSocket, accept and then cut it, or
 * accept it and swallow all frames. So a WebSocket is proven by the first frame
 * that it delivers; until then the frames that were sent are kept, to be sent
 * again by long polling.
 */

import {PollTransport} from './poll.js';

/**
 * @typedef {object} TransportHandlers
 * @property {() => void} opened called once, at most
 * @property {(text: string) => void} frame
 * @property {() => void} heard the server has answered, but with no frame
 * @property {(code?: number) => void} closed called once, as the last handler;
 *   not called after close()
 */

/**
 * @typedef {object} AnyTransport
 * @property {(text: string) => void} send
 * @property {(finish: boolean) => void} close
 */

/* The time that a WebSocket may take to open, also over a satellite, and the
 * time for its first frame, to which the time of opening is added. */
const OPEN_PATIENCE = 5000;
const PROOF_PATIENCE = 2000;
/* The time for which no WebSocket is tried after one has failed. */
const AVOID = 5 * 60 * 1000;
/* A WebSocket that ends sooner than SHORT_LIFE counts as cut by a proxy. After
 * MAX_CUTS of them in a row long polling is used. */
const SHORT_LIFE = 15000;
const MAX_CUTS = 2;

class WebSocketTransport {
  #ws;
  #over = false;

  /** @param {string} origin @param {TransportHandlers} handlers */
  constructor(origin, handlers) {
    const ws = new WebSocket(`${origin.replace(/^http/, 'ws')}/v1/socket`);
    this.#ws = ws;
    /* A WebSocket that we have closed reports nothing more. */
    const on = (name, handler) => ws.addEventListener(name, (event) => {
      if (!this.#over)
        handler(event);
    });
    on('open', () => handlers.opened());
    on('message', ({data}) => {
      if (typeof data === 'string')
        handlers.frame(data);
    });
    on('close', ({code}) => {
      this.#over = true;
      handlers.closed(code);
    });
  }

  /** @param {string} text */
  send(text) {
    this.#ws.send(text);
  }

  /* The browser sends all frames that it was given before it closes. */
  close() {
    this.#over = true;
    this.#ws.close();
  }
}

/** Whether a WebSocket reaches the server, as former connections have shown. */
export class Route {
  #avoidUntil = -Infinity;
  #cuts = 0;

  /** @param {number} now */
  usesWebSocket(now) {
    return typeof WebSocket === 'function' && now >= this.#avoidUntil;
  }

  /** Notes that only long polling works. @param {number} now */
  avoid(now) {
    this.#cuts = 0;
    this.#avoidUntil = now + AVOID;
  }

  /** Notes the end of a WebSocket that had delivered frames. */
  ended({lived, explained}, now) {
    if (explained || lived >= SHORT_LIFE)
      this.#cuts = 0;
    else if (++this.#cuts >= MAX_CUTS)
      this.avoid(now);
  }

  /** Forgets everything, since we may be in another network. */
  forget() {
    this.#avoidUntil = -Infinity;
    this.#cuts = 0;
  }
}

export class Transport {
  #origin;
  #route;
  #handlers;
  /** @type {AnyTransport} */
  #used;
  #polls;
  #open = false;                // #used is open
  #beganAt = performance.now();
  #announced = false;
  #provenAt = Infinity;
  #explained = false;
  /** @type {string[]} the frames sent before the first one was received */
  #sent = [];
  /** @type {number | undefined} why the WebSocket closed */
  #code;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #watchdog;

  /**
   * @param {string} origin of the server
   * @param {Route} route
   * @param {TransportHandlers} handlers
   */
  constructor(origin, route, handlers) {
    this.#origin = origin;
    this.#route = route;
    this.#handlers = handlers;
    const socket = route.usesWebSocket(performance.now())
      ? this.#makeSocket() : null;
    this.#polls = socket === null;
    this.#used = socket ?? new PollTransport(origin, this.#listen());
    if (!this.#polls)
      this.#watch(OPEN_PATIENCE);
  }

  /** Makes a WebSocket, which extensions and policies can forbid. */
  #makeSocket() {
    try {
      return new WebSocketTransport(this.#origin, this.#listen());
    } catch (error) {
      console.warn('no WebSocket:', error.message);
      return null;
    }
  }

  /** Whether long polling is used. */
  get polls() {
    return this.#polls;
  }

  /** @param {string} text */
  send(text) {
    if (this.#provenAt === Infinity)
      this.#sent.push(text);
    if (this.#open)
      this.#used.send(text);
  }

  /** @param {boolean} finish whether to send the remaining frames first */
  close(finish) {
    clearTimeout(this.#watchdog);
    if (!finish)
      this.#judge();
    this.#used.close(finish);
  }

  /** @param {number} patience */
  #watch(patience) {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      this.#used.close(false);
      this.#fallBack();
    }, patience);
  }

  /** @returns {TransportHandlers} */
  #listen() {
    return {
      opened: () => this.#onOpened(),
      frame: (text) => this.#onFrame(text),
      heard: () => this.#handlers.heard(),
      closed: (code) => this.#onClosed(code),
    };
  }

  #onOpened() {
    this.#open = true;
    if (!this.#polls)
      this.#watch(PROOF_PATIENCE + performance.now() - this.#beganAt);
    if (this.#announced) {
      this.#sent.forEach((text) => this.#used.send(text));
    } else {
      this.#announced = true;
      this.#handlers.opened();
    }
  }

  /** @param {string} text */
  #onFrame(text) {
    if (this.#provenAt === Infinity) {
      clearTimeout(this.#watchdog);
      this.#provenAt = performance.now();
      this.#sent = [];
      if (this.#polls)
        this.#route.avoid(this.#provenAt);
    }
    this.#explained ||= text.startsWith('{"type":"error"');
    this.#handlers.frame(text);
  }

  /** @param {number | undefined} code */
  #onClosed(code) {
    clearTimeout(this.#watchdog);
    if (this.#provenAt === Infinity && !this.#polls) {
      this.#code = code;
      this.#fallBack();
      return;
    }
    if (this.#provenAt === Infinity)    /* long polling does not work either */
      this.#route.forget();
    this.#judge();
    this.#handlers.closed(code ?? this.#code);
  }

  /* Changes to long polling, with a single try: if the server is down, a
   * WebSocket is to be tried first when it is back. */
  #fallBack() {
    this.#open = false;
    this.#polls = true;
    this.#used = new PollTransport(this.#origin, this.#listen(), 1);
  }

  #judge() {
    const now = performance.now();
    if (!this.#polls && this.#provenAt < Infinity)
      this.#route.ended({lived: now - this.#provenAt,
        explained: this.#explained}, now);
  }
}
