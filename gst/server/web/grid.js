// SPDX-License-Identifier: LGPL-2.1-or-later

/** The tiles of all peers, as large as the window allows. */

import {byId, hideNotice, showNotice} from './dom.js';
import {chooseGrid} from './layout.js';
import {blame} from './quality.js';
import {Seen} from './seen.js';
import {Tile} from './tile.js';

/** @typedef {import('./peer-view.js').PeerView} PeerView */

const GAP = 10;

export class Grid {
  #element = byId('grid');
  /** @type {Map<string, Tile>} by peer id */
  #tiles = new Map();
  #observer = new ResizeObserver(() => this.#arrange());
  #speaker;
  #seen;

  /**
   * @param {import('./speaker.js').Speaker} speaker plays the tiles' sound
   * @param {(peer: string, size: import('./want.js').Want) => void} onSeen a
   *   peer's picture is seen in another size
   */
  constructor(speaker, onSeen) {
    this.#speaker = speaker;
    this.#seen = new Seen(onSeen);
    this.#observer.observe(this.#element);
  }

  get count() {
    return this.#tiles.size;
  }

  /** @param {PeerView[]} views of all peers that have a tile */
  show(views) {
    const ids = new Set(views.map(({id}) => id));
    for (const [id, tile] of this.#tiles) {
      if (!ids.has(id)) {
        this.#speaker.detach(tile.video);
        this.#seen.forget(tile.video);
        tile.remove();
        this.#tiles.delete(id);
      }
    }
    const whose = blame(views.map(({quality}) => quality));
    for (const view of views)
      this.#tile(view.id).update(view, whose);
    this.#arrange();
  }

  /** @param {string} peer */
  nameOf(peer) {
    return this.#tiles.get(peer)?.name ?? 'Guest';
  }

  /**
   * @param {string} peer
   * @param {string} sid
   * @param {MediaStreamTrack} track
   */
  addTrack(peer, sid, track) {
    this.#tile(peer).addTrack(sid, track);
  }

  /** @param {string} peer */
  keepStill(peer) {
    this.#tiles.get(peer)?.keepStill();
  }

  /** @param {string} peer @param {boolean} speaking */
  setSpeaking(peer, speaking) {
    this.#tiles.get(peer)?.setSpeaking(speaking);
  }

  clear() {
    this.#observer.disconnect();
    this.#seen.close();
    this.show([]);
  }

  /** @param {string} peer */
  #tile(peer) {
    let tile = this.#tiles.get(peer);
    if (!tile) {
      tile = new Tile(peer, () => this.#offerSound());
      this.#speaker.attach(tile.video);
      this.#tiles.set(peer, tile);
      this.#element.append(tile.element);
      this.#seen.watch(peer, tile.video);
    }
    return tile;
  }

  #offerSound() {
    showNotice('sound', 'The browser keeps the sound off until you allow it.', {
      label: 'Turn on sound',
      run: () => {
        hideNotice('sound');
        this.#tiles.forEach((tile) => tile.unblock());
      },
    });
  }

  #arrange() {
    const {clientWidth, clientHeight} = this.#element;
    const {tileWidth, tileHeight} = chooseGrid(this.#tiles.size, clientWidth,
      clientHeight, GAP);
    this.#element.style.setProperty('--tile-width', `${tileWidth}px`);
    this.#element.style.setProperty('--tile-height', `${tileHeight}px`);
  }
}
