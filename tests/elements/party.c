/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "party.h"

#include <math.h>
#include <string.h>

#define RATE 48000
#define WINDOW (RATE / 10)

GMutex party_lock;
GCond party_changed;

gint64
party_patience (void)
{
  /* under a sanitizer or valgrind all is slower, and nothing is wrong */
  return (g_getenv ("MESH_SLOW") ? 120 : 30) * G_TIME_SPAN_SECOND;
}

/* --- the wire --- */

Wire *
wire_new (WireFilter filter, gpointer data)
{
  Wire *wire = g_new0 (Wire, 1);

  wire->parties = g_ptr_array_new ();
  wire->filter = filter;
  wire->data = data;
  return wire;
}

void
wire_free (Wire *wire)
{
  g_ptr_array_unref (wire->parties);
  g_free (wire);
}

static void
feed (Party *party, const char *message, gsize length)
{
  gst_app_src_push_buffer (GST_APP_SRC (party->in), length == 0
      ? gst_buffer_new () : gst_buffer_new_memdup (message, length));
}

/* Gives @party a message as if it came over the wire. */
void
party_feed (Party *party, const char *message, gssize length)
{
  feed (party, message, length < 0 ? strlen (message) : (gsize) length);
}

static GstFlowReturn
on_sample (GstAppSink *sink, gpointer user_data)
{
  Party *from = user_data;
  Wire *wire = from->wire;
  g_autoptr (GstSample) sample = gst_app_sink_pull_sample (sink);
  GstBuffer *buffer = sample ? gst_sample_get_buffer (sample) : NULL;
  g_autofree char *json = NULL;
  g_autofree char *passed = NULL;
  gsize size;

  if (!buffer)
    return GST_FLOW_EOS;
  size = gst_buffer_get_size (buffer);
  json = g_malloc0 (size + 1);
  gst_buffer_extract (buffer, 0, json, size);

  g_mutex_lock (&party_lock);
  passed = wire->filter ? wire->filter (from, json, wire->data)
      : g_strdup (json);
  for (guint i = 0; passed && i < wire->parties->len; i++) {
    Party *to = g_ptr_array_index (wire->parties, i);

    if (to != from && to->open)
      feed (to, passed, strlen (passed));
  }
  g_cond_broadcast (&party_changed);
  g_mutex_unlock (&party_lock);
  return GST_FLOW_OK;
}

/* --- what comes out of a room --- */

static void
stream_free (gpointer data)
{
  Stream *stream = data;

  g_free (stream->name);
  gst_clear_object (&stream->pad);
  gst_clear_object (&stream->sink);
  gst_clear_caps (&stream->caps);
  g_free (stream->stream_id);
  g_free (stream->title);
  gst_clear_structure (&stream->peer);
  g_array_unref (stream->window);
  g_free (stream);
}

static guint8
clip (double value)
{
  return CLAMP (value, 0, 255);
}

/* The middle of an I420 picture, by BT.601. */
static void
look (Stream *stream, GstBuffer *buffer)
{
  GstVideoInfo info;
  GstVideoFrame frame;
  double y, u, v;

  if (!stream->caps || !gst_video_info_from_caps (&info, stream->caps)
      || GST_VIDEO_INFO_FORMAT (&info) != GST_VIDEO_FORMAT_I420
      || !gst_video_frame_map (&frame, &info, buffer, GST_MAP_READ))
    return;
#define AT(plane, n) (((guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&frame, plane)) \
    [info.height / (n) * GST_VIDEO_FRAME_PLANE_STRIDE (&frame, plane) \
    + info.width / (n)])
  y = 1.164 * (AT (0, 2) - 16);
  u = AT (1, 4) - 128.0;
  v = AT (2, 4) - 128.0;
#undef AT
  gst_video_frame_unmap (&frame);
  stream->rgb[0] = clip (y + 1.596 * v);
  stream->rgb[1] = clip (y - 0.392 * u - 0.813 * v);
  stream->rgb[2] = clip (y + 2.017 * u);
}

