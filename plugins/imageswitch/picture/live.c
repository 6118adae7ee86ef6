/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The request pad `image_sink`: whatever arrives there is the picture, while
 * there is something. It is a sink of its own: each frame waits until its time
 * has come on the pipeline's clock, and nothing that happens here goes any
 * further.
 */
#include "live.h"

#include "../debug.h"
#include "caps.h"
#include "picture.h"

struct _Live {
  GstElement *element;          /* owns us */
  GstClock *(*get_clock) (GstElement *element, GstClockTime *base);
  GstSegment segment;           /* under the pad's stream lock */
  GstVideoInfo info;            /* of what comes next; same lock */
  Renderer renderer;            /* output thread only */

  GMutex lock;                  /* guards everything below */
  GCond cond;
  GstPad *pad;
  gboolean playing;
  gboolean flushing;
  GstClockID wait_id;           /* what the pad's thread sleeps on */
  GstCaps *caps;                /* what goes out, when those are raw */
  gboolean proposed;            /* upstream has heard of them */
  GstBuffer *newest;
  GstVideoInfo newest_info;
  gboolean converted;           /* ready was made of newest */
  GstBuffer *ready;             /* as ready_info */
  GstVideoInfo ready_info;
};

static void
wake_locked (Live *self)
{
  g_cond_broadcast (&self->cond);
  if (self->wait_id)
    gst_clock_id_unschedule (self->wait_id);
}

static void
forget_locked (Live *self)
{
  gst_clear_buffer (&self->newest);
  gst_clear_buffer (&self->ready);
  self->converted = FALSE;
}

static void
set_flushing (Live *self, gboolean flushing)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->flushing = flushing;
  forget_locked (self);
  wake_locked (self);
}

static gboolean
activate (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
  Live *self = gst_pad_get_element_private (pad);

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  set_flushing (self, !active);
  if (active)
    gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  return TRUE;
}

void
imageswitch_live_set_playing (Live *self, gboolean playing)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  self->playing = playing;
  /* a thread that waits on the clock goes on waiting, until it is flushed */
  g_cond_signal (&self->cond);
}

/* Waits until @time, as a sink would. While paused, all frames but the first
 * wait until the pipeline plays. Returns FALSE when flushing. */
static gboolean
wait_for_time (Live *self, GstClockTime time, gboolean preroll)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  while (!self->flushing) {
    g_autoptr (GstClock) clock = NULL;
    GstClockTime base;
    GstClockID id;

    if (!self->playing) {
      if (preroll && !self->newest)
        break;
      g_cond_wait (&self->cond, &self->lock);
      continue;
    }
    if (!GST_CLOCK_TIME_IS_VALID (time))
      break;
    clock = self->get_clock (self->element, &base);
    if (time == 0 || gst_clock_get_time (clock) >= base + time)
      break;
    id = gst_clock_new_single_shot_id (clock, base + time);
    self->wait_id = id;
    g_mutex_unlock (&self->lock);
    gst_clock_id_wait (id, NULL);
    g_mutex_lock (&self->lock);
    self->wait_id = NULL;
    gst_clock_id_unref (id);
  }
  return !self->flushing;
}

/* Takes note of the caps that go out; NULL: they are not raw video. */
void
imageswitch_live_set_caps (Live *self, GstCaps *caps)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (caps && self->caps != caps)
    self->proposed = FALSE;
  gst_caps_replace (&self->caps, caps);
}

/* Tells upstream, once, that the caps of what goes out have changed: it may
 * like to deliver those. */
static void
propose_caps (Live *self, GstPad *pad)
{
  gboolean propose;

  g_mutex_lock (&self->lock);
  propose = self->caps && !self->proposed;
  self->proposed |= propose;
  g_mutex_unlock (&self->lock);
  if (propose)
    gst_pad_push_event (pad, gst_event_new_reconfigure ());
}

