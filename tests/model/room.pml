/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The room protocol with three members, for Spin: docs/protocol.md, "What is
 * proved, and how", says what is left out.
 *
 * Everything happens in one loop, of which each round is one step: somebody
 * starts, a member takes the next message of its mailbox, two ends connect, a
 * timer fires, or something breaks. A timer fires when nothing is under way to
 * those who are online, since messages take milliseconds and timers seconds;
 * with AT_ANY_TIME, when nothing that it waits for is. When nothing is left to
 * do, the room must be whole. That nothing is left sometime is checked as well:
 * a run that never ends would be a cycle without progress.
 *
 * What may break, all in one run: CRASHES, RECONNECTS, SERVER_RESTARTS and
 * EARLY timers, so many of each. */

#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef RECONNECTS
#define RECONNECTS 1
#endif
#ifndef SERVER_RESTARTS
#define SERVER_RESTARTS 1
#endif
#ifndef EARLY
#define EARLY 0
#endif

#define N 3
#define NONE 3
#define BOX 10                  /* S7: a mailbox never holds more */
#define MAX_CALLS 6             /* S7: nor does a pair call more often */

#define IDLE 0
#define CALLING 1
#define OFFERING 2
#define CONNECTED 3

mtype = { welcome, joined, left, host, joinroom, roomreply, call, offer,
  bye };

/* what, from or about whom, its sid or incarnation or members, host */
chan box[N] = [BOX] of { mtype, byte, byte, byte };

/* the server */
bool up = true;
bool listed[N];
byte the_host = NONE;

/* a member */
bool alive[N];
bool started[N];
bool online[N];
bool inc[N];
byte view[N];                   /* bits: who is there */
byte gone[N];                   /* bits: what others say brings it not back */
byte newer[N];                  /* bits: who came later, and calls */
byte view_host[N] = NONE;
bool answered[N];

/* a pair, as the first of the two sees it: at [first * N + second] */
byte phase[9];
byte sid[9];                    /* caller, incarnation and number */
byte calls[9];
byte last_call[9];              /* incarnation and number */
bool known_inc[9];

byte crashes, reconnects, server_restarts;
byte early = EARLY;

/* for the loops below, zero between steps */
hidden byte x, y, m, s, h;
/* the message that is being read */
hidden mtype x_what;
hidden byte x_about, x_extra, x_inc;

#define P(a, b) ((a) * N + (b))
#define BIT(a) (1 << (a))
#define SID(a, b) (((a) * 2 + inc[a]) * 8 + calls[P(a, b)])
#define CALL_OF(s) ((s) % 16)   /* without its caller */
#define CALLER(s) ((s) / 16)
#define SEES(a, b) ((view[a] & BIT(b)) != 0)
#define SAME(a, b) (sid[P(a, b)] == sid[P(b, a)])
#define QUIET(a, b) (len(box[a]) == 0 && len(box[b]) == 0)
#define CAN_SPEAK(a) (alive[a] && online[a])

/* The media of b reaches a. */
#define FLOWS(a, b) (alive[a] && alive[b] && SAME(a, b) \
    && phase[P(b, a)] == CONNECTED)

/* What a member says. Nobody will read what lies in the box of the dead. */
inline post (to, what, from, extra)
{
  if
  :: alive[to] ->
    assert (len(box[to]) < BOX);    /* S7 */
    box[to]!what(from, extra, inc[from])
  :: else
  fi
}

/* What the server says. */
inline tell (to, what, about)
{
  if
  :: alive[to] ->
    assert (len(box[to]) < BOX);    /* S7 */
    box[to]!what(about, 0, 0)
  :: else
  fi
}

inline end (a, b)
{
  phase[P(a, b)] = IDLE;
  sid[P(a, b)] = 0
}

/* Undeliverable: the attempt ends, if it is not connected. */
inline send (a, b, what, number)
{
  if
  :: up && listed[a] && listed[b] -> post (b, what, a, number)
  :: else ->
    if
    :: phase[P(a, b)] != CONNECTED -> end (a, b)
    :: else
    fi
  fi
}

inline start_call (a, b)
{
  calls[P(a, b)]++;
  assert (calls[P(a, b)] <= MAX_CALLS);
  phase[P(a, b)] = CALLING;
  sid[P(a, b)] = SID(a, b);
  send (a, b, call, sid[P(a, b)])
}

inline fail (a, b)
{
  s = sid[P(a, b)];
  end (a, b);
  if
  :: online[a] && SEES(a, b) -> send (a, b, bye, s)
  :: else
  fi
}

