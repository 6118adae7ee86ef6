/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The core (core/room.h) decides, this carries out. Everything without a lock belongs
 * to the call's thread. Taking a connection down blocks, so that is done on a
 * few threads of its own; the call's thread never waits for a peer. */

#include "meshroom/call.h"

#include "core/error.h"
#include "core/room.h"
#include "meshroom/peer.h"
#include "meshroom/random.h"
#include "meshroom/tile.h"
#include "signalling/seal.h"

/* How often we look whether peers are still heard, and refresh what stats and
 * peers show. */
#define PULSE_MS 1000

/* Warnings about remote input go to the bus, so a flood of junk must not be a
 * flood of messages. */
#define WARNINGS_BURST 10
#define WARNING_INTERVAL (5 * G_TIME_SPAN_SECOND)

/* One member, as far as we have anything of it. */
typedef struct {
  MeshTile *tile;
  MeshPeer *peer;               /* NULL: no attempt under way */
  gboolean added;
} Member;

struct _MeshCall {
  MeshCallConfig config;
  char *peer_id;
  char **video_codecs;
  char *stun_server;
  char **turn_servers;

  GThread *thread;
  GMainContext *context;
  GMainLoop *loop;
  GThreadPool *removals;

  MeshRoom *room;
  MeshSealer *sealer;           /* NULL: a link without a key */
  GHashTable *members;          /* peer id -> Member */
  GSource *timer;
  GSource *pulse;
  char *last_warning;
  guint warnings_left;
  gint64 last_warning_refill;

  GMutex lock;                  /* guards: */
  GstStructure *stats;
  GPtrArray *peers;             /* GstStructure */
};

static void pump (MeshCall *self);
static void member_free (gpointer data);

static const MeshPeerEvents peer_events;

static gint64
now (void)
{
  return g_get_monotonic_time ();
}

/* --- telling the application --- */

static void
post_message (MeshCall *self, GstStructure *structure)
{
  gst_element_post_message (self->config.element,
      gst_message_new_element (GST_OBJECT (self->config.element), structure));
}