static GstFlowReturn
live_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  Live *self = gst_pad_get_element_private (pad);
  GstSegment *segment = &self->segment;
  GstClockTime time = GST_CLOCK_TIME_NONE;

  propose_caps (self, pad);
  if (GST_BUFFER_PTS_IS_VALID (buffer) && segment->format == GST_FORMAT_TIME) {
    time = gst_segment_to_running_time (segment, GST_FORMAT_TIME,
        GST_BUFFER_PTS (buffer));
    if (!GST_CLOCK_TIME_IS_VALID (time)) {      /* outside the segment */
      gst_buffer_unref (buffer);
      return GST_FLOW_OK;
    }
    segment->position = GST_BUFFER_PTS (buffer);
    if (GST_BUFFER_DURATION_IS_VALID (buffer))
      segment->position += GST_BUFFER_DURATION (buffer);
  }
  if (!wait_for_time (self, time, TRUE)) {
    gst_buffer_unref (buffer);
    return GST_FLOW_FLUSHING;
  }
  g_mutex_lock (&self->lock);
  if (!self->flushing) {
    gst_buffer_replace (&self->newest, buffer);
    self->newest_info = self->info;
    self->converted = FALSE;
  }
  g_mutex_unlock (&self->lock);
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

/* Keeps the last frame for its duration, and then forgets it. */
static void
take_eos (Live *self)
{
  GstSegment *segment = &self->segment;
  GstClockTime end = GST_CLOCK_TIME_NONE;

  if (segment->format == GST_FORMAT_TIME)
    end = gst_segment_to_running_time (segment, GST_FORMAT_TIME,
        segment->position);
  wait_for_time (self, end, FALSE);
  g_mutex_lock (&self->lock);
  forget_locked (self);
  g_mutex_unlock (&self->lock);
}

static gboolean
live_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  Live *self = gst_pad_get_element_private (pad);
  GstEventType type = GST_EVENT_TYPE (event);
  gboolean ret = TRUE;
  GstCaps *caps;

  if (type == GST_EVENT_CAPS) {
    gst_event_parse_caps (event, &caps);
    ret = imageswitch_caps_are_raw (caps, &self->info);
  } else if (type == GST_EVENT_SEGMENT) {
    gst_event_copy_segment (event, &self->segment);
  } else if (type == GST_EVENT_FLUSH_START) {
    set_flushing (self, TRUE);
  } else if (type == GST_EVENT_FLUSH_STOP) {
    gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
    set_flushing (self, FALSE);
  } else if (type == GST_EVENT_EOS) {
    take_eos (self);
  }
  gst_event_unref (event);
  return ret;
}

static gboolean
live_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  Live *self = gst_pad_get_element_private (pad);
  g_autoptr (GstCaps) offer = NULL, both = NULL;
  GstVideoInfo info;
  GstCaps *caps;

  if (GST_QUERY_TYPE (query) == GST_QUERY_ACCEPT_CAPS) {
    gst_query_parse_accept_caps (query, &caps);
    gst_query_set_accept_caps_result (query,
        imageswitch_caps_are_raw (caps, &info));
    return TRUE;
  }
  if (GST_QUERY_TYPE (query) != GST_QUERY_CAPS)
    return FALSE;
  offer = gst_pad_get_pad_template_caps (pad);
  g_mutex_lock (&self->lock);
  if (self->caps)
    offer = gst_caps_merge (gst_caps_ref (self->caps), offer);
  g_mutex_unlock (&self->lock);
  gst_query_parse_caps (query, &caps);
  if (caps)
    both = gst_caps_intersect_full (offer, caps, GST_CAPS_INTERSECT_FIRST);
  gst_query_set_caps_result (query, both ? both : offer);
  return TRUE;
}

/* Whether the frame can go out as it is. The receiver may expect the usual
 * layout. */