inline tell_others (a, what)
{
  for (x : 0 .. N - 1) {
    if
    :: x != a && listed[x] -> tell (x, what, a)
    :: else
    fi
  }
}

/* --- the server --- */

inline say_welcome (a)
{
  m = 0;
  for (x : 0 .. N - 1) {
    m = m + (listed[x] -> BIT(x) : 0)
  };
  assert (len(box[a]) < BOX);
  box[a]!welcome(the_host, m, 0)
}

inline clear_box (a)
{
  do
  :: len(box[a]) > 0 -> box[a]?_, _, _, _
  :: else -> break
  od
}

/* A hello without a cursor, or one whose mailbox is gone. */
inline enter (a)
{
  clear_box (a);
  if
  :: !listed[a] ->
    tell_others (a, joined);
    listed[a] = true;
    if
    :: the_host == NONE -> the_host = a
    :: else
    fi
  :: else
  fi;
  online[a] = true;
  say_welcome (a)
}

inline drop (a)
{
  listed[a] = false;
  clear_box (a);
  tell_others (a, left);
  if
  :: the_host == a ->
    the_host = NONE;
    for (x : 0 .. N - 1) {
      if
      :: the_host == NONE && listed[x] -> the_host = x
      :: else
      fi
    };
    if
    :: the_host != NONE ->
      for (x : 0 .. N - 1) {
        if
        :: listed[x] && !answered[x] -> tell (x, host, the_host)
        :: else
        fi
      }
    :: else
    fi
  :: else
  fi
}

/* --- a member --- */

inline forget (a, b)
{
  view[a] = view[a] & ~BIT(b);
  newer[a] = newer[a] & ~BIT(b);
  gone[a] = gone[a] | BIT(b);
  end (a, b)
}

#define MAY_CALL(a, b) (a != b && SEES(a, b) && (newer[a] & BIT(b)) == 0 \
    && phase[P(a, b)] == IDLE)

inline call_everybody (a)
{
  answered[a] = true;
  view_host[a] = NONE;          /* it has no more to ask */
  for (y : 0 .. N - 1) {
    if
    :: MAY_CALL(a, y) -> start_call (a, y)
    :: else
    fi
  };
  newer[a] = 0                  /* nobody asks for it again */
}

inline ask (a)
{
  if
  :: view_host[a] == a -> call_everybody (a)
  :: else ->
    if
    :: up && listed[a] && listed[view_host[a]] ->
      post (view_host[a], joinroom, a, 0)
    :: else
    fi
  fi
}

/* Its incarnation is over, or another one: then all that was with it ends. */
inline accept_inc (a, b, its)
{
  if
  :: known_inc[P(a, b)] != its ->
    assert (its);               /* S8: the older one does not come back */
    if
    :: phase[P(a, b)] == CALLING -> h = 1
    :: else -> h = 0
    fi;
    end (a, b);
    known_inc[P(a, b)] = its
  :: else
  fi
}

inline on_welcome (a, who, members)
{
  view_host[a] = who;
  for (y : 0 .. N - 1) {
    if
    :: y != a && phase[P(a, y)] != IDLE && phase[P(a, y)] != CONNECTED ->
      fail (a, y)
    :: else
    fi;
    if
    :: y != a && !(members & BIT(y)) && phase[P(a, y)] == IDLE ->
      forget (a, y)
    :: else
    fi
  };
  view[a] = (view[a] | members) & ~BIT(a);
  gone[a] = gone[a] & ~members;
  newer[a] = 0;
  answered[a] = false;
  ask (a)
}

inline on_left (a, b)
{
  if
  :: phase[P(a, b)] == CONNECTED && FLOWS(a, b)
  :: else -> forget (a, b)
  fi
}

inline on_call (a, b, number)
{
  view[a] = view[a] | BIT(b);
  gone[a] = gone[a] & ~BIT(b);
  if
  :: CALL_OF(number) <= last_call[P(a, b)]
  :: else ->
    if
    :: phase[P(a, b)] == CALLING && a < b     /* ours stands */
    :: else ->
      last_call[P(a, b)] = CALL_OF(number);
      phase[P(a, b)] = OFFERING;
      sid[P(a, b)] = number;
      send (a, b, offer, number)
    fi
  fi
}

inline on_signal (a, b, what, number)
{
  if
  :: sid[P(a, b)] == number && what == offer && phase[P(a, b)] == CALLING ->
    assert (CALLER(number) == a);       /* S3: who called does not offer */
    /* the answer, and all that follows from it, unless the other gave up */
    if
    :: alive[b] && SAME(a, b) && phase[P(b, a)] == OFFERING ->
      phase[P(a, b)] = CONNECTED;
      phase[P(b, a)] = CONNECTED
    :: else -> fail (a, b)
    fi
  :: sid[P(a, b)] == number && what == bye -> end (a, b)
  :: else
  fi
}

