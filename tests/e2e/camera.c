/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sender and the receivers of camera.test.js, each a process of its own.
 *
 *   camera send LINK keep|release
 *
 * is a camera whose frames contain the time of their capture, behind an
 * imageswitch, in a room; while hidden it stays open, or is released.
 * {"releases":BOOL} tells whether this imageswitch can release it. A line
 * `hide` or `show` on standard input toggles the camera, and is answered with
 * {"hidden":MS} after the setter has returned, or {"shown":MS} with the time
 * before it was called. {"camera":true} and {"camera":false} tell that the
 * device was opened and closed.
 *
 *   camera watch LINK CODEC
 *
 * joins and writes a line for each decoded frame of that member:
 * {"n":MS,"hidden":BOOL}. n is -1 for a frame that is not the camera's, and -2
 * for one of the camera that cannot be read; hidden is the state in the room.
 */

#include <gst/base/gstpushsrc.h>
#include <gst/gst.h>
#include <stdio.h>
#include <string.h>

#include "camera-frame.h"

#define NAME "counting camera"
#define CAPS "video/x-raw,format=I420,width=320,height=240,framerate=25/1"
#define INTERVAL (G_TIME_SPAN_SECOND / 25)
#define LATENCY (INTERVAL / 2)

static gint64 started;

static guint32
now_ms (void)
{
  return (g_get_monotonic_time () - started) / G_TIME_SPAN_MILLISECOND;
}

/* ------------------------------------------------------------- the camera */

G_DECLARE_FINAL_TYPE (Camera, camera, TEST, CAMERA, GstPushSrc)

struct _Camera {
  GstPushSrc parent;

  GMutex lock;                  /* guards: */
  GCond cond;
  gboolean flushing;
  gint64 next;                  /* when the next frame is due */
};

G_DEFINE_TYPE (Camera, camera, GST_TYPE_PUSH_SRC)

static GstStaticPadTemplate camera_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (CAPS));

static GstClockTime
running_time (GstElement *element)
{
  g_autoptr (GstClock) clock = gst_element_get_clock (element);

  return gst_clock_get_time (clock) - gst_element_get_base_time (element);
}

/* Waits until a frame is due, captures it, and passes it on after the time in
 * which a sensor is read. */
static GstFlowReturn
camera_create (GstPushSrc *src, GstBuffer **out)
{
  Camera *self = TEST_CAMERA (src);
  g_autoptr (GstCaps) caps = gst_caps_from_string (CAPS);
  gint64 now = g_get_monotonic_time ();
  gboolean flushing;
  GstVideoFrame frame;
  GstVideoInfo info;

  g_mutex_lock (&self->lock);
  self->next = MAX (self->next + INTERVAL, now);
  while (!self->flushing
      && g_cond_wait_until (&self->cond, &self->lock, self->next));
  flushing = self->flushing;
  g_mutex_unlock (&self->lock);
  if (flushing)
    return GST_FLOW_FLUSHING;

  gst_video_info_from_caps (&info, caps);
  *out = gst_buffer_new_allocate (NULL, info.size, NULL);
  GST_BUFFER_PTS (*out) = running_time (GST_ELEMENT (src));
  GST_BUFFER_DURATION (*out) = INTERVAL * GST_USECOND;
  gst_video_frame_map (&frame, &info, *out, GST_MAP_WRITE);
  camera_draw (&frame, now_ms ());
  gst_video_frame_unmap (&frame);
  g_usleep (LATENCY);
  return GST_FLOW_OK;
}

static void
set_flushing (GstBaseSrc *src, gboolean flushing)
{
  Camera *self = TEST_CAMERA (src);

  g_mutex_lock (&self->lock);
  self->flushing = flushing;
  g_cond_signal (&self->cond);
  g_mutex_unlock (&self->lock);
}

static gboolean
camera_unlock (GstBaseSrc *src)
{
  set_flushing (src, TRUE);
  return TRUE;
}

static gboolean
camera_unlock_stop (GstBaseSrc *src)
{
  set_flushing (src, FALSE);
  return TRUE;
}

static gboolean
camera_start (GstBaseSrc *src)
{
  printf ("{\"camera\":true}\n");
  return TRUE;
}

static gboolean
camera_stop (GstBaseSrc *src)
{
  printf ("{\"camera\":false}\n");
  return TRUE;
}

static void
camera_finalize (GObject *object)
{
  Camera *self = TEST_CAMERA (object);

  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  G_OBJECT_CLASS (camera_parent_class)->finalize (object);
}

static void
camera_class_init (CameraClass *klass)
{
  GstElementClass *element = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *base = GST_BASE_SRC_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = camera_finalize;
  GST_PUSH_SRC_CLASS (klass)->create = camera_create;
  base->unlock = camera_unlock;
  base->unlock_stop = camera_unlock_stop;
  base->start = camera_start;
  base->stop = camera_stop;
  gst_element_class_add_static_pad_template (element, &camera_template);
  gst_element_class_set_static_metadata (element, "Counting camera",
      "Source/Video", "Frames that say when they were taken", "meshroom");
}

static void
camera_init (Camera *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  gst_base_src_set_live (GST_BASE_SRC (self), TRUE);
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
}

