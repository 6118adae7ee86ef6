/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a peer gets whose share is next to nothing, or is not proven yet. */

#include "ladder-fixture.h"

static void
the_least_picture_is_tried_again (void)
{
  Fixture f;

  begin (&f, 1);
  give (&f, 0, 100, MESH_BWE_CLEAR);
  run (&f, 10);
  give (&f, 0, 0, MESH_BWE_CONGESTED);
  run (&f, 30);
  assert_gets (&f, 0, MESH_RUNGS, 0);
  give (&f, 0, 40, MESH_BWE_CLEAR);
  run (&f, 5);
  assert_gets (&f, 0, 2, 1);
}

/* Where others fill the uplink, an estimate can be less than sound for long. */
static void
the_least_picture_stays_while_its_path_is_not_full (void)
{
  Fixture f;

  begin (&f, 1);
  give (&f, 0, 0, MESH_BWE_CLEAR);
  run (&f, 5);
  assert_gets (&f, 0, 2, 1);
  run (&f, 600);
  assert_gets (&f, 0, 2, 1);
  give (&f, 0, 0, MESH_BWE_WARNING);
  run (&f, 30);
  assert_gets (&f, 0, 2, 1);
  give (&f, 0, 0, MESH_BWE_CONGESTED);
  run (&f, 2);
  assert_gets (&f, 0, MESH_RUNGS, 0);

  /* It is tried again soon, and ever later. */
  give (&f, 0, 0, MESH_BWE_CLEAR);
  run (&f, 5);
  assert_gets (&f, 0, 2, 1);
  give (&f, 0, 0, MESH_BWE_CONGESTED);
  run (&f, 2);
  give (&f, 0, 0, MESH_BWE_CLEAR);
  run (&f, 15);
  assert_gets (&f, 0, MESH_RUNGS, 0);
  run (&f, 20);
  assert_gets (&f, 0, 2, 1);
}

/* The rate of the rung does not follow the share of one who has a trifle of it,
 * so that one costs the others nothing. */
static void
a_trifle_is_kept_beside_others (void)
{
  Fixture f;

  begin (&f, 2);
  want (&f, 0, 320, 180);
  want (&f, 1, 320, 180);
  give (&f, 0, 300, MESH_BWE_CLEAR);
  give (&f, 1, 20, MESH_BWE_CLEAR);
  run (&f, 10);
  assert_gets (&f, 1, 2, 1);
  run (&f, 600);
  assert_gets (&f, 0, 2, 2);
  assert_gets (&f, 1, 2, 1);
  g_assert_cmpuint (f.ladder.rungs[2].rate, >, 140000);
}

/* Neither is what cannot be made less, nor what the uplink's bound forbids. */
static void
not_all_that_is_little_is_a_trifle (void)
{
  Fixture f;

  begin (&f, 1);
  f.peers[0].is_held = TRUE;
  give (&f, 0, 0, MESH_BWE_CLEAR);
  run (&f, 100);
  assert_gets (&f, 0, MESH_RUNGS, 0);
  f.peers[0].is_held = FALSE;
  run (&f, 10);
  assert_gets (&f, 0, 2, 1);

  begin (&f, 1);
  f.ladder.n_rungs = 1;
  f.ladder.rungs[0] = three_rungs[2];
  f.ladder.rungs[0].fixed = TRUE;
  give (&f, 0, 0, MESH_BWE_CLEAR);
  run (&f, 100);
  assert_gets (&f, 0, MESH_RUNGS, 0);
}

/* Receiver reports alone prove too little for that. */
static void
all_frames_need_feedback (void)
{
  Fixture f;

  begin (&f, 1);
  f.peers[0].no_feedback = TRUE;
  give (&f, 0, 200, MESH_BWE_CLEAR);
  run (&f, 10);
  assert_gets (&f, 0, 1, 1);
  give (&f, 0, 300, MESH_BWE_CLEAR);
  run (&f, 600);
  assert_gets (&f, 0, 1, 1);
}

/* At a rung's least rate all of its frames take no more than half of them at its
 * best. That the full size was too much does not keep them back. */
static void
all_frames_come_back_soon (void)
{
  Fixture f;

  begin (&f, 1);
  give (&f, 0, 100, MESH_BWE_CLEAR);
  run (&f, 50);
  give (&f, 0, 2000, MESH_BWE_CLEAR);
  run (&f, 100);
  assert_gets (&f, 0, 0, 2);
  give (&f, 0, 200, MESH_BWE_CONGESTED);
  run (&f, 10);
  assert_gets (&f, 0, 1, 1);
  give (&f, 0, 400, MESH_BWE_CLEAR);
  f.peers[0].proven = 330000 + SOUND;
  run (&f, 25);
  assert_gets (&f, 0, 1, 1);
  run (&f, 20);
  assert_gets (&f, 0, 1, 2);
  g_assert_cmpuint (f.ladder.rungs[1].rate, >, 300000);

  /* They wait longer when it was they that were too much. */
  give (&f, 0, 250, MESH_BWE_CONGESTED);
  run (&f, 1);
  assert_gets (&f, 0, 1, 1);
  give (&f, 0, 400, MESH_BWE_CLEAR);
  run (&f, 195);
  assert_gets (&f, 0, 1, 1);
  run (&f, 40);
  assert_gets (&f, 0, 1, 2);
}

/* An estimate grows while less is sent. */
static void
a_rate_goes_little_above_what_is_proven (void)
{
  Fixture f;

  begin (&f, 1);
  give (&f, 0, 2000, MESH_BWE_CLEAR);
  f.peers[0].proven = 1000000;
  run (&f, 100);
  assert_gets (&f, 0, 0, 2);
  g_assert_cmpfloat (f.ladder.rungs[0].rate * 1.07, <=, 1150000 - SOUND);
  f.peers[0].proven = 2500000;
  run (&f, 100);
  assert_gets (&f, 0, 0, 2);
  g_assert_cmpuint (f.ladder.rungs[0].rate, >, 1400000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define TEST(path, func) g_test_add_func ("/ladder-limits/" path, func)
  TEST ("least", the_least_picture_is_tried_again);
  TEST ("least-stays", the_least_picture_stays_while_its_path_is_not_full);
  TEST ("trifle-beside-others", a_trifle_is_kept_beside_others);
  TEST ("no-trifle", not_all_that_is_little_is_a_trifle);
  TEST ("all-frames-feedback", all_frames_need_feedback);
  TEST ("all-frames", all_frames_come_back_soon);
  TEST ("proven-rate", a_rate_goes_little_above_what_is_proven);
  return g_test_run ();
}
