/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The camera's frames: what comes in on sink, and the one place where a frame
 * of the camera may leave.
 */
#include "imageswitch.h"

/* The running time of a camera's frame, or NONE where it has none. */
static GstClockTime
frame_time (ImageSwitch *self, GstBuffer *buffer)
{
  GstClockTime time = GST_BUFFER_PTS (buffer);
  GstSegment *segment = &self->camera.segment;

  if (!GST_CLOCK_TIME_IS_VALID (time) || segment->format != GST_FORMAT_TIME)
    return GST_CLOCK_TIME_NONE;
  time = gst_segment_to_running_time (segment, GST_FORMAT_TIME, time);
  if (GST_CLOCK_TIME_IS_VALID (time)) {
    GstClockTime now = imageswitch_clock_now (self);
    g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

    time = imageswitch_schedule_shift (&self->schedule, time, now);
  }
  return time;
}

/* Called by a thread that imageswitch_release_enter() has let in. */
void
imageswitch_camera_leave (ImageSwitch *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (imageswitch_release_leave (self->release)
      && (self->hidden || self->flow.picture))
    g_cond_broadcast (&self->cond);
}

/* While hidden, the frames of a live camera are dropped as they come. A file
 * would run to its end that way, so its frames wait until the picture has
 * reached their time. The wait is never for downstream, since the thread of a
 * camera that is to be closed must get out. Returns FALSE if the frame must not
 * go on; otherwise imageswitch_camera_leave() is to be called. */
static gboolean
wait_for_turn (ImageSwitch *self, GstClockTime time, GstFlowReturn *ret)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  GstClockTime *last = &self->schedule.last.time;

  imageswitch_release_saw_frame (self->release);
  while (self->running && self->hidden && !self->schedule.live
      && !self->flow.failed && !self->sink_flushing
      && GST_CLOCK_TIME_IS_VALID (time)
      && (!GST_CLOCK_TIME_IS_VALID (*last) || time > *last))
    g_cond_wait (&self->cond, &self->lock);
  *ret = self->flow.failure;
  if (self->sink_flushing || !self->running)
    *ret = GST_FLOW_FLUSHING;
  return *ret != GST_FLOW_FLUSHING && !self->hidden
      && imageswitch_release_enter (self->release);
}

static GstFlowReturn
push_frame (ImageSwitch *self, GstBuffer *buffer, GstClockTime time,
    GstClockTime now)
{
  ScheduleLast before;
  GstFlowReturn ret;
  gboolean left;

  imageswitch_gate_keep (self->gate, self->srcpad);
  g_mutex_lock (&self->lock);
  if (!self->running || !imageswitch_gate_enter (self->gate)) {
    ret = self->running ? self->flow.failure : GST_FLOW_FLUSHING;
    g_mutex_unlock (&self->lock);
    gst_buffer_unref (buffer);
    return ret;
  }
  before = self->schedule.last;
  imageswitch_schedule_sent (&self->schedule, time,
      GST_BUFFER_DURATION (buffer), now);
  self->flow.prerolled = TRUE;
  g_mutex_unlock (&self->lock);

  ret = gst_pad_push (self->srcpad, buffer);

  g_mutex_lock (&self->lock);
  left = imageswitch_gate_leave (self->gate);
  if (!left) {
    imageswitch_schedule_undo (&self->schedule, before);
    imageswitch_clock_wake_locked (self);
  } else if (self->flow.failed && ret == GST_FLOW_OK) {
    /* Downstream takes frames again. The output thread is woken in this case
     * only: it must not wake for each frame. */
    self->flow.failed = FALSE;
    self->flow.failure = GST_FLOW_OK;
    g_cond_broadcast (&self->cond);
  }
  g_mutex_unlock (&self->lock);
  return ret;
}

/* Sends the camera's segment, unless downstream has it already. */
gboolean
imageswitch_camera_push_segment (ImageSwitch *self)
{
  GstSegment segment = self->camera.segment;

  if (segment.format == GST_FORMAT_UNDEFINED)
    return TRUE;
  segment.base += self->schedule.shift;
  if (gst_segment_is_equal (&segment, &self->out.segment))
    return TRUE;
  return imageswitch_told_segment (self, &segment);
}

static gboolean
was_sent (ImageSwitch *self, GstEvent *event)
{
  g_autoptr (GstEvent) sent = NULL;
  guint i;

  for (i = 0; (sent = gst_pad_get_sticky_event (self->srcpad,
              GST_EVENT_TYPE (event), i)); i++) {
    if (sent == event)
      return TRUE;
    gst_clear_event (&sent);
  }
  return FALSE;
}

/* Whether the event comes from another imageswitch upstream. What goes out here
 * is hidden when either of the two is. */
