/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sets `hidden`, for the property, for events from either side, for a key and
 * for a GstController.
 */
#include "imageswitch.h"

/* A stream whose time goes back by more has started anew, or has been sought
 * in. */
#define SAME_STREAM GST_SECOND

/* Emits one notification for each change. g_object_notify() merges those of a
 * thread with others while another thread is inside a setter, and GObject
 * merges those that two threads emit at a time. So one thread emits the
 * notifications of all. */
static void
tell_changes (ImageSwitch *self)
{
  GObjectClass *klass = G_OBJECT_GET_CLASS (self);
  GParamSpec *pspec = g_object_class_find_property (klass, "hidden");
  Changes *changes = &self->changes;

  g_mutex_lock (&self->lock);
  if (!changes->telling) {
    changes->telling = TRUE;
    for (; changes->untold > 0; changes->untold--) {
      g_mutex_unlock (&self->lock);
      klass->dispatch_properties_changed (G_OBJECT (self), 1, &pspec);
      g_mutex_lock (&self->lock);
    }
    changes->telling = FALSE;
  }
  g_mutex_unlock (&self->lock);
}

/* Sets `hidden`, or toggles it (HIDE_TOGGLE). Once a call that hides has
 * returned, no frame of the camera leaves any more. */
void
imageswitch_hide_set (ImageSwitch *self, gint hidden)
{
  GstClockTime now = imageswitch_clock_now (self);
  gboolean changed;

  g_mutex_lock (&self->lock);
  if (hidden == HIDE_TOGGLE)
    hidden = !self->hidden;
  changed = self->hidden != hidden;
  self->changes.untold += changed;
  if (changed && !hidden)
    imageswitch_schedule_show (&self->schedule, now);
  self->hidden = hidden;
  imageswitch_gate_set_closed (self->gate, hidden);
  imageswitch_clock_wake_locked (self);
  imageswitch_release_set_hidden (self->release, hidden);
  g_mutex_unlock (&self->lock);
  if (hidden)
    imageswitch_gate_wait (self->gate);
  if (changed)
    tell_changes (self);
}

/* Takes a `meshroom/hide`, from either side. Returns TRUE if @event was one,
 * and is gone. */
gboolean
imageswitch_hide_take_event (ImageSwitch *self, GstEvent *event)
{
  gboolean hidden;

  if (!gst_event_has_name (event, HIDE_EVENT))
    return FALSE;
  if (gst_structure_get_boolean (gst_event_get_structure (event), "hidden",
          &hidden))
    imageswitch_hide_set (self, hidden);
  else
    GST_WARNING_OBJECT (self, "a %s that does not say whether", HIDE_EVENT);
  gst_event_unref (event);
  return TRUE;
}

/* The key `v` in a window downstream hides and shows. Neither its press nor its
 * release is passed on, so that upstream never gets one without the other. */
gboolean
imageswitch_hide_take_key (ImageSwitch *self, GstEvent *event)
{
  GstNavigationEventType type = gst_navigation_event_get_type (event);
  const gchar *key = NULL;

  if ((type != GST_NAVIGATION_EVENT_KEY_PRESS
          && type != GST_NAVIGATION_EVENT_KEY_RELEASE)
      || !gst_navigation_event_parse_key_event (event, &key)
      || g_strcmp0 (key, "v") != 0)
    return FALSE;
  if (type == GST_NAVIGATION_EVENT_KEY_PRESS)
    imageswitch_hide_set (self, HIDE_TOGGLE);
  return TRUE;
}

/* Forgets the last time of a GstController, since a stream begins. */
void
imageswitch_hide_reset (ImageSwitch *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->changes.control_time = GST_CLOCK_TIME_NONE;
}

/* Has a GstController set `hidden` for @stream_time. Two threads call this,
 * each with the time of the frame that it has: the camera's and the output's.
 * The thread that is behind is ignored, or else a switch between both times
 * would be made to and fro. */
void
imageswitch_hide_sync (ImageSwitch *self, GstClockTime stream_time)
{
  GstClockTime *latest = &self->changes.control_time;
  gboolean behind;

  if (!GST_CLOCK_TIME_IS_VALID (stream_time)
      || !gst_object_has_active_control_bindings (GST_OBJECT (self)))
    return;
  g_mutex_lock (&self->lock);
  behind = GST_CLOCK_TIME_IS_VALID (*latest) && stream_time < *latest
      && *latest - stream_time < SAME_STREAM;
  if (!behind)
    *latest = stream_time;
  g_mutex_unlock (&self->lock);
  if (!behind)
    gst_object_sync_values (GST_OBJECT (self), stream_time);
}
