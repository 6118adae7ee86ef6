/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the estimator, the pacer and the division of an uplink promise one by
 * one, in made-up time. */

#include "core/allot.h"
#include "core/bwe/bwe.h"
#include "core/bwe/pace.h"

#define SECOND G_GINT64_CONSTANT (1000000)
#define MS(ms) ((gint64) (ms) * 1000)
#define START 300000
#define FLOOR 30000
#define CEILING 5000000

typedef struct {
  MeshBwe *bwe;
  gint64 now;
  guint64 target;
  MeshBweState state;
  guint probes;                 /* that were asked for */
  guint64 probe_rate;           /* the last one's */
} Fixture;

static void
obey (Fixture *f)
{
  MeshBweAction action;

  while (mesh_bwe_pop (f->bwe, &action)) {
    if (action.type == MESH_BWE_TARGET) {
      g_assert_cmpuint (action.bits, >=, FLOOR);
      g_assert_cmpuint (action.bits, <=, CEILING);
      f->target = action.bits;
    } else if (action.type == MESH_BWE_STATE) {
      f->state = action.state;
    } else {
      g_assert_cmpuint (action.probe, !=, 0);
      f->probes++;
      f->probe_rate = action.bits;
    }
  }
}

static void
set_up (Fixture *f, gconstpointer feedback)
{
  MeshBweConfig config = { START, FLOOR, CEILING, feedback != NULL };

  f->now = -5 * SECOND;         /* any origin */
  f->bwe = mesh_bwe_new (&config, f->now);
  obey (f);
}

static void
tear_down (Fixture *f, gconstpointer feedback)
{
  mesh_bwe_free (f->bwe);
}

/* Sends at @bits for @time, in packets that wait for @queue; what is told of
 * them comes every 50 ms. */
static void
run (Fixture *f, double bits, gint64 queue, gint64 time)
{
  gint64 end = f->now + time, gap = (gint64) (1000 * 8 * 1e6 / bits);
  MeshBwePacket packets[50];

  while (f->now < end) {
    gint64 report_at = f->now + MS (50);
    guint n = 0;

    for (; f->now < report_at && n < G_N_ELEMENTS (packets); f->now += gap) {
      mesh_bwe_sent (f->bwe, 1000, f->now);
      packets[n++] = (MeshBwePacket) { f->now, f->now + 7 * SECOND + queue,
        1000, 0 };
    }
    f->now = report_at;
    mesh_bwe_feed (f->bwe, packets, n, MS (50), f->now);
    mesh_bwe_tick (f->bwe, f->now);
    obey (f);
  }
}

static void
target_is_told_at_first (Fixture *f, gconstpointer data)
{
  g_assert_cmpuint (f->target, ==, START);
  g_assert_cmpint (f->state, ==, MESH_BWE_CLEAR);
}

static void
nothing_is_probed_that_nobody_wants (Fixture *f, gconstpointer data)
{
  run (f, START, 0, 10 * SECOND);
  g_assert_cmpuint (f->probes, ==, 0);
}

static void
probes_stay_below_twice_what_is_wanted (Fixture *f, gconstpointer data)
{
  mesh_bwe_want (f->bwe, 700000, f->now);
  obey (f);
  g_assert_cmpuint (f->probes, ==, 2);
  g_assert_cmpuint (f->probe_rate, ==, 1400000);
}

/* 60 ms is a queue that stands. */
static void
gate_closes_and_opens_again (Fixture *f, gconstpointer data)
{
  run (f, START, 0, SECOND);
  g_assert_cmpint (f->state, ==, MESH_BWE_CLEAR);
  run (f, START, MS (60), MS (250));
  g_assert_cmpint (f->state, ==, MESH_BWE_WARNING);
  run (f, START, MS (60), MS (250));
  g_assert_cmpint (f->state, ==, MESH_BWE_CONGESTED);
  run (f, START, 0, MS (400));
  g_assert_cmpint (f->state, ==, MESH_BWE_CONGESTED);
  run (f, START, 0, MS (300));
  g_assert_cmpint (f->state, ==, MESH_BWE_CLEAR);
}

