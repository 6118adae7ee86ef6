/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-meshroom
 * @title: meshroom
 * @short_description: a group video call without a media server
 *
 * A participant of a room: what goes into `video_sink` and `audio_sink` is sent to everybody
 * else in the room, directly, encoded once; and each of the others appears as a
 * pair of pads, `video_N` and `audio_N`.
 *
 * The room is a link. With #meshroom:serve the element runs the signalling server and the
 * browser page itself, makes a room, and posts its link as an INFO message; with
 * #meshroom:link it joins a room. Opened in a browser, the same link joins as well.
 *
 * Sinks take raw streams, or encoded ones (VP8, H.264, Opus), which are passed through. None
 * of them must be there: a room without `video_sink` just watches.
 *
 * With `signal_sink` and `signal_src` the messages of the room go through these pads
 * as buffers of `application/x-mesh-signal` instead, see #element-signalsrc.
 *
 * Each source pad carries the peer's id in its stream-id (`meshroom/ID/video`), its
 * name in a title tag, and both in a sticky event `meshroom/peer` with the fields `peer-id`,
 * `name`, `muted` and `hidden`. The pads of one peer have the same number.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 meshroom name=room serve=127.0.0.1:0 room. : meshview name=view view.video ! videoconvert ! autovideosink view.audio ! autoaudiosink videotestsrc is-live=true ! imageswitch ! room.video_sink audiotestsrc is-live=true wave=ticks ! room.audio_sink
 * ]|
 *
 * Since: 0.1
 */

#include <gst/gst.h>
#include <gst/webrtc/webrtc.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/link.h"
#include "meshroom/call.h"
#include "meshroom/elements.h"
#include "meshroom/port.h"
#include "meshroom/random.h"
#ifdef HAVE_SERVER
#include "meshroom/serve.h"
#endif

#define MESH_TYPE_MESHROOM (mesh_meshroom_get_type ())
G_DECLARE_FINAL_TYPE (MeshMeshroom, mesh_meshroom, MESH, MESHROOM, GstBin)

/* How long a goodbye may take to get out. */
#define MAX_GOODBYE (500 * G_TIME_SPAN_MILLISECOND)

#define DEFAULT_MAX_PEERS 32
#define DEFAULT_LATENCY 80
#define DEFAULT_VIDEO_CODECS "VP8,H264"

struct _MeshMeshroom {
  GstBin parent;

  /* set up and torn down by state changes */
  MeshPort *port;
  GstElement *signal_elements[2];
  MeshCall *call;               /* also under lock: its going */
#ifdef HAVE_SERVER
  MeshServe *serve_thread;
#endif

  GMutex lock;                  /* guards all below; taken after no other lock */
  char *link;
  char *serve;
  char *peer_id;
  char *display_name;
  gboolean muted;
  gboolean hidden;
  char *stun_server;
  char **turn_servers;
  GstWebRTCICETransportPolicy policy;
  guint max_peers;
  guint latency;
  char *video_codecs;
  gboolean decode;
  gboolean verify_fingerprint;
  char *room_link;              /* of the room that serve made */
  MeshSource *sources[MESH_N_KINDS];
  GPtrArray *old_sources;       /* released, but maybe still in a peer's use */
  GstPad *signal_sink;
  GstPad *signal_src;
};

G_DEFINE_FINAL_TYPE (MeshMeshroom, mesh_meshroom, GST_TYPE_BIN)
GST_ELEMENT_REGISTER_DEFINE (meshroom, "meshroom", GST_RANK_NONE,
    MESH_TYPE_MESHROOM)

