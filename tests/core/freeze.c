/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When a picture counts as frozen. */

#include "core/freeze.h"

#define MS G_TIME_SPAN_MILLISECOND

/* Shows @n frames with @gap between them. Returns: the time of the last one */
static gint64
show (MeshFreeze *freeze, gint64 from, guint n, gint64 gap)
{
  for (guint i = 0; i < n; i++) {
    from += gap;
    mesh_freeze_take (freeze, from);
  }
  return from;
}

static void
a_steady_picture_is_not_frozen (void)
{
  MeshFreeze freeze = { { 0, }, };

  show (&freeze, 1, 100, 33 * MS);
  g_assert_cmpuint (freeze.freezes, ==, 0);
}

static void
a_gap_counts_whole (void)
{
  MeshFreeze freeze = { { 0, }, };
  gint64 now = show (&freeze, 1, 100, 33 * MS);

  now = show (&freeze, now, 1, 183 * MS);
  g_assert_cmpuint (freeze.freezes, ==, 0);
  now = show (&freeze, now, 100, 33 * MS);
  now = show (&freeze, now, 1, 184 * MS);
  g_assert_cmpuint (freeze.freezes, ==, 1);
  g_assert_cmpint (freeze.frozen, ==, 184 * MS);
}

static void
a_slow_stream_is_not_frozen (void)
{
  MeshFreeze freeze = { { 0, }, };
  gint64 now = show (&freeze, 1, 10, 500 * MS);

  show (&freeze, now, 1, 1500 * MS);
  g_assert_cmpuint (freeze.freezes, ==, 0);
  show (&freeze, now + 1500 * MS, 1, 5000 * MS);
  g_assert_cmpuint (freeze.freezes, ==, 1);
}

static void
the_first_frames_have_no_average (void)
{
  MeshFreeze freeze = { { 0, }, };
  gint64 now = show (&freeze, 1, 2, 10 * MS);

  show (&freeze, now, 1, 800 * MS);
  g_assert_cmpuint (freeze.freezes, ==, 0);
}

static void
what_nobody_asked_for_is_no_freeze (void)
{
  MeshFreeze freeze = { { 0, }, };
  gint64 now = show (&freeze, 1, 100, 33 * MS);

  mesh_freeze_excuse (&freeze);
  now = show (&freeze, now + 60000 * MS, 100, 33 * MS);
  g_assert_cmpuint (freeze.freezes, ==, 0);
  show (&freeze, now, 1, 300 * MS);
  g_assert_cmpuint (freeze.freezes, ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/freeze/steady", a_steady_picture_is_not_frozen);
  g_test_add_func ("/freeze/gap", a_gap_counts_whole);
  g_test_add_func ("/freeze/slow", a_slow_stream_is_not_frozen);
  g_test_add_func ("/freeze/first", the_first_frames_have_no_average);
  g_test_add_func ("/freeze/not-asked-for", what_nobody_asked_for_is_no_freeze);
  return g_test_run ();
}
