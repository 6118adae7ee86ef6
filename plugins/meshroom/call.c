/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The life of a call. Data without a lock belongs to the call's thread. Closing
 * a connection blocks, so it is done on threads of its own (removal.h): the
 * call's thread never waits for a peer. */

#include "meshroom/call-private.h"

#include "core/error.h"
#include "host/random.h"
#include "host/timer.h"

/* How often the call checks whether peers are still heard, and refreshes the
 * properties stats and peers. */
#define TICK_MS 1000

static gboolean
on_timer (gpointer user_data)
{
  MeshCall *self = user_data;

  mesh_room_tick (self->room, g_get_monotonic_time ());
  mesh_call_pump (self);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_tick (gpointer user_data)
{
  MeshCall *self = user_data;

  mesh_call_listen (self);
  mesh_call_exchange (self);
  mesh_call_refresh_stats (self);
  mesh_call_pump (self);
  return G_SOURCE_CONTINUE;
}

static gboolean
do_stop (gpointer user_data)
{
  MeshCall *self = user_data;
  g_auto (GStrv) ids = NULL;

  mesh_room_leave (self->room, g_get_monotonic_time ());
  mesh_call_pump (self);
  ids = (char **) g_hash_table_get_keys_as_array (self->members, NULL);
  for (guint i = 0; ids[i]; i++)
    ids[i] = g_strdup (ids[i]);
  for (guint i = 0; ids[i]; i++)
    mesh_call_drop_member (self, ids[i]);
  g_main_loop_quit (self->loop);
  return G_SOURCE_REMOVE;
}

static gpointer
run (gpointer user_data)
{
  MeshCall *self = user_data;

  g_main_context_push_thread_default (self->context);
  g_main_loop_run (self->loop);
  g_main_context_pop_thread_default (self->context);
  return NULL;
}

static void
on_network (MeshNetworkChange change, gpointer user_data)
{
  MeshCall *self = user_data;

  GST_INFO_OBJECT (self->config.element, "the network has changed: %s",
      change == MESH_NETWORK_GAINED ? "another address"
      : change == MESH_NETWORK_MOVED ? "an address is gone" : "we slept");
  mesh_call_renew_attempts (self, change);
  mesh_call_pump (self);
}

static void
on_ice_servers (const MeshIceServers *servers, const GError *error,
    gpointer user_data)
{
  MeshCall *self = user_data;

  if (error)
    GST_WARNING_OBJECT (self->config.element,
        "no STUN or TURN servers: %s", error->message);
  if (servers) {
    g_free (self->stun_server);
    g_strfreev (self->turn_servers);
    self->stun_server = g_strdup (servers->stun_server);
    self->turn_servers = g_strdupv (servers->turn_servers);
    GST_INFO_OBJECT (self->config.element, "the server has %s STUN server, "
        "%u TURN servers", self->stun_server ? "a" : "no",
        self->turn_servers ? g_strv_length (self->turn_servers) : 0);
    mesh_call_probe_ice_servers (self);
  }
  mesh_call_check_relays (self);
  mesh_call_read_held (self);
}

static void
call_free (MeshCall *self)
{
  if (self->timer)
    g_source_destroy (self->timer);
  if (self->ticker)
    g_source_destroy (self->ticker);
  mesh_call_stop_media (self);
  g_clear_pointer (&self->network, mesh_network_free);
  g_clear_pointer (&self->ice_client, mesh_ice_client_free);
  if (self->held)
    g_queue_free_full (self->held, (GDestroyNotify) g_bytes_unref);
  g_clear_pointer (&self->timer, g_source_unref);
  g_clear_pointer (&self->ticker, g_source_unref);
  g_clear_pointer (&self->room, mesh_room_free);
  g_clear_pointer (&self->sealer, mesh_sealer_free);
  g_clear_pointer (&self->members, g_hash_table_unref);
  g_clear_pointer (&self->loop, g_main_loop_unref);
  g_clear_pointer (&self->context, g_main_context_unref);
  g_clear_pointer (&self->peers, g_ptr_array_unref);
  g_clear_pointer (&self->stats, g_hash_table_unref);
  g_mutex_clear (&self->lock);
  for (guint i = 0; i < MESH_N_KINDS; i++)
    mesh_source_unref (self->config.sources[i]);
  g_free (self->peer_id);
  g_free (self->last_warning);
  g_free (self->reason);
  g_free (self->reason_of);
  g_free (self->stun_server);
  g_strfreev (self->video_codecs);
  g_strfreev (self->turn_servers);
  g_strfreev ((char **) self->config.video_codecs);
  g_free (self);
}

/* Copies all but the link and the name, which only mesh_call_new() uses. */
static void
copy_config (MeshCall *self, const MeshCallConfig *config)
{
  self->config = *config;
  self->config.link = NULL;
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    if (config->sources[i])
      mesh_source_ref (config->sources[i]);
  }
  self->config.video_codecs = (const char *const *)
      g_strdupv ((char **) config->video_codecs);
  self->stun_server = g_strdup (config->stun_server);
  self->turn_servers = g_strdupv ((char **) config->turn_servers);
  self->peer_id = g_strdup (config->peer_id);
  self->config.peer_id = self->peer_id;
  self->config.name = NULL;
}

