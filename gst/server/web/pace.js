// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Limits how many attempts run at once, as gst/core/pace.c: few at first, one
 * more with each quick attempt, few again after a slow one. A newcomer to a
 * large room would otherwise be so busy that every attempt times out. An
 * attempt that has run for a while no longer counts.
 */

import {MAX_MEMBERS, PACE_FIRST, PACE_HOLDS_UP, PACE_QUICK, PACE_SLOW}
  from './timing.js';

/** @typedef {import('./room.js').Room} Room */
/** @typedef {import('./member.js').Member} Member */

/**
 * @param {Room} room
 * @returns {number} when one more attempt may begin; -Infinity: now
 */
export function freeAt(room) {
  const began = room.members
    .filter(({phase}) => phase !== 'idle' && phase !== 'connected')
    .map(({beganAt}) => beganAt).sort((a, b) => b - a);
  return began.length < room.pace ? -Infinity
    : began[room.pace - 1] + PACE_HOLDS_UP;
}

/**
 * @param {Room} room
 * @param {number} now
 * @returns {Member | undefined} the member whose turn it is to be called, the
 *   one that has been due for longest; undefined when nobody is due or the pace
 *   allows no call
 */
export function next(room, now) {
  if (!room.joined || room.server === 'offline' || now < freeAt(room))
    return undefined;
  return room.members.filter(({phase, callAt, barredUntil}) =>
    phase === 'idle' && now >= callAt && now >= barredUntil)
    .sort((a, b) => a.callAt - b.callAt)[0];
}

/**
 * Adjusts the pace when the member's attempt has connected.
 *
 * @param {Room} room
 * @param {Member} member
 * @param {number} now
 */
export function connected(room, member, now) {
  const took = now - member.beganAt;
  if (took <= PACE_QUICK)
    room.pace = Math.min(room.pace + 1, MAX_MEMBERS);
  else if (took > PACE_SLOW)
    room.pace = PACE_FIRST;
}

/** Resets the pace when an attempt has timed out. @param {Room} room */
export function failed(room) {
  room.pace = PACE_FIRST;
}
