// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * One member's view of a room, as gst/core/room.h: who is in it, and which
 * attempt at a connection each pair is at. It decides everything and does
 * nothing: messages, events and the time go in, actions come out. Kept in the
 * shape of the C files of the same names (roster.js, attempt.js), and tested
 * with the same vectors.
 *
 *     room.feed(message, now);
 *     for (const action of room.takeActions())
 *       carryOut(action);
 *     … call tick() at deadline()
 *
 * Times are milliseconds of one monotonic clock. Nothing is random.
 */

import * as attempt from './attempt.js';
import * as outdated from './outdated.js';
import * as pace from './pace.js';
import * as roster from './roster.js';
import * as state from './state.js';
import * as timing from './timing.js';
import * as want from './want.js';

/** @typedef {import('./message.js').Message} Message */
/** @typedef {import('./member.js').Member} Member */

/**
 * One thing to do; which of the fields are there depends on its type.
 *
 * send: send `message` to its `to`;
 * peer-added: `peer` is connected for the first time;
 * peer-removed: `peer` has left, for `reason`; only after peer-added;
 * peer-changed: the `name`, `muted` or `hidden` of `peer` have changed;
 * start: start attempt `sid` with `peer`. When `offerer` is set, offer the
 *   first of `codecs` that we can send; else wait for the peer's offer. The
 *   peer has no other attempt, but may have a connection that is set aside;
 * stop: attempt `sid` with `peer` has ended, for `reason`;
 * retire: set the connection of `sid` aside, for `reason`: it goes on, and is
 *   shown, beside the attempt that is to replace it; heard() and failed() are
 *   called for it too;
 * back: the connection `sid`, which was set aside, is the current one again;
 * drop: close the connection `sid`, which was set aside, for `reason`;
 * remote-sdp: `peer`'s description for attempt `sid`;
 * remote-candidate: `peer`'s `candidate`, never before the description;
 * chat: `peer` has sent `text`;
 * wanted: `peer` can use our picture in `width` x `height` (0: it does not
 *   see it) at `fps` (0: as many as there are), in attempt `sid`;
 * outdated: another member knows the incarnation `text` of ours, which is
 *   newer: call reincarnate() with one above it;
 * warning: tell the user `text`.
 *
 * @typedef {object} Action
 * @property {'send' | 'peer-added' | 'peer-removed' | 'peer-changed' | 'start'
 *   | 'stop' | 'retire' | 'back' | 'drop' | 'remote-sdp' | 'remote-candidate'
 *   | 'chat' | 'wanted' | 'outdated' | 'warning'} type
 * @property {string} [peer]
 * @property {string} [sid]
 * @property {string} [reason]
 * @property {string} [text]
 * @property {string} [name]
 * @property {boolean} [muted]
 * @property {boolean} [hidden]
 * @property {boolean} [offerer]
 * @property {string[]} [codecs]
 * @property {'offer' | 'answer'} [sdpType]
 * @property {string} [sdp]
 * @property {string} [candidate]
 * @property {number} [mline] undefined: not given
 * @property {string} [mid]
 * @property {number} [width]
 * @property {number} [height]
 * @property {number} [fps]
 * @property {Message} [message]
 */

/** What anybody may send. @type {Record<string, roster.Handler>} */
const handlers = {
  joinroom: roster.onJoinroom,
  roomreply: roster.onRoomreply,
  roster: roster.onRoster,
  call: attempt.onCall,
  outdated: outdated.onMessage,
};

/**
 * What only members may send.
 *
 * @type {Record<string, (room: Room, member: Member, message: Message,
 *   now: number) => void>}
 */
const memberHandlers = {
  signal: attempt.onSignal,
  state: state.onState,
  want: want.onMessage,
  chat: (room, {id}, {text}) => room.push({type: 'chat', peer: id, text}),
  bye: attempt.onBye,
};

export class Room {
  /** @type {Action[]} */
  #actions = [];
  /** @type {Member[]} in the order in which they became known */
  members = [];
  /** @type {roster.Departed[]} */
  departed = [];
  nCalls = 0;
  nReincarnations = 0;
  tellOutdatedAt = 0;           // the earliest time of the next 'outdated'
  pace = timing.PACE_FIRST;     // how many attempts may run at once

  joined = false;
  left = false;
  /** @type {'none' | 'online' | 'offline'} none: no welcome has come yet */
  server = 'none';
  lists = false;                // the server lists the members
  /** @type {string | null} */
  host = null;
  rosterAt = Infinity;
  stateAt = Infinity;
  /** The time of the last call with a time. @type {number | null} */
  awakeAt = null;

