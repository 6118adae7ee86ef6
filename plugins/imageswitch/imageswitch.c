/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-imageswitch
 * @title: imageswitch
 * @short_description: a camera that can be trusted to be off
 *
 * Passes a camera's frames on or, while #imageswitch:hidden is set, shows a
 * picture in their place. It is for people who want to be sure: once `hidden`
 * has been set and the setter has returned, not one pixel of the camera leaves
 * the src pad, whatever the camera does. The picture goes out at the caps and
 * the frame rate that were negotiated, timestamps only ever rise, and a key
 * frame is asked for at each change, so that nothing refers back to what was
 * seen before.
 *
 * Visible frames are passed as they are, without a copy.
 *
 * A frame that has reached the next element before the setter returned is out
 * of reach. It may still be in a queue or an encoder by then.
 *
 * While hidden, the camera itself is shut down (#imageswitch:release-camera).
 *
 * Besides the property, these hide and show: a GstController; a custom event
 * `meshroom/hide` with a boolean field `hidden`, sent from either side or to
 * the element; the key `v` in a window downstream. Downstream learns of each
 * change through a sticky event `meshroom/hidden` with a boolean field
 * `hidden`, and the application through `notify::hidden`.
 *
 * On the request pad `image_sink`, any pipeline can take the place of the
 * picture: while hidden, what arrived there last is shown.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc is-live=true \
 *   ! imageswitch hidden=true ! videoconvert ! autovideosink
 * ]|
 * Shows the built-in picture until somebody presses `v` in the window.
 *
 * Since: 0.1
 */
#include "imageswitch.h"

enum {
  PROP_0,
  PROP_HIDDEN,
  PROP_LOCATION,
  PROP_RELEASE_CAMERA,
};

/* Any raw video, in whatever memory: visible frames are not looked at. */
static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw; video/x-raw(ANY)"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw; video/x-raw(ANY)"));
static GstStaticPadTemplate image_template = GST_STATIC_PAD_TEMPLATE
    ("image_sink", GST_PAD_SINK, GST_PAD_REQUEST,
    GST_STATIC_CAPS ("video/x-raw"));

G_DEFINE_TYPE_WITH_CODE (ImageSwitch, imageswitch, GST_TYPE_ELEMENT,
    GST_DEBUG_CATEGORY_INIT (imageswitch_debug, "imageswitch", 0,
        "hides the camera behind a picture"))
GST_ELEMENT_REGISTER_DEFINE (imageswitch, "imageswitch", GST_RANK_NONE,
    TYPE_IMAGE_SWITCH)