static gboolean
may_warn (MeshCall *self)
{
  gint64 t = now ();

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

/* Somebody who keeps doing the same thing is worth one message. */
static void
warn (MeshCall *self, const char *peer, const char *what)
{
  g_autofree char *text = peer ? g_strdup_printf ("peer %s: %s", peer, what)
      : g_strdup (what);

  if (g_strcmp0 (text, self->last_warning) == 0 || !may_warn (self)) {
    GST_WARNING_OBJECT (self->config.element, "%s", text);
    return;
  }
  g_free (self->last_warning);
  self->last_warning = g_strdup (text);
  GST_ELEMENT_WARNING (self->config.element, RESOURCE, FAILED, ("%s", text),
      (NULL));
}

/* --- taking down, on other threads --- */

typedef struct {
  MeshPeer *peer;
  MeshTile *tile;
} Removal;

/* stands for the one other job that these threads do */
static Removal warm_up;

static void
remove_now (gpointer data, gpointer user_data)
{
  Removal *removal = data;

  if (removal == &warm_up) {
    mesh_peer_warm_up ();
    return;
  }
  if (removal->peer) {
    mesh_peer_close (removal->peer);
    gst_object_unref (removal->peer);
  }
  mesh_tile_free (removal->tile);
  g_free (removal);
}

static void
remove_later (MeshCall *self, MeshPeer *peer, MeshTile *tile)
{
  Removal *removal = g_new0 (Removal, 1);

  removal->peer = peer;
  removal->tile = tile;
  g_thread_pool_push (self->removals, removal, NULL);
}

/* --- members --- */

static guint
lowest_free_number (MeshCall *self)
{
  for (guint number = 0;; number++) {
    GHashTableIter iter;
    gpointer value;
    gboolean used = FALSE;

    g_hash_table_iter_init (&iter, self->members);
    while (!used && g_hash_table_iter_next (&iter, NULL, &value))
      used = mesh_tile_get_number (((Member *) value)->tile) == number;
    if (!used)
      return number;
  }
}

static Member *
get_member (MeshCall *self, const char *id)
{
  Member *member = g_hash_table_lookup (self->members, id);

  if (member)
    return member;
  member = g_new0 (Member, 1);
  member->tile = mesh_tile_new (self->config.element, id,
      lowest_free_number (self), self->config.latency, self->config.key,
      self->config.user_data);
  g_hash_table_insert (self->members, g_strdup (id), member);
  return member;
}

static void
member_free (gpointer data)
{
  g_free (data);
}

static void
stop_attempt (MeshCall *self, Member *member)
{
  if (!member->peer)
    return;
  mesh_peer_abandon (member->peer);
  mesh_tile_disconnect (member->tile);
  remove_later (self, g_steal_pointer (&member->peer), NULL);
}

static void
drop_member (MeshCall *self, const char *id)
{
  Member *member = g_hash_table_lookup (self->members, id);

  if (!member)
    return;
  stop_attempt (self, member);
  remove_later (self, NULL, g_steal_pointer (&member->tile));
  g_hash_table_remove (self->members, id);
}

/* The member whose present attempt @peer is. */
static Member *
member_of (MeshCall *self, MeshPeer *peer)
{
  Member *member =
      g_hash_table_lookup (self->members, mesh_peer_get_id (peer));

  return member && member->peer == peer ? member : NULL;
}

/* --- attempts --- */

/* The first of the caller's codecs that we speak too; VP8 is what everybody
 * does. */
static const MeshCodec *
choose_codec (MeshCall *self, char **wanted)
{
  for (guint i = 0; wanted && wanted[i]; i++) {
    const MeshCodec *codec = mesh_codec_find (wanted[i]);

    if (codec && codec->kind == MESH_VIDEO && g_strv_contains ((const char
                *const *) self->video_codecs, codec->name))
      return codec;
  }
  return wanted && wanted[0] ? NULL : mesh_codec_find (self->video_codecs[0]);
}

static void
start_attempt (MeshCall *self, const MeshRoomAction *action)
{
  Member *member = get_member (self, action->peer);
  g_autoptr (GError) error = NULL;
  MeshPeerConfig config = {
    .id = action->peer,
    .sid = action->sid,
    .worker = self->context,
    .events = &peer_events,
    .user_data = self,
    .sources = { self->config.sources[0], self->config.sources[1] },
    .video_codecs = (const char *const *) self->video_codecs,
    .stun_server = self->stun_server,
    .turn_servers = (const char *const *) self->turn_servers,
    .relay_only = self->config.relay_only,
    .latency = self->config.latency,
    .decode = self->config.decode,
    .verify_fingerprint = self->config.verify_fingerprint,
  };

  stop_attempt (self, member);
  member->peer = mesh_peer_new (&config, &error);
  if (member->peer) {
    const MeshCodec *codec = choose_codec (self, action->codecs);

    gst_bin_add (GST_BIN (self->config.element), GST_ELEMENT (member->peer));
    gst_element_sync_state_with_parent (GST_ELEMENT (member->peer));
    if (!action->offerer || (codec
            && mesh_peer_offer (member->peer, codec, &error)))
      return;
  }
  warn (self, action->peer, error ? error->message
      : "no video codec in common (see video-codecs)");
  mesh_room_failed (self->room, action->peer, action->sid, "refused", now ());
}

static void
take_remote_sdp (MeshCall *self, const MeshRoomAction *action)
{
  Member *member = g_hash_table_lookup (self->members, action->peer);
  g_autoptr (GError) error = NULL;

  if (!member || !member->peer)
    return;
  if (!mesh_peer_remote_sdp (member->peer, action->sdp_type, action->sdp,
          &error)) {
    warn (self, action->peer, error->message);
    mesh_room_failed (self->room, action->peer, action->sid, "refused",
        now ());
  }
}

static void
on_local_sdp (MeshPeer *peer, const char *type, const char *sdp,
    gpointer user_data)
{
  MeshCall *self = user_data;

  mesh_room_local_sdp (self->room, mesh_peer_get_id (peer),
      mesh_peer_get_sid (peer), type, sdp, now ());
  pump (self);
}

static void
on_local_candidate (MeshPeer *peer, const char *candidate, int mline,
    gpointer user_data)
{
  MeshCall *self = user_data;

  mesh_room_local_candidate (self->room, mesh_peer_get_id (peer),
      mesh_peer_get_sid (peer), candidate, mline, NULL, now ());
  pump (self);
}

static void
on_connected (MeshPeer *peer, gpointer user_data)
{
  MeshCall *self = user_data;

  mesh_room_connected (self->room, mesh_peer_get_id (peer),
      mesh_peer_get_sid (peer), now ());
  pump (self);
}

static void
on_failed (MeshPeer *peer, const char *reason, const char *text,
    gpointer user_data)
{
  MeshCall *self = user_data;

  warn (self, mesh_peer_get_id (peer), text);
  mesh_room_failed (self->room, mesh_peer_get_id (peer),
      mesh_peer_get_sid (peer), reason, now ());
  pump (self);
}

static void
on_pad (MeshPeer *peer, MeshKind kind, GstPad *pad, gpointer user_data)
{
  Member *member = member_of (user_data, peer);

  if (member)
    mesh_tile_connect (member->tile, kind, pad);
}

static const MeshPeerEvents peer_events = {
  .local_sdp = on_local_sdp,
  .local_candidate = on_local_candidate,
  .connected = on_connected,
  .failed = on_failed,
  .pad = on_pad,
};

/* --- what the core wants done --- */

static void
send_message (MeshCall *self, const MeshMessage *message)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *json = self->sealer
      ? mesh_sealer_seal (self->sealer, message, &error)
      : mesh_message_to_json (message);

  if (!json) {
    warn (self, message->to, error->message);
    return;
  }
  GST_DEBUG_OBJECT (self->config.element, "%s to %s",
      mesh_message_type_name (message->type), message->to);
  if (!self->config.send (json, self->config.user_data))
    GST_WARNING_OBJECT (self->config.element, "%s to %s could not be sent",
        mesh_message_type_name (message->type), message->to);
}

