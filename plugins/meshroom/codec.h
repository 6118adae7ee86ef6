/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/common.h"

G_BEGIN_DECLS

/* One codec that meshroom speaks, and the elements that do the work. */
typedef struct {
  const char *name;             /* as in SDP and in video-codecs */
  MeshKind kind;
  const char *media_type;
  const char *caps;             /* encoded, as it is fanned out */
  const char *passable;         /* what of it every peer can decode; or NULL */
  const char *rtp_fields;       /* what its RTP caps have of their own */
  int clock_rate;
  int payload_type;             /* in our own offers */
  const char *encoders;         /* '|' between, best first; may be NULL */
  const char *parser;           /* may be NULL */
  const char *payloader;
  const char *depayloader;
  const char *decoders;
  int min_side, max_side;       /* of pictures that encoders take */
  gboolean even;                /* whether they take even sides only */
} MeshCodec;

/* The largest picture that a room sends, and that is decoded of a peer: what
 * level 5.2 of H.264 allows (ITU-T H.264 table A-1, MaxFS, 36,864 macroblocks
 * of 16x16), which is 4096x2304 in any shape. */
#define MESH_MAX_PIXELS (36864 * 256)

const MeshCodec *mesh_codec_find (const char *name);
const MeshCodec *mesh_codec_for_caps (const GstCaps *caps);
gboolean mesh_codec_is_foreign (const MeshCodec *codec);
gboolean mesh_codec_can_send (const MeshCodec *codec);
gboolean mesh_codec_can_receive (const MeshCodec *codec);
GstElement *mesh_codec_make (const char *descriptions, GError **error);
guint mesh_codec_count (const char *descriptions);
GstElement *mesh_codec_make_nth (const char *descriptions, guint n,
    GError **error);
gboolean mesh_codec_passes (const MeshCodec *codec, const GstCaps *caps);

G_END_DECLS
