/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Places the buffers of an application's inputs on the room's clock
 * (timeline.h). */

#include "meshroom/timeline.h"

/* A buffer that is later than this moves its line. The time is longer than a
 * decoder's short delays, and shorter than the half second that a seek may
 * take. */
#define MAX_LATE (200 * GST_MSECOND)

/* The running times of a stream that begins fit a line when its first buffer
 * is due within these bounds. A file's sound may well begin seconds after its
 * picture, while another file would be off by as long as the first has been
 * playing. */
#define FIT_LATE GST_SECOND
#define FIT_EARLY (10 * GST_SECOND)

/* A live stream's buffers are late by the latency of their source and its
 * queues. Running times that are off by more than this are not those of the
 * capture: the application may count its frames from 0. */
#define FIT_LIVE (2 * GST_SECOND)

/* A live stream whose times go back by more than this counts anew. */
#define LIVE_JUMP GST_SECOND

/* A track that has been on time within this period does not wait for the other
 * one. */
#define RECENTLY GST_SECOND

typedef struct {
  grefcount refs;
  gint64 offset;
  gboolean live;                /* a line of live input, which no other track
                                 * may move */
} Line;

struct _MeshTimeline {
  gatomicrefcount refs;
  GMutex lock;                  /* guards what follows, all tracks, and what the
                                 * pacers keep under it */
  GCond changed;
  gboolean open;
  GPtrArray *tracks;
};

struct _MeshTrack {
  MeshTimeline *timeline;
  Line *line;                   /* NULL until a buffer was placed */
  gboolean restarted;           /* the next buffer is a stream's first */
  gint64 live_time;             /* of the last buffer of live input */
  gint64 punctual_at;           /* when a buffer was last on time; -1 if none
                                 * was */
};

/**
 * mesh_timeline_new:
 * Returns: (transfer full): a timeline on which playing has not begun
 */
