// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Parses and writes links of rooms: ORIGIN/room/ROOM-ID[?QUERY]#KEY. The key is
 * in the fragment, which browsers never send to a server.
 *
 * People send links through chats and mail, which wrap, quote and encode them.
 * The parser accepts every text that has only one meaning. gst/core/link-text.c
 * has the same grammar for pipelines; tests/vectors/links.json holds both to
 * it.
 */

import {base64urlDecode, base64urlEncode, makeToken, makeUuid, readHost}
  from './ids.js';

/**
 * @typedef {object} RoomLink
 * @property {string} origin
 * @property {string} room the room's id
 * @property {Uint8Array | null} key null: messages go unsealed
 * @property {string} query the text after "?", as written; may be empty
 */

const MAX_TEXT = 16384;
const MAX_LINK = 2048;
const KEY_CHARS = 22;
const EXAMPLE = 'A room\u2019s link looks like https://HOST/room/ROOM-ID#KEY.';

/* Characters without a width, which chats insert into links. */
const INVISIBLE = new RegExp('[\\u00ad\\u200b-\\u200f\\u202a-\\u202e'
  + '\\u2060-\\u2064\\u2066-\\u2069\\ufeff]'
  + '|%E2%80%8[BEF]|%E2%81%A0|%C2%AD|%EF%BB%BF', 'giu');
/* The characters that end a link, since no link contains them: blanks, angle
 * brackets, quotation marks, and Chinese and Japanese punctuation. */
const END = '\\u0000-\\u0020\\u007f-\\u00a0\\u00ab\\u00bb\\u1680\\u2000-\\u200a'
  + '\\u2018-\\u201f\\u2028\\u2029\\u202f\\u2039\\u203a\\u205f\\u3000-\\u3003'
  + '\\u3008-\\u3011\\uff01\\uff08\\uff09\\uff0c\\uff1a\\uff1b\\uff1f<>"`';
/* The punctuation that can follow a link in a sentence or its mark-up. */
const TRAILING = '.,;:!?\'*_~()[]{}|/\u2026';

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const SLASH = '(?:/|%2F)';
const HASH = '(?:%(?:25)*23|%EF%BC%83)';
/* The last of the 22 characters carries only two bits of the key. */
const KEY = '[A-Za-z0-9_-]{21}[AQgw]';
/* A mark that can precede a parameter. A parameter is any name with a value, or
 * one of the names that the page knows. */
const MARK = '(?:[?&;\\uff1f\\uff06\\uff1b]|%(?:25)*(?:3F|26|3B)|%EF%BC%9F)';
const EQUALS = '(?:=|%(?:25)*3D)';
const OWN = '(?:muted|hidden|solo)(?![0-9a-z_-])';
const PARAMETER = `(?:[a-z][0-9a-z_.-]{0,40}${EQUALS}|${OWN})`;
/* The characters that mark-up can leave between the room's id and the rest. */
const JUNK = `(?:[${END}.,;:!?'*_~(){}|/&\\[\\]\u2026]`
  + '|%(?:25)*(?:0[9AD]|2[0-24-9A-F]|3[A-F]|5[B-F]|60|7[B-E]))*';

const regex = (text, flags = 'iu') => new RegExp(text, flags);
const START = regex('(?<![a-z0-9=/?&#%+])(?:https?|pusher)(?::|%3A)', 'giu');
const BARE = regex(`(?:^|[${END}(\\[{*_~,;|])((?:\\[[0-9a-f:.]+\\]`
  + `|[^${END}/?#@:%(){}*,;|\\[\\]]+)(?::[0-9]+)?)(?=${SLASH}+room${SLASH}+`
  + `${UUID})`, 'giu');
const ENCODED = regex('^https?%3A');
const TOKEN = regex(`^[^${END}]*`);
const SERVER = regex(`^(https?):${SLASH}*([^/?#%${END}]*)`);
const ROOM = regex(`^${SLASH}+room${SLASH}+(${UUID})(?![0-9a-z-])${SLASH}*`
  + '(?![0-9a-z-])');
const AUTHORITY = regex('^(\\[[0-9a-f:.]+\\]|[^:@\\[\\]]+)(?::([0-9]*))?$');
const ENCODED_HASH = regex(`^${HASH}`);
const HASH_IN_QUERY = regex(
  `^[?&](.*?)${HASH}([A-Za-z0-9_-]{20}.*)$`, 'su');
/* A query with a blank, or a "#" with a blank beside it, is accepted only if a
 * whole key follows. */
const APART = regex(`^(?:[?&]((?:(?!https?:)[^#])*))?[${END}]*#[${END}]*`
  + `((?:${KEY})(?![A-Za-z0-9_-]))`, 'su');
const READ_KEY = regex(`^(${KEY})(?:[_-]*|=*)(?![A-Za-z0-9_=-])(.*)`, 'su');
const BEHIND_KEY = regex(`^(?:[?&]|${JUNK}${MARK}(?=${PARAMETER}))(.*)`, 'isu');
const LEAD = regex(`^${JUNK}(?:((?:#|${HASH})(?=[A-Za-z0-9_-]{20}))`
  + `|${MARK}(?=${PARAMETER}))`);
