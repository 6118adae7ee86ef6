/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A pipeline around a meshview, with appsinks at its outputs, and a room whose
 * people come and go as the test says. */

#include <math.h>

#include <gst/app/app.h>
#include <gst/check/gstcheck.h>
#include <gst/video/video.h>

#include "core/layout.h"

/* Frames of output to wait for something at most: twenty seconds' worth. The
 * test's own watchdog is not much longer. */
#define PATIENCE 600

/* Samples of sound that are looked at together: a second of them. */
#define WINDOW 48000

#define SINKS " v.video ! appsink name=video max-buffers=4 drop=true " \
    "v.audio ! audio/x-raw,format=F32LE,rate=48000,channels=2 " \
    "! appsink name=audio max-buffers=200 drop=true "
#define SMALL "width=320,height=180,framerate=30/1"

typedef struct {
  GstElement *pipeline;
  GstElement *view;
  GstElement *room;             /* NULL where the pipeline has none */
  GstElement *video;            /* appsinks, NULL where there are none */
  GstElement *audio;
  guint latency_messages;       /* the view's, by call_check_no_error() */
} Call;

typedef gboolean (*FrameFunc) (GstVideoFrame *frame, gpointer user_data);

/* --- a room: a bin whose pads come and go --- */

typedef struct {
  GstBin parent;
  guint keys;                   /* key presses that came upstream, atomic */
  guint others;                 /* other navigation events, atomic */
  char *key;
} Room;
typedef GstBinClass RoomClass;

static GstStaticPadTemplate room_video = GST_STATIC_PAD_TEMPLATE ("video_%u",
    GST_PAD_SRC, GST_PAD_SOMETIMES, GST_STATIC_CAPS ("video/x-raw"));
static GstStaticPadTemplate room_audio = GST_STATIC_PAD_TEMPLATE ("audio_%u",
    GST_PAD_SRC, GST_PAD_SOMETIMES, GST_STATIC_CAPS ("audio/x-raw"));

static GType room_get_type (void);
G_DEFINE_FINAL_TYPE (Room, room, GST_TYPE_BIN)

static void
room_finalize (GObject *object)
{
  g_free (((Room *) object)->key);
  G_OBJECT_CLASS (room_parent_class)->finalize (object);
}

static void
room_class_init (RoomClass *klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = room_finalize;
  gst_element_class_add_static_pad_template (element_class, &room_video);
  gst_element_class_add_static_pad_template (element_class, &room_audio);
  gst_element_class_set_static_metadata (element_class, "room", "Source",
      "People for tests", "meshroom");
}

static void
room_init (Room *self)
{
}

static GstPadProbeReturn
room_on_event (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Room *self = user_data;
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  const char *key;

  if (gst_event_has_name (event, "meshroom/drawn"))
    g_async_queue_push (g_object_get_data (G_OBJECT (pad), "drawn"),
        gst_event_ref (event));
  if (GST_EVENT_TYPE (event) != GST_EVENT_NAVIGATION)
    return GST_PAD_PROBE_OK;
  if (gst_navigation_event_get_type (event) == GST_NAVIGATION_EVENT_KEY_PRESS) {
    gst_navigation_event_parse_key_event (event, &key);
    g_free (self->key);
    self->key = g_strdup (key);
    g_atomic_int_inc (&self->keys);
  } else {
    g_atomic_int_inc (&self->others);
  }
  return GST_PAD_PROBE_DROP;
}

/* Pushes a pad's waiting events on the pad's own thread, as a stream does. */
static GstPadProbeReturn
room_on_buffer (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstEvent *event;

  while ((event = g_async_queue_try_pop (user_data)))
    gst_pad_push_event (pad, event);
  return GST_PAD_PROBE_OK;
}

/* A room goes on when nobody listens. */
static GstFlowReturn
room_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstFlowReturn ret = gst_proxy_pad_chain_default (pad, parent, buffer);

  return ret == GST_FLOW_NOT_LINKED ? GST_FLOW_OK : ret;
}

