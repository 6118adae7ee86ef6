/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The camera's side: what comes in on sink, and the one place where a frame of
 * the camera may leave.
 *
 * Whether a frame may leave is decided twice: under `lock` right before it is
 * pushed, and once more at the gate, a probe on the very pad it is pushed
 * into. The setter of `hidden` takes the same lock, so a frame that has not
 * come through the gate by the time it returns never will.
 */
#include "imageswitch.h"

GST_DEBUG_CATEGORY_EXTERN (imageswitch_debug);
#define GST_CAT_DEFAULT imageswitch_debug

/* How long the setter of `hidden` waits for a frame on its way out. A push
 * that takes longer is blocked downstream, perhaps by the setter's caller. */
#define IN_FLIGHT_PATIENCE (250 * G_TIME_SPAN_MILLISECOND)

/* A camera has started anew when its time goes back by at least this, for so
 * many frames on end: its time is then shifted. Otherwise a frame that goes
 * back is one from before the switch, or wrong: dropped. */
#define RESTART_THRESHOLD GST_SECOND
#define RESTART_FRAMES 3

/* After how long the picture may hold back for the camera once more. */
#define YIELD_AGAIN GST_SECOND

/* So many frames that are far behind are no passing thing. */
#define FAR_FRAMES 10

/* A live camera hands its frames over later than they were taken, by its
 * latency and up to this much more. Timestamps that are older still tell
 * nothing of when a frame was taken. */
#define CAPTURE_PATIENCE (500 * GST_MSECOND)

void
camera_start (ImageSwitch *self)
{
  gst_segment_init (&self->camera_segment, GST_FORMAT_UNDEFINED);
  self->camera_live_known = FALSE;
  self->camera_shift = 0;
  self->back_frames = 0;
  g_mutex_lock (&self->lock);   /* setters are about at any time */
  self->shown_at = GST_CLOCK_TIME_NONE;
  g_mutex_unlock (&self->lock);
  control_reset (self);
}

/* `hidden` is about to become false. @now is a time before that. */
void
camera_note_show_locked (ImageSwitch *self, GstClockTime now)
{
  self->shown_at = self->playing ? now : GST_CLOCK_TIME_NONE;
  self->yielded = 0;
  self->far_frames = 0;
}

/* The running time of a camera's frame, or NONE where it has none. */
static GstClockTime
frame_time (ImageSwitch *self, GstBuffer *buffer)
{
  GstClockTime time = GST_BUFFER_PTS (buffer);

  if (!GST_CLOCK_TIME_IS_VALID (time)
      || self->camera_segment.format != GST_FORMAT_TIME)
    return GST_CLOCK_TIME_NONE;
  return gst_segment_to_running_time (&self->camera_segment, GST_FORMAT_TIME,
      time);
}

/* Once a stream. What downstream reckons with may be what we said for a camera
 * that was shut: if it needs more time than that, downstream has to know. */
static void
learn_latency (ImageSwitch *self)
{
  g_autoptr (GstQuery) query = NULL;
  GstClockTime min, told;
  gboolean live;

  if (self->camera_live_known)
    return;
  self->camera_live_known = TRUE;
  query = gst_query_new_latency ();
  if (!gst_pad_peer_query (self->sinkpad, query))
    return;
  gst_query_parse_latency (query, &live, &min, NULL);
  g_mutex_lock (&self->lock);
  release_learn_locked (self, live, min);
  told = self->release.told;
  g_mutex_unlock (&self->lock);
  if (live && GST_CLOCK_TIME_IS_VALID (told) && min > told)
    gst_element_post_message (GST_ELEMENT (self),
        gst_message_new_latency (GST_OBJECT (self)));
}

/* Camera threads that may be downstream, or waiting to get there, are counted
 * in `inside`: the camera cannot be shut down before they are back. */
void
camera_leave (ImageSwitch *self)
{
  g_mutex_lock (&self->lock);
  if (--self->release.inside == 0) {
    g_cond_signal (&self->release.cond);
    if (self->hidden || self->showing == SHOWING_PICTURE)
      g_cond_broadcast (&self->cond);
  }
  g_mutex_unlock (&self->lock);
}

/* While hidden a live camera's frames are dropped as they come. A file would
 * race to its end that way, so its frames wait for the picture to get there.
 * Nothing here waits for downstream: a camera that is to be closed must be
 * able to get out. FALSE: the frame is not to go on. Otherwise camera_leave()
 * is to be called. */