/* Goertzel's algorithm: how much of a frequency there is. */
static double
power_at (const gint16 *samples, guint n, guint hz)
{
  double k = 2 * cos (2 * G_PI * hz / RATE), s1 = 0, s2 = 0;

  for (guint i = 0; i < n; i++) {
    double s = samples[i] + k * s1 - s2;

    s2 = s1;
    s1 = s;
  }
  return (s1 * s1 + s2 * s2 - k * s1 * s2) / n;
}

static void
listen (Stream *stream, GstBuffer *buffer)
{
  const GstStructure *s = gst_caps_get_structure (stream->caps, 0);
  int channels = 1;
  GstMapInfo map;
  double best = 1e6;            /* what is quieter is silence */

  gst_structure_get_int (s, "channels", &channels);
  if (!gst_structure_has_name (s, "audio/x-raw")
      || !gst_buffer_map (buffer, &map, GST_MAP_READ))
    return;
  for (gsize i = 0; i < map.size / 2; i += channels)
    g_array_append_val (stream->window, ((gint16 *) map.data)[i]);
  gst_buffer_unmap (buffer, &map);
  if (stream->window->len < WINDOW)
    return;
  stream->hz = 0;
  for (guint hz = 300; hz <= 1500; hz += 100) {
    double power = power_at ((gint16 *) (void *) stream->window->data,
        stream->window->len, hz);

    if (power > best) {
      best = power;
      stream->hz = hz;
    }
  }
  g_array_set_size (stream->window, 0);
}

static void
take_event (Stream *stream, GstEvent *event)
{
  GstCaps *caps;
  GstTagList *tags;
  const char *text;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      gst_caps_replace (&stream->caps, caps);
      break;
    case GST_EVENT_STREAM_START:
      gst_event_parse_stream_start (event, &text);
      g_free (stream->stream_id);
      stream->stream_id = g_strdup (text);
      break;
    case GST_EVENT_TAG:
      gst_event_parse_tag (event, &tags);
      g_clear_pointer (&stream->title, g_free);
      gst_tag_list_get_string (tags, GST_TAG_TITLE, &stream->title);
      break;
    case GST_EVENT_EOS:
      stream->eos++;
      break;
    default:
      if (gst_event_has_name (event, "meshroom/peer")) {
        gst_clear_structure (&stream->peer);
        stream->peer = gst_structure_copy (gst_event_get_structure (event));
      }
      break;
  }
}

static GstPadProbeReturn
on_data (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Stream *stream = user_data;

  g_mutex_lock (&party_lock);
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);

    stream->frames++;
    if (stream->is_video)
      look (stream, buffer);
    else
      listen (stream, buffer);
  } else {
    take_event (stream, GST_PAD_PROBE_INFO_EVENT (info));
  }
  g_cond_broadcast (&party_changed);
  g_mutex_unlock (&party_lock);
  return GST_PAD_PROBE_OK;
}

static void
on_pad_added (GstElement *room, GstPad *pad, gpointer user_data)
{
  Party *party = user_data;
  g_autoptr (GstPad) sinkpad = NULL;
  Stream *stream;

  if (!GST_PAD_IS_SRC (pad) || g_str_has_prefix (GST_PAD_NAME (pad), "signal"))
    return;
  stream = g_new0 (Stream, 1);
  stream->party = party;
  stream->name = gst_pad_get_name (pad);
  stream->is_video = g_str_has_prefix (stream->name, "video");
  stream->pad = gst_object_ref (pad);
  stream->window = g_array_new (FALSE, FALSE, sizeof (gint16));
  stream->sink = gst_element_factory_make ("fakesink", NULL);
  gst_object_ref_sink (stream->sink);
  g_object_set (stream->sink, "sync", FALSE, "async", FALSE,
      "enable-last-sample", FALSE, NULL);
  g_mutex_lock (&party_lock);
  g_ptr_array_add (party->streams, stream);
  g_mutex_unlock (&party_lock);

  sinkpad = gst_element_get_static_pad (stream->sink, "sink");
  gst_pad_add_probe (sinkpad, GST_PAD_PROBE_TYPE_BUFFER
      | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_data, stream, NULL);
  gst_bin_add (GST_BIN (party->pipeline), stream->sink);
  gst_element_sync_state_with_parent (stream->sink);
  g_assert_cmpint (gst_pad_link (pad, sinkpad), ==, GST_PAD_LINK_OK);
}

