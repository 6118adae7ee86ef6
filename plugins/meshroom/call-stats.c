/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Keeps the values of the properties stats and peers. They are a copy that is
 * at most a second old, so reading a property never waits for the call's
 * thread. */

#include "meshroom/call-private.h"

static const char *
phase_name (MeshPeerPhase phase)
{
  static const char *const names[] = {
    [MESH_PEER_IDLE] = "idle",
    [MESH_PEER_CALLING] = "calling",
    [MESH_PEER_ANSWERING] = "connecting",
    [MESH_PEER_OFFERING] = "connecting",
    [MESH_PEER_CONNECTED] = "connected",
  };

  return names[phase];
}

static void
add_counts (MeshCounts *sum, const MeshCounts *counts)
{
  sum->freezes += counts->freezes;
  sum->frozen_time += counts->frozen_time;
  sum->key_frames_asked += counts->key_frames_asked;
  sum->key_frames_sent += counts->key_frames_sent;
}

static void
leave_out (MeshCounts *sum, const MeshCounts *excused)
{
  sum->freezes -= excused->freezes;
  sum->frozen_time -= excused->frozen_time;
}

/* To be called when an attempt ends. */
void
mesh_call_keep_counts (Member *member, MeshPeer *peer)
{
  MeshFigures figures;

  mesh_peer_get_figures (peer, g_get_monotonic_time (), &figures);
  add_counts (&member->ended, &figures.counts);
}

/* To be called when a member goes whose attempts have ended. */
void
mesh_call_keep_member_counts (MeshCall *self, Member *member)
{
  add_counts (&self->ended, &member->ended);
  leave_out (&self->ended, &member->placeholders);
}

/* Leaves out the freezes of a member while its camera is hidden: a placeholder
 * comes much less often than the frames before it, and is meant to. The
 * figures are refreshed at each change of @hidden. */
static void
excuse_placeholder (Member *member, gboolean hidden, MeshCounts *counts)
{
  if (member->was_hidden) {
    member->placeholders.freezes += counts->freezes - member->counted.freezes;
    member->placeholders.frozen_time +=
        counts->frozen_time - member->counted.frozen_time;
  }
  member->was_hidden = hidden;
  member->counted = *counts;
  leave_out (counts, &member->placeholders);
}

/* Reads the figures of the connection that shows the member: that is the one
 * which is set aside until the new one is connected. */
static void
get_figures (Member *member, gboolean hidden, MeshFigures *figures)
{
  gint64 now = g_get_monotonic_time ();
  MeshFigures of_peer = { 0 }, of_old = { 0 };

  if (member->peer)
    mesh_peer_get_figures (member->peer, now, &of_peer);
  if (member->old)
    mesh_peer_get_figures (member->old, now, &of_old);
  *figures = member->old && !(member->peer
      && mesh_peer_is_connected (member->peer)) ? of_old : of_peer;
  figures->counts = member->ended;
  add_counts (&figures->counts, &of_peer.counts);
  add_counts (&figures->counts, &of_old.counts);
  excuse_placeholder (member, hidden, &figures->counts);
}

/* The names of the fields of MeshFlow, in both ways. */
static void
write_flow (GstStructure *s, const MeshFlow *flow, const char *const names[5])
{
  gst_structure_set (s, names[0], G_TYPE_UINT64, flow->bitrate,
      names[1], G_TYPE_DOUBLE, flow->loss,
      names[2], G_TYPE_INT, flow->width,
      names[3], G_TYPE_INT, flow->height,
      names[4], G_TYPE_DOUBLE, flow->framerate, NULL);
}

static void
write_figures (GstStructure *s, const MeshFigures *figures)
{
  static const char *const sent[] = { "sent-bitrate", "loss-sent",
    "sent-width", "sent-height", "sent-framerate"
  };
  static const char *const received[] = { "received-bitrate",
    "loss-received", "received-width", "received-height", "received-framerate"
  };
  const MeshCounts *counts = &figures->counts;

  write_flow (s, &figures->sent, sent);
  write_flow (s, &figures->received, received);
  gst_structure_set (s, "estimate", G_TYPE_UINT64, figures->estimate,
      "rtt", G_TYPE_UINT64, figures->rtt,
      "playout-delay", G_TYPE_UINT64, figures->playout_delay,
      "freezes", G_TYPE_UINT64, counts->freezes,
      "frozen-time", G_TYPE_UINT64, counts->frozen_time,
      "key-frames-asked", G_TYPE_UINT64, counts->key_frames_asked,
      "key-frames-sent", G_TYPE_UINT64, counts->key_frames_sent, NULL);
}

typedef struct {
  MeshCall *call;
  GPtrArray *peers;
  GHashTable *stats;
  MeshCallSums sums;
} Refresh;

static void
add_figures (MeshCallSums *sums, const MeshFigures *figures)
{
  MeshFigures *sum = &sums->figures;

  sum->estimate += figures->estimate;
  sum->sent.bitrate += figures->sent.bitrate;
  sum->received.bitrate += figures->received.bitrate;
  sum->rtt += figures->rtt;
  sum->playout_delay += figures->playout_delay;
  sum->sent.loss += figures->sent.loss;
  sum->received.loss += figures->received.loss;
}

