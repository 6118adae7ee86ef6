/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The request pad `image_sink`: whatever arrives there is the picture, while
 * there is something. It is a sink of its own: each frame waits until its time
 * has come on the pipeline's clock, and nothing that happens here goes any
 * further.
 */
#include "imageswitch.h"

GST_DEBUG_CATEGORY_EXTERN (imageswitch_debug);
#define GST_CAT_DEFAULT imageswitch_debug

static GstStaticPadTemplate image_template =
GST_STATIC_PAD_TEMPLATE ("image_sink", GST_PAD_SINK, GST_PAD_REQUEST,
    GST_STATIC_CAPS ("video/x-raw"));

static void
wake_locked (ImageSwitch *self)
{
  g_cond_broadcast (&self->cond);
  if (self->image.wait_id)
    gst_clock_id_unschedule (self->image.wait_id);
}

static void
forget_locked (ImageSwitch *self)
{
  gst_clear_buffer (&self->image.newest);
  gst_clear_buffer (&self->image.ready);
  self->image.converted = FALSE;
}

static gboolean
activate (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
  ImageSwitch *self = IMAGE_SWITCH (parent);

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  g_mutex_lock (&self->lock);
  self->image.flushing = !active;
  forget_locked (self);
  wake_locked (self);
  g_mutex_unlock (&self->lock);
  if (active)
    gst_segment_init (&self->image.segment, GST_FORMAT_UNDEFINED);
  return TRUE;
}

/* Waits until @time as a sink would; while paused, for what comes after the
 * first frame. FALSE: there is nothing more to wait for. */
static gboolean
wait_for_time (ImageSwitch *self, GstClockTime time, gboolean preroll)
{
  GstClockTime base;
  GstClock *clock;
  GstClockID id;

  g_mutex_lock (&self->lock);
  while (!self->image.flushing) {
    if (!self->playing) {
      if (preroll && !self->image.newest)
        break;
      g_cond_wait (&self->cond, &self->lock);
      continue;
    }
    if (!GST_CLOCK_TIME_IS_VALID (time) || output_now (self) >= time)
      break;
    clock = output_get_clock (self, &base);
    id = gst_clock_new_single_shot_id (clock, base + time);
    self->image.wait_id = id;
    g_mutex_unlock (&self->lock);
    gst_clock_id_wait (id, NULL);
    g_mutex_lock (&self->lock);
    self->image.wait_id = NULL;
    gst_clock_id_unref (id);
    gst_object_unref (clock);
  }
  preroll = !self->image.flushing;
  g_mutex_unlock (&self->lock);
  return preroll;
}

/* What goes out has changed its caps: upstream may like to deliver those. */
static void
propose_caps (ImageSwitch *self, GstPad *pad)
{
  gboolean changed;

  g_mutex_lock (&self->lock);
  changed = self->out_caps && self->image.proposed != self->out_caps;
  if (changed)
    gst_caps_replace (&self->image.proposed, self->out_caps);
  g_mutex_unlock (&self->lock);
  if (changed)
    gst_pad_push_event (pad, gst_event_new_reconfigure ());
}

static GstFlowReturn
image_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  ImageSwitch *self = IMAGE_SWITCH (parent);
  GstSegment *segment = &self->image.segment;
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
  if (!self->image.flushing) {
    gst_buffer_replace (&self->image.newest, buffer);
    self->image.newest_info = self->image.info;
    self->image.converted = FALSE;
  }
  g_mutex_unlock (&self->lock);
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

static gboolean
take_caps (ImageSwitch *self, GstCaps *caps)
{
  GstVideoInfo info;

  if (!negotiate_is_raw (caps, &info))
    return FALSE;
  g_mutex_lock (&self->lock);
  self->image.info = info;
  g_mutex_unlock (&self->lock);
  return TRUE;
}

/* The last frame stays for as long as it says. */
static void
take_eos (ImageSwitch *self)
{
  GstSegment *segment = &self->image.segment;
  GstClockTime end = GST_CLOCK_TIME_NONE;

  if (segment->format == GST_FORMAT_TIME)
    end = gst_segment_to_running_time (segment, GST_FORMAT_TIME,
        segment->position);
  wait_for_time (self, end, FALSE);
  g_mutex_lock (&self->lock);
  forget_locked (self);
  g_mutex_unlock (&self->lock);
}

static void
set_flushing (ImageSwitch *self, gboolean flushing)
{
  g_mutex_lock (&self->lock);
  self->image.flushing = flushing;
  forget_locked (self);
  wake_locked (self);
  g_mutex_unlock (&self->lock);
}

static gboolean
image_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  ImageSwitch *self = IMAGE_SWITCH (parent);
  gboolean ret = TRUE;
  GstCaps *caps;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      ret = take_caps (self, caps);
      break;
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment (event, &self->image.segment);
      break;
    case GST_EVENT_FLUSH_START:
      set_flushing (self, TRUE);
      break;
    case GST_EVENT_FLUSH_STOP:
      gst_segment_init (&self->image.segment, GST_FORMAT_UNDEFINED);
      set_flushing (self, FALSE);
      break;
    case GST_EVENT_EOS:
      take_eos (self);
      break;
    default:
      break;
  }
  gst_event_unref (event);
  return ret;
}

