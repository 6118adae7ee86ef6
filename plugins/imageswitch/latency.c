/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The latency of what goes out is the camera's, since the element adds none. It
 * is remembered for the time while the camera is shut.
 */
#include "imageswitch.h"

/* Whether a camera that cannot be asked is live, and its latency: what it has
 * told before, or else live with the time of one frame. */
static gboolean
is_live_locked (ImageSwitch *self, GstClockTime *latency)
{
  *latency = self->latency.known ? self->latency.latency
      : imageswitch_schedule_span (&self->schedule, 1);
  return !self->latency.known || self->latency.live;
}

/* Takes what the camera itself has told. */
static void
take_locked (ImageSwitch *self, gboolean live, GstClockTime latency)
{
  self->schedule.live = self->latency.live = live;
  self->schedule.latency = self->latency.latency = latency;
  self->latency.known = TRUE;
}

/* Begins a stream: downstream has not asked for the latency yet. */
void
imageswitch_latency_start (ImageSwitch *self)
{
  Schedule *schedule = &self->schedule;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->latency.told = GST_CLOCK_TIME_NONE;
  if (imageswitch_release_is_awaiting (self->release)) {
    schedule->live = is_live_locked (self, &schedule->latency);
    /* a live source has nothing to show in PAUSED */
    self->flow.prerolled = schedule->live;
  }
}

/* Whether the element is the live source, since it keeps the camera shut. */
gboolean
imageswitch_latency_is_source (ImageSwitch *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  GstClockTime latency;

  return imageswitch_release_is_awaiting (self->release)
      && is_live_locked (self, &latency);
}

/* Asks the camera for its latency, once a stream, on the camera's thread.
 * Downstream may have been told another one while the camera was shut: if the
 * camera needs more, downstream has to ask again. */
void
imageswitch_latency_learn (ImageSwitch *self)
{
  g_autoptr (GstQuery) query = NULL;
  GstClockTime min, told;
  gboolean live;

  if (self->camera.latency_known)
    return;
  self->camera.latency_known = TRUE;
  query = gst_query_new_latency ();
  if (!gst_pad_peer_query (self->sinkpad, query))
    return;
  gst_query_parse_latency (query, &live, &min, NULL);
  g_mutex_lock (&self->lock);
  take_locked (self, live, min);
  told = self->latency.told;
  g_mutex_unlock (&self->lock);
  if (live && GST_CLOCK_TIME_IS_VALID (told) && min > told)
    gst_element_post_message (GST_ELEMENT (self),
        gst_message_new_latency (GST_OBJECT (self)));
}

/* Answers a latency query. Without a camera the picture is paced by the clock
 * but also prerolls, like a file. */
gboolean
imageswitch_latency_answer (ImageSwitch *self, GstQuery *query)
{
  gboolean awaiting = imageswitch_release_is_awaiting (self->release);
  gboolean known = !awaiting && gst_pad_peer_query (self->sinkpad, query);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  GstClockTime min = self->schedule.latency;
  gboolean live = self->schedule.live;

  if (known) {
    gst_query_parse_latency (query, &live, &min, NULL);
    take_locked (self, live, min);
  } else if (awaiting) {
    live = is_live_locked (self, &min);
  }
  self->latency.told = min;
  if (!known && (awaiting || self->hidden || self->flow.picture)) {
    gst_query_set_latency (query, live, min, GST_CLOCK_TIME_NONE);
    known = TRUE;
  }
  return known;
}
