/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/batch.h"

#include <string.h>

#define RS '\x1e'

/**
 * mesh_batch_append:
 * @frame: one frame
 * @length: bytes in @frame
 */
void
mesh_batch_append (GByteArray *batch, const char *frame, gsize length)
{
  g_byte_array_append (batch, (const guint8 *) "\x1e", 1);
  g_byte_array_append (batch, (const guint8 *) frame, length);
  g_byte_array_append (batch, (const guint8 *) "\n", 1);
}

/**
 * mesh_batch_next:
 * @rest: (inout): the rest of a body
 * @rest_length: (inout): its length in bytes
 * @frame: (out): the next frame, within the body
 * @length: (out): bytes in @frame
 *
 * Returns: %FALSE when there is no further frame. If @rest_length is not 0
 *   then, the body is not valid, or was cut off
 */
gboolean
mesh_batch_next (const char **rest, gsize *rest_length, const char **frame,
    gsize *length)
{
  const char *start = *rest + 1;
  const char *end;

  if (*rest_length < 2 || **rest != RS)
    return FALSE;
  end = memchr (start, RS, *rest_length - 1);
  if (!end)
    end = *rest + *rest_length;
  if (end[-1] != '\n')
    return FALSE;
  *frame = start;
  *length = end - 1 - start;
  *rest_length -= end - *rest;
  *rest = end;
  return TRUE;
}
