// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Sealing (docs/protocol.md, "Sealing"): each message is encrypted and
 * authenticated with a key of its sender, recipient and sender's incarnation,
 * all of them derived from the key in the room's link.
 */

import {base64urlDecode, base64urlEncode} from './ids.js';
import {MAX_BYTES, parseMessage} from './message.js';

/** @typedef {import('./message.js').Message} Message */

const SALT = 'meshroom-v1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/* The numbers up to this much below the largest are accepted once each; lower
 * ones are refused. */
const WINDOW = 64;
/* Members come and go under new ids. Beyond this number the least recently used
 * remote is forgotten. */
const MAX_REMOTES = 256;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});

export class SealError extends Error {}

/** The numbers that were accepted from one incarnation. */
class Window {
  largest = 0;
  /** @type {Set<number>} the accepted ones within WINDOW of the largest */
  accepted = new Set();

  /** @param {number} n */
  takes(n) {
    return n > this.largest
      || (this.largest - n <= WINDOW && !this.accepted.has(n));
  }

  /** @param {number} n */
  add(n) {
    this.accepted.add(n);
    this.largest = Math.max(this.largest, n);
    for (const old of this.accepted) {
      if (this.largest - old > WINDOW)
        this.accepted.delete(old);
    }
  }
}

/** The state that is kept of one peer id, or of the room's id. */
class Remote {
  sent = 0;
  /** The newest incarnation accepted of the peer, '' = none. */
  inc = '';
  toUs = new Window();
  toRoom = new Window();
}

/**
 * The nonce and the additional data of the cipher, which follow from the
 * message's open fields.
 *
 * @param {Message} sealed
 */
function cipherParams({from, to, inc, re, n}) {
  const iv = new Uint8Array(NONCE_BYTES);
  new DataView(iv.buffer).setBigUint64(4, BigInt(n));
  return {name: 'AES-GCM', iv, tagLength: 8 * TAG_BYTES,
    additionalData: encoder.encode(`${from}\n${to}\n${inc}\n${re}\n${n}`)};
}

/** @param {Message} sealed @param {string} why @returns {never} */
function refuse(sealed, why) {
  throw new SealError(`sealed message from ${sealed.from} refused: ${why}`);
}

/** Seals and opens the messages of one participation. */
export class Sealer {
  #secret;
  #room;
  #id;
  #inc;
  /** @type {Map<string, Remote>} the least recently used first */
  #remotes = new Map();
  /* The largest number that was sent to any forgotten remote. */
  #sentFloor = 0;
  /** @type {Promise<unknown>} messages are opened one after the other */
  #opening = Promise.resolve();

  /**
   * @param {CryptoKey} secret
   * @param {string} room
   * @param {string} id
   * @param {string} inc
   */
  constructor(secret, room, id, inc) {
    this.#secret = secret;
    this.#room = room;
    this.#id = id;
    this.#inc = inc;
  }

  /**
   * @param {Uint8Array} key from the room's link
   * @param {string} room
   * @param {string} id
   * @param {string} inc an incarnation that no other sealer has used, since
   *   numbers would repeat under the same key
   */
  static async create(key, room, id, inc) {
    const secret = await crypto.subtle.importKey('raw', key, 'HKDF', false,
      ['deriveKey']);
    return new Sealer(secret, room, id, inc);
  }

  /**
   * Takes a new incarnation. Messages that were accepted before it are not
   * accepted again.
   *
   * @param {string} inc an incarnation that no sealer has used before
   */
  renew(inc) {
    this.#inc = inc;
  }

  /** @param {string} id */
  #remember(id) {
    const remote = this.#remotes.get(id) ?? new Remote();
    if (!this.#remotes.delete(id)) {
      if (this.#remotes.size >= MAX_REMOTES)
        this.#forgetOldest();
      remote.sent = this.#sentFloor;
    }
    this.#remotes.set(id, remote);
    return remote;
  }