static void
on_pad_removed (GstElement *room, GstPad *pad, gpointer user_data)
{
  Party *party = user_data;
  GstElement *sink = NULL;

  g_mutex_lock (&party_lock);
  for (guint i = 0; i < party->streams->len; i++) {
    Stream *stream = g_ptr_array_index (party->streams, i);

    if (stream->pad == pad) {
      stream->gone = TRUE;
      gst_clear_object (&stream->pad);
      sink = g_steal_pointer (&stream->sink);
    }
  }
  g_cond_broadcast (&party_changed);
  g_mutex_unlock (&party_lock);
  if (!sink)
    return;
  gst_element_set_locked_state (sink, TRUE);
  gst_element_set_state (sink, GST_STATE_NULL);
  gst_bin_remove (GST_BIN (party->pipeline), sink);
  gst_object_unref (sink);
}

/* --- what a room says --- */

static void
note (GPtrArray *list, char *text)
{
  g_mutex_lock (&party_lock);
  g_ptr_array_add (list, text);
  g_cond_broadcast (&party_changed);
  g_mutex_unlock (&party_lock);
}

static void
on_peer_added (GstElement *room, const char *id, Party *party)
{
  note (party->added, g_strdup (id));
}

static void
on_peer_removed (GstElement *room, const char *id, const char *reason,
    Party *party)
{
  note (party->removed, g_strdup_printf ("%s %s", id, reason));
}

static void
on_message_received (GstElement *room, const char *id, const char *text,
    Party *party)
{
  note (party->chat, g_strdup_printf ("%s %s", id, text));
}

static GstBusSyncReply
on_message (GstBus *bus, GstMessage *message, gpointer user_data)
{
  Party *party = user_data;
  g_autoptr (GError) error = NULL;

  g_mutex_lock (&party_lock);
  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ERROR:
      gst_message_parse_error (message, &error, NULL);
      g_ptr_array_add (party->errors, g_strdup (error->message));
      g_array_append_val (party->codes, error->code);
      break;
    case GST_MESSAGE_WARNING:
      gst_message_parse_warning (message, &error, NULL);
      g_ptr_array_add (strstr (error->message, ": no connection so far: ")
          ? party->slow : party->warnings, g_strdup (error->message));
      break;
    case GST_MESSAGE_EOS:
      party->ends += GST_MESSAGE_SRC (message) == GST_OBJECT (party->pipeline);
      break;
    case GST_MESSAGE_LATENCY:
      party->latencies += GST_MESSAGE_SRC (message)
          == GST_OBJECT (party->room);
      break;
    case GST_MESSAGE_ELEMENT:
      if (GST_MESSAGE_SRC (message) == GST_OBJECT (party->room))
        g_ptr_array_add (party->messages,
            gst_structure_copy (gst_message_get_structure (message)));
      break;
    default:
      break;
  }
  g_cond_broadcast (&party_changed);
  g_mutex_unlock (&party_lock);
  gst_message_unref (message);
  return GST_BUS_DROP;
}

/* --- parties --- */

static void
connect_wire (Party *party)
{
  GstAppSinkCallbacks callbacks = { .new_sample = on_sample };

  party->in = gst_bin_get_by_name (GST_BIN (party->pipeline), "in");
  party->out = gst_bin_get_by_name (GST_BIN (party->pipeline), "out");
  gst_app_sink_set_callbacks (GST_APP_SINK (party->out), &callbacks, party,
      NULL);
}

/* @room: properties of the meshroom; @sources: what leads to room.….
 * Without a wire there are no signal pads. */
