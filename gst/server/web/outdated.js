// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * A member whose clock was wrong at one of its starts (docs/protocol.md, "A
 * clock that went back"), as gst/core/outdated.c. Incarnations order the lives
 * of a peer id by the clock, and what an older one says is never acted upon, or
 * a recording could take the place of a member. So the life that looks older is
 * told which one is the newest, and takes an incarnation above that.
 */

import {isInc} from './ids.js';
import * as attempt from './attempt.js';
import * as roster from './roster.js';
import {MAX_REINCARNATIONS, TELL_OUTDATED_INTERVAL} from './timing.js';

/** @typedef {import('./message.js').Message} Message */
/** @typedef {import('./room.js').Room} Room */

/**
 * The newer of two incarnations; of none, ''.
 *
 * @param {string | null | undefined} a
 * @param {string | null | undefined} b
 */
const newer = (a, b) => ((a ?? '') < (b ?? '') ? b : a) ?? '';

/**
 * The newest incarnation of that id that we had anything of; '': none.
 *
 * @param {Room} room
 * @param {string} id
 */
function newestOf(room, id) {
  const known = room.find(id) ?? roster.findDeparted(room, id);
  return newer(known?.inc, known?.callInc);
}

/**
 * Where no server says to whom an id belongs, the life that we are connected
 * with is the one that counts, until its media falls silent.
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
 * Whether the message is of an older life of its sender than one that we know:
 * then it counts for nothing, and the sender is told so.
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
 * Somebody knows a life of ours that was later by its clock.
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
 * For after an 'outdated'. Everybody is called as if we had just started;
 * the connections that there are go on until new ones are there.
 *
 * @param {Room} room
 * @param {string} inc ours from now on
 * @param {number} now
 * @returns {boolean} false: it is not newer than ours, nothing has changed
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
