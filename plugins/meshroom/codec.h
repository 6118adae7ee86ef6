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
  const char *rtp_fields;       /* what its RTP caps have of their own */
  int clock_rate;
  int payload_type;             /* in our own offers */
  const char *encoders;         /* '|' between, best first; may be NULL */
  const char *parser;           /* may be NULL */
  const char *payloader;
  const char *depayloader;
  const char *decoders;
} MeshCodec;

const MeshCodec *mesh_codec_find (const char *name);
const MeshCodec *mesh_codec_for_caps (const GstCaps *caps);
gboolean mesh_codec_can_send (const MeshCodec *codec);
gboolean mesh_codec_can_receive (const MeshCodec *codec);
GstElement *mesh_codec_make (const char *descriptions, GError **error);

G_END_DECLS
