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

typedef struct {
  MeshCall *call;
  GPtrArray *peers;
  GHashTable *stats;
  guint connected;
} Refresh;

static void
refresh_peer (const MeshPeerInfo *info, gpointer user_data)
{
  Refresh *r = user_data;
  Member *member = g_hash_table_lookup (r->call->members, info->id);
  MeshPeer *peer = !member ? NULL : member->peer ? member->peer : member->old;
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
  gst_structure_set (s, "path", G_TYPE_STRING, peer
      ? mesh_peer_get_path_type (peer) : "", NULL);
  g_ptr_array_add (r->peers, s);
  if (info->phase == MESH_PEER_CONNECTED)
    r->connected++;
  if (peer)
    g_hash_table_insert (r->stats, g_strdup (info->id),
        mesh_peer_get_stats (peer));
}

void
mesh_call_refresh_stats (MeshCall *self)
{
  Refresh r = { self };

  r.peers = g_ptr_array_new_with_free_func
      ((GDestroyNotify) gst_structure_free);
  r.stats = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      (GDestroyNotify) gst_structure_free);
  mesh_room_foreach_peer (self->room, refresh_peer, &r);

  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->peers, g_ptr_array_unref);
  g_clear_pointer (&self->stats, g_hash_table_unref);
  self->peers = r.peers;
  self->stats = r.stats;
  self->connected = r.connected;
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
  gst_structure_set (stats, "peers", G_TYPE_UINT, call->peers->len,
      "connected", G_TYPE_UINT, call->connected, NULL);
  g_mutex_unlock (&call->lock);
  return stats;
}
