// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * One attempt at a connection with one member (docs/protocol.md, "One
 * attempt"), as gst/core/attempt.c:
 *
 *              we call              its offer            connected
 *       idle ----------> calling ------------> answering ----------+
 *        | it calls, also in any other phase                       v
 *        +-------------> offering ---------------------------> connected
 *                                      connected
 *
 * Every phase but idle has a timeout, and leads back to idle through failed(),
 * which sets when to call again. A connection that has fallen silent, or that
 * the other side gives up, is set aside: it ends soon after another one is
 * there, and is gone back to when it is heard and the other attempt came to
 * nothing.
 */

import {parseSid} from './ids.js';
import * as pace from './pace.js';
import * as roster from './roster.js';
import {BARRED_TIME, CALL_TIMEOUT, CONNECT_TIMEOUT, LOST_SILENCE_TIMEOUT,
  MAX_CANDIDATES, OLD_LINGERS, OLD_SILENCE, OLD_STAYS, OTHER_SIDE_LATER,
  RETRY_DELAYS, SILENCE_TIMEOUT, STEADY_AFTER, STEADY_SILENCE_TIMEOUT,
  WARN_AFTER} from './timing.js';

/** @typedef {import('./message.js').Message} Message */
/** @typedef {import('./room.js').Room} Room */
/** @typedef {import('./member.js').Member} Member */

/** @param {Room} room */
const countAttempts = (room) =>
  room.members.filter((member) => member.phase !== 'idle').length;

/**
 * @param {Room} room
 * @param {Member} member
 * @param {string} sid
 * @param {'calling' | 'offering'} phase
 * @param {string[] | undefined} codecs
 * @param {number} now
 */
function begin(room, member, sid, phase, codecs, now) {
  member.phase = phase;
  member.sid = sid;
  member.caller = phase === 'calling';
  member.beganAt = now;
  member.haveRemote = member.haveLocal = false;
  member.nRemote = member.nLocal = 0;
  if (member.oldSince === Infinity)
    member.oldSince = now;
  if (member.caller) {
    room.push({type: 'start', peer: member.id, sid, offerer: false});
  } else {
    room.push({type: 'start', peer: member.id, sid, offerer: true,
      codecs: codecs?.length ? codecs : ['VP8']});
  }
}

/** @param {Room} room */
const nextSid = (room) => `${room.inc}-${++room.nCalls}`;

/** @param {Room} room @param {Member} member @param {string | null} sid */
const sendCall = (room, member, sid) => room.send(room.message('call',
  member.id, {sid: sid ?? undefined, codecs: room.codecs}));

/**
 * Calls the member, unless something is under way or stands against it.
 *
 * @param {Room} room
 * @param {Member} member
 * @param {number} now
 */
export function call(room, member, now) {
  if (member.phase !== 'idle' || now < member.barredUntil
      || room.server === 'offline')
    return;
  if (countAttempts(room) >= room.maxPeers) {
    member.callAt = now + OTHER_SIDE_LATER;
    return;
  }
  const sid = nextSid(room);
  sendCall(room, member, sid);
  begin(room, member, sid, 'calling', undefined, now);
}

/** @param {Member} member */
function becomeIdle(member) {
  member.phase = 'idle';
  member.renew = false;
  member.sid = null;
  member.remoteCandidates = [];
  member.localCandidates = [];
}

/**
 * Ends the attempt, but not the connection that was there before it.
 *
 * @param {Room} room
 * @param {Member} member
 * @param {string} reason
 */
function endAttempt(room, member, reason) {
  if (member.phase === 'idle')
    return;
  room.push({type: 'stop', peer: member.id, sid: member.sid, reason});
  becomeIdle(member);
}

/**
 * Ends the connection that was there before the attempt.
 *
 * @param {Room} room
 * @param {Member} member
 * @param {string} reason
 */
export function drop(room, member, reason) {
  const sid = member.oldSid ?? member.overSid;
  if (sid !== null)
    room.push({type: 'drop', peer: member.id, sid, reason});
  member.oldSid = member.overSid = null;
}

/**
 * Marks the connection that was set aside as over: another one has taken its
 * place.
 *
 * @param {Member} member
 */
export function replace(member) {
  member.overSid = member.oldSid ?? member.overSid;
  member.oldSid = null;
}