/* Adds a pad named @pad that carries what @description makes. */
static G_GNUC_UNUSED GstPad *
room_add (GstElement *room, const char *pad, const char *description)
{
  GError *error = NULL;
  GstElement *source = gst_parse_bin_from_description (description, TRUE,
      &error);
  GstPad *target, *ghost;
  GstProxyPad *inner;
  GAsyncQueue *events;

  g_assert_no_error (error);
  gst_bin_add (GST_BIN (room), source);
  target = gst_element_get_static_pad (source, "src");
  ghost = gst_ghost_pad_new (pad, target);
  g_object_set_data (G_OBJECT (ghost), "source", source);
  inner = gst_proxy_pad_get_internal (GST_PROXY_PAD (target));
  gst_pad_set_chain_function (GST_PAD (inner), room_chain);
  gst_object_unref (inner);
  gst_object_unref (target);
  g_object_set_data_full (G_OBJECT (ghost), "drawn", g_async_queue_new_full (
          (GDestroyNotify) gst_event_unref), (GDestroyNotify)
      g_async_queue_unref);
  gst_pad_add_probe (ghost, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, room_on_event,
      room, NULL);
  events = g_async_queue_new_full ((GDestroyNotify) gst_event_unref);
  gst_pad_add_probe (ghost, GST_PAD_PROBE_TYPE_BUFFER, room_on_buffer, events,
      (GDestroyNotify) g_async_queue_unref);
  g_object_set_data (G_OBJECT (ghost), "events", events);
  gst_pad_set_active (ghost, TRUE);
  gst_element_sync_state_with_parent (source);
  gst_element_add_pad (room, ghost);
  return ghost;
}

/* As a person leaves: the pad goes while the stream still runs. The source's
 * state is locked, or the pipeline's own start, which goes on in another thread,
 * could raise it again. */
static G_GNUC_UNUSED void
room_remove (GstElement *room, GstPad *pad)
{
  GstElement *source = g_object_get_data (G_OBJECT (pad), "source");

  gst_element_remove_pad (room, pad);
  gst_element_set_locked_state (source, TRUE);
  gst_element_set_state (source, GST_STATE_NULL);
  gst_bin_remove (GST_BIN (room), source);
}

static G_GNUC_UNUSED void
room_send (GstPad *pad, GstEvent *event)
{
  g_async_queue_push (g_object_get_data (G_OBJECT (pad), "events"), event);
}

/* Says on a pad who it is, as the meshroom does. */
static G_GNUC_UNUSED void
room_introduce (GstPad *pad, const char *id, const char *name, gboolean muted)
{
  room_send (pad,
      gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
          gst_structure_new ("meshroom/peer", "peer-id", G_TYPE_STRING, id,
              "name", G_TYPE_STRING, name, "muted", G_TYPE_BOOLEAN, muted,
              "hidden", G_TYPE_BOOLEAN, FALSE, NULL)));
}

/* --- the call --- */

static G_GNUC_UNUSED void
call_start (Call *call, const char *description)
{
  GError *error = NULL;
  GstElementFactory *known = gst_element_factory_find ("testroom");

  if (known)
    gst_object_unref (known);
  else
    gst_element_register (NULL, "testroom", GST_RANK_NONE, room_get_type ());
  call->latency_messages = 0;
  call->pipeline = gst_parse_launch (description, &error);
  g_assert_no_error (error);
  call->view = gst_bin_get_by_name (GST_BIN (call->pipeline), "v");
  call->room = gst_bin_get_by_name (GST_BIN (call->pipeline), "room");
  call->video = gst_bin_get_by_name (GST_BIN (call->pipeline), "video");
  call->audio = gst_bin_get_by_name (GST_BIN (call->pipeline), "audio");
  fail_if (gst_element_set_state (call->pipeline, GST_STATE_PLAYING)
      == GST_STATE_CHANGE_FAILURE);
}

static G_GNUC_UNUSED void
call_check_no_error (Call *call)
{
  GstBus *bus = gst_element_get_bus (call->pipeline);
  GstMessage *message;

  while ((message = gst_bus_pop (bus))) {
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR
        || GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS)
      fail ("the pipeline failed: %s: %s", GST_MESSAGE_TYPE_NAME (message),
          gst_structure_to_string (gst_message_get_structure (message)));
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_LATENCY
        && GST_MESSAGE_SRC (message) == GST_OBJECT (call->view))
      call->latency_messages++;
    gst_message_unref (message);
  }
  gst_object_unref (bus);
}

