/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/encoder-size.h"

#include <math.h>

/* Returns: the factor, at most 1, that brings a picture within the bounds on
 * its pixels and its sides */
static double
get_scale (const MeshCodec *codec, double width, double height, int max_pixels)
{
  double scale = 1;

  if (width * height > max_pixels)
    scale = sqrt (max_pixels / (width * height));
  if (MAX (width, height) * scale > codec->max_side)
    scale = codec->max_side / MAX (width, height);
  return scale;
}

static int
get_padding (const MeshCodec *codec, int side)
{
  int padded = MAX (side, codec->min_side);

  return (codec->even ? GST_ROUND_UP_2 (padded) : padded) - side;
}

/**
 * mesh_encoder_size_choose:
 * @codec: a video codec
 * @caps: fixed caps of raw video
 * @max_pixels: how large a picture may be; a larger one shrinks in its shape,
 *   to even sides where this is less than MESH_MAX_PIXELS
 * @size: (out): the size and the padding of the encoder's pictures
 */
void
mesh_encoder_size_choose (const MeshCodec *codec, const GstCaps *caps,
    int max_pixels, MeshEncoderSize *size)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  int width = 1, height = 1, par_n = 1, par_d = 1;
  gboolean even = codec->even || max_pixels < MESH_MAX_PIXELS;
  double square, scale;

  gst_structure_get_int (s, "width", &width);
  gst_structure_get_int (s, "height", &height);
  gst_structure_get_fraction (s, "pixel-aspect-ratio", &par_n, &par_d);
  square = par_n > 0 && par_d > 0 ? (double) width * par_n / par_d : width;
  scale = get_scale (codec, square, height, max_pixels);
  /* a hundredth, since a product that is a whole number may come out below it */
  size->width = MAX ((int) (square * scale + (scale == 1 ? 0.5 : 0.01)), 1);
  size->height = MAX ((int) (height * scale + 0.01), 1);
  /* a picture that is scaled anyway is scaled to an even size, and not
   * padded */
  if (even && size->width != width && size->width > 1)
    size->width &= ~1;
  if (even && size->height != height && size->height > 1)
    size->height &= ~1;
  size->right = get_padding (codec, size->width);
  size->bottom = get_padding (codec, size->height);
}
