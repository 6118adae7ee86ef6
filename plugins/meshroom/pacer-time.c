/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Computes when a buffer is due on the room's clock, and waits until then. */

#include "meshroom/pacer-private.h"

#include <gst/audio/audio.h>

#include "meshroom/common.h"
#include "meshroom/upstream.h"

/* A source without any clock must be slowed down, but its frames may come this
 * much faster than their frame rate: an application's timer is a little
 * inaccurate and must not be held back, or frames would pile up. */
#define UNTIMED_SPEED_NUM 9
#define UNTIMED_SPEED_DENOM 10

/* Sound without timestamps that comes this much later than the sound before has
 * ended is of now. What is less late follows without a gap. */
#define UNTIMED_GAP ((gint64) (40 * GST_MSECOND))

/* The least distance between two frames that an encoder can tell apart. */
#define LEAST_DISTANCE GST_MSECOND

/* How often a waiting thread checks whether a thread upstream waits for it, in
 * microseconds, and the number of such checks in a row after which it drops its
 * buffer. A state change that ends before that costs no frame. */
#define LOOK_UPSTREAM (50 * G_TIME_SPAN_MILLISECOND)
#define LOOKS 6

/* --- the clock --- */

/* Returns: (transfer full): the room's clock; the system's clock if there is
 * none */
static GstClock *
get_clock (MeshPacer *self, gint64 *base)
{
  GstClock *clock;

  GST_OBJECT_LOCK (self);
  clock = GST_ELEMENT_CLOCK (self);
  if (clock)
    gst_object_ref (clock);
  *base = GST_ELEMENT_CAST (self)->base_time;
  GST_OBJECT_UNLOCK (self);
  return clock ? clock : gst_system_clock_obtain ();
}

static gint64
get_now (MeshPacer *self)
{
  gint64 base;
  g_autoptr (GstClock) clock = get_clock (self, &base);

  return (gint64) gst_clock_get_time (clock) - base;
}

/* Whether the input is held: the element does not play, or the timeline is
 * closed for an input that is @timed and can wait. Live input is held as well
 * until the element plays, since there is no base time before, or that of
 * before a pause. It can come so early where a bin starts the source before the
 * room, which it may do when its elements form a circle. */
static gboolean
is_held_locked (MeshPacer *self, gboolean timed)
{
  return !self->flushing && (!self->playing || (timed && !self->live
          && !mesh_timeline_is_open_locked (self->timeline)));
}

/* Waits where the input is held. The stream lock of the pad upstream is held
 * meanwhile, so whoever stops a source that waits for the first peer, or sends
 * EOS to it, would wait until that peer comes, maybe for ever.
 *
 * Returns: FALSE when the thread is to let go of its buffer */
static gboolean
wait_for_change_locked (MeshPacer *self, guint *found)
{
  mesh_timeline_wait_locked (self->timeline, LOOK_UPSTREAM);
  mesh_timeline_unlock (self->timeline);
  *found = mesh_upstream_is_handled (self->sinkpad) ? *found + 1 : 0;
  mesh_timeline_lock (self->timeline);
  return *found < LOOKS;
}

/* Waits on the clock. Returns: whether the time has come; FALSE when the wait
 * was cut short, or the input is held by now */
static gboolean
wait_for_clock (MeshPacer *self, gint64 time, gboolean timed)
{
  gint64 base;
  g_autoptr (GstClock) clock = get_clock (self, &base);
  GstClockReturn result = GST_CLOCK_UNSCHEDULED;
  GstClockID id;

  if (time + base <= (gint64) gst_clock_get_time (clock))
    return TRUE;
  id = gst_clock_new_single_shot_id (clock, base + time);
  mesh_timeline_lock (self->timeline);
  if (!self->flushing && !is_held_locked (self, timed))
    self->waiting = id;
  mesh_timeline_unlock (self->timeline);
  if (self->waiting)
    result = gst_clock_id_wait (id, NULL);
  mesh_timeline_lock (self->timeline);
  self->waiting = NULL;
  mesh_timeline_unlock (self->timeline);
  gst_clock_id_unref (id);
  return result != GST_CLOCK_UNSCHEDULED;
}

