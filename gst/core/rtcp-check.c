/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether a peer's transport-wide reports contain what they announce
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1). rtpsession takes
 * their length for four times of what it is, reads on behind the end, and makes
 * as many entries as the peer says. */

#include "core/rtcp-check.h"

#define TRANSPORT_FEEDBACK 205
#define TRANSPORT_WIDE 15       /* the format of TRANSPORT_FEEDBACK */
#define HEAD 20                 /* up to the first chunk */

#define READ_16(data) ((guint) (data)[0] << 8 | (data)[1])

/* What an arrival takes: a small difference of time one byte, a large one two,
 * a loss none. */
static guint
bytes_of (guint status)
{
  return status < 3 ? status : 0;
}

/* Reads the chunk at @data. Returns: how many of @left packets it is about; in
 * @bytes, what their times take */
static guint
read_chunk (const guint8 *data, guint left, guint *bytes)
{
  guint chunk = READ_16 (data), width = chunk & 0x4000 ? 2 : 1;
  guint n = chunk & 0x8000 ? MIN (left, 14 / width)
      : MIN (left, chunk & 0x1fff);

  if (!(chunk & 0x8000)) {
    *bytes += n * bytes_of (chunk >> 13 & 3);
    return n;
  }
  for (guint i = 0; i < n; i++)
    *bytes += bytes_of (chunk >> (14 - width * (i + 1)) & (width * 2 - 1));
  return n;
}

static gboolean
is_whole_report (const guint8 *data, gsize size)
{
  guint left = size >= HEAD ? READ_16 (data + 14) : 0, bytes = 0;
  gsize at = HEAD;

  if (left == 0 || left > MESH_RTCP_MAX_REPORTED)
    return FALSE;
  while (left > 0) {
    guint n = at + 2 <= size ? read_chunk (data + at, left, &bytes) : 0;

    if (n == 0)
      return FALSE;
    left -= n;
    at += 2;
  }
  return at + bytes <= size;
}

/**
 * mesh_rtcp_is_whole:
 * @data: a compound packet, as it came, decrypted
 * @size: its length
 *
 * Returns: %FALSE if a transport-wide report in it is about more than it
 *   contains, or about nothing
 */
gboolean
mesh_rtcp_is_whole (const guint8 *data, gsize size)
{
  gsize at = 0;

  while (at + 4 <= size) {
    gsize length = 4 * ((gsize) READ_16 (data + at + 2) + 1);

    if (data[at + 1] == TRANSPORT_FEEDBACK
        && (data[at] & 0x1f) == TRANSPORT_WIDE
        && (length > size - at || !is_whole_report (data + at, length)))
      return FALSE;
    at += length;
  }
  return TRUE;
}