MeshTimeline *
mesh_timeline_new (void)
{
  MeshTimeline *self = g_new0 (MeshTimeline, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  self->tracks = g_ptr_array_new ();
  return self;
}

MeshTimeline *
mesh_timeline_ref (MeshTimeline *timeline)
{
  g_atomic_ref_count_inc (&timeline->refs);
  return timeline;
}

void
mesh_timeline_unref (MeshTimeline *timeline)
{
  if (!g_atomic_ref_count_dec (&timeline->refs))
    return;
  g_ptr_array_unref (timeline->tracks);
  g_cond_clear (&timeline->changed);
  g_mutex_clear (&timeline->lock);
  g_free (timeline);
}

void
mesh_timeline_lock (MeshTimeline *timeline)
{
  g_mutex_lock (&timeline->lock);
}

void
mesh_timeline_unlock (MeshTimeline *timeline)
{
  g_mutex_unlock (&timeline->lock);
}

/**
 * mesh_timeline_set_open:
 * @open: whether inputs that can wait are played
 */
void
mesh_timeline_set_open (MeshTimeline *timeline, gboolean open)
{
  g_mutex_lock (&timeline->lock);
  timeline->open = open;
  g_cond_broadcast (&timeline->changed);
  g_mutex_unlock (&timeline->lock);
}

gboolean
mesh_timeline_is_open_locked (MeshTimeline *timeline)
{
  return timeline->open;
}

/* Waits until something changes that a track may be waiting for, or until
 * @patience is over, in microseconds. */
void
mesh_timeline_wait_locked (MeshTimeline *timeline, gint64 patience)
{
  g_cond_wait_until (&timeline->changed, &timeline->lock,
      g_get_monotonic_time () + patience);
}

void
mesh_timeline_wake_locked (MeshTimeline *timeline)
{
  g_cond_broadcast (&timeline->changed);
}

static void
leave_line_locked (MeshTrack *self)
{
  Line *line = g_steal_pointer (&self->line);

  if (line && g_ref_count_dec (&line->refs))
    g_free (line);
}

static void
join_line_locked (MeshTrack *self, Line *line)
{
  g_ref_count_inc (&line->refs);
  leave_line_locked (self);
  self->line = line;
}

static void
start_line_locked (MeshTrack *self, gint64 offset, gboolean live)
{
  leave_line_locked (self);
  self->line = g_new0 (Line, 1);
  g_ref_count_init (&self->line->refs);
  self->line->offset = offset;
  self->line->live = live;
}

static gboolean
fits (const Line *line, gboolean live, gint64 time, gint64 now)
{
  gint64 early;

  if (!line || line->live != live)
    return FALSE;
  early = time + line->offset - now;
  return early <= (gint64) (live ? FIT_LIVE : FIT_EARLY)
      && early >= -(gint64) FIT_LATE;
}

/* Finds the line that @time belongs to. The track's own comes first, then
 * that of another track, since the two may be one file's. */
static gboolean
find_line_locked (MeshTrack *self, gboolean live, gint64 time, gint64 now)
{
  GPtrArray *tracks = self->timeline->tracks;

  if (fits (self->line, live, time, now))
    return TRUE;
  for (guint i = 0; i < tracks->len; i++) {
    MeshTrack *track = g_ptr_array_index (tracks, i);

    if (track != self && fits (track->line, live, time, now)) {
      join_line_locked (self, track->line);
      return TRUE;
    }
  }
  return FALSE;
}

static gboolean
has_punctual_companion_locked (MeshTrack *self, gint64 now)
{
  GPtrArray *tracks = self->timeline->tracks;

  for (guint i = 0; i < tracks->len; i++) {
    MeshTrack *track = g_ptr_array_index (tracks, i);

    if (track != self && track->line == self->line && track->punctual_at >= 0
        && now - track->punctual_at < (gint64) RECENTLY)
      return TRUE;
  }
  return FALSE;
}

/**
 * mesh_track_place_locked:
 * @track: a track that can wait
 * @time: the running time of a buffer of it
 * @now: the time on the room's clock
 * @may_drop: whether the stream can do without the buffer
 * @out: (out): when the buffer is due, on the room's clock
 *
 * Returns: whether to play the buffer
 */
MeshPlace
mesh_track_place_locked (MeshTrack *track, gint64 time, gint64 now,
    gboolean may_drop, GstClockTime *out)
{
  gint64 late;

  if (!track->line || track->restarted) {
    if (!find_line_locked (track, FALSE, time, now))
      start_line_locked (track, now - time, FALSE);
    track->restarted = FALSE;
    may_drop = FALSE;           /* a seek may show one frame only */
  }
  late = now - (time + track->line->offset);
  if (late > (gint64) MAX_LATE) {
    if (may_drop && has_punctual_companion_locked (track, now))
      return MESH_PLACE_DROP;
    track->line->offset += late;
  } else {
    track->punctual_at = now;
  }
  *out = MAX (time + track->line->offset, 0);
  return MESH_PLACE_PLAY;
}

/**
 * mesh_track_place_live_locked:
 * @track: a track that comes by the clock
 * @time: the running time of a buffer of it
 * @now: the time on the room's clock
 * @out: (out): when the buffer was captured, on the room's clock
 *
 * A live stream's running times are used as they are, unless they are too far
 * from the clock to be the times of capture, or jump. Later than before is no
 * jump: what has stalled is late.
 */
void
mesh_track_place_live_locked (MeshTrack *track, gint64 time, gint64 now,
    GstClockTime *out)
{
  gboolean jumps = track->line && !track->restarted
      && (time < track->live_time - (gint64) LIVE_JUMP
      || time + track->line->offset > now + (gint64) FIT_LIVE);

  if (!track->line || track->restarted || jumps) {
    track->restarted = FALSE;
    if (!jumps && time <= now + (gint64) FIT_LIVE
        && time >= now - (gint64) FIT_LIVE)
      start_line_locked (track, 0, TRUE);
    else if (!find_line_locked (track, TRUE, time, now))
      start_line_locked (track, now - time, TRUE);
  }
  track->live_time = time;
  *out = MAX (time + track->line->offset, 0);
}

/**
 * mesh_track_restart_locked:
 *
 * Another stream, or another segment of one, begins on the track. Its running
 * times may be unrelated to the former ones.
 */
void
mesh_track_restart_locked (MeshTrack *track)
{
  track->restarted = TRUE;
}

/**
 * mesh_track_forget_locked:
 *
 * The track was flushed: running times count from 0 again.
 */
void
mesh_track_forget_locked (MeshTrack *track)
{
  leave_line_locked (track);
  track->punctual_at = -1;
}

/**
 * mesh_track_new:
 * @timeline: the room's timeline
 *
 * Returns: (transfer full): a track of @timeline, for mesh_track_free()
 */
MeshTrack *
mesh_track_new (MeshTimeline *timeline)
{
  MeshTrack *self = g_new0 (MeshTrack, 1);

  self->timeline = mesh_timeline_ref (timeline);
  self->punctual_at = -1;
  g_mutex_lock (&timeline->lock);
  g_ptr_array_add (timeline->tracks, self);
  g_mutex_unlock (&timeline->lock);
  return self;
}

void
mesh_track_free (MeshTrack *track)
{
  g_mutex_lock (&track->timeline->lock);
  leave_line_locked (track);
  g_ptr_array_remove_fast (track->timeline->tracks, track);
  g_mutex_unlock (&track->timeline->lock);
  mesh_timeline_unref (track->timeline);
  g_free (track);
}
