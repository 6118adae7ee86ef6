/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The call's pipeline:
 *
 *   appsrc video ! imageswitch ! room.video_sink     the programme, if it is
 *   appsrc audio ! room.audio_sink                   sent
 *   room.video_N ! videoconvert ! appsink            one guest, on the decoder's
 *   room.audio_N ! audioconvert ! appsink            thread, into OBS
 *
 * The sink pads are there from the start, so that no connection has to be made
 * anew when the programme begins. */

#include "call-private.h"

#include <string.h>

#include "caps.h"

#define TICK_MS 200

static GMutex listener_lock;    /* held while the listener is called, so that it
                                 * is never called after it was replaced */
static MeshObsCallListener listener;

static GMutex rooms_lock;       /* taken after a call's */
static GHashTable *rooms;       /* ADDR:PORT -> link of the room made there */

static const char *const tap_names[] = { "video", "audio" };

/* The stream of a guest that a bin of the pipeline takes. */
typedef struct {
  MeshObsCall *call;
  guint number;
  MeshObsTapKind kind;
} Place;

static void
place_free (gpointer data)
{
  Place *place = data;

  mesh_obs_call_unref (place->call);
  g_free (place);
}

static GstPadProbeReturn
on_event (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Place *place = user_data;
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);

  if (gst_event_has_name (event, "meshroom/peer"))
    mesh_obs_call_post_news (place->call, mesh_obs_call_on_info, place->number,
        place->kind, NULL, gst_event_get_structure (event));
  return GST_PAD_PROBE_OK;
}

static void
on_begun (MeshObsTap *tap, gpointer user_data)
{
  Place *place = user_data;

  mesh_obs_call_post_news (place->call, mesh_obs_call_on_tap_begun,
      place->number, place->kind, tap, NULL);
}

static const MeshObsTapEvents tap_events = { .begun = on_begun };

static GstElement *
make_bin (MeshObsTapKind kind, GstElement **sink)
{
  const char *text = kind == MESH_OBS_TAP_VIDEO
      ? "videoconvert ! appsink name=sink sync=false async=false "
      "enable-last-sample=false max-buffers=4 caps=\"" CAPS_VIDEO "\""
      : "audioconvert ! appsink name=sink sync=false async=false "
      "enable-last-sample=false max-buffers=50 caps=\"" CAPS_AUDIO "\"";
  g_autoptr (GError) error = NULL;
  GstElement *bin = gst_parse_bin_from_description (text, TRUE, &error);

  if (bin)
    *sink = gst_bin_get_by_name (GST_BIN (bin), "sink");
  else
    GST_WARNING ("%s", error->message);
  return bin;
}

static gboolean
parse_pad (GstPad *pad, MeshObsTapKind *kind, guint *number)
{
  for (guint i = 0; i < G_N_ELEMENTS (tap_names); i++) {
    g_autofree char *prefix = g_strconcat (tap_names[i], "_", NULL);
    guint64 value;

    if (g_str_has_prefix (GST_PAD_NAME (pad), prefix)
        && g_ascii_string_to_unsigned (GST_PAD_NAME (pad) + strlen (prefix),
            10, 0, G_MAXUINT, &value, NULL)) {
      *kind = i;
      *number = value;
      return TRUE;
    }
  }
  return FALSE;
}

/* Called on the room's thread. No frame passes the pad before this has
 * returned. */