/* Ends the waits of the streaming thread, which looks again at what has
 * changed. */
void
mesh_pacer_let_go (MeshPacer *self)
{
  GstClockID waiting;

  mesh_timeline_lock (self->timeline);
  waiting = self->waiting ? gst_clock_id_ref (self->waiting) : NULL;
  mesh_timeline_wake_locked (self->timeline);
  mesh_timeline_unlock (self->timeline);
  if (!waiting)
    return;
  gst_clock_id_unschedule (waiting);
  gst_clock_id_unref (waiting);
}

/* --- a buffer's time --- */

/* Returns: how many samples of each channel a buffer of raw sound has; 0 for
 * all else */
gsize
mesh_pacer_count_samples (MeshPacer *self, GstBuffer *buffer)
{
  GstAudioMeta *meta = gst_buffer_get_audio_meta (buffer);

  if (self->rate <= 0 || self->bytes_per_frame <= 0)
    return 0;
  return meta ? meta->samples
      : gst_buffer_get_size (buffer) / self->bytes_per_frame;
}

/* Returns: the duration of a buffer that has none of its own, or NONE */
static GstClockTime
get_duration (MeshPacer *self, GstBuffer *buffer)
{
  gsize samples = mesh_pacer_count_samples (self, buffer);

  if (samples > 0)
    return gst_util_uint64_scale (samples, GST_SECOND, self->rate)
        / ABS (self->segment.rate);
  if (GST_BUFFER_DURATION_IS_VALID (buffer))
    return GST_BUFFER_DURATION (buffer) / ABS (self->segment.rate);
  return self->frame_duration;
}

/* Returns the timestamp by which a buffer is played. It is the DTS of encoded
 * frames, which come in decoding order. */
static GstClockTime
get_start (MeshPacer *self, GstBuffer *buffer)
{
  return self->is_raw ? GST_BUFFER_PTS (buffer)
      : GST_BUFFER_DTS_OR_PTS (buffer);
}

/* Whether the buffer has a timestamp, and so can be held until the timeline is
 * open. Frames without timestamps are most likely made by an application's own
 * timer, which does not stop when it is not listened to. */
static gboolean
is_timed (MeshPacer *self, GstBuffer *buffer)
{
  return self->segment.format == GST_FORMAT_TIME
      && GST_CLOCK_TIME_IS_VALID (get_start (self, buffer));
}

/* Computes the running time of a buffer. Returns FALSE if it has none. *outside
 * tells that the buffer lies outside of its segment; a raw one is then not
 * shown. */
static gboolean
get_running_time (MeshPacer *self, GstBuffer *buffer, gint64 *time,
    gboolean *outside)
{
  GstClockTime start = get_start (self, buffer), stop = start;
  guint64 first, last;
  int sign_first, sign_last;

  *outside = FALSE;
  if (!is_timed (self, buffer))
    return FALSE;
  if (GST_BUFFER_DURATION_IS_VALID (buffer))
    stop = start + GST_BUFFER_DURATION (buffer);
  *outside = !gst_segment_clip (&self->segment, GST_FORMAT_TIME, start, stop,
      NULL, NULL);
  sign_first = gst_segment_to_running_time_full (&self->segment,
      GST_FORMAT_TIME, start, &first);
  sign_last = gst_segment_to_running_time_full (&self->segment,
      GST_FORMAT_TIME, stop, &last);
  if (sign_first == 0 || sign_last == 0)
    return FALSE;
  /* in reverse playback, a frame begins with its end */
  *time = MIN (sign_first * (gint64) first, sign_last * (gint64) last);
  return TRUE;
}

/* Returns: the time of a frame of live input, at a distance from the one
 * before.
 * @time: its own, or the present one where it has none */
