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
 * the other side replaces, is set aside: it ends soon after the new attempt has
 * connected, and becomes the current one again when media is heard on it and
 * the new attempt has failed.
 */

import {parseSid} from './ids.js';
import * as pace from './pace.js';
import * as roster from './roster.js';
import {BARRED_TIME, CALL_TIMEOUT, CONNECT_TIMEOUT, LOST_SILENCE_TIMEOUT,
  MAX_CANDIDATES, OLD_LINGERS, OLD_SILENCE, OLD_STAYS, OTHER_SIDE_LATER,
  RETRY_DELAYS, SILENCE_TIMEOUT, STEADY_AFTER, STEADY_SILENCE_TIMEOUT,
  WARN_AFTER} from './timing.js';
import * as want from './want.js';

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
  want.begin(member);
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
 * Calls the member, unless an attempt is under way, calls to the member are
 * barred, or the server is offline.
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
 * Ends the attempt, but not the connection that was set aside for it.
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
 * Ends the connection that was set aside for the attempt.
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
 * When the connection that was set aside has been silent for too long, counted
 * from the start of the attempt at the earliest.
 *
 * @param {Member} member
 */
export const silentAt = ({oldSince}) => oldSince + OLD_SILENCE;

/** When the connection that was set aside ends. @param {Member} member */
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
 * Ends the attempt and the connection that was set aside, and plans no other
 * attempt.
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
 * Sets the connection aside for another attempt, until that attempt is
 * connected: media may still pass in one direction, or in both again soon.
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
 * Makes way for another attempt: a connection is set aside, and an attempt that
 * is not connected ends.
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
 * How long a connection may be silent. A peer that sends no media sends RTCP
 * reports every few seconds (RFC 3550, 6.2), so it is given more time than a
 * peer whose media has arrived without a gap.
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
 * Makes the connection that was set aside the current one again, if media was
 * heard on it lately and no other attempt is under way.
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
  want.begin(member);
  room.push({type: 'back', peer: member.id, sid: member.sid});
  return true;
}

/**
 * Ends an attempt that is not connected, because messages of it may be lost.
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
 * @param {string | null} bye the reason to name in a bye; null: no bye is sent
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
 * Replaces the attempt, since our addresses have changed. Another call would
 * not reach a member that the server has lost, and an older app would not
 * answer one, so the present attempt with such a member goes on.
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
 * When the attempt times out. An older app that is called a second time begins
 * a second connection, and hands to it the answer to the offer of the first. So
 * it is not called again before the first connection has had its whole time.
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
 * Begins another attempt beside a silent connection. The silence may be in one
 * direction only, so the member gets no bye.
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
 * Ends the attempt with the old incarnation of a member that started anew. A
 * connection is only set aside, since the message may be a late one, or a
 * recording, of an incarnation whose clock was ahead of the present one's. When
 * both sides have called, it is not known which of the two incarnations got our
 * call; where our call is the one that counts, it is made again.
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
 * Whether this call of the member, or a later one, has arrived already.
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
    /* Our call may have been lost where no server keeps messages. A member that
     * has our call ignores its repetition; an older app would not. */
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
 * Whether a message is about the current session, which older apps do not name.
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
 * Whether the message offers a session whose call we have already given up.
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