static void
on_pad_added (GstElement *room, GstPad *pad, gpointer user_data)
{
  MeshObsCall *self = user_data;
  g_autoptr (GstElement) sink = NULL;
  g_autoptr (GstPad) bin_pad = NULL;
  g_autoptr (MeshObsTap) tap = NULL;
  Place *place = g_new0 (Place, 1);
  GstElement *bin;

  if (!GST_PAD_IS_SRC (pad) || !parse_pad (pad, &place->kind, &place->number)
      || !(bin = make_bin (place->kind, &sink))) {
    g_free (place);
    return;
  }
  place->call = mesh_obs_call_ref (self);
  g_object_set_data_full (G_OBJECT (bin), "place", place, place_free);
  tap = mesh_obs_tap_new (place->kind, sink, &tap_events, place);
  g_mutex_lock (&self->lock);
  mesh_obs_tap_set_timing (tap, TRUE, self->latency * GST_MSECOND);
  g_mutex_unlock (&self->lock);

  bin_pad = gst_element_get_static_pad (bin, "sink");
  gst_pad_add_probe (bin_pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_event,
      place, NULL);
  gst_bin_add (GST_BIN (self->pipeline), bin);
  gst_element_sync_state_with_parent (bin);
  mesh_obs_call_post_news (self, mesh_obs_call_on_tap_added, place->number,
      place->kind, tap, NULL);
  gst_pad_link_full (pad, bin_pad, GST_PAD_LINK_CHECK_NOTHING);
}

/* Called on the room's thread, after the last frame has passed the pad. */
static void
on_pad_removed (GstElement *room, GstPad *pad, gpointer user_data)
{
  MeshObsCall *self = user_data;
  MeshObsTapKind kind;
  guint number;
  GstIterator *iterator;
  GValue value = G_VALUE_INIT;
  g_autoptr (GstElement) found = NULL;

  if (!GST_PAD_IS_SRC (pad) || !parse_pad (pad, &kind, &number))
    return;
  iterator = gst_bin_iterate_elements (GST_BIN (self->pipeline));
  while (!found && gst_iterator_next (iterator, &value) == GST_ITERATOR_OK) {
    GstElement *bin = g_value_get_object (&value);
    Place *place = g_object_get_data (G_OBJECT (bin), "place");

    if (place && place->kind == kind && place->number == number)
      found = gst_object_ref (bin);
    g_value_reset (&value);
  }
  g_value_unset (&value);
  gst_iterator_free (iterator);
  mesh_obs_call_post_news (self, mesh_obs_call_on_tap_removed, number, kind,
      NULL, NULL);
  if (found) {
    gst_element_set_locked_state (found, TRUE);
    gst_element_set_state (found, GST_STATE_NULL);
    gst_bin_remove (GST_BIN (self->pipeline), found);
  }
}

/* --- our own side --- */

/* When the programme has ended, our video is hidden behind the placeholder, and
 * peers are told so. Before it has begun, peers get no placeholder. */
static gboolean
is_hidden_locked (MeshObsCall *self)
{
  return self->sending ? self->hidden : self->sent;
}

/* Any thread. */
void
mesh_obs_call_apply_self (MeshObsCall *self)
{
  g_autoptr (GstElement) room = NULL;
  g_autoptr (GstElement) camera = NULL;
  g_autofree char *name = NULL;
  gboolean muted, hidden, sending;

  g_mutex_lock (&self->applying);
  g_mutex_lock (&self->lock);
  if (self->room) {
    room = gst_object_ref (self->room);
    camera = gst_object_ref (self->camera);
  }
  sending = self->sending;
  name = g_strdup (sending && self->programme_name ? self->programme_name
      : self->name);
  muted = self->muted || !sending;
  hidden = is_hidden_locked (self);
  g_mutex_unlock (&self->lock);
  if (room) {
    g_object_set (camera, "hidden", hidden, NULL);
    g_object_set (room, "muted", muted, "display-name", name, NULL);
    g_mutex_lock (&self->lock);
    self->open = sending && self->sending && self->room == room;
    g_mutex_unlock (&self->lock);
  }
  g_mutex_unlock (&self->applying);
}

