// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The window as a source for other programs: it shows one person in its whole
 * size and no controls, or nothing while that person is away. The page takes
 * part in the call muted and hidden, asks for no device, and joins again after
 * every failure, as nobody is there to press a button.
 */

import {Call} from './call.js';
import {byId, setState, showScreen} from './dom.js';
import {LocalMedia} from './media.js';
import {tidyName} from './names.js';
import {Seen, UNSEEN} from './seen.js';
import {chooseSolo} from './solo.js';
import {Tile} from './tile.js';

/** @typedef {import('./peer-view.js').PeerView} PeerView */
/** @typedef {import('./link.js').RoomLink} RoomLink */

/* The delay, in ms, after the server has refused us, as when the room is
 * full. */
const RETRY_AFTER = 5000;

export class SoloView {
  #link;
  #who;
  #name;
  #stage = byId('solo');
  #media;
  /** @type {Call | undefined} */
  #call;
  /** @type {PeerView[]} */
  #views = [];
  /**
   * The streams of each peer, by its id; only one peer is played.
   *
   * @type {Map<string, {sid: string, tracks: MediaStreamTrack[]}>}
   */
  #streams = new Map();
  /** @type {{id: string, tile: Tile} | null} */
  #shown = null;
  #seen = new Seen((peer, size) => this.#call?.want(peer, size));

  /**
   * @param {RoomLink} link
   * @param {string} who display name or peer id
   */
  constructor(link, who) {
    this.#link = link;
    this.#who = who;
    /* This is not the person's name, since other views look for that name. */
    this.#name = tidyName(`View of ${who}`);
    this.#media = new LocalMedia({name: this.#name, muted: true, hidden: true,
      devices: {audioinput: '', videoinput: ''}});
  }

  start() {
    document.documentElement.classList.add('solo');
    document.title = this.#name;
    showScreen(this.#stage);
    addEventListener('pagehide', () => this.#call?.abandon());
    /* Any click or key allows a browser that waits for one to play sound. */
    for (const type of ['pointerdown', 'keydown'])
      addEventListener(type, () => this.#shown?.tile.unblock());
    this.#join();
  }

  #join() {
    setState('joining');
    this.#call = new Call(this.#link, this.#name, this.#media, {
      state: setState,
      unreachable: () => {},
      peers: (views) => this.#onPeers(views),
      came: () => {},
      track: (peer, sid, track) => this.#onTrack(peer, sid, track),
      stopping: (peer) => this.#onStopping(peer),
      speaking: () => {},
      chat: () => {},
      warning: (text) => console.warn(text),
      addressless: () => {},
      failed: (code, text) => this.#onFailed(code, text),
    });
    this.#call.start();
  }

  /** @param {string} code @param {string} text */
  #onFailed(code, text) {
    console.warn(`not in the call (${code}): ${text}`);
    setState('reconnecting');
    this.#onPeers([]);
    /* Without WebRTC every further try would fail, and be seen by the
     * others. */
    if (code !== 'no-webrtc')
      setTimeout(() => this.#join(), RETRY_AFTER);
  }

  /** @param {PeerView[]} views */
  #onPeers(views) {
    this.#views = views;
    const ids = new Set(views.map(({id}) => id));
    for (const id of this.#streams.keys()) {
      if (!ids.has(id))
        this.#streams.delete(id);
    }
    this.#update();
  }

  /**
   * @param {string} peer
   * @param {string} sid
   * @param {MediaStreamTrack} track
   */
  #onTrack(peer, sid, track) {
    let stream = this.#streams.get(peer);
    if (stream?.sid !== sid) {
      stream = {sid, tracks: []};
      this.#streams.set(peer, stream);
    }
    stream.tracks.push(track);
    if (this.#shown?.id === peer)
      this.#shown.tile.addTrack(sid, track);
  }

  /** @param {string} peer */
  #onStopping(peer) {
    this.#streams.delete(peer);
    if (this.#shown?.id === peer)
      this.#shown.tile.keepStill();
  }

  /* Makes a new tile when another peer is to be shown. */
  #update() {
    const view = chooseSolo(this.#views, this.#who, this.#shown?.id);
    if (view?.id !== this.#shown?.id) {
      if (this.#shown)
        this.#seen.forget(this.#shown.tile.video);
      this.#shown?.tile.remove();
      this.#shown = view && this.#show(view.id);
    }
    for (const {id} of this.#views) {
      if (id !== view?.id)
        this.#call?.want(id, UNSEEN);
    }
    if (view)
      this.#shown?.tile.update(view);
  }

  /** @param {string} id */
  #show(id) {
    const tile = new Tile(id, () =>
      console.warn('the browser wants a click before it plays the sound'));
    const {sid = '', tracks = []} = this.#streams.get(id) ?? {};
    this.#stage.replaceChildren(tile.element);
    this.#seen.watch(id, tile.video);
    for (const track of tracks)
      tile.addTrack(sid, track);
    return {id, tile};
  }
}
