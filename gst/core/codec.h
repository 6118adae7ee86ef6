/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/frame-size.h"

G_BEGIN_DECLS

/* All that differs between codecs stands in one table, codec.c, a row a codec.
 * Session descriptions, sources, peers and receivers read it. It names elements
 * of GStreamer, but is data and needs none of them. */

/* The order is that of the m-lines. */
typedef enum {
  MESH_AUDIO,
  MESH_VIDEO,
  MESH_N_KINDS
} MeshKind;

#define MESH_CODEC_MAX_ENCODERS 3

/**
 * MeshCodecEncoder:
 * @element: the element with its properties, as gst-launch reads it; %NULL
 *   after the last one
 * @bitrate: (nullable): the property that is to follow the picture's size and
 *   rate, and what peers can take, while the encoder runs; %NULL: the encoder
 *   keeps to what @element says
 * @bitrate_unit: bit/s in one of what @bitrate counts
 * @layers: 2 where @element makes every other frame of an upper temporal layer,
 *   which no other frame needs, by the properties of vp8enc; else 0
 */
typedef struct {
  const char *element;
  const char *bitrate;
  guint bitrate_unit;
  guint layers;
} MeshCodecEncoder;

/**
 * MeshCodec:
 * @name: as in SDP's rtpmap, in `call` messages and in video-codecs
 * @kind: what it encodes
 * @media_type: of its caps
 * @caps: of the encoded stream, as it is fanned out to all peers
 * @passable: (nullable): caps of the streams that every peer can decode; %NULL:
 *   there is none
 * @wished: (nullable): caps that an encoder upstream is asked for where it can
 *   choose; %NULL: encoders do not choose, but follow the pictures they get
 * @advice: (nullable): what to do where a stream is not @passable
 * @clock_rate: of its RTP
 * @channels: as its rtpmap says, 0 where it says nothing
 * @payload_type: in our own offers
 * @fmtp: (nullable): its parameters in the descriptions that we write
 * @takes: (nullable): whether we speak the form of the codec that a peer's
 *   fmtp (%NULL where it has none) describes; %NULL: any form
 * @payloader: (nullable): the element that makes RTP of it; %NULL: peers do not
 *   speak it, and what comes in is decoded
 * @splitter: (nullable): the element before a peer's payloader, where that
 *   takes smaller pieces than are fanned out
 * @depayloader: (nullable): the element that takes it out of RTP
 * @encoders: best first
 * @encoded: (nullable): caps that the encoder is held to
 * @parser: (nullable): the element that finds out what an encoded stream is,
 *   and writes it into its caps
 * @decoders: elements, best first, '|' between
 * @completed: (nullable): elements, best first, '|' between, that complete the
 *   caps of what is handed to the application without being decoded
 * @is_valid: (nullable): whether a packet may be given to a decoder
 * @read_size: (nullable): the size of the largest picture that a frame is
 *   about, %FALSE where it names none; %NULL: the size is in the parser's caps
 * @make_tail: (nullable): what has to stand behind a frame, so that a decoder
 *   takes nothing but the frame whose size was read, and how many bytes that is
 * @min_side: of pictures that the encoders take
 * @max_side: likewise
 * @even: whether they take even sides only
 */
typedef struct {
  const char *name;
  MeshKind kind;

  const char *media_type;
  const char *caps;
  const char *passable;
  const char *wished;
  const char *advice;

  int clock_rate;
  int channels;
  int payload_type;
  const char *fmtp;
  gboolean (*takes) (const char *fmtp);
  const char *payloader;
  const char *splitter;
  const char *depayloader;

  MeshCodecEncoder encoders[MESH_CODEC_MAX_ENCODERS + 1];
  const char *encoded;
  const char *parser;
  const char *decoders;
  const char *completed;

  gboolean (*is_valid) (const guint8 *data, gsize size);
  gboolean (*read_size) (const guint8 *data, gsize size, int *width,
      int *height);
  gsize (*make_tail) (const guint8 *data, gsize size,
      guint8 tail[MESH_MAX_TAIL]);

  int min_side, max_side;
  gboolean even;
} MeshCodec;

const MeshCodec *mesh_codec_get_all (guint *n);
const MeshCodec *mesh_codec_get_first (MeshKind kind);
const MeshCodec *mesh_codec_find (const char *name);
const MeshCodec *mesh_codec_for_media_type (const char *media_type);
char *mesh_codec_make_rtpmap (const MeshCodec *codec);

G_END_DECLS