static void
tell_added (MeshCall *self, const char *id)
{
  Member *member = get_member (self, id);

  member->added = TRUE;
  GST_INFO_OBJECT (self->config.element, "peer %s is in the call", id);
  g_signal_emit_by_name (self->config.element, "peer-added", id);
}

static void
tell_removed (MeshCall *self, const char *id, const char *reason)
{
  GST_INFO_OBJECT (self->config.element, "peer %s is gone: %s", id, reason);
  drop_member (self, id);
  g_signal_emit_by_name (self->config.element, "peer-removed", id, reason);
  post_message (self, gst_structure_new ("meshroom-peer-removed", "peer-id",
          G_TYPE_STRING, id, "reason", G_TYPE_STRING, reason, NULL));
}

static void
stop_by_room (MeshCall *self, const MeshRoomAction *action)
{
  Member *member = g_hash_table_lookup (self->members, action->peer);

  if (!member || !member->peer
      || g_strcmp0 (mesh_peer_get_sid (member->peer), action->sid) != 0)
    return;
  GST_DEBUG_OBJECT (self->config.element, "attempt %s with %s ends: %s",
      action->sid, action->peer, action->reason);
  stop_attempt (self, member);
  if (!member->added)
    drop_member (self, action->peer);
}

static const char *
name_of (MeshCall *self, const char *id)
{
  const char *name = NULL;

  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->peers->len && !name; i++) {
    const GstStructure *s = g_ptr_array_index (self->peers, i);

    if (g_strcmp0 (gst_structure_get_string (s, "peer-id"), id) == 0)
      name = g_intern_string (gst_structure_get_string (s, "name"));
  }
  g_mutex_unlock (&self->lock);
  return name;
}

