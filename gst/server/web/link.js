// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Links of rooms: ORIGIN/room/ROOM-ID#KEY. The key stands in the fragment,
 * which never leaves the browser.
 */

import {base64urlDecode, base64urlEncode, isUuid, makeToken, makeUuid}
  from './ids.js';

/**
 * @typedef {object} RoomLink
 * @property {string} origin
 * @property {string} room the room's id
 * @property {Uint8Array | null} key null: messages go unsealed
 */

const PATH = /^\/room\/([^/]+)$/;
const KEY_BYTES = 16;

/**
 * @param {string} text
 * @returns {Uint8Array | null}
 */
function parseKey(text) {
  const bytes = base64urlDecode(text);
  /* A last character can carry bits that mean nothing: one key, one text. */
  if (!bytes || bytes.length !== KEY_BYTES || base64urlEncode(bytes) !== text)
    return null;
  return bytes;
}

/**
 * Takes a link apart; a query means nothing here.
 *
 * @param {string} text
 * @returns {RoomLink}
 * @throws {Error} with words for a person
 */
export function parseLink(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    throw new Error('That is not a link.');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new Error('A room\u2019s link starts with http or https.');
  if (url.username || url.password || url.port === '0')
    throw new Error('This is not a room\u2019s link.');
  const match = PATH.exec(url.pathname);
  if (!match || !isUuid(match[1]))
    throw new Error('This link does not name a room.');
  if (url.hash.length < 2)
    return {origin: url.origin, room: match[1], key: null};
  const key = parseKey(url.hash.slice(1));
  if (!key) {
    throw new Error('The key at the end of this link is damaged. '
      + 'Ask for the link again, and copy all of it.');
  }
  return {origin: url.origin, room: match[1], key};
}

/** A link to a room that nobody has been in. @param {string} origin */
export const makeLink = (origin) =>
  `${origin}/room/${makeUuid()}#${makeToken()}`;

/** @param {RoomLink} link */
export const linkToString = ({origin, room, key}) =>
  `${origin}/room/${room}${key ? `#${base64urlEncode(key)}` : ''}`;
