/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Carries out what the core (core/room.h) decides. Data without a lock belongs
 * to the call's thread. Closing a connection blocks, so it is done on threads
 * of its own (removal.h): the call's thread never waits for a peer. */

#include "meshroom/call-private.h"

#include "core/error.h"
#include "host/random.h"
#include "host/timer.h"

/* How often the call checks whether peers are still heard, and refreshes the
 * properties stats and peers. */
#define TICK_MS 1000

/* The number of warnings is limited: remote input causes them, and a flood of
 * invalid input must not become a flood of bus messages. */
#define WARNINGS_BURST 10
#define WARNING_INTERVAL (5 * G_TIME_SPAN_SECOND)

gint64
mesh_call_now (void)
{
  return g_get_monotonic_time ();
}

/* --- warnings --- */

static gboolean
may_warn (MeshCall *self)
{
  gint64 t = mesh_call_now ();

  if (t - self->last_warning_refill > WARNING_INTERVAL) {
    self->warnings_left = MIN (WARNINGS_BURST, self->warnings_left
        + (t - self->last_warning_refill) / WARNING_INTERVAL);
    self->last_warning_refill = t;
  }
  if (self->warnings_left == 0)
    return FALSE;
  self->warnings_left--;
  return TRUE;
}

/* Drops a warning that is equal to the last one. */
void
mesh_call_warn (MeshCall *self, const char *peer, const char *what)
{
  g_autofree char *text = peer ? g_strdup_printf ("peer %s: %s", peer, what)
      : g_strdup (what);
  g_autoptr (GError) error = NULL;

  if (g_strcmp0 (text, self->last_warning) == 0 || !may_warn (self)) {
    GST_WARNING_OBJECT (self->config.element, "%s", text);
    return;
  }
  g_free (self->last_warning);
  self->last_warning = g_strdup (text);
  GST_WARNING_OBJECT (self->config.element, "%s", text);
  error = g_error_new_literal (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_FAILED,
      text);
  mesh_notifier_post_message (self->config.notifier, gst_message_new_warning
      (GST_OBJECT (self->config.element), error, NULL));
}

/* --- what the core wants done --- */

static void
send_message (MeshCall *self, const MeshMessage *message)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *json = NULL;

  /* a list of who is there, to one who has not even asked yet */
  if (self->sealer && !mesh_sealer_reaches (self->sealer, message)) {
    GST_DEBUG_OBJECT (self->config.element, "no %s to %s, who has not spoken",
        mesh_message_type_name (message->type), message->to);
    return;
  }
  json = self->sealer ? mesh_sealer_seal (self->sealer, message, &error)
      : mesh_message_to_json (message);
  if (!json) {
    mesh_call_warn (self, message->to, error->message);
    return;
  }
  GST_DEBUG_OBJECT (self->config.element, "%s to %s",
      mesh_message_type_name (message->type), message->to);
  if (!self->config.send (json, self->config.user_data))
    GST_WARNING_OBJECT (self->config.element, "%s to %s could not be sent",
        mesh_message_type_name (message->type), message->to);
}

/* The others know a life of our peer id whose clock was ahead of ours. */
static void
reincarnate (MeshCall *self, const char *newest)
{
  g_autofree char *inc = mesh_random_incarnation_after (newest);

  if (!inc) {
    mesh_call_warn (self, NULL, "another life of our peer-id had a clock so "
        "far ahead that nobody takes us for a later one: set another peer-id");
    return;
  }
  if (!mesh_room_reincarnate (self->room, inc, mesh_call_now ()))
    return;
  if (self->sealer)
    mesh_sealer_renew (self->sealer, inc);
  GST_INFO_OBJECT (self->config.element, "our clock is behind that of an "
      "earlier life of this peer-id: we go on as %s", inc);
}

static void
carry_out (MeshCall *self, const MeshRoomAction *action)
{
  Member *member;

  switch (action->type) {
    case MESH_ROOM_SEND:
      send_message (self, action->message);
      break;
    case MESH_ROOM_START:
      mesh_call_start_attempt (self, action);
      break;
    case MESH_ROOM_STOP:
    case MESH_ROOM_RETIRE:
    case MESH_ROOM_BACK:
    case MESH_ROOM_DROP:
      mesh_call_change_attempt (self, action);
      break;
    case MESH_ROOM_REMOTE_SDP:
      mesh_call_take_remote_sdp (self, action);
      break;
    case MESH_ROOM_REMOTE_CANDIDATE:
      member = g_hash_table_lookup (self->members, action->peer);
      if (member && member->peer)
        mesh_peer_remote_candidate (member->peer, action->candidate);
      break;
    case MESH_ROOM_PEER_ADDED:
      mesh_call_get_member (self, action->peer)->added = TRUE;
      mesh_call_refresh_stats (self);
      mesh_call_tell_added (self, action->peer);
      break;
    case MESH_ROOM_PEER_REMOVED:
      /* the event is posted first, so that the member's pads still exist when
       * the application hears of it */
      mesh_call_tell_removed (self, action->peer, action->reason);
      mesh_call_drop_member (self, action->peer);
      mesh_call_refresh_stats (self);
      break;
    case MESH_ROOM_PEER_CHANGED:
      member = mesh_call_get_member (self, action->peer);
      mesh_member_pads_set_name (member->pads, action->name, action->muted,
          action->hidden);
      mesh_call_refresh_stats (self);
      break;
    case MESH_ROOM_CHAT:
      mesh_call_tell_chat (self, action->peer, action->text);
      break;
    case MESH_ROOM_OUTDATED:
      reincarnate (self, action->text);
      break;
    case MESH_ROOM_WARNING:
      mesh_call_warn_of_peer (self, action->peer, action->text);
      break;
  }
}

static gboolean
on_timer (gpointer user_data)
{
  MeshCall *self = user_data;

  mesh_room_tick (self->room, mesh_call_now ());
  mesh_call_pump (self);
  return G_SOURCE_CONTINUE;
}

/* Carries out the room's actions, and sets the timer to the room's deadline. To
 * be called after every input of the room. */
void
mesh_call_pump (MeshCall *self)
{
  MeshRoomAction action = { 0 };

  while (mesh_room_pop_action (self->room, &action)) {
    carry_out (self, &action);
    mesh_room_action_clear (&action);
  }
  g_source_set_ready_time (self->timer, mesh_room_deadline (self->room));
}

static gboolean
do_stop (gpointer user_data)
{
  MeshCall *self = user_data;
  g_auto (GStrv) ids = NULL;

  mesh_room_leave (self->room, mesh_call_now ());
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
start_timers (MeshCall *self)
{
  self->timer = mesh_timer_new_unset (self->context, on_timer, self);
  self->ticker = mesh_timer_new (self->context, TICK_MS, mesh_call_tick, self);
  self->network = mesh_network_new (self->context, on_network, self);
}

static void
call_free (MeshCall *self)
{
  if (self->timer)
    g_source_destroy (self->timer);
  if (self->ticker)
    g_source_destroy (self->ticker);
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

/* The link and the name are used at the start only, and stay the caller's. */
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
 *
 * Since: 0.1
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
  self->warnings_left = WARNINGS_BURST;
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
  start_timers (self);
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
 *
 * Since: 0.1
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
  g_clear_pointer (&call->network, mesh_network_free);
  g_clear_pointer (&call->ice_client, mesh_ice_client_free);
  g_clear_pointer (&call->ice_probe, mesh_ice_probe_free);
  while (g_main_context_iteration (call->context, FALSE));
  call_free (call);
}