static void
imageswitch_set_property (GObject *object, guint id, const GValue *value,
    GParamSpec *pspec)
{
  ImageSwitch *self = IMAGE_SWITCH (object);

  switch (id) {
    case PROP_HIDDEN:
      imageswitch_hide_set (self, g_value_get_boolean (value));
      break;
    case PROP_LOCATION:
      imageswitch_slide_set_location (self->slide, g_value_get_string (value));
      break;
    case PROP_RELEASE_CAMERA:
      imageswitch_release_set_enabled (self->release,
          g_value_get_boolean (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
}

static void
imageswitch_get_property (GObject *object, guint id, GValue *value,
    GParamSpec *pspec)
{
  ImageSwitch *self = IMAGE_SWITCH (object);

  switch (id) {
    case PROP_HIDDEN:
      g_mutex_lock (&self->lock);
      g_value_set_boolean (value, self->hidden);
      g_mutex_unlock (&self->lock);
      break;
    case PROP_LOCATION:
      g_value_take_string (value,
          imageswitch_slide_get_location (self->slide));
      break;
    case PROP_RELEASE_CAMERA:
      g_value_set_boolean (value,
          imageswitch_release_is_enabled (self->release));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
}

static void
set_playing (ImageSwitch *self, gboolean playing)
{
  g_autoptr (GstClock) clock = gst_system_clock_obtain ();
  GstClockTime now = gst_clock_get_time (clock);

  g_mutex_lock (&self->lock);
  self->schedule.playing = playing;
  if (playing)
    self->start_time = now;
  else if (!self->schedule.live)
    self->flow.prerolled = FALSE;       /* sinks need one more */
  imageswitch_clock_wake_locked (self);
  g_mutex_unlock (&self->lock);
  imageswitch_live_set_playing (self->live, playing);
}

static GstStateChangeReturn
imageswitch_change_state (GstElement *element, GstStateChange transition)
{
  ImageSwitch *self = IMAGE_SWITCH (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_NULL_TO_READY) {
    imageswitch_slide_start (self->slide);
    imageswitch_release_start (self->release);
  } else if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    imageswitch_output_reset (self);
    imageswitch_latency_start (self);
  } else if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED) {
    set_playing (self, FALSE);
  } else if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    imageswitch_output_stop (self);
  }
  ret = GST_ELEMENT_CLASS (imageswitch_parent_class)->change_state (element,
      transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING) {
    set_playing (self, TRUE);
  } else if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    imageswitch_output_join (self);
  } else if (transition == GST_STATE_CHANGE_READY_TO_NULL) {
    imageswitch_release_stop (self->release);
    imageswitch_slide_stop (self->slide);
  } else if (transition == GST_STATE_CHANGE_READY_TO_PAUSED
      && ret != GST_STATE_CHANGE_FAILURE) {
    imageswitch_output_start (self);
  } else if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    imageswitch_output_stop (self);
    imageswitch_output_join (self);
  }
  if (ret == GST_STATE_CHANGE_SUCCESS
      && GST_STATE_TRANSITION_NEXT (transition) == GST_STATE_PAUSED
      && imageswitch_latency_is_source (self))
    ret = GST_STATE_CHANGE_NO_PREROLL;
  return ret;
}

/* The application ends the stream by sending EOS to the pipeline, which hands
 * it to each source. While hidden the camera's EOS goes no further, so it
 * comes here as well (that is what the SOURCE flag is for). */
static gboolean
imageswitch_send_event (GstElement *element, GstEvent *event)
{
  ImageSwitch *self = IMAGE_SWITCH (element);

  if (imageswitch_hide_take_event (self, event))
    return TRUE;
  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS) {
    g_mutex_lock (&self->lock);
    self->ends.wanted = self->running
        && (self->hidden || self->flow.picture);
    imageswitch_clock_wake_locked (self);
    g_mutex_unlock (&self->lock);
    gst_event_unref (event);
    return TRUE;
  }
  return GST_ELEMENT_CLASS (imageswitch_parent_class)->send_event (element,
      event);
}

/* Queries and events on src go to the camera, never to `image_sink`. */
static GstIterator *
links_of (GstPad *pad, GstObject *parent)
{
  ImageSwitch *self = (ImageSwitch *) parent;
  GValue value = G_VALUE_INIT;
  GstIterator *iterator;

  if (!self)
    return NULL;
  g_value_init (&value, GST_TYPE_PAD);
  g_value_set_object (&value,
      pad == self->sinkpad ? self->srcpad : self->sinkpad);
  iterator = gst_iterator_new_single (GST_TYPE_PAD, &value);
  g_value_unset (&value);
  return iterator;
}

static GstPad *
imageswitch_request_new_pad (GstElement *element, GstPadTemplate *template,
    const gchar *name, const GstCaps *caps)
{
  return imageswitch_live_request_pad (IMAGE_SWITCH (element)->live, template);
}

static void
imageswitch_release_pad (GstElement *element, GstPad *pad)
{
  imageswitch_live_release_pad (IMAGE_SWITCH (element)->live);
}

static void
imageswitch_finalize (GObject *object)
{
  ImageSwitch *self = IMAGE_SWITCH (object);

  imageswitch_release_free (self->release);
  imageswitch_slide_free (self->slide);
  imageswitch_live_free (self->live);
  imageswitch_gate_unref (self->gate);
  gst_clear_caps (&self->out.caps);
  g_cond_clear (&self->cond);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (imageswitch_parent_class)->finalize (object);
}

