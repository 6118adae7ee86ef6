// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Decides from the audio levels which peers are speaking. A peer counts as
 * speaking for SPEAKING_HOLD (ms) after the last loud moment, since words have
 * gaps between them.
 */

const SPEAKING_LEVEL = 0.02;
const SPEAKING_HOLD = 700;

export class Speech {
  /** @type {Map<string, number>} until when a peer counts as speaking */
  #until = new Map();
  #onChange;

  /** @param {(peer: string, speaking: boolean) => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /**
   * @param {string} peer
   * @param {number} level the peer's audio level now, 0 to 1
   * @param {number} now
   */
  hear(peer, level, now) {
    const until = this.#until.get(peer) ?? 0;
    if (level > SPEAKING_LEVEL) {
      this.#until.set(peer, now + SPEAKING_HOLD);
      if (until === 0)
        this.#onChange(peer, true);
    } else if (until > 0 && now > until) {
      this.#until.delete(peer);
      this.#onChange(peer, false);
    }
  }

  /** @param {string} peer that has left */
  forget(peer) {
    this.#until.delete(peer);
  }
}
