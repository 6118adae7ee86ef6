/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Checks whether an Opus decoder accepts a packet: RFC 6716, section 3.4,
 * requirements R1 to R7. opusdec with in-band FEC keeps a packet until the next
 * one comes. It never drops a packet that it cannot decode, and is silent from
 * then on. */

#include "core/opus-packet.h"

#define MAX_FRAME_BYTES 1275
/* 120 ms at 48 kHz */
#define MAX_SAMPLES 5760

typedef struct {
  const guint8 *data;
  gsize left;
} Reader;

static int
read_byte (Reader *reader)
{
  if (reader->left == 0)
    return -1;
  reader->left--;
  return *reader->data++;
}

/* Section 3.2.1. Returns: a frame's length in bytes; -1: there is none */
static int
read_length (Reader *reader)
{
  int first = read_byte (reader);
  int second;

  if (first < 252)
    return first;
  second = read_byte (reader);
  return second < 0 ? -1 : first + 4 * second;
}

/* Table 2: a frame's samples at 48 kHz */
static guint
get_frame_samples (guint8 toc)
{
  static const guint silk[] = { 480, 960, 1920, 2880 };
  guint config = toc >> 3;

  if (config < 12)
    return silk[config & 3];
  if (config < 16)
    return silk[config & 1];
  return 120u << (config & 3);
}

static gboolean
are_frames_of_one_size (const Reader *reader, guint n)
{
  return reader->left % n == 0 && reader->left / n <= MAX_FRAME_BYTES;
}

/* Reads @n frames. Each but the last is preceded by its length. */
static gboolean
are_frames_of_own_sizes (Reader *reader, guint n)
{
  gsize sum = 0;

  for (guint i = 1; i < n; i++) {
    int length = read_length (reader);

    if (length < 0)
      return FALSE;
    sum += length;
  }
  return sum <= reader->left && reader->left - sum <= MAX_FRAME_BYTES;
}

/* Section 3.2.5 */
static gboolean
is_valid_code_3 (Reader *reader, guint8 toc)
{
  int head = read_byte (reader);
  guint n = head & 0x3f;
  gsize padding = 0;

  if (head < 0 || n == 0 || n * get_frame_samples (toc) > MAX_SAMPLES)
    return FALSE;
  if (head & 0x40) {
    int more;

    do {
      more = read_byte (reader);
      if (more < 0)
        return FALSE;
      padding += more == 255 ? 254 : more;
    } while (more == 255);
  }
  if (padding > reader->left)
    return FALSE;
  reader->left -= padding;
  return head & 0x80 ? are_frames_of_own_sizes (reader, n)
      : are_frames_of_one_size (reader, n);
}

/**
 * mesh_opus_packet_is_valid:
 * @data: (array length=size): a packet
 * @size: its size in bytes
 *
 * Returns: whether a decoder takes the packet, whatever it sounds like
 */
gboolean
mesh_opus_packet_is_valid (const guint8 *data, gsize size)
{
  Reader reader = { data, size };
  int toc = read_byte (&reader);

  if (toc < 0)
    return FALSE;
  switch (toc & 3) {
    case 0:
      return are_frames_of_one_size (&reader, 1);
    case 1:
      return are_frames_of_one_size (&reader, 2);
    case 2:
      return are_frames_of_own_sizes (&reader, 2);
    default:
      return is_valid_code_3 (&reader, toc);
  }
}
