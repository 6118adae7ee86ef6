/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The output thread: shows the picture while the camera is hidden, and after
 * that until the camera's first frame is there. Paced by the pipeline's clock
 * and by nothing that the camera does.
 */
#include "imageswitch.h"

GST_DEBUG_CATEGORY_EXTERN (imageswitch_debug);
#define GST_CAT_DEFAULT imageswitch_debug

/* Frame rate where the caps leave it open. */
#define DEFAULT_FPS 30

/* Pictures that are late by less are sent all the same, so that the frame
 * rate holds; beyond, they are left out. */
#define CATCH_UP (500 * GST_MSECOND)

/* Where nothing is live, the picture is this far ahead of the clock at most:
 * what follows needs time as well, and nobody declares it. */
#define FILE_LEAD (100 * GST_MSECOND)

/* A file for the picture has this long to load before the first frame. */
#define LOAD_PATIENCE G_TIME_SPAN_SECOND

/* Whatever the output thread waits for, have it look again. */
void
output_wake_locked (ImageSwitch *self)
{
  g_cond_broadcast (&self->cond);
  if (self->wait_id)
    gst_clock_id_unschedule (self->wait_id);
}

GstClock *
output_get_clock (ImageSwitch *self, GstClockTime *base)
{
  GstClock *clock = gst_element_get_clock (GST_ELEMENT (self));

  if (clock) {
    *base = gst_element_get_base_time (GST_ELEMENT (self));
    return clock;
  }
  *base = self->start_time;
  return gst_system_clock_obtain ();
}

/* The running time it is now. */
GstClockTime
output_now (ImageSwitch *self)
{
  GstClockTime base, now;
  g_autoptr (GstClock) clock = output_get_clock (self, &base);

  now = gst_clock_get_time (clock);
  return now > base ? now - base : 0;
}

/* How long @count pictures take: from their number, so that odd frame rates do
 * not drift. */
GstClockTime
output_span_locked (ImageSwitch *self, guint64 count)
{
  gint n = DEFAULT_FPS, d = 1;

  if (self->out_raw && self->out_info.fps_n > 0 && self->out_info.fps_d > 0) {
    n = self->out_info.fps_n;
    d = self->out_info.fps_d;
  }
  if (self->out_raw && self->out_info.interlace_mode
      == GST_VIDEO_INTERLACE_MODE_ALTERNATE)
    n *= 2;
  return gst_util_uint64_scale (count, d * GST_SECOND, n);
}

/* When a picture goes out; no sooner than a camera that has been shown can be
 * there. */
static GstClockTimeDiff
turn_locked (ImageSwitch *self, GstClockTime time)
{
  return (GstClockTimeDiff) time - self->lead
      + (self->hidden ? 0 : (GstClockTimeDiff) self->yielded);
}

/* Running time of the next picture: in step with what was sent last, unless
 * that is long ago. */
static GstClockTime
next_time_locked (ImageSwitch *self, GstClockTime now)
{
  GstClockTimeDiff due;
  GstClockTime time;

  if (!GST_CLOCK_TIME_IS_VALID (self->last_time)) {
    if (!self->upstream_live)
      self->lead = MIN (2 * output_span_locked (self, 1), FILE_LEAD);
    /* due now at the latest: now is later each time that it is asked for */
    self->anchor = self->playing ? now : 0;
    if (self->lead < 0)
      self->anchor -= MIN (self->anchor, (GstClockTime) -self->lead);
    self->anchor_count = 0;
  } else if (!GST_CLOCK_TIME_IS_VALID (self->anchor)) {
    self->anchor = self->last_time;
    if (GST_CLOCK_TIME_IS_VALID (self->last_duration)
        && self->last_duration > 0)
      self->anchor += self->last_duration;
    else
      self->anchor += output_span_locked (self, 1);
    self->anchor_count = 0;
  }
  time = self->anchor + output_span_locked (self, self->anchor_count);
  due = turn_locked (self, time);
  if (self->playing && (GstClockTimeDiff) now - due
      > (GstClockTimeDiff) CATCH_UP) {
    time = MAX ((GstClockTimeDiff) now + self->lead, (GstClockTimeDiff) time);
    self->anchor = time;
    self->anchor_count = 0;
  }
  return time;
}

