/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Whether a file is as long as it says. GStreamer does not tell: matroskademux,
 * qtdemux and avidemux of 1.22 end a file that was cut off without an error or
 * a warning, and how long the frames last is of no use where there is sound as
 * well, or where only a little is missing.
 */
#include "reader.h"

#include <string.h>
#include <unistd.h>

/* A file of more boxes than this is not looked at any further. */
#define MAX_BOXES 4096

/* The length of a part that goes on to the end of the file, or has an unknown
 * end. */
#define NO_END 0

/* AVI, WebP: "RIFF", the length of what follows; little endian */
static guint64
riff_length (const guint8 *head)
{
  return GST_READ_UINT32_LE (head + 4) + (guint64) 8;
}

/* MP4 (ISO/IEC 14496-12, 4.2): boxes, each with its length and its type */
static guint64
box_length (const guint8 *head)
{
  guint64 length = GST_READ_UINT32_BE (head);

  if (length == 0)
    return NO_END;
  if (length == 1)
    length = GST_READ_UINT64_BE (head + 8);
  return length < 8 ? G_MAXUINT64 : length;
}

/* WebM, Matroska: the EBML header, then one Segment, both with an ID of four
 * octets (RFC 8794, 4 and 5). All ones stand for a length that is not known. */
static guint64
ebml_length (const guint8 *head)
{
  guint octets = 9 - g_bit_storage (head[4]), i;
  guint64 value = head[4] & (0xff >> octets), ones = 0xff >> octets;

  if (head[4] == 0)
    return G_MAXUINT64;
  for (i = 1; i < octets; i++) {
    value = value << 8 | head[4 + i];
    ones = ones << 8 | 0xff;
  }
  return value == ones ? NO_END : 4 + octets + value;
}

/* Goes over at most @n parts, one behind the other. */
static gboolean
parts_are_whole (int fd, guint64 size, guint64 (*measure) (const guint8 *),
    guint n)
{
  guint64 offset = 0, length;
  guint8 head[16];

  for (; n > 0 && offset < size; n--, offset += length) {
    memset (head, 0, sizeof head);
    if (pread (fd, head, sizeof head, offset) < 8)
      return FALSE;
    length = measure (head);
    if (length == NO_END)
      return TRUE;
    if (length > size - offset)
      return FALSE;
  }
  return TRUE;
}

gboolean
imageswitch_file_is_whole (int fd, guint64 size)
{
  static const guint8 ebml[] = { 0x1a, 0x45, 0xdf, 0xa3 };
  guint8 head[8];

  if (pread (fd, head, sizeof head, 0) < 8)
    return TRUE;                /* too short to be any of them */
  if (memcmp (head, "RIFF", 4) == 0)
    return parts_are_whole (fd, size, riff_length, 1);
  if (memcmp (head + 4, "ftyp", 4) == 0)
    return parts_are_whole (fd, size, box_length, MAX_BOXES);
  if (memcmp (head, ebml, 4) == 0)
    return parts_are_whole (fd, size, ebml_length, 2);
  return TRUE;
}
