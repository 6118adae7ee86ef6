/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/codec-elements.h"

G_BEGIN_DECLS

/* How a picture of any size is made one that a codec's encoders take: scaled
 * only where its pixels are not square or are too many, and else padded with
 * black at the right and the bottom. */
typedef struct {
  int width, height;            /* after scaling */
  int right, bottom;            /* columns and rows of padding */
} MeshEncoderSize;

void mesh_encoder_size_choose (const MeshCodec *codec, const GstCaps *caps,
    MeshEncoderSize *size);

G_END_DECLS