static gboolean
is_as_sent (GstBuffer *buffer, const GstVideoInfo *info,
    const GstVideoInfo *out)
{
  GstVideoMeta *meta = gst_buffer_get_video_meta (buffer);
  GstVideoInfo same = *info;
  guint i;

  same.fps_n = out->fps_n;
  same.fps_d = out->fps_d;
  if (!gst_video_info_is_equal (&same, out)
      || gst_buffer_get_size (buffer) != out->size
      || out->interlace_mode == GST_VIDEO_INTERLACE_MODE_ALTERNATE)
    return FALSE;
  for (i = 0; meta && i < meta->n_planes; i++)
    if (meta->stride[i] != GST_VIDEO_INFO_PLANE_STRIDE (out, i)
        || meta->offset[i] != GST_VIDEO_INFO_PLANE_OFFSET (out, i))
      return FALSE;
  return TRUE;
}

/* Returns a frame that shares the memory of @buffer and keeps it, so that its
 * pool does not get it back while it is in use. */
static GstBuffer *
wrap (GstBuffer *buffer)
{
  GstBuffer *frame = gst_buffer_copy_region (buffer, GST_BUFFER_COPY_MEMORY, 0,
      -1);

  gst_buffer_add_parent_buffer_meta (frame, buffer);
  return frame;
}

/* Returns: (transfer full) (nullable): the newest frame, ready to be sent as
 * @out, its pixels shared and not writable. Called by the output thread right
 * before a frame goes out: what nobody sees is not converted, and nothing
 * twice. */
GstBuffer *
imageswitch_live_take (Live *self, const GstVideoInfo *out)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  g_autoptr (GstBuffer) newest = NULL, ready = NULL;
  g_autoptr (GError) error = NULL;
  GstVideoInfo info = self->newest_info;

  if (self->newest && !(self->converted
          && gst_video_info_is_equal (&self->ready_info, out))) {
    newest = gst_buffer_ref (self->newest);
    g_mutex_unlock (&self->lock);
    if (is_as_sent (newest, &info, out))
      ready = wrap (newest);
    else
      ready = imageswitch_renderer_render (&self->renderer, newest, &info, out,
          &error);
    if (error)
      GST_WARNING_OBJECT (self->element, "%s", error->message);
    g_mutex_lock (&self->lock);
  }
  if (newest && self->newest) {
    gst_buffer_replace (&self->ready, ready);
    self->ready_info = *out;
    self->converted = self->newest == newest;
  }
  return self->ready ? gst_buffer_copy (self->ready) : NULL;
}

GstPad *
imageswitch_live_request_pad (Live *self, GstPadTemplate *template)
{
  GstPad *pad;

  g_mutex_lock (&self->lock);
  pad = self->pad ? NULL : gst_pad_new_from_template (template, "image_sink");
  if (pad)
    self->pad = pad;
  g_mutex_unlock (&self->lock);
  if (!pad)                     /* there is one already */
    return NULL;
  gst_pad_set_element_private (pad, self);
  gst_pad_set_activatemode_function (pad, activate);
  gst_pad_set_chain_function (pad, live_chain);
  gst_pad_set_event_function (pad, live_event);
  gst_pad_set_query_function (pad, live_query);
  /* queries and events on src concern the camera alone */
  gst_pad_set_iterate_internal_links_function (pad, NULL);
  gst_element_add_pad (self->element, pad);
  return pad;
}

void
imageswitch_live_release_pad (Live *self)
{
  g_autoptr (GstPad) pad = gst_object_ref (self->pad);

  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (self->element, pad);
  g_mutex_lock (&self->lock);
  self->pad = NULL;
  g_mutex_unlock (&self->lock);
}

Live *
imageswitch_live_new (GstElement *element,
    GstClock *(*get_clock) (GstElement *element, GstClockTime *base))
{
  Live *self = g_new0 (Live, 1);

  self->element = element;
  self->get_clock = get_clock;
  self->renderer.fast = TRUE;
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  return self;
}

void
imageswitch_live_free (Live *self)
{
  forget_locked (self);
  imageswitch_renderer_clear (&self->renderer);
  gst_clear_caps (&self->caps);
  g_cond_clear (&self->cond);
  g_mutex_clear (&self->lock);
  g_free (self);
}
