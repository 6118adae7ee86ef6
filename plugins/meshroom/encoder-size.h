/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/codec-elements.h"

G_BEGIN_DECLS

/* The size that a picture gets for a codec's encoders. The picture is scaled
 * only if its pixels are not square, or too many; otherwise it is padded with
 * black at the right and at the bottom. */
typedef struct {
  int width, height;            /* after scaling */
  int right, bottom;            /* columns and rows of padding */
} MeshEncoderSize;

void mesh_encoder_size_choose (const MeshCodec *codec, const GstCaps *caps,
    int max_pixels, MeshEncoderSize *size);

G_END_DECLS