typedef struct {
  GMutex lock;
  GCond cond;
  gboolean over;
} Ending;

static void
on_end (gpointer user_data, GObject *object)
{
  Ending *ending = user_data;

  g_mutex_lock (&ending->lock);
  ending->over = TRUE;
  g_cond_signal (&ending->cond);
  g_mutex_unlock (&ending->lock);
}

static G_GNUC_UNUSED void
call_stop (Call *call)
{
  static Ending ending;         /* outlives a test that fails */
  gint64 patience = g_get_monotonic_time () + 10 * G_TIME_SPAN_SECOND;

  call_check_no_error (call);
  gst_element_set_state (call->pipeline, GST_STATE_NULL);
  gst_clear_object (&call->room);
  gst_clear_object (&call->video);
  gst_clear_object (&call->audio);
  gst_clear_object (&call->pipeline);
  ending.over = FALSE;
  g_object_weak_ref (G_OBJECT (call->view), on_end, &ending);
  gst_object_unref (call->view);
  g_mutex_lock (&ending.lock);
  while (!ending.over
      && g_cond_wait_until (&ending.cond, &ending.lock, patience));
  g_mutex_unlock (&ending.lock);
  fail_unless (ending.over, "the view lives on");
}

static G_GNUC_UNUSED GstSample *
call_pull (GstElement *sink)
{
  GstSample *sample = gst_app_sink_try_pull_sample (GST_APP_SINK (sink),
      10 * GST_SECOND);

  fail_unless (sample != NULL, "the output has stopped");
  return sample;
}

/* Looks at frames until one is as it should be. */
static G_GNUC_UNUSED void
call_await (Call *call, FrameFunc is_right, gpointer user_data)
{
  gboolean right = FALSE;

  for (guint i = 0; i < PATIENCE && !right; i++) {
    GstSample *sample = call_pull (call->video);
    GstVideoInfo info;
    GstVideoFrame frame;

    fail_unless (gst_video_info_from_caps (&info,
            gst_sample_get_caps (sample)));
    fail_unless (gst_video_frame_map (&frame, &info,
            gst_sample_get_buffer (sample), GST_MAP_READ));
    right = is_right (&frame, user_data);
    gst_video_frame_unmap (&frame);
    gst_sample_unref (sample);
  }
  call_check_no_error (call);
  fail_unless (right, "the picture never became what it should be");
}

/* People who left are not shown any more, but the last one's pad is released
 * only when the next pad is requested. */
static G_GNUC_UNUSED void
call_check_left (Call *call)
{
  GstPad *next = gst_element_request_pad_simple (call->view, "video_%u");

  assert_equals_int (call->view->numsinkpads, 1);
  gst_element_release_request_pad (call->view, next);
  gst_object_unref (next);
  assert_equals_int (call->view->numsinkpads, 0);
}

/* --- colours: 0xrrggbb, as videotestsrc's foreground-color --- */

static G_GNUC_UNUSED gboolean
pixel_is (GstVideoFrame *frame, int x, int y, guint rgb)
{
  double r = (rgb >> 16) & 0xff, g = (rgb >> 8) & 0xff, b = rgb & 0xff;
  double luma = 0.299 * r + 0.587 * g + 0.114 * b;
  double expected[3] = { 16 + luma * 219 / 255,
    128 + (b - luma) / 1.772 * 224 / 255,
    128 + (r - luma) / 1.402 * 224 / 255 };

  for (guint plane = 0; plane < 3; plane++) {
    int shift = plane ? 1 : 0;
    guint8 *data = GST_VIDEO_FRAME_PLANE_DATA (frame, plane);
    int value = data[(y >> shift) * GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane)
        + (x >> shift)];

    if (fabs (value - expected[plane]) > 5)
      return FALSE;
  }
  return TRUE;
}

