/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The sink pad's events and queries: passed while visible; while hidden the
 * camera may say what it likes, and downstream hears none of it.
 */
#include "imageswitch.h"

GST_DEBUG_CATEGORY_EXTERN (imageswitch_debug);
#define GST_CAT_DEFAULT imageswitch_debug

/* How long a serialised query of the camera's waits for its turn. */
#define QUERY_PATIENCE (100 * G_TIME_SPAN_MILLISECOND)

/* A source may hold locks while it sends events that its change to PAUSED
 * needs, and a picture may be stuck in a receiver that is paused already: src's
 * stream lock is not waited for. FALSE: the event goes no further. Otherwise
 * leave() is to be called. */
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

/* FLUSH_START takes no stream lock: downstream may be blocked, which is just
 * what it is to end. */
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
  /* or else the output thread has ended it meanwhile */
  if (is_flushing (self))
    ret = imageswitch_told_flush_stop (self, gst_event_ref (event), reset_time);
  GST_PAD_STREAM_UNLOCK (self->srcpad);
  return ret;
}

/* An end that goes no further now is told by the output thread, once the camera
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
    /* where no frame ever came, downstream has heard nothing yet */
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

/* Whether downstream has heard all that the camera said so far. */
static gboolean
is_in_step_locked (ImageSwitch *self)
{
  return !self->hidden && !self->flow.picture && !self->flow.resync;
}

/* Where this event goes no further, the camera's next frame tells. */
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

/* A camera that speaks up while hidden may have been linked only now, some
 * elements before us. */
static void
begin_stream (ImageSwitch *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->camera.latency_known = FALSE;
  self->ends.held = self->ends.sent = FALSE;
  if (self->hidden)
    imageswitch_release_set_hidden (self->release, TRUE);
}

/* Serialised events. What is not passed now and still matters later is sticky
 * on sink, where imageswitch_camera_show() finds it. */
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

/* What downstream takes. While the picture is out its caps come first, so
 * that a camera which can will not change them when it is shown. */
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

/* A serialised query waits for what is being pushed, and a source that asks is
 * no better off than one that sends an event: it does not wait for long. */
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

static gboolean
is_visible (ImageSwitch *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return !self->hidden && !self->flow.picture;
}

/* Hidden, the camera's frames go nowhere: any caps will do, and need no
 * buffers of downstream's. */
static gboolean
answer_accept (ImageSwitch *self, GstQuery *query)
{
  g_autoptr (GstCaps) template = gst_pad_get_pad_template_caps (self->sinkpad);
  GstCaps *caps;

  if (is_visible (self) && gst_pad_is_linked (self->srcpad))
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
      return is_visible (self) ? ask_downstream (self, query) : TRUE;
    default:
      return gst_pad_query_default (pad, parent, query);
  }
}
