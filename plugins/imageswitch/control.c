/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Who else sets `hidden`, besides the property: events from up- and
 * downstream, a key, and a GstController.
 */
#include "imageswitch.h"

GST_DEBUG_CATEGORY_EXTERN (imageswitch_debug);
#define GST_CAT_DEFAULT imageswitch_debug

/* A stream whose time goes back by more has started anew, or was sought in. */
#define SAME_STREAM GST_SECOND

/* `meshroom/hide`, whichever way it goes. */
gboolean
control_is_hide_event (GstEvent *event)
{
  return (GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_UPSTREAM
      || GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_DOWNSTREAM
      || GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_DOWNSTREAM_OOB
      || GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_DOWNSTREAM_STICKY
      || GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_BOTH
      || GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_BOTH_OOB)
      && gst_event_has_name (event, HIDE_EVENT);
}

/* Takes @event, if it is one. TRUE: it was, and is gone. */
gboolean
control_take_event (ImageSwitch *self, GstEvent *event)
{
  gboolean hidden;

  if (!control_is_hide_event (event))
    return FALSE;
  if (gst_structure_get_boolean (gst_event_get_structure (event), "hidden",
          &hidden))
    image_switch_set_hidden (self, hidden);
  else
    GST_WARNING_OBJECT (self, "a %s that does not say whether", HIDE_EVENT);
  gst_event_unref (event);
  return TRUE;
}

/* `v` in a window downstream hides and shows. Its release goes the same way
 * as its press, so that upstream never sees half a key. */
gboolean
control_take_key (ImageSwitch *self, GstEvent *event)
{
  GstNavigationEventType type = gst_navigation_event_get_type (event);
  const gchar *key = NULL;

  if ((type != GST_NAVIGATION_EVENT_KEY_PRESS
          && type != GST_NAVIGATION_EVENT_KEY_RELEASE)
      || !gst_navigation_event_parse_key_event (event, &key)
      || g_strcmp0 (key, "v") != 0)
    return FALSE;
  if (type == GST_NAVIGATION_EVENT_KEY_PRESS)
    image_switch_toggle (self);
  return TRUE;
}

void
control_reset (ImageSwitch *self)
{
  g_mutex_lock (&self->lock);
  self->control_time = GST_CLOCK_TIME_NONE;
  g_mutex_unlock (&self->lock);
}

/* Two threads come here, each with the time of the frame that it has: the
 * camera's, and the picture's. Whoever is behind has nothing to say, or else
 * a switch that lies between them would be made to and fro. */
void
control_sync (ImageSwitch *self, GstClockTime stream_time)
{
  gboolean behind;

  if (!GST_CLOCK_TIME_IS_VALID (stream_time)
      || !gst_object_has_active_control_bindings (GST_OBJECT (self)))
    return;
  g_mutex_lock (&self->lock);
  behind = GST_CLOCK_TIME_IS_VALID (self->control_time)
      && stream_time < self->control_time
      && self->control_time - stream_time < SAME_STREAM;
  if (!behind)
    self->control_time = stream_time;
  g_mutex_unlock (&self->lock);
  if (!behind)
    gst_object_sync_values (GST_OBJECT (self), stream_time);
}