static void
queue_that_stands_lowers_the_target (Fixture *f, gconstpointer data)
{
  run (f, START, 0, SECOND);
  run (f, START, MS (60), MS (400));
  g_assert_cmpuint (f->target, <, START * 9 / 10);
  g_assert_cmpuint (f->target, >, START / 2);
}

/* Nothing is told of what is sent: the target falls to the floor, and the state
 * says so. */
static void
silence_leads_to_the_floor (Fixture *f, gconstpointer data)
{
  gint64 began;

  run (f, START, 0, 2 * SECOND);
  began = f->now;
  mesh_bwe_sent (f->bwe, 1000, f->now);
  g_assert_cmpint (mesh_bwe_deadline (f->bwe), ==, began + MS (500));
  while (f->now < began + MS (1500)) {
    f->now += MS (20);
    mesh_bwe_sent (f->bwe, 100, f->now);
    mesh_bwe_tick (f->bwe, f->now);
    obey (f);
  }
  g_assert_cmpuint (f->target, ==, FLOOR);
  g_assert_cmpint (f->state, ==, MESH_BWE_CONGESTED);
  /* What is not sent cannot end it. */
  f->now += MS (2500);
  mesh_bwe_tick (f->bwe, f->now);
  obey (f);
  g_assert_cmpuint (f->target, >, FLOOR);
  g_assert_cmpint (f->state, ==, MESH_BWE_CLEAR);
}

/* The last packets before it may stay without a report. */
static void
pause_is_no_silence (Fixture *f, gconstpointer data)
{
  guint64 target;

  run (f, START, 0, 2 * SECOND);
  target = f->target;
  mesh_bwe_sent (f->bwe, 1000, f->now);
  for (guint i = 0; i < 60; i++) {
    f->now += MS (100);
    mesh_bwe_tick (f->bwe, f->now);
    obey (f);
  }
  mesh_bwe_sent (f->bwe, 1000, f->now);
  f->now += MS (100);
  mesh_bwe_tick (f->bwe, f->now);
  obey (f);
  g_assert_cmpuint (f->target, ==, target);
  g_assert_cmpint (f->state, ==, MESH_BWE_CLEAR);
}

static void
new_path_is_asked_anew (Fixture *f, gconstpointer data)
{
  mesh_bwe_want (f->bwe, 2000000, f->now);
  run (f, START, 0, 5 * SECOND);
  f->probes = 0;
  mesh_bwe_reset_path (f->bwe, f->now);
  obey (f);
  g_assert_cmpuint (f->target, <=, START);
  g_assert_cmpuint (f->probes, ==, 1);
}

/* Reports every second, while @bits are sent. */
static void
report (Fixture *f, double bits, double loss, gint64 rtt, guint seconds)
{
  for (guint i = 0; i < seconds; i++) {
    for (guint j = 0; j < 10; j++) {
      f->now += MS (100);
      mesh_bwe_sent (f->bwe, (guint) (bits / 80), f->now);
    }
    mesh_bwe_report (f->bwe, loss, rtt, f->now);
    obey (f);
  }
}

static void
without_feedback_it_rises_late_and_little (Fixture *f, gconstpointer data)
{
  MeshBweFigures figures;

  mesh_bwe_want (f->bwe, CEILING, f->now);
  report (f, START, .01, MS (50), 10);
  g_assert_cmpuint (f->target, ==, START);
  mesh_bwe_get_figures (f->bwe, &figures);
  g_assert_cmpuint (figures.acked, ==, START);
  report (f, START, .01, MS (50), 60);
  g_assert_cmpuint (f->target, >, START);
  g_assert_cmpuint (f->target, <=, START * 5 / 4);
  g_assert_cmpuint (f->probes, ==, 0);
  for (guint i = 0; i < 60; i++)
    report (f, f->target, .01, MS (50), 1);
  g_assert_cmpuint (f->target, >, 10 * START);
}

