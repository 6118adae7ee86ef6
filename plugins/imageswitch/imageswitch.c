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

GST_DEBUG_CATEGORY (imageswitch_debug);
#define GST_CAT_DEFAULT imageswitch_debug

enum {
  PROP_0,
  PROP_HIDDEN,
  PROP_LOCATION,
  PROP_RELEASE_CAMERA,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

/* Any raw video, in whatever memory: visible frames are not looked at. */
static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw; video/x-raw(ANY)"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw; video/x-raw(ANY)"));

G_DEFINE_TYPE_WITH_CODE (ImageSwitch, image_switch, GST_TYPE_ELEMENT,
    GST_DEBUG_CATEGORY_INIT (imageswitch_debug, "imageswitch", 0,
        "hides the camera behind a picture"))
GST_ELEMENT_REGISTER_DEFINE (imageswitch, "imageswitch", GST_RANK_NONE,
    TYPE_IMAGE_SWITCH)

/* One notification for each change, whatever else is being set: those of
 * g_object_notify() are merged while another thread is inside a setter, and
 * those emitted by two threads at a time are merged as well. So one thread
 * emits them, also for the others. */
static void
tell_hidden (ImageSwitch *self)
{
  GObject *object = G_OBJECT (self);

  g_mutex_lock (&self->lock);
  if (!self->telling) {
    self->telling = TRUE;
    for (; self->changes_untold > 0; self->changes_untold--) {
      g_mutex_unlock (&self->lock);
      G_OBJECT_GET_CLASS (object)->dispatch_properties_changed (object, 1,
          &properties[PROP_HIDDEN]);
      g_mutex_lock (&self->lock);
    }
    self->telling = FALSE;
  }
  g_mutex_unlock (&self->lock);
}

static gboolean
change_hidden (ImageSwitch *self, gboolean toggle, gboolean hidden)
{
  GstClockTime now = output_now (self);
  gboolean changed;

  g_mutex_lock (&self->lock);
  if (toggle)
    hidden = !self->hidden;
  changed = self->hidden != hidden;
  self->changes_untold += changed;
  if (changed && !hidden)
    camera_note_show_locked (self, now);
  self->hidden = hidden;
  output_wake_locked (self);
  release_wake_locked (self);
  g_mutex_unlock (&self->lock);
  if (hidden)
    camera_wait_in_flight (self);
  if (changed)
    tell_hidden (self);
  return hidden;
}

/* Returns when no frame of the camera will leave any more, if hiding. */
void
image_switch_set_hidden (ImageSwitch *self, gboolean hidden)
{
  change_hidden (self, FALSE, hidden);
}

/* Returns what it has become. */
gboolean
image_switch_toggle (ImageSwitch *self)
{
  return change_hidden (self, TRUE, FALSE);
}