const SPLIT = regex(`${MARK}(?:amp;)?(?=${OWN})`, 'giu');
const ENCODED_EQUALS = regex(`((?:^|&)${OWN})${EQUALS}`, 'giu');
const LOST_KEY = regex(`(?:#|${HASH})[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])`);
const LOST_PARAMETER = regex(`${MARK}${OWN}`);
const OTHER_KEY = regex(`${SLASH}room${SLASH}+${UUID}${JUNK}(?:#|${HASH})`
  + '([A-Za-z0-9_-]{22})(?![A-Za-z0-9_-])', 'giu');

/** @param {string} what @returns {never} */
function fail(what) {
  throw new Error(`${what} ${EXAMPLE}`);
}

/** @param {string} text */
const tidy = (text) => text
  .replace(/&amp;/giu, '&')
  .replace(/&num;|&?#(?:35|x23);|\uff03/giu, '#')
  .replace(/&(?:lt|gt|quot|apos|nbsp|#39);/giu, ' ')
  .replace(INVISIBLE, '')
  .replaceAll('\u2011', '-')
  .replaceAll('\\', '/');

/**
 * Removes the punctuation that follows a link in a sentence. A closing bracket
 * whose opening one is in the link is part of the link.
 *
 * @param {string} text
 */
function trimEnd(text) {
  /** @type {Record<string, number>} of each bracket in the remaining text */
  const counts = {'(': 0, ')': 0, '[': 0, ']': 0, '{': 0, '}': 0};
  for (const char of text) {
    if (char in counts)
      counts[char]++;
  }
  let end = text.length;
  for (; end > 0 && TRAILING.includes(text[end - 1]); end--) {
    const last = text[end - 1];
    const open = {')': '(', ']': '[', '}': '{'}[last];
    if (open && counts[open] >= counts[last])
      break;
    if (last in counts)
      counts[last]--;
  }
  return text.slice(0, end);
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * @param {string} fragment
 * @returns {{key: Uint8Array | null, more: string}} the key, and the query that
 *   was written behind the key
 */
function readKey(fragment) {
  const text = decode(fragment);
  const match = READ_KEY.exec(text);
  if (match)
    return {key: base64urlDecode(match[1]),
      more: trimEnd(BEHIND_KEY.exec(match[2])?.[1] ?? '')};
  if (!trimEnd(text))
    return {key: null, more: ''};
  const {length} = /^[A-Za-z0-9_-]*/u.exec(text)[0];
  let what = 'is damaged';
  if (length > 0 && length < KEY_CHARS)
    what = `is too short (${length} of ${KEY_CHARS} characters)`;
  else if (length > KEY_CHARS)
    what = `is too long (${length} instead of ${KEY_CHARS} characters)`;
  return fail(`The key at the end of this link ${what}: ask for the link `
    + 'again, and copy all of it.');
}

/**
 * Brings the separators of the page's parameters into one form. All spellings
 * are accepted, since a camera would open if its parameter were overlooked.
 *
 * @param {string} query
 */
const tidyQuery = (query) => query.replace(SPLIT, '&')
  .replace(ENCODED_EQUALS, '$1=').replace(/^&+/u, '');

/**
 * Refuses a link that has lost its key or a parameter: it would open a call
 * without encryption, or a camera that was to stay closed.
 *
 * @param {string} tail
 * @param {string} rest the part of the tail that was not parsed
 * @param {Uint8Array | null} key
 */
function refuseLoss(tail, rest, key) {
  const text = key && base64urlEncode(key);
  if (text && [...tail.matchAll(OTHER_KEY)].some(([, other]) => other !== text))
    fail('There are two links in this: paste the one to open.');
  if (!key && LOST_KEY.test(rest) || LOST_PARAMETER.test(rest)) {
    fail('A part of this link stands apart from it: copy the link again, '
      + 'without anything in between.');
  }
}

/**
 * Parses the text behind the room's id.
 *
 * @param {string} written up to the next link or the end of the text
 */
function readTail(written) {
  const lead = LEAD.exec(written);
  const tail = lead ? (lead[1] ? '#' : '?') + written.slice(lead[0].length)
    : written;
  const token = TOKEN.exec(tail)[0];
  const hash = token.indexOf('#');
  const encoded = ENCODED_HASH.exec(token);
  const asks = /^[?&]/u.test(token);
  let query = '', fragment = '', match;
  let end = asks || hash === 0 || encoded ? token.length : 0;
  if (encoded)
    fragment = token.slice(encoded[0].length);
  else if (hash === 0 || hash > 0 && asks)
    [query, fragment] = [token.slice(1, Math.max(1, hash)),
      token.slice(hash + 1)];
  else if (hash > 0)
    fail('Something stands between the room and the key of this link.');
  else if ((match = HASH_IN_QUERY.exec(token)))
    [, query, fragment] = match;
  if (!fragment && (match = APART.exec(tail))) {
    [, query = '', fragment] = match;
    end = match[0].length;
  } else if (!fragment && asks && hash < 0) {
    query = trimEnd(token.slice(1));
  } else if (token.startsWith('/')) {
    fail('This link does not name a room.');
  }
  const {key, more} = readKey(fragment);
  refuseLoss(tail, tail.slice(end), key);
  return {key, query: tidyQuery([query, more].filter(Boolean).join('&'))};
}

/** @param {string} scheme @param {string} authority */
function readOrigin(scheme, authority) {
  const match = AUTHORITY.exec(authority);
  if (authority.includes('@'))
    fail('This link names a user: take away what stands before the @.');
  if (!authority)
    fail('This link names no host.');
  if (!match)
    fail('This link has a port or host that is none.');
  const port = match[2] ? Number(match[2]) : undefined;
  if (port !== undefined && (port < 1 || port > 65535))
    fail('This link has a port that is none: 1 to 65535 expected.');
  const host = readHost(match[1]);
  if (!host)
    fail('This link has a host that is none.');
  return new URL(`${scheme.toLowerCase()}://${host}${port ? `:${port}` : ''}`)
    .origin;
}

/** @param {string} part of the text: one link and the words behind it */
function readPart(part) {
  if (/^pusher/iu.test(part)) {
    fail('This is a link over Pusher Channels, which a pipeline can open, but '
      + 'no browser.');
  }
  const text = ENCODED.test(part) ? decode(TOKEN.exec(part)[0]) : part;
  const server = SERVER.exec(text);
  if (!server)
    fail('That is not a link.');
  const rest = text.slice(server[0].length);
  const origin = readOrigin(server[1], server[2]);
  const room = ROOM.exec(rest);
  if (!room)
    fail('This link does not name a room.');
  return {origin, room: room[1].toLowerCase(),
    ...readTail(rest.slice(room[0].length))};
}

/**
 * Guesses the scheme of a link that was written without one: https, but http on
 * this machine and on the usual ports of plain http.
 *
 * @param {string} authority
 */
function guessScheme(authority) {
  const port = /:([0-9]+)$/u.exec(authority)?.[1];
  const host = authority.replace(/:[0-9]+$/u, '').toLowerCase();
  if (/^(?:(?:.*\.)?localhost|127\.[0-9.]+|\[::1\])$/u.test(host)
      || port === '80' || port === '8080')
    return 'http';
  if (port === '443' || port === '8443'
      || !port && /[a-z]/u.test(host) && !host.startsWith('['))
    return 'https';
  return fail('Begin this link with https:// or http://, whichever the room '
    + 'is opened with.');
}

/**
 * @param {string} text that contains no link with a scheme
 * @returns {string[]}
 */
function completeParts(text) {
  const found = [...text.matchAll(BARE)];
  if (!found.length && /[a-z][a-z0-9+.-]{0,30}:\/\//iu.test(text))
    fail('A room\u2019s link starts with http or https.');
  if (!found.length && regex(`${SLASH}room${SLASH}+${UUID}`).test(text))
    fail('This link names no host.');
  if (!found.length)
    fail('There is no link in this.');
  return found.map((match, i) => `${guessScheme(match[1])}://${match[1]}`
    + text.slice(match.index + match[0].length, found[i + 1]?.index));
}

/**
 * Finds the one link of a room in a text and parses it.
 *
 * @param {string} text
 * @returns {RoomLink}
 * @throws {Error} with a text for a person, which never contains a key
 */
export function parseLink(text) {
  if (text.length > MAX_TEXT)
    fail('This is too long for a link.');
  const clean = tidy(text);
  const starts = [...clean.matchAll(START)].map(({index}) => index);
  /** @type {RoomLink[]} */
  const links = [];
  /** @type {Error | undefined} */
  let problem;
  if (TOKEN.exec(clean)[0] === '' && !regex(`[^${END}]`).test(clean))
    fail('This is empty: paste the link here.');
  const parts = starts.length
    ? starts.map((start, i) => clean.slice(start, starts[i + 1]))
    : completeParts(clean);
  for (const part of parts) {
    try {
      links.push(readPart(part));
    } catch (error) {
      problem ??= error;
    }
  }
  if (!links.length)
    throw problem;
  const [link] = links;
  for (const {origin, room, key, query} of links) {
    if (origin !== link.origin || room !== link.room || key && link.key
        && base64urlEncode(key) !== base64urlEncode(link.key))
      fail('There are two links in this: paste the one to open.');
    link.key ??= key;
    link.query ||= query;
  }
  if (linkToHref(link).length > MAX_LINK)
    fail('This is too long for a link.');
  return link;
}

/** Makes a link to a new room. @param {string} origin */
export const makeLink = (origin) =>
  `${origin}/room/${makeUuid()}#${makeToken()}`;

/** The link as it is sent to others. @param {RoomLink} link */
export const linkToString = ({origin, room, key}) =>
  `${origin}/room/${room}${key ? `#${base64urlEncode(key)}` : ''}`;

/** The link as it is opened, with its query. @param {RoomLink} link */
export const linkToHref = ({query, ...link}) =>
  linkToString(link).replace(/#|$/u, (end) => (query ? `?${query}` : '') + end);
