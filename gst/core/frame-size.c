/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/frame-size.h"

static int
read_le16 (const guint8 *data)
{
  return data[0] | data[1] << 8;
}

/**
 * mesh_vp8_read_size:
 * @data: a VP8 frame, or the beginning of it
 * @size: how many bytes there are of it
 * @width: (out): of its picture
 * @height: (out): likewise
 *
 * Returns: whether the frame names a size: it is a key frame. Others are of the
 *   size of the last key frame.
 *
 * Since: 0.1
 */
gboolean
mesh_vp8_read_size (const guint8 *data, gsize size, int *width, int *height)
{
  /* 3 bytes of frame tag, 9d 01 2a, then 14 bits each (RFC 6386, 9.1) */
  if (size < 10 || data[0] & 1)
    return FALSE;
  *width = read_le16 (data + 6) & 0x3fff;
  *height = read_le16 (data + 8) & 0x3fff;
  return TRUE;
}
