// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * How many connections are set up at once, as gst/core/pace.c: few at first,
 * more with each that is quick, few again when one is slow. Whoever comes into
 * a large room would otherwise be so busy with all of them that none is done
 * before its time is up. What has been under way for a while holds up nobody.
 */

import * as attempt from './attempt.js';

/** @typedef {import('./room.js').Room} Room */
/** @typedef {import('./room.js').Member} Member */

export const FIRST = 4;
const MOST = 64;
const QUICK = 1500;
const SLOW = 3000;
const HOLDS_UP = 3000;

/**
 * @param {Room} room
 * @returns {number} when we may begin one more; -Infinity: now
 */
export function freeAt(room) {
  const began = room.members
    .filter(({phase}) => phase !== 'idle' && phase !== 'connected')
    .map(({beganAt}) => beganAt).sort((a, b) => b - a);
  return began.length < room.pace ? -Infinity
    : began[room.pace - 1] + HOLDS_UP;
}

/**
 * Calls who is due, and whose turn it is.
 *
 * @param {Room} room
 * @param {number} now
 */
export function callNext(room, now) {
  if (!room.joined || room.server === 'offline')
    return;
  while (now >= freeAt(room)) {
    const [longest] = room.members.filter(({phase, callAt, barredUntil}) =>
      phase === 'idle' && now >= callAt && now >= barredUntil)
      .sort((a, b) => a.callAt - b.callAt);
    if (!longest)
      return;
    attempt.call(room, longest, now);
  }
}

/**
 * The member's attempt is connected.
 *
 * @param {Room} room
 * @param {Member} member
 * @param {number} now
 */
export function connected(room, member, now) {
  const took = now - member.beganAt;
  if (took <= QUICK)
    room.pace = Math.min(room.pace + 1, MOST);
  else if (took > SLOW)
    room.pace = FIRST;
}

/** An attempt was not connected in its time. @param {Room} room */
export function failed(room) {
  room.pace = FIRST;
}
