/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The src pad: what downstream tells and asks.
 */
#include "imageswitch.h"

static gboolean
is_showing_picture (ImageSwitch *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->hidden || self->flow.picture;
}

gboolean
imageswitch_source_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  ImageSwitch *self = (ImageSwitch *) parent;

  if (imageswitch_hide_take_event (self, event))
    return TRUE;
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_NAVIGATION:
      if (imageswitch_hide_take_key (self, event)) {
        gst_event_unref (event);
        return TRUE;
      }
      break;
    case GST_EVENT_SEEK:
      /* The picture has no other time to go to, and the flush that the camera
       * would answer with is kept from downstream. */
      if (is_showing_picture (self)) {
        gst_event_unref (event);
        return FALSE;
      }
      break;
    case GST_EVENT_LATENCY:
      /* a camera that is shut takes none, and will be told again */
      gst_pad_event_default (pad, parent, event);
      return TRUE;
    case GST_EVENT_QOS:
      if (is_showing_picture (self)) {
        gst_event_unref (event);
        return TRUE;
      }
      break;
    default:
      break;
  }
  return gst_pad_event_default (pad, parent, event);
}

static gboolean
answer_position (ImageSwitch *self, GstQuery *query)
{
  GstSegment segment;
  GstClockTime time;
  GstFormat format;
  guint64 position;

  gst_query_parse_position (query, &format, NULL);
  if (format != GST_FORMAT_TIME)
    return FALSE;
  g_mutex_lock (&self->lock);
  segment = self->out.segment;
  time = self->schedule.last.time;
  g_mutex_unlock (&self->lock);
  if (!GST_CLOCK_TIME_IS_VALID (time) || segment.format != GST_FORMAT_TIME)
    return FALSE;
  position = gst_segment_position_from_running_time (&segment,
      GST_FORMAT_TIME, time);
  gst_query_set_position (query, GST_FORMAT_TIME,
      gst_segment_to_stream_time (&segment, GST_FORMAT_TIME, position));
  return TRUE;
}

static gboolean
answer_seeking (GstQuery *query)
{
  GstFormat format;

  gst_query_parse_seeking (query, &format, NULL, NULL, NULL);
  gst_query_set_seeking (query, format, FALSE, 0, -1);
  return TRUE;
}

gboolean
imageswitch_source_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  ImageSwitch *self = (ImageSwitch *) parent;

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_LATENCY:
      return imageswitch_latency_answer (self, query);
    case GST_QUERY_POSITION:
      if (is_showing_picture (self))
        return answer_position (self, query);
      break;
    case GST_QUERY_SEEKING:
      if (is_showing_picture (self))
        return answer_seeking (query);
      break;
    default:
      break;
  }
  return gst_pad_query_default (pad, parent, query);
}
