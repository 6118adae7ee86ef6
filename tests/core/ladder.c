/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which step a peer gets, and which rate a rung. Times are fed, a tenth of a
 * second at a time. */

#include "ladder-fixture.h"

static void
gets_what_the_share_allows (void)
{
  static const struct {
    guint kbit, rung, layers;
    MeshBweState state;
  } rows[] = {
    { 3000, 0, 2 }, { 1200, 0, 2 }, { 800, 0, 1 }, { 500, 1, 2 },
    { 250, 1, 1 }, { 120, 2, 2 }, { 75, 2, 1 },
    { 30, MESH_RUNGS, 0, MESH_BWE_CONGESTED },
    { 0, MESH_RUNGS, 0, MESH_BWE_CONGESTED } };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    Fixture f;

    begin (&f, 1);
    give (&f, 0, rows[i].kbit, rows[i].state);
    run (&f, 1);
    assert_gets (&f, 0, rows[i].rung, rows[i].layers);
    run (&f, 100);
    assert_gets (&f, 0, rows[i].rung, rows[i].layers);
  }
}

static void
goes_up_when_there_was_enough_for_a_while (void)
{
  Fixture f;

  begin (&f, 1);
  give (&f, 0, 400, MESH_BWE_CLEAR);
  run (&f, 100);
  assert_gets (&f, 0, 1, 2);

  /* Enough for the rung's least rate, but not for more than that. */
  give (&f, 0, 600, MESH_BWE_CLEAR);
  run (&f, 100);
  assert_gets (&f, 0, 1, 2);

  give (&f, 0, 2000, MESH_BWE_WARNING);
  run (&f, 100);
  assert_gets (&f, 0, 1, 2);

  give (&f, 0, 2000, MESH_BWE_CLEAR);
  run (&f, 19);
  assert_gets (&f, 0, 1, 2);
  run (&f, 3);
  assert_gets (&f, 0, 0, 2);
}

static void
goes_down_at_once (void)
{
  Fixture f;

  begin (&f, 1);
  give (&f, 0, 2000, MESH_BWE_CLEAR);
  run (&f, 100);
  assert_gets (&f, 0, 0, 2);
  g_assert_cmpuint (f.ladder.rungs[0].rate, >, 1400000);

  /* The rate goes first, then half of the frames, then the rung. */
  give (&f, 0, 1200, MESH_BWE_CONGESTED);
  run (&f, 1);
  assert_gets (&f, 0, 0, 2);
  g_assert_cmpuint (f.ladder.rungs[0].rate, <, 1200000);
  give (&f, 0, 800, MESH_BWE_CONGESTED);
  run (&f, 1);
  assert_gets (&f, 0, 0, 1);
  give (&f, 0, 400, MESH_BWE_WARNING);
  run (&f, 3);
  assert_gets (&f, 0, 0, 1);
  run (&f, 1);
  assert_gets (&f, 0, 1, 2);
  /* The least picture lasts a while longer. */
  give (&f, 0, 40, MESH_BWE_CONGESTED);
  run (&f, 10);
  assert_gets (&f, 0, 2, 1);
  run (&f, 30);
  assert_gets (&f, 0, MESH_RUNGS, 0);
}

/* Counts the steps up in @seconds, of a path that never takes the step. */
static guint
count_failures (Fixture *f, guint kbit, guint seconds)
{
  guint ups = 0;

  for (guint i = 0; i < 10 * seconds; i++) {
    guint rung = f->peers[0].rung;

    run (f, 1);
    if (f->peers[0].rung < rung) {
      ups++;
      give (f, 0, 200, MESH_BWE_CONGESTED);
    } else if (f->peers[0].rung == rung) {
      give (f, 0, kbit, MESH_BWE_CLEAR);
    }
  }
  return ups;
}

static void
does_not_flap (void)
{
  Fixture f;

  begin (&f, 1);
  f.ladder.rungs[0].layers = f.ladder.rungs[1].layers = 1;
  give (&f, 0, 200, MESH_BWE_CLEAR);
  run (&f, 10);
  assert_gets (&f, 0, 2, 2);
  g_assert_cmpuint (count_failures (&f, 450, 60), <=, 4);
  g_assert_cmpuint (count_failures (&f, 450, 600), <=, 6);
  /* Much more than what did not do is tried sooner. */
  g_assert_cmpuint (count_failures (&f, 700, 600), >, 10);
  g_assert_cmpuint (count_failures (&f, 700, 600), <=, 20);

  /* Each step that lasts makes up for one that did not. */
  for (guint i = 0; i < 5; i++) {
    give (&f, 0, 450, MESH_BWE_CLEAR);
    run (&f, 3000);
    give (&f, 0, 200, MESH_BWE_CONGESTED);
    run (&f, 5);
    assert_gets (&f, 0, 2, 2);
  }
  give (&f, 0, 450, MESH_BWE_CLEAR);
  run (&f, 70);
  assert_gets (&f, 0, 1, 2);
}

