/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Handles the events of an attempt. webrtcbin's threads (its own, libnice's,
 * the jitterbuffers') call the handlers here; each posts a task to the call's
 * thread, which acts on the event and tells the room. */

#include "meshroom/peer-private.h"

/* Called on the call's thread, which knows the peer's candidates. */
static void
tell_no_path (MeshPeer *self, gpointer data)
{
  g_autofree char *why = mesh_candidates_explain (self->candidates);
  g_autofree char *text = g_strdup_printf ("no network path to it was found: "
      "%s", why);

  if (self->failed)
    return;
  self->failed = TRUE;
  self->events->failed (self, "failed", text, self->user_data);
}

/* The attempt is connected when both the certificate has been checked and the
 * connection is up. */
static void
open_when_ready (MeshPeer *self, gpointer data)
{
  GstWebRTCPeerConnectionState state;

  if (self->connected || self->failed
      || !mesh_verifier_is_open (self->verifier))
    return;
  g_object_get (self->webrtc, "connection-state", &state, NULL);
  if (state != GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED)
    return;
  self->connected = TRUE;
  if (self->rate)
    mesh_rate_begin (self->rate, self->reports);
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    if (!self->senders[i].branch)
      continue;
    mesh_fanout_open_branch (self->senders[i].fanout,
        self->senders[i].branch);
    mesh_source_play (self->sources[i]);
  }
  self->events->connected (self, self->user_data);
}

static void
on_verified (gboolean ok, gpointer user_data)
{
  MeshPeer *self = user_data;

  if (ok)
    mesh_peer_post (self, open_when_ready, NULL, NULL);
  else
    mesh_peer_fail (self, "refused",
        "its certificate is not the one that its description names: "
        "somebody may be in between");
}

static void
on_connection_state (GObject *webrtc, GParamSpec *pspec, gpointer user_data)
{
  MeshPeer *self = user_data;
  GstWebRTCPeerConnectionState state;

  g_object_get (webrtc, "connection-state", &state, NULL);
  if (state == GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED)
    mesh_peer_post (self, open_when_ready, NULL, NULL);
  else if (state == GST_WEBRTC_PEER_CONNECTION_STATE_FAILED)
    mesh_peer_post (self, tell_no_path, NULL, NULL);
}

typedef struct {
  char *text;
  int mline;
} Candidate;

static void
candidate_free (gpointer data)
{
  g_free (((Candidate *) data)->text);
  g_free (data);
}

static void
tell_candidate (MeshPeer *self, gpointer data)
{
  Candidate *candidate = data;

  self->events->local_candidate (self, candidate->text, candidate->mline,
      self->user_data);
}

static void
post_candidate (MeshPeer *self, const char *text, guint mline)
{
  Candidate *candidate = g_new (Candidate, 1);

  candidate->text = g_strdup (text);
  candidate->mline = mline;
  mesh_peer_post (self, tell_candidate, candidate, candidate_free);
}

static void
on_candidate (GstElement *webrtc, guint mline, const char *candidate,
    gpointer user_data)
{
  MeshPeer *self = user_data;

  /* 1.24 and later end with an empty one; 1.22 leaves that to us, below */
  if (!candidate || !*candidate)
    return;
  mesh_selected_pair_add_candidate (self->selected_pair, TRUE, candidate);
  post_candidate (self, candidate, mline);
}

static void
on_gathering_state (GObject *webrtc, GParamSpec *pspec, gpointer user_data)
{
  GstWebRTCICEGatheringState state;

  g_object_get (webrtc, "ice-gathering-state", &state, NULL);
  if (state == GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE)
    post_candidate (user_data, "", 0);
}

/* On webrtcbin's thread with its lock held: set properties, nothing else. An
 * m-line that we only receive gets its transceiver here. Sound has FEC inside;
 * and Chromium refuses an offer that has retransmissions for it. */
static void
on_transceiver (GstElement *webrtc, GObject *transceiver, gpointer user_data)
{
  GstWebRTCKind kind;

  g_object_get (transceiver, "kind", &kind, NULL);
  g_object_set (transceiver, "do-nack", kind == GST_WEBRTC_KIND_VIDEO, NULL);
}

void
mesh_peer_set_up_events (MeshPeer *self, gboolean verify_fingerprint)
{
  self->verifier = mesh_verifier_new (GST_BIN (self->webrtc),
      verify_fingerprint, on_verified, self);
  g_signal_connect (self->webrtc, "on-ice-candidate",
      G_CALLBACK (on_candidate), self);
  g_signal_connect (self->webrtc, "notify::ice-gathering-state",
      G_CALLBACK (on_gathering_state), self);
  g_signal_connect (self->webrtc, "notify::connection-state",
      G_CALLBACK (on_connection_state), self);
  g_signal_connect (self->webrtc, "on-new-transceiver",
      G_CALLBACK (on_transceiver), self);
  g_signal_connect (self->webrtc, "pad-added",
      G_CALLBACK (mesh_peer_on_stream), self);
}