Party *
party_new (Wire *wire, const char *room, const char *sources)
{
  Party *party = g_new0 (Party, 1);
  g_autofree char *description = g_strdup_printf ("meshroom name=room %s %s %s",
      room, wire ? "appsrc name=in format=time is-live=true "
      "caps=application/x-mesh-signal ! room.signal_sink room.signal_src ! "
      "appsink name=out sync=false async=false" : "", sources);
  g_autoptr (GError) error = NULL;
  g_autoptr (GstBus) bus = NULL;

  party->streams = g_ptr_array_new_with_free_func (stream_free);
  party->added = g_ptr_array_new_with_free_func (g_free);
  party->removed = g_ptr_array_new_with_free_func (g_free);
  party->chat = g_ptr_array_new_with_free_func (g_free);
  party->warnings = g_ptr_array_new_with_free_func (g_free);
  party->slow = g_ptr_array_new_with_free_func (g_free);
  party->errors = g_ptr_array_new_with_free_func (g_free);
  party->codes = g_array_new (FALSE, FALSE, sizeof (gint));
  party->messages =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_structure_free);

  party->pipeline = gst_parse_launch (description, &error);
  g_assert_no_error (error);
  if (!GST_IS_PIPELINE (party->pipeline)) {
    GstElement *pipeline = gst_pipeline_new (NULL);

    gst_bin_add (GST_BIN (pipeline), party->pipeline);
    party->pipeline = pipeline;
  }
  party->room = gst_bin_get_by_name (GST_BIN (party->pipeline), "room");
  g_object_get (party->room, "peer-id", &party->id, NULL);
  bus = gst_element_get_bus (party->pipeline);
  gst_bus_set_sync_handler (bus, on_message, party, NULL);
  g_signal_connect (party->room, "pad-added", G_CALLBACK (on_pad_added),
      party);
  g_signal_connect (party->room, "pad-removed", G_CALLBACK (on_pad_removed),
      party);
  g_signal_connect (party->room, "peer-added", G_CALLBACK (on_peer_added),
      party);
  g_signal_connect (party->room, "peer-removed", G_CALLBACK (on_peer_removed),
      party);
  g_signal_connect (party->room, "message-received",
      G_CALLBACK (on_message_received), party);
  party->wire = wire;
  if (wire) {
    connect_wire (party);
    g_ptr_array_add (wire->parties, party);
  }
  return party;
}

void
party_start (Party *party)
{
  fail_if (gst_element_set_state (party->pipeline, GST_STATE_PLAYING)
      == GST_STATE_CHANGE_FAILURE);
  g_mutex_lock (&party_lock);
  party->open = party->in != NULL;
  g_mutex_unlock (&party_lock);
}

/* Leaves the room as an element does whose pipeline goes on, and so with a
 * goodbye: in a pipeline that stops, the sink behind signal_src is down
 * before. */
void
party_leave (Party *party)
{
  gst_element_set_locked_state (party->room, TRUE);
  ck_assert_int_eq (gst_element_set_state (party->room, GST_STATE_NULL),
      GST_STATE_CHANGE_SUCCESS);
}

void
party_stop (Party *party)
{
  g_mutex_lock (&party_lock);
  party->open = FALSE;
  g_mutex_unlock (&party_lock);
  ck_assert_int_eq (gst_element_set_state (party->pipeline, GST_STATE_NULL),
      GST_STATE_CHANGE_SUCCESS);
  gst_element_set_locked_state (party->room, FALSE);
}

static void
on_gone (gpointer alive, GObject *object)
{
  g_mutex_lock (&party_lock);
  --*(guint *) alive;
  g_cond_broadcast (&party_changed);
  g_mutex_unlock (&party_lock);
}

/* Stops it, and sees that nothing holds on to it: a handler may be about to
 * return. */
void
party_free (Party *party)
{
  guint alive = 2;

  party_stop (party);
  ck_assert_uint_eq (party->errors->len, 0);
  if (party->wire)
    g_ptr_array_remove (party->wire->parties, party);
  gst_clear_object (&party->in);
  gst_clear_object (&party->out);
  g_object_weak_ref (G_OBJECT (party->room), on_gone, &alive);
  g_object_weak_ref (G_OBJECT (party->pipeline), on_gone, &alive);
  gst_object_unref (party->room);
  gst_object_unref (party->pipeline);
  WAIT_FOR (alive == 0);
  g_ptr_array_unref (party->streams);
  g_ptr_array_unref (party->added);
  g_ptr_array_unref (party->removed);
  g_ptr_array_unref (party->chat);
  g_ptr_array_unref (party->messages);
  g_ptr_array_unref (party->warnings);
  g_ptr_array_unref (party->slow);
  g_ptr_array_unref (party->errors);
  g_array_unref (party->codes);
  g_free (party->id);
  g_free (party);
}
