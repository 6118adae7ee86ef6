// SPDX-License-Identifier: LGPL-2.1-or-later

/** One peer's tile in the grid, which stays the same for every new attempt. */

import {byId} from './dom.js';
import {QualityMark} from './quality-mark.js';

/** @typedef {import('./peer-view.js').PeerView} PeerView */

/* A picture whose aspect ratio is below this is shown whole, not cropped. */
const TALL_BELOW = 1.2;

/** @type {Record<string, string>} */
const PATHS = {
  host: 'Connected directly',
  prflx: 'Connected directly, through address translation',
  srflx: 'Connected directly, through address translation',
  relay: 'Connected through a relay',
};

/** Describes a connection that is not connected or is silent. */
function describeState({connected, failing, silence, before}) {
  if (connected)
    return `nothing heard for ${silence} s`;
  if (failing)
    return 'no connection, trying again\u2026';
  return before ? 'reconnecting\u2026' : 'connecting\u2026';
}

/** @param {string} name @param {string[]} codecs */
const describeUnshown = (name, codecs) => (codecs.length === 0 ? ''
  : `${name} sends a picture that this browser cannot show (${
    codecs.join(', ')}), and does not see yours. You hear each other. To see `
    + `each other, use a browser that has ${codecs[0]}.`);

export class Tile {
  /** @type {HTMLElement} */
  element;
  #video;
  #still;
  #quality;
  #sid = '';
  #hidden = false;
  #onBlocked;
  name = 'Guest';

  /**
   * @param {string} peer
   * @param {() => void} onBlocked the browser plays no sound before a click
   */
  constructor(peer, onBlocked) {
    const template = /** @type {HTMLTemplateElement} */ (
      byId('tile-template'));
    const content = /** @type {DocumentFragment} */ (
      template.content.cloneNode(true));
    this.element = content.querySelector('figure');
    this.#video = content.querySelector('video');
    this.#still = content.querySelector('canvas');
    this.#quality = new QualityMark(this.element);
    this.#onBlocked = onBlocked;
    this.#video.dataset.peer = peer;
    this.#video.addEventListener('resize', () => this.#fit());
  }

  /** The element that plays picture and sound. */
  get video() {
    return this.#video;
  }

  /**
   * @param {PeerView} view
   * @param {'your' | 'their' | 'the'} [whose] connection is to blame if it is
   *   not good
   */
  update({name, muted, hidden, connected, failing, path, silence,
    unshown = [], quality}, whose = 'the') {
    this.name = name.trim() || 'Guest';
    const find = (selector) => this.element.querySelector(selector);
    find('.name').textContent = this.name;
    this.#video.setAttribute('aria-label', this.name);
    /* toggleAttribute() works for SVG too. */
    find('.muted-mark').toggleAttribute('hidden', !muted);
    find('.hidden-mark').toggleAttribute('hidden', !hidden);
    find('.progress').hidden = connected && silence === 0;
    find('.progress-text').textContent = describeState(
      {connected, failing, silence, before: this.#sid !== ''});
    /* The text is written only when it has changed, as screen readers read it
     * out whenever it is written. */
    const words = connected ? describeUnshown(this.name, unshown) : '';
    if (find('.unshown').textContent !== words)
      find('.unshown').textContent = words;
    if (connected)
      this.#quality.update(quality, this.name, hidden, whose);
    else
      this.#quality.hide();
    this.element.title = connected ? PATHS[path] ?? '' : '';
    this.element.dataset.path = connected ? path : '';
    this.element.classList.toggle('connected', connected);
    this.#hidden = hidden;
    if (hidden)
      this.#clearStill();
  }

  /**
   * @param {string} sid of the track's attempt
   * @param {MediaStreamTrack} track
   */
  addTrack(sid, track) {
    if (this.#sid !== sid) {
      if (this.#video.srcObject)
        this.keepStill();
      this.#sid = sid;
      this.#video.srcObject = new MediaStream();
    }
    /** @type {MediaStream} */ (this.#video.srcObject).addTrack(track);
    this.#play();
  }

  /**
   * Shows the last picture until the next attempt has one; to be called before
   * the tracks end, which makes the video black. The last picture of a camera
   * that was stopped is not kept, as it could be one from before the stop.
   */
  keepStill() {
    const {videoWidth, videoHeight} = this.#video;
    if (videoWidth && !this.#hidden) {
      this.#still.width = videoWidth;
      this.#still.height = videoHeight;
      this.#still.getContext('2d')?.drawImage(this.#video, 0, 0);
    }
    this.#video.srcObject = null;
    this.setSpeaking(false);
  }

  #clearStill() {
    this.#still.width = this.#still.height = 0;
  }

  /** @param {boolean} speaking */
  setSpeaking(speaking) {
    this.element.classList.toggle('speaking', speaking);
  }

  /** Plays after a click, which allows it. */
  unblock() {
    this.#video.muted = false;
    this.#play();
  }

  remove() {
    this.#video.srcObject = null;
    this.element.remove();
  }

  #play() {
    this.#video.play().catch((error) => {
      if (error.name !== 'NotAllowedError' || this.#video.muted)
        return;
      this.#video.muted = true;
      this.#play();
      this.#onBlocked();
    });
  }

  #fit() {
    const {videoWidth, videoHeight} = this.#video;
    this.element.classList.toggle('tall',
      videoWidth < TALL_BELOW * videoHeight);
  }
}
