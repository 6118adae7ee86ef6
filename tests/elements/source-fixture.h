/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A source in a pipeline, without a room around it, and a pad that feeds it. Its
 * encoders can be broken. */

#include <gst/check/gstcheck.h>

#undef GST_CAT_DEFAULT
#include "breakable.h"
#include "meshroom/common.h"
#include "meshroom/compartment.h"
#include "meshroom/source-private.h"

typedef struct {
  GstElement *room;
  MeshTimeline *timeline;
  MeshSource *source;
  GstPad *feeder;
  GstClockTime time;            /* of the next buffer */
} Fixture;

static inline void
on_input_known (MeshSource *source, gpointer user_data)
{
}

static inline gboolean
on_speaks (MeshSource *source, const MeshCodec *codec, gpointer user_data)
{
  return TRUE;
}

static inline void
on_warning (MeshSource *source, const char *text, gpointer user_data)
{
  GST_INFO ("%s", text);
}

static inline void
on_ended (MeshSource *source, gpointer user_data)
{
}

static inline void
on_hidden (MeshSource *source, gboolean hidden, gpointer user_data)
{
}

static const MeshSourceEvents events = {
  on_input_known, on_speaks, on_warning, on_ended, on_hidden
};

static inline gboolean
feeder_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return gst_pad_query_default (pad, parent, query);
  gst_query_set_latency (query, TRUE, 0, GST_CLOCK_TIME_NONE);
  return TRUE;
}

#define SIZE (64 * 48 * 3 / 2)
#define RAW(rate) "video/x-raw,format=I420,width=64,height=48," \
    "framerate=" #rate "/1"
#define LARGE "video/x-raw,format=I420,width=128,height=48,framerate=50/1"

static inline void
set_caps (Fixture *f, const char *text)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string (text);

  gst_pad_push_event (f->feeder, gst_event_new_caps (caps));
}

static inline void
set_up (Fixture *f)
{
  g_autoptr (GstPadTemplate) template = gst_object_ref_sink (
      gst_pad_template_new ("video_sink", GST_PAD_SINK, GST_PAD_REQUEST,
      GST_CAPS_ANY));
  GstSegment segment;

  memset (f, 0, sizeof *f);
  GST_DEBUG_CATEGORY_INIT (mesh_room_debug, "meshroom", 0, "meshroom");
  breakable_replace ("x264enc");
  breakable_replace ("openh264enc");
  breakable_replace ("vp8enc");
  f->room = gst_object_ref_sink (gst_pipeline_new (NULL));
  breakable_set_victim (GST_OBJECT (f->room));
  f->timeline = mesh_timeline_new ();
  f->source = mesh_source_new (GST_BIN (f->room), template, MESH_VIDEO,
      f->timeline, &events, f);
  mesh_source_play (f->source);
  gst_element_add_pad (f->room, mesh_source_get_pad (f->source));
  gst_element_set_state (f->room, GST_STATE_PLAYING);
  gst_pad_set_active (mesh_source_get_pad (f->source), TRUE);
  f->feeder = gst_object_ref_sink (gst_pad_new ("feeder", GST_PAD_SRC));
  gst_pad_set_query_function (f->feeder, feeder_query);
  gst_pad_set_active (f->feeder, TRUE);
  ck_assert_int_eq (gst_pad_link (f->feeder, mesh_source_get_pad (f->source)),
      GST_PAD_LINK_OK);
  gst_pad_push_event (f->feeder, gst_event_new_stream_start ("feeder"));
  set_caps (f, RAW (50));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (f->feeder, gst_event_new_segment (&segment));
}

static inline void
push (Fixture *f, gsize size, gboolean key)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size, NULL);

  gst_buffer_memset (buffer, 0, g_random_int_range (0, 256), size);
  GST_BUFFER_PTS (buffer) = f->time;
  f->time += 20 * GST_MSECOND;
  if (!key)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  gst_pad_push (f->feeder, buffer);
}

static inline void
break_all (gboolean broken)
{
  breakable_set_broken ("x264enc", broken);
  breakable_set_broken ("openh264enc", broken);
  breakable_set_broken ("vp8enc", broken);
}

static inline guint
count_encoders (Fixture *f)
{
  g_autoptr (GstIterator) iterator =
      gst_bin_iterate_elements (GST_BIN (f->room));
  g_auto (GValue) item = G_VALUE_INIT;
  guint n = 0;

  while (gst_iterator_next (iterator, &item) == GST_ITERATOR_OK) {
    n += MESH_IS_COMPARTMENT (g_value_get_object (&item));
    g_value_reset (&item);
  }
  return n;
}

static inline GstPadProbeReturn
on_encoded (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  g_atomic_int_inc ((gint *) user_data);
  return GST_PAD_PROBE_OK;
}

/* Feeds pictures until the fanout of @name gets one. */
static inline void
check_codec (Fixture *f, const char *name)
{
  g_autoptr (MeshFanout) fanout =
      mesh_source_get_fanout (f->source, mesh_codec_find (name));
  GstPad *sink = mesh_fanout_get_sink (fanout, 0);
  gint n = 0;
  gulong probe = gst_pad_add_probe (sink, GST_PAD_PROBE_TYPE_BUFFER, on_encoded,
      &n, NULL);

  while (!g_atomic_int_get (&n)) {
    push (f, SIZE, TRUE);
    g_usleep (10000);
  }
  gst_pad_remove_probe (sink, probe);
}

static inline void
tear_down (Fixture *f)
{
  gst_pad_set_active (f->feeder, FALSE);
  gst_pad_unlink (f->feeder, mesh_source_get_pad (f->source));
  gst_object_unref (f->feeder);
  gst_element_set_state (f->room, GST_STATE_NULL);
  mesh_source_stop (f->source);
  /* a thread that was adding an encoder takes it out again */
  while (GST_BIN_NUMCHILDREN (f->room) > 0)
    g_usleep (1000);
  gst_element_remove_pad (f->room, mesh_source_get_pad (f->source));
  mesh_source_unref (f->source);
  mesh_timeline_unref (f->timeline);
  gst_object_unref (f->room);
}