/**
 * When the connection that was there before the attempt has been silent beside
 * it for too long.
 *
 * @param {Member} member
 */
export const silentAt = ({oldSince}) => oldSince + OLD_SILENCE;

/** When that connection ends of itself. @param {Member} member */
export function dropAt(member) {
  if (member.oldSid === null && member.overSid === null)
    return Infinity;
  const at = silentAt(member);
  if (member.overSid === null || member.phase !== 'connected')
    return at;
  return Math.min(at, member.connectedAt
    + (member.shown ? OLD_LINGERS : OLD_STAYS));
}

/**
 * Ends everything with the member, and sets nothing new.
 *
 * @param {Room} room
 * @param {Member} member
 * @param {string} reason
 */
export function stop(room, member, reason) {
  endAttempt(room, member, reason);
  drop(room, member, reason);
}

/**
 * A connection gives way to another attempt, and stays until that is connected:
 * maybe it is good one way, or will be again.
 *
 * @param {Room} room
 * @param {Member} member
 * @param {string} reason
 * @param {number} now
 */
function setAside(room, member, reason, now) {
  drop(room, member, 'replaced');
  room.push({type: 'retire', peer: member.id, sid: member.sid, reason});
  member.oldSid = member.sid;
  member.oldCaller = member.caller;
  member.oldHeardAt = member.heardAt;
  member.oldSince = Infinity;
  member.lostAt = now;
  becomeIdle(member);
}

/**
 * The member's attempt gives way to another one: a connection is set aside,
 * whatever is less than that ends.
 *
 * @param {Room} room
 * @param {Member} member
 * @param {number} now
 */
export function giveWay(room, member, now) {
  if (member.phase === 'connected')
    setAside(room, member, 'replaced', now);
  else
    endAttempt(room, member, 'replaced');
}

/**
 * How long a connection may be silent. A peer that sends only reports does so
 * every few seconds (RFC 3550, 6.2); one that sent media all the time would go
 * on.
 *
 * @param {Member} member
 */
function patience(member) {
  if (member.lost)
    return LOST_SILENCE_TIMEOUT;
  return member.steady >= STEADY_AFTER ? STEADY_SILENCE_TIMEOUT
    : SILENCE_TIMEOUT;
}

/**
 * Goes back to the connection that was set aside, if it lives and no other
 * attempt is under way.
 *
 * @param {Room} room
 * @param {Member} member
 * @param {number} now
 */
export function goBack(room, member, now) {
  if (member.oldSid === null || member.phase !== 'idle'
      || now >= member.oldHeardAt + patience(member))
    return false;
  member.phase = 'connected';
  member.sid = member.oldSid;
  member.oldSid = null;
  member.caller = member.oldCaller;
  member.heardAt = member.oldHeardAt;
  member.haveRemote = member.haveLocal = true;
  room.push({type: 'back', peer: member.id, sid: member.sid});
  return true;
}

/**
 * Ends an attempt that is not connected: what was sent for it may be lost.
 *
 * @param {Room} room
 * @param {Member} member
 * @param {number} now
 */
export function abandon(room, member, now) {
  if (member.phase === 'idle' || member.phase === 'connected')
    return;
  room.sendBye(member.id, member.sid, 'failed');
  endAttempt(room, member, 'failed');
  if (!goBack(room, member, now))
    member.callAt = now + roster.repairDelay(room, member);
}

/**
 * The attempt has failed: tells the other side, and sets when to call again.
 * May forget the member.
 *
 * @param {Room} room
 * @param {Member} member
 * @param {string} reason
 * @param {string | null} bye the reason to tell; null: it is not told
 * @param {number} now
 */
export function failed(room, member, reason, bye, now) {
  const delay = RETRY_DELAYS[Math.min(member.failures,
    RETRY_DELAYS.length - 1)];
  const wasConnected = member.phase === 'connected';
  if (bye)
    room.sendBye(member.id, member.sid, bye);
  endAttempt(room, member, reason);
  if (goBack(room, member, now))
    return;
  if (wasConnected)
    member.lostAt = now;
  if (member.lost || roster.denies(room, member)
      || now >= roster.forgetAt(room, member)) {
    roster.forget(room, member, 'timeout', now);
    return;
  }
  member.callAt = now + delay + (member.caller ? 0 : OTHER_SIDE_LATER);
  if (++member.failures === WARN_AFTER) {
    room.warn(member.id,
      `no connection after ${WARN_AFTER} attempts; trying on`);
  }
}

