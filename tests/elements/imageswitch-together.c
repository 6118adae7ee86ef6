/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Many pipelines with an imageswitch that start and stop at the same moment.
 *
 * MESH_LONG=1 for 500 rounds instead of a few; 50 under a sanitizer.
 */
#include "slow-resources.h"
#include "together.h"
#include "traces.h"

#define DESCRIPTION \
    "videotestsrc is-live=true ! video/x-raw,width=64,height=48," \
    "framerate=100/1 ! imageswitch name=switch" TOGETHER_OUT

/* First of all tests, since a process registers its resources once. */
GST_START_TEST (the_first_pictures_are_shown_at_the_same_moment)
{
  together_run (DESCRIPTION, 8);
  fail_unless (slow_resources_were_registered ());
}
GST_END_TEST;

static guint
count_rounds (void)
{
  if (!g_getenv ("MESH_LONG"))
    return 4;
  return g_getenv ("MESH_SLOW") ? 50 : 500;
}

/* What GLib or GStreamer complain of ends the test, by G_DEBUG. */
GST_START_TEST (rounds_of_starts_and_stops_leave_nothing_behind)
{
  guint n = __i__ == 0 ? 6 : 12;
  Traces before;

  /* what is made once, and kept */
  together_run (DESCRIPTION, n);
  together_run (DESCRIPTION, n);
  before = traces_settled ();
  for (guint i = 0; i < count_rounds (); i++)
    together_run (DESCRIPTION, n);
  traces_check (before);
}
GST_END_TEST;

static Suite *
together_suite (void)
{
  Suite *suite = suite_create ("imageswitch-together");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, the_first_pictures_are_shown_at_the_same_moment);
  tcase_add_loop_test (tcase, rounds_of_starts_and_stops_leave_nothing_behind,
      0, 2);
  if (g_getenv ("MESH_LONG"))
    tcase_set_timeout (tcase, 3600);
  return suite;
}

GST_CHECK_MAIN (together);
