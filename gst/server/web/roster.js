// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The members of the room, as gst/core/roster.c. The server's messages come
 * first (welcome, joined, left); roomreply, roster and calls add members.
 * Without a server, or while it is offline, the members' own messages and media
 * decide.
 */

import * as attempt from './attempt.js';
import * as pace from './pace.js';
import {Member} from './member.js';
import {sendStates} from './state.js';
import {ASK_DELAYS, ASKED_ENOUGH, GHOST_TIMEOUT, LOST_SILENCE_TIMEOUT,
  MAX_MEMBERS, NO_SIGN_TIMEOUT, REPAIR_HIGHER, REPAIR_LOWER, ROSTER_DELAY,
  ROSTER_INTERVAL, TELL_AGAIN} from './timing.js';

/** @typedef {import('./message.js').Message} Message */
/** @typedef {import('./room.js').Room} Room */

const NIL_ROOM = '00000000-0000-0000-0000-000000000000';

/** @param {Room} room */
const areHost = (room) => room.host === room.id;

/**
 * Whether the member joined before the one that has this incarnation and id.
 *
 * @param {Member} member
 * @param {string} inc
 * @param {string} id
 */
const isOlder = (member, inc, id) => member.inc !== null
  && (member.inc < inc || (member.inc === inc && member.id < id));

/**
 * The connected member that joined first, if it joined before us.
 *
 * @param {Room} room
 * @returns {Member | undefined}
 */
function findSenior(room) {
  /** @type {Member | undefined} */
  let senior;
  for (const member of room.members) {
    if (member.phase !== 'connected')
      continue;
    /* As in mooz, the member whose id is the room's id is the host. */
    if (member.id === room.room)
      return member;
    if (isOlder(member, senior?.inc ?? room.inc, senior?.id ?? room.id))
      senior = member;
  }
  return senior;
}

/**
 * Whether we host. The server names the host; without one it is the member
 * whose id is the room's, as in mooz, or else the one that has been here
 * longest.
 *
 * @param {Room} room
 */
export const isHost = (room) => room.host !== null ? areHost(room)
  : findSenior(room) === undefined;

/** @param {Room} room @param {number} now */
function viewChanged(room, now) {
  if (room.host === null)
    room.rosterAt = Math.min(room.rosterAt, now + ROSTER_INTERVAL);
  else if (areHost(room))
    room.rosterAt = Math.min(room.rosterAt, now + ROSTER_DELAY);
}

/**
 * A member that has left. Before the time `until` other members' messages do
 * not bring it back. When it comes back, its calls that arrived before are
 * still known. After a bye `callInc` is not older than `inc`.
 *
 * @typedef {{id: string, inc: string | null, callInc: string,
 *   lastCall: number, until: number}} Departed
 */

/** @param {Room} room @param {string} id @returns {Departed | undefined} */
export const findDeparted = (room, id) =>
  room.departed.find((departed) => departed.id === id);

/** @param {Room} room @param {string} id */
function takeDeparted(room, id) {
  const departed = findDeparted(room, id);
  if (departed)
    room.departed.splice(room.departed.indexOf(departed), 1);
  return departed;
}

/**
 * @param {Room} room
 * @param {Omit<Departed, 'until'>} departed
 * @param {number} now
 */
function noteDeparted(room, departed, now) {
  takeDeparted(room, departed.id);
  if (room.departed.length >= MAX_MEMBERS)
    room.departed.shift();
  room.departed.push({...departed, until: now + NO_SIGN_TIMEOUT});
}

/**
 * The fields of a departed member whose incarnation has sent a bye: calls of
 * older incarnations do not count any more.
 *
 * @param {string | null} inc
 * @param {{callInc: string, lastCall: number}} calls the last call accepted
 */
const ended = (inc, {callInc, lastCall}) => inc !== null && inc > callInc
  ? {inc, callInc: inc, lastCall: 0} : {inc, callInc, lastCall};

/**
 * Notes the bye of an unknown member, as older messages of it may still come.
 *
 * @param {Room} room
 * @param {Message} message
 * @param {number} now
 */
export function noteBye(room, {from, inc, sid, reason}, now) {
  if (sid === undefined && reason === 'left') {
    noteDeparted(room, {id: from, ...ended(inc ?? null,
      {callInc: '', lastCall: 0})}, now);
  }
}

