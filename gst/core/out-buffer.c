/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/out-buffer.h"

/* Ours: less than this is not moved to the front. */
#define LEAST_MOVED (64 * 1024)
/* Ours: memory of an empty buffer that has grown beyond this is given back. */
#define IDLE 4096

/**
 * mesh_out_buffer_init:
 * @buffer: (out caller-allocates): an empty buffer
 */
void
mesh_out_buffer_init (MeshOutBuffer *buffer)
{
  buffer->bytes = g_byte_array_new ();
  buffer->sent = 0;
}

/**
 * mesh_out_buffer_clear:
 * @buffer: a buffer, which is not used any more
 */
void
mesh_out_buffer_clear (MeshOutBuffer *buffer)
{
  g_clear_pointer (&buffer->bytes, g_byte_array_unref);
}

/**
 * mesh_out_buffer_get_unsent:
 * Returns: how many bytes are still to be sent
 */
gsize
mesh_out_buffer_get_unsent (const MeshOutBuffer *buffer)
{
  return buffer->bytes->len - buffer->sent;
}

/**
 * mesh_out_buffer_peek:
 * Returns: the first byte that is still to be sent; valid until the buffer is
 *   changed
 */
const guint8 *
mesh_out_buffer_peek (const MeshOutBuffer *buffer)
{
  return buffer->bytes->data + buffer->sent;
}

/* Goes on with an array of its own for what is left, since one that has grown
 * never becomes smaller. */
static void
give_back (MeshOutBuffer *self)
{
  guint left = (guint) mesh_out_buffer_get_unsent (self);
  GByteArray *bytes = g_byte_array_sized_new (left);

  if (left > 0)
    g_byte_array_append (bytes, mesh_out_buffer_peek (self), left);
  g_byte_array_unref (self->bytes);
  self->bytes = bytes;
  self->sent = 0;
}

/**
 * mesh_out_buffer_take:
 * @n: how many bytes were sent, at most those that were not yet
 */
void
mesh_out_buffer_take (MeshOutBuffer *buffer, gsize n)
{
  gsize unsent;

  buffer->sent += n;
  unsent = mesh_out_buffer_get_unsent (buffer);
  if (unsent == 0 && buffer->bytes->len <= IDLE) {
    g_byte_array_set_size (buffer->bytes, 0);
    buffer->sent = 0;
  } else if (unsent == 0
      || (buffer->sent >= LEAST_MOVED && buffer->sent >= unsent)) {
    give_back (buffer);
  }
}
