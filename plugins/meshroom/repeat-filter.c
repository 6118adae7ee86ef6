/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An encoder that gets the same frame again and again still spends 300 bytes on
 * each at 640x360: 80 kbit/s at 30 frames/s, although nothing changes. */

#include "meshroom/repeat-filter.h"

#include <gst/video/video.h>
#include <string.h>

/* A frame that has not changed is passed twice a second, so that receivers see
 * that the stream is alive, and notice packets that they have lost. The period
 * is a little less than half a second, since frames' timestamps are rounded. */
#define PERIOD (490 * GST_MSECOND)

/* After a change, frames pass for this long at the full rate, until the encoder
 * has made the picture sharp. */
#define SETTLING (2 * GST_SECOND)

/* The frames that pass after a request for a key frame: the request may reach
 * the encoder one frame later than this filter. */
#define PASS_FOR_KEY 3

struct _MeshRepeatFilter {
  gatomicrefcount refs;         /* the owner's, and one of each probe */
  int active;                   /* atomic */
  int pass;                     /* atomic: frames to let through */

  /* used by the streaming thread only */
  GstBuffer *last;              /* the last frame that was passed; NULL while
                                 * the filter is not active */
  GstClockTime passed_at;
  GstClockTime changed_at;
};

static MeshRepeatFilter *
repeat_filter_ref (MeshRepeatFilter *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
mesh_repeat_filter_unref (MeshRepeatFilter *filter)
{
  if (!g_atomic_ref_count_dec (&filter->refs))
    return;
  gst_clear_buffer (&filter->last);
  g_free (filter);
}

static gboolean
have_same_memory (GstBuffer *a, GstBuffer *b)
{
  guint n = gst_buffer_n_memory (a);

  if (n != gst_buffer_n_memory (b))
    return FALSE;
  for (guint i = 0; i < n; i++) {
    if (gst_buffer_peek_memory (a, i) != gst_buffer_peek_memory (b, i))
      return FALSE;
  }
  return TRUE;
}

/* Compares the pixels as well, since an unchanged picture may have been
 * converted to a new buffer each time. */
static gboolean
have_same_pixels (GstBuffer *a, GstBuffer *b)
{
  GstMapInfo map;
  gboolean same;

  if (have_same_memory (a, b))
    return TRUE;
  if (gst_buffer_get_size (a) != gst_buffer_get_size (b)
      || !gst_buffer_map (a, &map, GST_MAP_READ))
    return FALSE;
  same = gst_buffer_memcmp (b, 0, map.data, map.size) == 0;
  gst_buffer_unmap (a, &map);
  return same;
}

static gboolean
take_pass (MeshRepeatFilter *self)
{
  return g_atomic_int_get (&self->pass) > 0
      && g_atomic_int_add (&self->pass, -1) > 0;
}

/* Whether @buffer can be dropped. */
static gboolean
is_spare (MeshRepeatFilter *self, GstBuffer *buffer)
{
  GstClockTime now = GST_BUFFER_PTS (buffer);

  if (!GST_CLOCK_TIME_IS_VALID (now))
    return FALSE;
  if (!self->last || !have_same_pixels (self->last, buffer)
      || now < self->passed_at) {
    self->changed_at = now;
    return FALSE;
  }
  if (take_pass (self) || now < self->changed_at + SETTLING)
    return FALSE;
  return now < self->passed_at + PERIOD;
}

static GstPadProbeReturn
on_buffer (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  MeshRepeatFilter *self = user_data;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);

  if (!g_atomic_int_get (&self->active)) {
    gst_clear_buffer (&self->last);
    return GST_PAD_PROBE_OK;
  }
  if (is_spare (self, buffer))
    return GST_PAD_PROBE_DROP;
  gst_buffer_replace (&self->last, buffer);
  self->passed_at = GST_BUFFER_PTS (buffer);
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
on_request (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  MeshRepeatFilter *self = user_data;

  if (gst_video_event_is_force_key_unit (GST_PAD_PROBE_INFO_EVENT (info)))
    g_atomic_int_set (&self->pass, PASS_FOR_KEY);
  return GST_PAD_PROBE_OK;
}

/**
 * mesh_repeat_filter_new:
 * @sink: the sink pad that frames arrive on
 * @encoder: the encoder that gets the frames, and whose src pad is asked for
 *   key frames
 *
 * Returns: (transfer full): a filter that drops nothing until
 *   mesh_repeat_filter_set_active()
 */
MeshRepeatFilter *
mesh_repeat_filter_new (GstPad *sink, GstElement *encoder)
{
  MeshRepeatFilter *self = g_new0 (MeshRepeatFilter, 1);
  g_autoptr (GstPad) src = gst_element_get_static_pad (encoder, "src");

  g_atomic_ref_count_init (&self->refs);
  gst_pad_add_probe (sink, GST_PAD_PROBE_TYPE_BUFFER, on_buffer,
      repeat_filter_ref (self), (GDestroyNotify) mesh_repeat_filter_unref);
  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_request,
      repeat_filter_ref (self), (GDestroyNotify) mesh_repeat_filter_unref);
  return self;
}

/**
 * mesh_repeat_filter_set_active:
 * @active: whether the stream is likely to repeat its frames
 *
 * Any thread may call. While it is not active frames are not compared.
 */
void
mesh_repeat_filter_set_active (MeshRepeatFilter *filter, gboolean active)
{
  g_atomic_int_set (&filter->active, active);
}