static void refresh (MeshCall *self);

static void
carry_out (MeshCall *self, const MeshRoomAction *action)
{
  Member *member;

  switch (action->type) {
    case MESH_ROOM_SEND:
      send_message (self, action->message);
      break;
    case MESH_ROOM_START:
      start_attempt (self, action);
      break;
    case MESH_ROOM_STOP:
      stop_by_room (self, action);
      break;
    case MESH_ROOM_REMOTE_SDP:
      take_remote_sdp (self, action);
      break;
    case MESH_ROOM_REMOTE_CANDIDATE:
      member = g_hash_table_lookup (self->members, action->peer);
      if (member && member->peer)
        mesh_peer_remote_candidate (member->peer, action->candidate);
      break;
    case MESH_ROOM_PEER_ADDED:
      refresh (self);
      tell_added (self, action->peer);
      post_message (self, gst_structure_new ("meshroom-peer-added", "peer-id",
              G_TYPE_STRING, action->peer, "name", G_TYPE_STRING,
              name_of (self, action->peer), NULL));
      break;
    case MESH_ROOM_PEER_REMOVED:
      tell_removed (self, action->peer, action->reason);
      break;
    case MESH_ROOM_PEER_CHANGED:
      member = get_member (self, action->peer);
      mesh_tile_set_name (member->tile, action->name, action->muted,
          action->hidden);
      refresh (self);
      break;
    case MESH_ROOM_CHAT:
      g_signal_emit_by_name (self->config.element, "message-received",
          action->peer, action->text);
      post_message (self, gst_structure_new ("meshroom-message-received",
              "peer-id", G_TYPE_STRING, action->peer, "text", G_TYPE_STRING,
              action->text, NULL));
      break;
    case MESH_ROOM_WARNING:
      warn (self, action->peer, action->text);
      break;
  }
}

static gboolean
on_timer (gpointer user_data)
{
  MeshCall *self = user_data;

  mesh_room_tick (self->room, now ());
  pump (self);
  return G_SOURCE_CONTINUE;
}

/* After whatever went into the room: do what it wants, and be back in time. */
static void
pump (MeshCall *self)
{
  MeshRoomAction action = { 0 };

  while (mesh_room_pop_action (self->room, &action)) {
    carry_out (self, &action);
    mesh_room_action_clear (&action);
  }
  g_source_set_ready_time (self->timer, mesh_room_deadline (self->room));
}

/* --- stats --- */

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
  GstStructure *stats;
  guint connected;
} Refresh;

static void
refresh_peer (const MeshPeerInfo *info, gpointer user_data)
{
  Refresh *r = user_data;
  Member *member = g_hash_table_lookup (r->call->members, info->id);
  GstStructure *s = gst_structure_new ("peer", "peer-id", G_TYPE_STRING,
      info->id, "name", G_TYPE_STRING, info->name ? info->name : "",
      "state", G_TYPE_STRING, phase_name (info->phase),
      "muted", G_TYPE_BOOLEAN, info->muted,
      "hidden", G_TYPE_BOOLEAN, info->hidden, NULL);

  if (member)
    gst_structure_set (s, "number", G_TYPE_UINT,
        mesh_tile_get_number (member->tile), NULL);
  g_ptr_array_add (r->peers, s);
  if (info->phase == MESH_PEER_CONNECTED)
    r->connected++;
  if (member && member->peer) {
    g_autoptr (GstStructure) stats = mesh_peer_get_stats (member->peer);

    gst_structure_set (r->stats, info->id, GST_TYPE_STRUCTURE, stats, NULL);
  }
}

static void
refresh (MeshCall *self)
{
  Refresh r = { self };

  r.peers = g_ptr_array_new_with_free_func
      ((GDestroyNotify) gst_structure_free);
  r.stats = gst_structure_new_empty ("meshroom-stats");
  mesh_room_foreach_peer (self->room, refresh_peer, &r);
  gst_structure_set (r.stats, "peers", G_TYPE_UINT, r.peers->len, "connected",
      G_TYPE_UINT, r.connected, NULL);

  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->peers, g_ptr_array_unref);
  gst_clear_structure (&self->stats);
  self->peers = r.peers;
  self->stats = r.stats;
  g_mutex_unlock (&self->lock);
}

