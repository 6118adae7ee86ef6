// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The STUN and TURN servers that the meshroom server names. Without them a
 * browser connects within its own network only.
 */

import {readHost} from './ids.js';

const PATH = '/v1/ice';
/* Joining waits no longer than this for the list, which takes one round trip
 * beside the three or four of joining. */
const PATIENCE = 1500;
const GIVE_UP = 10_000;
const RETRY = 30_000;
const MAX_SERVERS = 8;

const MAX_TEXT = 1024;
const MAX_CREDENTIAL = 512;
const SERVER = /^(stun|turn)(s?):(?:\/\/)?(?:([^]*)@)?([^@]*)$/iu;
const PLACE = /^(\[[0-9a-f:.]+\]|[^\s:/?#@[\]%,]+)(?::([0-9]+))?\/?(\?.*)?$/iu;

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

/** @param {string | undefined} text */
const isCredential = (text) => typeof text === 'string' && text !== ''
  && new TextEncoder().encode(text).length <= MAX_CREDENTIAL
  && !/[\u0000-\u001f\u007f]/u.test(text);

/**
 * Parses the URL of a STUN or TURN server, in every usual spelling. The same
 * grammar is in gst/core/ice-url.c; tests/vectors/ice.json holds both to it.
 *
 * @param {string} text
 * @returns {{urls: string, username?: string, credential?: string} | null} in
 *   the form of RTCIceServer; null: the text is no such URL
 */
export function parseIceUrl(text) {
  const match = text.length <= MAX_TEXT ? SERVER.exec(text.trim()) : null;
  const place = match && PLACE.exec(match[4]);
  if (!place)
    return null;
  const [kind, tls] = [match[1].toLowerCase(), match[2].toLowerCase()];
  const [, name, port, query = ''] = place;
  const host = readHost(name);
  const transport = /^\?transport=(udp|tcp)$/iu.exec(query)?.[1].toLowerCase();
  const isRelay = kind === 'turn';
  if (!host || port && !(Number(port) >= 1 && Number(port) <= 65535)
      || query && !(isRelay ? transport : transport === 'udp'))
    return null;
  const urls = `${kind}${tls}:${host}${port ? `:${Number(port)}` : ''}`
    + (isRelay && transport ? `?transport=${transport}` : '');
  if (match[3] === undefined)
    return {urls};
  /* Users of coturn's REST interface are TIME:NAME: the last colon ends
   * them. */
  const info = /^([0-9]{9,11}:[^]*):([^]*)$/u.exec(match[3])
    ?? /^([^:]*):([^]*)$/u.exec(match[3]);
  const [username, credential] = info ? info.slice(1).map(decode) : [];
  return isRelay && isCredential(username) && isCredential(credential)
    ? {urls, username, credential} : null;
}

/**
 * @param {any} answer
 * @returns {RTCIceServer[]} the servers that an RTCPeerConnection accepts
 */
export function readIceServers(answer) {
  const list = Array.isArray(answer?.iceServers) ? answer.iceServers : [];
  /** @type {RTCIceServer[]} */
  const servers = [];
  for (const one of list) {
    const parsed = typeof one?.urls === 'string' && parseIceUrl(one.urls);
    if (!parsed || parsed.username)
      continue;
    const {urls} = parsed;
    const {username, credential} = one;
    if (urls.startsWith('stun'))
      servers.push({urls});
    else if (isCredential(username) && isCredential(credential))
      servers.push({urls, username, credential});
  }
  return servers.slice(0, MAX_SERVERS);
}

export class IceServers {
  /** @type {RTCIceServer[]} the last list that was fetched */
  current = [];
  /** The problems of servers, by their URLs. @type {Map<string, string>} */
  #troubles = new Map();
  #url;
  /* When to ask again, since credentials expire. */
  #askAt = -Infinity;

  /** @param {string} origin of the server */
  constructor(origin) {
    this.#url = origin + PATH;
  }

  /**
   * Fetches the list when it is due.
   *
   * @param {number} now
   * @returns {Promise<void>} resolves with the answer, or after PATIENCE
   */
  async refresh(now) {
    if (now < this.#askAt)
      return;
    /* A second call must not fetch the list at the same time. */
    this.#askAt = now + RETRY;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    await Promise.race([this.#ask(now),
      new Promise((resolve) => { timer = setTimeout(resolve, PATIENCE); })]);
    clearTimeout(timer);
  }

  /**
   * Notes that a server does not serve a connection.
   *
   * @param {string} url
   * @param {string} why
   */
  blame(url, why) {
    if (this.#troubles.get(url) !== why) {
      console.warn(`${url}: ${why}`);
      this.#troubles.set(url, why);
    }
  }

  /** Explains to a person why an attempt may have failed; may be empty. */
  get trouble() {
    return [...this.#troubles].map(([url, why]) => `${/^turn/i.test(url)
      ? 'TURN' : 'STUN'} server ${url}: ${why}.`).join(' ');
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
      /* The list is renewed after half the time for which it is valid. */
      this.#askAt = answer.ttl > 0 ? now + answer.ttl * 500 : Infinity;
    } catch (error) {
      console.warn('no STUN or TURN servers:', error.message);
    }
  }
}