  answered = false;             // our joinroom has been answered
  nAsked = 0;
  askAt = Infinity;

  /**
   * @param {object} config
   * @param {string} config.id our peer id
   * @param {string | null} [config.room] null: taken from the first welcome
   * @param {string} config.inc
   * @param {number} [config.maxPeers]
   * @param {string[]} [config.codecs] video codecs, best first
   * @param {string} [config.name]
   * @param {boolean} [config.muted]
   * @param {boolean} [config.hidden]
   */
  constructor({id, room = null, inc, maxPeers = 32, codecs = ['VP8'], name,
    muted = false, hidden = false}) {
    this.id = id;
    this.room = room;
    this.inc = inc;
    this.maxPeers = maxPeers;
    this.codecs = codecs;
    this.name = name;
    this.muted = muted;
    this.hidden = hidden;
  }

  /* Calls from the user and messages. */

  /**
   * Joins: asks for the members, and calls them. Where the room's id is known,
   * there should be a server, so the question waits for its welcome.
   *
   * @param {number} now
   */
  join(now) {
    if (this.joined || this.left)
      return;
    this.joined = true;
    if (this.server !== 'none' || this.room === null)
      roster.startAsking(this, now);
    else
      this.askAt = now + timing.ASK_WITHOUT_WELCOME;
  }

  /**
   * @param {Message} message a received one, opened if it was sealed
   * @param {number} now
   */
  feed(message, now) {
    if (this.left)
      return;
    this.#wake(now);
    if (roster.isServers(message.type)) {
      roster.serverSays(this, message, now);
      return;
    }
    if (!this.#isForUs(message) || outdated.refuses(this, message, now)
        || roster.isOver(this, message.from, message.inc, now))
      return;
    let member = this.find(message.from);
    if (member) {
      if (!attempt.acceptInc(this, member, message, now))
        return;
      member.seenAt = now;
      member.spoke = true;
    }
    this.#dispatch(member, message, now);
    if (!member && (member = this.find(message.from))) {
      attempt.acceptInc(this, member, message, now);
      member.spoke = true;
    }
  }

  /**
   * Carries out what is due: timeouts, calls, and repeated messages.
   *
   * @param {number} now
   */
  tick(now) {
    if (this.left)
      return;
    this.#wake(now);
    for (const member of [...this.members])
      this.#tickMember(member, now);
    for (let member; (member = pace.next(this, now));)
      attempt.call(this, member, now);
    if (now >= this.askAt && this.server !== 'offline')
      roster.ask(this, now);
    if (now >= this.rosterAt)
      roster.sendRosters(this, now);
    if (now >= this.stateAt && this.server !== 'offline')
      state.sendStates(this, now);
    want.sayDue(this, now);
  }

  /** Sends a bye to all members, and ends all attempts and connections. */
  leave() {
    if (this.left)
      return;
    for (const member of this.members) {
      this.sendBye(member.id, undefined, 'left');
      attempt.stop(this, member, 'left');
      roster.untile(this, member, 'left');
    }
    this.members = [];
    this.left = true;
  }

  /**
   * Tells everybody, if it is news.
   *
   * @param {string} name
   * @param {boolean} muted
   * @param {boolean} hidden
   * @param {number} now
   */
  setState(name, muted, hidden, now) {
    if (this.name === name && this.muted === muted && this.hidden === hidden)
      return;
    this.name = name;
    this.muted = muted;
    this.hidden = hidden;
    state.sendStates(this, now);
  }

  /**
   * Takes a new incarnation after an 'outdated'. All members are called as if
   * we had just started.
   *
   * @param {string} inc our incarnation from now on, newer than the present one
   * @param {number} now
   * @returns {boolean} false: `inc` is not newer, and nothing has changed
   */
  reincarnate(inc, now) {
    if (this.left)
      return false;
    this.#wake(now);
    return outdated.reincarnate(this, inc, now);
  }

  /** @param {string[]} [codecs] the video codecs that our next calls name */
  setCodecs(codecs) {
    this.codecs = codecs ?? ['VP8'];
  }

  /** @param {string} text the chat message to all members */
  chat(text) {
    for (const member of this.members)
      this.send(this.message('chat', member.id, {text}));
  }

  /**
   * Tells a member what we have a use for of its picture, now or once the two
   * are connected.
   *
   * @param {string} peer
   * @param {import('./want.js').Want} size
   * @param {number} now
   */
  want(peer, size, now) {
    const member = this.find(peer);
    if (member)
      want.set(this, member, size, now);
  }

