// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * One participation in a room: carries out what room.js decides, with a
 * connection to the server and one to each peer. This file knows nothing of the
 * window; the handlers get all that is to be shown.
 */

import {IceServers} from './ice.js';
import {makeInc, makeIncAfter, makeToken, makeUuid} from './ids.js';
import {videoCodecs} from './codecs.js';
import {readMessage, writeMessage} from './message.js';
import {Peer} from './peer.js';
import {viewPeer} from './peer-view.js';
import {Room} from './room.js';
import {SealError, Sealer} from './seal.js';
import {Socket} from './socket.js';
import {Speech} from './speech.js';
import {divideUplink} from './uplink.js';

/** @typedef {import('./room.js').Action} Action */
/** @typedef {import('./link.js').RoomLink} RoomLink */
/** @typedef {import('./media.js').LocalMedia} LocalMedia */
/** @typedef {import('./peer-view.js').PeerView} PeerView */

/**
 * One attempt's connection and its state.
 *
 * @typedef {object} Connection
 * @property {string} sid
 * @property {Peer} connection
 * @property {boolean} up
 * @property {MediaStreamTrack[]} tracks not shown yet
 * @property {boolean} shown
 * @property {string[]} unshown
 * @property {number} heardAt
 */

/**
 * @typedef {object} CallHandlers
 * @property {(state: 'joining' | 'in-call' | 'reconnecting') => void} state
 * @property {() => void} unreachable the server could not be reached
 * @property {(peers: PeerView[], barred: string[]) => void} peers the peers to
 *   show, and the ids of members that refuse our calls
 * @property {(peer: PeerView, joined: boolean) => void} came the peer has
 *   joined or left
 * @property {(peer: string, sid: string, track: MediaStreamTrack) => void}
 *   track
 * @property {(peer: string) => void} stopping the peer's tracks are about to
 *   end
 * @property {(peer: string, speaking: boolean) => void} speaking
 * @property {(peer: PeerView, text: string) => void} chat
 * @property {(text: string) => void} warning
 * @property {(is: boolean) => void} addressless the browser has no address to
 *   be reached at, or has one again
 * @property {(code: string, text: string) => void} failed the call is over
 */

const HEARD_INTERVAL = 1000;
const LEVEL_INTERVAL = 250;

const now = () => performance.now();

export class Call {
  #link;
  #media;
  #handlers;
  #room;
  #socket;
  #ice;
  /** @type {Promise<void> | undefined} resolved once #ice has its servers */
  #iceAsked;
  #id = makeUuid();
  #inc = makeInc(Date.now());
  /** @type {Sealer | null} */
  #sealer = null;
  /** @type {Map<string, Connection>} by peer id */
  #connections = new Map();
  /**
   * The connections that were set aside for another attempt.
   *
   * @type {Map<string, Connection>}
   */
  #old = new Map();
  /** What the window was told of paths and silence. */
  #told = '';
  #speech = new Speech((peer, speaking) =>
    this.#handlers.speaking(peer, speaking));
  /** @type {Set<string>} whose messages did not open */
  #warned = new Set();
  /** @type {Promise<unknown>} in order, though sealing takes its time */
  #incoming = Promise.resolve();
  /** @type {Promise<unknown>} */
  #outgoing = Promise.resolve();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #intervals = [];
  #over = false;
  /** Whether the browser has found no address to be reached at. */
  #addressless = false;
  /** Whether the browser has ever made a connection. */
  #connects = false;

