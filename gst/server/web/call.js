// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * One participation in a room: carries out what room.js decides, with a
 * connection to the server and one to each peer. It knows nothing of the
 * window; what is to be seen goes to its handlers.
 */

import {makeInc, makeToken, makeUuid} from './ids.js';
import {videoCodecs} from './codecs.js';
import {readMessage, writeMessage} from './message.js';
import {Peer} from './peer.js';
import {Room} from './room.js';
import {SealError, Sealer} from './seal.js';
import {Socket} from './socket.js';

/** @typedef {import('./room.js').Action} Action */
/** @typedef {import('./link.js').RoomLink} RoomLink */
/** @typedef {import('./media.js').LocalMedia} LocalMedia */

/**
 * What is known of one peer.
 *
 * @typedef {object} PeerView
 * @property {string} id
 * @property {string} name '' until it told us
 * @property {boolean} muted
 * @property {boolean} hidden
 * @property {boolean} connected
 */

/**
 * @typedef {object} CallHandlers
 * @property {(state: 'joining' | 'in-call' | 'reconnecting') => void} state
 * @property {() => void} unreachable the server was tried, in vain
 * @property {(peers: PeerView[]) => void} peers who is to be seen
 * @property {(peer: PeerView, joined: boolean) => void} came or went
 * @property {(peer: string, sid: string, track: MediaStreamTrack) => void}
 *   track
 * @property {(peer: string) => void} stopping its tracks are about to end
 * @property {(peer: string, speaking: boolean) => void} speaking
 * @property {(peer: PeerView, text: string) => void} chat
 * @property {(text: string) => void} warning
 * @property {(code: string, text: string) => void} failed it is over
 */

const HEARD_INTERVAL = 1000;
const LEVEL_INTERVAL = 250;
const SPEAKING_LEVEL = 0.02;
const SPEAKING_HOLD = 700;
/* What all peers together may get of our video, and each of them. A browser
 * encodes for each anew, so it is smaller for many; so are their tiles. */
const UPLINK_BITRATE = 3_000_000;
const MAX_BITRATE = 1_000_000;
const MIN_BITRATE = 150_000;
const HEIGHTS = [[1, 720], [4, 360], [Infinity, 240]];

const now = () => performance.now();

export class Call {
  #link;
  #media;
  #handlers;
  #room;
  #socket;
  #id = makeUuid();
  #inc = makeInc(Date.now());
  /** @type {Sealer | null} */
  #sealer = null;
  /** @type {Map<string, {sid: string, connection: Peer}>} by peer id */
  #connections = new Map();
  /** @type {Map<string, number>} until when a peer counts as speaking */
  #speaking = new Map();
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
    const origin = link.origin.replace(/^http/, 'ws');
    this.#socket = new Socket(`${origin}/v1/socket`,
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
    if (key)
      this.#sealer = await Sealer.create(key, room, this.#id, this.#inc);
    if (this.#over)
      return;
    this.#handlers.state('joining');
    this.#media.addEventListener('change', this.#onMedia);
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
    this.#room.setState(name, this.#media.muted, this.#media.hidden);
    this.#run();
  }

  /** @param {string} text */
  chat(text) {
    this.#room.chat(text);
    this.#run();
  }

