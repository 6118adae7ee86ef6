/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Whether a file is as long as it says. Demuxers take a video that was cut off
 * for a short one.
 */
#include "reader.h"

#include <string.h>
#include <unistd.h>

/* A file of more boxes than this is not looked at any further. */
#define MAX_BOXES 4096

static gboolean
read_at (int fd, guint64 offset, guint8 *data, gsize size)
{
  return pread (fd, data, size, offset) == (gssize) size;
}

static guint64
read_be (const guint8 *data, guint octets)
{
  guint64 value = 0;

  while (octets--)
    value = value << 8 | *data++;
  return value;
}

/* AVI, WebP: "RIFF", the length of what follows; little endian */
static gboolean
riff_is_whole (const guint8 *head, guint64 size)
{
  return GUINT32_SWAP_LE_BE (read_be (head + 4, 4)) + (guint64) 8 <= size;
}

/* MP4 (ISO/IEC 14496-12, 4.2): boxes, each with its length and its type */
static gboolean
boxes_are_whole (int fd, guint64 size)
{
  guint64 offset = 0, length;
  guint8 head[16];
  guint i;

  for (i = 0; i < MAX_BOXES && offset < size; i++) {
    if (!read_at (fd, offset, head, 8))
      return FALSE;
    length = read_be (head, 4);
    if (length == 1) {
      if (!read_at (fd, offset, head, 16))
        return FALSE;
      length = read_be (head + 8, 8);
    }
    if (length == 0)            /* up to the end, wherever that is */
      return TRUE;
    if (length < 8 || length > size - offset)
      return FALSE;
    offset += length;
  }
  return TRUE;
}

/* The length of an EBML element (RFC 8794, 4 and 5) and of its head. All ones
 * stand for a length that is not known. */
static gboolean
read_ebml (int fd, guint64 offset, guint8 *head, guint64 *length,
    gboolean *known)
{
  guint octets = 1, i;
  guint64 value;

  memset (head, 0, 12);
  /* an ID of four octets, as both that matter here have */
  if (!read_at (fd, offset, head, 5) || head[4] == 0)
    return FALSE;
  while (!(head[4] & 0x80 >> (octets - 1)))
    octets++;
  if (!read_at (fd, offset, head, 4 + octets))
    return FALSE;
  value = head[4] & (0xff >> octets);
  *known = value != (guint64) (0xff >> octets);
  for (i = 1; i < octets; i++) {
    value = value << 8 | head[4 + i];
    *known |= head[4 + i] != 0xff;
  }
  *length = 4 + octets + value;
  return TRUE;
}

/* WebM, Matroska: the EBML header, then one Segment */
static gboolean
segment_is_whole (int fd, guint64 size)
{
  guint64 header, segment;
  guint8 head[12];
  gboolean known;

  if (!read_ebml (fd, 0, head, &header, &known) || !known || header > size)
    return FALSE;
  if (!read_ebml (fd, header, head, &segment, &known))
    return FALSE;
  return !known || segment <= size - header;
}

gboolean
file_is_whole (int fd, guint64 size)
{
  static const guint8 ebml[] = { 0x1a, 0x45, 0xdf, 0xa3 };
  guint8 head[8];

  if (!read_at (fd, 0, head, sizeof head))
    return TRUE;                /* too short to be any of them */
  if (memcmp (head, "RIFF", 4) == 0)
    return riff_is_whole (head, size);
  if (memcmp (head + 4, "ftyp", 4) == 0)
    return boxes_are_whole (fd, size);
  if (memcmp (head, ebml, 4) == 0)
    return segment_is_whole (fd, size);
  return TRUE;
}