/* The next message in a's mailbox. */
inline take (a)
{
  box[a]?x_what, x_about, x_extra, x_inc;
  if
  :: x_what == welcome -> on_welcome (a, x_about, x_extra)
  :: x_what == joined && x_about != a ->
    if
    :: !SEES(a, x_about) ->
      view[a] = view[a] | BIT(x_about);
      gone[a] = gone[a] & ~BIT(x_about);
      newer[a] = newer[a] | (answered[a] -> 0 : BIT(x_about))
    :: else
    fi
  :: x_what == left && x_about != a -> on_left (a, x_about)
  :: x_what == host ->
    if
    :: !answered[a] ->
      view_host[a] = x_about;
      ask (a)
    :: else
    fi
  :: x_what == joinroom ->
    accept_inc (a, x_about, x_inc);
    view[a] = view[a] | BIT(x_about);
    gone[a] = gone[a] & ~BIT(x_about);
    send (a, x_about, roomreply, view[a] | BIT(a))
  :: x_what == roomreply ->
    accept_inc (a, x_about, x_inc);
    view[a] = view[a] | (x_extra & ~gone[a] & ~BIT(a));
    if
    :: !answered[a] -> call_everybody (a)
    :: else
    fi
  :: x_what == call ->
    h = 0;
    if
    :: x_inc || !known_inc[P(a, x_about)] ->
      accept_inc (a, x_about, x_inc);
      if
      :: h && a < x_about -> start_call (a, x_about)   /* which had it? */
      :: else
      fi;
      on_call (a, x_about, x_extra)
    :: else
    fi
  :: x_what == offer || x_what == bye ->
    if
    :: x_inc || !known_inc[P(a, x_about)] ->
      if
      :: x_what == offer && sid[P(a, x_about)] == x_extra ->
        known_inc[P(a, x_about)] = x_inc       /* it has our call */
      :: else -> accept_inc (a, x_about, x_inc)
      fi;
      on_signal (a, x_about, x_what, x_extra)
    :: else
    fi
  :: else
  fi
}

/* --- what must hold --- */

#define S2(a, b) (phase[P(a, b)] != CONNECTED || phase[P(b, a)] != CONNECTED \
    || SAME(a, b))
#define S3(a, b) (!(phase[P(a, b)] == OFFERING && phase[P(b, a)] == OFFERING \
    && SAME(a, b)))
#define S4(a, b) (phase[P(a, b)] == IDLE || alive[a])

/* With nothing under way between the two, it makes no difference how often they
 * have called, or in which attempt they are connected: fewer states. */
#define FROM(a, b) (box[a]??[call, b, _, _] || box[a]??[offer, b, _, _] \
    || box[a]??[bye, b, _, _])
#define IS_SETTLED(a, b) (phase[P(a, b)] == phase[P(b, a)] && SAME(a, b) \
    && (phase[P(a, b)] == IDLE || phase[P(a, b)] == CONNECTED))
#define HAS_CALL_OF(a, b) ((sid[P(a, b)] && CALLER(sid[P(a, b)]) == a) \
    || (sid[P(b, a)] && CALLER(sid[P(b, a)]) == a))

inline settle (a, b)
{
  if
  :: FROM(a, b) || FROM(b, a)
  :: !(FROM(a, b) || FROM(b, a)) ->
    if
    :: IS_SETTLED(a, b) ->
      sid[P(a, b)] = 0;
      sid[P(b, a)] = 0
    :: else
    fi;
    if
    :: !HAS_CALL_OF(a, b) ->
      calls[P(a, b)] = 0;
      last_call[P(b, a)] = 0
    :: else
    fi;
    if
    :: !HAS_CALL_OF(b, a) ->
      calls[P(b, a)] = 0;
      last_call[P(a, b)] = 0
    :: else
    fi
  fi
}

/* Nor does it which incarnation a member has, when all know it and nothing is
 * left of the other. */
#define KNOWS_INC(b, a) ((known_inc[P(b, a)] || !alive[b]) \
    && last_call[P(b, a)] == 0 && !HAS_CALL_OF(a, b) \
    && !(box[b]??[joinroom, a, _, _] || box[b]??[roomreply, a, _, _]) \
    && !FROM(b, a))

inline settle_inc (a, b, c)
{
  if
  :: inc[a] && KNOWS_INC(b, a) && KNOWS_INC(c, a) ->
    inc[a] = false;
    known_inc[P(b, a)] = false;
    known_inc[P(c, a)] = false
  :: !(inc[a] && KNOWS_INC(b, a) && KNOWS_INC(c, a))
  fi
}