static void
configure (MeshObsCall *self, GstElement *pipeline)
{
  GstElement *room = gst_bin_get_by_name (GST_BIN (pipeline), "room");
  g_autofree char *link = NULL;
  g_autofree char *serve = NULL;
  guint latency;

  g_mutex_lock (&self->lock);
  self->room = room;
  self->camera = gst_bin_get_by_name (GST_BIN (pipeline), "camera");
  self->sources[MESH_OBS_CALL_VIDEO] = gst_bin_get_by_name (GST_BIN (pipeline),
      "video");
  self->sources[MESH_OBS_CALL_AUDIO] = gst_bin_get_by_name (GST_BIN (pipeline),
      "audio");
  gst_clear_caps (&self->caps[MESH_OBS_CALL_VIDEO]);
  gst_clear_caps (&self->caps[MESH_OBS_CALL_AUDIO]);
  self->open = self->sent = FALSE;
  link = g_strdup (self->link);
  serve = g_strdup (self->serve);
  latency = self->latency;
  g_mutex_unlock (&self->lock);
  g_object_set (room, "link", link, "serve", serve, "latency", latency, NULL);
  mesh_obs_call_watch_encoders (self, pipeline);
  g_signal_connect (room, "pad-added", G_CALLBACK (on_pad_added), self);
  g_signal_connect (room, "pad-removed", G_CALLBACK (on_pad_removed), self);
  mesh_obs_call_apply_self (self);
}

/* Both appsrcs drop their oldest frames when they are full, since newer frames
 * are worth more. */
#define SOURCE "is-live=true format=time leaky-type=downstream max-bytes=0 "

static GstElement *
build (gpointer user_data, GError **error)
{
  MeshObsCall *self = user_data;
  g_autoptr (GError) own = NULL;
  g_autoptr (GstClock) clock = gst_system_clock_obtain ();
  GstElement *pipeline = gst_parse_launch ("meshroom name=room "
      "appsrc name=video " SOURCE "max-buffers=3 ! "
      "imageswitch name=camera release-camera=false ! room.video_sink "
      "appsrc name=audio " SOURCE "max-time=200000000 ! room.audio_sink",
      &own);

  if (own) {
    g_propagate_error (error, g_steal_pointer (&own));
    if (pipeline)
      gst_object_unref (gst_object_ref_sink (pipeline));
    return NULL;
  }
  gst_object_ref_sink (pipeline);
  /* the system clock is OBS' clock as well */
  gst_pipeline_use_clock (GST_PIPELINE (pipeline), clock);
  self->pipeline = pipeline;
  self->ready = FALSE;
  g_atomic_int_inc (&self->generation);
  configure (self, pipeline);
  return pipeline;
}

static void
on_down (gpointer user_data)
{
  MeshObsCall *self = user_data;
  GstElement *elements[4] = { NULL };

  g_atomic_int_inc (&self->generation);
  g_mutex_lock (&self->lock);
  elements[0] = g_steal_pointer (&self->room);
  elements[1] = g_steal_pointer (&self->camera);
  elements[2] = g_steal_pointer (&self->sources[0]);
  elements[3] = g_steal_pointer (&self->sources[1]);
  self->open = self->sent = FALSE;
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < G_N_ELEMENTS (elements); i++)
    gst_clear_object (&elements[i]);
  self->pipeline = NULL;
  mesh_obs_call_forget_members (self);
}

/* --- what programs are told --- */

/**
 * mesh_obs_call_set_listener:
 * @new_listener: (nullable): what to call; once this returns, the listener
 *   before is not called any more
 */
void
mesh_obs_call_set_listener (MeshObsCallListener new_listener)
{
  g_mutex_lock (&listener_lock);
  listener = new_listener;
  g_mutex_unlock (&listener_lock);
}

static void
tell (MeshObsCall *self, const char *event, const GstStructure *what)
{
  gboolean sending;

  g_mutex_lock (&self->lock);
  sending = self->sending;
  g_mutex_unlock (&self->lock);
  if (!sending)
    return;
  g_mutex_lock (&listener_lock);
  if (listener)
    listener (event, what);
  g_mutex_unlock (&listener_lock);
}

/* Port 0 gives another port each time, and so another link: such a link is not
 * kept. */
static gboolean
is_lasting (const char *serve)
{
  return !g_str_has_suffix (serve, ":0");
}

/* Takes the link of the room that the call's server has made. */
static void
take_link (MeshObsCall *self, const char *link)
{
  g_mutex_lock (&self->lock);
  g_free (self->link);
  self->link = g_strdup (link);
  if (self->runner && self->serve && is_lasting (self->serve)) {
    g_mutex_lock (&rooms_lock);
    if (!rooms)
      rooms = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_insert (rooms, g_strdup (self->serve), g_strdup (link));
    g_mutex_unlock (&rooms_lock);
  }
  g_mutex_unlock (&self->lock);
}