static gboolean
on_pulse (gpointer user_data)
{
  MeshCall *self = user_data;
  GHashTableIter iter;
  gpointer id, value;

  g_hash_table_iter_init (&iter, self->members);
  while (g_hash_table_iter_next (&iter, &id, &value)) {
    MeshPeer *peer = ((Member *) value)->peer;

    if (peer && mesh_peer_take_heard (peer))
      mesh_room_heard (self->room, id, mesh_peer_get_sid (peer), now ());
  }
  refresh (self);
  pump (self);
  return G_SOURCE_CONTINUE;
}

/* --- what comes from other threads --- */

typedef struct {
  MeshCall *call;
  char *text;
  gsize length;
  gboolean muted;
  gboolean hidden;
} Task;

static void
task_free (gpointer data)
{
  g_free (((Task *) data)->text);
  g_free (data);
}

static void
post_task (MeshCall *self, GSourceFunc func, Task *task)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  task->call = self;
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, func, task, task_free);
  g_source_attach (source, self->context);
}

/* A message as it came, sealed or not; NULL when it is to be dropped. */
static MeshMessage *
read_message (MeshCall *self, const char *json, gsize length)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshMessage) message = mesh_message_parse (json, length, &error);
  g_autoptr (MeshMessage) inner = NULL;
  g_autofree char *text = NULL;

  if (!message) {
    text = g_strdup_printf ("a message was dropped: %s", error->message);
    warn (self, NULL, text);
    return NULL;
  }
  /* the server's own words about the room carry no sender, and no seal */
  if (!message->from && message->type >= MESH_MESSAGE_WELCOME)
    return g_steal_pointer (&message);
  /* a room id that was handed to us brings back what we sent to it before */
  if (g_strcmp0 (message->from, self->peer_id) == 0)
    return NULL;
  if (message->type >= MESH_MESSAGE_WELCOME || !message->from) {
    warn (self, message->from, "a message was dropped: only the server may "
        "say that");
    return NULL;
  }
  if (message->type == MESH_MESSAGE_SEALED) {
    if (self->sealer)
      inner = mesh_sealer_open (self->sealer, message, &error);
    if (inner)
      return g_steal_pointer (&inner);
    text = g_strdup_printf ("a message was dropped: %s", error
        ? error->message : "it is sealed, and our link has no key");
    warn (self, message->from, text);
    return NULL;
  }
  if (self->sealer) {
    warn (self, message->from, "a message was dropped: it is not sealed "
        "(does its link lack the key?)");
    return NULL;
  }
  return g_steal_pointer (&message);
}

static gboolean
do_receive (gpointer user_data)
{
  Task *task = user_data;
  MeshCall *self = task->call;
  g_autoptr (MeshMessage) message =
      read_message (self, task->text, task->length);

  if (message) {
    GST_DEBUG_OBJECT (self->config.element, "%s from %s",
        mesh_message_type_name (message->type),
        message->from ? message->from : "the server");
    mesh_room_feed (self->room, message, now ());
    pump (self);
  }
  return G_SOURCE_REMOVE;
}

static gboolean
do_join (gpointer user_data)
{
  MeshCall *self = ((Task *) user_data)->call;

  mesh_room_join (self->room, now ());
  pump (self);
  return G_SOURCE_REMOVE;
}

static gboolean
do_set_state (gpointer user_data)
{
  Task *task = user_data;

  mesh_room_set_state (task->call->room, task->text, task->muted,
      task->hidden, now ());
  pump (task->call);
  return G_SOURCE_REMOVE;
}

