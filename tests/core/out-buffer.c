/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is kept for a reader that may be slow. */

#include "core/out-buffer.h"

#include <string.h>

#define KIB 1024

static void
append (MeshOutBuffer *buffer, guint8 first, gsize n)
{
  g_autofree guint8 *bytes = g_malloc (n);

  for (gsize i = 0; i < n; i++)
    bytes[i] = (guint8) (first + i);
  g_byte_array_append (buffer->bytes, bytes, (guint) n);
}

static void
bytes_come_out_in_order (void)
{
  MeshOutBuffer buffer;
  guint8 in = 0, out = 0;

  mesh_out_buffer_init (&buffer);
  g_assert_cmpuint (mesh_out_buffer_get_unsent (&buffer), ==, 0);
  for (guint i = 0; i < 20000; i++) {
    guint n = (i * 7919) % 3000, m;

    append (&buffer, in, n);
    in += (guint8) n;
    m = MIN (mesh_out_buffer_get_unsent (&buffer), (i * 104729) % 3100);
    for (guint j = 0; j < m; j++)
      g_assert_cmpuint (mesh_out_buffer_peek (&buffer)[j], ==, out++);
    mesh_out_buffer_take (&buffer, m);
  }
  mesh_out_buffer_clear (&buffer);
}

/* A gigabyte goes through a buffer that is never empty. */
static void
a_reader_that_is_behind_costs_what_it_is_behind (void)
{
  MeshOutBuffer buffer;
  const gsize behind = 256 * KIB, piece = 64 * KIB;

  mesh_out_buffer_init (&buffer);
  append (&buffer, 0, behind);
  for (gsize sent = 0; sent < 1024 * KIB * (gsize) KIB; sent += piece) {
    append (&buffer, 0, piece);
    mesh_out_buffer_take (&buffer, piece);
    g_assert_cmpuint (mesh_out_buffer_get_unsent (&buffer), ==, behind);
    g_assert_cmpuint (buffer.bytes->len, <=, 2 * behind + piece);
  }
  mesh_out_buffer_clear (&buffer);
}

/* A small array stays, and 2 MiB may be taken a byte at a time: each copy halves
 * what is left to be copied. */
static void
an_empty_buffer_keeps_little (void)
{
  MeshOutBuffer buffer;
  GByteArray *small;

  mesh_out_buffer_init (&buffer);
  append (&buffer, 0, 100);
  small = buffer.bytes;
  mesh_out_buffer_take (&buffer, 100);
  g_assert_true (buffer.bytes == small);
  append (&buffer, 0, 2048 * KIB);
  for (guint i = 0; i < 2048 * KIB; i++)
    mesh_out_buffer_take (&buffer, 1);
  g_assert_cmpuint (buffer.bytes->len, ==, 0);
  mesh_out_buffer_clear (&buffer);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/out-buffer/order", bytes_come_out_in_order);
  g_test_add_func ("/out-buffer/behind",
      a_reader_that_is_behind_costs_what_it_is_behind);
  g_test_add_func ("/out-buffer/empty", an_empty_buffer_keeps_little);
  return g_test_run ();
}