/**
 * Replaces the attempt, since our addresses have changed. A member that the
 * server has lost, or an older app, would not answer another call: there the
 * present attempt goes on.
 *
 * @param {Room} room
 * @param {Member} member
 * @param {number} now
 */
export function renew(room, member, now) {
  member.renew = false;
  if (member.phase === 'offering') {
    /* The member's call stands until a bye reaches the member. */
    failed(room, member, 'failed', 'failed', now);
    return;
  }
  if (member.lost || member.inc === null || roster.denies(room, member))
    return;
  giveWay(room, member, now);
  call(room, member, now);
}

/**
 * Ends everything with a member that refuses us, or that we refuse.
 *
 * @param {Room} room
 * @param {Member} member
 * @param {string} reason
 * @param {number} now
 */
export function barred(room, member, reason, now) {
  stop(room, member, reason);
  roster.untile(room, member, reason);
  member.lostAt = now;
  member.barredUntil = now + BARRED_TIME;
  member.callAt = member.barredUntil + (member.caller ? 0 : OTHER_SIDE_LATER);
}

/**
 * When the attempt fails of itself. An older app that is called a second time
 * begins a second connection, and gives it the answer to the offer of the first:
 * a slow one is not called again before it has had time for all of it.
 *
 * @param {Member} member
 */
export function timeout(member) {
  const isOlderApp = member.spoke && member.inc === null;
  switch (member.phase) {
    case 'calling':
      return member.beganAt + (isOlderApp ? CONNECT_TIMEOUT : CALL_TIMEOUT);
    case 'answering':
    case 'offering':
      return member.beganAt + CONNECT_TIMEOUT;
    case 'connected':
      return member.heardAt + patience(member);
    default:
      return Infinity;
  }
}

/**
 * Nothing is heard on the connection. It may be that only we do not hear, so
 * the member gets no bye, and another attempt begins beside the connection.
 *
 * @param {Room} room
 * @param {Member} member
 * @param {number} now
 */
function onSilence(room, member, now) {
  setAside(room, member, 'silent', now);
  member.callAt = now;
  call(room, member, now);
}

/** @param {Room} room @param {Member} member @param {number} now */
export function onTimeout(room, member, now) {
  if (member.phase !== 'connected') {
    pace.failed(room);
    failed(room, member, 'failed', 'failed', now);
  } else if (member.lost || roster.denies(room, member)) {
    failed(room, member, 'silent', 'failed', now);
  } else {
    onSilence(room, member, now);
  }
}

/**
 * Whether our call stands against that of the message: where both have called,
 * and ours is still without an offer, the lower id's call stands. An older app
 * knows no such rule, and keeps to its own call, so we keep to ours, which it
 * answers.
 *
 * @param {Room} room
 * @param {Member} member
 * @param {Message} message
 */
const oursStands = (room, member, message) => member.phase === 'calling'
  && (message.sid === undefined || room.id < member.id);

/**
 * The member started anew: what was under way with its old incarnation ends. A
 * connection that there is only gives way, since the message may be a late one,
 * or a recording, of a life whose clock was ahead of the living one's. When
 * both have called each other, nothing tells which of the two lives got our
 * call; where our call is the one that stands, another call takes its place,
 * also where the first did arrive.
 *
 * @param {Room} room
 * @param {Member} member
 * @param {Message} message
 * @param {number} now
 */
function startAnew(room, member, message, now) {
  const callAgain = message.type === 'call'
    && oursStands(room, member, message);
  giveWay(room, member, now);
  member.lostAt = now;
  member.failures = 0;
  member.barredUntil = 0;
  member.callAt = now + roster.repairDelay(room, member);
  if (callAgain)
    call(room, member, now);
}

/**
 * @param {Room} room
 * @param {Member} member
 * @param {Message} message
 * @param {number} now
 * @returns {boolean} false: the message is of an incarnation that is over
 */
export function acceptInc(room, member, message, now) {
  if (message.inc === undefined || message.inc === member.inc)
    return true;
  if (member.inc !== null && message.inc < member.inc)
    return false;
  const gotOurCall = message.type === 'signal' && member.phase === 'calling'
    && message.sid === member.sid;
  if (member.inc !== null && !gotOurCall)
    startAnew(room, member, message, now);
  member.inc = message.inc;
  return true;
}