  /**
   * @param {RoomLink} link
   * @param {string} name
   * @param {LocalMedia} media
   * @param {CallHandlers} handlers
   */
  constructor(link, name, media, handlers) {
    this.#link = link;
    this.#media = media;
    this.#handlers = handlers;
    this.#room = new Room({id: this.#id, room: link.room, inc: this.#inc,
      codecs: videoCodecs(), name, muted: media.muted, hidden: media.hidden});
    this.#ice = new IceServers(link.origin);
    this.#socket = new Socket(link.origin,
      {room: link.room, id: this.#id, token: makeToken()}, {
        message: (message) => this.#receive(message),
        lost: () => this.#handlers.unreachable(),
        warning: (text) => console.warn(text),
        failed: (code, text) => this.#fail(code, text),
      });
  }

  get id() {
    return this.#id;
  }

  async start() {
    const {key, room} = this.#link;
    this.#iceAsked = this.#ice.refresh(now());
    if (key)
      this.#sealer = await Sealer.create(key, room, this.#id, this.#inc);
    if (this.#over)
      return;
    this.#handlers.state('joining');
    this.#media.addEventListener('change', this.#onMedia);
    addEventListener('online', this.#onOnline);
    this.#onMedia();
    this.#intervals = [
      setInterval(() => this.#listenForMedia(), HEARD_INTERVAL),
      setInterval(() => this.#listenForSpeech(), LEVEL_INTERVAL)];
    this.#room.join(now());
    this.#socket.start();
    this.#run();
  }

  /** @param {string} name */
  setName(name) {
    this.#room.setState(name, this.#media.muted, this.#media.hidden, now());
    this.#run();
  }

  /** @param {string} text */
  chat(text) {
    this.#room.chat(text);
    this.#run();
  }

  /**
   * Tells a peer how large its picture is seen.
   *
   * @param {string} peer
   * @param {import('./want.js').Want} size
   */
  want(peer, size) {
    this.#room.want(peer, size, now());
    this.#run();
  }

  /** Sends a bye to all members, and ends the call. */
  leave() {
    if (this.#over)
      return;
    this.#room.leave();
    this.#run();
    this.#end();
    this.#outgoing.finally(() => this.#socket.leave());
  }

  /**
   * Ends the call as the page goes away: only what can be done at once is done.
   */
  abandon() {
    this.#end();
    this.#socket.leave();
  }

  #end() {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#intervals.forEach(clearInterval);
    this.#media.removeEventListener('change', this.#onMedia);
    removeEventListener('online', this.#onOnline);
    for (const {connection} of this.#everyConnection())
      connection.close();
    this.#connections.clear();
    this.#old.clear();
  }

  #everyConnection() {
    return [...this.#connections.values(), ...this.#old.values()];
  }

  /** @param {string} code @param {string} text */
  #fail(code, text) {
    if (this.#over)
      return;
    this.#end();
    this.#handlers.failed(code, text);
  }

  #onMedia = () => {
    for (const {connection} of this.#everyConnection())
      connection.updateTracks();
    this.#room.setState(this.#room.name, this.#media.muted,
      this.#media.hidden, now());
    this.#run();
  };

  /** @param {Record<string, any>} object what came from the server */
  #receive(object) {
    this.#incoming = this.#incoming.then(async () => {
      if (this.#over)
        return;
      const message = await this.#open(object);
      /* No connection begins before its STUN and TURN servers are known. */
      await this.#iceAsked;
      if (this.#over)
        return;
      this.#room.feed(message, now());
      if (message.type === 'welcome')
        this.#handlers.state('in-call');
      else if (message.type === 'offline')
        this.#handlers.state('reconnecting');
      this.#run();
    }).catch((error) => this.#refused(object.from, error));
  }

  /**
   * @param {Record<string, any>} object
   * @returns {Promise<import('./message.js').Message>}
   */
  async #open(object) {
    const message = readMessage(object);
    if (message.from === undefined)
      return message;
    if (this.#sealer && message.type === 'sealed')
      return this.#sealer.open(message);
    if (this.#sealer || message.type === 'sealed') {
      throw new SealError(`message from ${message.from} is `
        + `${this.#sealer ? 'not sealed' : 'sealed, and we have no key'}`);
    }
    return message;
  }

  /** @param {unknown} from @param {Error} error */
  #refused(from, error) {
    console.warn(`message dropped: ${error.message}`);
    /* The user is told once about each sender, and about ten at the most, since
     * anybody in the room could otherwise flood the window. */
    if (!(error instanceof SealError) || typeof from !== 'string'
        || !/ key|not sealed/.test(error.message)
        || this.#warned.has(from) || this.#warned.size >= 10)
      return;
    this.#warned.add(from);
    this.#handlers.warning(this.#sealer
      ? 'Somebody is in this room with another key than the one in your link, '
        + 'or with none. The two of you are not connected.'
      : 'Others in this room have a link with a key, which yours lacks. '
        + 'Ask for the whole link to be connected with them.');
  }

  #run() {
    if (!this.#over && now() >= this.#room.deadline())
      this.#room.tick(now());
    const actions = this.#room.takeActions();
    for (const action of actions)
      this.#carryOut(action);
    if (actions.some(({type}) => type !== 'send'))
      this.#showPeers();
    clearTimeout(this.#timer);
    const wait = this.#room.deadline() - now();
    if (!this.#over && wait !== Infinity)
      this.#timer = setTimeout(() => this.#run(), Math.max(wait, 0));
  }

  /** @param {Action} action */
  #carryOut(action) {
    const {type, peer = '', sid = ''} = action;
    const current = this.#connections.get(peer);
    const connection = current?.sid === sid ? current.connection : undefined;
    switch (type) {
      case 'send':
        this.#send(action.message);
        break;
      case 'start':
        this.#startAttempt(action);
        break;
      case 'stop':
        this.#stopAttempt(action);
        break;
      case 'retire':
        this.#retire(peer);
        break;
      case 'back':
        this.#goBack(peer);
        break;
      case 'drop':
        this.#drop(peer);
        break;
      case 'remote-sdp':
        connection?.remoteSdp(action.sdpType, action.sdp);
        break;
      case 'remote-candidate':
        connection?.remoteCandidate(action.candidate, action.mline,
          action.mid);
        break;
      case 'peer-added':
        this.#handlers.came(this.#view(peer), true);
        break;
      case 'peer-removed':
        this.#speech.forget(peer);
        this.#handlers.came(this.#view(peer), false);
        break;
      case 'chat':
        this.#handlers.chat(this.#view(peer), action.text);
        break;
      case 'wanted':
        connection?.setWanted(action);
        break;
      case 'outdated':
        this.#reincarnate(action.text);
        break;
      case 'warning':
        console.warn(`${peer}: ${action.text}`);
        break;
    }
  }

  /**
   * Takes a newer incarnation: the others know one of our peer id that was made
   * when the clock was ahead.
   *
   * @param {string} newest
   */
  #reincarnate(newest) {
    const inc = makeIncAfter(newest, Date.now());
    if (!inc || !this.#room.reincarnate(inc, now()))
      return;
    this.#outgoing = this.#outgoing.then(() => this.#sealer?.renew(inc));
  }

  /** @param {import('./message.js').Message} message */
  #send(message) {
    /* This removes the fields that are undefined. */
    const wire = JSON.parse(JSON.stringify(writeMessage(message)));
    this.#outgoing = this.#outgoing.then(async () => {
      const sealed = this.#sealer ? await this.#sealer.seal(wire) : wire;
      this.#socket.send(sealed);
    }).catch((error) => console.warn(`message not sent: ${error.message}`));
  }

  /**
   * Sets the connection aside for another attempt. Its picture and sound stay
   * until the other one has some.
   *
   * @param {string} peer
   */
  #retire(peer) {
    const current = this.#connections.get(peer);
    this.#connections.delete(peer);
    if (current)
      this.#old.set(peer, current);
  }

  /**
   * Makes the connection that was set aside the current one again.
   *
   * @param {string} peer
   */
  #goBack(peer) {
    const old = this.#old.get(peer);
    this.#old.delete(peer);
    if (old)
      this.#connections.set(peer, old);
    old?.connection.setWanted(null);
    this.#shareUplink();
  }

  /** @param {Action} action */
  #stopAttempt({peer = '', reason}) {
    const current = this.#connections.get(peer);
    if (!current)
      return;
    this.#connections.delete(peer);
    if (current.shown)
      this.#handlers.stopping(peer);
    current.connection.close();
    if (!current.up && reason !== 'left' && this.#ice.trouble)
      this.#handlers.warning(this.#ice.trouble);
    this.#shareUplink();
  }

  /** Closes the connection that was set aside. @param {string} peer */
  #drop(peer) {
    const old = this.#old.get(peer);
    if (!old)
      return;
    this.#old.delete(peer);
    const current = this.#connections.get(peer);
    if (!current?.shown)
      this.#handlers.stopping(peer);
    old.connection.close();
    if (current)
      this.#showTracks(peer, current);
  }

  /** @param {string} peer @param {Connection} current */
  #showTracks(peer, current) {
    if (this.#old.has(peer) && !current.up)
      return;
    for (const track of current.tracks.splice(0)) {
      current.shown = true;
      this.#handlers.track(peer, current.sid, track);
    }
  }

  /** @param {string} peer @param {Connection} current */
  #onConnected(peer, current) {
    current.up = true;
    current.heardAt = now();
    this.#forgetAddressless();
    this.#room.connected(peer, current.sid, now());
    this.#showTracks(peer, current);
    this.#room.shown(peer, current.sid);
    this.#shareUplink();
    /* The room has no action for a peer that is connected again. */
    this.#showPeers();
  }

  /** @param {Action} action */
  #startAttempt({peer = '', sid = '', offerer = false, codecs}) {
    const room = this.#room;
    const report = (call) => (...args) => {
      call(...args);
      this.#run();
    };
    const connection = this.#makePeer(peer, sid, {offerer, codecs,
      media: this.#media, iceServers: this.#ice.current}, {
      localSdp: report((type, sdp) => room.localSdp(peer, sid, type, sdp)),
      localCandidate: report((candidate, mline, mid) =>
        room.localCandidate(peer, sid, candidate, mline, mid)),
      connected: report(() => this.#onConnected(peer, current)),
      unserved: (url, why) => this.#ice.blame(url, why),
      addressless: () => this.#tellAddressless(),
      suspect: report(() => room.renew(peer, sid, now())),
      failed: report(() => room.failed(peer, sid, undefined, now())),
      track: (track) => {
        current.tracks.push(track);
        this.#showTracks(peer, current);
      },
      unshown: (names) => {
        console.warn(`${peer}: no video codec in common: it has ${names}`);
        current.unshown = names;
        this.#showPeers();
      },
    });
    if (!connection)
      return;
    /** @type {Connection} */
    const current = {sid, connection, up: false, tracks: [], shown: false,
      unshown: [], heardAt: 0};
    this.#connections.set(peer, current);
  }

  /* The user is told once until there is an address again, since every attempt
   * reports the same. */
  #tellAddressless() {
    if (!this.#addressless)
      this.#handlers.addressless(true);
    this.#addressless = true;
  }

  #forgetAddressless() {
    if (this.#addressless)
      this.#handlers.addressless(false);
    this.#addressless = false;
  }

  /* The network is back or has changed: attempts that began without an address
   * begin anew, and no member waits for its next attempt. */
  #onOnline = () => {
    this.#forgetAddressless();
    for (const [peer, {sid, up, connection}] of this.#connections) {
      if (!up && connection.addressless)
        this.#room.renew(peer, sid, now());
    }
    this.#room.hurry(now());
    this.#run();
  };

  /**
   * Makes the connection of an attempt. A browser that has too many connections
   * open refuses another one, which counts as a failed attempt. A browser that
   * refuses the first one has WebRTC turned off in a way that needs.js cannot
   * see.
   *
   * @param {string} peer
   * @param {string} sid
   * @param {ConstructorParameters<typeof Peer>} args
   */
  #makePeer(peer, sid, ...args) {
    try {
      const connection = new Peer(...args);
      this.#connects = true;
      return connection;
    } catch (error) {
      console.warn('no connection made:', error.message);
      queueMicrotask(() => this.#onNotMade(peer, sid, error));
      return null;
    }
  }

  /** @param {string} peer @param {string} sid @param {Error} error */
  #onNotMade(peer, sid, {message}) {
    if (this.#over)
      return;
    if (this.#connects) {
      this.#room.failed(peer, sid, undefined, now());
      this.#run();
    } else {
      this.leave();
      this.#handlers.failed('no-webrtc', message);
    }
  }

  #shareUplink() {
    const limits = divideUplink(this.#connections.size);
    for (const {connection} of this.#connections.values())
      connection.setLimits(limits);
  }

  async #listenForMedia() {
    this.#ice.refresh(now());
    await Promise.all([...this.#connections, ...this.#old].map(
      async ([peer, attempt]) => {
        if (await attempt.connection.wasHeard()) {
          attempt.heardAt = now();
          this.#room.heard(peer, attempt.sid, now());
        }
      }));
    if (this.#over)
      return;
    this.#run();
    const told = JSON.stringify(this.#room.members.map(({id}) => {
      const {path, silence, quality} = this.#view(id);
      return [id, path, silence, quality];
    }));
    if (told !== this.#told)
      this.#showPeers();
    this.#told = told;
  }

  #listenForSpeech() {
    for (const [peer, {connection}] of this.#connections)
      this.#speech.hear(peer, connection.audioLevel(), now());
  }

  /** @param {string} id @returns {PeerView} */
  #view(id) {
    return viewPeer(id, this.#room.find(id), this.#connections.get(id),
      this.#old.get(id), now());
  }

  /* Shows the peers that are in the call or about to connect. */
  #showPeers() {
    const views = this.#room.members
      .filter(({added, phase, failures, barredUntil}) =>
        added || phase !== 'idle' || (failures > 0 && barredUntil <= now()))
      .map(({id}) => this.#view(id));
    this.#handlers.peers(views, this.#room.members
      .filter(({barredUntil}) => barredUntil > now()).map(({id}) => id));
  }
}