static gint64
space_frame (MeshPacer *self, GstBuffer *buffer, gint64 time, gint64 now)
{
  GstClockTime duration = get_duration (self, buffer);

  if (!self->is_raw || !GST_CLOCK_TIME_IS_VALID (self->last))
    return time;
  if (!GST_CLOCK_TIME_IS_VALID (duration) || duration == 0)
    return MAX (time, (gint64) (self->last + LEAST_DISTANCE));
  return mesh_pacer_flow_space (&self->flow, self->last, time, duration, now);
}

/* Returns: the time of a piece of sound. @time: its own, or the present one
 * where it has none; @gap: how much later than the sound before has ended it
 * may be, and yet follows without a gap */
static gint64
join_sound (
    MeshPacer *self, GstBuffer *buffer, gint64 time, gint64 gap, gint64 now)
{
  gint64 end = self->end;

  if (!self->is_raw || !GST_CLOCK_TIME_IS_VALID (self->end)
      || GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DISCONT))
    return time;
  return mesh_pacer_flow_join (&self->flow, end, time, gap, now);
}

/* Buffers without a timestamp follow each other. */
static void
place_untimed (MeshPacer *self, GstBuffer *buffer, gint64 now,
    GstClockTime *out, gint64 *due)
{
  GstClockTime duration = get_duration (self, buffer);
  gint64 time = now;

  if (!self->is_video)
    time = join_sound (self, buffer, now, UNTIMED_GAP, now);
  else if (self->live)
    time = space_frame (self, buffer, now, now);
  else if (GST_CLOCK_TIME_IS_VALID (self->last)
           && GST_CLOCK_TIME_IS_VALID (duration))
    time = MAX (
        now, (gint64) (self->last
                       + duration * UNTIMED_SPEED_NUM / UNTIMED_SPEED_DENOM));
  *out = MAX (time, 0);
  *due = self->live && !self->is_video
             ? mesh_pacer_flow_tolerate (time, self->is_part)
             : time;
}

/* Whether the buffer has the timestamp of the one before, and so none that
 * means anything. */
static gboolean
repeats_time (MeshPacer *self, GstBuffer *buffer)
{
  return self->is_raw && GST_CLOCK_TIME_IS_VALID (self->last_start)
         && get_start (self, buffer) == self->last_start;
}

/* Computes the buffer's time on the room's clock, and when it is to go out. */
static MeshPlace
place_locked (MeshPacer *self, GstBuffer *buffer, gint64 now, GstClockTime *out,
    gint64 *due)
{
  MeshPlace place = MESH_PLACE_PLAY;
  gint64 time;
  gboolean outside;

  if (!get_running_time (self, buffer, &time, &outside)
      || repeats_time (self, buffer)) {
    place_untimed (self, buffer, now, out, due);
    return MESH_PLACE_PLAY;
  }
  if (outside && self->is_raw)
    return MESH_PLACE_DROP;
  if (self->live) {
    mesh_track_place_live_locked (self->track, time, now, out);
    *out = self->is_video ? space_frame (self, buffer, *out, now)
                          : join_sound (self, buffer, *out, 0, now);
    *due = mesh_pacer_flow_get_due (&self->flow, *out, now, self->is_part);
  } else {
    place = mesh_track_place_locked (
        self->track, time, now, self->is_video && self->is_raw, out);
    *due = *out;
  }
  return place;
}

/* Waits until the buffer is due. Returns FLUSHING when the element is flushing,
 * CUSTOM_SUCCESS when the buffer is late and to be dropped, and
 * CUSTOM_SUCCESS_1 when a thread upstream waits for this one. */
