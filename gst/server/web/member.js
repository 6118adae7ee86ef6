// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * What a room knows of one member, as MeshMember in gst/core/room-private.h;
 * attempt.js and roster.js look after it.
 */

/** @typedef {import('./message.js').Message} Message */
/** @typedef {import('./room.js').Action} Action */

/**
 * @typedef {'idle' | 'calling' | 'answering' | 'offering' | 'connected'} Phase
 */

export class Member {
  /** The newest seen; null: none, or an older app. @type {string | null} */
  inc = null;
  /** The incarnation last connected with. @type {string | null} */
  life = null;

  /* Who vouches for it. */
  listed = false;               // the server: it is in the room
  lost = false;                 // the server: timed out. Its media: not so
  newer = false;                // it joined after us, so it calls
  spoke = false;                // it did so itself
  seenAt;                       // last message or media of its own
  lostAt;                       // its last attempt failed

  /* What we were told of it, and told our user. */
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
  caller = false;               // we are
  beganAt = 0;
  heardAt = 0;
  renew = false;                // to be made anew, when we can call
  steady = 0;                   // heard so often without a gap
  haveRemote = false;           // its description is here
  haveLocal = false;            // ours is out
  nRemote = 0;                  // candidates so far
  nLocal = 0;
  /** @type {Action[]} wait for its description */
  remoteCandidates = [];
  /** @type {Message[]} wait for ours */
  localCandidates = [];

  connectedAt = 0;
  shown = false;                // what has come by it since

  /* The connection before it, of which there is one at the most: set aside, it
   * is gone back to when nothing comes of the other attempt; when another one
   * has been connected, it is over, and just lingers. */
  /** @type {string | null} */
  oldSid = null;
  /** @type {string | null} */
  overSid = null;
  oldCaller = false;
  oldHeardAt = 0;
  /** Heard or, if later, beside an attempt; Infinity: none has begun yet. */
  oldSince = 0;

  /* The next attempt. */
  callInc = '';                 // of the last call accepted,
  lastCall = 0;                 // and its N
  asked = 0;                    // joinrooms since it was connected
  toldUntil = 0;                // an older app is not told again before
  failures = 0;                 // in a row
  callAt = 0;
  barredUntil = 0;              // we don't call
  refuseUntil = 0;              // it need not call either

  /** @param {string} id @param {number} now */
  constructor(id, now) {
    this.id = id;
    this.seenAt = now;
    this.lostAt = now;
  }

  /**
   * What it said while we slept is not read yet: it is not judged by that time.
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