static void
install_properties (GObjectClass *klass)
{
  /**
   * imageswitch:hidden:
   *
   * Whether the picture is shown in place of the camera. When setting it has
   * returned, no further frame of the camera leaves the src pad. May be set
   * from any thread, also from one that is pushing a frame.
   *
   * Each change is notified exactly once. A control binding decides for each
   * frame, the camera's and the picture's, by its stream time.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_HIDDEN, g_param_spec_boolean
      ("hidden", "Hidden", "Show the picture in place of the camera: once "
          "set, no pixel of the camera goes out", FALSE,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY
          | GST_PARAM_CONTROLLABLE | GST_PARAM_MUTABLE_PLAYING));
  /**
   * imageswitch:location:
   *
   * An image (PNG, JPEG, WebP, SVG, …), an animated GIF or WebP, or any video
   * that GStreamer decodes, which is played over and over. A file that cannot
   * be shown is a warning on the bus, and the built-in picture takes its place.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_LOCATION, g_param_spec_string
      ("location", "Location", "Image or video to show while hidden (NULL: the "
          "built-in picture)", NULL, G_PARAM_READWRITE
          | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  /**
   * imageswitch:release-camera:
   *
   * Whether the camera's source element is shut down while hidden, so that the
   * device is closed and its light is off, and started again when shown. If
   * that fails, the picture stays, a warning says so, and it is tried again.
   *
   * A source that others use as well (through a `tee`) is left alone, which
   * an INFO message says; and so are files, and what an application feeds.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_RELEASE_CAMERA,
      g_param_spec_boolean ("release-camera", "Release camera", "Shut the "
          "camera down while hidden, so that its light is off", TRUE,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS
          | GST_PARAM_MUTABLE_PLAYING));
}

static void
imageswitch_class_init (ImageSwitchClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->set_property = imageswitch_set_property;
  object_class->get_property = imageswitch_get_property;
  object_class->finalize = imageswitch_finalize;
  element_class->change_state = imageswitch_change_state;
  element_class->send_event = imageswitch_send_event;
  element_class->request_new_pad = imageswitch_request_new_pad;
  element_class->release_pad = imageswitch_release_pad;
  install_properties (object_class);
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_add_static_pad_template (element_class, &image_template);
  gst_element_class_set_static_metadata (element_class, "Image switch",
      "Filter/Video", "Hides the camera behind a picture, and never leaks it",
      "The meshroom developers");
}

static void
on_src_linked (GstPad *pad, GstPad *peer, ImageSwitch *self)
{
  imageswitch_gate_keep (self->gate, pad);
}

static void
imageswitch_init (ImageSwitch *self)
{
  GstElement *element = GST_ELEMENT (self);

  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  self->changes.control_time = GST_CLOCK_TIME_NONE;
  self->latency.told = GST_CLOCK_TIME_NONE;
  imageswitch_schedule_reset (&self->schedule);

  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad, imageswitch_camera_chain);
  gst_pad_set_event_function (self->sinkpad, imageswitch_sink_event);
  gst_pad_set_query_function (self->sinkpad, imageswitch_sink_query);
  gst_pad_set_iterate_internal_links_function (self->sinkpad, links_of);
  gst_element_add_pad (element, self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_event_function (self->srcpad, imageswitch_source_event);
  gst_pad_set_query_function (self->srcpad, imageswitch_source_query);
  gst_pad_set_iterate_internal_links_function (self->srcpad, links_of);
  GST_PAD_SET_PROXY_CAPS (self->srcpad);
  g_signal_connect (self->srcpad, "linked", G_CALLBACK (on_src_linked), self);

  self->gate = imageswitch_gate_new ();
  self->release = imageswitch_release_new (element, self->sinkpad);
  self->slide = imageswitch_slide_new (element, imageswitch_clock_wake);
  self->live = imageswitch_live_new (element, imageswitch_clock_get);
  gst_element_add_pad (element, self->srcpad);

  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SOURCE);
}