static void
obey (GstElement *imageswitch, const char *command)
{
  guint32 before = now_ms ();

  if (g_str_has_prefix (command, "hide")) {
    g_object_set (imageswitch, "hidden", TRUE, NULL);
    printf ("{\"hidden\":%u}\n", now_ms ());
  } else if (g_str_has_prefix (command, "show")) {
    g_object_set (imageswitch, "hidden", FALSE, NULL);
    printf ("{\"shown\":%u}\n", before);
  }
}

static void
set_release (GstElement *imageswitch, gboolean release)
{
  gboolean can = g_object_class_find_property (G_OBJECT_GET_CLASS (imageswitch),
      "release-camera") != NULL;

  if (can)
    g_object_set (imageswitch, "release-camera", release, NULL);
  printf ("{\"releases\":%s}\n", can && release ? "true" : "false");
}

/* ------------------------------------------------------------- the receiver */

/* A received stream, used by the pad's streaming thread only. */
typedef struct {
  GstVideoInfo info;
  gboolean camera;              /* the stream is the camera's */
  gboolean hidden;
} Stream;

static void
take_event (Stream *stream, GstEvent *event)
{
  const GstStructure *s = gst_event_get_structure (event);
  GstCaps *caps;

  if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS) {
    gst_event_parse_caps (event, &caps);
    gst_video_info_from_caps (&stream->info, caps);
  } else if (gst_event_has_name (event, "meshroom/peer")) {
    stream->camera = g_strcmp0 (gst_structure_get_string (s, "name"), NAME)
        == 0;
    gst_structure_get_boolean (s, "hidden", &stream->hidden);
  }
}

static GstPadProbeReturn
on_data (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Stream *stream = user_data;
  GstVideoFrame frame;

  if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
    take_event (stream, GST_PAD_PROBE_INFO_EVENT (info));
  } else if (stream->camera && gst_video_frame_map (&frame, &stream->info,
          GST_PAD_PROBE_INFO_BUFFER (info), GST_MAP_READ)) {
    printf ("{\"n\":%d,\"hidden\":%s}\n", camera_read (&frame),
        stream->hidden ? "true" : "false");
    gst_video_frame_unmap (&frame);
  }
  return GST_PAD_PROBE_OK;
}

static void
on_pad_added (GstElement *room, GstPad *pad, gpointer bin)
{
  GstElement *sink;
  g_autoptr (GstPad) end = NULL;

  if (!GST_PAD_IS_SRC (pad))
    return;
  sink = gst_element_factory_make ("fakesink", NULL);
  g_object_set (sink, "async", FALSE, "sync", FALSE, NULL);
  gst_bin_add (bin, sink);
  end = gst_element_get_static_pad (sink, "sink");
  if (g_str_has_prefix (GST_PAD_NAME (pad), "video"))
    gst_pad_add_probe (end, GST_PAD_PROBE_TYPE_DATA_DOWNSTREAM, on_data,
        g_new0 (Stream, 1), g_free);
  gst_element_sync_state_with_parent (sink);
  gst_pad_link (pad, end);
}

/* ------------------------------------------------------------------------- */

static GstBusSyncReply
on_message (GstBus *bus, GstMessage *message, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    gst_message_parse_error (message, &error, NULL);
  else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING)
    gst_message_parse_warning (message, &error, NULL);
  if (error)
    fprintf (stderr, "%s: %s\n", GST_MESSAGE_TYPE_NAME (message),
        error->message);
  return GST_BUS_DROP;
}

static GstElement *
describe (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *description = NULL;
  GstElement *pipeline = gst_pipeline_new (NULL), *content;

  if (g_str_equal (argv[1], "send")) {
    description = g_strdup_printf ("countingcamera "
        "! imageswitch name=switch ! room.video_sink "
        "meshroom name=room link=%s display-name=\"" NAME "\"", argv[2]);
  } else {
    description = g_strdup_printf ("meshroom name=room link=%s "
        "video-codecs=%s", argv[2], argc > 3 ? argv[3] : "VP8");
  }
  content = gst_parse_bin_from_description (description, FALSE, &error);
  if (error)
    g_error ("%s", error->message);
  gst_bin_add (GST_BIN (pipeline), content);
  return pipeline;
}

int
main (int argc, char **argv)
{
  g_autoptr (GstElement) pipeline = NULL, room = NULL, imageswitch = NULL;
  g_autoptr (GstBus) bus = NULL;
  char line[64];

  gst_init (&argc, &argv);
  started = g_get_monotonic_time ();
  setvbuf (stdout, NULL, _IOLBF, 0);
  if (argc < 3) {
    fprintf (stderr, "%s send|watch LINK\n", argv[0]);
    return 2;
  }
  gst_element_register (NULL, "countingcamera", GST_RANK_NONE,
      camera_get_type ());
  pipeline = describe (argc, argv);
  bus = gst_element_get_bus (pipeline);
  gst_bus_set_sync_handler (bus, on_message, NULL, NULL);
  room = gst_bin_get_by_name (GST_BIN (pipeline), "room");
  imageswitch = gst_bin_get_by_name (GST_BIN (pipeline), "switch");
  if (imageswitch)
    set_release (imageswitch, argc > 3 && g_str_equal (argv[3], "release"));
  else
    g_signal_connect (room, "pad-added", G_CALLBACK (on_pad_added),
        GST_OBJECT_PARENT (room));
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (fgets (line, sizeof line, stdin)) {
    if (imageswitch)
      obey (imageswitch, line);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return 0;
}
