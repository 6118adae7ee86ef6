/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/batch.h"

#include <string.h>

/* How many frames there are before the end, or before what is wrong. */
static int
count (const char *text, gsize length, gboolean *right)
{
  const char *frame;
  gsize frame_length;
  int n = 0;

  while (mesh_batch_next (&text, &length, &frame, &frame_length)) {
    g_assert_null (memchr (frame, '\x1e', frame_length));
    n++;
  }
  *right = length == 0;
  return n;
}

static void
frames_come_out_as_they_went_in (void)
{
  static const char *const frames[] = { "{\"a\":1}", "", "{\n\"b\":\n2}" };
  g_autoptr (GByteArray) batch = g_byte_array_new ();
  const char *rest, *frame;
  gsize rest_length, length;

  for (guint i = 0; i < G_N_ELEMENTS (frames); i++)
    mesh_batch_append (batch, frames[i], strlen (frames[i]));
  rest = (const char *) batch->data;
  rest_length = batch->len;
  for (guint i = 0; i < G_N_ELEMENTS (frames); i++) {
    g_assert_true (mesh_batch_next (&rest, &rest_length, &frame, &length));
    g_assert_cmpmem (frame, length, frames[i], strlen (frames[i]));
  }
  g_assert_false (mesh_batch_next (&rest, &rest_length, &frame, &length));
  g_assert_cmpuint (rest_length, ==, 0);
}

/* Wherever it is cut, unless between two frames, which a count finds out. */
static void
what_is_cut_off_is_noticed (void)
{
  static const char whole[] = "\x1e{\"a\":1}\n\x1e{\"b\":2}\n";

  for (gsize length = 0; length <= strlen (whole); length++) {
    g_autofree char *copy = g_memdup2 (whole, length);
    gboolean right;
    int n = count (copy, length, &right);

    g_assert_cmpint (n, ==, (int) (length / 9));
    g_assert_cmpint (right, ==, length % 9 == 0);
  }
}

static void
what_is_none_is_noticed (void)
{
  static const char *const cases[] = { "{}", "\n", "x\x1e{}\n", "\x1e",
    "\x1e\x1e", "\x1e{}\x1e{}\n" };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    gboolean right;

    g_assert_cmpint (count (cases[i], strlen (cases[i]), &right), ==, 0);
    g_assert_false (right);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/batch/both-ways", frames_come_out_as_they_went_in);
  g_test_add_func ("/batch/cut-off", what_is_cut_off_is_noticed);
  g_test_add_func ("/batch/none", what_is_none_is_noticed);
  return g_test_run ();
}