  /* Reports from the connection of an attempt; an unknown sid is ignored. */

  /**
   * @param {string} peer
   * @param {string} sid
   * @param {'offer' | 'answer'} sdpType
   * @param {string} sdp
   */
  localSdp(peer, sid, sdpType, sdp) {
    const member = this.#findCurrent(peer, sid);
    if (!member || member.haveLocal
        || member.phase !== (sdpType === 'offer' ? 'offering' : 'answering'))
      return;
    member.haveLocal = true;
    state.sendState(this, member.id);
    this.send(this.message('signal', member.id, {sid, sdpType, sdp}));
    for (const message of member.localCandidates.splice(0))
      this.send(message);
  }

  /**
   * Sends a local candidate, after the description if that is not there yet.
   *
   * @param {string} peer
   * @param {string} sid
   * @param {string} candidate '' = no more follow
   * @param {number} [mline]
   * @param {string} [mid]
   */
  localCandidate(peer, sid, candidate, mline, mid) {
    const member = this.#findCurrent(peer, sid);
    if (!member || member.nLocal >= timing.MAX_CANDIDATES)
      return;
    member.nLocal++;
    const message = this.message('signal', member.id,
      {sid, candidate, mline, mid});
    if (member.haveLocal)
      this.send(message);
    else
      member.localCandidates.push(message);
  }

  /** @param {string} peer @param {string} sid @param {number} now */
  connected(peer, sid, now) {
    const member = this.#findCurrent(peer, sid);
    if (!member || !member.haveRemote || !member.haveLocal
        || member.phase === 'connected')
      return;
    pace.connected(this, member, now);
    member.phase = 'connected';
    member.life = member.inc;
    member.heardAt = member.seenAt = member.connectedAt = now;
    member.shown = false;
    member.steady = 0;
    member.failures = 0;
    member.asked = 0;
    this.stateAt = Math.min(this.stateAt, state.nextState(this, now));
    attempt.replace(member);
    /* No further joinroom is needed; a late answer to the last one counts. */
    this.askAt = Infinity;
    if (!member.added) {
      member.added = true;
      this.push({type: 'peer-added', peer});
    }
  }

  /**
   * Media or RTCP has arrived. Once or twice a second is often enough.
   *
   * @param {string} peer
   * @param {string} sid
   * @param {number} now
   */
  heard(peer, sid, now) {
    const member = this.find(peer);
    if (!member)
      return;
    this.#wake(now);
    if (sid === member.oldSid) {
      member.oldHeardAt = member.seenAt = now;
      if (member.oldSince !== Infinity)
        member.oldSince = now;
      attempt.goBack(this, member, now);
    } else if (sid === member.overSid) {
      member.oldSince = now;
    } else if (sid === member.sid && member.phase === 'connected') {
      member.steady = now - member.heardAt <= timing.STEADY_GAP
        ? Math.min(member.steady + 1, timing.STEADY_AFTER) : 0;
      member.heardAt = member.seenAt = now;
    }
  }

  /**
   * The media of this attempt is shown now, so the connection that was set
   * aside is no longer needed.
   *
   * @param {string} peer
   * @param {string} sid
   */
  shown(peer, sid) {
    const member = this.#findCurrent(peer, sid);
    if (member)
      member.shown = true;
  }

  /**
   * @param {string} peer
   * @param {string} sid
   * @param {string | undefined} reason 'refused': the peer is not called for a
   *   while; anything else: the connection failed
   * @param {number} now
   */
  failed(peer, sid, reason, now) {
    const old = this.find(peer);
    if (old && old.oldSid === sid) {
      this.sendBye(peer, sid, 'failed');
      attempt.drop(this, old, 'failed');
      return;
    }
    const member = this.#findCurrent(peer, sid);
    if (!member)
      return;
    if (reason === 'refused') {
      this.sendBye(member.id, member.sid, 'refused');
      attempt.barred(this, member, 'refused', now);
      member.refuseUntil = now + timing.BARRED_TIME;
    } else {
      attempt.failed(this, member, 'failed', 'failed', now);
    }
  }

  /**
   * Replaces an attempt whose path may be broken, since our addresses have
   * changed. While the server is offline, this waits until it is back.
   *
   * @param {string} peer
   * @param {string} sid
   * @param {number} now
   */
  renew(peer, sid, now) {
    const member = this.#findCurrent(peer, sid);
    if (!member)
      return;
    if (this.server === 'offline')
      member.renew = true;
    else
      attempt.renew(this, member, now);
  }