/**
 * Whether this incarnation has sent a bye.
 *
 * @param {Room} room
 * @param {string} id
 * @param {string | undefined} inc
 * @param {number} now
 */
export function isOver(room, id, inc, now) {
  const departed = findDeparted(room, id);
  return !!departed?.inc && now < departed.until && inc !== undefined
    && inc <= departed.inc;
}

/**
 * The delay before we call a member if neither its call nor a roomreply comes
 * first.
 *
 * @param {Room} room
 * @param {Member} member
 */
export const repairDelay = (room, member) =>
  room.id < member.id ? REPAIR_LOWER : REPAIR_HIGHER;

/**
 * Returns the member of that id, and adds it if it is new. To be called for ids
 * that the server or the member itself has named.
 *
 * @param {Room} room
 * @param {string} id
 * @param {number} now
 * @returns {Member | undefined} undefined: the id is ours, or the room is full
 */
export function learn(room, id, now) {
  const known = room.find(id);
  if (known)
    return known;
  if (id === room.id || room.members.length + 1 >= MAX_MEMBERS)
    return undefined;
  const departed = takeDeparted(room, id);
  const member = new Member(id, now);
  /* The member may come back, but its calls that came before count no more. */
  member.callInc = departed?.callInc ?? '';
  member.lastCall = departed?.lastCall ?? 0;
  member.callAt = now + repairDelay(room, member);
  room.members.push(member);
  viewChanged(room, now);
  return member;
}

/**
 * As learn(), for ids that another member has named, which do not bring back a
 * member that has left.
 *
 * @param {Room} room
 * @param {string} id
 * @param {number} now
 */
function learnByHearsay(room, id, now) {
  const member = room.find(id);
  if (member || now < (findDeparted(room, id)?.until ?? -Infinity))
    return member;
  return learn(room, id, now);
}

/**
 * Removes the member's tile; the room still knows the member.
 *
 * @param {Room} room
 * @param {Member} member
 * @param {string} reason
 */
export function untile(room, member, reason) {
  attempt.drop(room, member, reason);
  if (!member.added)
    return;
  member.added = false;
  member.name = null;
  member.muted = member.hidden = false;
  room.push({type: 'peer-removed', peer: member.id, reason});
}

/**
 * @param {Room} room
 * @param {Member} member
 * @param {string} reason
 * @param {number} now
 */
export function forget(room, member, reason, now) {
  attempt.stop(room, member, reason);
  untile(room, member, reason);
  const {id, callInc, lastCall} = member;
  noteDeparted(room, reason === 'left' ? {id, ...ended(member.inc, member)}
    : {id, inc: null, callInc, lastCall}, now);
  room.members.splice(room.members.indexOf(member), 1);
  viewChanged(room, now);
  /* Without a host nobody sends a list of members, so we ask for one again. */
  if (room.host === null && room.joined && room.members.length === 0) {
    room.answered = false;
    room.askAt = Math.min(room.askAt, now + ROSTER_INTERVAL);
  }
}

/** @param {Room} room */
const serverLists = (room) => room.server === 'online' && room.lists;

/**
 * Whether the server is online and does not list the member.
 *
 * @param {Room} room
 * @param {Member} member
 */
export const denies = (room, member) => serverLists(room) && !member.listed;

/**
 * When the tile of a member that is not connected is removed.
 *
 * @param {Room} room
 * @param {Member} member
 */
export function ghostAt(room, member) {
  const vouched = serverLists(room) && member.listed;
  if (!member.added || member.phase === 'connected' || vouched)
    return Infinity;
  return Math.max(member.seenAt, member.lostAt) + GHOST_TIMEOUT;
}

/**
 * When a member without an attempt is forgotten: some time after its last
 * message or media if no server lists the members; never while the server is
 * offline.
 *
 * @param {Room} room
 * @param {Member} member
 */
export function forgetAt(room, member) {
  if (member.phase !== 'idle' || room.server === 'offline'
      || serverLists(room))
    return Infinity;
  return member.seenAt + NO_SIGN_TIMEOUT;
}

/**
 * Sends joinroom, and sets when to send it again.
 *
 * @param {Room} room
 * @param {number} now
 */
export function ask(room, now) {
  const delay = ASK_DELAYS[Math.min(room.nAsked, ASK_DELAYS.length - 1)];
  room.send(room.message('joinroom', room.room ?? NIL_ROOM));
  room.nAsked++;
  room.askAt = now + delay;
}

