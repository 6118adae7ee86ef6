// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The state that a room keeps of one member, as MeshMember in
 * gst/core/room-private.h; attempt.js and roster.js change it.
 */

/** @typedef {import('./message.js').Message} Message */
/** @typedef {import('./room.js').Action} Action */

/**
 * @typedef {'idle' | 'calling' | 'answering' | 'offering' | 'connected'} Phase
 */

export class Member {
  /** The newest incarnation known; null: unknown, or an older app.
   * @type {string | null} */
  inc = null;
  /** The incarnation of the last connection. @type {string | null} */
  life = null;

  /* The signs that the member is in the room. */
  listed = false;               // the server lists the member
  lost = false;                 // timed out at the server, media goes on
  newer = false;                // joined after us, so the member calls
  spoke = false;                // has sent a message
  seenAt;                       // when its last message or media came
  lostAt;                       // when its last attempt failed

  /* The state that the member has told, and our user was told. */
  /** @type {string | null} */
  name = null;
  muted = false;
  hidden = false;
  added = false;

  /* The attempt, unless phase is idle. */
  /** @type {Phase} */
  phase = 'idle';
  /** @type {string | null} */
  sid = null;
  caller = false;               // we have called
  beganAt = 0;
  heardAt = 0;
  renew = false;                // to be replaced once the server is online
  steady = 0;                   // times heard in a row without a gap
  haveRemote = false;           // the remote description has come
  haveLocal = false;            // the local description was sent
  nRemote = 0;                  // remote candidates so far
  nLocal = 0;                   // local candidates so far
  /** @type {Action[]} waiting for the remote description */
  remoteCandidates = [];
  /** @type {Message[]} waiting for the local description */
  localCandidates = [];

  connectedAt = 0;
  shown = false;                // its media has been shown

  /* The former connection, of which there is one at the most. While it is set
   * aside (oldSid), it becomes current again if the new attempt fails. When the
   * new attempt has connected, it is over (overSid), and ends shortly after. */
  /** @type {string | null} */
  oldSid = null;
  /** @type {string | null} */
  overSid = null;
  oldCaller = false;
  oldHeardAt = 0;
  /** When the former connection was heard last, or the new attempt began if
   * that was later; Infinity: no attempt has begun yet. */
  oldSince = 0;

  /* What we can use of the member's picture, and what it can use of ours. */
  /** @type {import('./want.js').Want | null} null: nobody has said yet */
  want = null;
  /** What the member was told. @type {import('./want.js').Want | null} */
  said = null;
  wantSaid = false;             // it was, in this attempt
  wantFreeAt = 0;               // the earliest time of the next 'want'
  wantLargerAt = 0;             // and of one that asks for more
  /** In this attempt. @type {import('./want.js').Want | null} */
  wanted = null;

  /* The next attempt. */
  callInc = '';                 // incarnation of the last call accepted
  lastCall = 0;                 // the number of that call
  asked = 0;                    // joinrooms since the last connection
  toldUntil = 0;                // until then an older app gets no roomreply
  failures = 0;                 // failed attempts in a row
  callAt = 0;
  barredUntil = 0;              // until then we do not call
  refuseUntil = 0;              // until then its calls are refused

  /** @param {string} id @param {number} now */
  constructor(id, now) {
    this.id = id;
    this.seenAt = now;
    this.lostAt = now;
  }

  /**
   * Moves the member's times by the time that this machine slept, since
   * messages and media that came meanwhile are not read yet.
   *
   * @param {number} late
   * @param {number} now
   */
  forgive(late, now) {
    for (const key of ['seenAt', 'lostAt', 'beganAt', 'heardAt',
      'connectedAt'])
      this[key] = Math.min(now, this[key] + late);
    if (this.oldSince !== Infinity)
      this.oldSince = Math.min(now, this.oldSince + late);
  }
}