static gboolean
do_chat (gpointer user_data)
{
  Task *task = user_data;

  mesh_room_chat (task->call->room, task->text, now ());
  pump (task->call);
  return G_SOURCE_REMOVE;
}

/* What we can take and, where we send, can make. */
static char **
usable_codecs (MeshCall *self)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  MeshSource *source = self->config.sources[MESH_VIDEO];
  const MeshCodec *input =
      source ? mesh_source_get_input_codec (source) : NULL;

  for (guint i = 0; self->config.video_codecs[i]; i++) {
    const MeshCodec *codec = mesh_codec_find (self->config.video_codecs[i]);

    if (codec && codec->kind == MESH_VIDEO && (!input || input == codec)
        && (!self->config.decode || mesh_codec_can_receive (codec))
        && (!source || input || mesh_codec_can_send (codec)))
      g_strv_builder_add (builder, codec->name);
  }
  return g_strv_builder_end (builder);
}

static gboolean
do_update_codecs (gpointer user_data)
{
  MeshCall *self = ((Task *) user_data)->call;
  g_auto (GStrv) codecs = usable_codecs (self);

  if (codecs[0]) {
    g_strfreev (self->video_codecs);
    self->video_codecs = g_steal_pointer (&codecs);
    mesh_room_set_codecs (self->room,
        (const char *const *) self->video_codecs);
  } else {
    warn (self, NULL, "the video stream's codec is not among video-codecs: "
        "nobody will get it");
  }
  return G_SOURCE_REMOVE;
}

static gboolean
do_stop (gpointer user_data)
{
  MeshCall *self = ((Task *) user_data)->call;
  g_auto (GStrv) ids = NULL;

  mesh_room_leave (self->room, now ());
  pump (self);
  ids = (char **) g_hash_table_get_keys_as_array (self->members, NULL);
  for (guint i = 0; ids[i]; i++)
    ids[i] = g_strdup (ids[i]);
  for (guint i = 0; ids[i]; i++)
    drop_member (self, ids[i]);
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

/**
 * mesh_call_join:
 * @call: the call
 *
 * Joins the room.
 *
 * Since: 0.1
 */
void
mesh_call_join (MeshCall *call)
{
  post_task (call, do_join, g_new0 (Task, 1));
}

/**
 * mesh_call_receive:
 * @call: the call
 * @json: a message as it came
 * @length: its length
 *
 * Since: 0.1
 */
void
mesh_call_receive (MeshCall *call, const char *json, gsize length)
{
  Task *task = g_new0 (Task, 1);

  task->text = g_strndup (json, length);
  task->length = length;
  post_task (call, do_receive, task);
}

/**
 * mesh_call_set_state:
 * @call: the call
 * @name: our display name
 * @muted: whether we are muted
 * @hidden: whether our camera is hidden
 *
 * Tells the others.
 *
 * Since: 0.1
 */
void
mesh_call_set_state (MeshCall *call, const char *name, gboolean muted,
    gboolean hidden)
{
  Task *task = g_new0 (Task, 1);

  task->text = g_strdup (name);
  task->muted = muted;
  task->hidden = hidden;
  post_task (call, do_set_state, task);
}

/**
 * mesh_call_update_codecs:
 * @call: the call
 *
 * To be called when a source has learned what its input is.
 *
 * Since: 0.1
 */
void
mesh_call_update_codecs (MeshCall *call)
{
  post_task (call, do_update_codecs, g_new0 (Task, 1));
}

/**
 * mesh_call_chat:
 * @call: the call
 * @text: what to say to everybody
 *
 * Since: 0.1
 */
void
mesh_call_chat (MeshCall *call, const char *text)
{
  Task *task = g_new0 (Task, 1);

  task->text = g_strdup (text);
  post_task (call, do_chat, task);
}

/**
 * mesh_call_fill_peers:
 * @call: the call
 * @array: an initialised GstValueArray, to which the members are appended
 *
 * Since: 0.1
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
 * @call: the call
 *
 * Returns: (transfer full): figures of at most a second ago
 *
 * Since: 0.1
 */
GstStructure *
mesh_call_get_stats (MeshCall *call)
{
  GstStructure *stats;

  g_mutex_lock (&call->lock);
  stats = gst_structure_copy (call->stats);
  g_mutex_unlock (&call->lock);
  return stats;
}

static gboolean
timer_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  return callback (user_data);
}

