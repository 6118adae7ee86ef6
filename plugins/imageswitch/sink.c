/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The events and queries of the sink pad. They are passed on while the camera
 * is visible, and kept from downstream while it is hidden.
 */
#include "imageswitch.h"

/* How long a serialised query of the camera waits for src's stream lock. */
#define QUERY_PATIENCE (100 * G_TIME_SPAN_MILLISECOND)

/* Takes src's stream lock for an event of the camera, but does not wait for it:
 * a source may hold locks while it sends events that its change to PAUSED
 * needs, and a picture may be stuck in a receiver that is paused already.
 * Returns FALSE if the event must go no further; otherwise leave() is to be
 * called. */
static gboolean
enter (ImageSwitch *self)
{
  gboolean in;

  g_mutex_lock (&self->lock);
  in = !self->hidden && imageswitch_release_enter (self->release);
  g_mutex_unlock (&self->lock);
  if (!in || GST_PAD_STREAM_TRYLOCK (self->srcpad))
    return in;
  imageswitch_camera_leave (self);
  return FALSE;
}

static void
leave (ImageSwitch *self)
{
  GST_PAD_STREAM_UNLOCK (self->srcpad);
  imageswitch_camera_leave (self);
}

/* Takes no stream lock for FLUSH_START: downstream may be blocked, which is
 * just what the event is to end. */
static gboolean
take_flush_start (ImageSwitch *self, GstEvent *event)
{
  gboolean pass, ret;

  g_mutex_lock (&self->lock);
  pass = !self->hidden && self->flow.flush == FLOWING
      && !imageswitch_release_is_shutting (self->release);
  if (pass)
    self->flow.flush = FLUSH_STARTING;
  else
    self->flow.resync = TRUE;
  self->sink_flushing = TRUE;
  imageswitch_clock_wake_locked (self);
  g_mutex_unlock (&self->lock);
  if (!pass)
    return TRUE;
  ret = gst_pad_push_event (self->srcpad, gst_event_ref (event));
  g_mutex_lock (&self->lock);
  self->flow.flush = FLUSHING;
  imageswitch_clock_wake_locked (self);
  g_mutex_unlock (&self->lock);
  return ret;
}

static gboolean
is_flushing (ImageSwitch *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->flow.flush == FLUSHING;
}

static gboolean
take_flush_stop (ImageSwitch *self, GstEvent *event)
{
  gboolean reset_time, ret = TRUE;

  gst_event_parse_flush_stop (event, &reset_time);
  gst_segment_init (&self->camera.segment, GST_FORMAT_UNDEFINED);
  imageswitch_hide_reset (self);
  g_mutex_lock (&self->lock);
  self->schedule.shift = 0;
  self->sink_flushing = self->ends.held = FALSE;
  if (self->flow.flush != FLUSHING)
    self->flow.resync = TRUE;
  g_mutex_unlock (&self->lock);
  if (!is_flushing (self))
    return TRUE;
  GST_PAD_STREAM_LOCK (self->srcpad);
  /* the output thread may have ended the flush meanwhile */
  if (is_flushing (self))
    ret = imageswitch_told_flush_stop (self, gst_event_ref (event), reset_time);
  GST_PAD_STREAM_UNLOCK (self->srcpad);
  return ret;
}

/* An EOS that goes no further now is sent by the output thread, once the camera
 * is shown. */
static gboolean
take_eos (ImageSwitch *self, GstEvent *event)
{
  gboolean pass, entered, ret = TRUE;

  if (imageswitch_release_take_eos (self->release))
    return TRUE;
  entered = enter (self);
  g_mutex_lock (&self->lock);
  pass = entered && !self->hidden;
  self->ends.held = !pass;
  imageswitch_clock_wake_locked (self);
  g_mutex_unlock (&self->lock);
  if (pass) {
    /* without a frame before it, the camera's events have not been sent yet */
    imageswitch_camera_show (self);
    g_mutex_lock (&self->lock);
    self->ends.sent = TRUE;
    g_mutex_unlock (&self->lock);
    ret = gst_pad_push_event (self->srcpad, gst_event_ref (event));
  } else {
    GST_INFO_OBJECT (self, "the camera ended while hidden");
  }
  if (entered)
    leave (self);
  return ret;
}