  /* A number must never be used twice under one key, so numbers to a remote
   * that was forgotten continue above those of all forgotten remotes. */
  #forgetOldest() {
    const [id, remote] = this.#remotes.entries().next().value;
    this.#sentFloor = Math.max(this.#sentFloor, remote.sent);
    this.#remotes.delete(id);
  }

  /** @param {string} from @param {string} to @param {string} inc */
  #deriveKey(from, to, inc) {
    const info = encoder.encode(
      `seal\n${this.#room}\n${from}\n${to}\n${inc}`);
    return crypto.subtle.deriveKey(
      {name: 'HKDF', hash: 'SHA-256', salt: encoder.encode(SALT), info},
      this.#secret, {name: 'AES-GCM', length: 256}, false,
      ['encrypt', 'decrypt']);
  }

  /**
   * Seals one message of ours. The number is taken at once, so several calls
   * may run at a time; the messages must be sent in the order of the calls.
   *
   * @param {Record<string, any>} wire the message in the form of the wire
   * @returns {Promise<Record<string, any>>} the sealed message in that form
   */
  async seal(wire) {
    const remote = this.#remember(wire.to);
    /* The recipient's incarnation is an older one than remote.inc. */
    const re = wire.type === 'outdated' ? wire.yours : remote.inc;
    const sealed = {type: 'sealed', from: this.#id, to: wire.to,
      inc: this.#inc, re, n: ++remote.sent};
    const key = await this.#deriveKey(sealed.from, sealed.to, sealed.inc);
    const box = await crypto.subtle.encrypt(cipherParams(sealed), key,
      encoder.encode(JSON.stringify(wire)));
    const result = {...sealed, box: base64urlEncode(new Uint8Array(box))};
    if (JSON.stringify(result).length > MAX_BYTES)
      throw new SealError('message is too big to be sealed');
    return result;
  }

  /**
   * Opens a message of type 'sealed'. Its number is remembered, so that the
   * same message does not open again. A refused message changes nothing.
   *
   * A message of an older incarnation may be from a member whose clock has gone
   * back. It is returned with the sender's newest incarnation as `newest`, so
   * that the room answers it, but does not act upon it.
   *
   * @param {Message} sealed
   * @returns {Promise<Message>} the message inside
   */
  open(sealed) {
    const opened = this.#opening.then(() => this.#open(sealed));
    this.#opening = opened.catch(() => {});
    return opened;
  }

  /** @param {Message} sealed */
  async #open(sealed) {
    this.#checkOutside(sealed);
    const message = await this.#decrypt(sealed);
    this.#checkInside(sealed, message);
    const remote = this.#remember(sealed.from);
    if (sealed.inc < remote.inc) {
      if (message.type === 'outdated')
        refuse(sealed, 'its incarnation is an old one');
      return {...message, newest: remote.inc};
    }
    if (remote.inc !== sealed.inc) {
      remote.inc = sealed.inc;
      remote.toUs = new Window();
      remote.toRoom = new Window();
    }
    this.#windowOf(remote, sealed).add(sealed.n);
    return message;
  }

  /** @param {Remote} remote @param {Message} sealed */
  #windowOf(remote, sealed) {
    return sealed.to === this.#id ? remote.toUs : remote.toRoom;
  }

  /** Checks the open fields. @param {Message} sealed */
  #checkOutside(sealed) {
    if (sealed.from === this.#id)
      refuse(sealed, 'it is our own');
    if (sealed.to !== this.#id && sealed.to !== this.#room)
      refuse(sealed, 'it is for somebody else');
    if (sealed.re !== '' && sealed.re !== this.#inc)
      refuse(sealed, 'it answers another incarnation of ours');
    const remote = this.#remotes.get(sealed.from);
    if (!remote)
      return;
    if (sealed.inc === remote.inc
        && !this.#windowOf(remote, sealed).takes(sealed.n))
      refuse(sealed, 'it has been here before');
  }

  /** @param {Message} sealed */
  async #decrypt(sealed) {
    const box = base64urlDecode(sealed.box);
    if (!box || box.length <= TAG_BYTES)
      refuse(sealed, 'its box is too short');
    const key = await this.#deriveKey(sealed.from, sealed.to, sealed.inc);
    let bytes;
    try {
      bytes = await crypto.subtle.decrypt(cipherParams(sealed), key, box);
    } catch {
      refuse(sealed, 'it does not open (wrong key?)');
    }
    let text;
    try {
      text = decoder.decode(bytes);
    } catch {
      refuse(sealed, 'no text is inside');
    }
    return parseMessage(text);
  }

  /**
   * Checks that the message inside agrees with the open fields.
   *
   * @param {Message} sealed
   * @param {Message} message
   */
  #checkInside(sealed, message) {
    if (message.from !== sealed.from || message.to !== sealed.to
        || message.inc !== sealed.inc)
      refuse(sealed, 'another name is inside');
    if (message.type === 'sealed')
      refuse(sealed, 'a sealed one is inside');
    if (sealed.re === '' && message.type !== 'joinroom'
        && message.type !== 'call')
      refuse(sealed, 'it does not say whom of us it answers');
  }
}
