/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "schedule.h"

/* Frame rate where the caps leave it open. */
#define DEFAULT_FPS 30

/* Pictures that are late by less are sent all the same, so that the frame rate
 * holds; later ones are left out. */
#define CATCH_UP (500 * GST_MSECOND)

/* Where nothing is live, the picture is this far ahead of the clock at most:
 * the elements downstream need time as well, and no latency is declared for
 * it. */
#define FILE_LEAD (100 * GST_MSECOND)

/* A camera has started anew when its time goes back by at least this for so
 * many frames in a row: its time is then shifted. Any other frame that goes
 * back is from before the switch, or wrong, and is dropped. */
#define RESTART_THRESHOLD GST_SECOND
#define RESTART_FRAMES 3

/* After how long the picture may hold back for the camera once more. */
#define YIELD_AGAIN GST_SECOND

/* After this many frames that are far behind, the camera counts as being so for
 * good. */
#define FAR_FRAMES 10

/* A live camera hands its frames over later than they were taken, by its
 * latency and up to this much more. Timestamps that are older still tell
 * nothing of when a frame was taken. */
#define CAPTURE_PATIENCE (500 * GST_MSECOND)

/* A stream begins: nothing has gone out. */
void
imageswitch_schedule_reset (Schedule *self)
{
  *self = (Schedule) {
    .fps_n = DEFAULT_FPS,
    .fps_d = 1,
    .shown_at = GST_CLOCK_TIME_NONE,
    .last = { GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, 0 },
    .anchor = GST_CLOCK_TIME_NONE,
    .yield = { GST_CLOCK_TIME_NONE, 0, GST_CLOCK_TIME_NONE, 0 },
  };
}

/* @info: what goes out from here on, or NULL if a picture cannot be that */
void
imageswitch_schedule_set_rate (Schedule *self, const GstVideoInfo *info)
{
  gboolean known = info && info->fps_n > 0 && info->fps_d > 0;

  self->fps_n = known ? info->fps_n : DEFAULT_FPS;
  self->fps_d = known ? info->fps_d : 1;
  if (info && info->interlace_mode == GST_VIDEO_INTERLACE_MODE_ALTERNATE)
    self->fps_n *= 2;           /* each buffer is one field */
  self->anchor = GST_CLOCK_TIME_NONE;
  /* A frame of a slow stream does not hold up the first of a faster one. */
  if (GST_CLOCK_TIME_IS_VALID (self->last.duration))
    self->last.duration
        = MIN (self->last.duration, imageswitch_schedule_span (self, 1));
}

/* Downstream was flushed; @reset_time: its time begins at 0 again. */
void
imageswitch_schedule_flush (Schedule *self, gboolean reset_time)
{
  self->anchor = GST_CLOCK_TIME_NONE;
  if (reset_time)
    self->last.time = GST_CLOCK_TIME_NONE;
}

/* Returns how long @count pictures take. It is computed from their number, so
 * that odd frame rates do not drift. */
GstClockTime
imageswitch_schedule_span (const Schedule *self, guint64 count)
{
  return gst_util_uint64_scale (count, self->fps_d * GST_SECOND, self->fps_n);
}

/* Returns when the picture for @time goes out: no sooner than a camera that has
 * been shown can be there. */
static GstClockTimeDiff
turn (Schedule *self, GstClockTime time, gboolean hidden)
{
  return (GstClockTimeDiff) time - self->last.lead
      + (hidden ? 0 : (GstClockTimeDiff) self->yield.span);
}

static void
set_anchor (Schedule *self, GstClockTime time)
{
  self->anchor = time;
  self->count = 0;
}

/* Returns the running time of the next picture: in step with what was sent
 * last, unless that is long ago. */
static GstClockTime
next (Schedule *self, GstClockTime now, gboolean hidden)
{
  ScheduleLast *last = &self->last;
  GstClockTime time;

  if (!GST_CLOCK_TIME_IS_VALID (last->time)) {
    if (!self->live)
      last->lead = MIN (2 * imageswitch_schedule_span (self, 1), FILE_LEAD);
    /* due now at the latest: now is later each time that it is asked for */
    time = self->playing ? now : 0;
    if (last->lead < 0)
      time -= MIN (time, (GstClockTime) -last->lead);
    set_anchor (self, time);
  } else if (!GST_CLOCK_TIME_IS_VALID (self->anchor)) {
    set_anchor (self, last->time + (GST_CLOCK_TIME_IS_VALID (last->duration)
            && last->duration > 0 ? last->duration
            : imageswitch_schedule_span (self, 1)));
  }
  time = self->anchor + imageswitch_schedule_span (self, self->count);
  if (self->playing && (GstClockTimeDiff) now - turn (self, time, hidden)
      > (GstClockTimeDiff) CATCH_UP) {
    time = MAX ((GstClockTimeDiff) now + last->lead, (GstClockTimeDiff) time);
    set_anchor (self, time);
  }
  return time;
}

/* Returns when the next picture goes out, which is at once while not playing. A
 * camera that has been shown and is a little behind is let in first.
 *
 * @time: (out): the picture's running time */
GstClockTimeDiff
imageswitch_schedule_next (Schedule *self, GstClockTime now, gboolean hidden,
    GstClockTime *time)
{
  GstClockTime until = self->yield.until, due;

  due = *time = next (self, now, hidden);
  if (!hidden && GST_CLOCK_TIME_IS_VALID (until) && due < until
      && until <= due + imageswitch_schedule_span (self, 1))
    due = until;
  return self->playing ? turn (self, due, hidden) : G_MININT64;
}

