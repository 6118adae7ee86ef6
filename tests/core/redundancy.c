/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How much loss the encoder of sound prepares for. */

#include "core/redundancy.h"

#define SECOND G_TIME_SPAN_SECOND

static void
it_rises_at_once (void)
{
  MeshRedundancy r;

  mesh_redundancy_init (&r);
  g_assert_true (mesh_redundancy_take (&r, 0, 100 * SECOND));
  g_assert_cmpint (r.percent, ==, 0);
  g_assert_true (mesh_redundancy_take (&r, 0.08, 100 * SECOND));
  g_assert_cmpint (r.percent, ==, 10);
  g_assert_true (mesh_redundancy_take (&r, 0.9, 101 * SECOND));
  g_assert_cmpint (r.percent, ==, 30);
}

static void
the_worst_of_all_peers_counts_for_ten_seconds (void)
{
  MeshRedundancy r;

  mesh_redundancy_init (&r);
  mesh_redundancy_take (&r, 0.04, 100 * SECOND);
  for (int i = 0; i < 10; i++) {
    g_assert_false (mesh_redundancy_take (&r, 0, (100 + i) * SECOND));
    g_assert_cmpint (r.percent, ==, 5);
  }
  g_assert_true (mesh_redundancy_take (&r, 0, 110 * SECOND));
  g_assert_cmpint (r.percent, ==, 0);
}

static void
reports_within_a_step_change_nothing (void)
{
  MeshRedundancy r;

  mesh_redundancy_init (&r);
  mesh_redundancy_take (&r, 0.06, 100 * SECOND);
  g_assert_false (mesh_redundancy_take (&r, 0.09, 101 * SECOND));
  g_assert_false (mesh_redundancy_take (&r, 0.07, 102 * SECOND));
  g_assert_cmpint (r.percent, ==, 10);
}

static void
a_long_silence_forgets (void)
{
  MeshRedundancy r;

  mesh_redundancy_init (&r);
  mesh_redundancy_take (&r, 0.2, 100 * SECOND);
  g_assert_true (mesh_redundancy_take (&r, 0.004, 1000 * SECOND));
  g_assert_cmpint (r.percent, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/redundancy/rises-at-once", it_rises_at_once);
  g_test_add_func ("/redundancy/worst-of-ten-seconds",
      the_worst_of_all_peers_counts_for_ten_seconds);
  g_test_add_func ("/redundancy/steps", reports_within_a_step_change_nothing);
  g_test_add_func ("/redundancy/forgets", a_long_silence_forgets);
  return g_test_run ();
}
