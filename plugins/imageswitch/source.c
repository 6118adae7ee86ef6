/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The events and queries of the src pad.
 */
#include "imageswitch.h"

/* Takes what comes from downstream. While the picture is shown a seek is
 * refused: the picture has no other time to go to, and the flush that the
 * camera would answer the seek with is kept from downstream. */
gboolean
imageswitch_source_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  ImageSwitch *self = (ImageSwitch *) parent;
  GstEventType type = GST_EVENT_TYPE (event);

  if (imageswitch_hide_take_event (self, event))
    return TRUE;
  if ((type == GST_EVENT_NAVIGATION && imageswitch_hide_take_key (self, event))
      || ((type == GST_EVENT_SEEK || type == GST_EVENT_QOS)
          && imageswitch_told_shows_picture (self))) {
    gst_event_unref (event);
    return type != GST_EVENT_SEEK;
  }
  /* a camera that is shut takes no latency, and gets another event later */
  return gst_pad_event_default (pad, parent, event)
      || type == GST_EVENT_LATENCY;
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
  GstQueryType type = GST_QUERY_TYPE (query);

  if (type == GST_QUERY_LATENCY)
    return imageswitch_latency_answer (self, query);
  if (type == GST_QUERY_POSITION && imageswitch_told_shows_picture (self))
    return answer_position (self, query);
  if (type == GST_QUERY_SEEKING && imageswitch_told_shows_picture (self))
    return answer_seeking (query);
  return gst_pad_query_default (pad, parent, query);
}