/* When the picture that is for @time goes out. A camera that has been shown and
 * is a little behind is let in first. */
static GstClockTimeDiff
due_locked (ImageSwitch *self, GstClockTime time)
{
  GstClockTime until = self->yield_until;

  if (!self->hidden && GST_CLOCK_TIME_IS_VALID (until) && time < until
      && until <= time + output_span_locked (self, 1))
    time = until;
  return turn_locked (self, time);
}

static gboolean
eos_is_due_locked (ImageSwitch *self)
{
  return !self->eos_sent
      && (self->eos_wanted || (self->eos_held && !self->hidden));
}

static gboolean
is_wanted_locked (ImageSwitch *self)
{
  if (self->failed || self->eos_sent || self->flush == FLUSH_STARTING)
    return FALSE;
  if (eos_is_due_locked (self))
    return TRUE;
  if (!self->hidden && !release_is_awaiting_locked (self)
      && (self->showing == SHOWING_CAMERA || self->flush == FLUSHING))
    return FALSE;
  return self->playing || !self->prerolled;
}

/* TRUE: it is time for a picture. FALSE: waited, have another look. */
static gboolean
wait_until_due_locked (ImageSwitch *self)
{
  GstClockTimeDiff due;
  GstClockTime base, now;
  GstClock *clock;
  GstClockID id;

  if (!self->playing || eos_is_due_locked (self))
    return TRUE;
  now = output_now (self);
  due = due_locked (self, next_time_locked (self, now));
  if (due <= (GstClockTimeDiff) now)
    return TRUE;
  clock = output_get_clock (self, &base);
  id = gst_clock_new_single_shot_id (clock, base + due);
  self->wait_id = id;
  g_mutex_unlock (&self->lock);
  gst_clock_id_wait (id, NULL);
  g_mutex_lock (&self->lock);
  self->wait_id = NULL;
  gst_clock_id_unref (id);
  gst_object_unref (clock);
  return FALSE;
}

/* Ends downstream's flush, with the camera's event or in its place. */
gboolean
output_end_flush (ImageSwitch *self, GstEvent *flush_stop, gboolean reset_time)
{
  gboolean ret = gst_pad_push_event (self->srcpad, flush_stop);

  gst_segment_init (&self->out_segment, GST_FORMAT_UNDEFINED);
  g_mutex_lock (&self->lock);
  self->flush = FLOWING;
  self->prerolled = FALSE;
  self->failed = self->eos_sent = FALSE;
  self->failure = GST_FLOW_OK;
  self->retry_at = 0;
  self->anchor = GST_CLOCK_TIME_NONE;
  if (reset_time)
    self->last_time = GST_CLOCK_TIME_NONE;
  output_wake_locked (self);
  g_mutex_unlock (&self->lock);
  return ret;
}

