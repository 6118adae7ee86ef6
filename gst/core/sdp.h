/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Filters a peer's session description. The description is not edited, but
 * parsed, and written anew from the few parts that are understood, so that
 * nothing else of it reaches the WebRTC stack. */

#define MESH_SDP_MAX_MEDIA 2
#define MESH_SDP_FINGERPRINT_BYTES 32

/**
 * MESH_SDP_TWCC_URI:
 *
 * The RTP header extension by which packets of all streams are numbered, for
 * transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01).
 */
#define MESH_SDP_TWCC_URI \
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

/**
 * MESH_SDP_TWCC_ID:
 *
 * The number that our own offers give the extension.
 */
#define MESH_SDP_TWCC_ID 1

/**
 * MeshSdpMedia:
 * @kind: "audio" or "video"
 * @codec: (nullable): the name of a #MeshCodec; %NULL: the m-line is rejected,
 *   by the peer, or by us since it has no codec of ours
 * @payload_type: of @codec, as this peer numbers it
 * @rtx_payload_type: of its retransmissions, -1 where there is none
 * @ssrc: of what the peer will send, 0 where it does not say
 * @sends: whether the peer wants to send
 * @receives: whether the peer wants to receive
 * @twcc_id: the number of the extension for transport-wide feedback, 0 where the
 *   peer does not take part in it
 */
typedef struct {
  const char *kind;
  const char *codec;
  int payload_type;
  int rtx_payload_type;
  guint32 ssrc;
  gboolean sends;
  gboolean receives;
  int twcc_id;
} MeshSdpMedia;

/**
 * MeshSdp:
 * @text: the description, written anew
 * @fingerprint: SHA-256 of the certificate that the peer must present
 * @n_media: how many m-lines there are
 * @media: the m-lines in order
 * @candidates: (array zero-terminated=1): candidates that stood in the
 *   description, by falling priority, for mesh_candidates_admit()
 */
typedef struct {
  char *text;
  guint8 fingerprint[MESH_SDP_FINGERPRINT_BYTES];
  guint n_media;
  MeshSdpMedia media[MESH_SDP_MAX_MEDIA];
  char **candidates;
} MeshSdp;

MeshSdp *mesh_sdp_read (const char *text, gboolean is_offer,
    const char *const *video_codecs, GError **error);
void mesh_sdp_free (MeshSdp *sdp);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshSdp, mesh_sdp_free)

G_END_DECLS
