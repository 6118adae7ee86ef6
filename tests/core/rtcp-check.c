/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Transport-wide reports that say more than they contain. */

#include "core/rtcp-check.h"

#include <string.h>

/* About seven packets: a run of three that arrived, and a vector of one that
 * arrived and three that did not. Each arrival takes a byte. */
static const guint8 report[] = {
  0x8f, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0, 9, 0, 7, 0, 0, 1, 0,
  0x20, 3, 0xd0, 0, 1, 2, 3, 4
};

static const guint8 receiver_report[] = { 0x80, 201, 0, 1, 0, 0, 0, 1 };

static void
what_is_whole_passes (void)
{
  guint8 both[sizeof receiver_report + sizeof report];

  memcpy (both, receiver_report, sizeof receiver_report);
  memcpy (both + sizeof receiver_report, report, sizeof report);
  g_assert_true (mesh_rtcp_is_whole (receiver_report, sizeof receiver_report));
  g_assert_true (mesh_rtcp_is_whole (both, sizeof both));
  g_assert_true (mesh_rtcp_is_whole (both, 0));
}

static void
check_changed (guint at, guint value, gboolean whole)
{
  guint8 changed[sizeof report];

  memcpy (changed, report, sizeof report);
  changed[at] = value;
  g_assert_cmpint (mesh_rtcp_is_whole (changed, sizeof changed), ==, whole);
}

static void
what_is_not_is_refused (void)
{
  g_assert_true (mesh_rtcp_is_whole (report, sizeof report));
  /* of no packet, of more than the chunks have, and of very many */
  check_changed (15, 0, FALSE);
  check_changed (14, 0x20, FALSE);
  check_changed (14, 0xff, FALSE);
  /* a run of large differences, and a vector of them */
  check_changed (20, 0x40, FALSE);
  check_changed (22, 0xea, FALSE);
  /* a run of none would never end */
  check_changed (21, 0, FALSE);
  /* a packet of another kind or format is none of ours */
  check_changed (1, 206, TRUE);
  check_changed (0, 0x81, TRUE);
  /* the packet is longer than what came */
  check_changed (3, 7, FALSE);
  check_changed (3, 3, FALSE);
}

/* Under AddressSanitizer this shows reads behind the end. */
static void
nothing_is_read_behind_the_end (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (5);

  for (guint i = 0; i < 200000; i++) {
    gsize size = g_rand_int_range (rand, 0, sizeof report + 1);
    g_autofree guint8 *data = g_memdup2 (report, size);

    for (guint k = 0; k < 3 && size > 0; k++)
      data[g_rand_int_range (rand, 0, size)] = g_rand_int (rand);
    mesh_rtcp_is_whole (data, size);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtcp-check/what-is-whole-passes", what_is_whole_passes);
  g_test_add_func ("/rtcp-check/what-is-not-is-refused",
      what_is_not_is_refused);
  g_test_add_func ("/rtcp-check/nothing-is-read-behind-the-end",
      nothing_is_read_behind_the_end);
  return g_test_run ();
}