static void
gives_no_more_than_is_wanted (void)
{
  static const struct { guint width, height, rung; } rows[] = {
    { 1280, 720, 0 }, { 1920, 1080, 0 }, { 800, 450, 0 }, { 752, 423, 1 },
    { 426, 240, 1 }, { 376, 212, 2 }, { 16, 9, 2 }, { 0, 0, MESH_RUNGS },
    /* A picture in a place of another shape. */
    { 640, 720, 1 }, { 1280, 360, 1 } };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    Fixture f;

    begin (&f, 1);
    give (&f, 0, 5000, MESH_BWE_CLEAR);
    want (&f, 0, rows[i].width, rows[i].height);
    run (&f, 1);
    assert_gets (&f, 0, rows[i].rung, 2);
    run (&f, 100);
    assert_gets (&f, 0, rows[i].rung, 2);
    g_assert_cmpuint (f.peers[0].picture > 0, ==, rows[i].rung < MESH_RUNGS);
  }
}

static void
gives_half_of_the_frames_where_no_more_are_wanted (void)
{
  Fixture f;

  begin (&f, 1);
  give (&f, 0, 5000, MESH_BWE_CLEAR);
  want (&f, 0, 640, 360);
  f.peers[0].want_fps = 15;
  run (&f, 50);
  assert_gets (&f, 0, 1, 1);
  f.peers[0].want_fps = 30;
  run (&f, 10);
  assert_gets (&f, 0, 1, 2);
}

static void
an_encoder_is_saved_where_it_shows_little (void)
{
  Fixture f;

  begin (&f, 2);
  give (&f, 0, 5000, MESH_BWE_CLEAR);
  give (&f, 1, 5000, MESH_BWE_CLEAR);
  want (&f, 0, 640, 360);
  want (&f, 1, 780, 440);
  run (&f, 20);
  assert_gets (&f, 0, 1, 2);
  assert_gets (&f, 1, 1, 2);
  g_assert_false (f.ladder.rungs[0].needed && f.peers[1].rung == 0);
}

static void
who_is_drawn_large_gets_it_within_a_second (void)
{
  Fixture f;

  begin (&f, 1);
  give (&f, 0, 5000, MESH_BWE_CLEAR);
  want (&f, 0, 320, 180);
  run (&f, 600);
  assert_gets (&f, 0, 2, 2);
  want (&f, 0, 1280, 720);
  run (&f, 9);
  assert_gets (&f, 0, 0, 2);

  want (&f, 0, 0, 0);
  run (&f, 1);
  assert_gets (&f, 0, MESH_RUNGS, 0);
  g_assert_cmpuint (f.peers[0].demand, ==, SOUND);
  run (&f, 600);
  want (&f, 0, 640, 360);
  run (&f, 1);
  assert_gets (&f, 0, 1, 2);
}

static void
what_is_muted_is_not_sent (void)
{
  Fixture f;

  begin (&f, 2);
  give (&f, 0, 5000, MESH_BWE_CLEAR);
  give (&f, 1, 5000, MESH_BWE_CLEAR);
  f.peers[1].connected = FALSE;
  run (&f, 10);
  assert_gets (&f, 0, 0, 2);
  assert_gets (&f, 1, MESH_RUNGS, 0);
  f.ladder.muted = TRUE;
  run (&f, 1);
  assert_gets (&f, 0, MESH_RUNGS, 0);
  run (&f, 60);
  g_assert_false (f.ladder.rungs[0].needed);
  f.ladder.muted = FALSE;
  run (&f, 1);
  assert_gets (&f, 0, 0, 2);
}

static void
the_slow_one_costs_the_others_nothing (void)
{
  Fixture f;

  begin (&f, 4);
  for (guint i = 0; i < 4; i++)
    give (&f, i, 540, MESH_BWE_CLEAR);
  run (&f, 10);
  for (guint i = 0; i < 4; i++)
    assert_gets (&f, i, 1, 2);
  give (&f, 3, 250, MESH_BWE_CONGESTED);
  run (&f, 100);
  for (guint i = 0; i < 3; i++)
    assert_gets (&f, i, 1, 2);
  assert_gets (&f, 3, 2, 2);
  g_assert_cmpuint (f.ladder.rungs[1].rate, >, 475000);

  /* Where all have less, the rate is less. */
  for (guint i = 0; i < 3; i++)
    give (&f, i, 400 + i, MESH_BWE_CLEAR);
  run (&f, 100);
  for (guint i = 0; i < 3; i++)
    assert_gets (&f, i, 1, 2);
  g_assert_cmpuint (f.ladder.rungs[1].rate, >, 350000);
  g_assert_cmpuint (f.ladder.rungs[1].rate, <, 400000);
}

