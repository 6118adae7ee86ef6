/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

/* Decides when the next picture is due, and whether a frame of the camera still
 * has its place. The code is pure: no lock, no clock. All times are running
 * times, and `now` is an argument.
 *
 *   camera   ─●──●──●──●                     ●──●──●
 *   picture              ─■──■──■──■──■──■──       one a span, from the anchor
 */

/* The frame that went out last. */
typedef struct {
  GstClockTime time;            /* NONE: nothing yet */
  GstClockTime duration;
  GstClockTimeDiff lead;        /* how far ahead of the clock frames go out */
} ScheduleLast;

/* How the picture holds back for a camera that was shown and is behind. */
typedef struct {
  GstClockTime until;           /* the picture's next turn, after one left
                                 * out */
  GstClockTime span;            /* how much later each turn comes */
  GstClockTime at;              /* last.time when the camera was last found
                                 * behind */
  guint far_frames;             /* frames of the camera that were far behind
                                 * since it was shown */
} ScheduleYield;

typedef struct {
  gint fps_n, fps_d;            /* pictures a second */
  gboolean playing;
  gboolean live;                /* whether the camera is live */
  GstClockTime latency;         /* how late its frames come */
  GstClockTime shown_at;        /* of the last hidden=false, or NONE */
  ScheduleLast last;
  GstClockTime anchor;          /* of picture 0, or NONE */
  guint64 count;                /* pictures since then */
  ScheduleYield yield;
  GstClockTimeDiff shift;       /* added to the camera's time */
  guint back_frames;            /* frames in a row whose time went back */
} Schedule;

void imageswitch_schedule_reset (Schedule *schedule);
void imageswitch_schedule_set_rate (Schedule *schedule,
    const GstVideoInfo *info);
void imageswitch_schedule_flush (Schedule *schedule, gboolean reset_time);

GstClockTime imageswitch_schedule_span (const Schedule *schedule,
    guint64 count);
GstClockTimeDiff imageswitch_schedule_next (Schedule *schedule,
    GstClockTime now, gboolean hidden, GstClockTime *time);
GstClockTime imageswitch_schedule_take (Schedule *schedule, GstClockTime time);

void imageswitch_schedule_show (Schedule *schedule, GstClockTime now);
GstClockTime imageswitch_schedule_shift (Schedule *schedule, GstClockTime time,
    GstClockTime now);
gboolean imageswitch_schedule_is_late (const Schedule *schedule,
    GstClockTime time, gboolean switching);
void imageswitch_schedule_yield (Schedule *schedule, GstClockTime time,
    GstClockTime now);
gboolean imageswitch_schedule_was_taken_hidden (const Schedule *schedule,
    GstClockTime time, GstClockTime now);
void imageswitch_schedule_sent (Schedule *schedule, GstClockTime time,
    GstClockTime duration, GstClockTime now);
void imageswitch_schedule_undo (Schedule *schedule, ScheduleLast last);
