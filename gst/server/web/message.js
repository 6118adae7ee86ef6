// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Reads and writes the messages of docs/protocol.md. Each field of a message
 * that came in is checked for its type, form and size.
 */

import {isInc, isUuid, parseSid} from './ids.js';

/**
 * One message, read and checked. Fields that a message of its type does not
 * have, or that the sender left out, are undefined.
 *
 * @typedef {object} Message
 * @property {string} type 'unknown' for a type that is not known
 * @property {string} [from] undefined: the message is the server's
 * @property {string} [to]
 * @property {string} [inc]
 * @property {string} [sid]
 * @property {string[]} [ids] shouldCall, or members
 * @property {string[]} [codecs]
 * @property {'offer' | 'answer'} [sdpType] the type of `sdp`
 * @property {string} [sdp]
 * @property {string} [candidate] '' = no more follow
 * @property {number} [mline]
 * @property {string} [mid]
 * @property {string} [name]
 * @property {boolean} [muted]
 * @property {boolean} [hidden]
 * @property {string} [text]
 * @property {string} [reason]
 * @property {string} [id]
 * @property {string} [room]
 * @property {string} [host]
 * @property {boolean} [resumed]
 * @property {number} [width] want: in pixels of the receiver's screen; 0 = the
 *   picture is not seen
 * @property {number} [height]
 * @property {number} [fps] want: 0 = as many as there are
 * @property {string} [yours] outdated: the recipient's incarnation
 * @property {string} [newest] outdated: the recipient's newest known
 *   incarnation. Other messages from the sealer: the sender's, if it is newer
 *   than `inc`
 * @property {string} [re]
 * @property {number} [n]
 * @property {string} [box]
 */

export const MAX_BYTES = 64 * 1024;
const MAX_DEPTH = 8;
const MAX_TYPE_BYTES = 64;
const MAX_REASON_BYTES = 64;
export const MAX_NAME_BYTES = 256;
export const MAX_TEXT_CHARS = 4096;
const MAX_SDP_BYTES = 32 * 1024;
const MAX_CANDIDATE_BYTES = 1024;
const MAX_MID_BYTES = 64;
const MAX_MLINE = 255;
const MAX_MEMBERS = 64;
export const MAX_WANT_SIDE = 16384;
export const MAX_WANT_FPS = 240;
const MAX_CODECS = 16;
const MAX_CODEC_BYTES = 32;

export class MessageError extends Error {}

const encoder = new TextEncoder();

/** @param {string} text */
export const byteLength = (text) => encoder.encode(text).length;

/** @param {string} name @param {string} what @returns {never} */
function fail(name, what) {
  throw new MessageError(`field "${name}" of a message ${what}`);
}

/** @param {unknown} value */
const isObject = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * @param {string} text
 * @returns {boolean} whether the JSON is nested no deeper than MAX_DEPTH
 */
function depthIsSane(text) {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (inString) {
      if (char === '\\')
        i++;
      else if (char === '"')
        inString = false;
    } else if (char === '"') {
      inString = true;
    } else if (char === '{' || char === '[') {
      if (++depth > MAX_DEPTH)
        return false;
    } else if ((char === '}' || char === ']') && depth > 0) {
      depth--;
    }
  }
  return true;
}

/**
 * Parses one JSON object within the bounds of the protocol.
 *
 * @param {string} text
 * @returns {Record<string, any>}
 */
export function parseJson(text) {
  if (text.length > MAX_BYTES || byteLength(text) > MAX_BYTES)
    throw new MessageError('message is over the limit');
  if (!depthIsSane(text))
    throw new MessageError(`message is nested deeper than ${MAX_DEPTH}`);
  let object;
  try {
    object = JSON.parse(text);
  } catch {
    throw new MessageError('message is not JSON');
  }
  if (!isObject(object))
    throw new MessageError('message is not a JSON object');
  return object;
}

/**
 * @param {Record<string, any>} object
 * @param {string} name
 * @param {number} maxBytes
 * @param {(text: string) => unknown} [check]
 * @returns {string | undefined}
 */
function readText(object, name, maxBytes, check) {
  const value = object[name] ?? undefined;
  if (value === undefined)
    return undefined;
  if (typeof value !== 'string')
    fail(name, 'is not a string');
  if (value.length > maxBytes || byteLength(value) > maxBytes)
    fail(name, `is longer than ${maxBytes} bytes`);
  if (check && !check(value))
    fail(name, 'is not of the right form');
  return value;
}

/** @param {Record<string, any>} object @param {string} name */
const readId = (object, name) => readText(object, name, 36, isUuid);

/** @param {Record<string, any>} object @param {string} name */
function readBool(object, name) {
  const value = object[name] ?? undefined;
  if (value !== undefined && typeof value !== 'boolean')
    fail(name, 'is not true or false');
  return value ?? false;
}

