/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Corrects what comes in on a sink pad of the room (intake.h): timing through a
 * pacer; orientation, interlacing and channel positions through a stage. */

#include "meshroom/intake.h"

#include <gst/audio/audio.h>
#include <gst/video/video.h>

/* Each interlaced frame becomes one progressive frame: two would be twice the
 * work for the encoders. */
#define VIDEO_STAGE "videoconvert ! deinterlace fields=top ! videoflip name=flip"

/* The most channels that GStreamer's audio converter can mix. */
#define MAX_MIXED 63

/* The value of a tag that no event has brought yet. */
#define UNKNOWN GST_VIDEO_ORIENTATION_CUSTOM

struct _MeshIntake {
  GstBin *room;                 /* no reference: outlives the intake */
  const char *pad_name;         /* the name of the room's pad */
  MeshKind kind;
  gboolean encoded;
  MeshIntakeWarning warning;
  gpointer user_data;
  MeshPacer *pacer;
  GstPad *next;

  /* used by the streaming thread, and after its end by the thread that stops
   * the intake */
  GstElement *stage;            /* NULL while the input needs none */
  GstElement *flip;             /* of a video stage, or behind a decoder */
  gboolean passes;              /* the input is encoded, and is not decoded */
  gboolean interlaced;
  gboolean hidden;              /* an imageswitch shows its own picture */
  GstVideoOrientationMethod stream_tag, global_tag;
  GstVideoOrientationMethod applied;
  gboolean told_turned, told_interlaced;
  guint unpositioned;           /* the number of audio channels without
                                 * positions, which are mixed; 0: none */
  gboolean unusable;            /* the input cannot be used, and is dropped */
};

/* --- the stage --- */

static void
link_next (MeshIntake *self, GstElement *last)
{
  g_autoptr (GstPad) src = gst_element_get_static_pad (last, "src");

  /* a RECONFIGURE event would make upstream negotiate again, without need */
  if (gst_pad_link_full (src, self->next, GST_PAD_LINK_CHECK_NOTHING)
      != GST_PAD_LINK_OK)
    GST_ERROR_OBJECT (self->pacer, "cannot link %s", GST_OBJECT_NAME (last));
}

static void
remove_stage (MeshIntake *self)
{
  g_autoptr (GstElement) stage = g_steal_pointer (&self->stage);

  if (!stage)
    return;
  gst_clear_object (&self->flip);
  gst_element_set_locked_state (stage, TRUE);
  gst_element_set_state (stage, GST_STATE_NULL);
  gst_bin_remove (self->room, stage);
}

/* Puts @stage, or nothing, between the pacer and the next element. No buffer
 * passes meanwhile, since this runs on the streaming thread. */
static void
set_stage (MeshIntake *self, GstElement *stage)
{
  g_autoptr (GstPad) src =
      gst_element_get_static_pad (GST_ELEMENT (self->pacer), "src");
  g_autoptr (GstPad) peer = gst_pad_get_peer (src);
  g_autoptr (GstPad) last = gst_pad_get_peer (self->next);

  if (peer)
    gst_pad_unlink (src, peer);
  if (last)
    gst_pad_unlink (last, self->next);
  remove_stage (self);
  if (!stage) {
    link_next (self, GST_ELEMENT (self->pacer));
    return;
  }
  self->stage = gst_object_ref_sink (stage);
  gst_bin_add (self->room, stage);
  gst_element_link_pads_full (GST_ELEMENT (self->pacer), "src", stage, "sink",
      GST_PAD_LINK_CHECK_NOTHING);
  link_next (self, stage);
  gst_element_sync_state_with_parent (stage);
}

/* Returns: (nullable): a stage, or %NULL after a warning */
static GstElement *
make_stage (MeshIntake *self, const char *description)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  GstElement *stage =
      gst_parse_bin_from_description (description, TRUE, &error);

  if (stage && !error)
    return stage;
  gst_clear_object (&stage);
  text = g_strdup_printf ("the stream on %s is passed on as it is: %s",
      self->pad_name, error->message);
  self->warning (text, self->user_data);
  return NULL;
}

