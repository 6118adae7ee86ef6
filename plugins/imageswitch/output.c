/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The output thread shows the picture while the camera is hidden, and after
 * that until the camera's first frame is there. It is paced by the pipeline's
 * clock and by nothing that the camera does.
 */
#include "imageswitch.h"

#include "picture/caps.h"

/* A file for the picture has this long to load before the first frame. */
#define LOAD_PATIENCE G_TIME_SPAN_SECOND

static gboolean
eos_is_due_locked (ImageSwitch *self)
{
  return !self->ends.sent
      && (self->ends.wanted || (self->ends.held && !self->hidden));
}

static gboolean
is_wanted_locked (ImageSwitch *self)
{
  if (self->flow.failed || self->ends.sent
      || self->flow.flush == FLUSH_STARTING)
    return FALSE;
  if (eos_is_due_locked (self))
    return TRUE;
  if (!self->hidden && !imageswitch_release_is_awaiting (self->release)
      && (!self->flow.picture || self->flow.flush == FLUSHING))
    return FALSE;
  return self->schedule.playing || !self->flow.prerolled;
}

/* Returns TRUE when a picture is due; FALSE after a wait, when everything has
 * to be looked at again. */
static gboolean
wait_until_due_locked (ImageSwitch *self)
{
  g_autoptr (GstClock) clock = NULL;
  GstClockTime base, now, time;
  GstClockTimeDiff due;
  GstClockID id;

  if (eos_is_due_locked (self))
    return TRUE;
  now = imageswitch_clock_now (self);
  due = imageswitch_schedule_next (&self->schedule, now, self->hidden, &time);
  if (due <= (GstClockTimeDiff) now)
    return TRUE;
  clock = imageswitch_clock_get (GST_ELEMENT (self), &base);
  id = gst_clock_new_single_shot_id (clock, base + due);
  self->wait_id = id;
  g_mutex_unlock (&self->lock);
  gst_clock_id_wait (id, NULL);
  g_mutex_lock (&self->lock);
  self->wait_id = NULL;
  gst_clock_id_unref (id);
  return FALSE;
}

static void
fail (ImageSwitch *self, GstFlowReturn failure)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->flow.failed = TRUE;
  self->flow.failure = failure;
  g_cond_broadcast (&self->cond);
}

static void
tell_format (GstElement *element, gpointer caps)
{
  GST_ELEMENT_ERROR (element, STREAM, FORMAT,
      ("Cannot show a picture in place of the camera."),
      ("no raw video in system memory that downstream takes (caps are %s)",
          (const char *) caps));
}

/* Posts the error on another thread: the application may stop the pipeline in
 * its handler, which waits for the output thread. */
static void
fail_format (ImageSwitch *self)
{
  char *caps = self->out.caps ? gst_caps_to_string (self->out.caps)
      : g_strdup ("not known");

  fail (self, GST_FLOW_NOT_NEGOTIATED);
  gst_element_call_async (GST_ELEMENT (self), tell_format, caps, g_free);
}

/* Keeps the caps for as long as downstream takes them. Caps events are refused
 * for a moment while a flush is about to begin, which is no failure. */
static GstFlowReturn
settle_caps (ImageSwitch *self)
{
  gboolean changed = gst_pad_check_reconfigure (self->srcpad);
  g_autoptr (GstCaps) caps = NULL;

  /* what goes out changes under src's stream lock, which is held */
  if (self->out.raw && (!changed
          || gst_pad_peer_query_accept_caps (self->srcpad, self->out.caps)))
    return GST_FLOW_OK;
  caps = imageswitch_caps_choose (self->sinkpad, self->srcpad);
  if (caps && imageswitch_told_caps (self, caps))
    return GST_FLOW_OK;
  gst_pad_mark_reconfigure (self->srcpad);
  return caps ? GST_FLOW_FLUSHING : GST_FLOW_NOT_NEGOTIATED;
}

/* Returns the position of running time @time. The camera's segment is kept if
 * it has that time, since a new segment makes some elements drain. */
static GstClockTime
settle_segment (ImageSwitch *self, GstClockTime time)
{
  GstSegment *now = &self->out.segment, segment;
  guint64 position = GST_CLOCK_TIME_NONE;

  if (now->format == GST_FORMAT_TIME && now->rate == 1.0)
    position = gst_segment_position_from_running_time (now, GST_FORMAT_TIME,
        time);
  if (GST_CLOCK_TIME_IS_VALID (position))
    return position;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  imageswitch_told_segment (self, &segment);
  return time;
}

