// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Makes and checks the identifiers of docs/protocol.md, and encodes keys.
 * getRandomValues() works on insecure pages too, where crypto.randomUUID() does
 * not.
 */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const INC = /^[0-9a-f]{16}$/;
/* The number has at most as many digits as JavaScript counts exactly. */
const SID = /^([0-9a-f]{16})-([1-9][0-9]{0,14})$/;

/** @param {unknown} text */
export const isUuid = (text) => typeof text === 'string' && UUID.test(text);

/** @param {unknown} text */
export const isInc = (text) => typeof text === 'string' && INC.test(text);

/**
 * Takes a session id apart.
 *
 * @param {string} sid
 * @returns {{inc: string, number: number} | null}
 */
export function parseSid(sid) {
  const match = SID.exec(sid);
  return match && {inc: match[1], number: Number(match[2])};
}

/**
 * The form in which a host is looked up: in lower case, international names in
 * Punycode. An IPv4 address must have all four numbers in decimal.
 *
 * @param {string} text a name, an IPv4 address, or an IPv6 address in brackets
 * @returns {string} empty: the text is no host
 */
export function readHost(text) {
  let hostname;
  try {
    ({hostname} = new URL(`http://${text}/`));
  } catch {
    return '';
  }
  const isNumeric = /^[0-9]+(?:\.[0-9]+){3}$/u.test(hostname);
  if (isNumeric ? hostname !== text
    : !/^(?:(?!.*\.\.)[a-z0-9_-][a-z0-9._-]{0,252}|\[[0-9a-f:.]+\])$/u
      .test(hostname))
    return '';
  return hostname;
}

/** @param {number} length */
export const randomBytes = (length) =>
  crypto.getRandomValues(new Uint8Array(length));

/** @param {Uint8Array} bytes */
const toHex = (bytes) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** A UUID of version 4. */
export function makeUuid() {
  const bytes = randomBytes(16);
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return toHex(bytes)
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/**
 * Makes an incarnation: 48 bits of the time and 16 random ones, so that a later
 * start of the same peer id compares larger.
 *
 * @param {number} unixMs
 */
export const makeInc = (unixMs) =>
  Math.floor(unixMs).toString(16).padStart(12, '0').slice(-12)
    + toHex(randomBytes(2));

/**
 * Makes an incarnation that compares larger than `newest`, which was made when
 * the clock was ahead. If the clock has not caught up, the time is that of
 * `newest` and up to a minute more. The addition is random, since the same
 * incarnation twice would mean the same keys twice.
 *
 * @param {string} newest
 * @param {number} unixMs
 * @returns {string | null} null: no larger one exists
 */
export function makeIncAfter(newest, unixMs) {
  const inc = makeInc(unixMs);
  if (inc > newest)
    return inc;
  const [high, low] = randomBytes(2);
  const ms = parseInt(newest.slice(0, 12), 16) + 1 + 256 * high + low;
  return ms < 2 ** 48 ? makeInc(ms) : null;
}

/** Makes a token, or a room's key in the form that links have. */
export const makeToken = () => base64urlEncode(randomBytes(16));

/** @param {Uint8Array} bytes */
export function base64urlEncode(bytes) {
  let binary = '';
  for (const byte of bytes)
    binary += String.fromCharCode(byte);
  return btoa(binary)
    .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/**
 * @param {string} text
 * @returns {Uint8Array | null} null when the text is not base64url
 */
export function base64urlDecode(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1)
    return null;
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}
