// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Members that are neither a browser nor GStreamer: they run in node with one
 * of the WebRTC implementations of stack.js, in a room of mooz's or of ours.
 */

import { randomUUID, webcrypto } from 'node:crypto';
import Pusher from 'pusher-js';
import WebSocket from 'ws';
import { isTone, nameColour } from './media.js';

/**
 * The options of one connection, which a stack's `makePeer()` makes.
 * @typedef {object} Wish
 * @property {{rgb: number[] | null, hz: number}} sight to be kept up to date
 * @property {boolean} initiator makes the offer
 * @property {(data: object) => void} send takes simple-peer's signals
 * @property {() => void} connected
 */

/** The colour and the tone of each peer, by its newest connection. */
class Member {
  id = randomUUID();
  /** by peer id @type {Map<string, {rgb, hz}>} */
  sights = new Map();
  errors = [];

  constructor(stack) {
    this.stack = stack;
  }

  makePeer(other, initiator, send, connected = () => {}) {
    this.sights.set(other, { rgb: null, hz: 0 });
    return this.stack.makePeer({ sight: this.sights.get(other), initiator, send,
      connected });
  }

  meets(look) {
    return [...this.sights.values()].some(s => s.rgb &&
      nameColour(s.rgb) === look.colour && isTone(s.hz, look.hz));
  }

  summary() {
    return { sights: [...this.sights],
      errors: [...this.errors, ...this.stack.errors] };
  }
}

/** Joins a room over Pusher as mooz does. */
export class MoozMember extends Member {
  #peers = new Map();
  #posted = Promise.resolve();

  constructor(stack, app, room) {
    super(stack);
    this.app = app;
    this.pusher = new Pusher(app.service.key, { cluster: 'none',
      forceTLS: false, wsHost: '127.0.0.1',
      wsPort: Number(new URL(app.service.url).port),
      enabledTransports: ['ws'] });
    const channel = this.pusher.subscribe(this.id);
    channel.bind('signal', message => this.#hear(message));
    channel.bind('pusher:subscription_succeeded', () =>
      this.post(room, { type: 'joinroom' }));
  }

  post(to, message) {
    this.#posted = this.#posted.then(() =>
      fetch(`${this.app.url}/api/messages/${to}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ ...message, from: this.id }),
      })).catch(error => this.errors.push(error.message));
  }

  #hear({ type, from, shouldCall, data }) {
    if (type === 'roomreply') {
      for (const other of shouldCall.filter(id => !this.#peers.has(id))) {
        this.#add(other, false);
        this.post(other, { type: 'call' });
      }
    } else if (type === 'call') {
      this.#add(from, true);
    } else if (type === 'signal') {
      this.#peers.get(from)?.signal(data);
    }
  }

  #add(other, initiator) {
    this.#peers.get(other)?.destroy();
    this.#peers.set(other, this.makePeer(other, initiator,
      data => this.post(other, { type: 'signal', data })));
  }

  close() {
    this.#peers.forEach(peer => peer.destroy());
    this.pusher.disconnect();
    this.stack.close();
  }
}

/** The page's own modules, which run in node with globals that they need. */
async function importPage() {
  globalThis.WebSocket ??= WebSocket;
  globalThis.crypto ??= webcrypto;
  globalThis.addEventListener ??= () => {};
  globalThis.removeEventListener ??= () => {};
  const names = ['ids', 'link', 'message', 'room', 'seal', 'socket'];
  return Object.assign({}, ...await Promise.all(names.map(name =>
    import(`../../../gst/server/web/${name}.js`))));
}

const page = await importPage();
const now = () => performance.now();

/** Joins a room of ours as the page does, with sealed messages. */
export class RoomMember extends Member {
  /** @type {Map<string, {peer, sid: string, up: boolean}>} */
  #attempts = new Map();
  #incoming = Promise.resolve();
  #outgoing = Promise.resolve();
  #timer;
  #heard;

  constructor(stack, link) {
    super(stack);
    const { origin, room, key } = page.parseLink(link);
    const inc = page.makeInc(Date.now());
    this.room = new page.Room({ id: this.id, room, inc, codecs: stack.codecs,
      name: 'stack' });
    this.sealer = key && page.Sealer.create(key, room, this.id, inc);
    const warn = text => this.errors.push(text);
    this.socket = new page.Socket(origin,
      { room, id: this.id, token: page.makeToken() },
      { message: object => this.#receive(object), lost: () => {},
        warning: warn, failed: (code, text) => warn(text) });
    this.room.join(now());
    this.socket.start();
    // the sights report the media, not the room
    this.#heard = setInterval(() => {
      this.#attempts.forEach(({ sid, up }, other) =>
        up && this.room.heard(other, sid, now()));
      this.#run();
    }, 1000);
  }

  #receive(object) {
    this.#incoming = this.#incoming.then(async () => {
      const message = page.readMessage(object);
      this.room.feed(message.type === 'sealed'
        ? await (await this.sealer).open(message) : message, now());
      this.#run();
    }).catch(error => this.errors.push(error.message));
  }

  #send(message) {
    const wire = JSON.parse(JSON.stringify(page.writeMessage(message)));
    this.#outgoing = this.#outgoing.then(async () => {
      const sealer = await this.sealer;
      this.socket.send(sealer ? await sealer.seal(wire) : wire);
    }).catch(error => this.errors.push(error.message));
  }

  #run() {
    if (now() >= this.room.deadline())
      this.room.tick(now());
    this.room.takeActions().forEach(action => this.#carryOut(action));
    clearTimeout(this.#timer);
    const wait = this.room.deadline() - now();
    if (wait !== Infinity)
      this.#timer = setTimeout(() => this.#run(), Math.max(wait, 0));
  }

  #carryOut({ type, peer: other, sid, offerer, message, sdpType, sdp, candidate,
    mline, mid }) {
    const attempt = this.#attempts.get(other);
    const current = attempt?.sid === sid ? attempt : null;
    if (type === 'send') {
      this.#send(message);
    } else if (type === 'start') {
      attempt?.peer.destroy();
      this.#start(other, sid, offerer);
    } else if (type === 'stop') {
      current?.peer.destroy();
    } else if (type === 'remote-sdp') {
      current?.peer.signal({ type: sdpType, sdp });
    } else if (type === 'remote-candidate') {
      current?.peer.signal({ type: 'candidate',
        candidate: { candidate, sdpMLineIndex: mline, sdpMid: mid } });
    }
  }

  #start(other, sid, offerer) {
    const attempt = { sid, up: false };
    this.#attempts.set(other, attempt);
    attempt.peer = this.makePeer(other, offerer, ({ type, sdp, candidate }) => {
      if (sdp) {
        this.room.localSdp(other, sid, type, sdp);
      } else if (candidate) {
        this.room.localCandidate(other, sid, candidate.candidate,
          candidate.sdpMLineIndex, candidate.sdpMid);
      }
      this.#run();
    }, () => {
      attempt.up = true;
      this.room.connected(other, sid, now());
      this.#run();
    });
  }

  close() {
    clearInterval(this.#heard);
    this.room.leave();
    this.#run();
    this.#attempts.forEach(({ peer }) => peer.destroy());
    this.#outgoing.finally(() => this.socket.leave());
    this.stack.close();
  }
}
