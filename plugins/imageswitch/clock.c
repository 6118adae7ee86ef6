/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The clock of the element, and the waking of the threads that wait for it.
 */
#include "imageswitch.h"

GstClock *
imageswitch_clock_get (GstElement *element, GstClockTime *base)
{
  GstClock *clock = gst_element_get_clock (element);

  if (clock) {
    *base = gst_element_get_base_time (element);
    return clock;
  }
  *base = ((ImageSwitch *) element)->start_time;
  return gst_system_clock_obtain ();
}

/* Returns the present running time. */
GstClockTime
imageswitch_clock_now (ImageSwitch *self)
{
  GstClockTime base, now;
  g_autoptr (GstClock) clock =
      imageswitch_clock_get (GST_ELEMENT (self), &base);

  now = gst_clock_get_time (clock);
  return now > base ? now - base : 0;
}

/* Has the output thread and the camera's thread look again, whatever they wait
 * for. */
void
imageswitch_clock_wake_locked (ImageSwitch *self)
{
  g_cond_broadcast (&self->cond);
  if (self->wait_id)
    gst_clock_id_unschedule (self->wait_id);
}

void
imageswitch_clock_wake (GstElement *element)
{
  ImageSwitch *self = (ImageSwitch *) element;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  imageswitch_clock_wake_locked (self);
}
