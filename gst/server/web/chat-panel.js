// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The chat panel. Names and lines are set as text, so that no sender can put
 * HTML into the page.
 */

import {announce, byId} from './dom.js';

/* Older lines are removed, so that no peer can fill the browser's memory. */
const MAX_LINES = 500;

export class ChatPanel {
  #panel = byId('chat');
  #log = byId('chat-log');
  /** @type {HTMLInputElement} */
  #input = byId('chat-text');
  #toggle = byId('chat-open');
  #badge = byId('chat-unread');
  #unread = 0;

  /** @param {(text: string) => void} onSend */
  constructor(onSend) {
    this.#toggle.addEventListener('click', () => this.toggle());
    byId('chat-close').addEventListener('click', () => this.#setOpen(false));
    this.#panel.addEventListener('keydown', ({key}) => {
      if (key === 'Escape')
        this.#setOpen(false);
    });
    byId('chat-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.#input.value.trim();
      if (!text)
        return;
      this.#input.value = '';
      onSend(text);
      this.#append('You', text, true);
    });
  }

  toggle() {
    this.#setOpen(this.#panel.hidden);
  }

  /** @param {string} name @param {string} text */
  add(name, text) {
    this.#append(name, text, false);
    if (!this.#panel.hidden)
      return;
    this.#setUnread(this.#unread + 1);
    announce(`${name}: ${text}`);
  }

  /** @param {boolean} open */
  #setOpen(open) {
    this.#panel.hidden = !open;
    this.#toggle.setAttribute('aria-expanded', String(open));
    if (open) {
      this.#setUnread(0);
      this.#input.focus();
      this.#log.scrollTop = this.#log.scrollHeight;
    } else {
      this.#toggle.focus();
    }
  }

  /** @param {number} unread */
  #setUnread(unread) {
    this.#unread = unread;
    this.#badge.hidden = unread === 0;
    this.#badge.textContent = unread > 99 ? '99+' : String(unread);
    this.#badge.setAttribute('aria-label', `${unread} unread`);
  }

  /** @param {string} name @param {string} text @param {boolean} own */
  #append(name, text, own) {
    const line = document.createElement('li');
    const who = document.createElement('strong');
    const words = document.createElement('span');
    line.classList.toggle('own', own);
    who.dir = words.dir = 'auto';
    who.textContent = name;
    words.textContent = text;
    line.append(who, words);
    this.#log.append(line);
    while (this.#log.childElementCount > MAX_LINES)
      this.#log.firstElementChild.remove();
    this.#log.scrollTop = this.#log.scrollHeight;
  }
}
