/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "tap.h"

#include <gst/app/gstappsink.h>
#include <gst/video/video.h>

#include "frames.h"

struct _MeshObsTap {
  gatomicrefcount refs;
  MeshObsTapKind kind;
  const MeshObsTapEvents *events;
  gpointer user_data;

  GMutex delivery;              /* held while a frame is handed to the
                                 * handles */
  GMutex lock;                  /* guards all below; taken after delivery */
  gboolean use_timestamps;
  GstClockTime extra;
  GPtrArray *handles;           /* never changed in place: replaced as a
                                 * whole */
  GstSample *last;              /* the last video frame, for handles that are
                                 * added later */
  gint64 heard_at;              /* 0: never */
  gboolean ended;
};

static void
deliver (MeshObsTap *self, GPtrArray *handles, GstSample *sample,
    guint64 timestamp)
{
  for (guint i = 0; i < handles->len; i++) {
    if (self->kind == MESH_OBS_TAP_VIDEO)
      mesh_obs_handle_video (g_ptr_array_index (handles, i), sample, timestamp);
    else
      mesh_obs_handle_audio (g_ptr_array_index (handles, i), sample, timestamp);
  }
}

/* Whether a buffer is silence whose time has passed, which stands for what was
 * not sent. OBS would delay all sound by as much. */
static gboolean
is_stale (MeshObsTap *self, GstSample *sample, guint64 timestamp)
{
  return self->kind != MESH_OBS_TAP_VIDEO
      && GST_BUFFER_FLAG_IS_SET (gst_sample_get_buffer (sample),
      GST_BUFFER_FLAG_GAP)
      && timestamp < (guint64) g_get_monotonic_time () * 1000;
}

static GstFlowReturn
on_sample (GstAppSink *sink, gpointer user_data)
{
  MeshObsTap *self = user_data;
  g_autoptr (GstSample) sample = gst_app_sink_pull_sample (sink);
  g_autoptr (GPtrArray) handles = NULL;
  gboolean first, use_timestamps;
  GstClockTime extra;
  guint64 timestamp;

  if (!sample || !gst_sample_get_buffer (sample))
    return GST_FLOW_OK;
  g_mutex_lock (&self->delivery);
  g_mutex_lock (&self->lock);
  first = self->heard_at == 0;
  self->heard_at = g_get_monotonic_time ();
  handles = g_ptr_array_ref (self->handles);
  use_timestamps = self->use_timestamps;
  extra = self->extra;
  if (self->kind == MESH_OBS_TAP_VIDEO) {
    g_clear_pointer (&self->last, gst_sample_unref);
    self->last = gst_sample_ref (sample);
  }
  g_mutex_unlock (&self->lock);

  timestamp = use_timestamps
      ? mesh_obs_frames_get_timestamp (GST_ELEMENT (sink), sample, extra)
      : (guint64) g_get_monotonic_time () * 1000;
  if (!is_stale (self, sample, timestamp))
    deliver (self, handles, sample, timestamp);
  g_mutex_unlock (&self->delivery);
  if (first && self->events->begun)
    self->events->begun (self, self->user_data);
  return GST_FLOW_OK;
}

static void
on_eos (GstAppSink *sink, gpointer user_data)
{
  MeshObsTap *self = user_data;

  g_mutex_lock (&self->lock);
  self->ended = TRUE;
  g_mutex_unlock (&self->lock);
  if (self->events->ended)
    self->events->ended (self, self->user_data);
}

/* Answers the allocation query with video meta, so that decoders hand out
 * frames with the strides that they decode into, and need not copy. */
static GstPadProbeReturn
on_query (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstQuery *query = GST_PAD_PROBE_INFO_QUERY (info);

  if (GST_QUERY_TYPE (query) != GST_QUERY_ALLOCATION)
    return GST_PAD_PROBE_OK;
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  return GST_PAD_PROBE_HANDLED;
}

/**
 * mesh_obs_tap_new:
 * @kind: what arrives
 * @appsink: where
 * @events: the callbacks, in static memory
 * @user_data: for @events; must stay valid until the pipeline is in NULL
 *
 * Returns: (transfer full): a tap without handles
 */
