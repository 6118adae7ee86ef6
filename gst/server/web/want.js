// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Which size of a picture is of use, as gst/core/want.c: what we tell a member
 * of its own picture, and what it tells us of ours (docs/protocol.md, "What is
 * seen"). A smaller picture is asked for at once, since it saves the sender's
 * uplink; a larger one after a while, since a window that is being resized
 * passes many sizes. Either waits until the last message is half a second old.
 * Messages are said again together with our state, as any of them may be lost.
 */

import {MAX_WANT_FPS, MAX_WANT_SIDE} from './message.js';
import {WANT_INTERVAL, WANT_LARGER} from './timing.js';

/** @typedef {import('./message.js').Message} Message */
/** @typedef {import('./room.js').Room} Room */
/** @typedef {import('./member.js').Member} Member */

/**
 * The largest picture that a receiver has a use for.
 *
 * @typedef {object} Want
 * @property {number} width in pixels of its screen; 0 = it is not seen
 * @property {number} height
 * @property {number} fps 0 = as many as there are
 */

/** @type {Want} */
const UNSEEN = {width: 0, height: 0, fps: 0};

/** @param {Want} want */
const frames = ({fps}) => fps || MAX_WANT_FPS;

/** @param {Want} a @param {Want} b */
function isLarger(a, b) {
  if (a.width === 0 || b.width === 0)
    return a.width > 0;
  return a.width > b.width || a.height > b.height || frames(a) > frames(b);
}

/** @param {Want} a @param {Want} b */
const isEqual = (a, b) =>
  a.width === b.width && a.height === b.height && a.fps === b.fps;

/**
 * Another attempt begins, or an older one goes on: neither end knows what the
 * other one said before.
 *
 * @param {Member} member
 */
export function begin(member) {
  member.wantSaid = false;
  member.wanted = null;
}

/**
 * When the member is to be told what we can use. An older app is told nothing,
 * since it would not know what a sid is.
 *
 * @param {Room} room
 * @param {Member} member
 */
export function dueAt(room, member) {
  const {want, said, wantFreeAt} = member;
  if (!want || member.phase !== 'connected' || member.inc === null
      || room.server === 'offline')
    return Infinity;
  if (!member.wantSaid)
    return wantFreeAt;
  if (isLarger(want, said))
    return Math.max(wantFreeAt, member.wantLargerAt);
  return isEqual(want, said) ? Infinity : wantFreeAt;
}

/** @param {Room} room @param {Member} member @param {number} now */
function say(room, member, now) {
  room.send(room.message('want', member.id,
    {sid: member.sid, ...member.want}));
  member.wantSaid = true;
  member.said = member.want;
  member.wantFreeAt = now + WANT_INTERVAL;
}

/**
 * @param {Room} room
 * @param {Member} member
 * @param {Want} size
 * @param {number} now
 */
export function set(room, member, {width, height, fps}, now) {
  /* A picture that goes on growing does not put the message off. */
  if (!isLarger(member.want ?? UNSEEN, member.said ?? UNSEEN))
    member.wantLargerAt = now + WANT_LARGER;
  member.want = width === 0 || height === 0 ? UNSEEN : {
    width: Math.min(width, MAX_WANT_SIDE),
    height: Math.min(height, MAX_WANT_SIDE),
    fps: Math.min(fps, MAX_WANT_FPS),
  };
  if (now >= dueAt(room, member))
    say(room, member, now);
}

/** @param {Room} room @param {number} now */
export function sayDue(room, now) {
  for (const member of room.members) {
    if (now >= dueAt(room, member))
      say(room, member, now);
  }
}

/**
 * Takes what a member can use of our picture, unless that is about another
 * attempt than the present one.
 *
 * @param {Room} room
 * @param {Member} member
 * @param {Message} message
 */
export function onMessage(room, member, {sid, width, height, fps}) {
  const wanted = {width, height, fps};
  if (member.phase === 'idle' || sid !== member.sid
      || (member.wanted && isEqual(wanted, member.wanted)))
    return;
  member.wanted = wanted;
  room.push({type: 'wanted', peer: member.id, sid, ...wanted});
}