static void
fail (ImageSwitch *self, GstFlowReturn failure)
{
  g_mutex_lock (&self->lock);
  self->failed = TRUE;
  self->failure = failure;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

static void
push_stream_start (ImageSwitch *self)
{
  g_autoptr (GstEvent) event = NULL;
  g_autofree gchar *id = NULL;

  if (source_has_stream (self))
    return;
  event = gst_pad_get_sticky_event (self->sinkpad, GST_EVENT_STREAM_START, 0);
  if (!event) {
    /* GStreamer makes them up for elements with one sink pad at most */
    id = g_uuid_string_random ();
    event = gst_event_new_stream_start (id);
    gst_event_set_group_id (event, gst_util_group_id_next ());
  }
  gst_pad_push_event (self->srcpad, g_steal_pointer (&event));
}

static void
tell_format (GstElement *element, gpointer caps)
{
  GST_ELEMENT_ERROR (element, STREAM, FORMAT,
      ("Cannot show a picture in place of the camera."),
      ("no raw video in system memory that downstream takes (caps are %s)",
          (const char *) caps));
}

/* Told on another thread: the application may stop the pipeline where it hears
 * of it, and so the output's thread, which is this one. */
static void
fail_format (ImageSwitch *self)
{
  char *caps = self->out_caps ? gst_caps_to_string (self->out_caps)
      : g_strdup ("not known");

  fail (self, GST_FLOW_NOT_NEGOTIATED);
  gst_element_call_async (GST_ELEMENT (self), tell_format, caps, g_free);
}

/* Caps are kept for as long as downstream takes them. Sticky events are refused
 * only while a flush is about to begin: that passes. */
static GstFlowReturn
settle_caps (ImageSwitch *self)
{
  gboolean changed = gst_pad_check_reconfigure (self->srcpad), raw;
  g_autoptr (GstCaps) caps = NULL;

  g_mutex_lock (&self->lock);
  raw = self->out_raw;
  g_mutex_unlock (&self->lock);
  if (raw && (!changed
          || gst_pad_peer_query_accept_caps (self->srcpad, self->out_caps)))
    return GST_FLOW_OK;
  caps = negotiate_choose (self);
  if (caps && source_push_caps (self, caps))
    return GST_FLOW_OK;
  gst_pad_mark_reconfigure (self->srcpad);
  return caps ? GST_FLOW_FLUSHING : GST_FLOW_NOT_NEGOTIATED;
}

/* Stays in the camera's segment, where it can say @time: a new segment makes
 * some elements drain. */
static GstClockTime
settle_segment (ImageSwitch *self, GstClockTime time)
{
  GstSegment *now = &self->out_segment, segment;
  guint64 position = GST_CLOCK_TIME_NONE;

  if (now->format == GST_FORMAT_TIME && now->rate == 1.0)
    position = gst_segment_position_from_running_time (now, GST_FORMAT_TIME,
        time);
  if (GST_CLOCK_TIME_IS_VALID (position))
    return position;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  source_push_segment (self, &segment);
  return time;
}

static void
set_field_flags_locked (ImageSwitch *self, GstBuffer *buffer)
{
  switch (self->out_info.interlace_mode) {
    case GST_VIDEO_INTERLACE_MODE_ALTERNATE:
      GST_BUFFER_FLAG_SET (buffer, GST_VIDEO_BUFFER_FLAG_INTERLACED
          | (self->bottom_field ? GST_VIDEO_BUFFER_FLAG_BOTTOM_FIELD
              : GST_VIDEO_BUFFER_FLAG_TOP_FIELD));
      self->bottom_field = !self->bottom_field;
      break;
    case GST_VIDEO_INTERLACE_MODE_INTERLEAVED:
      GST_BUFFER_FLAG_SET (buffer, GST_VIDEO_BUFFER_FLAG_INTERLACED);
      if (self->out_info.ABI.abi.field_order
          != GST_VIDEO_FIELD_ORDER_BOTTOM_FIELD_FIRST)
        GST_BUFFER_FLAG_SET (buffer, GST_VIDEO_BUFFER_FLAG_TFF);
      break;
    default:
      break;
  }
}

/* Takes the picture's turn: from here on this is what was sent last. The
 * pixels are shared by all buffers, none of which can write them. */
static GstBuffer *
take_turn_locked (ImageSwitch *self, GstClockTime *time)
{
  GstClockTime now = output_now (self);
  GstBuffer *buffer;

  if (!self->running || !is_wanted_locked (self) || !self->slide
      || slide_is_stale_locked (self))
    return NULL;
  *time = next_time_locked (self, now);
  if (self->playing && due_locked (self, *time) > (GstClockTimeDiff) now)
    return NULL;
  buffer = slide_take_locked (self, *time);
  GST_BUFFER_DURATION (buffer) = self->anchor
      + output_span_locked (self, self->anchor_count + 1) - *time;
  set_field_flags_locked (self, buffer);
  self->anchor_count++;
  self->showing = SHOWING_PICTURE;
  self->prerolled = TRUE;
  self->last_time = *time;
  self->last_duration = GST_BUFFER_DURATION (buffer);
  g_cond_broadcast (&self->cond);
  return buffer;
}

static void
push_eos (ImageSwitch *self)
{
  push_stream_start (self);
  g_mutex_lock (&self->lock);
  self->eos_held = self->eos_wanted = FALSE;
  self->eos_sent = TRUE;
  g_mutex_unlock (&self->lock);
  gst_pad_push_event (self->srcpad, gst_event_new_eos ());
}

/* Nothing that may pass ends the picture: who is not linked may be linked
 * later, who is flushed from elsewhere comes back. */
static void
take_result (ImageSwitch *self, GstFlowReturn ret)
{
  switch (ret) {
    case GST_FLOW_OK:
      break;
    case GST_FLOW_FLUSHING:
    case GST_FLOW_NOT_LINKED:
      g_mutex_lock (&self->lock);
      self->retry_at = g_get_monotonic_time ()
          + MAX (output_span_locked (self, 1) / 1000,
              10 * G_TIME_SPAN_MILLISECOND);
      g_mutex_unlock (&self->lock);
      break;
    case GST_FLOW_EOS:          /* downstream has had enough */
      fail (self, ret);
      push_eos (self);
      break;
    default:
      fail (self, ret);
      GST_ELEMENT_FLOW_ERROR (self, ret);
      break;
  }
}

/* A GstController may have something to say about the picture's time. */
static void
sync_control (ImageSwitch *self)
{
  GstSegment *segment = &self->out_segment;
  guint64 position;
  GstClockTime time;

  if (!gst_object_has_active_control_bindings (GST_OBJECT (self)))
    return;
  g_mutex_lock (&self->lock);
  time = next_time_locked (self, output_now (self));
  g_mutex_unlock (&self->lock);
  if (segment->format == GST_FORMAT_TIME) {
    position = gst_segment_position_from_running_time (segment,
        GST_FORMAT_TIME, time);
    time = gst_segment_to_stream_time (segment, GST_FORMAT_TIME, position);
  }
  control_sync (self, time);
}

static void
push_picture (ImageSwitch *self)
{
  gboolean unshowable;
  GstClockTime time;
  GstBuffer *buffer;
  GstFlowReturn ret;

  push_stream_start (self);
  ret = settle_caps (self);
  if (ret != GST_FLOW_OK) {
    if (ret == GST_FLOW_FLUSHING)
      take_result (self, ret);
    else
      fail_format (self);
    return;
  }
  image_prepare (self);
  sync_control (self);
  g_mutex_lock (&self->lock);
  buffer = take_turn_locked (self, &time);
  unshowable = !self->slide && !slide_is_stale_locked (self);
  g_mutex_unlock (&self->lock);
  if (!buffer) {
    if (unshowable)
      fail_format (self);
    return;
  }
  GST_BUFFER_PTS (buffer) = settle_segment (self, time);
  if (self->told_hidden != TRUE)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  source_announce (self, TRUE, time);
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
  flushing = self->flush == FLUSHING;
  if (wanted && flushing)
    self->resync = TRUE;
  g_mutex_unlock (&self->lock);
  /* the camera may never end the flush that it began before it was hidden */
  if (wanted && flushing)
    output_end_flush (self, gst_event_new_flush_stop (FALSE), FALSE);
  if (wanted && eos)
    push_eos (self);
  else if (wanted)
    push_picture (self);
  GST_PAD_STREAM_UNLOCK (self->srcpad);
}

/* At the very start there is no frame rate to hold yet: better the right
 * picture a little later than the built-in one for a moment. */
static void
wait_for_load_locked (ImageSwitch *self)
{
  gint64 until = g_get_monotonic_time () + LOAD_PATIENCE;

  while (self->running && !GST_CLOCK_TIME_IS_VALID (self->last_time)
      && (self->loading.busy || (self->loading.wanted && self->location))
      && g_cond_wait_until (&self->cond, &self->lock, until));
}

/* The camera's thread waits for src's stream lock, to show its first frame or
 * to find that it is hidden. We would take it again and again: a receiver that
 * waits for each picture's time leaves hardly a moment between them. */
static void
yield_to_camera_locked (ImageSwitch *self)
{
  gint64 until = g_get_monotonic_time () + output_span_locked (self, 1) / 1000;

  while (self->running && self->release.inside > 0
      && g_cond_wait_until (&self->cond, &self->lock, until));
}

static gpointer
output_thread (gpointer data)
{
  ImageSwitch *self = data;

  g_mutex_lock (&self->lock);
  while (self->running) {
    if (slide_is_stale_locked (self)) {
      g_mutex_unlock (&self->lock);
      slide_render (self);
      g_mutex_lock (&self->lock);
    } else if (!is_wanted_locked (self)) {
      g_cond_wait (&self->cond, &self->lock);
    } else if (self->retry_at > g_get_monotonic_time ()) {
      g_cond_wait_until (&self->cond, &self->lock, self->retry_at);
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

/* The flush that downstream was left in when we were stopped: the camera ends
 * it with nobody here, if at all. */
static void
end_left_flush (ImageSwitch *self)
{
  g_autoptr (GstPad) peer = gst_pad_get_peer (self->srcpad);
  gboolean left;

  g_mutex_lock (&self->lock);
  left = self->flush != FLOWING;
  g_mutex_unlock (&self->lock);
  if (left && peer)
    gst_pad_send_event (peer, gst_event_new_flush_stop (TRUE));
}

/* Before the pads are active: nobody else is here yet. */
void
output_reset (ImageSwitch *self)
{
  end_left_flush (self);
  gst_segment_init (&self->out_segment, GST_FORMAT_UNDEFINED);
  self->told_hidden = -1;
  self->key_units = 0;
  g_mutex_lock (&self->lock);
  gst_segment_init (&self->last_segment, GST_FORMAT_UNDEFINED);
  self->running = TRUE;
  self->showing = self->hidden ? SHOWING_PICTURE : SHOWING_CAMERA;
  self->playing = self->prerolled = FALSE;
  self->resync = self->upstream_hidden = FALSE;
  self->failed = self->eos_held = self->eos_wanted = self->eos_sent = FALSE;
  self->failure = GST_FLOW_OK;
  self->sink_flushing = self->bottom_field = FALSE;
  self->flush = FLOWING;
  self->retry_at = 0;
  self->upstream_live = FALSE;
  self->upstream_latency = 0;
  self->last_time = self->last_duration = GST_CLOCK_TIME_NONE;
  self->yield_until = self->yielded_at = GST_CLOCK_TIME_NONE;
  self->yielded = 0;
  self->anchor = GST_CLOCK_TIME_NONE;
  self->lead = 0;
  gst_clear_caps (&self->out_caps);
  self->out_raw = FALSE;
  g_mutex_unlock (&self->lock);
}

void
output_start (ImageSwitch *self)
{
  self->thread = g_thread_new ("imageswitch", output_thread, self);
}

/* Asks the thread to end; it does when its push returns, which the pads being
 * deactivated sees to. */
void
output_stop (ImageSwitch *self)
{
  g_mutex_lock (&self->lock);
  self->running = FALSE;
  output_wake_locked (self);
  g_mutex_unlock (&self->lock);
}

void
output_join (ImageSwitch *self)
{
  g_clear_pointer (&self->thread, g_thread_join);
  camera_close_gate (self);
  g_mutex_lock (&self->lock);
  gst_clear_caps (&self->out_caps);
  self->out_raw = FALSE;
  g_mutex_unlock (&self->lock);
}