/**
 * Calls all members, as a newcomer does. Members that joined after us call us,
 * and a member with failed attempts is called at its own time.
 *
 * @param {Room} room
 * @param {number} now
 */
function callEverybody(room, now) {
  room.answered = true;
  room.askAt = Infinity;
  for (const member of room.members) {
    if (member.newer || member.failures > 0)
      continue;
    /* The rest are called as soon as the pace allows it. */
    if (now >= pace.freeAt(room))
      attempt.call(room, member, now);
    else
      member.callAt = Math.min(member.callAt, now);
  }
}

/** @param {Room} room @param {number} now */
export function startAsking(room, now) {
  room.answered = false;
  room.nAsked = 0;
  /* The host knows the members, and calls them without asking. */
  if (areHost(room))
    callEverybody(room, now);
  else
    ask(room, now);
}

/**
 * Lists us and the known members, except one. Without the server's list only
 * members that have sent a message are listed: members that pass on each
 * other's lists would otherwise keep one in them that has long left.
 *
 * @param {Room} room
 * @param {string} [but]
 */
const listMembers = (room, but) => [room.id, ...room.members
  .filter(({id, lost, spoke}) => !lost && (room.lists || spoke) && id !== but)
  .map(({id}) => id)];

/**
 * Sends the list of members to all of them if we are the host. Where no server
 * names the host, the other members send their lists to the host, which also
 * asks whether there is another one.
 *
 * @param {Room} room
 * @param {number} now
 */
export function sendRosters(room, now) {
  const senior = findSenior(room);
  room.rosterAt = room.members.length > 0 ? now + ROSTER_INTERVAL : Infinity;
  const send = ({id}) =>
    room.send(room.message('roster', id, {ids: listMembers(room)}));
  if (room.host === null && senior) {
    send(senior);
    return;
  }
  if (!isHost(room))
    return;
  if (room.host === null && room.joined)
    room.send(room.message('joinroom', room.room ?? NIL_ROOM));
  room.members.forEach(send);
}

/** @param {Room} room @param {string | undefined} id @param {number} now */
function setHost(room, id, now) {
  if (!id || room.host === id)
    return;
  room.host = id;
  room.rosterAt = Infinity;
  if (room.members.length > 0)
    viewChanged(room, now);
}

/**
 * Takes the server's list of members. Members that are not in it are forgotten,
 * unless they have an attempt or a connection. The list has the order of
 * joining, but a member that has just started is newer than all others, even if
 * its id is in the list from an earlier start.
 *
 * @param {Room} room
 * @param {string[]} ids
 * @param {boolean} first
 * @param {number} now
 */
function readMembers(room, ids, first, now) {
  let newer = false;
  for (const id of ids) {
    const member = learn(room, id, now);
    if (id === room.id)
      newer = !first;
    if (member)
      Object.assign(member, {listed: true, lost: false, newer});
  }
  for (const member of [...room.members].reverse()) {
    if (ids.includes(member.id))
      continue;
    member.listed = false;
    if (member.phase === 'idle')
      forget(room, member, 'timeout', now);
  }
}

/**
 * Ends all attempts that are not connected, since messages of theirs were in
 * the old mailbox, which is gone: they would wait until they time out.
 *
 * @param {Room} room
 * @param {number} now
 */
function startAfresh(room, now) {
  for (const member of room.members) {
    member.failures = 0;
    attempt.abandon(room, member, now);
  }
  sendStates(room, now);
}

/** @param {Member} member @param {number} now */
function isHeard({phase, heardAt, oldSid, oldHeardAt}, now) {
  const at = phase === 'connected' ? heardAt
    : oldSid !== null ? oldHeardAt : -Infinity;
  return now < at + LOST_SILENCE_TIMEOUT;
}

/** @typedef {(room: Room, message: Message, now: number) => void} Handler */

