/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The latency of what goes out is the camera's: the element adds nothing. What
 * a camera that is shut would say is remembered.
 */
#include "imageswitch.h"

/* What a camera that cannot be asked would say: what it has said before, or
 * that it needs the time of one frame. */
static gboolean
is_live_locked (ImageSwitch *self, GstClockTime *latency)
{
  *latency = self->latency.known ? self->latency.latency
      : imageswitch_schedule_span (&self->schedule, 1);
  return !self->latency.known || self->latency.live;
}

/* What the camera says itself. */
static void
take_locked (ImageSwitch *self, gboolean live, GstClockTime latency)
{
  self->schedule.live = self->latency.live = live;
  self->schedule.latency = self->latency.latency = latency;
  self->latency.known = TRUE;
}

/* Downstream hears of a latency by asking for it. */
void
imageswitch_latency_start (ImageSwitch *self)
{
  Schedule *schedule = &self->schedule;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->latency.told = GST_CLOCK_TIME_NONE;
  if (imageswitch_release_is_awaiting (self->release)) {
    schedule->live = is_live_locked (self, &schedule->latency);
    /* as any live source, we have nothing to show in PAUSED */
    self->flow.prerolled = schedule->live;
  }
}

/* Whether a camera that we keep shut makes us the live source. */
gboolean
imageswitch_latency_is_source (ImageSwitch *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  GstClockTime latency;

  return imageswitch_release_is_awaiting (self->release)
      && is_live_locked (self, &latency);
}

/* By the camera's thread, once a stream. What downstream reckons with may be
 * what we said for a camera that was shut: if it needs more time than that,
 * downstream has to know. */
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

/* Where there is no camera, the picture is paced by the clock but also
 * prerolls, like a file. */
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