inline check ()
{
  settle (0, 1);
  settle (0, 2);
  settle (1, 2);
  settle_inc (0, 1, 2);
  settle_inc (1, 0, 2);
  settle_inc (2, 0, 1);
  assert (S2(0, 1) && S2(0, 2) && S2(1, 2));
  assert (S3(0, 1) && S3(0, 2) && S3(1, 2));
  assert (S4(0, 1) && S4(0, 2) && S4(1, 0) && S4(1, 2) && S4(2, 0)
      && S4(2, 1))
}

#define JOINED(a, b) (phase[P(a, b)] == CONNECTED \
    && phase[P(b, a)] == CONNECTED && SAME(a, b))
#define WHOLE(a, b) ((alive[a] && alive[b] -> JOINED(a, b) \
    : phase[P(a, b)] == IDLE && phase[P(b, a)] == IDLE) \
    && (!alive[a] || SEES(a, b) == alive[b]) \
    && (!alive[b] || SEES(b, a) == alive[a]))

/* --- what may happen --- */

#define FIRE(a, b) (QUIET(a, b) || early > 0)

inline use_early (a, b)
{
  if
  :: QUIET(a, b)
  :: !QUIET(a, b) -> early--
  fi
}

#define STUCK_CALLING(a, b) (phase[P(a, b)] == CALLING && FIRE(a, b))
#define STUCK_OFFERING(a, b) (phase[P(a, b)] == OFFERING && FIRE(a, b))
#define IS_SILENT(a, b) (phase[P(a, b)] == CONNECTED && !FLOWS(a, b))
/* To ask or call the dead once more, before the lease is over, changes
 * nothing. */
#define MAY_REPAIR(a, b) ((alive[b] || !listed[b]) && CAN_SPEAK(a) \
    && listed[a] && SEES(a, b) && up && phase[P(a, b)] == IDLE \
    && QUIET(a, b) && (a < b || !CAN_SPEAK(b) || !SEES(b, a)))

/* What concerns nobody but its reader is read at once: when makes no difference
 * to anybody else. It does as long as a mailbox may yet be lost before. */
#define KEEPS_MAIL (reconnects == 0 && server_restarts == 0)
#define OLD_OFFER(a, b) (box[a]?[offer, b, _, _] \
    && !box[a]?[offer, b, eval(sid[P(a, b)]), _] \
    && box[a]?[offer, b, _, eval(known_inc[P(a, b)])])
#define OLD_BYE(a, b) (box[a]?[bye, b, _, _] \
    && !box[a]?[bye, b, eval(sid[P(a, b)]), _] \
    && box[a]?[bye, b, _, eval(known_inc[P(a, b)])])
#define NO_NEWS(a, b) (OLD_OFFER(a, b) || OLD_BYE(a, b) \
    || (SEES(a, b) && box[a]?[joined, b, _, _]))
/* Nothing breaks any more, and the sender waits for what a does: nobody
 * else's step, nor the order in which the answer comes, is of any account to
 * the two. */
#ifdef AT_ANY_TIME
#define NO_MORE_FAULTS false
#else
#define NO_MORE_FAULTS (KEEPS_MAIL && crashes == 0 && EARLY == 0 && up)
#endif
#define IS_WAITING(b, a) (CAN_SPEAK(b) && answered[b] \
    && !box[b]??[welcome, _, _, _] && !box[b]??[_, a, _, _])
#define IS_THEIRS(a, b) (NO_MORE_FAULTS && IS_WAITING(b, a) \
    && (box[a]?[call, b, _, _] || box[a]?[offer, b, _, _]))
#define LATE_REPLY(a, b) (KEEPS_MAIL && answered[a] \
    && box[a]?[roomreply, b, _, eval(known_inc[P(a, b)])])
#define READS_AT_ONCE(a, b, c) (CAN_SPEAK(a) \
    && ((KEEPS_MAIL && (box[a]?[joined, _, _, _] || box[a]?[left, _, _, _] \
    || box[a]?[bye, _, _, _])) \
    || (answered[a] && box[a]?[host, _, _, _]) \
    || IS_THEIRS(a, b) || IS_THEIRS(a, c) \
    || LATE_REPLY(a, b) || LATE_REPLY(a, c) \
    || NO_NEWS(a, b) || NO_NEWS(a, c)))
