/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/tuning.h"

#include <gst/video/video.h>

#include "meshroom/common.h"

#define SQUARE_I420 "video/x-raw,format=I420,pixel-aspect-ratio=1/1"

/* Of a layered stream, the part of the rate that the lower layer gets: frames
 * that are twice as far apart need more than half of it. */
#define LOWER_LAYER_PERCENT 60

/* --- layers --- */

/* vp8enc has GValueArrays, which gst-launch's syntax cannot express. */
G_GNUC_BEGIN_IGNORE_DEPRECATIONS

static void
set_pair (GstElement *encoder, const char *property, int first, int second)
{
  GValueArray *array = g_value_array_new (2);
  g_auto (GValue) value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_INT);
  g_value_set_int (&value, first);
  g_value_array_append (array, &value);
  g_value_set_int (&value, second);
  g_value_array_append (array, &value);
  g_object_set (encoder, property, array, NULL);
  g_value_array_free (array);
}

G_GNUC_END_IGNORE_DEPRECATIONS

/* Every other frame is of the upper layer. The table's row has the rest. */
static void
set_layers (GstElement *encoder)
{
  set_pair (encoder, "temporal-scalability-layer-id", 0, 1);
  set_pair (encoder, "temporal-scalability-rate-decimator", 2, 1);
}

/* --- the rate --- */

/* All encoders of the table can change it while they run, also ten times a
 * second, and are there within a second. */
static void
apply_rate (MeshTuning *self)
{
  guint bits = g_atomic_int_get (&self->bits);

  if (bits == 0)
    bits = self->nominal;
  if (!self->row->bitrate || bits == self->applied)
    return;
  self->applied = bits;
  g_object_set (self->encoder, self->row->bitrate,
      (int) MAX (bits / self->row->bitrate_unit, 1), NULL);
  if (self->row->layers > 1)
    set_pair (self->encoder, "temporal-scalability-target-bitrate",
        (int) ((guint64) bits * LOWER_LAYER_PERCENT / 100), (int) bits);
}

/* --- what comes in --- */

/* Sets the elements before the caps reach the converter, which then asks the
 * filter for the format to convert to. */
static GstPadProbeReturn
on_caps (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  MeshTuning *self = user_data;
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  g_autoptr (GstCaps) wanted = NULL, thinned = NULL;
  MeshRungShape shapes[MESH_RUNGS], *shape;
  GstCaps *caps;
  guint n;

  if (GST_EVENT_TYPE (event) != GST_EVENT_CAPS)
    return GST_PAD_PROBE_OK;
  gst_event_parse_caps (event, &caps);
  n = mesh_rung_shapes_choose (self->codec, caps, shapes);
  /* of a picture that has become smaller, the last rung is encoded until this
   * one is ended */
  shape = &shapes[MIN (self->rung, n - 1)];
  wanted = gst_caps_from_string (SQUARE_I420);
  gst_caps_set_simple (wanted, "width", G_TYPE_INT, shape->size.width,
      "height", G_TYPE_INT, shape->size.height, NULL);
  g_object_set (self->filter, "caps", wanted, NULL);
  g_object_set (self->box, "right", -shape->size.right, "bottom",
      -shape->size.bottom, NULL);
  self->nominal = shape->nominal;
  apply_rate (self);

  self->period = shape->max_fps ? GST_SECOND / shape->max_fps : 0;
  self->due = 0;
  if (!self->period)
    return GST_PAD_PROBE_OK;
  /* encoders divide the rate by the frames that the caps name */
  thinned = gst_caps_copy (caps);
  gst_caps_set_simple (thinned, "framerate", GST_TYPE_FRACTION, shape->fps_n,
      shape->fps_d, NULL);
  gst_event_unref (event);
  GST_PAD_PROBE_INFO_DATA (info) = gst_event_new_caps (thinned);
  return GST_PAD_PROBE_OK;
}

/* Whether the rung leaves the frame out, so that no more than its frame rate
 * remains, as evenly as frames come. Time may jump, either way. */
static gboolean
is_spare (MeshTuning *self, GstClockTime pts)
{
  gint64 period = self->period;
  gint64 late = pts - self->due;

  if (!period || !GST_CLOCK_TIME_IS_VALID (pts))
    return FALSE;
  if (late < -period / 4 && late > -2 * period)
    return TRUE;
  self->due = (ABS (late) < period ? self->due : pts) + period;
  return FALSE;
}

/* Fails where a frame is smaller than its caps say, since some encoders would
 * read beyond its end. Applications may send one, and a leaky queue may pass on
 * a frame behind the caps of the next one. */
static gboolean
is_whole (GstPad *pad, GstBuffer *buffer)
{
  GstVideoMeta *meta = gst_buffer_get_video_meta (buffer);
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  GstVideoInfo video;

  if (!caps || !gst_video_info_from_caps (&video, caps)
      || (meta ? meta->width >= (guint) GST_VIDEO_INFO_WIDTH (&video)
          && meta->height >= (guint) GST_VIDEO_INFO_FIELD_HEIGHT (&video)
          : gst_buffer_get_size (buffer) >= GST_VIDEO_INFO_SIZE (&video)))
    return TRUE;
  GST_ELEMENT_ERROR (GST_OBJECT_PARENT (pad), STREAM, FORMAT,
      ("a frame is smaller than its caps say"), (NULL));
  return FALSE;
}

static GstPadProbeReturn
on_frame (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  MeshTuning *self = user_data;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);

  if (is_spare (self, GST_BUFFER_PTS (buffer)) || !is_whole (pad, buffer))
    return GST_PAD_PROBE_DROP;
  apply_rate (self);
  return GST_PAD_PROBE_OK;
}

/**
 * mesh_tuning_watch:
 * @tuning: a tuning that has its elements, which have had no data yet
 * @from: the source pad before the converter
 * @to: the converter's sink pad
 *
 * Has the elements follow what comes by these pads.
 */
void
mesh_tuning_watch (MeshTuning *tuning, GstPad *from, GstPad *to)
{
  if (tuning->row->layers > 1)
    set_layers (tuning->encoder);
  gst_pad_add_probe (from, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_caps,
      g_atomic_rc_box_acquire (tuning), (GDestroyNotify) mesh_tuning_unref);
  gst_pad_add_probe (to, GST_PAD_PROBE_TYPE_BUFFER, on_frame,
      g_atomic_rc_box_acquire (tuning), (GDestroyNotify) mesh_tuning_unref);
}

/**
 * mesh_tuning_set_rate:
 * @bits: bit/s to encode with from the next frame on; 0: the nominal ones
 *
 * Any thread may call; never blocks.
 */
void
mesh_tuning_set_rate (MeshTuning *tuning, guint bits)
{
  g_atomic_int_set (&tuning->bits, MIN (bits, G_MAXINT));
}

/**
 * mesh_tuning_new:
 * @codec: a video codec
 * @rung: the rung to encode
 * @bits: as mesh_tuning_set_rate() has it
 *
 * Returns: (transfer full): a tuning without elements
 */
MeshTuning *
mesh_tuning_new (const MeshCodec *codec, guint rung, guint bits)
{
  MeshTuning *self = g_atomic_rc_box_new0 (MeshTuning);

  self->codec = codec;
  self->rung = rung;
  self->bits = MIN (bits, G_MAXINT);
  return self;
}

/**
 * mesh_tuning_unref:
 */
void
mesh_tuning_unref (MeshTuning *tuning)
{
  g_atomic_rc_box_release (tuning);
}