gboolean
imageswitch_camera_is_hidden_event (GstEvent *event)
{
  return GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_DOWNSTREAM_STICKY
      && gst_event_has_name (event, HIDDEN_EVENT);
}

/* Passes on an event that the camera sent while it was hidden. Equal caps are
 * not sent again, so that a switch renegotiates nothing, and stream-start is
 * sent only once, since one stream goes out. */
static gboolean
catch_up (GstPad *pad, GstEvent **event, gpointer data)
{
  ImageSwitch *self = data;
  GstCaps *caps;

  switch (GST_EVENT_TYPE (*event)) {
    case GST_EVENT_STREAM_START:
      if (!imageswitch_told_is_streaming (self))
        gst_pad_push_event (self->srcpad, gst_event_ref (*event));
      break;
    case GST_EVENT_CAPS:
      gst_event_parse_caps (*event, &caps);
      if (self->out.caps && gst_caps_is_equal (caps, self->out.caps))
        break;
      return imageswitch_told_caps (self, caps);
    case GST_EVENT_SEGMENT:
      return imageswitch_camera_push_segment (self);
    case GST_EVENT_EOS:
      break;
    default:
      if (!imageswitch_camera_is_hidden_event (*event)
          && !gst_event_has_name (*event, HIDE_EVENT)
          && !was_sent (self, *event))
        gst_pad_push_event (self->srcpad, gst_event_ref (*event));
      break;
  }
  return TRUE;
}

/* Lets the camera's frames through from the next one on. The camera's events go
 * first; none of them holds a pixel. */
gboolean
imageswitch_camera_show (ImageSwitch *self)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (self->sinkpad);
  gboolean ok;

  g_mutex_lock (&self->lock);
  self->flow.resync = FALSE;
  g_mutex_unlock (&self->lock);
  gst_pad_sticky_events_foreach (self->sinkpad, catch_up, self);
  ok = !caps || (self->out.caps && gst_caps_is_equal (caps, self->out.caps));
  g_mutex_lock (&self->lock);
  if (!ok)
    self->flow.resync = TRUE;
  else if (!self->hidden)
    imageswitch_told_flows_locked (self, FALSE);
  g_mutex_unlock (&self->lock);
  return ok;
}

/* Whether a frame of the camera may be seen, and comes in time. */
static gboolean
may_pass_locked (ImageSwitch *self, GstClockTime time, GstClockTime now,
    gboolean switching)
{
  Schedule *schedule = &self->schedule;

  if (self->hidden)
    return FALSE;
  if (imageswitch_schedule_is_late (schedule, time, switching)) {
    if (switching)
      imageswitch_schedule_yield (schedule, time, now);
    return FALSE;
  }
  if (!imageswitch_schedule_was_taken_hidden (schedule, time, now))
    return TRUE;
  /* a picture is due now, even if none was in so short a time */
  imageswitch_told_flows_locked (self, TRUE);
  imageswitch_clock_wake_locked (self);
  return FALSE;
}

static GstFlowReturn
admit (ImageSwitch *self, GstBuffer *buffer, GstClockTime time)
{
  GstClockTime now = imageswitch_clock_now (self);
  gboolean pass, switching, hidden_before;
  GstFlowReturn ret;

  g_mutex_lock (&self->lock);
  ret = self->flow.failure;
  hidden_before = self->changes.upstream;
  switching = self->flow.picture || self->flow.resync;
  pass = may_pass_locked (self, time, now, switching);
  g_mutex_unlock (&self->lock);
  if (pass && ((switching && !imageswitch_camera_show (self))
          || !imageswitch_camera_push_segment (self))) {
    pass = FALSE;
    ret = GST_FLOW_NOT_NEGOTIATED;
  }
  if (!pass) {
    gst_buffer_unref (buffer);
    return ret;
  }
  imageswitch_told_hidden (self, hidden_before, time);
  if (switching)                /* the events may have blocked for a while */
    now = imageswitch_clock_now (self);
  return push_frame (self, buffer, time, now);
}

GstFlowReturn
imageswitch_camera_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  ImageSwitch *self = (ImageSwitch *) parent;
  GstClockTime time = frame_time (self, buffer);
  GstFlowReturn ret;

  imageswitch_latency_learn (self);
  if (self->camera.segment.format == GST_FORMAT_TIME)
    imageswitch_hide_sync (self,
        gst_segment_to_stream_time (&self->camera.segment, GST_FORMAT_TIME,
            GST_BUFFER_PTS (buffer)));
  if (!wait_for_turn (self, time, &ret)) {
    gst_buffer_unref (buffer);
    return ret;
  }
  GST_PAD_STREAM_LOCK (self->srcpad);
  ret = admit (self, buffer, time);
  GST_PAD_STREAM_UNLOCK (self->srcpad);
  imageswitch_camera_leave (self);
  return ret;
}
