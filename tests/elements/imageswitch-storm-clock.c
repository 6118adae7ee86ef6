/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The storm's clock. It stands still while anybody is at work, and then jumps
 * to the first moment that is waited for.
 */
#include "imageswitch-storm.h"

/* With the togglers, by the machine's clock. */
#define PATIENCE (G_TIME_SPAN_MILLISECOND)

#define TYPE_STORM_CLOCK (storm_clock_get_type ())
G_DECLARE_FINAL_TYPE (StormClock, storm_clock, STORM, CLOCK, GstClock)

struct _StormClock {
  GstClock parent;
  Storm *storm;
};

G_DEFINE_TYPE (StormClock, storm_clock, GST_TYPE_CLOCK)

/* Whether the element owes a picture. It may owe one at other times as well,
 * but then nobody could tell. */
static gboolean
is_owed_locked (Storm *storm)
{
  return (storm->off || storm->last_was_picture) && storm->upset == 0
      && !storm->flushing && !storm->ended && !storm->failed
      && !storm->stalled;
}

/* How long there may be nothing: two intervals, since the picture leaves a turn
 * to a camera that was shown. An interval is no whole number of nanoseconds.
 *
 * The clock does not wait for a camera that is not live. It may go on by one
 * more while a frame that was let through is on its way. */
static GstClockTime
longest_dark_locked (Storm *storm)
{
  return (storm->live ? 2 : 3) * storm->interval + 10;
}

static void
jump_locked (Storm *storm, GstClockTime to, gboolean owed)
{
  storm_note_locked (storm, owed ? "jump, owed, by" : "jump by",
      to - storm->now);
  if (owed) {
    storm->dark += to - storm->now;
    storm->dark_max = MAX (storm->dark_max, storm->dark);
    if (storm->dark > longest_dark_locked (storm))
      storm_violation_locked (storm, "nothing for %" GST_TIME_FORMAT
          ", the interval being %" GST_TIME_FORMAT,
          GST_TIME_ARGS (storm->dark), GST_TIME_ARGS (storm->interval));
  } else {
    storm->jumped = TRUE;
  }
  storm->now = to;
}

/* To be called whenever one of its conditions may have changed. */
void
storm_clock_advance_locked (Storm *storm)
{
  gboolean owed = is_owed_locked (storm);
  GstClockTime to;
  guint i;

  if (!owed)
    storm->dark = 0;
  if (owed && storm->due[WAITER_OUTPUT] == GST_CLOCK_TIME_NONE)
    return;                     /* it is about to send one */
  /* a camera that is not live waits for the picture to get where it is */
  if (storm->live && storm->due[WAITER_CAMERA] == GST_CLOCK_TIME_NONE)
    return;
  to = MIN (storm->due[WAITER_OUTPUT], storm->due[WAITER_CAMERA]);
  if (to == GST_CLOCK_TIME_NONE)
    return;
  if (to > storm->now)
    jump_locked (storm, to, owed);
  for (i = 0; i < N_WAITERS; i++)
    if (storm->due[i] <= storm->now)
      storm->due[i] = GST_CLOCK_TIME_NONE;      /* awake from here on */
  g_cond_broadcast (&storm->cond);
}

static GstClockTime
storm_clock_get_internal_time (GstClock *clock)
{
  Storm *storm = STORM_CLOCK (clock)->storm;
  GstClockTime now;

  g_mutex_lock (&storm->lock);
  now = storm->now;
  g_mutex_unlock (&storm->lock);
  return now;
}

static GstClockReturn
storm_clock_wait (GstClock *clock, GstClockEntry *entry,
    GstClockTimeDiff *jitter)
{
  Storm *storm = STORM_CLOCK (clock)->storm;
  GstClockReturn ret;

  g_mutex_lock (&storm->lock);
  if (GST_CLOCK_ENTRY_STATUS (entry) != GST_CLOCK_UNSCHEDULED) {
    storm->entry = entry;
    storm->due[WAITER_OUTPUT] = GST_CLOCK_ENTRY_TIME (entry);
    storm_note_locked (storm, "output waits until",
        GST_CLOCK_ENTRY_TIME (entry));
    storm_clock_advance_locked (storm);
    while (storm->due[WAITER_OUTPUT] != GST_CLOCK_TIME_NONE)
      g_cond_wait (&storm->cond, &storm->lock);
    storm->entry = NULL;
  }
  ret = GST_CLOCK_ENTRY_STATUS (entry) == GST_CLOCK_UNSCHEDULED
      ? GST_CLOCK_UNSCHEDULED : GST_CLOCK_OK;
  g_mutex_unlock (&storm->lock);
  return ret;
}

static void
storm_clock_unschedule (GstClock *clock, GstClockEntry *entry)
{
  Storm *storm = STORM_CLOCK (clock)->storm;

  g_mutex_lock (&storm->lock);
  GST_CLOCK_ENTRY_STATUS (entry) = GST_CLOCK_UNSCHEDULED;
  if (storm->entry == entry)
    storm->due[WAITER_OUTPUT] = GST_CLOCK_TIME_NONE;
  g_cond_broadcast (&storm->cond);
  g_mutex_unlock (&storm->lock);
}

static void
storm_clock_class_init (StormClockClass *klass)
{
  GstClockClass *clock_class = GST_CLOCK_CLASS (klass);

  clock_class->get_internal_time = storm_clock_get_internal_time;
  clock_class->wait = storm_clock_wait;
  clock_class->unschedule = storm_clock_unschedule;
}

static void
storm_clock_init (StormClock *self)
{
}

GstClock *
storm_clock_new (Storm *storm)
{
  StormClock *self = g_object_new (TYPE_STORM_CLOCK, NULL);

  gst_object_ref_sink (self);
  self->storm = storm;
  return GST_CLOCK (self);
}

/* By the camera alone, whose time is as short as the machine can make it: it
 * waits until as many toggles as frames were made. */
void
storm_clock_sleep (Storm *storm, GstClockTime span)
{
  gint64 until = g_get_monotonic_time () + PATIENCE;

  g_mutex_lock (&storm->lock);
  while (storm->number > storm->toggles
      && g_cond_wait_until (&storm->cond, &storm->lock, until));
  storm->due[WAITER_CAMERA] = storm->now + span;
  storm_clock_advance_locked (storm);
  while (storm->due[WAITER_CAMERA] != GST_CLOCK_TIME_NONE
      && !g_atomic_int_get (&storm->quit))
    g_cond_wait (&storm->cond, &storm->lock);
  storm->due[WAITER_CAMERA] = GST_CLOCK_TIME_NONE;
  g_mutex_unlock (&storm->lock);
}