static void
answer_caps (ImageSwitch *self, GstPad *pad, GstQuery *query)
{
  GstCaps *caps = gst_pad_get_pad_template_caps (pad), *filter, *both;

  g_mutex_lock (&self->lock);
  if (self->out_caps && self->out_raw)
    caps = gst_caps_merge (gst_caps_ref (self->out_caps), caps);
  g_mutex_unlock (&self->lock);
  gst_query_parse_caps (query, &filter);
  if (filter) {
    both = gst_caps_intersect_full (caps, filter, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref (caps);
    caps = both;
  }
  gst_query_set_caps_result (query, caps);
  gst_caps_unref (caps);
}

static gboolean
image_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstVideoInfo info;
  GstCaps *caps;

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CAPS:
      answer_caps (IMAGE_SWITCH (parent), pad, query);
      return TRUE;
    case GST_QUERY_ACCEPT_CAPS:
      gst_query_parse_accept_caps (query, &caps);
      gst_query_set_accept_caps_result (query, negotiate_is_raw (caps, &info));
      return TRUE;
    default:
      return FALSE;
  }
}

/* A frame that is already what goes out. Who receives it may expect the usual
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

/* The pool that it came from must not have it back while it is in use. */
static GstBuffer *
wrap (GstBuffer *buffer)
{
  GstBuffer *frame = gst_buffer_copy_region (buffer, GST_BUFFER_COPY_MEMORY, 0,
      -1);

  gst_buffer_add_parent_buffer_meta (frame, buffer);
  return frame;
}

/**
 * image_prepare:
 * @self: an #ImageSwitch
 *
 * Makes the newest frame ready to be sent, if it is not yet. By the output
 * thread, right before a frame goes out: what nobody sees is not converted.
 */
void
image_prepare (ImageSwitch *self)
{
  g_autoptr (GstBuffer) buffer = NULL, ready = NULL;
  g_autoptr (GError) error = NULL;
  GstVideoInfo info, out;

  g_mutex_lock (&self->lock);
  out = self->out_info;
  info = self->image.newest_info;
  if (self->image.newest && self->out_raw && !(self->image.converted
          && gst_video_info_is_equal (&self->image.ready_info, &out)))
    buffer = gst_buffer_ref (self->image.newest);
  g_mutex_unlock (&self->lock);
  if (!buffer)
    return;
  if (is_as_sent (buffer, &info, &out)) {
    ready = wrap (buffer);
  } else {
    self->image.renderer.fast = TRUE;
    ready = renderer_render (&self->image.renderer, buffer, &info, &out,
        &error);
  }
  if (error)
    GST_WARNING_OBJECT (self, "%s", error->message);
  g_mutex_lock (&self->lock);
  if (self->image.newest) {
    gst_buffer_replace (&self->image.ready, ready);
    self->image.ready_info = out;
    self->image.converted = self->image.newest == buffer;
  }
  g_mutex_unlock (&self->lock);
}

/* Returns: (transfer full) (nullable): what to show in place of the picture */
GstBuffer *
image_take_locked (ImageSwitch *self)
{
  if (!self->image.ready
      || !gst_video_info_is_equal (&self->image.ready_info, &self->out_info))
    return NULL;
  return gst_buffer_ref (self->image.ready);
}

/* What is asked or told on src concerns the camera, never the image. */
static GstIterator *
links_of (GstPad *pad, GstObject *parent)
{
  ImageSwitch *self = (ImageSwitch *) parent;
  GValue value = G_VALUE_INIT;
  GstIterator *iterator;
  GstPad *other;

  if (!self || (pad != self->sinkpad && pad != self->srcpad))
    return NULL;
  other = pad == self->sinkpad ? self->srcpad : self->sinkpad;
  g_value_init (&value, GST_TYPE_PAD);
  g_value_set_object (&value, other);
  iterator = gst_iterator_new_single (GST_TYPE_PAD, &value);
  g_value_unset (&value);
  return iterator;
}

static GstPad *
image_request_pad (GstElement *element, GstPadTemplate *template,
    const gchar *name, const GstCaps *caps)
{
  ImageSwitch *self = IMAGE_SWITCH (element);
  GstPad *pad;

  g_mutex_lock (&self->lock);
  pad = self->image.pad ? NULL
      : gst_pad_new_from_template (template, "image_sink");
  if (pad)
    self->image.pad = pad;
  g_mutex_unlock (&self->lock);
  if (!pad)                     /* one is enough */
    return NULL;
  gst_pad_set_activatemode_function (pad, activate);
  gst_pad_set_chain_function (pad, image_chain);
  gst_pad_set_event_function (pad, image_event);
  gst_pad_set_query_function (pad, image_query);
  gst_pad_set_iterate_internal_links_function (pad, links_of);
  gst_element_add_pad (element, pad);
  return pad;
}

static void
image_release_pad (GstElement *element, GstPad *pad)
{
  ImageSwitch *self = IMAGE_SWITCH (element);

  gst_object_ref (pad);
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element, pad);
  g_mutex_lock (&self->lock);
  self->image.pad = NULL;
  g_mutex_unlock (&self->lock);
  gst_object_unref (pad);
}

void
image_init (ImageSwitch *self)
{
  gst_pad_set_iterate_internal_links_function (self->sinkpad, links_of);
  gst_pad_set_iterate_internal_links_function (self->srcpad, links_of);
}

void
image_finalize (ImageSwitch *self)
{
  forget_locked (self);
  renderer_clear (&self->image.renderer);
  gst_clear_caps (&self->image.proposed);
}

void
image_class_init (GstElementClass *klass)
{
  gst_element_class_add_static_pad_template (klass, &image_template);
  klass->request_new_pad = image_request_pad;
  klass->release_pad = image_release_pad;
}
