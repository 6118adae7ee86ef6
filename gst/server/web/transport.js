// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * One connection to the server, however it is made: a WebSocket where one gets
 * through, long polling where not. A proxy can refuse the WebSocket, take it and
 * then cut it, or take it and swallow what goes through. So it has to prove
 * itself: it counts from its first frame on, and until then what was sent is
 * kept, to be sent again by the other way.
 */

import {PollTransport} from './poll.js';

/**
 * @typedef {object} TransportHandlers
 * @property {() => void} opened once, at most
 * @property {(text: string) => void} frame
 * @property {() => void} heard a sign of life that is no frame
 * @property {(code?: number) => void} closed once, and nothing after it; not
 *   after close()
 */

/**
 * @typedef {object} AnyTransport
 * @property {(text: string) => void} send
 * @property {(finish: boolean) => void} close
 */

/* How long a WebSocket may take to open, also over a satellite; and then to
 * prove itself, beside what opening took. */
const OPEN_PATIENCE = 5000;
const PROOF_PATIENCE = 2000;
/* So long no WebSocket is tried after one has failed. */
const AVOID = 5 * 60 * 1000;
/* A WebSocket that lived so short counts as cut by something on the way, and
 * after so many of them in a row long polling is used. */
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

  /* Closes after everything that was handed over has gone out. */
  close() {
    this.#over = true;
    this.#ws.close();
  }
}

/** What is known of the way to the server, from one connection to the next. */
export class Route {
  #avoidUntil = -Infinity;
  #cuts = 0;

  /** @param {number} now */
  usesWebSocket(now) {
    return typeof WebSocket === 'function' && now >= this.#avoidUntil;
  }

  /** Notes that polling works where a WebSocket did not. @param {number} now */
  avoid(now) {
    this.#cuts = 0;
    this.#avoidUntil = now + AVOID;
  }

  /** Notes the end of a WebSocket that had been good. */
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
  #open = false;                // what is used now
  #beganAt = performance.now();
  #announced = false;
  #provenAt = Infinity;
  #explained = false;
  /** @type {string[]} what was sent before anything was proven */
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

  /** Whether it goes without a WebSocket. */
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

  /** @param {boolean} finish whether what was sent is to get there */
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
    if (this.#provenAt === Infinity)    /* polling is no better */
      this.#route.forget();
    this.#judge();
    this.#handlers.closed(code ?? this.#code);
  }

  /* Goes over to polling. A server that is not there at all is not polled for
   * long: when it comes back, a WebSocket is the better way. */
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
