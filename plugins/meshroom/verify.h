/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "core/sdp.h"

G_BEGIN_DECLS

/* The gate in front of one webrtcbin. webrtcbin 1.22 accepts any certificate,
 * so the verifier compares the certificate that the peer presents with the
 * fingerprint in its description, and lets no media in before. */

typedef struct _MeshVerifier MeshVerifier;

/* @ok tells whether the certificate is the right one. Called once, on the
 * thread of the DTLS handshake. */
typedef void (*MeshVerifierFunc) (gboolean ok, gpointer user_data);

MeshVerifier *mesh_verifier_new (GstBin *webrtcbin, gboolean check,
    MeshVerifierFunc done, gpointer user_data);
void mesh_verifier_expect (MeshVerifier *verifier,
    const guint8 fingerprint[MESH_SDP_FINGERPRINT_BYTES]);
gboolean mesh_verifier_is_open (MeshVerifier *verifier);
gboolean mesh_verifier_take_heard (MeshVerifier *verifier);
void mesh_verifier_free (MeshVerifier *verifier);

G_END_DECLS