static void
set_field_flags_locked (ImageSwitch *self, GstBuffer *buffer)
{
  GstVideoInfo *info = &self->out.info;

  if (info->interlace_mode == GST_VIDEO_INTERLACE_MODE_ALTERNATE) {
    GST_BUFFER_FLAG_SET (buffer, GST_VIDEO_BUFFER_FLAG_INTERLACED
        | (self->flow.bottom_field ? GST_VIDEO_BUFFER_FLAG_BOTTOM_FIELD
            : GST_VIDEO_BUFFER_FLAG_TOP_FIELD));
    self->flow.bottom_field = !self->flow.bottom_field;
  } else if (info->interlace_mode == GST_VIDEO_INTERLACE_MODE_INTERLEAVED) {
    GST_BUFFER_FLAG_SET (buffer, GST_VIDEO_BUFFER_FLAG_INTERLACED
        | (GST_VIDEO_INFO_FIELD_ORDER (info)
            == GST_VIDEO_FIELD_ORDER_BOTTOM_FIELD_FIRST ? 0
            : GST_VIDEO_BUFFER_FLAG_TFF));
  }
}

/* Takes the picture's turn, which from here on is what was sent last. All
 * buffers share the pixels, and none can write them. */
static GstBuffer *
take_turn_locked (ImageSwitch *self, GstBuffer *live, GstClockTime *time)
{
  Schedule *schedule = &self->schedule;
  gboolean restart = !self->flow.picture
      || !GST_CLOCK_TIME_IS_VALID (schedule->last.time);
  GstClockTime now = imageswitch_clock_now (self);
  const GstVideoInfo *info = &self->out.info;
  GstBuffer *buffer;

  if (!self->running || !is_wanted_locked (self)
      || imageswitch_slide_get_state (self->slide, info) != SLIDE_READY
      || imageswitch_schedule_next (schedule, now, self->hidden, time)
      > (GstClockTimeDiff) now)
    return NULL;
  buffer = live ? gst_buffer_copy (live)
      : imageswitch_slide_take (self->slide, info, *time, restart);
  if (!buffer)                  /* another picture has come meanwhile */
    return NULL;
  GST_BUFFER_DURATION (buffer) = imageswitch_schedule_take (schedule, *time);
  set_field_flags_locked (self, buffer);
  if (!self->flow.picture)
    imageswitch_told_flows_locked (self, TRUE);
  self->flow.prerolled = TRUE;
  g_cond_broadcast (&self->cond);
  return buffer;
}

/* A failure that may pass does not end the picture: an unlinked pad may be
 * linked later, and a flush from elsewhere ends. */
static void
take_result (ImageSwitch *self, GstFlowReturn ret)
{
  if (ret == GST_FLOW_FLUSHING || ret == GST_FLOW_NOT_LINKED) {
    g_mutex_lock (&self->lock);
    self->flow.retry_at = g_get_monotonic_time ()
        + MAX (imageswitch_schedule_span (&self->schedule, 1) / 1000,
            10 * G_TIME_SPAN_MILLISECOND);
    g_mutex_unlock (&self->lock);
  } else if (ret == GST_FLOW_EOS) {     /* downstream has had enough */
    fail (self, ret);
    imageswitch_told_eos (self);
  } else if (ret != GST_FLOW_OK) {
    fail (self, ret);
    GST_ELEMENT_FLOW_ERROR (self, ret);
  }
}

/* Has a GstController set `hidden` for the picture's time. */
static void
sync_control (ImageSwitch *self)
{
  GstSegment *segment = &self->out.segment;
  guint64 position;
  GstClockTime time;

  if (!gst_object_has_active_control_bindings (GST_OBJECT (self)))
    return;
  g_mutex_lock (&self->lock);
  imageswitch_schedule_next (&self->schedule, imageswitch_clock_now (self),
      self->hidden, &time);
  g_mutex_unlock (&self->lock);
  if (segment->format == GST_FORMAT_TIME) {
    position = gst_segment_position_from_running_time (segment,
        GST_FORMAT_TIME, time);
    time = gst_segment_to_stream_time (segment, GST_FORMAT_TIME, position);
  }
  imageswitch_hide_sync (self, time);
}

static void
push_picture (ImageSwitch *self)
{
  g_autoptr (GstBuffer) live = NULL;
  GstClockTime time;
  GstBuffer *buffer;
  GstFlowReturn ret;

  imageswitch_told_stream_start (self);
  ret = settle_caps (self);
  if (ret == GST_FLOW_FLUSHING)
    take_result (self, ret);
  else if (ret != GST_FLOW_OK)
    fail_format (self);
  if (ret != GST_FLOW_OK)
    return;
  live = imageswitch_live_take (self->live, &self->out.info);
  sync_control (self);
  g_mutex_lock (&self->lock);
  buffer = take_turn_locked (self, live, &time);
  g_mutex_unlock (&self->lock);
  if (!buffer) {
    if (imageswitch_slide_get_state (self->slide, &self->out.info)
        == SLIDE_UNSHOWABLE)
      fail_format (self);
    return;
  }
  GST_BUFFER_PTS (buffer) = settle_segment (self, time);
  if (self->told.hidden != TRUE)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  imageswitch_told_hidden (self, TRUE, time);
  take_result (self, gst_pad_push (self->srcpad, buffer));
}

