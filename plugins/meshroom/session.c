/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The state change from READY to PAUSED and back: finds the room, or makes one
 * on an embedded server, and starts the signalling and the call. */

#include "meshroom/meshroom.h"

#include "core/error.h"
#include "core/json.h"
#include "meshroom/metrics.h"

/* How long to wait until the messages that say goodbye have been sent. */
#define MAX_GOODBYE (500 * G_TIME_SPAN_MILLISECOND)

/* Handles a key that was pressed in a window which shows the call (see
 * meshview). The event comes through each member's pads with the same seqnum,
 * and counts once. */
static void
on_key (const char *key, GstEvent *event, gpointer user_data)
{
  MeshMeshroom *self = user_data;
  g_autoptr (GstPad) video = NULL;
  guint32 seqnum = gst_event_get_seqnum (event);
  gboolean muted, repeated;

  g_mutex_lock (&self->lock);
  repeated = self->last_key == seqnum;
  self->last_key = seqnum;
  g_mutex_unlock (&self->lock);
  if (repeated)
    return;
  if (g_str_equal (key, "m")) {
    g_object_get (self, "muted", &muted, NULL);
    g_object_set (self, "muted", !muted, NULL);
  } else if (g_str_equal (key, "v")) {
    g_mutex_lock (&self->lock);
    if (self->sources[MESH_VIDEO])
      video = gst_object_ref (mesh_source_get_pad
          (self->sources[MESH_VIDEO]));
    g_mutex_unlock (&self->lock);
    if (video)
      gst_pad_push_event (video, gst_event_ref (event));
  }
}

static void
on_drawn (const char *peer_id, const MeshWant *size, gpointer user_data)
{
  MeshMeshroom *self = user_data;

  g_mutex_lock (&self->lock);
  if (self->call)
    mesh_call_want (self->call, peer_id, size);
  g_mutex_unlock (&self->lock);
}

static void
on_signal (const char *json, gsize length, gpointer user_data)
{
  MeshMeshroom *self = user_data;

  g_mutex_lock (&self->lock);
  if (self->call && length <= MESH_JSON_MAX_BYTES)
    mesh_call_receive (self->call, json, length);
  g_mutex_unlock (&self->lock);
}

static gboolean
send_signal (const char *json, gpointer user_data)
{
  return mesh_signal_channel_send (((MeshMeshroom *) user_data)->channel, json);
}

static void
end_signals (gpointer user_data)
{
  mesh_signal_channel_end (((MeshMeshroom *) user_data)->channel);
}

/* Adds the element's own signalsrc and signalsink, if the application uses no
 * signal pads. Their state and the channel's do not follow the element's: a
 * paused call keeps exchanging messages, and a goodbye must get through while
 * the other elements are stopped. */
static gboolean
add_signal_elements (MeshMeshroom *self, const char *link,
    const char *peer_id, GError **error)
{
  static const char *const names[] = { "signalsrc", "signalsink" };

  for (guint i = 0; i < 2; i++) {
    GstElement *element = gst_element_factory_make (names[i], names[i]);

    if (!element) {
      g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED,
          "element %s is not installed", names[i]);
      return FALSE;
    }
    g_object_set (element, "link", link, "peer-id", peer_id, NULL);
    gst_element_set_locked_state (element, TRUE);
    gst_bin_add (GST_BIN (self), element);
    self->signal_elements[i] = element;
  }
  gst_element_link (self->signal_elements[0], GST_ELEMENT (self->channel));
  gst_element_link (GST_ELEMENT (self->channel), self->signal_elements[1]);
  return TRUE;
}

static gboolean
start_signalling (MeshMeshroom *self)
{
  GstElement *elements[] = { self->signal_elements[1],
    GST_ELEMENT (self->channel), self->signal_elements[0]
  };

  for (guint i = 0; i < G_N_ELEMENTS (elements); i++) {
    if (elements[i] && gst_element_set_state (elements[i], GST_STATE_PLAYING)
        == GST_STATE_CHANGE_FAILURE)
      return FALSE;             /* the element has posted the reason */
  }
  return TRUE;
}

static void
target_signal_pads (MeshMeshroom *self)
{
  g_autoptr (GstPad) sink =
      gst_element_get_static_pad (GST_ELEMENT (self->channel), "sink");
  g_autoptr (GstPad) src =
      gst_element_get_static_pad (GST_ELEMENT (self->channel), "src");

  if (self->signal_sink)
    gst_ghost_pad_set_target (GST_GHOST_PAD (self->signal_sink), sink);
  if (self->signal_src)
    gst_ghost_pad_set_target (GST_GHOST_PAD (self->signal_src), src);
}

