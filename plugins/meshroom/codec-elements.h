/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/common.h"

G_BEGIN_DECLS

/* The elements that do a codec's work, as its row of the table (core/codec.h)
 * names them: what is installed of them, and what streams they are for. */

/* The largest picture that a room sends, and that is decoded of a peer: what
 * level 5.2 of H.264 allows (ITU-T H.264 table A-1, MaxFS, 36,864 macroblocks
 * of 16x16), which is 4096x2304 in any shape. */
#define MESH_MAX_PIXELS (36864 * 256)

const MeshCodec *mesh_codec_for_caps (const GstCaps *caps);
gboolean mesh_codec_is_spoken (const MeshCodec *codec);
char *mesh_codec_dup_missing (const MeshCodec *codec, gboolean sends,
    gboolean decodes);
gboolean mesh_codec_can_send (const MeshCodec *codec);
gboolean mesh_codec_can_receive (const MeshCodec *codec);
gboolean mesh_codec_passes (const MeshCodec *codec, const GstCaps *caps);
GstElement *mesh_codec_make (const char *descriptions, GError **error);
guint mesh_codec_count_encoders (const MeshCodec *codec);
const MeshCodecEncoder *mesh_codec_find_encoder (const MeshCodec *codec,
    guint n);
GstElement *mesh_codec_make_encoder (const MeshCodec *codec, guint n,
    const MeshCodecEncoder **encoder, GError **error);

G_END_DECLS
