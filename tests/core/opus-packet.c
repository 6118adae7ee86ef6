/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Opus packets that a decoder takes, and others. */

#include "core/opus-packet.h"

static const struct {
  const char *what;
  guint8 head[8];
  gsize head_size;
  gsize size;                   /* in all; the rest is zero */
  gboolean valid;
} packets[] = {
  { "nothing", { 0 }, 0, 0, FALSE },
  { "one frame", { 0x78 }, 1, 100, TRUE },
  { "one frame without sound", { 0x78 }, 1, 1, TRUE },
  { "one frame, the largest", { 0x78 }, 1, 1276, TRUE },
  { "one frame, too large", { 0x78 }, 1, 1277, FALSE },
  { "two frames", { 0x79 }, 1, 101, TRUE },
  { "two frames, not alike", { 0x79 }, 1, 100, FALSE },
  { "two frames, too large", { 0x79 }, 1, 2 * 1276 + 1, FALSE },
  { "two sizes", { 0x7a, 10 }, 2, 30, TRUE },
  { "two sizes, a long one", { 0x7a, 252, 1 }, 3, 300, TRUE },
  { "two sizes, the first too long", { 0x7a, 30 }, 2, 30, FALSE },
  { "two sizes, none there", { 0x7a }, 1, 1, FALSE },
  { "two sizes, half of one there", { 0x7a, 253 }, 2, 2, FALSE },
  { "many alike", { 0x7b, 3 }, 2, 32, TRUE },
  { "many, not alike", { 0x7b, 3 }, 2, 33, FALSE },
  { "many, but none", { 0x7b, 0 }, 2, 32, FALSE },
  { "many, no count", { 0x7b }, 1, 1, FALSE },
  { "many of 20 ms, 120 ms", { 0x7b, 6 }, 2, 32, TRUE },
  { "many of 20 ms, 140 ms", { 0x7b, 7 }, 2, 37, FALSE },
  { "many of 60 ms, 180 ms", { 0x1b, 3 }, 2, 32, FALSE },
  { "many of 2.5 ms, 120 ms", { 0x83, 48 }, 2, 50, TRUE },
  { "many of 2.5 ms, 122.5 ms", { 0x83, 49 }, 2, 51, FALSE },
  { "many of own sizes", { 0x7b, 0x83, 5, 6 }, 4, 20, TRUE },
  { "many of own sizes, too long", { 0x7b, 0x83, 5, 60 }, 4, 20, FALSE },
  { "padding", { 0x7b, 0x42, 4 }, 3, 17, TRUE },
  { "padding, more than there is", { 0x7b, 0x42, 40 }, 3, 17, FALSE },
  { "long padding", { 0x7b, 0x42, 255, 1 }, 4, 4 + 255 + 10, TRUE },
  { "padding without an end", { 0x7b, 0x42, 255, 255 }, 4, 4, FALSE },
};

static void
packets_are_told_apart (gconstpointer user_data)
{
  gsize i = GPOINTER_TO_SIZE (user_data);
  /* on the heap, for the sanitizer to see what is read beyond it */
  g_autofree guint8 *data = g_malloc0 (packets[i].size);

  for (gsize k = 0; k < packets[i].head_size; k++)
    data[k] = packets[i].head[k];
  g_assert_cmpint (mesh_opus_packet_is_valid (data, packets[i].size), ==,
      packets[i].valid);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (packets); i++) {
    g_autofree char *path =
        g_strdup_printf ("/opus-packet/%s", packets[i].what);

    g_test_add_data_func (path, GSIZE_TO_POINTER (i), packets_are_told_apart);
  }
  return g_test_run ();
}