static gboolean
wait_for_turn (ImageSwitch *self, GstClockTime time, GstFlowReturn *ret)
{
  gboolean go;

  g_mutex_lock (&self->lock);
  release_saw_frame_locked (self);
  while (self->running && self->hidden && !self->upstream_live
      && !self->failed && !self->sink_flushing && GST_CLOCK_TIME_IS_VALID (time)
      && (!GST_CLOCK_TIME_IS_VALID (self->last_time)
          || time > self->last_time))
    g_cond_wait (&self->cond, &self->lock);
  *ret = self->failure;
  if (self->sink_flushing || !self->running)
    *ret = GST_FLOW_FLUSHING;
  go = *ret != GST_FLOW_FLUSHING && !self->hidden && !self->release.shutting;
  if (go)
    self->release.inside++;
  g_mutex_unlock (&self->lock);
  return go;
}

/* The thread is what tells the camera's frame: others may have put a copy in
 * its place on the way here. */
static GstPadProbeReturn
gate (GstPad *peer, GstPadProbeInfo *info, gpointer data)
{
  ImageSwitch *self = data;
  GstPadProbeReturn ret = GST_PAD_PROBE_OK;

  g_mutex_lock (&self->lock);
  if (self->hidden && self->in_flight == g_thread_self ()) {
    self->in_flight_dropped = TRUE;
    ret = GST_PAD_PROBE_DROP;
  }
  g_mutex_unlock (&self->lock);
  return ret;
}

/* Puts the gate on @peer, and takes it away where it was before. */
static void
move_gate (ImageSwitch *self, GstPad *peer)
{
  gulong id = 0, other_id;
  GstPad *other;

  if (peer)
    id = gst_pad_add_probe (peer, GST_PAD_PROBE_TYPE_BUFFER, gate,
        gst_object_ref (self), gst_object_unref);
  g_mutex_lock (&self->lock);
  if (!peer || self->running) {
    other = self->gate_pad;
    other_id = self->gate_id;
    self->gate_pad = peer ? gst_object_ref (peer) : NULL;
    self->gate_id = id;
  } else {                      /* stopped meanwhile: nobody would close it */
    other = gst_object_ref (peer);
    other_id = id;
  }
  g_mutex_unlock (&self->lock);
  if (!other)
    return;
  gst_pad_remove_probe (other, other_id);
  gst_object_unref (other);
}

void
camera_close_gate (ImageSwitch *self)
{
  move_gate (self, NULL);
}

/* Called before each push, and when src is linked while running: a frame that
 * is blocked on src meanwhile must not find an open way. */
void
camera_keep_gate (ImageSwitch *self)
{
  g_autoptr (GstPad) peer = gst_pad_get_peer (self->srcpad);
  gboolean kept;

  g_mutex_lock (&self->lock);
  kept = peer == self->gate_pad || !self->running;
  g_mutex_unlock (&self->lock);
  if (!kept)
    move_gate (self, peer);
}

/* Called by the setter, `hidden` being set: returns when the frame on its way
 * out has been handed over, or when waiting for that has no end. */
void
camera_wait_in_flight (ImageSwitch *self)
{
  gint64 until = g_get_monotonic_time () + IN_FLIGHT_PATIENCE;

  g_mutex_lock (&self->lock);
  self->in_flight_waiters++;
  while (self->in_flight && self->in_flight != g_thread_self ()
      && g_cond_wait_until (&self->cond, &self->lock, until));
  self->in_flight_waiters--;
  g_mutex_unlock (&self->lock);
}

static void
note_sent_locked (ImageSwitch *self, GstBuffer *buffer, GstClockTime time,
    GstClockTime now)
{
  GstClockTimeDiff lead;

  self->prerolled = TRUE;
  self->anchor = GST_CLOCK_TIME_NONE;
  if (!GST_CLOCK_TIME_IS_VALID (time))
    return;
  self->last_time = time;
  self->last_duration = GST_BUFFER_DURATION (buffer);
  if (!self->playing || !GST_CLOCK_TIME_IS_VALID (now))
    return;
  /* a frame that came late does not make the picture late */
  lead = GST_CLOCK_DIFF (now, time);
  self->lead = MAX (lead, -(GstClockTimeDiff) self->upstream_latency);
}

