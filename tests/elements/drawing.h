/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pictures that bear a number and move, and how well one that has been encoded
 * and decoded agrees with what was drawn. */

#include <gst/video/video.h>
#include <math.h>

/* What is decoded agrees with the drawing by this many dB, at the rates of the
 * tests by 10 more. A picture and its neighbour agree by less than 20. */
#define GOOD_PSNR 35.0

/* A picture is numbered in this many blocks, modulo 2^BITS. */
#define BITS 16

static inline guint8
draw_pixel (guint n, int x, int y, int width, int height)
{
  guint phase;

  if (y < height / 4)
    return n >> (x * BITS / width) & 1 ? 215 : 40;
  phase = (x * 256 / width + y * 128 / height + n * 17) & 255;
  return 20 + (phase < 128 ? phase : 255 - phase) * 215 / 128;
}

static inline GstBuffer *
draw (guint n, int width, int height)
{
  gsize size = width * height;
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size * 3 / 2, NULL);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++)
      map.data[y * width + x] = draw_pixel (n, x, y, width, height);
  }
  memset (map.data + size, 128, size / 2);
  gst_buffer_unmap (buffer, &map);
  return buffer;
}

static inline guint
read_number (GstVideoFrame *frame)
{
  const guint8 *luma = GST_VIDEO_FRAME_PLANE_DATA (frame, 0);
  int width = GST_VIDEO_FRAME_WIDTH (frame);
  const guint8 *row = luma + GST_VIDEO_FRAME_HEIGHT (frame) / 8
      * GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0);
  guint n = 0;

  for (guint i = 0; i < BITS; i++)
    n |= (guint) (row[(2 * i + 1) * width / (2 * BITS)] > 128) << i;
  return n;
}

static inline double
measure_psnr (GstVideoFrame *frame, guint n)
{
  int width = GST_VIDEO_FRAME_WIDTH (frame);
  int height = GST_VIDEO_FRAME_HEIGHT (frame);
  double sum = 0;

  for (int y = 0; y < height; y++) {
    const guint8 *row = (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (frame, 0)
        + y * GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0);

    for (int x = 0; x < width; x++) {
      int d = row[x] - draw_pixel (n, x, y, width, height);

      sum += d * d;
    }
  }
  return 10 * log10 (255.0 * 255.0 * width * height / MAX (sum, 1));
}