static void
tell_link (GstElement *room, gpointer data)
{
  const char *link = data;
  g_autofree char *text = g_strdup_printf ("the room's link is %s", link);
  g_autoptr (GError) info =
      g_error_new_literal (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      text);

  /* Not GST_ELEMENT_INFO(), which would log the key. gst-launch shows only
   * the details, hence the text twice. */
  gst_element_post_message (room,
      gst_message_new_info (GST_OBJECT (room), info, text));
  g_signal_emit_by_name (room, "link-ready", link);
  gst_element_post_message (room, gst_message_new_element (GST_OBJECT (room),
          gst_structure_new ("meshroom-link-ready", "link", G_TYPE_STRING,
              link, NULL)));
}

static void
warn_without_key (MeshMeshroom *self)
{
  g_autoptr (GError) error = g_error_new_literal (GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_SETTINGS, "the link has no key: the server can read "
      "and change what the members of the room tell each other");

  GST_WARNING_OBJECT (self, "%s", error->message);
  mesh_notifier_post_message (self->notifier,
      gst_message_new_warning (GST_OBJECT (self), error, NULL));
}

/* Warns of a peer-id that was refused when the property was set; the element
 * may not have had a bus then. */
static void
warn_of_peer_id (MeshMeshroom *self)
{
  g_autofree char *refused = NULL;
  g_autofree char *peer_id = NULL;

  g_mutex_lock (&self->lock);
  refused = g_strdup (self->refused_peer_id);
  peer_id = g_strdup (self->peer_id);
  g_mutex_unlock (&self->lock);
  if (refused)
    GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS, ("%s", refused),
        ("the call goes on as %s", peer_id));
}

/* Warns if only one of the signal pads is linked: gst-launch links "room. !
 * fakesink" to any source pad, and before the call the only one is
 * signal_src. */
static void
warn_of_half_piped (MeshMeshroom *self)
{
  g_autofree char *text = NULL;
  gboolean sink, src, room;

  g_mutex_lock (&self->lock);
  sink = self->signal_sink != NULL;
  src = self->signal_src != NULL;
  room = self->link || self->serve;
  g_mutex_unlock (&self->lock);
  if (!room || sink == src)
    return;
  text = g_strdup_printf ("%s is linked, so messages go through pads only, and "
      "nobody is reached without %s. To join the room of link or serve, link "
      "neither of them: a peer's pads are video_0, audio_0, ... (write "
      "room.video_0, not room.)", src ? "signal_src" : "signal_sink",
      src ? "signal_sink" : "signal_src");
  GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS, ("%s", text), (NULL));
}

#ifdef HAVE_SERVER
/* Returns the STUN and TURN servers that the embedded server tells members of:
 * those that this element uses. */
static char **
dup_ice_servers (MeshMeshroom *self)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  g_mutex_lock (&self->lock);
  if (self->stun_server)
    g_strv_builder_add (builder, self->stun_server);
  for (char **uri = self->turn_servers; uri && *uri; uri++)
    g_strv_builder_add (builder, *uri);
  g_mutex_unlock (&self->lock);
  return g_strv_builder_end (builder);
}

/* Implements MeshServeMetrics. Before and after the call there are zeros. */
static char *
write_metrics (gpointer user_data)
{
  MeshMeshroom *self = user_data;
  MeshCallSums sums = { 0 };

  g_mutex_lock (&self->lock);
  if (self->call)
    mesh_call_get_sums (self->call, &sums);
  g_mutex_unlock (&self->lock);
  return mesh_call_sums_to_text (&sums);
}
#endif

/* Starts the embedded server. Returns: (transfer full) (nullable): the link of
 * a room on it */
static MeshLink *
start_serving (MeshMeshroom *self, const char *address, GError **error)
{
#ifdef HAVE_SERVER
  g_auto (GStrv) ice_servers = dup_ice_servers (self);

  self->serve_thread = mesh_serve_new (address,
      (const char *const *) ice_servers, write_metrics, self, error);
  if (!self->serve_thread)
    return NULL;
  return mesh_link_parse (mesh_serve_get_link (self->serve_thread), error);
#else
  g_set_error_literal (error, MESH_ERROR, MESH_ERROR_FAILED,
      "serve is not available: built without the server");
  return NULL;
#endif
}

/* Finds the link of the room: that of the property link, or one on the embedded
 * server. With signal pads the link may be unknown. */