/** @type {Record<string, Handler>} */
const serverHandlers = {
  welcome(room, message, now) {
    const first = room.server === 'none';
    room.server = 'online';
    room.room ??= message.room ?? null;
    setHost(room, message.host, now);
    /* The server sends the missed messages after the welcome. */
    if (message.resumed && !first)
      return;
    if (!first)
      startAfresh(room, now);
    room.lists = message.ids !== undefined;
    if (message.ids)
      readMembers(room, message.ids, first, now);
    if (room.joined)
      startAsking(room, now);
  },

  joined(room, message, now) {
    const member = learn(room, message.id, now);
    if (!member)
      return;
    if (!member.listed && member.phase === 'idle') {
      member.newer = true;
      member.callAt = now + repairDelay(room, member);
    }
    member.listed = true;
    member.lost = false;
  },

  left(room, message, now) {
    const member = room.find(message.id);
    if (!member)
      return;
    member.listed = false;
    if (message.reason === 'bye')
      forget(room, member, 'left', now);
    else if (isHeard(member, now))
      member.lost = true;
    else
      forget(room, member, 'timeout', now);
  },

  /* If the host that we asked has left, the new one is asked at once. */
  host(room, message, now) {
    const changed = room.host !== message.id;
    setHost(room, message.id, now);
    if (changed && room.joined && !room.answered)
      startAsking(room, now);
  },

  undeliverable(room, message, now) {
    const member = room.find(message.to);
    /* No bye is sent, as it would not arrive either. */
    if (member && member.phase !== 'idle' && member.phase !== 'connected')
      attempt.failed(room, member, 'failed', null, now);
  },

  offline(room) {
    room.server = 'offline';
  },
};

/** Whether messages of this type are the server's. @param {string} type */
export const isServers = (type) => Object.hasOwn(serverHandlers, type);

/** @param {Room} room @param {Message} message @param {number} now */
export function serverSays(room, message, now) {
  serverHandlers[message.type](room, message, now);
}

/**
 * Whether a joinroom is for us: sent to our id, or to the room's id while we
 * are the host. Where no server names the host, everybody answers a member that
 * asks again, since the host may have left.
 *
 * @param {Room} room
 * @param {Message} message
 */
function isAskedOfUs(room, {from, to}) {
  const member = room.find(from);
  if (to === undefined || to === room.id)
    return true;
  if (room.room === null && to !== NIL_ROOM)
    room.room = to;
  if (to !== room.room && to !== NIL_ROOM)
    return false;
  if (isHost(room))
    return true;
  return room.host === null && member !== undefined
    && member.phase !== 'connected' && member.asked++ > 0;
}

/**
 * Whether another member may turn out to be the host.
 *
 * @param {Room} room
 */
const mayHaveSenior = (room) =>
  (!room.answered && room.nAsked < ASKED_ENOUGH)
  || room.members.some((member) => member.phase !== 'idle'
    && (member.id === room.room || isOlder(member, room.inc, room.id)));

/**
 * Whether to send a roomreply to the member. An older app calls all members
 * again at each roomreply, and cannot tell their answers apart. So it gets one
 * only, and none from us while another member may be the host. Members that it
 * does not call will call it.
 *
 * @param {Room} room
 * @param {Member | undefined} member
 * @param {Message} message
 * @param {number} now
 */
function mayTell(room, member, {inc, to}, now) {
  const isOurs = to === undefined || to === room.id;
  if (inc !== undefined || !member)
    return true;
  if (now < member.toldUntil || (!isOurs && mayHaveSenior(room)))
    return false;
  member.toldUntil = now + TELL_AGAIN;
  return true;
}

/** @param {Room} room @param {Message} message @param {number} now */
export function onJoinroom(room, message, now) {
  if (!isAskedOfUs(room, message)) {
    if (room.host === null)
      learn(room, message.from, now);
    return;
  }
  /* The member is added at once, so that two that ask at the same time are told
   * of each other. */
  const member = learn(room, message.from, now);
  if (!mayTell(room, member, message, now))
    return;
  room.send(room.message('roomreply', message.from,
    {ids: listMembers(room, message.from)}));
}

/**
 * Whether the member may speak for the room: a known host alone may.
 *
 * @param {Room} room
 * @param {string} id
 */
const speaksForRoom = (room, id) => room.host === null || room.host === id;

/** @param {Room} room @param {Message} message @param {number} now */
export function onRoomreply(room, message, now) {
  /* Without a host all members answer, each with the members that it knows. */
  const call = room.joined && (!room.answered || room.host === null);
  if (!speaksForRoom(room, message.from))
    return;
  learn(room, message.from, now);
  for (const id of message.ids ?? [])
    learnByHearsay(room, id, now);
  if (call)
    callEverybody(room, now);
}

/** @param {Room} room @param {Message} message @param {number} now */
export function onRoster(room, message, now) {
  if (!speaksForRoom(room, message.from))
    return;
  for (const id of message.ids ?? [])
    learnByHearsay(room, id, now);
}