  /**
   * Calls all members that wait for another attempt at once, and counts
   * failures anew, as the reason for the failures may be gone.
   *
   * @param {number} now
   */
  hurry(now) {
    for (const member of this.members) {
      if (member.failures === 0)
        continue;
      member.failures = 0;
      if (member.phase === 'idle')
        member.callAt = Math.min(member.callAt, now);
    }
  }

  /* Actions and the deadline. */

  /** @returns {Action[]} the actions since the last call */
  takeActions() {
    return this.#actions.splice(0);
  }

  /** When to call tick() next; Infinity when nothing is due. */
  deadline() {
    if (this.left)
      return Infinity;
    const freeAt = pace.freeAt(this);
    return Math.min(this.rosterAt,
      this.server === 'offline' ? Infinity
        : Math.min(this.askAt, this.stateAt),
      ...this.members.map((member) => this.#memberDeadline(member, freeAt)));
  }

  /* For roster.js and attempt.js. */

  /** @param {string | undefined} id */
  find(id) {
    return this.members.find((member) => member.id === id);
  }

  /** @param {Action} action */
  push(action) {
    this.#actions.push(action);
  }

  /**
   * A message of ours, its common fields filled in.
   *
   * @param {string} type
   * @param {string} to
   * @param {Partial<Message>} [fields]
   * @returns {Message}
   */
  message(type, to, fields = {}) {
    return {type, from: this.id, to, inc: this.inc, ...fields};
  }

  /** @param {Message} message */
  send(message) {
    this.push({type: 'send', peer: message.to, message});
  }

  /**
   * @param {string} to
   * @param {string | null | undefined} sid
   * @param {string} reason
   */
  sendBye(to, sid, reason) {
    this.send(this.message('bye', to, {sid: sid ?? undefined, reason}));
  }

  /**
   * Moves the members' times after this machine was asleep, since messages that
   * came meanwhile are not read yet. To be called first in every function that
   * gets the time.
   *
   * @param {number} now
   */
  #wake(now) {
    const since = this.awakeAt;
    this.awakeAt = now;
    if (since === null || now - since <= timing.LATE)
      return;
    const late = now - Math.max(since, this.deadline());
    if (late <= timing.LATE)
      return;
    for (const member of this.members)
      member.forgive(late, now);
  }

  /** @param {string} peer @param {string} text */
  warn(peer, text) {
    this.push({type: 'warning', peer, text});
  }

  /** @param {string} peer @param {string} sid */
  #findCurrent(peer, sid) {
    const member = this.find(peer);
    return member && member.phase !== 'idle' && member.sid === sid
      ? member : undefined;
  }

  /** @param {Message} message */
  #isForUs(message) {
    if (!message.from || message.from === this.id)
      return false;
    /* A joinroom may be for the room; roster.js decides whether it is for
     * us. */
    if (message.type === 'joinroom')
      return true;
    return message.to === undefined || message.to === this.id;
  }

  /**
   * @param {Member | undefined} member undefined: the sender is not known yet
   * @param {Message} message
   * @param {number} now
   */
  #dispatch(member, message, now) {
    const {type} = message;
    if (Object.hasOwn(handlers, type))
      handlers[type](this, message, now);
    else if (member && Object.hasOwn(memberHandlers, type))
      memberHandlers[type](this, member, message, now);
    else if (type === 'bye')
      roster.noteBye(this, message, now);
  }

  /** @param {Member} member @param {number} freeAt */
  #memberDeadline(member, freeAt) {
    const at = Math.min(attempt.timeout(member), attempt.dropAt(member),
      roster.ghostAt(this, member), roster.forgetAt(this, member),
      want.dueAt(this, member));
    if (member.renew && this.server !== 'offline')
      return 0;
    if (member.phase !== 'idle' || !this.joined || this.server === 'offline')
      return at;
    return Math.min(at, Math.max(freeAt, member.callAt, member.barredUntil));
  }

  /** May forget the member. @param {Member} member @param {number} now */
  #tickMember(member, now) {
    if (now >= roster.forgetAt(this, member)) {
      roster.forget(this, member, 'timeout', now);
      return;
    }
    if (now >= roster.ghostAt(this, member))
      roster.untile(this, member, 'timeout');
    if (now >= attempt.dropAt(member)) {
      attempt.drop(this, member,
        now >= attempt.silentAt(member) ? 'silent' : 'replaced');
    }
    if (member.renew && this.server !== 'offline')
      attempt.renew(this, member, now);
    else if (now >= attempt.timeout(member))
      attempt.onTimeout(this, member, now);
  }
}