/* The picture that is for @time, which imageswitch_schedule_next() gave, goes
 * out: from here on this is what was sent last. Returns its duration. */
GstClockTime
imageswitch_schedule_take (Schedule *self, GstClockTime time)
{
  self->count++;
  self->last.time = time;
  self->last.duration = self->anchor
      + imageswitch_schedule_span (self, self->count) - time;
  return self->last.duration;
}

/* The camera is about to be shown. @now is a time before that. */
void
imageswitch_schedule_show (Schedule *self, GstClockTime now)
{
  self->shown_at = self->playing ? now : GST_CLOCK_TIME_NONE;
  self->yield.span = 0;
  self->yield.far_frames = 0;
}

/* Returns the shift for a camera that has started anew: its running time goes
 * on where the last frame ended, or where the clock is meanwhile. */
static GstClockTimeDiff
restart_shift (Schedule *self, GstClockTime time, GstClockTime now)
{
  GstClockTime end = self->last.time + 1;

  if (GST_CLOCK_TIME_IS_VALID (self->last.duration))
    end += self->last.duration;
  if (self->playing && (GstClockTimeDiff) now + self->last.lead
      > (GstClockTimeDiff) end)
    end = now + self->last.lead;
  return GST_CLOCK_DIFF (time, end);
}

/* Returns the running time at which the camera's frame for @time goes out. */
GstClockTime
imageswitch_schedule_shift (Schedule *self, GstClockTime time,
    GstClockTime now)
{
  GstClockTimeDiff limit = (GstClockTimeDiff) self->last.time
      - (GstClockTimeDiff) RESTART_THRESHOLD;
  gboolean back;

  if (!GST_CLOCK_TIME_IS_VALID (time))
    return time;
  back = GST_CLOCK_TIME_IS_VALID (self->last.time)
      && (GstClockTimeDiff) time + self->shift <= limit;
  self->back_frames = back ? self->back_frames + 1 : 0;
  if (self->back_frames == RESTART_FRAMES) {
    self->back_frames = 0;
    self->shift = restart_shift (self, time, now);
  } else if ((GstClockTimeDiff) time > limit) {
    self->shift = 0;            /* the camera's time is the old one again */
  }
  return time + self->shift;
}

/* A frame must not go back behind what was sent last. At a switch it must be
 * later: the picture may have taken its place already. */
gboolean
imageswitch_schedule_is_late (const Schedule *self, GstClockTime time,
    gboolean switching)
{
  return GST_CLOCK_TIME_IS_VALID (time)
      && GST_CLOCK_TIME_IS_VALID (self->last.time)
      && (time < self->last.time || (switching && time == self->last.time));
}

/* The picture has just taken the time that a frame of the camera is for. At the
 * same rate it would do so for ever, each time a moment before the camera: so
 * it leaves out one turn, and the camera's next frame is the first.
 *
 * A live camera may also be far behind, its frames coming later than its
 * latency says. When that lasts, each turn of the picture comes one later than
 * the one before, until the camera is there.
 *
 * Never is more than one turn left out for the same picture. */
void
imageswitch_schedule_yield (Schedule *self, GstClockTime time,
    GstClockTime now)
{
  GstClockTime span = imageswitch_schedule_span (self, 1);
  ScheduleYield *yield = &self->yield;

  if (yield->at == self->last.time)
    return;
  yield->at = self->last.time;
  if (self->last.time - time >= span) {
    if (self->live && ++yield->far_frames > FAR_FRAMES
        && yield->span + span < RESTART_THRESHOLD)
      yield->span += span;
  } else if (!GST_CLOCK_TIME_IS_VALID (yield->until)
      || yield->until > now + 2 * span || now >= yield->until + YIELD_AGAIN) {
    yield->until = self->last.time + imageswitch_schedule_span (self, 2);
  }
}

/* Whether the frame was taken while hidden and comes only now. It must not be
 * seen, either. */
gboolean
imageswitch_schedule_was_taken_hidden (const Schedule *self, GstClockTime time,
    GstClockTime now)
{
  return self->live && GST_CLOCK_TIME_IS_VALID (time)
      && GST_CLOCK_TIME_IS_VALID (self->shown_at) && time < self->shown_at
      && now < self->shown_at + self->latency + CAPTURE_PATIENCE;
}

/* A frame of the camera goes out. */
void
imageswitch_schedule_sent (Schedule *self, GstClockTime time,
    GstClockTime duration, GstClockTime now)
{
  self->anchor = GST_CLOCK_TIME_NONE;
  if (!GST_CLOCK_TIME_IS_VALID (time))
    return;
  self->last.time = time;
  self->last.duration = duration;
  /* a frame that came late does not make the picture late */
  if (self->playing && GST_CLOCK_TIME_IS_VALID (now))
    self->last.lead = MAX (GST_CLOCK_DIFF (now, time),
        -(GstClockTimeDiff) self->latency);
}

/* The frame did not go out after all. @last is what was sent before it. */
void
imageswitch_schedule_undo (Schedule *self, ScheduleLast last)
{
  self->last = last;
  self->anchor = GST_CLOCK_TIME_NONE;
}