GstFlowReturn
mesh_pacer_wait_for_turn (MeshPacer *self, GstBuffer *buffer, GstClockTime *out)
{
  GstFlowReturn result = GST_FLOW_OK;
  gboolean live = mesh_pacer_is_live (self), due = FALSE;
  gboolean timed = is_timed (self, buffer);
  gint64 when = 0;
  guint found = 0;

  while (result == GST_FLOW_OK && !due) {
    gboolean placed = FALSE;
    gint64 now = get_now (self);

    mesh_timeline_lock (self->timeline);
    self->live = live;
    if (self->flushing)
      result = GST_FLOW_FLUSHING;
    else if (is_held_locked (self, timed))
      result = wait_for_change_locked (self, &found)
                   ? GST_FLOW_OK
                   : GST_FLOW_CUSTOM_SUCCESS_1;
    else if (place_locked (self, buffer, now, out, &when) == MESH_PLACE_DROP)
      result = GST_FLOW_CUSTOM_SUCCESS;
    else
      placed = TRUE;
    mesh_timeline_unlock (self->timeline);
    due = placed && wait_for_clock (self, when, timed);
  }
  mesh_timeline_lock (self->timeline);
  if (self->flushing)
    result = GST_FLOW_FLUSHING;
  if (result == GST_FLOW_OK && timed)
    self->position = gst_segment_to_stream_time (&self->segment,
        GST_FORMAT_TIME, get_start (self, buffer));
  mesh_timeline_unlock (self->timeline);
  return result;
}

/* Returns: (transfer full): @buffer with its time on the room's clock */
GstBuffer *
mesh_pacer_stamp (MeshPacer *self, GstBuffer *buffer, GstClockTime out)
{
  GstClockTime start = get_start (self, buffer);
  GstClockTime duration = get_duration (self, buffer);
  gint64 ahead = 0;             /* the time from a frame's decoding to its
                                 * display */

  self->last = out;
  self->last_start = start;
  self->end = GST_CLOCK_TIME_IS_VALID (duration) ? out + duration : out;
  if (start != out || self->segment.rate != 1.0) {
    buffer = gst_buffer_make_writable (buffer);
    if (GST_BUFFER_PTS_IS_VALID (buffer) && GST_CLOCK_TIME_IS_VALID (start))
      ahead = GST_CLOCK_DIFF (start, GST_BUFFER_PTS (buffer));
    GST_BUFFER_PTS (buffer) = MAX ((gint64) out + ahead, 0);
    if (GST_BUFFER_DTS_IS_VALID (buffer))
      GST_BUFFER_DTS (buffer) = out;
    if (GST_BUFFER_DURATION_IS_VALID (buffer))
      GST_BUFFER_DURATION (buffer) = duration;
  }
  if (self->discont) {
    buffer = gst_buffer_make_writable (buffer);
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
    self->discont = FALSE;
  }
  return buffer;
}

/* --- what others ask --- */

/**
 * mesh_pacer_is_live:
 * Returns: whether what comes in goes by the clock
 */
gboolean
mesh_pacer_is_live (MeshPacer *pacer)
{
  int live;

  mesh_timeline_lock (pacer->timeline);
  live = pacer->live;
  mesh_timeline_unlock (pacer->timeline);
  return live < 0 ? mesh_upstream_is_live (pacer->sinkpad) : live;
}

/**
 * mesh_pacer_drain:
 *
 * Waits until the last buffer has been played to its end. To be called on the
 * streaming thread instead of passing on the end of the stream, since a room
 * outlives what is played in it.
 *
 * Returns: whether the end was reached; %FALSE when the wait was cut short
 */
gboolean
mesh_pacer_drain (MeshPacer *pacer)
{
  gboolean flushing, waits = TRUE;
  guint found = 0;

  while (waits && GST_CLOCK_TIME_IS_VALID (pacer->end)) {
    gboolean held;

    mesh_timeline_lock (pacer->timeline);
    waits = !pacer->flushing && pacer->live == FALSE;
    held = waits && is_held_locked (pacer, FALSE);
    if (held)
      waits = wait_for_change_locked (pacer, &found);
    mesh_timeline_unlock (pacer->timeline);
    if (waits && !held)
      waits = !wait_for_clock (pacer, pacer->end, FALSE);
  }
  mesh_timeline_lock (pacer->timeline);
  flushing = pacer->flushing;
  mesh_timeline_unlock (pacer->timeline);
  return !flushing;
}
