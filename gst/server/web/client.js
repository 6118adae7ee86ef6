// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * A member's half of the envelope (docs/protocol.md, "The envelope"): decides
 * when to connect and to give up, which messages to repeat, and which frames
 * have arrived already. The client holds no socket; socket.js opens one
 * connection at a time, reports what happens to it, and carries out actions:
 *
 *            start               opened           welcome
 *     idle --------> connecting --------> hello ----------> online
 *                     ^  |                  |                 |
 *                     |  +------ lost ------+-----------------+
 *                  backoff       |      final error, leave
 *                     +-- waiting ---------------------------> over
 *
 * Times are milliseconds of one monotonic clock.
 */

import {ACK_COUNT, ACK_DELAY, BACKOFF_FIRST, BACKOFF_MAX, CONNECT_TIMEOUT,
  SILENCE_TIMEOUT, STABLE, TAKEN_PATIENCE, TAKEN_RETRY}
  from './client-timing.js';
import {MAX_BYTES, byteLength, parseJson} from './message.js';

/**
 * connect: open a connection, then call opened() or closed();
 * write: send the frame `text`;
 * close: drop the connection at once, and report nothing more about it;
 * finish: close the connection once all frames written before have gone out;
 * message: hand `message`, a member's or the server's, to the user;
 * lost: the connection was lost, and will be opened again;
 * warning: tell the user `text`;
 * failed: the client has given up, for the server's `code`; no action follows.
 *
 * @typedef {object} ClientAction
 * @property {'connect' | 'write' | 'close' | 'finish' | 'message' | 'lost'
 *   | 'warning' | 'failed'} type
 * @property {string} [text]
 * @property {Record<string, any>} [message]
 * @property {string} [code]
 */

/* A page cannot send WebSocket pings, so the client sends frames for them. */
const PING_AFTER = 4000;
/* Limits on the messages that the server has not confirmed. */
const MAX_UNSENT = 4096;
const MAX_UNSENT_BYTES = 4 * 1024 * 1024;

const FINAL_ERRORS = new Set(['bad-message', 'refused', 'replaced', 'room-full',
  'too-many-rooms', 'too-big']);
/* The same errors as close codes, in case the error frame does not arrive. */
const FINAL_CLOSE_CODES = new Map([[4400, 'bad-message'], [4403, 'refused'],
  [4409, 'replaced'], [1009, 'too-big']]);

/** @param {unknown} value */
const isCount = (value) => Number.isSafeInteger(value) && Number(value) >= 0;

export class Client {
  #room;
  #id;
  #token;
  #random;
  /** @type {ClientAction[]} */
  #actions = [];
  /** @type {'idle' | 'connecting' | 'hello' | 'online' | 'waiting' | 'over'} */
  #phase = 'idle';
  #failures = 0;                // in a row
  #onlineAt = 0;
  #connectAt = Infinity;        // waiting: when to connect
  #triedAt = -Infinity;         // when the last connection began or was lost
  #openedBy = Infinity;         // connecting: when to give up
  #heardAt = 0;
  #wroteAt = 0;
  /** When our id was first found taken. @type {number | null} */
  #takenSince = null;

  /** @type {string | null} of our mailbox at the server */
  #epoch = null;
  #seq = 0;                     // the last numbered frame processed
  #acked = 0;
  #ackAt = Infinity;

  /** @type {{mid: number, text: string}[]} not confirmed by the server */
  #unsent = [];
  #unsentBytes = 0;
  #mid = 0;

  /**
   * @param {object} config
   * @param {string} config.room
   * @param {string} config.id our peer id
   * @param {string} config.token proves that the id is ours
   * @param {() => number} [config.random] from 0 to below 1
   */
  constructor({room, id, token, random = Math.random}) {
    this.#room = room;
    this.#id = id;
    this.#token = token;
    this.#random = random;
  }

  /* Calls from the user. */