static void
a_rate_is_not_set_for_every_trifle (void)
{
  Fixture f;
  guint sets = 0;
  guint64 rate = 0;

  begin (&f, 1);
  give (&f, 0, 1400, MESH_BWE_CLEAR);
  run (&f, 50);
  for (guint i = 0; i < 100; i++) {
    give (&f, 0, 1400 + 60 * (i % 2), MESH_BWE_CLEAR);
    run (&f, 1);
    sets += f.ladder.rungs[0].rate != rate;
    rate = f.ladder.rungs[0].rate;
  }
  g_assert_cmpuint (sets, ==, 1);
  for (guint i = 0; i < 100; i++) {
    give (&f, 0, 1000 + 8 * i, MESH_BWE_CLEAR);
    run (&f, 1);
    sets += f.ladder.rungs[0].rate != rate;
    rate = f.ladder.rungs[0].rate;
  }
  g_assert_cmpuint (sets, <=, 12);
}

static void
a_rung_ends_when_nobody_has_it (void)
{
  Fixture f;

  begin (&f, 1);
  g_assert_false (f.ladder.rungs[0].needed);
  give (&f, 0, 2000, MESH_BWE_CLEAR);
  run (&f, 10);
  g_assert_true (f.ladder.rungs[0].needed);
  g_assert_false (f.ladder.rungs[1].needed);
  want (&f, 0, 640, 360);
  run (&f, 45);
  g_assert_true (f.ladder.rungs[0].needed);
  g_assert_true (f.ladder.rungs[1].needed);
  run (&f, 10);
  g_assert_false (f.ladder.rungs[0].needed);
}

static void
what_is_encoded_already_stands_rather_than_floods (void)
{
  Fixture f;

  begin (&f, 1);
  f.ladder.n_rungs = 1;
  f.ladder.rungs[0].layers = 1;
  f.ladder.rungs[0].fixed = TRUE;
  give (&f, 0, 3000, MESH_BWE_CLEAR);
  run (&f, 10);
  assert_gets (&f, 0, 0, 2);
  g_assert_cmpuint (f.ladder.rungs[0].rate, ==, 1500000);
  give (&f, 0, 500, MESH_BWE_CONGESTED);
  run (&f, 1);
  assert_gets (&f, 0, MESH_RUNGS, 0);
  g_assert_cmpuint (f.peers[0].demand, >, 1500000);
  give (&f, 0, 1600, MESH_BWE_CLEAR);
  run (&f, 100);
  assert_gets (&f, 0, MESH_RUNGS, 0);
  give (&f, 0, 2000, MESH_BWE_CLEAR);
  run (&f, 10);
  assert_gets (&f, 0, 0, 2);

  f.ladder.rungs[0].layers = 2;
  give (&f, 0, 1000, MESH_BWE_CONGESTED);
  run (&f, 1);
  assert_gets (&f, 0, 0, 1);
}

/* A queue that has to go first makes a share look smaller than it is. */
static void
does_not_fall_deeper_than_it_must (void)
{
  Fixture f;

  begin (&f, 1);
  give (&f, 0, 2000, MESH_BWE_CLEAR);
  run (&f, 100);
  give (&f, 0, 150, MESH_BWE_CONGESTED);
  run (&f, 5);
  assert_gets (&f, 0, 1, 1);
  give (&f, 0, 260, MESH_BWE_CLEAR);
  run (&f, 20);
  assert_gets (&f, 0, 1, 1);

  give (&f, 0, 150, MESH_BWE_CONGESTED);
  run (&f, 20);
  assert_gets (&f, 0, 2, 2);
}

static void
a_rung_that_fails_is_nobodys (void)
{
  Fixture f;

  begin (&f, 1);
  f.ladder.rungs[0].failed = TRUE;
  give (&f, 0, 5000, MESH_BWE_CLEAR);
  run (&f, 20);
  assert_gets (&f, 0, 1, 2);
  f.ladder.rungs[1].failed = TRUE;
  run (&f, 1);
  assert_gets (&f, 0, 2, 2);
  f.ladder.rungs[2].failed = TRUE;
  run (&f, 1);
  assert_gets (&f, 0, MESH_RUNGS, 0);
  f.ladder.rungs[0].failed = FALSE;
  want (&f, 0, 320, 180);
  run (&f, 30);
  assert_gets (&f, 0, 0, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define TEST(path, func) g_test_add_func ("/ladder/" path, func)
  TEST ("share", gets_what_the_share_allows);
  TEST ("up", goes_up_when_there_was_enough_for_a_while);
  TEST ("down", goes_down_at_once);
  TEST ("flapping", does_not_flap);
  TEST ("want", gives_no_more_than_is_wanted);
  TEST ("want/framerate", gives_half_of_the_frames_where_no_more_are_wanted);
  TEST ("want/running", an_encoder_is_saved_where_it_shows_little);
  TEST ("want/larger", who_is_drawn_large_gets_it_within_a_second);
  TEST ("muted", what_is_muted_is_not_sent);
  TEST ("slow-peer", the_slow_one_costs_the_others_nothing);
  TEST ("rate", a_rate_is_not_set_for_every_trifle);
  TEST ("unused", a_rung_ends_when_nobody_has_it);
  TEST ("down/queue", does_not_fall_deeper_than_it_must);
  TEST ("failed", a_rung_that_fails_is_nobodys);
  TEST ("encoded", what_is_encoded_already_stands_rather_than_floods);
#undef TEST
  return g_test_run ();
}