static GstFlowReturn
push_frame (ImageSwitch *self, GstBuffer *buffer, GstClockTime time)
{
  GstClockTime now = output_now (self);
  GstClockTime last_time, last_duration;
  GstClockTimeDiff lead;
  gboolean recovered;
  GstFlowReturn ret;

  camera_keep_gate (self);
  g_mutex_lock (&self->lock);
  if (self->hidden || !self->running) {
    ret = self->running ? self->failure : GST_FLOW_FLUSHING;
    g_mutex_unlock (&self->lock);
    gst_buffer_unref (buffer);
    return ret;
  }
  last_time = self->last_time;
  last_duration = self->last_duration;
  lead = self->lead;
  note_sent_locked (self, buffer, time, now);
  self->in_flight = g_thread_self ();
  self->in_flight_dropped = FALSE;
  g_mutex_unlock (&self->lock);

  ret = gst_pad_push (self->srcpad, buffer);

  g_mutex_lock (&self->lock);
  self->in_flight = NULL;
  if (self->in_flight_dropped) {
    self->last_time = last_time;
    self->last_duration = last_duration;
    self->lead = lead;
    self->anchor = GST_CLOCK_TIME_NONE;
    output_wake_locked (self);
  }
  recovered = self->failed && ret == GST_FLOW_OK && !self->in_flight_dropped;
  if (recovered) {              /* downstream is well again */
    self->failed = FALSE;
    self->failure = GST_FLOW_OK;
  }
  /* the output thread waits as well, and must not wake for each frame */
  if (recovered || self->in_flight_waiters > 0)
    g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  return ret;
}

/* Free where downstream has it already. */
gboolean
camera_push_segment (ImageSwitch *self)
{
  GstSegment segment = self->camera_segment;

  if (segment.format == GST_FORMAT_UNDEFINED)
    return TRUE;
  segment.base += self->camera_shift;
  if (gst_segment_is_equal (&segment, &self->out_segment))
    return TRUE;
  return source_push_segment (self, &segment);
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

/* Told by another imageswitch before us: what goes out here is hidden when
 * either is. */
gboolean
camera_is_hidden_event (GstEvent *event)
{
  return GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_DOWNSTREAM_STICKY
      && gst_event_has_name (event, HIDDEN_EVENT);
}

/* Passes on what the camera said while nobody listened. Caps that are the
 * same are not sent again, so that switching renegotiates nothing; and what
 * flows out is one stream, which starts only once. */
static gboolean
catch_up (GstPad *pad, GstEvent **event, gpointer data)
{
  ImageSwitch *self = data;
  GstCaps *caps;

  switch (GST_EVENT_TYPE (*event)) {
    case GST_EVENT_STREAM_START:
      if (!source_has_stream (self))
        gst_pad_push_event (self->srcpad, gst_event_ref (*event));
      break;
    case GST_EVENT_CAPS:
      gst_event_parse_caps (*event, &caps);
      if (self->out_caps && gst_caps_is_equal (caps, self->out_caps))
        break;
      return source_push_caps (self, caps);
    case GST_EVENT_SEGMENT:
      return camera_push_segment (self);
    case GST_EVENT_EOS:
      break;
    default:
      if (!camera_is_hidden_event (*event)
          && !control_is_hide_event (*event) && !was_sent (self, *event))
        gst_pad_push_event (self->srcpad, gst_event_ref (*event));
      break;
  }
  return TRUE;
}

/* Lets the camera through from its next frame on. What it said goes first;
 * nothing of that is a pixel. */
gboolean
camera_show (ImageSwitch *self)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (self->sinkpad);
  gboolean ok;

  g_mutex_lock (&self->lock);
  self->resync = FALSE;
  g_mutex_unlock (&self->lock);
  gst_pad_sticky_events_foreach (self->sinkpad, catch_up, self);
  ok = !caps || (self->out_caps && gst_caps_is_equal (caps, self->out_caps));
  g_mutex_lock (&self->lock);
  if (!ok)
    self->resync = TRUE;
  else if (!self->hidden)
    self->showing = SHOWING_CAMERA;
  g_mutex_unlock (&self->lock);
  return ok;
}

/* A camera that has started anew: its running time goes on where the last
 * frame ended, or where the clock is meanwhile. */
static void
shift_restart_locked (ImageSwitch *self, GstClockTime time, GstClockTime now)
{
  GstClockTime next = self->last_time + 1;

  if (GST_CLOCK_TIME_IS_VALID (self->last_duration))
    next += self->last_duration;
  if (self->playing && (GstClockTimeDiff) now + self->lead
      > (GstClockTimeDiff) next)
    next = now + self->lead;
  self->camera_shift = GST_CLOCK_DIFF (time, next);
}