/**
 * @param {Record<string, any>} object
 * @param {string} name
 * @param {number} min
 * @param {number} max
 * @returns {number | undefined}
 */
function readInt(object, name, min, max) {
  const value = object[name] ?? undefined;
  if (value !== undefined
      && (!Number.isSafeInteger(value) || value < min || value > max))
    fail(name, 'is not an integer in range');
  return value;
}

/**
 * @param {Record<string, any>} object
 * @param {string} name
 * @param {number} maxItems
 * @param {(item: string) => unknown} check
 * @returns {string[] | undefined}
 */
function readList(object, name, maxItems, check) {
  const value = object[name] ?? undefined;
  if (value === undefined)
    return undefined;
  if (!Array.isArray(value))
    fail(name, 'is not a list');
  if (value.length > maxItems)
    fail(name, `lists more than ${maxItems}`);
  if (!value.every((item) => typeof item === 'string' && check(item)))
    fail(name, 'lists something of the wrong form');
  return value;
}

/** @param {Record<string, any>} object @param {string} name */
const readMembers = (object, name) =>
  readList(object, name, MAX_MEMBERS, isUuid);

/** @param {Record<string, any>} object */
const readSid = (object) => readText(object, 'sid', 32, parseSid);

/** @param {string} text */
const isCodec = (text) =>
  text.length > 0 && text.length <= MAX_CODEC_BYTES
    && /^[\x01-\x7f]*$/.test(text);

/* A candidate goes into SDP parsers, so it must be a single line. */
/** @param {string} text */
const isCandidate = (text) =>
  text === '' || /^candidate:[\x20-\x7e]*$/.test(text);

/** @param {string} text */
const isBase64url = (text) =>
  /^[A-Za-z0-9_-]+$/.test(text) && text.length % 4 !== 1;

/** @param {Message} message @param {Record<string, any>} value */
function readCandidate(message, value) {
  if (!isObject(value))
    fail('candidate', 'is not an object');
  message.candidate = readText(value, 'candidate', MAX_CANDIDATE_BYTES,
    isCandidate) ?? fail('candidate', 'is missing');
  message.mline = readInt(value, 'sdpMLineIndex', 0, MAX_MLINE);
  message.mid = readText(value, 'sdpMid', MAX_MID_BYTES);
}

/**
 * Reads a signal in simple-peer's form, whose fields tell what it is. A signal
 * with neither a description nor a candidate is a request to renegotiate, which
 * we ignore.
 *
 * @param {Message} message
 * @param {Record<string, any>} object
 */
function readSignal(message, object) {
  message.sid = readSid(object);
  const data = object.data;
  if (!isObject(data))
    fail('data', 'is not an object');
  message.sdp = readText(data, 'sdp', MAX_SDP_BYTES);
  if (message.sdp !== undefined) {
    const type = readText(data, 'type', MAX_TYPE_BYTES);
    if (type !== 'offer' && type !== 'answer')
      fail('data.type', 'is neither offer nor answer');
    message.sdpType = type;
  }
  if (data.candidate !== undefined && data.candidate !== null)
    readCandidate(message, data.candidate);
  else if (message.sdp === undefined)
    message.type = 'unknown';
}

/** @param {Message} message @param {Record<string, any>} object */
function readWant(message, object) {
  message.sid = readSid(object) ?? fail('sid', 'is missing');
  message.width = readInt(object, 'width', 0, MAX_WANT_SIDE)
    ?? fail('width', 'is missing');
  message.height = readInt(object, 'height', 0, MAX_WANT_SIDE)
    ?? fail('height', 'is missing');
  message.fps = readInt(object, 'fps', 0, MAX_WANT_FPS)
    ?? fail('fps', 'is missing');
  if ((message.width === 0) !== (message.height === 0))
    fail('height', 'does not go with the width');
}

/** @param {Message} message @param {Record<string, any>} object */
function readSealed(message, object) {
  message.re = readText(object, 're', 16, (re) => re === '' || isInc(re));
  message.n = readInt(object, 'n', 1, Number.MAX_SAFE_INTEGER);
  message.box = readText(object, 'box', MAX_BYTES, isBase64url);
  for (const name of ['to', 'inc', 're', 'n', 'box']) {
    if (message[name] === undefined)
      fail(name, 'is missing');
  }
}

/** @param {Message} message @param {Record<string, any>} object */
function readEvent(message, object) {
  message.id = readId(object, 'id') ?? fail('id', 'is missing');
  message.reason = readText(object, 'reason', MAX_REASON_BYTES);
}

