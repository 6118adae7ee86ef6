// SPDX-License-Identifier: LGPL-2.1-or-later

/**
 * The times (ms) and limits of a room, as gst/core/room-timing.h, where the
 * reasons are; tests/vectors/timing.json holds both to the same values.
 */

export const ASK_DELAYS = [500, 1000, 2000, 4000, 8000];
export const ASK_WITHOUT_WELCOME = 500;
export const TELL_AGAIN = 2000;
export const ASKED_ENOUGH = 5;

export const REPAIR_LOWER = 1500;
export const REPAIR_HIGHER = 3000;
export const ROSTER_DELAY = 300;
export const ROSTER_INTERVAL = 10000;

export const CALL_TIMEOUT = 6000;
export const CONNECT_TIMEOUT = 20000;
export const RETRY_DELAYS = [500, 1000, 2000, 4000, 8000, 15000];
export const OTHER_SIDE_LATER = 3000;
export const BARRED_TIME = 30000;
export const WARN_AFTER = 3;
export const MAX_CANDIDATES = 128;

export const SILENCE_TIMEOUT = 8000;
export const STEADY_SILENCE_TIMEOUT = 4000;
export const STEADY_GAP = 1500;
export const STEADY_AFTER = 3;
export const LOST_SILENCE_TIMEOUT = 5000;
export const OLD_LINGERS = 1000;
export const OLD_STAYS = 4000;
export const OLD_SILENCE = 8000;
export const LATE = 2000;

export const PACE_FIRST = 4;
export const PACE_QUICK = 1500;
export const PACE_SLOW = 3000;
export const PACE_HOLDS_UP = 3000;

export const STATE_INTERVAL = 10000;
export const STATE_INTERVAL_LISTED = 30000;

export const WANT_INTERVAL = 500;
export const WANT_LARGER = 300;

export const GHOST_TIMEOUT = 6500;
export const NO_SIGN_TIMEOUT = 30000;
export const MAX_MEMBERS = 64;

export const TELL_OUTDATED_INTERVAL = 100;
export const MAX_REINCARNATIONS = 8;
