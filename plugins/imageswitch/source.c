/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The src pad: what downstream is told besides frames, and what it asks.
 * Everything pushed here is pushed under src's stream lock.
 */
#include "imageswitch.h"

GST_DEBUG_CATEGORY_EXTERN (imageswitch_debug);
#define GST_CAT_DEFAULT imageswitch_debug

/* Whether a stream has started on src, and not ended. */
gboolean
source_has_stream (ImageSwitch *self)
{
  g_autoptr (GstEvent) start =
      gst_pad_get_sticky_event (self->srcpad, GST_EVENT_STREAM_START, 0);

  return start && !GST_PAD_IS_EOS (self->srcpad);
}

/* Notes caps that went out, by whoever pushed them. */
void
source_took_caps (ImageSwitch *self, GstCaps *caps)
{
  g_mutex_lock (&self->lock);
  gst_caps_replace (&self->out_caps, caps);
  self->out_raw = negotiate_is_raw (caps, &self->out_info);
  self->anchor = GST_CLOCK_TIME_NONE;
  output_wake_locked (self);
  g_mutex_unlock (&self->lock);
}

void
source_took_segment (ImageSwitch *self, const GstSegment *segment)
{
  gst_segment_copy_into (segment, &self->out_segment);
  g_mutex_lock (&self->lock);
  gst_segment_copy_into (segment, &self->last_segment);
  g_mutex_unlock (&self->lock);
}

gboolean
source_push_caps (ImageSwitch *self, GstCaps *caps)
{
  if (!gst_pad_push_event (self->srcpad, gst_event_new_caps (caps)))
    return FALSE;
  source_took_caps (self, caps);
  return TRUE;
}

gboolean
source_push_segment (ImageSwitch *self, const GstSegment *segment)
{
  if (!gst_pad_push_event (self->srcpad, gst_event_new_segment (segment)))
    return FALSE;
  source_took_segment (self, segment);
  return TRUE;
}

/**
 * source_announce:
 * @self: an #ImageSwitch
 * @hidden: whether what follows is the picture
 * @time: running time of the frame that follows
 *
 * Tells downstream that the camera is hidden or shown from the next frame on,
 * and asks the encoder for a key frame there, so that nothing refers back to
 * what was shown before.
 */
void
source_announce (ImageSwitch *self, gboolean hidden, GstClockTime time)
{
  gboolean first = self->told_hidden < 0;
  guint64 position = GST_CLOCK_TIME_NONE, stream_time = GST_CLOCK_TIME_NONE;

  if (self->told_hidden == hidden)
    return;
  self->told_hidden = hidden;
  GST_INFO_OBJECT (self, "%s from running time %" GST_TIME_FORMAT,
      hidden ? "hidden" : "visible", GST_TIME_ARGS (time));
  if (!first) {
    if (GST_CLOCK_TIME_IS_VALID (time)
        && self->out_segment.format == GST_FORMAT_TIME) {
      position = gst_segment_position_from_running_time (&self->out_segment,
          GST_FORMAT_TIME, time);
      stream_time = gst_segment_to_stream_time (&self->out_segment,
          GST_FORMAT_TIME, position);
    }
    gst_pad_push_event (self->srcpad,
        gst_video_event_new_downstream_force_key_unit (position, stream_time,
            time, TRUE, self->key_units++));
  }
  gst_pad_push_event (self->srcpad,
      gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
          gst_structure_new (HIDDEN_EVENT, "hidden", G_TYPE_BOOLEAN, hidden,
              NULL)));
}

static gboolean
is_showing_picture (ImageSwitch *self)
{
  gboolean picture;

  g_mutex_lock (&self->lock);
  picture = self->hidden || self->showing == SHOWING_PICTURE;
  g_mutex_unlock (&self->lock);
  return picture;
}

gboolean
source_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  ImageSwitch *self = IMAGE_SWITCH (parent);

  if (control_take_event (self, event))
    return TRUE;
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_NAVIGATION:
      if (control_take_key (self, event)) {
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

/* As the camera's: the element adds nothing. What a camera that is shut would
 * say is remembered. Where there is none, the picture is paced by the clock
 * but also prerolls, like a file. */
static gboolean
answer_latency (ImageSwitch *self, GstQuery *query)
{
  GstClockTime min = 0, max = GST_CLOCK_TIME_NONE;
  gboolean live = FALSE, known, awaiting;

  g_mutex_lock (&self->lock);
  awaiting = release_is_awaiting_locked (self);
  if (awaiting) {
    live = release_is_live_locked (self, &min);
    gst_query_set_latency (query, live, min, max);
    self->release.told = min;
  }
  g_mutex_unlock (&self->lock);
  if (awaiting)
    return TRUE;

  known = gst_pad_peer_query (self->sinkpad, query);
  if (known)
    gst_query_parse_latency (query, &live, &min, &max);
  g_mutex_lock (&self->lock);
  if (known) {
    release_learn_locked (self, live, min);
  } else if (self->hidden || self->showing == SHOWING_PICTURE) {
    known = TRUE;
    gst_query_set_latency (query, self->upstream_live, self->upstream_latency,
        GST_CLOCK_TIME_NONE);
  }
  self->release.told = self->upstream_latency;
  g_mutex_unlock (&self->lock);
  return known;
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
  segment = self->last_segment;
  time = self->last_time;
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
source_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  ImageSwitch *self = IMAGE_SWITCH (parent);

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_LATENCY:
      return answer_latency (self, query);
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