static void
make_means (MeshCallSums *sums)
{
  guint n = MAX (sums->connected, 1);

  sums->figures.rtt /= n;
  sums->figures.playout_delay /= n;
  sums->figures.sent.loss /= n;
  sums->figures.received.loss /= n;
}

/* Adds the field of stats of one peer. @path: as peers has it */
static void
refresh_stats (Refresh *r, const MeshPeerInfo *info, Member *member,
    const char *path)
{
  MeshPeer *peer = !member ? NULL : member->peer ? member->peer : member->old;
  gboolean relayed = g_str_equal (path, "relay");
  MeshFigures figures = { 0 };
  GstStructure *s = peer ? mesh_peer_get_stats (peer)
      : gst_structure_new_empty ("peer-stats");

  if (member)
    get_figures (member, info->hidden, &figures);
  gst_structure_set (s, "state", G_TYPE_STRING, phase_name (info->phase),
      "path", G_TYPE_STRING, !*path ? "" : relayed ? "relay" : "direct", NULL);
  write_figures (s, &figures);
  g_hash_table_insert (r->stats, g_strdup (info->id), s);

  add_counts (&r->sums.figures.counts, &figures.counts);
  if (info->phase != MESH_PEER_CONNECTED)
    return;
  r->sums.connected++;
  r->sums.relayed += relayed;
  add_figures (&r->sums, &figures);
}

static void
refresh_peer (const MeshPeerInfo *info, gpointer user_data)
{
  Refresh *r = user_data;
  Member *member = g_hash_table_lookup (r->call->members, info->id);
  MeshPeer *peer = !member ? NULL : member->peer ? member->peer : member->old;
  const char *path = peer ? mesh_peer_get_path_type (peer) : "";
  GstStructure *s = gst_structure_new ("peer", "peer-id", G_TYPE_STRING,
      info->id, "name", G_TYPE_STRING, info->name ? info->name : "",
      "state", G_TYPE_STRING, phase_name (info->phase),
      "muted", G_TYPE_BOOLEAN, info->muted,
      "hidden", G_TYPE_BOOLEAN, info->hidden, NULL);

  if (member)
    gst_structure_set (s, "number", G_TYPE_UINT,
        mesh_member_pads_get_number (member->pads), NULL);
  if (member && member->heard_at)
    gst_structure_set (s, "silence", G_TYPE_UINT, (guint)
        ((g_get_monotonic_time () - member->heard_at) / 1000), NULL);
  gst_structure_set (s, "path", G_TYPE_STRING, path, NULL);
  g_ptr_array_add (r->peers, s);
  refresh_stats (r, info, member, path);
}

void
mesh_call_refresh_stats (MeshCall *self)
{
  Refresh r = { self };

  r.peers = g_ptr_array_new_with_free_func
      ((GDestroyNotify) gst_structure_free);
  r.stats = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      (GDestroyNotify) gst_structure_free);
  r.sums.figures.counts = self->ended;
  mesh_room_foreach_peer (self->room, refresh_peer, &r);
  make_means (&r.sums);
  r.sums.peers = r.peers->len;

  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->peers, g_ptr_array_unref);
  g_clear_pointer (&self->stats, g_hash_table_unref);
  self->peers = r.peers;
  self->stats = r.stats;
  self->sums = r.sums;
  g_mutex_unlock (&self->lock);
}

/**
 * mesh_call_fill_peers:
 * @array: an initialised GstValueArray, to which the members are appended
 */
void
mesh_call_fill_peers (MeshCall *call, GValue *array)
{
  g_mutex_lock (&call->lock);
  for (guint i = 0; i < call->peers->len; i++) {
    g_auto (GValue) value = G_VALUE_INIT;

    g_value_init (&value, GST_TYPE_STRUCTURE);
    gst_value_set_structure (&value, g_ptr_array_index (call->peers, i));
    gst_value_array_append_value (array, &value);
  }
  g_mutex_unlock (&call->lock);
}

/**
 * mesh_call_get_stats:
 * Returns: (transfer full): figures of at most a second ago
 */
GstStructure *
mesh_call_get_stats (MeshCall *call)
{
  GstStructure *stats = gst_structure_new_empty ("meshroom-stats");
  GHashTableIter iter;
  gpointer id, one;

  /* The structure is built only when the property is read, since GLib never
   * frees the name of a field: a peer that merely joins must not add one. */
  g_mutex_lock (&call->lock);
  g_hash_table_iter_init (&iter, call->stats);
  while (g_hash_table_iter_next (&iter, &id, &one))
    gst_structure_set (stats, id, GST_TYPE_STRUCTURE, one, NULL);
  gst_structure_set (stats, "peers", G_TYPE_UINT, call->sums.peers,
      "connected", G_TYPE_UINT, call->sums.connected, NULL);
  g_mutex_unlock (&call->lock);
  return stats;
}

/**
 * mesh_call_get_sums:
 * @sums: (out): figures of at most a second ago
 */
void
mesh_call_get_sums (MeshCall *call, MeshCallSums *sums)
{
  g_mutex_lock (&call->lock);
  *sums = call->sums;
  g_mutex_unlock (&call->lock);
}