/* The frame's running time as it goes out. */
static GstClockTime
shift_time (ImageSwitch *self, GstClockTime time)
{
  GstClockTimeDiff limit;
  gboolean back;

  if (!GST_CLOCK_TIME_IS_VALID (time))
    return time;
  g_mutex_lock (&self->lock);
  limit = (GstClockTimeDiff) self->last_time
      - (GstClockTimeDiff) RESTART_THRESHOLD;
  back = GST_CLOCK_TIME_IS_VALID (self->last_time)
      && (GstClockTimeDiff) time + self->camera_shift <= limit;
  self->back_frames = back ? self->back_frames + 1 : 0;
  if (self->back_frames == RESTART_FRAMES) {
    self->back_frames = 0;
    shift_restart_locked (self, time, output_now (self));
  } else if ((GstClockTimeDiff) time > limit) {
    self->camera_shift = 0;     /* it is back in its old time */
  }
  time += self->camera_shift;
  g_mutex_unlock (&self->lock);
  return time;
}

/* A frame must not go back behind what was sent last. At a switch it must be
 * later: the picture may have taken its place already. */
static gboolean
is_late_locked (ImageSwitch *self, GstClockTime time, gboolean switching)
{
  return GST_CLOCK_TIME_IS_VALID (time)
      && GST_CLOCK_TIME_IS_VALID (self->last_time)
      && (time < self->last_time || (switching && time == self->last_time));
}

/* The picture has just taken the time that a frame of the camera is for. At the
 * same rate it would do so for ever, each time a moment before the camera: it
 * leaves out one turn, so that the camera's next frame is the first.
 *
 * A live camera may also be far behind, its frames coming later than its
 * latency says. Once that is no passing thing, each turn of the picture comes
 * one later than the one before, until the camera is there.
 *
 * Never is more than one turn left out for the same picture. */
static void
let_catch_up_locked (ImageSwitch *self, GstClockTime time, GstClockTime now)
{
  GstClockTime until = self->yield_until;
  GstClockTime span = output_span_locked (self, 1);

  if (self->yielded_at == self->last_time)
    return;
  self->yielded_at = self->last_time;
  if (self->last_time - time >= span) {
    if (self->upstream_live && ++self->far_frames > FAR_FRAMES
        && self->yielded + span < RESTART_THRESHOLD)
      self->yielded += span;
  } else if (!GST_CLOCK_TIME_IS_VALID (until) || until > now + 2 * span
      || now >= until + YIELD_AGAIN) {
    self->yield_until = self->last_time + output_span_locked (self, 2);
  }
}

/* Taken while hidden, and only now on its way: not to be seen either. */
static gboolean
was_taken_hidden_locked (ImageSwitch *self, GstClockTime time, GstClockTime now)
{
  return self->upstream_live && GST_CLOCK_TIME_IS_VALID (time)
      && GST_CLOCK_TIME_IS_VALID (self->shown_at) && time < self->shown_at
      && now < self->shown_at + self->upstream_latency + CAPTURE_PATIENCE;
}

/* Under src's stream lock. */
static GstFlowReturn
admit (ImageSwitch *self, GstBuffer *buffer, GstClockTime time)
{
  GstClockTime now = output_now (self);
  gboolean drop, late, switching, hidden_before;
  GstFlowReturn ret;

  g_mutex_lock (&self->lock);
  ret = self->failure;
  hidden_before = self->upstream_hidden;
  switching = self->showing == SHOWING_PICTURE || self->resync;
  late = is_late_locked (self, time, switching);
  drop = self->hidden || late;
  if (late && switching && !self->hidden)
    let_catch_up_locked (self, time, now);
  if (!drop && was_taken_hidden_locked (self, time, now)) {
    drop = TRUE;
    /* also where no picture was due in so short a time: one is now */
    self->showing = SHOWING_PICTURE;
    output_wake_locked (self);
  }
  g_mutex_unlock (&self->lock);
  if (drop) {
    gst_buffer_unref (buffer);
    return ret;
  }
  if ((switching && !camera_show (self)) || !camera_push_segment (self)) {
    gst_buffer_unref (buffer);
    return GST_FLOW_NOT_NEGOTIATED;
  }
  source_announce (self, hidden_before, time);
  return push_frame (self, buffer, time);
}

GstFlowReturn
camera_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  ImageSwitch *self = IMAGE_SWITCH (parent);
  GstClockTime time = shift_time (self, frame_time (self, buffer));
  GstFlowReturn ret;

  learn_latency (self);
  if (self->camera_segment.format == GST_FORMAT_TIME)
    control_sync (self, gst_segment_to_stream_time (&self->camera_segment,
            GST_FORMAT_TIME, GST_BUFFER_PTS (buffer)));
  if (!wait_for_turn (self, time, &ret)) {
    gst_buffer_unref (buffer);
    return ret;
  }
  GST_PAD_STREAM_LOCK (self->srcpad);
  ret = admit (self, buffer, time);
  GST_PAD_STREAM_UNLOCK (self->srcpad);
  camera_leave (self);
  return ret;
}
