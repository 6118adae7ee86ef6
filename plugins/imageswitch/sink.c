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

static gboolean
is_flushing (ImageSwitch *self)
{
  gboolean flushing;

  g_mutex_lock (&self->lock);
  flushing = self->flush == FLUSHING;
  g_mutex_unlock (&self->lock);
  return flushing;
}

/* Hidden, an event is noted and no more. src's stream lock is not taken: who
 * has it may be blocked downstream, and the camera must not wait for that.
 * FALSE: it may go on, until camera_leave(). */
static gboolean
hold_back (ImageSwitch *self, gboolean eos)
{
  gboolean hold;

  g_mutex_lock (&self->lock);
  hold = self->hidden || self->release.shutting;
  if (hold)
    self->resync = TRUE;
  else
    self->release.inside++;
  if (hold && eos)
    self->eos_held = TRUE;
  g_mutex_unlock (&self->lock);
  return hold;
}

/* FLUSH_START takes no stream lock: downstream may be blocked, which is just
 * what it is to end. */
static gboolean
take_flush_start (ImageSwitch *self, GstEvent *event)
{
  gboolean pass, ret = TRUE;

  g_mutex_lock (&self->lock);
  pass = !self->hidden && self->flush == FLOWING && !self->release.shutting;
  if (pass)
    self->flush = FLUSH_STARTING;
  else
    self->resync = TRUE;
  self->sink_flushing = TRUE;
  output_wake_locked (self);
  g_mutex_unlock (&self->lock);
  if (!pass) {
    gst_event_unref (event);
    return TRUE;
  }
  ret = gst_pad_push_event (self->srcpad, event);
  g_mutex_lock (&self->lock);
  self->flush = FLUSHING;
  output_wake_locked (self);
  g_mutex_unlock (&self->lock);
  return ret;
}

static gboolean
take_flush_stop (ImageSwitch *self, GstEvent *event)
{
  gboolean pass, reset_time, ret = TRUE;

  gst_event_parse_flush_stop (event, &reset_time);
  gst_segment_init (&self->camera_segment, GST_FORMAT_UNDEFINED);
  self->camera_shift = 0;
  control_reset (self);
  g_mutex_lock (&self->lock);
  self->sink_flushing = FALSE;
  self->eos_held = FALSE;
  pass = self->flush == FLUSHING;
  if (!pass)
    self->resync = TRUE;
  g_mutex_unlock (&self->lock);
  if (pass) {
    GST_PAD_STREAM_LOCK (self->srcpad);
    /* or else the output thread has ended it meanwhile */
    if (is_flushing (self))
      ret = output_end_flush (self, gst_event_ref (event), reset_time);
    GST_PAD_STREAM_UNLOCK (self->srcpad);
  }
  gst_event_unref (event);
  return ret;
}

static void
leave_eos (ImageSwitch *self)
{
  g_mutex_lock (&self->lock);
  self->eos_held = TRUE;
  output_wake_locked (self);
  g_mutex_unlock (&self->lock);
  camera_leave (self);
}

static gboolean
take_eos (ImageSwitch *self, GstEvent *event)
{
  gboolean pass, ret = TRUE;

  if (release_take_eos (self)) {
    gst_event_unref (event);
    return TRUE;
  }
  if (hold_back (self, TRUE)) {
    GST_INFO_OBJECT (self, "the camera ended while hidden");
    gst_event_unref (event);
    return TRUE;
  }
  if (!GST_PAD_STREAM_TRYLOCK (self->srcpad)) {
    leave_eos (self);           /* to the output thread */
    gst_event_unref (event);
    return TRUE;
  }
  g_mutex_lock (&self->lock);
  pass = !self->hidden;
  self->eos_held = !pass;
  g_mutex_unlock (&self->lock);
  if (pass) {
    /* where no frame ever came, downstream has heard nothing yet */
    camera_show (self);
    g_mutex_lock (&self->lock);
    self->eos_sent = TRUE;
    g_mutex_unlock (&self->lock);
    ret = gst_pad_push_event (self->srcpad, gst_event_ref (event));
  }
  GST_PAD_STREAM_UNLOCK (self->srcpad);
  camera_leave (self);
  gst_event_unref (event);
  return ret;
}

static void
take_hidden (ImageSwitch *self, GstEvent *event)
{
  gboolean hidden = FALSE, tell;

  gst_structure_get_boolean (gst_event_get_structure (event), "hidden",
      &hidden);
  gst_event_unref (event);
  g_mutex_lock (&self->lock);
  self->upstream_hidden = hidden;
  tell = !self->hidden && !self->release.shutting;
  if (tell)
    self->release.inside++;
  g_mutex_unlock (&self->lock);
  if (!tell)
    return;
  if (!GST_PAD_STREAM_TRYLOCK (self->srcpad)) {
    camera_leave (self);
    return;                     /* the next frame tells */
  }
  g_mutex_lock (&self->lock);
  tell = !self->hidden && self->showing == SHOWING_CAMERA && !self->resync;
  g_mutex_unlock (&self->lock);
  if (tell)
    source_announce (self, hidden, GST_CLOCK_TIME_NONE);
  GST_PAD_STREAM_UNLOCK (self->srcpad);
  camera_leave (self);
}