/* Returns the link of the room that was made before at the same address: people
 * have that link already. */
char *
mesh_obs_call_dup_room (const char *serve)
{
  char *link;

  g_mutex_lock (&rooms_lock);
  link = rooms ? g_strdup (g_hash_table_lookup (rooms, serve)) : NULL;
  g_mutex_unlock (&rooms_lock);
  return link;
}

void
mesh_obs_call_forget_rooms (void)
{
  g_mutex_lock (&rooms_lock);
  g_clear_pointer (&rooms, g_hash_table_unref);
  g_mutex_unlock (&rooms_lock);
}

static void
hear_message (MeshObsCall *self, const GstStructure *s)
{
  const char *name = gst_structure_get_name (s);

  if (!g_str_has_prefix (name, "meshroom-"))
    return;
  if (g_str_equal (name, "meshroom-link-ready"))
    take_link (self, gst_structure_get_string (s, "link"));
  tell (self, name + strlen ("meshroom-"), s);
}

/* Tells the link of a room that serve has joined again, since meshroom names
 * only links that it has made. */
static void
tell_link (MeshObsCall *self)
{
  g_autoptr (GstStructure) s = NULL;

  g_mutex_lock (&self->lock);
  if (self->link && self->serve)
    s = gst_structure_new ("meshroom-link-ready", "link", G_TYPE_STRING,
        self->link, NULL);
  g_mutex_unlock (&self->lock);
  if (s)
    tell (self, "link-ready", s);
}

/* --- what the runner tells --- */

static void
take_trouble (MeshObsCall *self, GError *error)
{
  g_free (self->trouble);
  self->trouble = g_strdup (error->message);
  self->trouble_at = g_get_monotonic_time ();
  g_error_free (error);
  mesh_obs_call_tell_viewers (self);
}

static void
on_message (GstMessage *message, gpointer user_data)
{
  MeshObsCall *self = user_data;
  GError *error = NULL;

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_WARNING:
      gst_message_parse_warning (message, &error, NULL);
      take_trouble (self, error);
      break;
    case GST_MESSAGE_INFO:
      gst_message_parse_info (message, &error, NULL);
      /* the message with the room's link is no trouble */
      if (!g_error_matches (error, GST_RESOURCE_ERROR,
              GST_RESOURCE_ERROR_SETTINGS))
        take_trouble (self, error);
      else
        g_error_free (error);
      break;
    case GST_MESSAGE_ELEMENT:
      hear_message (self, gst_message_get_structure (message));
      break;
    default:
      break;
  }
}

static void
on_state (MeshObsRunnerState state, const char *text, gpointer user_data)
{
  MeshObsCall *self = user_data;

  if (state == MESH_OBS_RUNNER_PLAYING && !self->ticker) {
    self->ticker = g_timeout_source_new (TICK_MS);
    g_source_set_callback (self->ticker, mesh_obs_call_tick, self, NULL);
    g_source_attach (self->ticker, g_main_context_get_thread_default ());
  }
  self->ready = state == MESH_OBS_RUNNER_PLAYING;
  if (self->ready)
    tell_link (self);
  if (state == MESH_OBS_RUNNER_FAILED)
    mesh_obs_call_set_status (self, text, TRUE);
  else if (state == MESH_OBS_RUNNER_STARTING)
    mesh_obs_call_set_status (self, "Joining…", FALSE);
  else
    mesh_obs_call_tell_viewers (self);
}

static void
on_destroy (gpointer user_data)
{
  MeshObsCall *self = user_data;

  if (self->ticker) {
    g_source_destroy (self->ticker);
    g_clear_pointer (&self->ticker, g_source_unref);
  }
  g_ptr_array_set_size (self->viewers, 0);
  mesh_obs_call_unref (self);
}

const MeshObsRunnerEvents mesh_obs_call_runner_events = {
  .build = build,
  .message = on_message,
  .down = on_down,
  .state = on_state,
  .destroy = on_destroy,
};