/* --- video --- */

static const char *
orientation_name (GstVideoOrientationMethod method)
{
  g_autoptr (GEnumClass) klass =
      g_type_class_ref (GST_TYPE_VIDEO_ORIENTATION_METHOD);
  const GEnumValue *value = g_enum_get_value (klass, method);

  return value ? value->value_nick : "turned";
}

static void
warn_once (MeshIntake *self, gboolean *told, const char *what)
{
  g_autofree char *text = g_strdup_printf ("the picture on %s %s, and goes out "
      "as it is, since it is encoded: decode it before the room (… ! decodebin "
      "! room.%s) to have that put right", self->pad_name, what,
      self->pad_name);

  if (!*told)
    self->warning (text, self->user_data);
  *told = TRUE;
}

/* The orientation tags are the camera's. The placeholder of a hidden camera is
 * upright, so it must not be turned. */
static GstVideoOrientationMethod
get_orientation (MeshIntake *self)
{
  if (self->hidden)
    return GST_VIDEO_ORIENTATION_IDENTITY;
  if (self->stream_tag != UNKNOWN)
    return self->stream_tag;
  return self->global_tag != UNKNOWN ? self->global_tag
      : GST_VIDEO_ORIENTATION_IDENTITY;
}

static void
prepare_video (MeshIntake *self)
{
  GstVideoOrientationMethod wanted = get_orientation (self);
  gboolean turned = wanted != GST_VIDEO_ORIENTATION_IDENTITY;
  g_autofree char *text = NULL;

  if (self->passes) {
    text = g_strdup_printf ("is to be shown turned (%s)",
        orientation_name (wanted));
    if (turned)
      warn_once (self, &self->told_turned, text);
    if (self->interlaced)
      warn_once (self, &self->told_interlaced, "is interlaced");
    return;
  }
  if (!self->encoded && !self->stage && (turned || self->interlaced)) {
    GstElement *stage = make_stage (self, VIDEO_STAGE);

    if (!stage)
      return;
    self->flip = gst_bin_get_by_name (GST_BIN (stage), "flip");
    self->applied = GST_VIDEO_ORIENTATION_IDENTITY;
    set_stage (self, stage);
  }
  if (self->flip && self->applied != wanted)
    g_object_set (self->flip, "video-direction", wanted, NULL);
  self->applied = wanted;
}

static void
take_video_caps (MeshIntake *self, GstCaps *caps)
{
  const char *mode = gst_structure_get_string (gst_caps_get_structure (caps, 0),
      "interlace-mode");

  self->interlaced = mode && !g_str_equal (mode, "progressive");
}

static void
take_tags (MeshIntake *self, GstEvent *event)
{
  GstVideoOrientationMethod method;
  GstTagList *tags;

  gst_event_parse_tag (event, &tags);
  if (!gst_video_orientation_from_tag (tags, &method))
    return;
  if (gst_tag_list_get_scope (tags) == GST_TAG_SCOPE_GLOBAL)
    self->global_tag = method;
  else
    self->stream_tag = method;
}

/* --- audio --- */

/* Makes the matrix that mixes channels without positions into one channel, each
 * with the same weight, so that the sum does not clip. The channels' sides are
 * not known. */
static GstElement *
make_mix (MeshIntake *self, guint channels)
{
  GstElement *stage = make_stage (self, "audioconvert name=convert "
      "! capsfilter caps=audio/x-raw,channels=1");
  g_autoptr (GstElement) convert = NULL;
  g_auto (GValue) matrix = G_VALUE_INIT;
  g_auto (GValue) row = G_VALUE_INIT;

  if (!stage)
    return NULL;
  convert = gst_bin_get_by_name (GST_BIN (stage), "convert");
  gst_value_array_init (&matrix, 1);
  gst_value_array_init (&row, channels);
  for (guint i = 0; i < channels; i++) {
    g_auto (GValue) part = G_VALUE_INIT;

    g_value_init (&part, G_TYPE_FLOAT);
    g_value_set_float (&part, 1.0f / channels);
    gst_value_array_append_value (&row, &part);
  }
  gst_value_array_append_value (&matrix, &row);
  g_object_set_property (G_OBJECT (convert), "mix-matrix", &matrix);
  return stage;
}