enum {
  PROP_0,
  PROP_LINK,
  PROP_SERVE,
  PROP_PEER_ID,
  PROP_DISPLAY_NAME,
  PROP_MUTED,
  PROP_STUN_SERVER,
  PROP_TURN_SERVERS,
  PROP_ICE_TRANSPORT_POLICY,
  PROP_MAX_PEERS,
  PROP_LATENCY,
  PROP_VIDEO_CODECS,
  PROP_DECODE,
  PROP_VERIFY_FINGERPRINT,
  PROP_STATS,
  PROP_PEERS,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

enum {
  PEER_ADDED,
  PEER_REMOVED,
  MESSAGE_RECEIVED,
  LINK_READY,
  SEND_MESSAGE,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

#define VIDEO_CAPS "video/x-raw; video/x-vp8; video/x-h264"
#define AUDIO_CAPS "audio/x-raw; audio/x-opus"
#define SIGNAL_CAPS "application/x-mesh-signal"

static GstStaticPadTemplate templates[] = {
  GST_STATIC_PAD_TEMPLATE ("audio_sink", GST_PAD_SINK, GST_PAD_REQUEST,
      GST_STATIC_CAPS (AUDIO_CAPS)),
  GST_STATIC_PAD_TEMPLATE ("video_sink", GST_PAD_SINK, GST_PAD_REQUEST,
      GST_STATIC_CAPS (VIDEO_CAPS)),
  GST_STATIC_PAD_TEMPLATE ("signal_sink", GST_PAD_SINK, GST_PAD_REQUEST,
      GST_STATIC_CAPS (SIGNAL_CAPS)),
  GST_STATIC_PAD_TEMPLATE ("signal_src", GST_PAD_SRC, GST_PAD_REQUEST,
      GST_STATIC_CAPS (SIGNAL_CAPS)),
  GST_STATIC_PAD_TEMPLATE ("audio_%u", GST_PAD_SRC, GST_PAD_SOMETIMES,
      GST_STATIC_CAPS (AUDIO_CAPS)),
  GST_STATIC_PAD_TEMPLATE ("video_%u", GST_PAD_SRC, GST_PAD_SOMETIMES,
      GST_STATIC_CAPS (VIDEO_CAPS)),
};

/* The one place where an error becomes what the application sees. */
static void
post_error (MeshMeshroom *self, const GError *error)
{
  if (g_error_matches (error, MESH_ERROR, MESH_ERROR_BAD_LINK))
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS, ("%s", error->message),
        (NULL));
  else if (error->domain == MESH_ERROR)
    GST_ELEMENT_ERROR (self, RESOURCE, FAILED, ("%s", error->message), (NULL));
  else
    GST_ELEMENT_ERROR (self, RESOURCE, OPEN_READ_WRITE, ("%s",
            error->message), (NULL));
}

/* --- what the sources tell --- */

static void
on_source_error (MeshSource *source, const GError *error, gpointer user_data)
{
  post_error (user_data, error);
}

static void
on_input_known (MeshSource *source, gpointer user_data)
{
  MeshMeshroom *self = user_data;

  g_mutex_lock (&self->lock);
  if (self->call)
    mesh_call_update_codecs (self->call);
  g_mutex_unlock (&self->lock);
}

static void
tell_state_locked (MeshMeshroom *self)
{
  if (self->call)
    mesh_call_set_state (self->call, self->display_name, self->muted,
        self->hidden);
}

static void
on_hidden (MeshSource *source, gboolean hidden, gpointer user_data)
{
  MeshMeshroom *self = user_data;

  g_mutex_lock (&self->lock);
  if (self->hidden != hidden) {
    self->hidden = hidden;
    tell_state_locked (self);
  }
  g_mutex_unlock (&self->lock);
}

static const MeshSourceEvents source_events = {
  .error = on_source_error,
  .input_known = on_input_known,
  .hidden = on_hidden,
};

static void
set_muted (MeshMeshroom *self, gboolean muted)
{
  MeshSource *audio;

  g_mutex_lock (&self->lock);
  self->muted = muted;
  audio = self->sources[MESH_AUDIO];
  if (audio)
    mesh_source_set_muted (audio, muted);
  tell_state_locked (self);
  g_mutex_unlock (&self->lock);
}

/* Keys pressed in a window that shows the call (see meshview). */
static void
on_key (const char *key, GstEvent *event, gpointer user_data)
{
  MeshMeshroom *self = user_data;
  g_autoptr (GstPad) video = NULL;
  gboolean muted;

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

/* --- signalling --- */

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
  return mesh_port_send (MESH_MESHROOM (user_data)->port, json);
}

/* The element's own pair, where the application uses no signal pads. The state of port and
 * pair is ours alone: a call that is paused keeps talking, and a goodbye
 * must get through while the rest goes down. */
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
  gst_element_link (self->signal_elements[0], GST_ELEMENT (self->port));
  gst_element_link (GST_ELEMENT (self->port), self->signal_elements[1]);
  return TRUE;
}