static G_GNUC_UNUSED gboolean
rect_is (GstVideoFrame *frame, const MeshRect *rect, guint rgb)
{
  int right = rect->x + rect->width - 3, bottom = rect->y + rect->height - 3;

  return pixel_is (frame, rect->x + rect->width / 2,
      rect->y + rect->height / 2, rgb)
      && pixel_is (frame, rect->x + 2, rect->y + 2, rgb)
      && pixel_is (frame, right, rect->y + 2, rgb)
      && pixel_is (frame, rect->x + 2, bottom, rgb)
      && pixel_is (frame, right, bottom, rgb);
}

static G_GNUC_UNUSED gboolean
is_filled (GstVideoFrame *frame, gpointer user_data)
{
  MeshRect all = { 0, 0, GST_VIDEO_FRAME_WIDTH (frame),
    GST_VIDEO_FRAME_HEIGHT (frame) };

  return rect_is (frame, &all, GPOINTER_TO_UINT (user_data));
}

static const guint colours[] = { 0xff0000, 0x00ff00, 0x0000ff, 0xffff00,
  0xff00ff, 0x00ffff, 0xffffff, 0xff8000, 0x808080, 0x4000c0 };

static G_GNUC_UNUSED char *
colour_source (guint rgb, const char *caps)
{
  return g_strdup_printf ("videotestsrc is-live=true pattern=solid-color "
      "foreground-color=%u ! capsfilter caps=\"video/x-raw,format=I420,%s\"",
      0xff000000 | rgb, caps);
}

/* --- people, by a room whose pads are linked as they come --- */

static G_GNUC_UNUSED GstPad *
join (Call *call, guint number, guint rgb)
{
  char *name = g_strdup_printf ("video_%u", number);
  char *source = colour_source (rgb, SMALL);
  GstPad *pad = room_add (call->room, name, source);

  fail_unless (gst_pad_is_linked (pad), "nobody linked %s", name);
  g_free (source);
  g_free (name);
  return pad;
}

static G_GNUC_UNUSED GstPad *
say (Call *call, guint number, const char *what)
{
  char *name = g_strdup_printf ("audio_%u", number);
  char *source = g_strdup_printf ("audiotestsrc is-live=true "
      "samplesperbuffer=480 %s", what);
  GstPad *pad = room_add (call->room, name, source);

  fail_unless (gst_pad_is_linked (pad), "nobody linked %s", name);
  g_free (source);
  g_free (name);
  return pad;
}

/* --- tones --- */

/* Goertzel: the amplitude of one frequency in interleaved stereo floats. */
static G_GNUC_UNUSED double
tone_in (const float *samples, guint frames, double frequency, double rate)
{
  double coefficient = 2 * cos (2 * G_PI * frequency / rate);
  double s1 = 0, s2 = 0;

  for (guint i = 0; i < frames; i++) {
    double s = samples[2 * i] + coefficient * s1 - s2;

    s2 = s1;
    s1 = s;
  }
  return 2 * sqrt (s1 * s1 + s2 * s2 - coefficient * s1 * s2) / frames;
}

/* An amplitude, as it is when nothing else is asked for. */
static G_GNUC_UNUSED gboolean
is_near (double value, double expected)
{
  return expected == 0 ? value < 0.001 : fabs (value / expected - 1) < 0.2;
}

static G_GNUC_UNUSED void
await_two_tones (Call *call, double a, double amplitude_a, double b,
    double amplitude_b)
{
  g_autofree float *window = g_new0 (float, WINDOW * 2);
  guint frames = 0;

  for (guint i = 0; i < 3 * PATIENCE; i++) {
    GstSample *sample = call_pull (call->audio);
    GstBuffer *buffer = gst_sample_get_buffer (sample);
    gsize size = gst_buffer_get_size (buffer);

    gst_buffer_extract (buffer, 0, window + 2 * frames, size);
    gst_sample_unref (sample);
    frames += size / sizeof (float) / 2;
    if (frames + 480 < WINDOW / 4)
      continue;
    if (is_near (tone_in (window, frames, a, 48000), amplitude_a)
        && is_near (tone_in (window, frames, b, 48000), amplitude_b))
      return;
    frames = 0;
  }
  fail ("the tones are not in the mix");
}