/* Returns: (transfer full) (nullable): caps to take instead of @caps. Two
 * channels without positions are left and right; more are mixed. More than two
 * channels without a channel mask are treated as channels without positions. */
static GstCaps *
name_positions (MeshIntake *self, GstCaps *caps)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  GstCaps *named;
  guint64 mask = 0;
  int channels = 0;

  self->unpositioned = 0;
  if (!gst_structure_get_int (s, "channels", &channels) || channels < 2)
    return NULL;
  if (!gst_structure_get (s, "channel-mask", GST_TYPE_BITMASK, &mask, NULL)
      && channels == 2)
    return NULL;
  if (mask != 0)
    return NULL;
  if (channels == 2)
    mask = GST_AUDIO_CHANNEL_POSITION_MASK (FRONT_LEFT)
        | GST_AUDIO_CHANNEL_POSITION_MASK (FRONT_RIGHT);
  else
    self->unpositioned = channels;
  named = gst_caps_copy (caps);
  gst_caps_set_simple (named, "channel-mask", GST_TYPE_BITMASK, mask, NULL);
  return named;
}

/* Returns: (transfer full): the event to take */
static GstEvent *
take_audio_caps (MeshIntake *self, GstEvent *event, GstCaps *caps)
{
  guint before = self->unpositioned;
  g_autoptr (GstCaps) named = name_positions (self, caps);
  g_autofree char *text = NULL;
  GstEvent *renamed;

  self->unusable = self->unpositioned > MAX_MIXED;
  if (self->unusable) {
    text = g_strdup_printf ("nobody hears what comes on %s: of its %u channels "
        "without positions at most %u can be mixed; take fewer, as with "
        "deinterleave, or give them positions (channel-mask)", self->pad_name,
        self->unpositioned, MAX_MIXED);
    self->warning (text, self->user_data);
    /* no buffer follows, and the elements downstream get caps that they know */
    self->unpositioned = 0;
    gst_caps_set_simple (named, "channels", G_TYPE_INT, 1, NULL);
  }
  if (self->unpositioned != before)
    set_stage (self, self->unpositioned > 0
        ? make_mix (self, self->unpositioned) : NULL);
  if (!named)
    return event;
  renamed = gst_event_new_caps (named);
  gst_event_set_seqnum (renamed, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return renamed;
}

/* --- both kinds --- */

static void
on_refused (GstFlowReturn result, gpointer user_data)
{
  MeshIntake *self = user_data;
  g_autoptr (GstPad) sink = mesh_intake_dup_sink (self);
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (sink);
  g_autofree char *format = caps ? gst_caps_to_string (caps) : NULL;
  g_autofree char *text = g_strdup_printf ("what comes on %s cannot be used "
      "(%s: %s), and nobody gets it until it changes: convert it before the "
      "room, as with %s ! room.%s", self->pad_name, gst_flow_get_name (result),
      format ? format : "no format", self->kind == MESH_VIDEO
      ? "videoconvert" : "audioconvert", self->pad_name);

  self->warning (text, self->user_data);
}

/**
 * mesh_intake_take_event:
 * @event: (transfer full): an event that comes in
 *
 * Returns: (transfer full): the event to pass on instead
 */
GstEvent *
mesh_intake_take_event (MeshIntake *intake, GstEvent *event)
{
  GstCaps *caps;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      intake->stream_tag = intake->global_tag = UNKNOWN;
      break;
    case GST_EVENT_TAG:
      if (intake->kind == MESH_VIDEO)
        take_tags (intake, event);
      break;
    case GST_EVENT_CUSTOM_DOWNSTREAM_STICKY:
      if (gst_event_has_name (event, "meshroom/hidden"))
        gst_structure_get_boolean (gst_event_get_structure (event), "hidden",
            &intake->hidden);
      break;
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      if (intake->kind == MESH_VIDEO)
        take_video_caps (intake, caps);
      else if (!intake->encoded)
        return take_audio_caps (intake, event, caps);
      break;
    default:
      break;
  }
  return event;
}