/**
 * Whether this call of the member, or a later one, was here before.
 *
 * @param {Member} member
 * @param {{inc: string, number: number}} sid
 */
const isStaleCall = (member, {inc, number}) => inc < member.callInc
  || (inc === member.callInc && number <= member.lastCall);

/** @param {Room} room @param {Message} message @param {number} now */
export function onCall(room, message, now) {
  const {from, inc, sid, codecs} = message;
  const member = roster.learn(room, from, now);
  const parsed = sid === undefined ? null : parseSid(sid);
  if (sid !== undefined) {
    if (!parsed || (inc !== undefined && inc !== parsed.inc))
      return;
    if (member && isStaleCall(member, parsed))
      return;
  }
  if (!member || (member.phase === 'idle'
      && countAttempts(room) >= room.maxPeers)) {
    room.sendBye(from, sid, 'full');
    return;
  }
  if (now < member.refuseUntil) {
    room.sendBye(from, sid, 'refused');
    return;
  }
  if (oursStands(room, member, message)) {
    /* Our call may have been lost, where messages are. A member that has it
     * drops the second one; an older app would not. */
    if (parsed && !room.lists)
      sendCall(room, member, member.sid);
    return;
  }
  if (parsed) {
    giveWay(room, member, now);
    member.callInc = parsed.inc;
    member.lastCall = parsed.number;
  } else {
    endAttempt(room, member, 'replaced');
    replace(member);
  }
  begin(room, member, sid ?? nextSid(room), 'offering', codecs, now);
}

/**
 * Older apps name no session: their messages are about the current one.
 *
 * @param {Member} member
 * @param {string | undefined} sid
 */
function isCurrent(member, sid) {
  if (member.phase === 'idle')
    return false;
  return sid === undefined ? member.inc === null : sid === member.sid;
}

/** @param {Room} room @param {Member} member @param {Message} message */
function takeSdp(room, member, {sdpType, sdp}) {
  const offer = sdpType === 'offer';
  /* The caller never offers, and each side describes itself once. */
  if (member.haveRemote || offer !== member.caller
      || (!offer && !member.haveLocal))
    return;
  if (offer)
    member.phase = 'answering';
  member.haveRemote = true;
  room.push({type: 'remote-sdp', peer: member.id, sid: member.sid, sdpType,
    sdp});
  for (const action of member.remoteCandidates.splice(0))
    room.push(action);
}

/** @param {Room} room @param {Member} member @param {Message} message */
function takeCandidate(room, member, {candidate, mline, mid}) {
  if (member.nRemote >= MAX_CANDIDATES)
    return;
  member.nRemote++;
  /** @type {import('./room.js').Action} */
  const action = {type: 'remote-candidate', peer: member.id, sid: member.sid,
    candidate, mline, mid};
  if (member.haveRemote)
    room.push(action);
  else
    member.remoteCandidates.push(action);
}

/**
 * Whether the member offers by a call that came after we had given it up.
 *
 * @param {Room} room
 * @param {Member} member
 * @param {Message} message
 */
const isOfferTooLate = (room, member, {sid, sdpType}) => sdpType === 'offer'
  && sid !== undefined && sid.startsWith(room.inc) && sid !== member.oldSid;

/** @param {Room} room @param {Member} member @param {Message} message */
export function onSignal(room, member, message) {
  if (!isCurrent(member, message.sid)) {
    if (isOfferTooLate(room, member, message))
      room.sendBye(member.id, message.sid, 'failed');
    return;
  }
  if (message.sdp !== undefined)
    takeSdp(room, member, message);
  if (message.candidate !== undefined)
    takeCandidate(room, member, message);
}

/**
 * @param {Room} room
 * @param {Member} member
 * @param {Message} message
 * @param {number} now
 */
export function onBye(room, member, {sid, reason}, now) {
  if (reason === 'left') {
    roster.forget(room, member, 'left', now);
    return;
  }
  if (sid !== undefined && sid === member.oldSid) {
    drop(room, member, 'failed');
    return;
  }
  if (sid === undefined || !isCurrent(member, sid))
    return;
  if (reason === 'full' || reason === 'refused') {
    room.warn(member.id, `does not take our call: ${reason}`);
    barred(room, member, reason, now);
  } else {
    failed(room, member, 'failed', null, now);
  }
}