static GSourceFuncs timer_funcs = { .dispatch = timer_dispatch };

static void
start_timers (MeshCall *self)
{
  self->timer = g_source_new (&timer_funcs, sizeof (GSource));
  g_source_set_callback (self->timer, on_timer, self, NULL);
  g_source_set_ready_time (self->timer, -1);
  g_source_attach (self->timer, self->context);
  self->pulse = g_timeout_source_new (PULSE_MS);
  g_source_set_callback (self->pulse, on_pulse, self, NULL);
  g_source_attach (self->pulse, self->context);
}

static void
call_free (MeshCall *self)
{
  if (self->timer)
    g_source_destroy (self->timer);
  if (self->pulse)
    g_source_destroy (self->pulse);
  g_clear_pointer (&self->timer, g_source_unref);
  g_clear_pointer (&self->pulse, g_source_unref);
  g_clear_pointer (&self->room, mesh_room_free);
  g_clear_pointer (&self->sealer, mesh_sealer_free);
  g_clear_pointer (&self->members, g_hash_table_unref);
  g_clear_pointer (&self->loop, g_main_loop_unref);
  g_clear_pointer (&self->context, g_main_context_unref);
  g_clear_pointer (&self->peers, g_ptr_array_unref);
  gst_clear_structure (&self->stats);
  g_mutex_clear (&self->lock);
  g_free (self->peer_id);
  g_free (self->last_warning);
  g_free (self->stun_server);
  g_strfreev (self->video_codecs);
  g_strfreev (self->turn_servers);
  g_strfreev ((char **) self->config.video_codecs);
  g_free (self);
}

/**
 * mesh_call_new:
 * @config: what it needs; copied, but for element and sources
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
  self->config = *config;
  self->config.link = NULL;
  self->config.video_codecs = (const char *const *)
      g_strdupv ((char **) config->video_codecs);
  self->stun_server = g_strdup (config->stun_server);
  self->turn_servers = g_strdupv ((char **) config->turn_servers);
  self->peer_id = g_strdup (config->peer_id);
  self->config.peer_id = self->peer_id;
  self->config.name = NULL;
  self->warnings_left = WARNINGS_BURST;
  self->peers = g_ptr_array_new_with_free_func
      ((GDestroyNotify) gst_structure_free);
  self->stats = gst_structure_new_empty ("meshroom-stats");
  self->video_codecs = usable_codecs (self);
  if (!self->video_codecs[0]) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_FAILED,
        "none of video-codecs can be encoded and decoded here");
    call_free (self);
    return NULL;
  }
  room.codecs = (const char *const *) self->video_codecs;
  self->room = mesh_room_new (&room);
  if (config->link && config->link->has_key)
    self->sealer = mesh_sealer_new (config->link->key, config->link->room,
        config->peer_id, inc);
  self->members = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      member_free);
  self->removals = g_thread_pool_new (remove_now, NULL, 4, FALSE, NULL);
  g_thread_pool_push (self->removals, &warm_up, NULL);
  self->context = g_main_context_new ();
  self->loop = g_main_loop_new (self->context, FALSE);
  start_timers (self);
  self->thread = g_thread_new ("meshroom", run, self);
  return self;
}

/**
 * mesh_call_stop:
 * @call: (transfer full): the call
 *
 * Says goodbye, takes every connection down, and waits until all threads are
 * gone.
 *
 * Since: 0.1
 */
void
mesh_call_stop (MeshCall *call)
{
  post_task (call, do_stop, g_new0 (Task, 1));
  g_thread_join (call->thread);
  g_thread_pool_free (call->removals, FALSE, TRUE);
  call_free (call);
}
