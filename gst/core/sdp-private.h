/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/codec.h"
#include "core/sdp.h"

G_BEGIN_DECLS

/* A description that is taken apart: sdp-read.c reads its lines, sdp.c chooses
 * from them and writes it anew. */

#define MESH_SDP_MAX_FORMATS 64

typedef struct {
  int payload_type;
  const MeshCodec *codec;       /* one of ours, or NULL */
  gboolean is_rtx;
  gboolean twcc;                /* its feedback may be transport-wide */
  char *fmtp;
} MeshSdpFormat;

typedef struct {
  char *kind;
  gboolean rejected;            /* port 0 and not bundle-only */
  char *mid;
  char *ufrag;
  char *pwd;
  char *setup;
  char *fingerprint;
  char *direction;
  MeshSdpFormat formats[MESH_SDP_MAX_FORMATS];
  guint n_formats;
  guint32 ssrc;
  guint32 rtx_ssrc;
  int twcc_id;                  /* of the header extension; 0: none */
} MeshSdpSection;

typedef struct {
  MeshSdpSection session;
  MeshSdpSection media[MESH_SDP_MAX_MEDIA];
  guint n_media;
  MeshSdpSection data;          /* of data channels */
  gboolean has_data;
  GPtrArray *candidates;
} MeshSdpDescription;

void mesh_sdp_description_clear (MeshSdpDescription *d);
gboolean mesh_sdp_read_lines (MeshSdpDescription *d, const char *text,
    gboolean is_offer, GError **error);
gboolean mesh_sdp_fail (GError **error, const char *what);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MeshSdpDescription,
    mesh_sdp_description_clear)

G_END_DECLS
