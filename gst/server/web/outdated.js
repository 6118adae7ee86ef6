// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * Handles a member whose clock was wrong when it started (docs/protocol.md, "A
 * clock that went back"), as gst/core/outdated.c. Incarnations are ordered by
 * the clock, and messages of an older one are ignored, since a recording could
 * otherwise take a member's place. So a member whose incarnation looks older is
 * told the newest one, and takes an incarnation above it.
 */

import {isInc} from './ids.js';
import * as attempt from './attempt.js';
import * as roster from './roster.js';
import {MAX_REINCARNATIONS, TELL_OUTDATED_INTERVAL} from './timing.js';

/** @typedef {import('./message.js').Message} Message */
/** @typedef {import('./room.js').Room} Room */

/**
 * The newer of two incarnations; '' if there is none.
 *
 * @param {string | null | undefined} a
 * @param {string | null | undefined} b
 */
const newer = (a, b) => ((a ?? '') < (b ?? '') ? b : a) ?? '';

/**
 * The newest incarnation of an id that any message has named; '': none.
 *
 * @param {Room} room
 * @param {string} id
 */
function newestOf(room, id) {
  const known = room.find(id) ?? roster.findDeparted(room, id);
  return newer(known?.inc, known?.callInc);
}

/**
 * Whether another incarnation of the sender is connected with us. Without a
 * server that assigns ids, that incarnation is taken for the real one until its
 * media falls silent.
 *
 * @param {Room} room
 * @param {Message} message
 */
function isBesideTheLiving(room, {from, inc}) {
  const member = room.find(from);
  return !room.lists && member?.phase === 'connected' && member.life !== inc;
}

/**
 * @param {Room} room
 * @param {Message} message
 * @param {string} newest
 * @param {number} now
 */
function tell(room, message, newest, now) {
  if (message.type === 'bye' || message.type === 'outdated'
      || now < room.tellOutdatedAt || isBesideTheLiving(room, message))
    return;
  room.tellOutdatedAt = now + TELL_OUTDATED_INTERVAL;
  room.send(room.message('outdated', message.from,
    {yours: message.inc, newest}));
}

/**
 * Whether the message comes from an incarnation of its sender that is older
 * than a known one. Such a message is ignored, and the sender is told so.
 *
 * @param {Room} room
 * @param {Message} message
 * @param {number} now
 */
export function refuses(room, message, now) {
  const {type, from, inc} = message;
  if (inc === undefined)
    return false;
  const newest = newer(type === 'outdated' ? '' : message.newest,
    newestOf(room, from));
  if (inc >= newest)
    return false;
  tell(room, message, newest, now);
  return true;
}

/**
 * A member knows an incarnation of ours that is later by its clock.
 *
 * @param {Room} room
 * @param {Message} message
 */
export function onMessage(room, {yours, newest}) {
  if (yours !== room.inc || newest <= room.inc
      || room.nReincarnations >= MAX_REINCARNATIONS)
    return;
  room.push({type: 'outdated', text: newest});
}

/**
 * Takes a new incarnation after an 'outdated'. All members are called as if we
 * had just started; present connections go on until the new ones are connected.
 *
 * @param {Room} room
 * @param {string} inc our incarnation from now on
 * @param {number} now
 * @returns {boolean} false: `inc` is not newer than ours, nothing has changed
 */
export function reincarnate(room, inc, now) {
  if (!isInc(inc) || inc <= room.inc)
    return false;
  room.inc = inc;
  room.nReincarnations++;
  for (const member of room.members) {
    attempt.giveWay(room, member, now);
    member.lostAt = now;
    member.failures = 0;
    member.barredUntil = 0;
    member.newer = false;
    member.callAt = now + roster.repairDelay(room, member);
  }
  if (room.joined)
    roster.startAsking(room, now);
  return true;
}