static gboolean
find_room (MeshMeshroom *self, MeshLink **found, GError **error)
{
  g_autofree char *link = NULL;
  g_autofree char *serve = NULL;
  gboolean piped;

  g_mutex_lock (&self->lock);
  link = g_strdup (self->link);
  serve = g_strdup (self->serve);
  piped = self->signal_sink || self->signal_src;
  g_mutex_unlock (&self->lock);

  *found = NULL;
  if (serve) {
    *found = start_serving (self, serve, error);
    if (!*found)
      return FALSE;
    if (!link)
      return TRUE;
    g_clear_pointer (found, mesh_link_free);
  }
  if (link) {
    *found = mesh_link_parse (link, error);
    return *found != NULL;
  }
  if (!piped)
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_BAD_LINK,
        "no room to join: set link to a room's link, or serve to make one, or "
        "link signal_sink and signal_src");
  return piped;
}

/* A copy of the settings that a call begins with. The call is made of the copy
 * without the lock, since much is looked up and started for it. */
typedef struct {
  MeshCallConfig config;        /* points to what follows */
  char *peer_id;
  char *name;
  char *stun_server;
  char **turn_servers;
  char **codecs;
  gboolean open;                /* inputs are played before there is a peer */
} CallSettings;

static void
call_settings_clear (CallSettings *settings)
{
  for (guint i = 0; i < MESH_N_KINDS; i++)
    mesh_source_unref (settings->config.sources[i]);
  g_free (settings->peer_id);
  g_free (settings->name);
  g_free (settings->stun_server);
  g_strfreev (settings->turn_servers);
  g_strfreev (settings->codecs);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CallSettings, call_settings_clear)

static void
copy_settings (MeshMeshroom *self, CallSettings *settings)
{
  MeshCallConfig *config = &settings->config;

  g_mutex_lock (&self->lock);
  settings->peer_id = g_strdup (self->peer_id);
  settings->name = g_strdup (self->display_name);
  settings->stun_server = g_strdup (self->stun_server);
  settings->turn_servers = g_strdupv (self->turn_servers);
  settings->codecs = mesh_meshroom_dup_video_codecs_locked (self);
  settings->open = !self->wait_for_peers;
  config->muted = self->muted;
  config->relay_only =
      self->policy == GST_WEBRTC_ICE_TRANSPORT_POLICY_RELAY;
  config->max_peers = self->max_peers;
  config->latency = self->latency;
  config->least_delay = self->latency_is_set ? self->latency : 0;
  config->decode = self->decode;
  config->verify_fingerprint = self->verify_fingerprint;
  config->uplink = self->uplink_bitrate;
  config->congestion_control = self->congestion_control
      == MESH_CONGESTION_CONTROL_GCC;
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    if (self->sources[i])
      config->sources[i] = mesh_source_ref (self->sources[i]);
  }
  g_mutex_unlock (&self->lock);
  config->peer_id = settings->peer_id;
  config->name = settings->name;
  config->stun_server = settings->stun_server;
  config->turn_servers = (const char *const *) settings->turn_servers;
  config->video_codecs = (const char *const *) settings->codecs;
}

/* Makes @call the element's, and tells it what was set, and which source was
 * released, while it was being made: until now nobody could tell it. A source
 * that was requested meanwhile is told when its input is known. */
static void
set_call (MeshMeshroom *self, MeshCall *call, const MeshCallConfig *made_of)
{
  g_mutex_lock (&self->lock);
  self->call = call;
  if (self->hidden || self->muted != made_of->muted
      || g_strcmp0 (self->display_name, made_of->name) != 0)
    mesh_meshroom_tell_state_locked (self);
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    if (made_of->sources[i] && self->sources[i] != made_of->sources[i])
      mesh_call_set_source (call, i, NULL);
  }
  g_mutex_unlock (&self->lock);
}

/* @ask: whether to ask the link's server for STUN and TURN servers, unless some
 * are set here; the embedded server has none but those */
static gboolean
start_call (MeshMeshroom *self, const MeshLink *link, gboolean ask,
    gboolean piped, GError **error)
{
  g_auto (CallSettings) settings = {
    .config = {
      .element = GST_ELEMENT (self),
      .notifier = self->notifier,
      .link = link,
      .send = send_signal,
      .end_messages = piped ? end_signals : NULL,
      .key = on_key,
      .drawn = on_drawn,
      .user_data = self,
    },
  };
  MeshCallConfig *config = &settings.config;
  MeshCall *call;

  copy_settings (self, &settings);
  config->ask_ice_servers = ask && link && !link->app_key
      && !config->stun_server
      && !(config->turn_servers && config->turn_servers[0]);
  if (config->sources[MESH_VIDEO])
    mesh_source_look_ahead (config->sources[MESH_VIDEO]);
  mesh_timeline_set_open (self->timeline, settings.open);
  call = mesh_call_new (config, error);
  if (call)
    set_call (self, call, config);
  return call != NULL;
}