#define LOCAL_0 READS_AT_ONCE(0, 1, 2)
#define LOCAL_1 READS_AT_ONCE(1, 0, 2)
#define LOCAL_2 READS_AT_ONCE(2, 0, 1)
#define NOTHING_LOCAL (!LOCAL_0 && !LOCAL_1 && !LOCAL_2)

/* What takes seconds comes after what takes milliseconds. */
#define RESTS(a) (!online[a] || len(box[a]) == 0)
#ifdef AT_ANY_TIME
#define LATER true
#else
#define LATER (RESTS(0) && RESTS(1) && RESTS(2))
#endif

inline crash (a)
{
  crashes--;
  alive[a] = false;
  online[a] = false;
  for (y : 0 .. N - 1) {
    end (a, y);
    last_call[P(a, y)] = 0;
    calls[P(a, y)] = 0;
    known_inc[P(a, y)] = false
  };
  view[a] = 0;
  newer[a] = 0;
  gone[a] = 0;
  answered[a] = false;
  view_host[a] = NONE;
  clear_box (a)
}

inline start_anew (a)
{
  inc[a] = true;
  alive[a] = true;
  if
  :: up -> enter (a)
  :: else
  fi
}

#define MEMBER(a) \
  :: NOTHING_LOCAL && CAN_SPEAK(a) && len(box[a]) > 0 -> d_step { \
      take (a); check () } \
  :: NOTHING_LOCAL && !started[a] && up -> d_step { \
      started[a] = true; alive[a] = true; enter (a); check () } \
  :: NOTHING_LOCAL && alive[a] && !online[a] && up -> d_step { \
      if \
      :: listed[a] -> online[a] = true \
      :: else -> enter (a) \
      fi; \
      check () } \
  :: NOTHING_LOCAL && listed[a] && !online[a] && up && LATER -> d_step { \
      drop (a); check () } \
  :: NOTHING_LOCAL && CAN_SPEAK(a) && up && listed[a] && !answered[a] \
      && len(box[a]) == 0 && view_host[a] != NONE && alive[view_host[a]] \
      && len(box[view_host[a]]) == 0 && LATER -> \
      d_step { ask (a); check () } \
  :: NOTHING_LOCAL && alive[a] && crashes > 0 -> d_step { \
      crash (a); check () } \
  :: NOTHING_LOCAL && alive[a] && crashes > 0 -> d_step { \
      crash (a); start_anew (a); check () } \
  :: NOTHING_LOCAL && alive[a] && online[a] && reconnects > 0 -> d_step { \
      reconnects--; online[a] = false }

#define PAIR(a, b) \
  :: NOTHING_LOCAL && CAN_SPEAK(a) \
      && (STUCK_CALLING(a, b) || STUCK_OFFERING(a, b)) && LATER -> d_step { \
      use_early (a, b); fail (a, b); check () } \
  :: NOTHING_LOCAL && alive[a] && IS_SILENT(a, b) && LATER -> d_step { \
      if \
      :: online[a] && up && !listed[b] -> forget (a, b) \
      :: else -> fail (a, b) \
      fi; \
      check () } \
  :: NOTHING_LOCAL && MAY_REPAIR(a, b) && LATER -> d_step { \
      if \
      :: listed[b] -> start_call (a, b) \
      :: else -> forget (a, b)  /* nobody has it */ \
      fi; \
      check () }

active proctype world ()
{
#ifdef ONE_FAULT
  /* one search for what would be three */
  if
  :: crashes = 1
  :: reconnects = 1
  :: server_restarts = 1
  fi;
#else
  crashes = CRASHES;
  reconnects = RECONNECTS;
  server_restarts = SERVER_RESTARTS;
#endif
  do
  MEMBER(0)
  MEMBER(1)
  MEMBER(2)
  PAIR(0, 1)
  PAIR(0, 2)
  PAIR(1, 0)
  PAIR(1, 2)
  PAIR(2, 0)
  PAIR(2, 1)
  :: LOCAL_0 -> d_step { take (0); check () }
  :: !LOCAL_0 && LOCAL_1 -> d_step { take (1); check () }
  :: !LOCAL_0 && !LOCAL_1 && LOCAL_2 -> d_step { take (2); check () }
  :: NOTHING_LOCAL && up && server_restarts > 0 -> d_step {
      for (x : 0 .. N - 1) {
        listed[x] = false;
        online[x] = false;
        clear_box (x)
      };
      server_restarts--;
      up = false;
      the_host = NONE }
  :: NOTHING_LOCAL && !up -> up = true
  :: else -> break
  od;
  /* L1, L2, L3: nothing is left to do */
  assert (WHOLE(0, 1) && WHOLE(0, 2) && WHOLE(1, 2))
}
