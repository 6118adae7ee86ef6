/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The storm's camera. Each of its frames has its number and a mark in every
 * plane. It stalls, ends, flushes, starts anew with other caps or another
 * time, and sends frames that are late, have no time or the wrong size.
 */
#define _GNU_SOURCE             /* memmem */
#include "imageswitch-storm.h"

#include <string.h>

static const gchar mark[] = { 1, (gchar) 0xfe, 3, (gchar) 0xfb, 'c', 'a', 'm',
  'e', 'r', 'a' };

static const gchar *formats[] = { "GRAY8", "I420", "NV12", "YUY2", "RGBA" };
static const gint sizes[][2] = { { 24, 8 }, { 33, 17 }, { 64, 48 } };
static const gint rates[][2] = { { 30, 1 }, { 30, 1 }, { 30000, 1001 },
  { 120, 1 }, { 1, 1 }, { 0, 1 } };

typedef struct {
  GRand *rand;
  GstVideoInfo info;
  GstClockTime interval;
  GstClockTimeDiff offset;      /* of its time to the clock's */
  gboolean was_refused;
} Camera;

/* Whether a pixel in @buffer is a camera's, wherever it is. */
gboolean
storm_camera_is (GstBuffer *buffer, guint32 *number)
{
  GstMapInfo map;
  guint8 *found = NULL;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return FALSE;
  found = memmem (map.data, map.size, mark, sizeof mark);
  if (found && found + sizeof mark + sizeof *number <= map.data + map.size)
    memcpy (number, found + sizeof mark, sizeof *number);
  gst_buffer_unmap (buffer, &map);
  return found != NULL;
}

static GstBuffer *
new_frame (Camera *camera, guint32 number)
{
  const GstVideoInfo *info = &camera->info;
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, info->size, NULL);
  guint i;

  gst_buffer_memset (buffer, 0, 200, -1);
  for (i = 0; i < GST_VIDEO_INFO_N_PLANES (info); i++) {
    gsize offset = GST_VIDEO_INFO_PLANE_OFFSET (info, i);

    gst_buffer_fill (buffer, offset, mark, sizeof mark);
    gst_buffer_fill (buffer, offset + sizeof mark, &number, sizeof number);
  }
  return buffer;
}

static void
storm_note (Storm *storm, const gchar *what, gint64 value)
{
  g_mutex_lock (&storm->lock);
  storm_note_locked (storm, what, value);
  g_mutex_unlock (&storm->lock);
}

static GstClockTime
now_of (Storm *storm)
{
  GstClockTime now;

  g_mutex_lock (&storm->lock);
  now = storm->now - STORM_BASE;
  g_mutex_unlock (&storm->lock);
  return now;
}

/* Often with other caps. */
static void
send_stream (Storm *storm, Camera *camera, gboolean anew)
{
  GstCaps *caps;
  GstSegment segment;
  guint rate = g_rand_int_range (camera->rand, 0, G_N_ELEMENTS (rates));
  guint size = g_rand_int_range (camera->rand, 0, G_N_ELEMENTS (sizes));

  if (anew) {
    gst_video_info_set_format (&camera->info, gst_video_format_from_string
        (formats[g_rand_int_range (camera->rand, 0, G_N_ELEMENTS (formats))]),
        sizes[size][0], sizes[size][1]);
    camera->info.fps_n = rates[rate][0];
    camera->info.fps_d = rates[rate][1];
    camera->interval = rates[rate][0] == 0 ? GST_SECOND / 30
        : gst_util_uint64_scale (GST_SECOND, rates[rate][1], rates[rate][0]);
  }
  gst_segment_init (&segment, GST_FORMAT_TIME);
  caps = gst_video_info_to_caps (&camera->info);
  gst_pad_push_event (storm->camera, gst_event_new_stream_start ("camera"));
  gst_pad_push_event (storm->camera, gst_event_new_caps (caps));
  gst_pad_push_event (storm->camera, gst_event_new_segment (&segment));
  gst_caps_unref (caps);
}

static void
push_frame (Storm *storm, Camera *camera)
{
  GstClockTime pts = now_of (storm) + camera->offset, late;
  GstFlowReturn ret;
  GstBuffer *buffer;
  gboolean probing, stopped;
  guint32 number;

  g_mutex_lock (&storm->lock);
  number = ++storm->number;
  probing = storm->probing;
  stopped = storm->stopped && !probing;
  storm_note_locked (storm, "camera makes", number);
  g_mutex_unlock (&storm->lock);
  if (stopped)
    return;
  buffer = new_frame (camera, number);
  switch (g_rand_int_range (camera->rand, 0, 200)) {
    case 0:                    /* late */
      late = g_rand_int_range (camera->rand, 0, 100 * GST_MSECOND);
      pts -= MIN (pts, late);
      break;
    case 1:
      pts = GST_CLOCK_TIME_NONE;
      break;
    case 2:                    /* from a clock gone wrong */
      pts = g_rand_boolean (camera->rand) ? 0 : pts + 10 * GST_SECOND;
      break;
    case 3:                    /* cut short */
      gst_buffer_set_size (buffer, camera->info.size / 2);
      break;
    default:
      break;
  }
  storm_note (storm, "... of", pts);
  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_DURATION (buffer) = g_rand_int_range (camera->rand, 0, 10) == 0
      ? GST_CLOCK_TIME_NONE : camera->interval;
  ret = gst_pad_push (storm->camera, buffer);
  if (probing) {
    g_mutex_lock (&storm->lock);
    storm->probing = ret != GST_FLOW_FLUSHING;
    g_mutex_unlock (&storm->lock);
  }
  camera->was_refused = ret == GST_FLOW_FLUSHING
      || ret == GST_FLOW_NOT_NEGOTIATED;
}

