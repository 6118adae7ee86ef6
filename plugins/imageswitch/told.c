/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The events that downstream gets. All of them are pushed under src's stream
 * lock.
 */
#include "imageswitch.h"

#include "picture/caps.h"

/* Whether a stream has started on src, and not ended. */
gboolean
imageswitch_told_is_streaming (ImageSwitch *self)
{
  g_autoptr (GstEvent) start =
      gst_pad_get_sticky_event (self->srcpad, GST_EVENT_STREAM_START, 0);

  return start && !GST_PAD_IS_EOS (self->srcpad);
}

/* Sends stream-start: the camera's or, without a camera, one of our own. */
void
imageswitch_told_stream_start (ImageSwitch *self)
{
  g_autoptr (GstEvent) event = NULL;
  g_autofree gchar *id = NULL;

  if (imageswitch_told_is_streaming (self))
    return;
  event = gst_pad_get_sticky_event (self->sinkpad, GST_EVENT_STREAM_START, 0);
  if (!event) {
    /* GStreamer makes up ids for elements with one sink pad at most */
    id = g_uuid_string_random ();
    event = gst_event_new_stream_start (id);
    gst_event_set_group_id (event, gst_util_group_id_next ());
  }
  gst_pad_push_event (self->srcpad, g_steal_pointer (&event));
}

/* Sets what flows from here on. A clip that is not shown goes back to its
 * start. */
void
imageswitch_told_flows_locked (ImageSwitch *self, gboolean picture)
{
  self->flow.picture = picture;
  imageswitch_slide_set_shown (self->slide, picture);
}

/* Whether the picture flows, or is to. */
gboolean
imageswitch_told_shows_picture (ImageSwitch *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  return self->hidden || self->flow.picture;
}

/* Notes the caps that went out last; NULL: there are none any more. */
void
imageswitch_told_took_caps (ImageSwitch *self, GstCaps *caps)
{
  Out *out = &self->out;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  gst_caps_replace (&out->caps, caps);
  out->raw = caps && imageswitch_caps_are_raw (caps, &out->info);
  imageswitch_live_set_caps (self->live, out->raw ? caps : NULL);
  imageswitch_schedule_set_rate (&self->schedule,
      out->raw ? &out->info : NULL);
  imageswitch_clock_wake_locked (self);
}

void
imageswitch_told_took_segment (ImageSwitch *self, const GstSegment *segment)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  gst_segment_copy_into (segment, &self->out.segment);
}

gboolean
imageswitch_told_caps (ImageSwitch *self, GstCaps *caps)
{
  if (!gst_pad_push_event (self->srcpad, gst_event_new_caps (caps)))
    return FALSE;
  imageswitch_told_took_caps (self, caps);
  return TRUE;
}

gboolean
imageswitch_told_segment (ImageSwitch *self, const GstSegment *segment)
{
  if (!gst_pad_push_event (self->srcpad, gst_event_new_segment (segment)))
    return FALSE;
  imageswitch_told_took_segment (self, segment);
  return TRUE;
}

/* Tells downstream that the camera is hidden or shown from the next frame on,
 * which has running time @time, and asks the encoder for a key frame there, so
 * that nothing refers back to what was shown before. */
void
imageswitch_told_hidden (ImageSwitch *self, gboolean hidden, GstClockTime time)
{
  GstSegment *segment = &self->out.segment;
  guint64 position = GST_CLOCK_TIME_NONE, stream_time = GST_CLOCK_TIME_NONE;
  gboolean first = self->told.hidden < 0;

  if (self->told.hidden == hidden)
    return;
  self->told.hidden = hidden;
  GST_INFO_OBJECT (self, "%s from running time %" GST_TIME_FORMAT,
      hidden ? "hidden" : "visible", GST_TIME_ARGS (time));
  if (!first) {
    if (GST_CLOCK_TIME_IS_VALID (time) && segment->format == GST_FORMAT_TIME) {
      position = gst_segment_position_from_running_time (segment,
          GST_FORMAT_TIME, time);
      stream_time = gst_segment_to_stream_time (segment, GST_FORMAT_TIME,
          position);
    }
    gst_pad_push_event (self->srcpad,
        gst_video_event_new_downstream_force_key_unit (position, stream_time,
            time, TRUE, self->told.key_units++));
  }
  gst_pad_push_event (self->srcpad,
      gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
          gst_structure_new (HIDDEN_EVENT, "hidden", G_TYPE_BOOLEAN, hidden,
              NULL)));
}

/* Ends downstream's flush, with the camera's event or in its place. A pad that
 * has been shut meanwhile sends no FLUSH_STOP: the next start does then. */
gboolean
imageswitch_told_flush_stop (ImageSwitch *self, GstEvent *flush_stop,
    gboolean reset_time)
{
  gboolean ret = gst_pad_push_event (self->srcpad, flush_stop);
  Flow *flow = &self->flow;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  gst_segment_init (&self->out.segment, GST_FORMAT_UNDEFINED);
  if (!ret && !self->running)
    return FALSE;
  flow->flush = FLOWING;
  flow->prerolled = flow->failed = self->ends.sent = FALSE;
  flow->failure = GST_FLOW_OK;
  flow->retry_at = 0;
  imageswitch_schedule_flush (&self->schedule, reset_time);
  imageswitch_clock_wake_locked (self);
  return ret;
}

void
imageswitch_told_eos (ImageSwitch *self)
{
  imageswitch_told_stream_start (self);
  g_mutex_lock (&self->lock);
  self->ends = (Ends) { .sent = TRUE };
  g_mutex_unlock (&self->lock);
  gst_pad_push_event (self->srcpad, gst_event_new_eos ());
}
