// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The mark of a tile that shows how good the connection is: a button, which
 * opens a panel with a few figures.
 */

import {describe, explain} from './quality.js';

/** @typedef {import('./quality.js').Quality} Quality */

/**
 * Writes only what has changed.
 *
 * @param {Element} element
 * @param {string} text
 */
function write(element, text) {
  if (element.textContent !== text)
    element.textContent = text;
}

export class QualityMark {
  #button;
  #panel;
  #words;
  #list;
  /** @type {[string, string][]} */
  #rows = [];

  /** @param {HTMLElement} tile */
  constructor(tile) {
    this.#button = /** @type {HTMLElement} */ (tile.querySelector('.quality'));
    this.#panel = /** @type {HTMLElement} */ (tile.querySelector('.figures'));
    this.#words = this.#panel.querySelector('p');
    this.#list = this.#panel.querySelector('dl');
    this.#button.addEventListener('click', () =>
      this.#open(this.#panel.hidden));
    tile.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || this.#panel.hidden)
        return;
      this.#open(false);
      this.#button.focus();
    });
  }

  /**
   * @param {Quality | null} quality null, or one without figures: the mark
   *   stays as it is, as while another attempt has just begun
   * @param {string} name
   * @param {boolean} hidden the peer has stopped its camera: its picture is
   *   meant to stand still
   * @param {'your' | 'their' | 'the'} whose
   */
  update(quality, name, hidden, whose) {
    if (!quality?.figures)
      return;
    this.#button.hidden = false;
    const verdict = hidden && quality.verdict.reason === 'frozen'
      ? {state: 'good', reason: /** @type {''} */ ('')} : quality.verdict;
    const why = explain(verdict, whose);
    const words = `Connection with ${name}: ${verdict.state}`
      + (why && `, ${why}`);
    if (this.#button.getAttribute('aria-label') !== words) {
      this.#button.setAttribute('aria-label', words);
      this.#button.title = words;
      this.#button.dataset.quality = verdict.state;
    }
    write(this.#words, words);
    this.#rows = describe(quality.figures);
    if (!this.#panel.hidden)
      this.#writeRows();
  }

  /** To be called while there is no connection. */
  hide() {
    this.#button.hidden = true;
    this.#open(false);
  }

  /** @param {boolean} open */
  #open(open) {
    this.#panel.hidden = !open;
    this.#button.setAttribute('aria-expanded', String(open));
    if (open)
      this.#writeRows();
  }

  #writeRows() {
    while (this.#list.children.length < 2 * this.#rows.length) {
      this.#list.append(document.createElement('dt'),
        document.createElement('dd'));
    }
    this.#rows.flat().forEach((text, i) => write(this.#list.children[i], text));
  }
}
