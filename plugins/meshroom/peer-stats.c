/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tells the state and the figures of an attempt, on the call's thread. */

#include "meshroom/peer-private.h"

/**
 * mesh_peer_get_stats:
 * Returns: (transfer full): its state, and what the fan-out has dropped for it
 */
GstStructure *
mesh_peer_get_stats (MeshPeer *peer)
{
  GstWebRTCPeerConnectionState connection;
  GstWebRTCICEConnectionState ice;
  GstStructure *stats;

  g_object_get (peer->webrtc, "connection-state", &connection,
      "ice-connection-state", &ice, NULL);
  stats = gst_structure_new ("peer-stats",
      "sid", G_TYPE_STRING, peer->sid,
      "offerer", G_TYPE_BOOLEAN, peer->offerer,
      "connection-state", GST_TYPE_WEBRTC_PEER_CONNECTION_STATE, connection,
      "ice-connection-state", GST_TYPE_WEBRTC_ICE_CONNECTION_STATE, ice,
      "verified", G_TYPE_BOOLEAN, mesh_verifier_is_open (peer->verifier),
      NULL);
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    g_autofree char *name = g_strdup_printf ("%s-dropped", mesh_kind_names[i]);

    if (peer->senders[i].branch)
      gst_structure_set (stats, name, G_TYPE_UINT64,
          mesh_fanout_branch_dropped (peer->senders[i].branch), NULL);
  }
  return stats;
}

/* Adds what is known of the playout, which needs to know the round-trip time in
 * turn. */
static void
exchange_with_playout (MeshPeer *self, MeshFigures *figures)
{
  MeshPlayoutStats stats;

  mesh_playout_set_rtt (self->playout, figures->rtt);
  mesh_playout_get_stats (self->playout, &stats);
  figures->playout_delay = stats.delay;
  figures->counts.freezes = stats.freezes;
  figures->counts.frozen_time = stats.frozen;
}

/**
 * mesh_peer_get_figures:
 * @now: g_get_monotonic_time()
 * @figures: (out): what is known of the connection; counts begin with the
 *   attempt
 *
 * The encoder of sound is told of the loss. To be called about once a second.
 */
void
mesh_peer_get_figures (MeshPeer *peer, gint64 now, MeshFigures *figures)
{
  *figures = (MeshFigures) { 0 };
  mesh_meter_read (peer->meter, now, figures);
  if (peer->rate)
    figures->estimate = mesh_rate_get_estimate (peer->rate);
  exchange_with_playout (peer, figures);
  if (peer->sources[MESH_AUDIO])
    mesh_source_set_loss (peer->sources[MESH_AUDIO], figures->sent.loss);
}

/**
 * mesh_peer_excuse_gap:
 *
 * The peer was told that its picture is seen again: until a frame comes, the
 * picture is not frozen.
 */
void
mesh_peer_excuse_gap (MeshPeer *peer)
{
  mesh_playout_excuse_gap (peer->playout);
}
