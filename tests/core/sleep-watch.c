/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether the process stood still, or only one of its threads. */

#include "core/sleep-watch.h"

#define LONGEST 6

static void
a_process_that_stood_still_is_noticed_by_all (void)
{
  MeshSleepWatch watch = { 0 };
  guint one = mesh_sleep_watch_beat (&watch, 100, LONGEST);
  guint other = mesh_sleep_watch_beat (&watch, 101, LONGEST);

  g_assert_cmpuint (other, ==, one);
  g_assert_cmpuint (mesh_sleep_watch_beat (&watch, 107, LONGEST), ==, one);
  g_assert_cmpuint (mesh_sleep_watch_beat (&watch, 114, LONGEST), !=, one);
  g_assert_cmpuint (mesh_sleep_watch_beat (&watch, 114, LONGEST), !=, other);
}

static void
a_thread_that_was_held_up_has_not_slept (void)
{
  MeshSleepWatch watch = { 0 };
  guint held = mesh_sleep_watch_beat (&watch, 100, LONGEST);

  for (gint64 now = 102; now < 120; now += 2)
    mesh_sleep_watch_beat (&watch, now, LONGEST);
  g_assert_cmpuint (mesh_sleep_watch_beat (&watch, 121, LONGEST), ==, held);
}

/* Threads read the clock before they have the lock. */
static void
beats_may_come_out_of_order (void)
{
  MeshSleepWatch watch = { 0 };
  guint stops = mesh_sleep_watch_beat (&watch, 110, LONGEST);

  g_assert_cmpuint (mesh_sleep_watch_beat (&watch, 100, LONGEST), ==, stops);
  g_assert_cmpuint (mesh_sleep_watch_beat (&watch, 116, LONGEST), ==, stops);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sleep-watch/process",
      a_process_that_stood_still_is_noticed_by_all);
  g_test_add_func ("/sleep-watch/thread", a_thread_that_was_held_up_has_not_slept);
  g_test_add_func ("/sleep-watch/order", beats_may_come_out_of_order);
  return g_test_run ();
}
