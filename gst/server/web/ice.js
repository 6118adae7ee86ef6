// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The STUN and TURN servers that our server knows of: without them a browser
 * does not get beyond its own network.
 */

const PATH = '/v1/ice';
/* One round trip on a connection that is there, beside the three or four of
 * joining: who waits longer than this waits for nothing. */
const PATIENCE = 1500;
const GIVE_UP = 10_000;
const RETRY = 30_000;
const MAX_SERVERS = 8;

/**
 * @param {any} answer
 * @returns {RTCIceServer[]} what an RTCPeerConnection would not refuse
 */
export function readIceServers(answer) {
  const list = Array.isArray(answer?.iceServers) ? answer.iceServers : [];
  return list.filter((one) => typeof one?.urls === 'string'
      && (/^stuns?:[^?@]+$/.test(one.urls)
        || /^turns?:[^?@]+(\?transport=(udp|tcp))?$/.test(one.urls)
          && typeof one.username === 'string'
          && typeof one.credential === 'string'))
    .slice(0, MAX_SERVERS)
    .map(({urls, username, credential}) => (username === undefined ? {urls}
      : {urls, username, credential}));
}

export class IceServers {
  /** @type {RTCIceServer[]} what is known now */
  current = [];
  #url;
  /* When to ask again, since credentials end. */
  #askAt = -Infinity;

  /** @param {string} origin of the server */
  constructor(origin) {
    this.#url = origin + PATH;
  }

  /**
   * Asks, when it is time to.
   *
   * @param {number} now
   * @returns {Promise<void>} when they are known, or not worth waiting for
   */
  async refresh(now) {
    if (now < this.#askAt)
      return;
    /* Not twice at the same time. */
    this.#askAt = now + RETRY;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    await Promise.race([this.#ask(now),
      new Promise((resolve) => { timer = setTimeout(resolve, PATIENCE); })]);
    clearTimeout(timer);
  }

  /** @param {number} now */
  async #ask(now) {
    try {
      const response = await fetch(this.#url, {cache: 'no-store',
        credentials: 'omit', referrerPolicy: 'no-referrer',
        signal: AbortSignal.timeout(GIVE_UP)});
      if (!response.ok)
        throw new Error(`status ${response.status}`);
      const answer = await response.json();
      this.current = readIceServers(answer);
      /* While the ones before are still good for as long again. */
      this.#askAt = answer.ttl > 0 ? now + answer.ttl * 500 : Infinity;
    } catch (error) {
      console.warn('no STUN or TURN servers:', error.message);
    }
  }
}
