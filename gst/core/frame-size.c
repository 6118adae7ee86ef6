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

/* --- VP9 --- */

/* The sections are those of the VP9 bitstream specification, version 0.6. */
#define VP9_SYNC_CODE 0x498342
#define VP9_SRGB 7

typedef struct {
  const guint8 *data;
  gsize size;
  gsize at;                     /* in bits; beyond the end when all data has
                                 * been read */
} Bits;

static guint
read_bits (Bits *bits, guint n)
{
  guint value = 0;

  for (; n > 0; n--, bits->at++) {
    guint byte = bits->at / 8 < bits->size ? bits->data[bits->at / 8] : 0;

    value = value << 1 | (byte >> (7 - bits->at % 8) & 1);
  }
  return value;
}

/* 7.2.2 */
static void
skip_colour (Bits *bits, guint profile)
{
  gboolean more = profile == 1 || profile == 3;

  if (profile >= 2)
    read_bits (bits, 1);
  if (read_bits (bits, 3) != VP9_SRGB)
    read_bits (bits, more ? 4 : 1);
  else if (more)
    read_bits (bits, 1);
}

/* 6.2.3 and 6.2.5: each of three frames that it is built on may have the same
 * size. Returns: whether none has, so that a size follows */
static gboolean
is_of_own_size (Bits *bits)
{
  for (guint i = 0; i < 3; i++) {
    if (read_bits (bits, 1))
      return FALSE;
  }
  return TRUE;
}

/* 6.2: up to where the size is. Returns: whether there is one */
static gboolean
find_vp9_size (Bits *bits)
{
  guint marker = read_bits (bits, 2);
  guint profile = read_bits (bits, 1);
  gboolean is_key, is_shown, is_resilient, is_intra;

  profile |= read_bits (bits, 1) << 1;
  if (marker != 2 || (profile == 3 && read_bits (bits, 1)))
    return FALSE;
  if (read_bits (bits, 1))      /* the frame only shows an earlier one again */
    return FALSE;
  is_key = !read_bits (bits, 1);
  is_shown = read_bits (bits, 1);
  is_resilient = read_bits (bits, 1);
  if (is_key) {
    if (read_bits (bits, 24) != VP9_SYNC_CODE)
      return FALSE;
    skip_colour (bits, profile);
    return TRUE;
  }
  is_intra = !is_shown && read_bits (bits, 1);
  if (!is_resilient)
    read_bits (bits, 2);
  if (is_intra && read_bits (bits, 24) != VP9_SYNC_CODE)
    return FALSE;
  if (is_intra && profile > 0)
    skip_colour (bits, profile);
  read_bits (bits, 8);
  if (is_intra)
    return TRUE;
  read_bits (bits, 3 * 4);
  return is_of_own_size (bits);
}

static void
take_vp9_size (const guint8 *data, gsize size, int *width, int *height)
{
  Bits bits = { data, size, 0 };
  int w, h;

  if (!find_vp9_size (&bits))
    return;
  w = read_bits (&bits, 16) + 1;
  h = read_bits (&bits, 16) + 1;
  if (bits.at <= 8 * size && (gint64) w * h > (gint64) *width * *height) {
    *width = w;
    *height = h;
  }
}

/* Annex B. Returns: the number of frames in a superframe, and their sizes in
 * @sizes; 0 for data without an index */
static guint
read_superframe (const guint8 *data, gsize size, gsize sizes[8])
{
  guint8 marker = size > 0 ? data[size - 1] : 0;
  guint n = (marker & 7) + 1;
  guint bytes = (marker >> 3 & 3) + 1;
  gsize index = 2 + n * bytes;
  const guint8 *at;

  if (marker >> 5 != 6 || size < index || data[size - index] != marker)
    return 0;
  at = data + size - index + 1;
  for (guint i = 0; i < n; i++, at += bytes) {
    sizes[i] = 0;
    for (guint k = 0; k < bytes; k++)
      sizes[i] |= (gsize) at[k] << 8 * k;
  }
  return n;
}

/**
 * mesh_vp9_read_size:
 * @data: a VP9 frame, or a superframe
 * @size: how many bytes it has
 * @width: (out): of the largest picture in it
 * @height: (out): likewise
 *
 * Returns: whether a frame in it names a size; others have that of a frame that
 *   they are built on
 */
gboolean
mesh_vp9_read_size (const guint8 *data, gsize size, int *width, int *height)
{
  gsize sizes[8], at = 0;
  guint n = read_superframe (data, size, sizes);

  *width = *height = 0;
  if (n == 0)
    take_vp9_size (data, size, width, height);
  for (guint i = 0; i < n && sizes[i] <= size - at; i++) {
    take_vp9_size (data + at, sizes[i], width, height);
    at += sizes[i];
  }
  return *width > 0;
}

/**
 * mesh_vp9_make_tail:
 * @data: a VP9 frame, or a superframe
 * @size: how many bytes it has
 * @tail: (out): what is to be put behind it
 *
 * libvpx decodes what follows a frame in the same buffer as another one, whose
 * size nobody has looked at. The index of a superframe says where each frame
 * ends, and so does one that names a single frame.
 *
 * Returns: how many bytes there are in @tail; 0 where there is an index already
 */
gsize
mesh_vp9_make_tail (const guint8 *data, gsize size,
    guint8 tail[MESH_MAX_TAIL])
{
  gsize sizes[8];

  if (read_superframe (data, size, sizes) > 0)
    return 0;
  /* 6 marks an index; four bytes a size, and one frame */
  tail[0] = tail[5] = 6 << 5 | (4 - 1) << 3 | (1 - 1);
  for (guint i = 0; i < 4; i++)
    tail[1 + i] = size >> 8 * i & 0xff;
  return 6;
}