static gboolean
start_signalling (MeshMeshroom *self)
{
  GstElement *elements[] = { self->signal_elements[1],
    GST_ELEMENT (self->port), self->signal_elements[0]
  };

  for (guint i = 0; i < G_N_ELEMENTS (elements); i++) {
    if (elements[i] && gst_element_set_state (elements[i], GST_STATE_PLAYING)
        == GST_STATE_CHANGE_FAILURE)
      return FALSE;             /* it has posted why */
  }
  return TRUE;
}

static void
target_signal_pads (MeshMeshroom *self)
{
  g_autoptr (GstPad) sink =
      gst_element_get_static_pad (GST_ELEMENT (self->port), "sink");
  g_autoptr (GstPad) src =
      gst_element_get_static_pad (GST_ELEMENT (self->port), "src");

  if (self->signal_sink)
    gst_ghost_pad_set_target (GST_GHOST_PAD (self->signal_sink), sink);
  if (self->signal_src)
    gst_ghost_pad_set_target (GST_GHOST_PAD (self->signal_src), src);
}

static void
tell_link (MeshMeshroom *self, const char *link)
{
  g_autofree char *text = g_strdup_printf ("the room's link is %s", link);
  g_autoptr (GError) info =
      g_error_new_literal (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      text);

  /* Not GST_ELEMENT_INFO(), which would log the key. gst-launch shows only
   * the details, hence the text twice. */
  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_info (GST_OBJECT (self), info, text));
  g_signal_emit (self, signals[LINK_READY], 0, link);
  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_element (GST_OBJECT (self),
          gst_structure_new ("meshroom-link-ready", "link", G_TYPE_STRING,
              link, NULL)));
}

/* Our own server, and a room on it. */
static MeshLink *
start_serving (MeshMeshroom *self, const char *address, GError **error)
{
#ifdef HAVE_SERVER
  self->serve_thread = mesh_serve_new (address, error);
  if (!self->serve_thread)
    return NULL;
  return mesh_random_link (mesh_serve_get_url (self->serve_thread), error);
#else
  g_set_error_literal (error, MESH_ERROR, MESH_ERROR_FAILED,
      "serve is not available: built without the server");
  return NULL;
#endif
}

/* The room to go to: of link, of our own server, or, behind signal pads,
 * none that we know of. */
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

static gboolean
start_call (MeshMeshroom *self, const MeshLink *link, GError **error)
{
  g_auto (GStrv) codecs = NULL;
  MeshCallConfig config = {
    .element = GST_ELEMENT (self),
    .link = link,
    .send = send_signal,
    .key = on_key,
    .user_data = self,
  };
  MeshCall *call;

  g_mutex_lock (&self->lock);
  codecs = g_strsplit (self->video_codecs, ",", -1);
  for (guint i = 0; codecs[i]; i++)
    g_strstrip (codecs[i]);
  config.peer_id = self->peer_id;
  config.name = self->display_name;
  config.muted = self->muted;
  config.video_codecs = (const char *const *) codecs;
  config.stun_server = self->stun_server;
  config.turn_servers = (const char *const *) self->turn_servers;
  config.relay_only =
      self->policy == GST_WEBRTC_ICE_TRANSPORT_POLICY_RELAY;
  config.max_peers = self->max_peers;
  config.latency = self->latency;
  config.decode = self->decode;
  config.verify_fingerprint = self->verify_fingerprint;
  for (guint i = 0; i < MESH_N_KINDS; i++)
    config.sources[i] = self->sources[i];
  call = mesh_call_new (&config, error);
  self->call = call;
  g_mutex_unlock (&self->lock);
  return call != NULL;
}

static void stop (MeshMeshroom *self);