/**
 * mesh_call_new:
 * @config: what it needs; copied, but for the element
 * @error: return location for a #MESH_ERROR
 *
 * Starts the call's thread. Nothing is sent before mesh_call_join().
 *
 * Returns: (transfer full) (nullable): a call, for mesh_call_stop()
 */
MeshCall *
mesh_call_new (const MeshCallConfig *config, GError **error)
{
  MeshCall *self = g_new0 (MeshCall, 1);
  g_autofree char *inc = mesh_random_incarnation ();
  MeshRoomConfig room = {
    .id = config->peer_id,
    .room = config->link ? config->link->room : NULL,
    .inc = inc,
    .max_peers = config->max_peers,
    .name = config->name,
    .muted = config->muted,
  };

  g_mutex_init (&self->lock);
  copy_config (self, config);
  self->warnings_left = MESH_CALL_WARNINGS;
  self->peer_events = &mesh_call_peer_events;
  self->peers = g_ptr_array_new_with_free_func
      ((GDestroyNotify) gst_structure_free);
  self->stats = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      (GDestroyNotify) gst_structure_free);
  self->video_codecs = mesh_call_usable_codecs (self);
  if (!self->video_codecs[0]) {
    g_autofree char *why = mesh_call_explain_codecs (self);

    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_FAILED, why);
    call_free (self);
    return NULL;
  }
  room.codecs = (const char *const *) self->video_codecs;
  self->room = mesh_room_new (&room);
  if (config->link && config->link->has_key)
    self->sealer = mesh_sealer_new (config->link->key, config->link->room,
        config->peer_id, inc);
  self->members = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      g_free);
  self->removals = mesh_removals_new (config->element, config->notifier);
  self->context = g_main_context_new ();
  self->loop = g_main_loop_new (self->context, FALSE);
  self->timer = mesh_timer_new_unset (self->context, on_timer, self);
  self->ticker = mesh_timer_new (self->context, TICK_MS, on_tick, self);
  mesh_call_start_media (self);
  self->network = mesh_network_new (self->context, on_network, self);
  mesh_call_probe_ice_servers (self);
  if (config->ask_ice_servers) {
    self->held = g_queue_new ();
    self->ice_client = mesh_ice_client_new (self->context, config->link,
        on_ice_servers, self);
  }
  self->thread = g_thread_new ("meshroom", run, self);
  return self;
}

/**
 * mesh_call_stop:
 * @call: (transfer full): the call
 *
 * Says goodbye, takes every connection down, and waits until all threads are
 * gone, but for those that cannot go before this returns. The application hears
 * nothing more of the call, unless on a thread on which it is hearing of it
 * just now. Such a thread may call this.
 */
void
mesh_call_stop (MeshCall *call)
{
  mesh_call_post (call, do_stop);
  g_thread_join (call->thread);
  mesh_notifier_close (call->config.notifier);
  mesh_removals_finish (g_steal_pointer (&call->removals));
  /* Tasks that are left in the context hold references to their peers, and
   * these to the context. */
  g_source_destroy (call->timer);
  g_source_destroy (call->ticker);
  mesh_call_stop_media (call);
  g_clear_pointer (&call->network, mesh_network_free);
  g_clear_pointer (&call->ice_client, mesh_ice_client_free);
  g_clear_pointer (&call->ice_probe, mesh_ice_probe_free);
  while (g_main_context_iteration (call->context, FALSE));
  call_free (call);
}