/* Whether downstream has had all of the camera's events so far. */
static gboolean
is_in_step_locked (ImageSwitch *self)
{
  return !self->hidden && !self->flow.picture && !self->flow.resync;
}

/* If this event goes no further, the camera's next frame tells downstream. */
static void
take_hidden (ImageSwitch *self, GstEvent *event)
{
  gboolean hidden = FALSE, tell;

  gst_structure_get_boolean (gst_event_get_structure (event), "hidden",
      &hidden);
  g_mutex_lock (&self->lock);
  self->changes.upstream = hidden;
  g_mutex_unlock (&self->lock);
  if (!enter (self))
    return;
  g_mutex_lock (&self->lock);
  tell = is_in_step_locked (self);
  g_mutex_unlock (&self->lock);
  if (tell)
    imageswitch_told_hidden (self, hidden, GST_CLOCK_TIME_NONE);
  leave (self);
}

/* A camera whose stream begins while hidden may have been linked only now, some
 * elements upstream, so its source is looked for again. */
static void
begin_stream (ImageSwitch *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->camera.latency_known = FALSE;
  self->ends.held = self->ends.sent = FALSE;
  if (self->hidden)
    imageswitch_release_set_hidden (self->release, TRUE);
}

/* Takes a serialised event. What is not passed now and still matters later is
 * sticky on sink, where imageswitch_camera_show() finds it. */
static gboolean
take_in_order (ImageSwitch *self, GstEvent *event)
{
  GstEventType type = GST_EVENT_TYPE (event);
  gboolean pass, entered = enter (self), ret = TRUE;
  GstCaps *caps;

  g_mutex_lock (&self->lock);
  pass = entered && is_in_step_locked (self);
  if (!pass)
    self->flow.resync = TRUE;
  g_mutex_unlock (&self->lock);
  if (pass && type == GST_EVENT_SEGMENT && self->schedule.shift != 0) {
    ret = imageswitch_camera_push_segment (self);
  } else if (pass) {
    ret = gst_pad_push_event (self->srcpad, gst_event_ref (event));
    if (type == GST_EVENT_SEGMENT)
      imageswitch_told_took_segment (self, &self->camera.segment);
    if (ret && type == GST_EVENT_CAPS) {
      gst_event_parse_caps (event, &caps);
      imageswitch_told_took_caps (self, caps);
    }
  }
  if (entered)
    leave (self);
  return ret;
}

gboolean
imageswitch_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  ImageSwitch *self = (ImageSwitch *) parent;
  GstEventType type = GST_EVENT_TYPE (event);
  gboolean ret = TRUE;

  if (imageswitch_hide_take_event (self, event))
    return TRUE;
  if (type == GST_EVENT_STREAM_START)
    begin_stream (self);
  if (type == GST_EVENT_SEGMENT)
    gst_event_copy_segment (event, &self->camera.segment);
  if (type == GST_EVENT_FLUSH_START)
    ret = take_flush_start (self, event);
  else if (type == GST_EVENT_FLUSH_STOP)
    ret = take_flush_stop (self, event);
  else if (type == GST_EVENT_EOS)
    ret = take_eos (self, event);
  else if (imageswitch_camera_is_hidden_event (event))
    take_hidden (self, event);
  else if (GST_EVENT_IS_SERIALIZED (event))
    ret = take_in_order (self, event);
  else
    return gst_pad_event_default (pad, parent, event);
  gst_event_unref (event);
  return ret;
}

