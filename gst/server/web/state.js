// SPDX-License-Identifier: LGPL-2.1-or-later

/** The state (name, muted, hidden) that members tell each other. */

import {tidyName} from './names.js';
import {STATE_INTERVAL, STATE_INTERVAL_LISTED} from './timing.js';

/** @typedef {import('./message.js').Message} Message */
/** @typedef {import('./room.js').Room} Room */
/** @typedef {import('./member.js').Member} Member */

/** @param {Room} room @param {string} to */
export function sendState(room, to) {
  const {name, muted, hidden} = room;
  room.send(room.message('state', to, {name, muted, hidden}));
}

/**
 * The time at which our state is said again, if there is anybody to say it to.
 *
 * @param {Room} room
 * @param {number} now
 */
export const nextState = (room, now) =>
  now + (room.lists ? STATE_INTERVAL_LISTED : STATE_INTERVAL);

/**
 * Sends our state, and what we can use of its picture, to every member with an
 * attempt or a connection, and sets when to send them again.
 *
 * @param {Room} room
 * @param {number} now
 */
export function sendStates(room, now) {
  room.stateAt = Infinity;
  for (const member of room.members) {
    if (member.phase === 'idle' && member.oldSid === null)
      continue;
    sendState(room, member.id);
    member.wantSaid = false;
    room.stateAt = nextState(room, now);
  }
}

/** @param {Room} room @param {Member} member @param {Message} message */
export function onState(room, member, {name: told = '', muted = false,
  hidden = false}) {
  const name = tidyName(told);
  if (member.name === name && member.muted === muted
      && member.hidden === hidden)
    return;
  Object.assign(member, {name, muted, hidden});
  room.push({type: 'peer-changed', peer: member.id, name, muted, hidden});
}