static void
flush (Storm *storm, Camera *camera)
{
  gst_pad_push_event (storm->camera, gst_event_new_flush_start ());
  if (g_rand_boolean (camera->rand))
    storm_clock_sleep (storm, camera->interval * g_rand_int_range (camera->rand,
            0, 5));
  /* the receiver must hear that time may go back */
  g_mutex_lock (&storm->linking);
  gst_pad_push_event (storm->camera,
      gst_event_new_flush_stop (g_rand_boolean (camera->rand)));
  g_mutex_unlock (&storm->linking);
  send_stream (storm, camera, g_rand_boolean (camera->rand));
}

/* Unplugged: it says EOS or nothing at all, and another comes in its place. */
static void
unplug (Storm *storm, Camera *camera)
{
  GstPad *peer = gst_pad_get_peer (storm->camera);

  if (g_rand_boolean (camera->rand))
    gst_pad_push_event (storm->camera, gst_event_new_eos ());
  fail_unless (gst_pad_unlink (storm->camera, peer));
  storm_clock_sleep (storm, camera->interval * g_rand_int_range (camera->rand,
          0, 20));
  /* nothing of what the former one said sticks to a new one */
  gst_pad_set_active (storm->camera, FALSE);
  gst_pad_set_active (storm->camera, TRUE);
  fail_unless_equals_int (gst_pad_link (storm->camera, peer),
      GST_PAD_LINK_OK);
  gst_object_unref (peer);
  send_stream (storm, camera, TRUE);
}

static void
say_something (Storm *storm, Camera *camera)
{
  GstStructure *structure;

  switch (g_rand_int_range (camera->rand, 0, 4)) {
    case 0:
      gst_pad_push_event (storm->camera, gst_event_new_gap (now_of (storm),
              GST_SECOND));
      break;
    case 1:
      gst_pad_push_event (storm->camera, gst_event_new_tag (gst_tag_list_new
              (GST_TAG_TITLE, "camera", NULL)));
      break;
    case 2:
      structure = gst_structure_new ("meshroom/hidden", "hidden",
          G_TYPE_BOOLEAN, g_rand_boolean (camera->rand), NULL);
      gst_pad_push_event (storm->camera,
          gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
              structure));
      break;
    default:
      gst_pad_push_event (storm->camera,
          gst_event_new_segment_done (GST_FORMAT_TIME, 0));
      break;
  }
}

static void
upset (Storm *storm, Camera *camera)
{
  switch (g_rand_int_range (camera->rand, 0, 8)) {
    case 0:
      flush (storm, camera);
      break;
    case 1:
    case 2:
      send_stream (storm, camera, TRUE);
      break;
    case 3:
      gst_pad_push_event (storm->camera, gst_event_new_eos ());
      storm_clock_sleep (storm, g_rand_int_range (camera->rand, 0,
              500 * GST_MSECOND));
      send_stream (storm, camera, g_rand_boolean (camera->rand));
      break;
    case 4:
      unplug (storm, camera);
      break;
    case 5:                    /* stalls */
      storm_clock_sleep (storm, camera->interval * g_rand_int_range
          (camera->rand, 0, 60));
      break;
    case 6:                    /* its clock starts anew */
      camera->offset = -(GstClockTimeDiff) now_of (storm);
      break;
    default:
      say_something (storm, camera);
      break;
  }
}

gpointer
storm_camera_run (gpointer data)
{
  Storm *storm = data;
  Camera camera = { 0 };

  camera.rand = g_rand_new_with_seed (storm->seed + 1);
  send_stream (storm, &camera, TRUE);
  while (!g_atomic_int_get (&storm->quit)) {
    if (g_rand_int_range (camera.rand, 0, 60) == 0)
      upset (storm, &camera);
    else
      push_frame (storm, &camera);
    if (camera.was_refused)
      send_stream (storm, &camera, g_rand_boolean (camera.rand));
    camera.was_refused = FALSE;
    storm_clock_sleep (storm, camera.interval);
  }
  g_rand_free (camera.rand);
  return NULL;
}

static gboolean
camera_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  Storm *storm = gst_pad_get_element_private (pad);

  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return gst_pad_query_default (pad, parent, query);
  gst_query_set_latency (query, storm->live, storm->live ? GST_MSECOND : 0,
      GST_CLOCK_TIME_NONE);
  return TRUE;
}

static GstStaticPadTemplate template = GST_STATIC_PAD_TEMPLATE ("camera",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-raw"));

GstPad *
storm_camera_new (Storm *storm)
{
  GstPad *pad = gst_pad_new_from_static_template (&template, "camera");

  gst_pad_set_element_private (pad, storm);
  gst_pad_set_query_function (pad, camera_query);
  return pad;
}
