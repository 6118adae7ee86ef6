/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether the process stood still, or only one of its threads. */

#include "core/pulse.h"

#define LONGEST 6

static void
a_process_that_stood_still_is_noticed_by_all (void)
{
  MeshPulse pulse = { 0 };
  guint one = mesh_pulse_beat (&pulse, 100, LONGEST);
  guint other = mesh_pulse_beat (&pulse, 101, LONGEST);

  g_assert_cmpuint (other, ==, one);
  g_assert_cmpuint (mesh_pulse_beat (&pulse, 107, LONGEST), ==, one);
  g_assert_cmpuint (mesh_pulse_beat (&pulse, 114, LONGEST), !=, one);
  g_assert_cmpuint (mesh_pulse_beat (&pulse, 114, LONGEST), !=, other);
}

static void
a_thread_that_was_held_up_has_not_slept (void)
{
  MeshPulse pulse = { 0 };
  guint held = mesh_pulse_beat (&pulse, 100, LONGEST);

  for (gint64 now = 102; now < 120; now += 2)
    mesh_pulse_beat (&pulse, now, LONGEST);
  g_assert_cmpuint (mesh_pulse_beat (&pulse, 121, LONGEST), ==, held);
}

/* Threads read the clock before they have the lock. */
static void
beats_may_come_out_of_order (void)
{
  MeshPulse pulse = { 0 };
  guint stops = mesh_pulse_beat (&pulse, 110, LONGEST);

  g_assert_cmpuint (mesh_pulse_beat (&pulse, 100, LONGEST), ==, stops);
  g_assert_cmpuint (mesh_pulse_beat (&pulse, 116, LONGEST), ==, stops);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pulse/process",
      a_process_that_stood_still_is_noticed_by_all);
  g_test_add_func ("/pulse/thread", a_thread_that_was_held_up_has_not_slept);
  g_test_add_func ("/pulse/order", beats_may_come_out_of_order);
  return g_test_run ();
}