static void
image_switch_set_property (GObject *object, guint id, const GValue *value,
    GParamSpec *pspec)
{
  ImageSwitch *self = IMAGE_SWITCH (object);

  switch (id) {
    case PROP_HIDDEN:
      image_switch_set_hidden (self, g_value_get_boolean (value));
      break;
    case PROP_LOCATION:
      slide_set_location (self, g_value_get_string (value));
      break;
    case PROP_RELEASE_CAMERA:
      release_set_enabled (self, g_value_get_boolean (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
}

static void
image_switch_get_property (GObject *object, guint id, GValue *value,
    GParamSpec *pspec)
{
  ImageSwitch *self = IMAGE_SWITCH (object);

  g_mutex_lock (&self->lock);
  switch (id) {
    case PROP_HIDDEN:
      g_value_set_boolean (value, self->hidden);
      break;
    case PROP_LOCATION:
      g_value_set_string (value, self->location);
      break;
    case PROP_RELEASE_CAMERA:
      g_value_set_boolean (value, self->release.enabled);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  g_mutex_unlock (&self->lock);
}

static void
set_playing (ImageSwitch *self, gboolean playing)
{
  g_autoptr (GstClock) clock = gst_system_clock_obtain ();
  GstClockTime now = gst_clock_get_time (clock);

  g_mutex_lock (&self->lock);
  self->playing = playing;
  if (playing)
    self->start_time = now;
  else if (!self->upstream_live)
    self->prerolled = FALSE;    /* sinks take one more to be paused */
  output_wake_locked (self);
  g_mutex_unlock (&self->lock);
}

static GstStateChangeReturn
image_switch_change_state (GstElement *element, GstStateChange transition)
{
  ImageSwitch *self = IMAGE_SWITCH (element);
  GstStateChangeReturn ret;

  switch (transition) {
    case GST_STATE_CHANGE_NULL_TO_READY:
      slide_start (self);
      release_start (self);
      break;
    case GST_STATE_CHANGE_READY_TO_PAUSED:
      camera_start (self);
      output_reset (self);
      release_start_stream (self);
      break;
    case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
      set_playing (self, FALSE);
      break;
    case GST_STATE_CHANGE_PAUSED_TO_READY:
      output_stop (self);
      break;
    default:
      break;
  }
  ret = GST_ELEMENT_CLASS (image_switch_parent_class)->change_state (element,
      transition);
  switch (transition) {
    case GST_STATE_CHANGE_READY_TO_PAUSED:
      if (ret != GST_STATE_CHANGE_FAILURE)
        output_start (self);
      else
        output_stop (self);
      break;
    case GST_STATE_CHANGE_PAUSED_TO_PLAYING:
      set_playing (self, TRUE);
      break;
    case GST_STATE_CHANGE_PAUSED_TO_READY:
      output_join (self);
      break;
    case GST_STATE_CHANGE_READY_TO_NULL:
      release_stop (self);
      slide_stop (self);
      break;
    default:
      break;
  }
  if (ret == GST_STATE_CHANGE_SUCCESS
      && GST_STATE_TRANSITION_NEXT (transition) == GST_STATE_PAUSED
      && release_is_source (self))
    ret = GST_STATE_CHANGE_NO_PREROLL;
  return ret;
}

/* The application ends the stream by sending EOS to the pipeline, which hands
 * it to each source. While hidden the camera's EOS goes no further, so it
 * comes here as well (that is what the SOURCE flag is for). */
static gboolean
image_switch_send_event (GstElement *element, GstEvent *event)
{
  ImageSwitch *self = IMAGE_SWITCH (element);

  if (control_take_event (self, event))
    return TRUE;
  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS) {
    g_mutex_lock (&self->lock);
    self->eos_wanted = self->running
        && (self->hidden || self->showing == SHOWING_PICTURE);
    output_wake_locked (self);
    g_mutex_unlock (&self->lock);
    gst_event_unref (event);
    return TRUE;
  }
  return GST_ELEMENT_CLASS (image_switch_parent_class)->send_event (element,
      event);
}

static void
image_switch_finalize (GObject *object)
{
  ImageSwitch *self = IMAGE_SWITCH (object);

  release_clear (self);
  gst_clear_caps (&self->out_caps);
  gst_clear_buffer (&self->slide);
  g_clear_pointer (&self->picture, picture_unref);
  g_clear_pointer (&self->builtin, picture_unref);
  image_finalize (self);
  g_free (self->location);
  g_cond_clear (&self->cond);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (image_switch_parent_class)->finalize (object);
}

static void
image_switch_class_init (ImageSwitchClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->set_property = image_switch_set_property;
  object_class->get_property = image_switch_get_property;
  object_class->finalize = image_switch_finalize;
  element_class->change_state = image_switch_change_state;
  element_class->send_event = image_switch_send_event;

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
  properties[PROP_HIDDEN] = g_param_spec_boolean ("hidden", "Hidden",
      "Show the picture in place of the camera: once set, no pixel of the "
      "camera goes out", FALSE,
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY
      | GST_PARAM_CONTROLLABLE | GST_PARAM_MUTABLE_PLAYING);
  /**
   * imageswitch:location:
   *
   * An image (PNG, JPEG, WebP, SVG, …), an animated GIF or WebP, or any video
   * that GStreamer decodes, which is played over and over. A file that cannot
   * be shown is a warning on the bus, and the built-in picture takes its place.
   *
   * Since: 0.1
   */
  properties[PROP_LOCATION] = g_param_spec_string ("location", "Location",
      "Image or video to show while hidden (NULL: the built-in picture)", NULL,
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
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
  properties[PROP_RELEASE_CAMERA] = g_param_spec_boolean ("release-camera",
      "Release camera", "Shut the camera down while hidden, so that its light "
      "is off", TRUE,
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  image_class_init (element_class);
  gst_element_class_set_static_metadata (element_class, "Image switch",
      "Filter/Video", "Hides the camera behind a picture, and never leaks it",
      "The meshroom developers");
}

static void
on_src_linked (GstPad *pad, GstPad *peer, ImageSwitch *self)
{
  camera_keep_gate (self);
}

static void
image_switch_init (ImageSwitch *self)
{
  GstElement *element = GST_ELEMENT (self);

  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  self->loading.stop = TRUE;
  self->control_time = GST_CLOCK_TIME_NONE;

  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad, camera_chain);
  gst_pad_set_event_function (self->sinkpad, sink_event);
  gst_pad_set_query_function (self->sinkpad, sink_query);
  gst_element_add_pad (element, self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_event_function (self->srcpad, source_event);
  gst_pad_set_query_function (self->srcpad, source_query);
  GST_PAD_SET_PROXY_CAPS (self->srcpad);
  g_signal_connect (self->srcpad, "linked", G_CALLBACK (on_src_linked), self);
  release_init (self);
  gst_element_add_pad (element, self->srcpad);
  image_init (self);

  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SOURCE);
}
