// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * A connection to the server by long polling (docs/protocol.md, "Long
 * polling"), for networks in which WebSockets do not get through. There is at
 * most one request at a time in each direction. Every request can be repeated,
 * as frames have numbers, by which duplicates are recognized.
 */

import {parseJson} from './message.js';

/** @typedef {import('./transport.js').TransportHandlers} TransportHandlers */

/* The server answers a request after 4 s at the latest. After two failed ones
 * in a row client.js takes the connection for lost. */
const RECEIVE_PATIENCE = 7000;
const SEND_PATIENCE = 5000;
/* The server ends an answer after the frame that exceeds 64 KiB. */
const MAX_ANSWER = 256 * 1024;
/* The most characters that one request carries, unless its only frame is
 * larger. */
const ENOUGH = 16 * 1024;
const FIRST_DELAY = 20;
const MAX_DELAY = 1000;
/* An answer without frames that comes sooner than this delays the next request,
 * so that a server which does not wait is not flooded. */
const HASTE = 1000;
const HASTE_DELAY = 250;

/** @param {unknown} value */
const isCount = (value) => Number.isSafeInteger(value) && Number(value) >= 0;

/**
 * Writes a head and frames as a JSON text sequence (RFC 7464).
 *
 * @param {Record<string, any>} head
 * @param {string[]} [frames]
 */
export const joinBatch = (head, frames = []) =>
  [JSON.stringify(head), ...frames].map((text) => `\x1e${text}\n`).join('');

/**
 * @param {string} body
 * @returns {{head: Record<string, any>, frames: string[]} | null} null: the
 *   body is no text sequence, or was cut off
 */
export function splitBatch(body) {
  const [before, ...records] = body.split('\x1e');
  if (before !== '' || records.length === 0
      || records.some((record) => !record.endsWith('\n')))
    return null;
  const [head, ...frames] = records.map((record) => record.slice(0, -1));
  try {
    return {head: parseJson(head), frames};
  } catch {
    return null;
  }
}

/**
 * @param {Response} response
 * @returns {Promise<string>}
 */
async function readAnswer(response) {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  while (reader) {
    const {done, value} = await reader.read();
    if (done)
      break;
    size += value.length;
    if (size > MAX_ANSWER) {
      reader.cancel();
      throw new Error('an answer without an end');
    }
    text += decoder.decode(value, {stream: true});
  }
  return text + decoder.decode();
}

export class PollTransport {
  #url;
  #tries;
  /** @type {TransportHandlers} */
  #handlers;
  #abort = new AbortController();
  #session = '';
  /** @type {string[]} the frames from #first on, which are not confirmed */
  #out = [];
  #first = 1;
  #received = 0;
  #sending = false;
  #over = false;

  /**
   * @param {string} origin of the server
   * @param {TransportHandlers} handlers
   * @param {number} [tries] how often to try to open a session
   */
  constructor(origin, handlers, tries = 5) {
    this.#url = `${origin}/v1/poll`;
    this.#handlers = handlers;
    this.#tries = tries;
    this.#open();
  }

