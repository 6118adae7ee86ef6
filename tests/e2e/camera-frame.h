/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A frame that contains the time of its capture, in black and white blocks that
 * survive any encoder at any size. There are eight columns and six rows, row by
 * row from the top:
 *
 *   16 bits   CAMERA_MARK: no picture has it
 *   24 bits   ms since the camera's program started
 *    8 bits   CRC-8 of them
 *
 * kit/inpage.js reads the same in a page.
 */
#pragma once

#include <gst/video/video.h>

#define CAMERA_COLUMNS 8
#define CAMERA_ROWS 6
#define CAMERA_BLOCKS (CAMERA_COLUMNS * CAMERA_ROWS)
#define CAMERA_MARK 0xa53c
#define CAMERA_BLACK 30
#define CAMERA_WHITE 225
#define CAMERA_CONTRAST 60      /* less than this is no mark */

/* Results for frames without a readable number. */
#define CAMERA_NOT (-1)         /* not of the camera */
#define CAMERA_TORN (-2)        /* has the mark, but cannot be read */

static inline guint
camera_crc (guint32 number)
{
  guint crc = 0x5a;

  for (int shift = 16; shift >= 0; shift -= 8) {
    crc ^= (number >> shift) & 0xff;
    for (int bit = 0; bit < 8; bit++)
      crc = (crc & 0x80 ? crc << 1 ^ 0x07 : crc << 1) & 0xff;
  }
  return crc;
}

static inline void
camera_draw (GstVideoFrame *frame, guint32 number)
{
  guint64 bits = (guint64) CAMERA_MARK << 32 | (guint64) number << 8
      | camera_crc (number);
  int width = GST_VIDEO_FRAME_WIDTH (frame);
  int height = GST_VIDEO_FRAME_HEIGHT (frame);

  for (int y = 0; y < height; y++) {
    guint8 *line = (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (frame, 0)
        + y * GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0);

    for (int x = 0; x < width; x++) {
      int block = y * CAMERA_ROWS / height * CAMERA_COLUMNS
          + x * CAMERA_COLUMNS / width;

      line[x] = bits >> (CAMERA_BLOCKS - 1 - block) & 1 ? CAMERA_WHITE
          : CAMERA_BLACK;
    }
  }
  for (int plane = 1; plane < 3; plane++)
    memset (GST_VIDEO_FRAME_PLANE_DATA (frame, plane), 128,
        (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane)
        * GST_VIDEO_FRAME_COMP_HEIGHT (frame, plane));
}

/* Returns: the mean of the middle of a block */
static inline int
camera_block (const GstVideoFrame *frame, int block)
{
  int width = GST_VIDEO_FRAME_WIDTH (frame) / CAMERA_COLUMNS;
  int height = GST_VIDEO_FRAME_HEIGHT (frame) / CAMERA_ROWS;
  int left = block % CAMERA_COLUMNS * width + width / 4;
  int top = block / CAMERA_COLUMNS * height + height / 4;
  const guint8 *data = GST_VIDEO_FRAME_PLANE_DATA (frame, 0);
  int sum = 0, n = 0;

  for (int y = top; y < top + MAX (height / 2, 1); y++) {
    for (int x = left; x < left + MAX (width / 2, 1); x++) {
      sum += data[y * GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0) + x];
      n++;
    }
  }
  return sum / n;
}

/* Returns: the frame's number, or one of the two results above */
static inline int
camera_read (const GstVideoFrame *frame)
{
  int dark = 255, bright = 0;
  guint64 bits = 0;

  for (int block = 0; block < CAMERA_BLOCKS; block++) {
    int value = camera_block (frame, block);

    bits = bits << 1 | (value >= 128);
    if (block < 16 && CAMERA_MARK >> (15 - block) & 1)
      dark = MIN (dark, value);
    else if (block < 16)
      bright = MAX (bright, value);
  }
  /* the darkest white block and the brightest black one */
  if (bits >> 32 != CAMERA_MARK || dark - bright < CAMERA_CONTRAST)
    return CAMERA_NOT;
  return (bits & 0xff) == camera_crc (bits >> 8 & 0xffffff)
      ? (int) (bits >> 8 & 0xffffff) : CAMERA_TORN;
}
