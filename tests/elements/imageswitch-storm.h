/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A storm around an imageswitch: a camera, a receiver and any number of
 * togglers, each doing at random whatever it is able to do wrong.
 *
 *   camera ──► imageswitch ──► receiver, which judges
 *                 ▲   ▲
 *        togglers ┘   └ upset: states, links, pictures
 *
 * There is no real time in it. The clock (imageswitch-storm-clock.c) jumps to
 * the next moment that somebody waits for, once everybody who has work to do
 * has done it. So the element is never late because the machine is, a gap in
 * its output is a gap by the clock, and hours go by in seconds.
 */
#pragma once

#include <gst/check/gstcheck.h>
#include <gst/video/video.h>

/* The clock's time when the element starts to run. */
#define STORM_BASE (1000 * GST_SECOND)

/* Of the rates that the camera has; where nobody knows which one holds. */
#define LONGEST_INTERVAL GST_SECOND

/* Who waits for a moment of the clock. */
typedef enum {
  WAITER_OUTPUT,                /* the element */
  WAITER_CAMERA,
  N_WAITERS
} Waiter;

typedef struct {
  guint seed;
  gboolean live;                /* the camera, by its answer to LATENCY */
  GstElement *element;
  GstClock *clock;
  GstPad *camera;
  GstPad *receivers[2];         /* src is linked to either */

  GMutex toggling;              /* for setters that want to be alone */
  GMutex linking;               /* src has a peer */
  gint to_relink;               /* atomic: somebody is to link src anew */
  gboolean relinked;            /* under lock */
  gint toggles_left;            /* atomic */
  gint quit;                    /* atomic */

  GMutex lock;                  /* guards everything below */
  GCond cond;
  GstClockTime now;
  GstClockTime due[N_WAITERS];  /* NONE: awake */
  GstClockEntry *entry;         /* what WAITER_OUTPUT waits on */
  gboolean stopped;             /* the camera's frames are not wanted */
  gboolean probing;             /* but one, which is to be refused */

  /* What setters have done. One that hides is known to hold once it has
   * returned, if no setter that shows was at work at any time meanwhile. */
  gboolean off;
  guint showing;                /* setters at work that may show */
  guint shows;                  /* ... that ever began */
  guint toggles;                /* that have ended */

  /* What the receiver has seen */
  GRand *rand;
  GstSegment segment;
  GstVideoInfo info;
  GstClockTime last_time;
  guint32 last_number;
  gboolean last_was_picture;
  gboolean jumped;              /* the clock did while no picture was owed */
  gboolean loose;               /* ... between the last frame and the one
                                 * before: it may be from before the jump */
  GstClockTime interval, dark;  /* of the stream; time without a frame */

  /* Why there may be no frame */
  guint upset;                  /* not PLAYING, or not linked */
  gboolean flushing, ended, failed, stalled;

  guint32 number;               /* the camera's last frame */
  guint cameras, pictures, hidden_for_sure, flushes, ends, failures, changes,
      restarts;
  GstClockTime dark_max;
  gint64 progress;              /* monotonic time of the last frame */
  gchar *violation;             /* the first */
  struct {
    GstClockTime at;
    const gchar *what;
    gint64 value;
  } history[128];                /* what went before that */
  guint n_history;
} Storm;

void storm_note_locked (Storm *storm, const gchar *what, gint64 value);
void storm_print_history_locked (Storm *storm);

void storm_violation_locked (Storm *storm, const gchar *format, ...)
    G_GNUC_PRINTF (2, 3);

/* imageswitch-storm-clock.c */
GstClock *storm_clock_new (Storm *storm);
void storm_clock_advance_locked (Storm *storm);
void storm_clock_sleep (Storm *storm, GstClockTime span);

/* imageswitch-storm-camera.c */
GstPad *storm_camera_new (Storm *storm);
gpointer storm_camera_run (gpointer storm);
gboolean storm_camera_is (GstBuffer *buffer, guint32 *number);

/* imageswitch-storm-receiver.c */
GstPad *storm_receiver_new (Storm *storm, const gchar *name);

/* imageswitch-storm.c */
void storm_toggle (Storm *storm, GRand *rand);