static void
without_feedback_loss_and_delay_lower_it (Fixture *f, gconstpointer data)
{
  report (f, START, .05, MS (50), 5);
  g_assert_cmpuint (f->target, ==, START);
  report (f, START, .2, MS (50), 1);
  g_assert_cmpuint (f->target, ==, START * 9 / 10);
  g_assert_cmpint (f->state, ==, MESH_BWE_CONGESTED);
  report (f, START, 0, MS (250), 1);
  g_assert_cmpuint (f->target, <, START * 8 / 10);
}

static void
pacer_spreads_what_is_large (void)
{
  MeshPace pace;
  gint64 now = 0, at;
  guint queued = 60 * 1200, first = 0;

  mesh_pace_init (&pace, 1000000, now);
  for (; queued > 0; queued -= 1200) {
    while ((at = mesh_pace_when (&pace, queued, now)) > now)
      now = at;
    first += now == 0;
    mesh_pace_sent (&pace, 1200, now);
  }
  /* 40 ms at once, and no more than 1.2 times the target after that. */
  g_assert_cmpuint (first, >, 4);
  g_assert_cmpuint (first, <, 8);
  g_assert_cmpint (now, >, MS (420));
  g_assert_cmpint (now, <, MS (470));
}

/* The target has fallen under what is queued: it is out within two seconds. */
static void
pacer_empties_a_long_queue (void)
{
  MeshPace pace;
  gint64 now = 0;

  mesh_pace_init (&pace, FLOOR, now);
  for (guint queued = 200 * 1000; queued > 0; queued -= 1000) {
    now = mesh_pace_when (&pace, 200 * 1000, now);
    mesh_pace_sent (&pace, 1000, now);
  }
  g_assert_cmpint (now, <=, 2 * SECOND);
}

static void
pacer_fills_probes (void)
{
  MeshPace pace;
  gint64 now = 0, next;
  guint packets = 0;

  mesh_pace_init (&pace, START, now);
  g_assert_false (mesh_pace_padding (&pace, now, &next));
  g_assert_cmpint (next, ==, G_MAXINT64);
  mesh_pace_probe (&pace, 7, 4000000, MS (15));
  do {
    while (mesh_pace_padding (&pace, now, &next)) {
      g_assert_cmpuint (mesh_pace_sent (&pace, 1250, now), ==, 7);
      packets++;
    }
    g_assert_cmpint (next, >, now);
    now = MIN (next, SECOND);
  } while (next < G_MAXINT64);
  g_assert_cmpuint (packets, ==, 6);
  g_assert_cmpuint (mesh_pace_sent (&pace, 1250, now), ==, 0);
}

static MeshAllotPeer
peer (guint64 target, guint64 screen, guint64 picture, double size)
{
  return (MeshAllotPeer) { .target = target, .sound = 50, .screen = screen,
    .picture = picture, .size = size };
}

static void
sound_comes_first_and_screens_next (void)
{
  MeshAllot allot = { .uplink = 1000 };
  MeshAllotPeer peers[] = { peer (10000, 0, 5000, 1), peer (10000, 600, 0, 0),
    peer (10000, 0, 5000, 1) };

  mesh_allot_divide (&allot, peers, 3, SECOND);
  g_assert_cmpuint (peers[1].share, ==, 650);
  g_assert_cmpuint (peers[0].share, ==, 175);
  g_assert_cmpuint (peers[2].share, ==, 175);
}

static void
pictures_get_what_they_are_shown_at (void)
{
  MeshAllot allot = { .uplink = 1050 };
  MeshAllotPeer peers[] = { peer (10000, 0, 5000, 3), peer (10000, 0, 5000, 1),
    peer (10000, 0, 5000, 0), peer (150, 0, 5000, 3) };

  mesh_allot_divide (&allot, peers, 4, SECOND);
  g_assert_cmpuint (peers[3].share, ==, 150);
  g_assert_cmpuint (peers[2].share, ==, 50);
  /* 750 are left when all sound and the slow one's picture are served. */
  g_assert_cmpuint (peers[0].share, ==, 50 + 562);
  g_assert_cmpuint (peers[1].share, ==, 50 + 187);
}

