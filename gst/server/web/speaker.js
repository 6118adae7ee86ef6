// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The speaker that plays the peers' sound: the chosen one or, while that is not
 * connected, the system's.
 */

/* The id of the system's speaker. */
const SYSTEM = '';

export class Speaker {
  /** @type {Set<HTMLMediaElement>} */
  #elements = new Set();
  /** The speaker in use. */
  #used;
  /** Whether an element could not use that speaker. Browsers allow the choice
   * only with the permission to use a microphone. */
  #missed = false;
  /** The chosen speaker; SYSTEM: none was chosen. */
  id;

  /** @param {string} id */
  constructor(id) {
    this.id = id;
    this.#used = id;
  }

  /** Whether the browser leaves the choice to the page. */
  static get canChoose() {
    return typeof HTMLMediaElement.prototype.setSinkId === 'function';
  }

  /** @param {HTMLMediaElement} element that plays a peer's sound */
  async attach(element) {
    this.#elements.add(element);
    if (Speaker.canChoose && this.#used !== SYSTEM
        && !await this.#use(element, this.#used))
      this.#missed = true;
  }

  /** @param {HTMLMediaElement} element */
  detach(element) {
    this.#elements.delete(element);
  }

  /**
   * @param {string} id
   * @returns {Promise<string>} a text for the person if that speaker cannot be
   *   used, else ''
   */
  async choose(id) {
    const before = this.id;
    this.id = id;
    if (await this.#useAll(id))
      return '';
    if (this.id === id)
      this.id = before;
    await this.#useAll(this.#used);
    return 'That speaker cannot be used. The one before stays in use.';
  }

  /**
   * @param {string[]} ids of the speakers that are connected now
   * @returns {Promise<string>} a text for the person if the speaker in use has
   *   changed, else ''
   */
  async onDevicesChanged(ids) {
    if (this.id === SYSTEM || ids.length === 0)
      return '';
    if (ids.includes(this.id)) {
      const away = this.#used !== this.id;
      const done = (away || this.#missed) && await this.#useAll(this.id);
      return done && away
        ? 'The speaker that you chose is back, and in use again.' : '';
    }
    if (this.#used === SYSTEM)
      return '';
    await this.#useAll(SYSTEM);
    return 'The speaker that you chose is not connected. The system\u2019s is '
      + 'used instead; you can choose another one in the settings.';
  }

  /**
   * @param {string} id
   * @returns {Promise<boolean>} whether all elements use the speaker
   */
  async #useAll(id) {
    const done = await Promise.all([...this.#elements].map((element) =>
      this.#use(element, id)));
    if (!done.every(Boolean))
      return false;
    this.#used = id;
    this.#missed = false;
    return true;
  }

  /**
   * @param {HTMLMediaElement} element
   * @param {string} id
   * @returns {Promise<boolean>}
   */
  async #use(element, id) {
    try {
      await element.setSinkId(id);
      return true;
    } catch (error) {
      console.warn('speaker not used:', error.message);
      return false;
    }
  }
}
