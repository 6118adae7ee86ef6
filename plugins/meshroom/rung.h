/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/encoder-size.h"

#include "core/ladder.h"

G_BEGIN_DECLS

/* The rungs that a raw picture is encoded in: the full size, about 360p and
 * about 180p, by area, so that a picture may have any shape. A picture that is
 * small itself has fewer. */

/**
 * MeshRungShape:
 * @size: of its pictures
 * @fps_n: its frames a second; 0: they come as they come
 * @fps_d: the denominator of @fps_n
 * @max_fps: at most so many frames a second are encoded; 0: any number
 * @nominal: the bit/s that make a decent picture
 */
typedef struct {
  MeshEncoderSize size;
  int fps_n, fps_d;
  int max_fps;
  guint nominal;
} MeshRungShape;

/**
 * MeshRung:
 * @width: of its picture; 0: not known
 * @height: likewise
 * @framerate: its frames a second; 0: not known
 * @nominal: the bit/s that make a decent picture; 0: not known
 * @layers: 2 if its upper temporal layer can be left out, else 1
 * @fixed: whether its rate cannot be set: it is encoded upstream
 * @runs: whether it is encoded
 * @failed: whether it cannot be encoded
 * @rate: the bit/s that it is set to
 * @measured: the bit/s of the last seconds, without headers of RTP and below; 0:
 *   not known yet
 *
 * One rung of a source in one codec, as it is now.
 */
typedef struct {
  guint width, height;
  double framerate;
  guint nominal;
  guint layers;
  gboolean fixed;
  gboolean runs;
  gboolean failed;
  guint rate;
  guint measured;
} MeshRung;

guint mesh_rung_shapes_choose (const MeshCodec *codec, const GstCaps *caps,
    MeshRungShape shapes[MESH_RUNGS]);

G_END_DECLS