/* One peer's own path is full: that is no matter of the others. All get at
 * first what one of them was seen to take beside what the others get. */
static void
uplink_is_found_by_two_that_are_congested (void)
{
  MeshAllot allot = { 0 };
  MeshAllotPeer peers[] = { peer (2000, 0, 5000, 1), peer (2000, 0, 5000, 1),
    peer (2000, 0, 5000, 1) };

  for (guint i = 0; i < 3; i++)
    peers[i].acked = 1000;
  peers[0].state = MESH_BWE_CONGESTED;
  mesh_allot_divide (&allot, peers, 3, SECOND);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (peers[i].share, ==, (3 * 1000 + 1000) / 3);
  peers[1].state = MESH_BWE_CONGESTED;
  mesh_allot_divide (&allot, peers, 3, SECOND + MS (100));
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (peers[i].share, ==, 900);
  peers[0].state = peers[1].state = MESH_BWE_CLEAR;
  mesh_allot_divide (&allot, peers, 3, 40 * SECOND);
  g_assert_cmpuint (peers[2].share, ==, (3 * 1000 + 1000) / 3);
  /* As long as that does, a little more is tried. */
  for (guint i = 0; i < 20; i++)
    mesh_allot_divide (&allot, peers, 3, (41 + i) * SECOND);
  g_assert_cmpuint (peers[2].share, ==, 2000);
}

/* All have what they want; then one more comes, or wants more. */
static void
what_is_wanted_anew_was_not_tried (void)
{
  MeshAllot allot = { 0 };
  MeshAllotPeer peers[] = { peer (2000, 0, 1000, 1), peer (2000, 0, 1000, 1),
    peer (2000, 0, 1000, 1) };

  for (guint i = 0; i < 3; i++)
    peers[i].acked = 1000;
  for (guint i = 0; i < 60; i++)
    mesh_allot_divide (&allot, peers, 2, (1 + i) * SECOND);
  g_assert_cmpuint (peers[1].share, ==, 1050);
  peers[2].acked = 0;
  mesh_allot_divide (&allot, peers, 3, 61 * SECOND);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (peers[i].share, ==, 1050);
  peers[2].acked = 1000;
  for (guint i = 0; i < 3; i++)
    peers[i].picture = 5000;
  mesh_allot_divide (&allot, peers, 3, 62 * SECOND);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (peers[i].share, ==, (3 * 1000 + 1000) / 3);
}

int
main (int argc, char **argv)
{
  gpointer feedback = GINT_TO_POINTER (TRUE);

  g_test_init (&argc, &argv, NULL);
#define TEST(name, data) g_test_add ("/bwe/" #name, Fixture, data, set_up, \
    name, tear_down)
  TEST (target_is_told_at_first, feedback);
  TEST (nothing_is_probed_that_nobody_wants, feedback);
  TEST (probes_stay_below_twice_what_is_wanted, feedback);
  TEST (gate_closes_and_opens_again, feedback);
  TEST (queue_that_stands_lowers_the_target, feedback);
  TEST (silence_leads_to_the_floor, feedback);
  TEST (pause_is_no_silence, feedback);
  TEST (new_path_is_asked_anew, feedback);
  TEST (without_feedback_it_rises_late_and_little, NULL);
  TEST (without_feedback_loss_and_delay_lower_it, NULL);
#define PLAIN(name) g_test_add_func ("/bwe/" #name, name)
  PLAIN (pacer_spreads_what_is_large);
  PLAIN (pacer_empties_a_long_queue);
  PLAIN (pacer_fills_probes);
  PLAIN (sound_comes_first_and_screens_next);
  PLAIN (pictures_get_what_they_are_shown_at);
  PLAIN (uplink_is_found_by_two_that_are_congested);
  PLAIN (what_is_wanted_anew_was_not_tried);
  return g_test_run ();
}