/* Starts the server, the signalling and the call. Posts an error if one of them
 * fails. */
gboolean
mesh_meshroom_start (MeshMeshroom *self)
{
  g_autoptr (MeshLink) link = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  g_autofree char *peer_id = NULL;
  MeshNotifier *notifier = mesh_notifier_new (GST_ELEMENT (self));
  gboolean piped, made;

  g_mutex_lock (&self->lock);
  peer_id = g_strdup (self->peer_id);
  piped = self->signal_sink || self->signal_src;
  made = self->serve && !self->link;
  self->notifier = notifier;
  g_mutex_unlock (&self->lock);
  if (!find_room (self, &link, &error))
    goto failed;
  self->channel = g_object_ref_sink (mesh_signal_channel_new (peer_id,
          on_signal, self));
  gst_element_set_locked_state (GST_ELEMENT (self->channel), TRUE);
  gst_bin_add (GST_BIN (self), GST_ELEMENT (self->channel));
  target_signal_pads (self);
  text = link ? mesh_link_to_string (link) : NULL;
  if (!start_call (self, link, !piped && !made, piped, &error)
      || (!piped && !add_signal_elements (self, text, peer_id, &error)))
    goto failed;

  mesh_meshroom_warn_of_ice_properties (self);
  warn_of_peer_id (self);
  warn_of_half_piped (self);
  if (link && !link->has_key)
    warn_without_key (self);
  if (made) {
    g_mutex_lock (&self->lock);
    self->room_link = g_strdup (text);
    g_mutex_unlock (&self->lock);
    mesh_notifier_post (self->notifier, tell_link, g_strdup (text), g_free);
  }
  if (start_signalling (self))
    return TRUE;

failed:
  if (error)
    mesh_meshroom_post_error (self, error);
  mesh_meshroom_stop (self);
  return FALSE;
}

/* Ends the call, with a goodbye, while signalling still runs. */
void
mesh_meshroom_stop_call (MeshMeshroom *self)
{
  MeshCall *call;

  g_mutex_lock (&self->lock);
  call = g_steal_pointer (&self->call);
  g_mutex_unlock (&self->lock);
  if (!call)
    return;
  mesh_call_stop (call);
  mesh_signal_channel_drain (self->channel, MAX_GOODBYE);
  mesh_signal_channel_let_go (self->channel);
}

static void
remove_child (MeshMeshroom *self, GstElement **child)
{
  if (!*child)
    return;
  gst_element_set_locked_state (*child, TRUE);
  gst_element_set_state (*child, GST_STATE_NULL);
  gst_bin_remove (GST_BIN (self), *child);
  *child = NULL;
}

/* Undoes mesh_meshroom_start(), however far that got. */
void
mesh_meshroom_stop (MeshMeshroom *self)
{
  g_autoptr (MeshNotifier) notifier = NULL;

  mesh_meshroom_stop_call (self);
  g_mutex_lock (&self->lock);
  notifier = g_steal_pointer (&self->notifier);
  g_mutex_unlock (&self->lock);
  if (notifier)
    mesh_notifier_close (notifier);
  remove_child (self, &self->signal_elements[0]);
  remove_child (self, &self->signal_elements[1]);
  if (self->signal_sink)
    gst_ghost_pad_set_target (GST_GHOST_PAD (self->signal_sink), NULL);
  if (self->signal_src)
    gst_ghost_pad_set_target (GST_GHOST_PAD (self->signal_src), NULL);
  if (self->channel) {
    g_autoptr (GstElement) channel =
        GST_ELEMENT (g_steal_pointer (&self->channel));
    GstElement *child = channel;

    remove_child (self, &child);
  }
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    if (self->sources[i])
      mesh_source_stop (self->sources[i]);
  }
#ifdef HAVE_SERVER
  g_clear_pointer (&self->serve_thread, mesh_serve_stop);
#endif
  g_mutex_lock (&self->lock);
  g_clear_pointer (&self->room_link, g_free);
  self->hidden = FALSE;         /* the next stream tells again whether it is
                                 * hidden */
  g_mutex_unlock (&self->lock);
}