MeshObsTap *
mesh_obs_tap_new (MeshObsTapKind kind, GstElement *appsink,
    const MeshObsTapEvents *events, gpointer user_data)
{
  GstAppSinkCallbacks callbacks = { .new_sample = on_sample, .eos = on_eos };
  MeshObsTap *self = g_new0 (MeshObsTap, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->delivery);
  g_mutex_init (&self->lock);
  self->kind = kind;
  self->events = events;
  self->user_data = user_data;
  self->use_timestamps = TRUE;
  self->handles = g_ptr_array_new_with_free_func (mesh_obs_handle_unref);
  gst_app_sink_set_callbacks (GST_APP_SINK (appsink), &callbacks,
      mesh_obs_tap_ref (self), mesh_obs_tap_unref);
  if (kind == MESH_OBS_TAP_VIDEO) {
    g_autoptr (GstPad) pad = gst_element_get_static_pad (appsink, "sink");

    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, on_query,
        NULL, NULL);
  }
  return self;
}

MeshObsTap *
mesh_obs_tap_ref (MeshObsTap *tap)
{
  g_atomic_ref_count_inc (&tap->refs);
  return tap;
}

void
mesh_obs_tap_unref (gpointer tap)
{
  MeshObsTap *self = tap;

  if (!self || !g_atomic_ref_count_dec (&self->refs))
    return;
  g_ptr_array_unref (self->handles);
  g_clear_pointer (&self->last, gst_sample_unref);
  g_mutex_clear (&self->delivery);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/**
 * mesh_obs_tap_set_timing:
 * @use_timestamps: whether a frame is due by its timestamp; otherwise it is due
 *   when it arrives
 * @extra: how much later than their running time they are due
 */
void
mesh_obs_tap_set_timing (MeshObsTap *tap, gboolean use_timestamps,
    GstClockTime extra)
{
  g_mutex_lock (&tap->lock);
  tap->use_timestamps = use_timestamps;
  tap->extra = extra;
  g_mutex_unlock (&tap->lock);
}

static GPtrArray *
copy_handles_locked (MeshObsTap *self, MeshObsHandle *without)
{
  GPtrArray *copy = g_ptr_array_new_with_free_func (mesh_obs_handle_unref);

  for (guint i = 0; i < self->handles->len; i++) {
    MeshObsHandle *handle = g_ptr_array_index (self->handles, i);

    if (handle != without)
      g_ptr_array_add (copy, mesh_obs_handle_ref (handle));
  }
  return copy;
}

/**
 * mesh_obs_tap_add_handle:
 * @handle: where to show the stream as well, from its last frame on
 */
void
mesh_obs_tap_add_handle (MeshObsTap *tap, MeshObsHandle *handle)
{
  g_autoptr (GPtrArray) old = NULL;
  g_autoptr (GstSample) last = NULL;

  g_mutex_lock (&tap->lock);
  last = tap->last ? gst_sample_ref (tap->last) : NULL;
  g_mutex_unlock (&tap->lock);
  if (last)
    mesh_obs_handle_video (handle, last,
        (guint64) g_get_monotonic_time () * 1000);

  g_mutex_lock (&tap->lock);
  old = tap->handles;
  tap->handles = copy_handles_locked (tap, handle);
  g_ptr_array_add (tap->handles, mesh_obs_handle_ref (handle));
  g_mutex_unlock (&tap->lock);
}

/* Once this has returned, the tap hands no more frames to @handle. */
void
mesh_obs_tap_remove_handle (MeshObsTap *tap, MeshObsHandle *handle)
{
  g_autoptr (GPtrArray) old = NULL;

  g_mutex_lock (&tap->delivery);
  g_mutex_lock (&tap->lock);
  old = tap->handles;
  tap->handles = copy_handles_locked (tap, handle);
  g_mutex_unlock (&tap->lock);
  g_mutex_unlock (&tap->delivery);
}

gboolean
mesh_obs_tap_has_begun (MeshObsTap *tap)
{
  return mesh_obs_tap_get_heard_at (tap) != 0;
}

gboolean
mesh_obs_tap_has_ended (MeshObsTap *tap)
{
  gboolean ended;

  g_mutex_lock (&tap->lock);
  ended = tap->ended;
  g_mutex_unlock (&tap->lock);
  return ended;
}

/**
 * mesh_obs_tap_get_heard_at:
 * Returns: when the last frame came, by g_get_monotonic_time(); 0: never
 */
gint64
mesh_obs_tap_get_heard_at (MeshObsTap *tap)
{
  gint64 at;

  g_mutex_lock (&tap->lock);
  at = tap->heard_at;
  g_mutex_unlock (&tap->lock);
  return at;
}
