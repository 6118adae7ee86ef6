/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/codec.h"
#include "meshroom/fanout.h"
#include "meshroom/still.h"

G_BEGIN_DECLS

/* One source in one codec: the elements between the source's tee and the
 * fan-out from which the peers get the encoded stream.
 *
 *   queue → convert → encoder → parser → fan-out
 *
 * The source owns its encodings and guards them with its lock. */

/* The size and frame rate of raw video; 0 where it is not known. */
typedef struct {
  int width, height, fps_n, fps_d;
} MeshPictureFormat;

typedef struct {
  const MeshCodec *codec;
  MeshFanout *fanout;
  GstElement *encoder;          /* NULL: passed through, or not fed yet */
  MeshStill *still;             /* of a video encoder */
  gboolean fed;
} MeshEncoding;

MeshEncoding *mesh_encoding_new (const MeshCodec *codec);
GstElement *mesh_encoding_make_bin (MeshEncoding *encoding, gboolean hidden,
    GError **error);
void mesh_encoding_tune (MeshEncoding *encoding,
    const MeshPictureFormat *format);
void mesh_encoding_free (gpointer encoding);

G_END_DECLS
