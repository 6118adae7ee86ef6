/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/pacer-flow.h"

/* Buffers that are late by up to this much more than others go out as they
 * come: a device's thread is not held up for a scheduling hiccup, and receivers
 * even it out. */
#define TOLERANCE ((gint64) (50 * GST_MSECOND))

/* The longest hold, which is also the longest buffer of sound that is spread
 * over its whole length. What is later goes out at once. */
#define MAX_HOLD ((gint64) (3 * GST_SECOND))

/* The hold stays for twice its length after a buffer that needed it, and for
 * LEAST_STAY: where bursts follow each other, each is about as long as the time
 * between two. Then it shrinks by one part in CATCH_UP of the time that passes,
 * until a buffer needs it again. */
#define LEAST_STAY ((gint64) GST_SECOND)
#define CATCH_UP 10

/* What has been so all the time has been so for this long. */
#define ALL_THE_TIME ((gint64) (4 * GST_SECOND))

/* Frames without times may come this much faster than their frame rate, since
 * the timer of an application is a little inaccurate. */
#define SPEED_NUM 9
#define SPEED_DENOM 10

/* Frames at less than this part of the distance that the frame rate asks for
 * are too close: no jitter of timestamps brings frames so near to each other
 * that they might not as well be apart. */
#define CLOSE 3

/* The longest burst of sound whose pieces may all have the time at which it
 * came, and the overlap that may remain, since an encoder evens it out. */
#define MAX_OVERLAP ((gint64) GST_SECOND)
#define LASTING_OVERLAP ((gint64) (40 * GST_MSECOND))

/**
 * mesh_pacer_flow_reset:
 *
 * Another stream begins, of which nothing is known yet.
 */
void
mesh_pacer_flow_reset (MeshPacerFlow *flow)
{
  *flow = (MeshPacerFlow){ .hold = -TOLERANCE };
}

/**
 * mesh_pacer_flow_get_due:
 * @time: when the buffer was captured
 * @now: the present time, at which the buffer is here
 * @is_part: whether it is a part of a long buffer of sound, which is spread
 *   evenly from its first part on
 *
 * Returns: when the buffer goes out; a time before @now means at once
 */
gint64
mesh_pacer_flow_get_due (
    MeshPacerFlow *flow, gint64 time, gint64 now, gboolean is_part)
{
  gint64 late = now - time, needed = is_part ? late : late - TOLERANCE;

  if (late >= flow->hold) {
    flow->hold = MIN (MAX (flow->hold, needed), MAX_HOLD);
    flow->late_at = now;
  } else if (now - flow->late_at > MAX (2 * flow->hold, LEAST_STAY)) {
    flow->hold -= (now - flow->seen_at) / CATCH_UP;
    flow->hold = MAX (flow->hold, MAX (late, -TOLERANCE));
  }
  flow->seen_at = now;
  return time + flow->hold;
}

/**
 * mesh_pacer_flow_space:
 * @last: the time of the frame before
 * @time: the time of the frame, or @now where it has none
 * @duration: how long a frame is shown, by the frame rate of the caps
 * @now: the present time
 *
 * Frames that have no times, or were stamped as they came in a burst, get times
 * at the distance of their frame rate. Where they do so all the time, the caps
 * name a wrong frame rate, and the distance shrinks: else the frames would pile
 * up before the room.
 *
 * Returns: the time of the frame, made later where it is too close to @last
 */
gint64
mesh_pacer_flow_space (
    MeshPacerFlow *flow, gint64 last, gint64 time, gint64 duration, gint64 now)
{
  gint64 longest = duration * SPEED_NUM / SPEED_DENOM;

  if (flow->spacing == 0 || flow->spacing > longest)
    flow->spacing = longest;
  if (time >= last + MIN (duration / CLOSE, flow->spacing)) {
    flow->idle_at = now;
    return time;
  }
  if (now - flow->idle_at > ALL_THE_TIME)
    flow->spacing -= flow->spacing / CATCH_UP;
  return last + flow->spacing;
}

/**
 * mesh_pacer_flow_join:
 * @end: when the piece of sound before has ended
 * @time: the time of the next piece, or @now where it has none
 * @gap: how much later than @end that may be, and yet follow without a gap
 * @now: the present time
 *
 * Sound that comes in bursts, and is stamped as it comes, overlaps, and goes on
 * without a gap all the same. Where it has overlapped all the time, its source
 * has a faster clock than the room, and the piece is placed anew: else it would
 * be further off with each minute.
 *
 * Returns: the time of the piece
 */
gint64
mesh_pacer_flow_join (
    MeshPacerFlow *flow, gint64 end, gint64 time, gint64 gap, gint64 now)
{
  gint64 lead = end - time;
  gboolean renewed = now - flow->lead_at > ALL_THE_TIME, lasts;

  flow->lead = MIN (flow->lead, lead);
  lasts = renewed && flow->lead > LASTING_OVERLAP;
  if (renewed || lead > MAX_OVERLAP) {
    flow->lead = G_MAXINT64;
    flow->lead_at = now;
  }
  return lasts || lead > MAX_OVERLAP || lead < -gap ? time : end;
}

/**
 * mesh_pacer_flow_tolerate:
 *
 * Returns: when a buffer goes out that has the place @time in a stream of sound
 *   without times
 */
gint64
mesh_pacer_flow_tolerate (gint64 time, gboolean is_part)
{
  return is_part ? time : time - TOLERANCE;
}