static gboolean
prepare (MeshMeshroom *self)
{
  g_autoptr (MeshLink) link = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  g_autofree char *peer_id = NULL;
  gboolean piped, made;

  g_mutex_lock (&self->lock);
  peer_id = g_strdup (self->peer_id);
  piped = self->signal_sink || self->signal_src;
  made = self->serve && !self->link;
  g_mutex_unlock (&self->lock);

  if (!find_room (self, &link, &error))
    goto failed;
  self->port = g_object_ref_sink (mesh_port_new (peer_id, on_signal, self));
  gst_element_set_locked_state (GST_ELEMENT (self->port), TRUE);
  gst_bin_add (GST_BIN (self), GST_ELEMENT (self->port));
  target_signal_pads (self);
  text = link ? mesh_link_to_string (link) : NULL;
  if (!start_call (self, link, &error)
      || (!piped && !add_signal_elements (self, text, peer_id, &error)))
    goto failed;

  if (link && !link->has_key)
    GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS,
        ("the link has no key: the server can read and change what the "
            "members of the room tell each other"), (NULL));
  if (made) {
    g_mutex_lock (&self->lock);
    self->room_link = g_strdup (text);
    g_mutex_unlock (&self->lock);
    tell_link (self, text);
  }
  if (start_signalling (self))
    return TRUE;

failed:
  if (error)
    post_error (self, error);
  stop (self);
  return FALSE;
}

static void
stop_call (MeshMeshroom *self)
{
  MeshCall *call;

  g_mutex_lock (&self->lock);
  call = g_steal_pointer (&self->call);
  g_mutex_unlock (&self->lock);
  if (!call)
    return;
  mesh_call_stop (call);
  mesh_port_drain (self->port, MAX_GOODBYE);
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

/* Undoes prepare(), however far that got. */
static void
stop (MeshMeshroom *self)
{
  stop_call (self);
  remove_child (self, &self->signal_elements[0]);
  remove_child (self, &self->signal_elements[1]);
  if (self->signal_sink)
    gst_ghost_pad_set_target (GST_GHOST_PAD (self->signal_sink), NULL);
  if (self->signal_src)
    gst_ghost_pad_set_target (GST_GHOST_PAD (self->signal_src), NULL);
  if (self->port) {
    g_autoptr (GstElement) port = GST_ELEMENT (g_steal_pointer (&self->port));
    GstElement *child = port;

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
  g_mutex_unlock (&self->lock);
}

static GstStateChangeReturn
mesh_meshroom_change_state (GstElement *element, GstStateChange transition)
{
  MeshMeshroom *self = MESH_MESHROOM (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !prepare (self))
    return GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    stop_call (self);

  result = GST_ELEMENT_CLASS (mesh_meshroom_parent_class)->change_state
      (element, transition);

  switch (transition) {
    case GST_STATE_CHANGE_READY_TO_PAUSED:
      if (result == GST_STATE_CHANGE_FAILURE)
        stop (self);
      /* fall through */
    case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
      /* live: what people send comes when they come, so nobody downstream
       * may wait for it to get to PLAYING */
      if (result != GST_STATE_CHANGE_FAILURE)
        result = GST_STATE_CHANGE_NO_PREROLL;
      break;
    case GST_STATE_CHANGE_PAUSED_TO_PLAYING:
      if (result != GST_STATE_CHANGE_FAILURE && self->call)
        mesh_call_join (self->call);
      break;
    case GST_STATE_CHANGE_PAUSED_TO_READY:
      stop (self);
      break;
    default:
      break;
  }
  return result;
}

/* Peers come and go inside; the pipeline's latency stays as declared, and
 * nobody's end is the end. */
static void
mesh_meshroom_handle_message (GstBin *bin, GstMessage *message)
{
  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_LATENCY:
    case GST_MESSAGE_EOS:
      gst_message_unref (message);
      break;
    default:
      GST_BIN_CLASS (mesh_meshroom_parent_class)->handle_message (bin,
          message);
      break;
  }
}

/* --- pads --- */

static GstPad *
add_source (MeshMeshroom *self, GstPadTemplate *template, MeshKind kind)
{
  MeshSource *source = mesh_source_new (GST_BIN (self), template, kind,
      &source_events, self);
  GstPad *pad = mesh_source_get_pad (source);

  g_mutex_lock (&self->lock);
  if (self->sources[kind]) {
    g_mutex_unlock (&self->lock);
    mesh_source_free (source);
    gst_object_unref (gst_object_ref_sink (pad));
    return NULL;
  }
  self->sources[kind] = source;
  if (kind == MESH_AUDIO)
    mesh_source_set_muted (source, self->muted);
  g_mutex_unlock (&self->lock);
  return pad;
}

static GstPad *
add_signal_pad (MeshMeshroom *self, GstPadTemplate *template, GstPad **field)
{
  GstPad *pad = NULL;

  g_mutex_lock (&self->lock);
  if (!*field)
    pad = *field = gst_ghost_pad_new_no_target_from_template
        (GST_PAD_TEMPLATE_NAME_TEMPLATE (template), template);
  g_mutex_unlock (&self->lock);
  return pad;
}

static GstPad *
mesh_meshroom_request_new_pad (GstElement *element, GstPadTemplate *template,
    const char *name, const GstCaps *caps)
{
  MeshMeshroom *self = MESH_MESHROOM (element);
  const char *kind = GST_PAD_TEMPLATE_NAME_TEMPLATE (template);
  GstPad *pad;

  if (self->call) {
    GST_WARNING_OBJECT (self, "%s must be requested before PAUSED", kind);
    return NULL;
  }
  if (g_str_equal (kind, "audio_sink"))
    pad = add_source (self, template, MESH_AUDIO);
  else if (g_str_equal (kind, "video_sink"))
    pad = add_source (self, template, MESH_VIDEO);
  else if (g_str_equal (kind, "signal_sink"))
    pad = add_signal_pad (self, template, &self->signal_sink);
  else
    pad = add_signal_pad (self, template, &self->signal_src);
  if (pad)
    gst_element_add_pad (element, pad);
  return pad;
}

static void
mesh_meshroom_release_pad (GstElement *element, GstPad *pad)
{
  MeshMeshroom *self = MESH_MESHROOM (element);

  g_mutex_lock (&self->lock);
  if (pad == self->signal_sink)
    self->signal_sink = NULL;
  else if (pad == self->signal_src)
    self->signal_src = NULL;
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    MeshSource *source = self->sources[i];

    /* peers may be using it until the call ends */
    if (source && mesh_source_get_pad (source) == pad) {
      g_ptr_array_add (self->old_sources, source);
      self->sources[i] = NULL;
    }
  }
  g_mutex_unlock (&self->lock);
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element, pad);
}