  /** Says goodbye to everybody. */
  leave() {
    if (this.#over)
      return;
    this.#room.leave();
    this.#run();
    this.#end();
    this.#outgoing.finally(() => this.#socket.leave());
  }

  /** The page goes away: what cannot be done at once is not done. */
  abandon() {
    this.#end();
    this.#socket.leave();
  }

  #end() {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#intervals.forEach(clearInterval);
    this.#media.removeEventListener('change', this.#onMedia);
    for (const {connection} of this.#connections.values())
      connection.close();
    this.#connections.clear();
  }

  /** @param {string} code @param {string} text */
  #fail(code, text) {
    if (this.#over)
      return;
    this.#end();
    this.#handlers.failed(code, text);
  }

  #onMedia = () => {
    for (const {connection} of this.#connections.values())
      connection.updateTracks();
    this.#room.setState(this.#room.name, this.#media.muted,
      this.#media.hidden);
    this.#run();
  };

  /** @param {Record<string, any>} object what came from the server */
  #receive(object) {
    this.#incoming = this.#incoming.then(async () => {
      if (this.#over)
        return;
      const message = await this.#open(object);
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
    /* Once each, and not of too many: the person can do little about it. */
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
        if (connection) {
          this.#handlers.stopping(peer);
          connection.close();
          this.#connections.delete(peer);
          this.#shareUplink();
        }
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
        this.#speaking.delete(peer);
        this.#handlers.came(this.#view(peer), false);
        break;
      case 'chat':
        this.#handlers.chat(this.#view(peer), action.text);
        break;
      case 'warning':
        console.warn(`${peer}: ${action.text}`);
        break;
    }
  }

  /** @param {import('./message.js').Message} message */
  #send(message) {
    /* Without the undefined ones, which JSON leaves out. */
    const wire = JSON.parse(JSON.stringify(writeMessage(message)));
    this.#outgoing = this.#outgoing.then(async () => {
      const sealed = this.#sealer ? await this.#sealer.seal(wire) : wire;
      this.#socket.send(sealed);
    }).catch((error) => console.warn(`message not sent: ${error.message}`));
  }

  /** @param {Action} action */
  #startAttempt({peer = '', sid = '', offerer = false, codecs}) {
    const room = this.#room;
    const report = (call) => (...args) => {
      call(...args);
      this.#run();
    };
    const connection = new Peer({offerer, codecs, media: this.#media}, {
      localSdp: report((type, sdp) => room.localSdp(peer, sid, type, sdp)),
      localCandidate: report((candidate, mline, mid) =>
        room.localCandidate(peer, sid, candidate, mline, mid)),
      connected: report(() => {
        room.connected(peer, sid, now());
        this.#shareUplink();
        /* Nothing is to be done about one who was here before. */
        this.#showPeers();
      }),
      failed: report(() => room.failed(peer, sid, undefined, now())),
      track: (track) => this.#handlers.track(peer, sid, track),
    });
    this.#connections.set(peer, {sid, connection});
  }

  #shareUplink() {
    const count = Math.max(this.#connections.size, 1);
    const bitrate = Math.round(Math.min(MAX_BITRATE,
      Math.max(MIN_BITRATE, UPLINK_BITRATE / count)));
    const [, height] = HEIGHTS.find(([most]) => count <= most);
    for (const {connection} of this.#connections.values())
      connection.setLimits({bitrate, height});
  }

  async #listenForMedia() {
    await Promise.all([...this.#connections].map(
      async ([peer, {sid, connection}]) => {
        if (await connection.wasHeard())
          this.#room.heard(peer, sid, now());
      }));
    if (!this.#over)
      this.#run();
  }

  #listenForSpeech() {
    for (const [peer, {connection}] of this.#connections) {
      const until = this.#speaking.get(peer) ?? 0;
      if (connection.audioLevel() > SPEAKING_LEVEL) {
        this.#speaking.set(peer, now() + SPEAKING_HOLD);
        if (until === 0)
          this.#handlers.speaking(peer, true);
      } else if (until > 0 && now() > until) {
        this.#speaking.delete(peer);
        this.#handlers.speaking(peer, false);
      }
    }
  }

  /** @param {string} id @returns {PeerView} */
  #view(id) {
    const member = this.#room.find(id);
    return {id, name: member?.name ?? '', muted: member?.muted ?? false,
      hidden: member?.hidden ?? false,
      connected: member?.phase === 'connected'};
  }

  /* Whoever is in the call, or on the way into it. */
  #showPeers() {
    const views = this.#room.members
      .filter(({added, phase, failures, barredUntil}) =>
        added || phase !== 'idle' || (failures > 0 && barredUntil <= now()))
      .map(({id}) => this.#view(id));
    this.#handlers.peers(views);
  }
}