static void
push_next (ImageSwitch *self)
{
  gboolean wanted, eos, flushing;

  GST_PAD_STREAM_LOCK (self->srcpad);
  g_mutex_lock (&self->lock);
  wanted = self->running && is_wanted_locked (self);
  eos = eos_is_due_locked (self);
  flushing = self->flow.flush == FLUSHING;
  if (wanted && flushing)
    self->flow.resync = TRUE;
  g_mutex_unlock (&self->lock);
  /* the camera may never end the flush that it began before it was hidden */
  if (wanted && flushing)
    imageswitch_told_flush_stop (self, gst_event_new_flush_stop (FALSE), FALSE);
  if (wanted && eos)
    imageswitch_told_eos (self);
  else if (wanted)
    push_picture (self);
  GST_PAD_STREAM_UNLOCK (self->srcpad);
}

/* Waits for the file before the first frame. There is no frame rate to hold
 * yet, and the right picture a little later is better than the built-in one for
 * a moment. */
static void
wait_for_load_locked (ImageSwitch *self)
{
  gint64 until = g_get_monotonic_time () + LOAD_PATIENCE;

  while (self->running && !GST_CLOCK_TIME_IS_VALID (self->schedule.last.time)
      && imageswitch_slide_is_loading (self->slide)
      && g_cond_wait_until (&self->cond, &self->lock, until));
}

/* Lets the camera's thread go first, which waits for src's stream lock to show
 * its first frame, or to find that it is hidden. The output thread would take
 * the lock again and again: a receiver that waits for each picture's time
 * leaves hardly a moment between them. */
static void
yield_to_camera_locked (ImageSwitch *self)
{
  gint64 until = g_get_monotonic_time ()
      + imageswitch_schedule_span (&self->schedule, 1) / 1000;

  while (self->running && imageswitch_release_is_entered (self->release)
      && g_cond_wait_until (&self->cond, &self->lock, until));
}

static gpointer
output_thread (gpointer data)
{
  ImageSwitch *self = data;
  GstVideoInfo info;

  g_mutex_lock (&self->lock);
  while (self->running) {
    if (self->out.raw && imageswitch_slide_get_state (self->slide,
            &self->out.info) == SLIDE_STALE) {
      info = self->out.info;
      g_mutex_unlock (&self->lock);
      imageswitch_slide_render (self->slide, &info);
      g_mutex_lock (&self->lock);
    } else if (!is_wanted_locked (self)) {
      g_cond_wait (&self->cond, &self->lock);
    } else if (self->flow.retry_at > g_get_monotonic_time ()) {
      g_cond_wait_until (&self->cond, &self->lock, self->flow.retry_at);
    } else if (wait_until_due_locked (self)) {
      wait_for_load_locked (self);
      yield_to_camera_locked (self);
      g_mutex_unlock (&self->lock);
      push_next (self);
      g_mutex_lock (&self->lock);
    }
  }
  g_mutex_unlock (&self->lock);
  return NULL;
}

/* Ends the flush that downstream was left in when the element was stopped: the
 * camera's own FLUSH_STOP does not get through, if it comes at all. */
static void
end_left_flush (ImageSwitch *self)
{
  g_autoptr (GstPad) peer = gst_pad_get_peer (self->srcpad);

  if (peer)
    gst_pad_send_event (peer, gst_event_new_flush_stop (TRUE));
}

/* Called before the pads are active, so that only setters run beside it, and the
 * camera's FLUSH_START, which a pad takes at any time. */
void
imageswitch_output_reset (ImageSwitch *self)
{
  gboolean left;

  imageswitch_hide_reset (self);
  imageswitch_told_took_caps (self, NULL);
  gst_segment_init (&self->camera.segment, GST_FORMAT_UNDEFINED);
  self->camera.latency_known = FALSE;
  self->told = (Told) { .hidden = -1 };
  g_mutex_lock (&self->lock);
  gst_segment_init (&self->out.segment, GST_FORMAT_UNDEFINED);
  imageswitch_schedule_reset (&self->schedule);
  self->running = TRUE;
  self->changes.upstream = self->sink_flushing = FALSE;
  left = self->flow.flush != FLOWING;
  self->flow = (Flow) { .failure = GST_FLOW_OK };
  self->ends = (Ends) { FALSE };
  imageswitch_told_flows_locked (self, self->hidden);
  imageswitch_gate_set_running (self->gate, TRUE);
  g_mutex_unlock (&self->lock);
  if (left)
    end_left_flush (self);
}

void
imageswitch_output_start (ImageSwitch *self)
{
  self->thread = g_thread_new ("imageswitch", output_thread, self);
}

/* Asks the thread to end. It ends when its push returns, at the latest because
 * the pads are deactivated. */
void
imageswitch_output_stop (ImageSwitch *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->running = FALSE;
  imageswitch_clock_wake_locked (self);
}

void
imageswitch_output_join (ImageSwitch *self)
{
  g_clear_pointer (&self->thread, g_thread_join);
  imageswitch_gate_set_running (self->gate, FALSE);
  imageswitch_told_took_caps (self, NULL);
}