/* Answers with the caps that downstream takes. While the picture is shown its
 * own caps come first, so that a camera which can deliver them changes nothing
 * when it is shown. */
static gboolean
answer_caps (ImageSwitch *self, GstQuery *query)
{
  g_autoptr (GstCaps) out = NULL, caps = NULL, all = NULL;
  GstCaps *filter;

  gst_query_parse_caps (query, &filter);
  g_mutex_lock (&self->lock);
  if (self->out.caps && (self->hidden || self->flow.picture))
    out = gst_caps_ref (self->out.caps);
  g_mutex_unlock (&self->lock);
  all = gst_pad_peer_query_caps (self->srcpad, filter);
  if (gst_caps_is_any (all)) {
    gst_caps_unref (all);
    all = gst_pad_get_pad_template_caps (self->sinkpad);
  }
  if (out) {
    caps = gst_caps_intersect_full (out, all, GST_CAPS_INTERSECT_FIRST);
    caps = gst_caps_merge (g_steal_pointer (&caps), g_steal_pointer (&all));
  } else {
    caps = g_steal_pointer (&all);
  }
  gst_query_set_caps_result (query, caps);
  return TRUE;
}

/* Takes src's stream lock for a serialised query, but does not wait for long,
 * since the source may hold locks as in enter(). */
static gboolean
lock_src_soon (ImageSwitch *self)
{
  gint64 until = g_get_monotonic_time () + QUERY_PATIENCE;

  while (!GST_PAD_STREAM_TRYLOCK (self->srcpad)) {
    if (g_get_monotonic_time () > until)
      return FALSE;
    g_usleep (G_TIME_SPAN_MILLISECOND);
  }
  return TRUE;
}

static gboolean
ask_downstream (ImageSwitch *self, GstQuery *query)
{
  gboolean ask, ret;

  g_mutex_lock (&self->lock);
  ask = (!self->hidden || !imageswitch_release_is_enabled (self->release))
      && imageswitch_release_enter (self->release);
  g_mutex_unlock (&self->lock);
  if (!ask)
    return FALSE;
  ret = lock_src_soon (self);
  if (ret) {
    ret = gst_pad_peer_query (self->srcpad, query);
    GST_PAD_STREAM_UNLOCK (self->srcpad);
  }
  imageswitch_camera_leave (self);
  return ret;
}

/* While hidden the camera's frames go nowhere, so any caps will do. */
static gboolean
answer_accept (ImageSwitch *self, GstQuery *query)
{
  g_autoptr (GstCaps) template = gst_pad_get_pad_template_caps (self->sinkpad);
  GstCaps *caps;

  if (!imageswitch_told_shows_picture (self)
      && gst_pad_is_linked (self->srcpad))
    return gst_pad_peer_query (self->srcpad, query);
  gst_query_parse_accept_caps (query, &caps);
  gst_query_set_accept_caps_result (query, gst_caps_is_subset (caps, template));
  return TRUE;
}

static gboolean
answer_allocation (ImageSwitch *self, GstQuery *query)
{
  gboolean same = TRUE;
  GstCaps *caps;

  gst_query_parse_allocation (query, &caps, NULL);
  g_mutex_lock (&self->lock);
  if (self->hidden || self->flow.picture)
    same = caps && self->out.caps && gst_caps_is_equal (caps, self->out.caps);
  g_mutex_unlock (&self->lock);
  return same && ask_downstream (self, query);
}

gboolean
imageswitch_sink_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  ImageSwitch *self = (ImageSwitch *) parent;

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CAPS:
      return answer_caps (self, query);
    case GST_QUERY_ACCEPT_CAPS:
      return answer_accept (self, query);
    case GST_QUERY_ALLOCATION:
      return answer_allocation (self, query);
    case GST_QUERY_DRAIN:
      return imageswitch_told_shows_picture (self)
          || ask_downstream (self, query);
    default:
      return gst_pad_query_default (pad, parent, query);
  }
}