  /** @param {string} text */
  send(text) {
    this.#out.push(text);
    if (!this.#sending)
      this.#send();
  }

  /**
   * Ends the connection.
   *
   * @param {boolean} finish whether to send the remaining frames, which works
   *   also while the page is being closed
   */
  close(finish) {
    if (finish && !this.#over && this.#out.length > 0) {
      const head = {session: this.#session, first: this.#first};
      fetch(`${this.#url}/send`, {...this.#options(), keepalive: true,
        body: joinBatch(head, this.#out)}).catch(() => {});
    }
    this.#over = true;
    this.#abort.abort();
  }

  #options() {
    return {method: 'POST', credentials: /** @type {const} */ ('omit'),
      cache: /** @type {const} */ ('no-store'),
      redirect: /** @type {const} */ ('error'),
      headers: {'Content-Type': 'text/plain; charset=utf-8'}};
  }

  /**
   * Makes one request. Returns its answer, undefined when the request failed
   * for any reason, and null when the session is over.
   *
   * @param {string} path
   * @param {string} body
   * @param {number} patience
   */
  async #post(path, body, patience) {
    const late = new AbortController();
    const give = () => late.abort();
    const timer = setTimeout(give, patience);
    this.#abort.signal.addEventListener('abort', give);
    try {
      const response = await fetch(`${this.#url}/${path}`,
        {...this.#options(), body, signal: late.signal});
      if (response.status === 409 || response.status === 410)
        return null;
      return response.status === 200
        ? splitBatch(await readAnswer(response)) ?? undefined : undefined;
    } catch {
      return undefined;
    } finally {
      clearTimeout(timer);
      this.#abort.signal.removeEventListener('abort', give);
    }
  }

  /**
   * Repeats a request until it has a valid answer.
   *
   * @template T
   * @param {() => Promise<T | null | undefined>} request
   * @param {number} [tries]
   * @returns {Promise<T | null>} null: the connection is over
   */
  async #insist(request, tries = Infinity) {
    for (let delay = FIRST_DELAY; ; delay = Math.min(2 * delay, MAX_DELAY)) {
      const answer = await request();
      if (this.#over || answer)
        return answer ?? null;
      if (answer === null || --tries <= 0) {
        this.#end();
        return null;
      }
      await this.#pause(Math.random() * delay);
      if (this.#over)
        return null;
    }
  }

  /** @param {number} ms */
  #pause(ms) {
    return new Promise((done) => setTimeout(done, ms));
  }

  #end(code = undefined) {
    if (this.#over)
      return;
    this.#over = true;
    this.#abort.abort();
    this.#handlers.closed(code);
  }

  async #open() {
    const session = await this.#insist(async () => {
      const answer = await this.#post('open', joinBatch({v: 1}),
        SEND_PATIENCE);
      return /^[A-Za-z0-9_-]{1,64}$/.test(answer?.head.session)
        ? answer?.head.session : undefined;
    }, this.#tries);
    if (!session || this.#over)
      return;
    this.#session = session;
    this.#handlers.opened();
    while (!this.#over)
      await this.#receive();
  }

  /** The frames for one request. */
  #takeSome() {
    let size = 0;
    const end = this.#out.findIndex((text) => {
      const is = size > 0 && size + text.length > ENOUGH;
      size += text.length;
      return is;
    });
    return end < 0 ? this.#out.slice() : this.#out.slice(0, end);
  }

  async #send() {
    this.#sending = true;
    while (this.#out.length > 0 && !this.#over) {
      const taken = await this.#insist(async () => {
        const answer = await this.#post('send', joinBatch(
          {session: this.#session, first: this.#first}, this.#takeSome()),
        SEND_PATIENCE);
        if (!answer)
          return answer;
        const count = answer.head.taken - this.#first + 1;
        return isCount(count) && count <= this.#out.length ? {count}
          : undefined;
      });
      if (!taken || this.#over)
        return;
      this.#out.splice(0, taken.count);
      this.#first += taken.count;
      this.#handlers.heard();
    }
    this.#sending = false;
  }

  /* Requests frames, and checks the whole answer before handling the first. */
  async #receive() {
    const askedAt = performance.now();
    const answer = await this.#insist(async () => {
      const found = await this.#post('receive',
        joinBatch({session: this.#session, after: this.#received}),
        RECEIVE_PATIENCE);
      const {first, count} = found?.head ?? {};
      if (found && !(isCount(first) && first >= 1
          && first <= this.#received + 1 && count === found.frames.length))
        return undefined;
      return found;
    });
    if (!answer || this.#over)
      return;
    const {head: {first, closed}, frames} = answer;
    const fresh = frames.slice(this.#received + 1 - first);
    this.#handlers.heard();
    for (const text of fresh) {
      if (this.#over)
        return;
      this.#received++;
      this.#handlers.frame(text);
    }
    if (isCount(closed))
      this.#end(closed);
    else if (fresh.length === 0 && performance.now() < askedAt + HASTE)
      await this.#pause(HASTE_DELAY);
  }
}
