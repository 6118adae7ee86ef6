/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The times and limits of a room (docs/protocol.md, "Joining" to "A clock that
 * went back"). gst/server/web/timing.js has the same under the same names, and
 * tests/vectors/timing.json holds both to it: a value is changed in all
 * four places. */

#define MS(ms) ((gint64) (ms) * 1000)

/* Joining: how long after joinroom it is said again. */
#define ASK_DELAYS { MS (500), MS (1000), MS (2000), MS (4000), MS (8000) }
#define ASK_WITHOUT_WELCOME MS (500)
#define TELL_AGAIN MS (2000)    /* an older app who is there */
#define ASKED_ENOUGH 5          /* times (7.5 s), that a busy host would answer */

/* Roster repair */
#define REPAIR_LOWER MS (1500)  /* the lower id calls */
#define REPAIR_HIGHER MS (3000) /* the other one too */
#define ROSTER_DELAY MS (300)
#define ROSTER_INTERVAL MS (10000)

/* One attempt */
#define CALL_TIMEOUT MS (6000)
#define CONNECT_TIMEOUT MS (20000)
#define RETRY_DELAYS { MS (500), MS (1000), MS (2000), MS (4000), MS (8000), \
                       MS (15000) }
#define OTHER_SIDE_LATER MS (3000)
#define BARRED_TIME MS (30000)
#define WARN_AFTER 3            /* failures in a row */
/* An attempt, each way. A browser on a machine with bridges has two for each,
 * and those that lead through gateways come last. */
#define MAX_CANDIDATES 128

/* A connection's silence */
#define SILENCE_TIMEOUT MS (8000)
#define STEADY_SILENCE_TIMEOUT MS (4000) /* of who was heard all the time */
#define STEADY_GAP MS (1500)
#define STEADY_AFTER 3
#define LOST_SILENCE_TIMEOUT MS (5000)
/* How long a connection that was set aside lives on: once another one is
 * connected, while the other end may still send by it, and longer while nothing
 * has come by the new one; and beside an attempt, while it is heard. */
#define OLD_LINGERS MS (1000)
#define OLD_STAYS MS (4000)
#define OLD_SILENCE MS (8000)
/* A driver that ticks later than this was itself asleep (stopped, or starved),
 * and what the others said in that time lies unread. */
#define LATE MS (2000)

/* How many connections are set up at once (pace.c) */
#define PACE_FIRST 4
#define PACE_QUICK MS (1500)
#define PACE_SLOW MS (3000)
#define PACE_HOLDS_UP MS (3000)

/* Our state is said again: without a server's list a message may be lost, and
 * with one what was in a mailbox when that broke. */
#define STATE_INTERVAL MS (10000)
#define STATE_INTERVAL_LISTED MS (30000)

/* What we can use of a member's picture (want.c) */
#define WANT_INTERVAL MS (500)  /* the least between two messages to a member */
#define WANT_LARGER MS (300)    /* and before a larger picture is asked for */

/* Leaving */
#define GHOST_TIMEOUT MS (6500) /* one retry, and nobody answered */
#define NO_SIGN_TIMEOUT MS (30000)
#define MAX_MEMBERS 64          /* with ourselves: what a list may hold */

/* A clock that went back. Who is older asks again after half a second, so an
 * answer that is not given costs little, and a flood of old messages does not
 * become one of answers. Each new incarnation has every connection made anew:
 * somebody who tells us of ever newer lives does not keep us at that. */
#define TELL_OUTDATED_INTERVAL MS (100)
#define MAX_REINCARNATIONS 8