/* A camera that speaks up while hidden may have been linked only now, some
 * elements before us. */
static void
begin_stream (ImageSwitch *self)
{
  g_mutex_lock (&self->lock);
  self->eos_held = self->eos_sent = FALSE;
  if (self->hidden)
    release_wake_locked (self);
  g_mutex_unlock (&self->lock);
}

static void
leave_event (ImageSwitch *self)
{
  g_mutex_lock (&self->lock);
  self->resync = TRUE;
  g_mutex_unlock (&self->lock);
  camera_leave (self);
}

/* Serialised events. What is not passed now and still matters later is sticky
 * on sink, where camera_show() finds it.
 *
 * A source may hold locks while it sends them that its change to PAUSED needs,
 * and a picture may be stuck in a receiver that is paused already: src's
 * stream lock is not waited for. */
static gboolean
take_in_order (ImageSwitch *self, GstEvent *event)
{
  GstEventType type = GST_EVENT_TYPE (event);
  gboolean pass, ret = TRUE;
  GstCaps *caps;

  if (type == GST_EVENT_STREAM_START)
    begin_stream (self);
  if (hold_back (self, FALSE)) {
    gst_event_unref (event);
    return TRUE;
  }
  if (!GST_PAD_STREAM_TRYLOCK (self->srcpad)) {
    leave_event (self);
    gst_event_unref (event);
    return TRUE;
  }
  g_mutex_lock (&self->lock);
  pass = !self->hidden && self->showing == SHOWING_CAMERA && !self->resync;
  if (!pass)
    self->resync = TRUE;
  g_mutex_unlock (&self->lock);
  if (pass && type == GST_EVENT_SEGMENT && self->camera_shift != 0) {
    ret = camera_push_segment (self);
  } else if (pass) {
    ret = gst_pad_push_event (self->srcpad, gst_event_ref (event));
    if (type == GST_EVENT_SEGMENT)
      source_took_segment (self, &self->camera_segment);
    if (ret && type == GST_EVENT_CAPS) {
      gst_event_parse_caps (event, &caps);
      source_took_caps (self, caps);
    }
  }
  GST_PAD_STREAM_UNLOCK (self->srcpad);
  camera_leave (self);
  gst_event_unref (event);
  return ret;
}

gboolean
sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  ImageSwitch *self = IMAGE_SWITCH (parent);

  if (control_take_event (self, event))
    return TRUE;
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_START:
      return take_flush_start (self, event);
    case GST_EVENT_FLUSH_STOP:
      return take_flush_stop (self, event);
    case GST_EVENT_EOS:
      return take_eos (self, event);
    case GST_EVENT_STREAM_START:
      self->camera_live_known = FALSE;
      return take_in_order (self, event);
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment (event, &self->camera_segment);
      return take_in_order (self, event);
    default:
      if (camera_is_hidden_event (event)) {
        take_hidden (self, event);
        return TRUE;
      }
      if (GST_EVENT_IS_SERIALIZED (event))
        return take_in_order (self, event);
      return gst_pad_event_default (pad, parent, event);
  }
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
  if (self->out_caps && (self->hidden || self->showing == SHOWING_PICTURE))
    out = gst_caps_ref (self->out_caps);
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
  ask = (!self->hidden || !self->release.enabled) && !self->release.shutting;
  if (ask)
    self->release.inside++;
  g_mutex_unlock (&self->lock);
  if (!ask)
    return FALSE;
  ret = lock_src_soon (self);
  if (ret) {
    ret = gst_pad_peer_query (self->srcpad, query);
    GST_PAD_STREAM_UNLOCK (self->srcpad);
  }
  camera_leave (self);
  return ret;
}

static gboolean
is_visible (ImageSwitch *self)
{
  gboolean visible;

  g_mutex_lock (&self->lock);
  visible = !self->hidden && self->showing == SHOWING_CAMERA;
  g_mutex_unlock (&self->lock);
  return visible;
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
  if (self->hidden || self->showing == SHOWING_PICTURE)
    same = caps && self->out_caps && gst_caps_is_equal (caps, self->out_caps);
  g_mutex_unlock (&self->lock);
  return same && ask_downstream (self, query);
}

gboolean
sink_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  ImageSwitch *self = IMAGE_SWITCH (parent);

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