  start() {
    if (this.#phase !== 'idle')
      return;
    this.#phase = 'waiting';
    this.#connectAt = -Infinity;
  }

  /**
   * Sends a message, now or when the connection is back.
   *
   * @param {Record<string, any>} payload with `to`
   * @param {number} now
   * @returns {boolean} false: too much is waiting, or the message is too big
   */
  send(payload, now) {
    if (this.#phase === 'over')
      return false;
    const mid = this.#mid + 1;
    const text = JSON.stringify({mid, to: payload.to, payload});
    const bytes = byteLength(text);
    if (bytes > MAX_BYTES || this.#unsent.length >= MAX_UNSENT
        || this.#unsentBytes + bytes > MAX_UNSENT_BYTES)
      return false;
    this.#mid = mid;
    this.#unsent.push({mid, text});
    this.#unsentBytes += bytes;
    if (this.#phase === 'online')
      this.#write(text, now);
    return true;
  }

  /** Says goodbye, and ends the connection. @param {number} now */
  leave(now) {
    const phase = this.#phase;
    this.#phase = 'over';
    if (phase === 'online') {
      this.#write('{"type":"bye"}', now);
      this.#push({type: 'finish'});
    } else if (phase === 'connecting' || phase === 'hello') {
      this.#push({type: 'close'});
    }
  }

  /** Connects without further delay, as the network may be back. */
  hurry() {
    if (this.#phase === 'waiting')
      this.#connectAt = -Infinity;
  }

  /* Reports about the connection. */

  /** @param {number} now */
  opened(now) {
    if (this.#phase !== 'connecting')
      return;
    this.#phase = 'hello';
    this.#openedBy = Infinity;
    this.#heardAt = now;
    const hello = {type: 'hello', v: 1, room: this.#room, id: this.#id,
      token: this.#token};
    this.#write(JSON.stringify(this.#epoch === null ? hello
      : {...hello, epoch: this.#epoch, after: this.#seq}), now);
  }

  /**
   * @param {string} text one frame
   * @param {number} now
   */
  feed(text, now) {
    if (this.#phase !== 'hello' && this.#phase !== 'online')
      return;
    this.#heardAt = now;
    let frame;
    try {
      frame = parseJson(text);
    } catch (error) {
      this.#warn(`the server sent something else: ${error.message}`);
      return;
    }
    if (frame.type === 'error')
      this.#onError(frame, now);
    else if (this.#phase === 'hello')
      this.#onWelcome(frame, now);
    else if (frame.seq !== undefined)
      this.#onNumbered(frame, now);
    else if (isCount(frame.mid))
      this.#onTaken(frame.mid);
  }

  /** The server has answered, but with no frame. @param {number} now */
  heard(now) {
    if (this.#phase === 'hello' || this.#phase === 'online')
      this.#heardAt = now;
  }

  /**
   * The connection has ended, or could not be made.
   *
   * @param {number | undefined} code the socket's close code
   * @param {number} now
   */
  closed(code, now) {
    if (this.#phase === 'idle' || this.#phase === 'over'
        || this.#phase === 'waiting')
      return;
    const reason = FINAL_CLOSE_CODES.get(code ?? 0);
    if (reason)
      this.#fail(reason, '');
    else
      this.#retry(now);
  }

  /** Connects, gives up or sends what is due. @param {number} now */
  tick(now) {
    if (this.#phase === 'waiting' && now >= this.#connectAt) {
      this.#phase = 'connecting';
      this.#triedAt = now;
      this.#openedBy = now + CONNECT_TIMEOUT;
      this.#push({type: 'connect'});
    } else if (now >= this.#openedBy || now >= this.#silentAt()) {
      this.#push({type: 'close'});
      this.#retry(now);
    } else if (this.#phase === 'online') {
      if (now >= this.#ackAt)
        this.#ack(now);
      if (now >= this.#wroteAt + PING_AFTER)
        this.#write('{"type":"ping"}', now);
    }
  }

  /** When to call tick() next; Infinity when nothing is due. */
  deadline() {
    switch (this.#phase) {
      case 'waiting':
        return this.#connectAt;
      case 'connecting':
        return this.#openedBy;
      case 'hello':
        return this.#silentAt();
      case 'online':
        return Math.min(this.#silentAt(), this.#ackAt,
          this.#wroteAt + PING_AFTER);
      default:
        return Infinity;
    }
  }

  /** @returns {ClientAction[]} the actions since the last call */
  takeActions() {
    return this.#actions.splice(0);
  }

  get isOnline() {
    return this.#phase === 'online';
  }

  /** @param {ClientAction} action */
  #push(action) {
    this.#actions.push(action);
  }

  /** @param {string} text */
  #warn(text) {
    this.#push({type: 'warning', text});
  }

  /** @param {string} text @param {number} now */
  #write(text, now) {
    this.#wroteAt = now;
    this.#push({type: 'write', text});
  }

  #silentAt() {
    return this.#phase === 'hello' || this.#phase === 'online'
      ? this.#heardAt + SILENCE_TIMEOUT : Infinity;
  }

  /** @param {number} now */
  #retry(now) {
    const wasOnline = this.#phase === 'online';
    if (wasOnline) {
      this.#triedAt = now;
      if (now >= this.#onlineAt + STABLE)
        this.#failures = 0;
    }
    const longest = Math.min(BACKOFF_MAX, BACKOFF_FIRST * 2 ** this.#failures);
    this.#failures++;
    this.#phase = 'waiting';
    this.#openedBy = Infinity;
    this.#ackAt = Infinity;
    /* The time that the failed connection took counts as part of the delay. */
    this.#connectAt = Math.max(now, this.#triedAt + this.#random() * longest);
    if (wasOnline)
      this.#push({type: 'message', message: {type: 'offline'}});
    this.#push({type: 'lost'});
  }

  /** @param {string} code @param {string} text */
  #fail(code, text) {
    this.#phase = 'over';
    this.#openedBy = Infinity;
    this.#push({type: 'failed', code, text});
  }

  /** @param {Record<string, any>} frame @param {number} now */
  #onError({code, message}, now) {
    const text = typeof message === 'string' ? message : '';
    this.#push({type: 'close'});
    if (code === 'id-taken')
      this.#onIdTaken(text, now);
    else if (FINAL_ERRORS.has(code))
      this.#fail(code, text);
    else
      this.#retry(now);
  }

  /**
   * Our id has an owner with another token. This may be an earlier connection
   * of ours, which was killed and whose lease has not ended. So the client
   * tries again until such a lease is over.
   *
   * @param {string} text
   * @param {number} now
   */
  #onIdTaken(text, now) {
    if (this.#takenSince === null) {
      this.#takenSince = now;
      this.#warn(`our id ${this.#id} is held by another connection, maybe one `
        + 'of ours that has not timed out yet; trying again for '
        + `${TAKEN_PATIENCE / 1000} s`);
    }
    if (now >= this.#takenSince + TAKEN_PATIENCE) {
      this.#fail('id-taken', text);
      return;
    }
    this.#retry(now);
    this.#connectAt = now + TAKEN_RETRY;
  }

  /** @param {Record<string, any>} frame @param {number} now */
  #onWelcome(frame, now) {
    const {type, id, room, epoch, resumed, mid, host, members} = frame;
    if (type !== 'welcome')
      return;
    if (typeof epoch !== 'string' || !isCount(mid)) {
      this.#warn('the server\u2019s welcome is not one');
      return;
    }
    this.#phase = 'online';
    this.#onlineAt = now;
    this.#takenSince = null;
    if (resumed !== true || epoch !== this.#epoch)
      this.#seq = this.#acked = 0;
    this.#epoch = epoch;
    this.#onTaken(mid);
    this.#push({type: 'message',
      message: {type, id, room, resumed, host, members}});
    for (const {text} of this.#unsent)
      this.#write(text, now);
  }

  /** @param {number} mid */
  #onTaken(mid) {
    while (this.#unsent.length > 0 && this.#unsent[0].mid <= mid)
      this.#unsentBytes -= byteLength(this.#unsent.shift().text);
  }

  /** @param {Record<string, any>} frame @param {number} now */
  #onNumbered({seq, event, from, payload}, now) {
    if (!isCount(seq) || seq <= this.#seq)
      return;
    this.#seq = seq;
    if (this.#ackAt === Infinity)
      this.#ackAt = now + ACK_DELAY;
    if (event)
      this.#onEvent(event);
    else if (payload?.from === from && typeof from === 'string')
      this.#push({type: 'message', message: payload});
    else
      this.#warn(`a message of ${from} that claims to be another\u2019s`);
    if (this.#seq - this.#acked >= ACK_COUNT)
      this.#ack(now);
  }

  /** @param {Record<string, any>} event */
  #onEvent({type, id, to, reason}) {
    if (['joined', 'left', 'host', 'undeliverable'].includes(type))
      this.#push({type: 'message', message: {type, id, to, reason}});
  }

  /** @param {number} now */
  #ack(now) {
    this.#ackAt = Infinity;
    this.#acked = this.#seq;
    this.#write(`{"ack":${this.#seq}}`, now);
  }
}