/** @type {Record<string, (message: Message, object: any) => void>} */
const memberReaders = {
  joinroom() {},
  roomreply(message, object) {
    message.ids = readMembers(object, 'shouldCall')
      ?? fail('shouldCall', 'is missing');
  },
  call(message, object) {
    message.sid = readSid(object);
    message.codecs = readList(object, 'codecs', MAX_CODECS, isCodec);
  },
  signal: readSignal,
  state(message, object) {
    message.name = readText(object, 'name', MAX_NAME_BYTES);
    message.muted = readBool(object, 'muted');
    message.hidden = readBool(object, 'hidden');
  },
  roster(message, object) {
    message.ids = readMembers(object, 'members')
      ?? fail('members', 'is missing');
  },
  chat(message, object) {
    message.text = readText(object, 'text', 4 * MAX_TEXT_CHARS,
      (text) => [...text].length <= MAX_TEXT_CHARS)
      ?? fail('text', 'is missing');
  },
  bye(message, object) {
    message.sid = readSid(object);
    message.reason = readText(object, 'reason', MAX_REASON_BYTES);
  },
  want: readWant,
  outdated(message, object) {
    message.yours = readText(object, 'yours', 16, isInc)
      ?? fail('yours', 'is missing');
    message.newest = readText(object, 'newest', 16, isInc)
      ?? fail('newest', 'is missing');
  },
  sealed: readSealed,
};

/** @type {Record<string, (message: Message, object: any) => void>} */
const serverReaders = {
  welcome(message, object) {
    message.id = readId(object, 'id');
    message.room = readId(object, 'room');
    message.host = readId(object, 'host');
    message.resumed = readBool(object, 'resumed');
    message.ids = readMembers(object, 'members');
  },
  joined: readEvent,
  left: readEvent,
  host: readEvent,
  undeliverable(message, object) {
    if (message.to === undefined)
      fail('to', 'is missing');
    message.reason = readText(object, 'reason', MAX_REASON_BYTES);
  },
  offline() {},
};

/**
 * Reads and checks a message that was parsed as JSON.
 *
 * @param {Record<string, any>} object
 * @returns {Message}
 * @throws {MessageError}
 */
export function readMessage(object) {
  const type = readText(object, 'type', MAX_TYPE_BYTES)
    ?? fail('type', 'is missing');
  const fromMember = Object.hasOwn(memberReaders, type);
  const fromServer = Object.hasOwn(serverReaders, type);
  /** @type {Message} */
  const message = {type: fromMember || fromServer ? type : 'unknown'};
  message.from = readId(object, 'from');
  message.to = readId(object, 'to');
  message.inc = readText(object, 'inc', 16, isInc);
  if (fromMember && message.from === undefined)
    fail('from', 'is missing');
  if (fromServer && message.from !== undefined)
    fail('from', 'does not belong in what the server says');
  if (fromMember)
    memberReaders[type](message, object);
  else if (fromServer)
    serverReaders[type](message, object);
  return message;
}

/** @param {string} text @returns {Message} */
export const parseMessage = (text) => readMessage(parseJson(text));

/** @param {Message} message */
function signalData(message) {
  const data = {type: message.sdp === undefined ? 'candidate'
    : message.sdpType, sdp: message.sdp};
  if (message.candidate === undefined)
    return data;
  return {...data, candidate: {candidate: message.candidate,
    sdpMLineIndex: message.mline, sdpMid: message.mid}};
}

/** @type {Record<string, (message: Message) => object>} */
const writers = {
  roomreply: ({ids}) => ({shouldCall: ids}),
  call: ({sid, codecs}) => ({sid, codecs}),
  signal: (message) => ({sid: message.sid, data: signalData(message)}),
  state: ({name, muted, hidden}) => ({name, muted: !!muted, hidden: !!hidden}),
  roster: ({ids}) => ({members: ids}),
  chat: ({text}) => ({text}),
  bye: ({sid, reason}) => ({sid, reason}),
  want: ({sid, width, height, fps}) => ({sid, width, height, fps}),
  outdated: ({yours, newest}) => ({yours, newest}),
  sealed: ({re, n, box}) => ({re, n, box}),
  welcome: ({id, room, resumed, host, ids}) =>
    ({id, room, resumed: !!resumed, host, members: ids}),
  joined: ({id, reason}) => ({id, reason}),
  left: ({id, reason}) => ({id, reason}),
  host: ({id, reason}) => ({id, reason}),
  undeliverable: ({reason}) => ({reason}),
};

/**
 * The message in the form of the wire, its fields in the order of
 * docs/protocol.md. JSON.stringify() leaves out those that are undefined.
 *
 * @param {Message} message
 * @returns {Record<string, any>}
 */
export function writeMessage(message) {
  const {type, from, to, inc} = message;
  return {type, from, to, inc, ...writers[type]?.(message)};
}