/* --- object --- */

static void
set_link (MeshMeshroom *self, char **field, const GValue *value)
{
  g_free (*field);
  *field = g_value_dup_string (value);
}

static void
set_peer_id (MeshMeshroom *self, const char *id)
{
  g_autofree char *lower = id ? g_ascii_strdown (id, -1) : NULL;

  if (!mesh_is_uuid (lower)) {
    g_warning ("meshroom: peer-id \"%s\" is not a UUID, and is ignored",
        id ? id : "");
    return;
  }
  g_free (self->peer_id);
  self->peer_id = g_steal_pointer (&lower);
}

static void
set_turn_servers (MeshMeshroom *self, const GValue *array)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < gst_value_array_get_size (array); i++) {
    const char *uri =
        g_value_get_string (gst_value_array_get_value (array, i));

    if (uri)
      g_strv_builder_add (builder, uri);
  }
  g_strfreev (self->turn_servers);
  self->turn_servers = g_strv_builder_end (builder);
}

static void
mesh_meshroom_set_property (GObject *object, guint id, const GValue *value,
    GParamSpec *pspec)
{
  MeshMeshroom *self = MESH_MESHROOM (object);

  if (id == PROP_MUTED) {
    set_muted (self, g_value_get_boolean (value));
    return;
  }
  g_mutex_lock (&self->lock);
  switch (id) {
    case PROP_LINK:
      set_link (self, &self->link, value);
      break;
    case PROP_SERVE:
      set_link (self, &self->serve, value);
      break;
    case PROP_PEER_ID:
      set_peer_id (self, g_value_get_string (value));
      break;
    case PROP_DISPLAY_NAME:
      set_link (self, &self->display_name, value);
      tell_state_locked (self);
      break;
    case PROP_STUN_SERVER:
      set_link (self, &self->stun_server, value);
      break;
    case PROP_TURN_SERVERS:
      set_turn_servers (self, value);
      break;
    case PROP_ICE_TRANSPORT_POLICY:
      self->policy = g_value_get_enum (value);
      break;
    case PROP_MAX_PEERS:
      self->max_peers = g_value_get_uint (value);
      break;
    case PROP_LATENCY:
      self->latency = g_value_get_uint (value);
      break;
    case PROP_VIDEO_CODECS:
      g_free (self->video_codecs);
      self->video_codecs = g_value_get_string (value)
          ? g_value_dup_string (value) : g_strdup (DEFAULT_VIDEO_CODECS);
      break;
    case PROP_DECODE:
      self->decode = g_value_get_boolean (value);
      break;
    case PROP_VERIFY_FINGERPRINT:
      self->verify_fingerprint = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  g_mutex_unlock (&self->lock);
}

static void
get_turn_servers (MeshMeshroom *self, GValue *array)
{
  for (guint i = 0; self->turn_servers && self->turn_servers[i]; i++) {
    g_auto (GValue) uri = G_VALUE_INIT;

    g_value_init (&uri, G_TYPE_STRING);
    g_value_set_string (&uri, self->turn_servers[i]);
    gst_value_array_append_value (array, &uri);
  }
}

static void
mesh_meshroom_get_property (GObject *object, guint id, GValue *value,
    GParamSpec *pspec)
{
  MeshMeshroom *self = MESH_MESHROOM (object);

  g_mutex_lock (&self->lock);
  switch (id) {
    case PROP_LINK:
      g_value_set_string (value, self->link ? self->link : self->room_link);
      break;
    case PROP_SERVE:
      g_value_set_string (value, self->serve);
      break;
    case PROP_PEER_ID:
      g_value_set_string (value, self->peer_id);
      break;
    case PROP_DISPLAY_NAME:
      g_value_set_string (value, self->display_name);
      break;
    case PROP_MUTED:
      g_value_set_boolean (value, self->muted);
      break;
    case PROP_STUN_SERVER:
      g_value_set_string (value, self->stun_server);
      break;
    case PROP_TURN_SERVERS:
      get_turn_servers (self, value);
      break;
    case PROP_ICE_TRANSPORT_POLICY:
      g_value_set_enum (value, self->policy);
      break;
    case PROP_MAX_PEERS:
      g_value_set_uint (value, self->max_peers);
      break;
    case PROP_LATENCY:
      g_value_set_uint (value, self->latency);
      break;
    case PROP_VIDEO_CODECS:
      g_value_set_string (value, self->video_codecs);
      break;
    case PROP_DECODE:
      g_value_set_boolean (value, self->decode);
      break;
    case PROP_VERIFY_FINGERPRINT:
      g_value_set_boolean (value, self->verify_fingerprint);
      break;
    case PROP_STATS:
      g_value_take_boxed (value, self->call ? mesh_call_get_stats (self->call)
          : gst_structure_new_empty ("meshroom-stats"));
      break;
    case PROP_PEERS:
      if (self->call)
        mesh_call_fill_peers (self->call, value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  g_mutex_unlock (&self->lock);
}

static void
mesh_meshroom_send_message (MeshMeshroom *self, const char *text)
{
  g_mutex_lock (&self->lock);
  if (self->call && text)
    mesh_call_chat (self->call, text);
  g_mutex_unlock (&self->lock);
}

static void
mesh_meshroom_finalize (GObject *object)
{
  MeshMeshroom *self = MESH_MESHROOM (object);

  for (guint i = 0; i < MESH_N_KINDS; i++)
    mesh_source_free (self->sources[i]);
  g_ptr_array_unref (self->old_sources);
  g_free (self->link);
  g_free (self->serve);
  g_free (self->peer_id);
  g_free (self->display_name);
  g_free (self->stun_server);
  g_free (self->video_codecs);
  g_free (self->room_link);
  g_strfreev (self->turn_servers);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (mesh_meshroom_parent_class)->finalize (object);
}

static char *
default_name (void)
{
  const char *name = g_get_real_name ();

  if (!name || !*name || g_str_equal (name, "Unknown"))
    name = g_get_host_name ();
  return g_strdup (name);
}

static void
mesh_meshroom_init (MeshMeshroom *self)
{
  g_mutex_init (&self->lock);
  self->peer_id = mesh_random_uuid ();
  self->display_name = default_name ();
  self->video_codecs = g_strdup (DEFAULT_VIDEO_CODECS);
  self->max_peers = DEFAULT_MAX_PEERS;
  self->latency = DEFAULT_LATENCY;
  self->policy = GST_WEBRTC_ICE_TRANSPORT_POLICY_ALL;
  self->decode = TRUE;
  self->verify_fingerprint = TRUE;
  self->old_sources =
      g_ptr_array_new_with_free_func ((GDestroyNotify) mesh_source_free);
  gst_bin_set_suppressed_flags (GST_BIN (self),
      GST_ELEMENT_FLAG_SOURCE | GST_ELEMENT_FLAG_SINK);
}

#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS)

static void
install_room_properties (GObjectClass *klass)
{
  properties[PROP_LINK] = g_param_spec_string ("link", "Link",
      "The room's link, SCHEME://HOST[:PORT]/room/ROOM-ID#KEY, the same that a "
      "browser opens; with serve alone it reads as the link of the room made",
      NULL, FLAGS | GST_PARAM_MUTABLE_READY);
  properties[PROP_SERVE] = g_param_spec_string ("serve", "Serve",
      "ADDR:PORT on which to run the signalling server and the page, and make "
      "a room; port 0 takes any free one", NULL,
      FLAGS | GST_PARAM_MUTABLE_READY);
  properties[PROP_PEER_ID] = g_param_spec_string ("peer-id", "Peer id",
      "Who we are, a UUID; a fresh one unless set", NULL,
      FLAGS | GST_PARAM_MUTABLE_READY);
  properties[PROP_DISPLAY_NAME] = g_param_spec_string ("display-name",
      "Display name", "The name that the others see; the user's real name, "
      "else the host's, unless set", NULL, FLAGS | GST_PARAM_MUTABLE_PLAYING);
  properties[PROP_MUTED] = g_param_spec_boolean ("muted", "Muted",
      "Whether nothing of audio_sink is sent; once set, nothing more goes out",
      FALSE, FLAGS | GST_PARAM_MUTABLE_PLAYING);
  properties[PROP_MAX_PEERS] = g_param_spec_uint ("max-peers", "Max peers",
      "How many others to connect to; further ones are told that the room is "
      "full", 1, 64, DEFAULT_MAX_PEERS, FLAGS | GST_PARAM_MUTABLE_READY);
  properties[PROP_STATS] = g_param_spec_boxed ("stats", "Stats",
      "Figures of the call and, in a field named by its id, of each peer; "
      "refreshed every second", GST_TYPE_STRUCTURE,
      G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  properties[PROP_PEERS] = gst_param_spec_array ("peers", "Peers",
      "Who is known to be in the room: structures with peer-id, name, number "
      "(of its pads), state (idle, calling, connecting, connected), muted, "
      "hidden", g_param_spec_boxed ("peer", "Peer", "One member",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS),
      G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
}

static void
install_media_properties (GObjectClass *klass)
{
  properties[PROP_STUN_SERVER] = g_param_spec_string ("stun-server",
      "STUN server", "stun://HOST:PORT that tells us our public address; "
      "none = only this machine's own addresses", NULL,
      FLAGS | GST_PARAM_MUTABLE_READY);
  properties[PROP_TURN_SERVERS] = gst_param_spec_array ("turn-servers",
      "TURN servers", "turn(s)://USER:PASSWORD@HOST:PORT of relays, for "
      "networks that let no direct connection through",
      g_param_spec_string ("uri", "URI", "One relay", NULL, FLAGS),
      FLAGS | GST_PARAM_MUTABLE_READY);
  properties[PROP_ICE_TRANSPORT_POLICY] =
      g_param_spec_enum ("ice-transport-policy", "ICE transport policy",
      "relay = connect through turn-servers only, so that peers do not learn "
      "our addresses", GST_TYPE_WEBRTC_ICE_TRANSPORT_POLICY,
      GST_WEBRTC_ICE_TRANSPORT_POLICY_ALL, FLAGS | GST_PARAM_MUTABLE_READY);
  properties[PROP_LATENCY] = g_param_spec_uint ("latency", "Latency",
      "Milliseconds that what peers send is held to even out its arrival; also "
      "the latency that the source pads declare", 0, 10000, DEFAULT_LATENCY,
      FLAGS | GST_PARAM_MUTABLE_READY);
  properties[PROP_VIDEO_CODECS] = g_param_spec_string ("video-codecs",
      "Video codecs", "Video codecs to use, best first, comma between (VP8, "
      "H264)", DEFAULT_VIDEO_CODECS, FLAGS | GST_PARAM_MUTABLE_READY);
  properties[PROP_DECODE] = g_param_spec_boolean ("decode", "Decode",
      "Whether the source pads carry raw streams; else they carry what the "
      "peers sent, encoded", TRUE, FLAGS | GST_PARAM_MUTABLE_READY);
  properties[PROP_VERIFY_FINGERPRINT] =
      g_param_spec_boolean ("verify-fingerprint", "Verify fingerprint",
      "Whether to refuse a peer whose certificate is not the one that its "
      "session description names; turn off for tests only", TRUE,
      FLAGS | GST_PARAM_MUTABLE_READY);
}

static void
install_signals (GObjectClass *klass)
{
  /**
   * meshroom::peer-added:
   * @room: the element
   * @peer_id: who
   *
   * Somebody is connected. Emitted on the room's thread.
   *
   * Since: 0.1
   */
  signals[PEER_ADDED] = g_signal_new ("peer-added", MESH_TYPE_MESHROOM,
      G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
  /**
   * meshroom::peer-removed:
   * @room: the element
   * @peer_id: who
   * @reason: "left", "timeout", "full" or "refused"
   *
   * Somebody who was added is gone. Emitted on the room's thread.
   *
   * Since: 0.1
   */
  signals[PEER_REMOVED] = g_signal_new ("peer-removed", MESH_TYPE_MESHROOM,
      G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 2, G_TYPE_STRING,
      G_TYPE_STRING);
  /**
   * meshroom::message-received:
   * @room: the element
   * @peer_id: who
   * @text: what they say
   *
   * A chat message has come. Emitted on the room's thread.
   *
   * Since: 0.1
   */
  signals[MESSAGE_RECEIVED] = g_signal_new ("message-received",
      MESH_TYPE_MESHROOM, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
      2, G_TYPE_STRING, G_TYPE_STRING);
  /**
   * meshroom::link-ready:
   * @room: the element
   * @link: the link to send to people
   *
   * The room of #meshroom:serve can be joined. Emitted on the thread of the
   * state change.
   *
   * Since: 0.1
   */
  signals[LINK_READY] = g_signal_new ("link-ready", MESH_TYPE_MESHROOM,
      G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
  /**
   * meshroom::send-message:
   * @room: the element
   * @text: at most 4,096 characters
   *
   * Says something to everybody in the room. Any thread.
   *
   * Since: 0.1
   */
  signals[SEND_MESSAGE] = g_signal_new_class_handler ("send-message",
      MESH_TYPE_MESHROOM, G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION,
      G_CALLBACK (mesh_meshroom_send_message), NULL, NULL, NULL, G_TYPE_NONE,
      1, G_TYPE_STRING);
}

static void
mesh_meshroom_class_init (MeshMeshroomClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->set_property = mesh_meshroom_set_property;
  object_class->get_property = mesh_meshroom_get_property;
  object_class->finalize = mesh_meshroom_finalize;
  element_class->change_state = mesh_meshroom_change_state;
  element_class->request_new_pad = mesh_meshroom_request_new_pad;
  element_class->release_pad = mesh_meshroom_release_pad;
  GST_BIN_CLASS (klass)->handle_message = mesh_meshroom_handle_message;

  install_room_properties (object_class);
  install_media_properties (object_class);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
  install_signals (object_class);
  for (guint i = 0; i < G_N_ELEMENTS (templates); i++)
    gst_element_class_add_static_pad_template (element_class, &templates[i]);
  gst_element_class_set_static_metadata (element_class, "Mesh room",
      "Filter/Network/WebRTC",
      "Takes part in a group video call without a media server",
      "The meshroom developers");
}