/**
 * mesh_intake_prepare:
 *
 * To be called before each buffer, as all events that precede it have come
 * then.
 *
 * Returns: whether the buffer can be used
 */
gboolean
mesh_intake_prepare (MeshIntake *intake)
{
  if (intake->kind == MESH_VIDEO)
    prepare_video (intake);
  return !intake->unusable;
}

/**
 * mesh_intake_settle:
 * @intake: the intake of an encoded video input
 * @flip: (nullable): the videoflip behind the decoder, with which the intake
 *   turns the picture; %NULL when the input is not decoded
 *
 * To be called on the streaming thread, once it is known whether the input is
 * decoded.
 */
void
mesh_intake_settle (MeshIntake *intake, GstElement *flip)
{
  gst_object_replace ((GstObject **) &intake->flip, (GstObject *) flip);
  intake->applied = GST_VIDEO_ORIENTATION_IDENTITY;
  intake->passes = flip == NULL;
  prepare_video (intake);
}

/**
 * mesh_intake_new:
 * @room: the bin that gets the elements
 * @pad_name: the room's pad, for messages; not copied
 * @kind: the kind of the input
 * @encoded: whether the input is encoded
 * @timeline: the room's timeline
 * @next: the pad in @room that gets the stream
 * @warning: called with a warning for the user
 * @user_data: for @warning
 *
 * Returns: (transfer full): an intake, for mesh_intake_stop() and
 *   mesh_intake_free()
 */
MeshIntake *
mesh_intake_new (GstBin *room, const char *pad_name, MeshKind kind,
    gboolean encoded, MeshTimeline *timeline, GstPad *next,
    MeshIntakeWarning warning, gpointer user_data)
{
  MeshIntake *self = g_new0 (MeshIntake, 1);
  g_autoptr (GstCaps) accepts = encoded ? NULL
      : gst_caps_new_empty_simple (kind == MESH_VIDEO ? "video/x-raw"
      : "audio/x-raw");

  self->room = room;
  self->pad_name = pad_name;
  self->kind = kind;
  self->encoded = encoded;
  self->warning = warning;
  self->user_data = user_data;
  self->stream_tag = self->global_tag = UNKNOWN;
  self->next = gst_object_ref (next);
  self->pacer = gst_object_ref_sink (mesh_pacer_new (timeline, accepts,
          on_refused, self));
  gst_bin_add (room, GST_ELEMENT (self->pacer));
  link_next (self, GST_ELEMENT (self->pacer));
  gst_element_sync_state_with_parent (GST_ELEMENT (self->pacer));
  return self;
}

/**
 * mesh_intake_dup_sink:
 * Returns: (transfer full): the target for the room's pad
 */
GstPad *
mesh_intake_dup_sink (MeshIntake *intake)
{
  return gst_element_get_static_pad (GST_ELEMENT (intake->pacer), "sink");
}

/**
 * mesh_intake_get_pacer:
 * Returns: (transfer none): its pacer
 */
MeshPacer *
mesh_intake_get_pacer (MeshIntake *intake)
{
  return intake->pacer;
}

/**
 * mesh_intake_stop:
 * @intake: an intake that gets no more buffers
 *
 * Shuts the intake's elements down, and removes them from the room.
 */
void
mesh_intake_stop (MeshIntake *intake)
{
  GstElement *pacer = GST_ELEMENT (intake->pacer);

  gst_element_set_locked_state (pacer, TRUE);
  gst_element_set_state (pacer, GST_STATE_NULL);
  remove_stage (intake);
  gst_bin_remove (intake->room, pacer);
}

/**
 * mesh_intake_free:
 * @intake: (transfer full) (nullable): an intake that was stopped, or whose
 *   room is gone
 */
void
mesh_intake_free (MeshIntake *intake)
{
  if (!intake)
    return;
  gst_clear_object (&intake->stage);
  gst_clear_object (&intake->flip);
  gst_object_unref (intake->pacer);
  gst_object_unref (intake->next);
  g_free (intake);
}
