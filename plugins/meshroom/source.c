/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/source.h"

#include "core/error.h"
#include "meshroom/encoding.h"
#include "meshroom/intake.h"

struct _MeshSource {
  GstBin *room;                 /* our owner, no reference */
  MeshKind kind;
  guint32 ssrc;
  GstPad *pad;                  /* the room's ghost pad, no reference */
  MeshTimeline *timeline;       /* the room's */
  const MeshSourceEvents *events;
  gpointer user_data;
  gint ended;                   /* atomic: no buffer since the end */

  GMutex lock;                  /* guards all below */
  GPtrArray *encodings;
  GPtrArray *elements;          /* all that we have put into the room */
  MeshIntake *intake;           /* once the input is known; set by its thread */
  GstElement *tee;              /* once the input is raw */
  const MeshCodec *input;       /* once the input is encoded */
  const MeshCodec *expected;    /* before there is any */
  MeshPictureFormat format;     /* of a raw video input */
  gboolean muted;
  gboolean hidden;              /* a picture comes in place of the camera */
};

static void
report (MeshSource *self, GError *error)
{
  if (error)
    self->events->error (self, error, self->user_data);
}

static void
add_to_room_locked (MeshSource *self, GstElement *element)
{
  gst_bin_add (self->room, element);
  g_ptr_array_add (self->elements, gst_object_ref (element));
}

static void
on_warning (const char *text, gpointer user_data)
{
  MeshSource *self = user_data;

  self->events->warning (self, text, self->user_data);
}

/* Leads the room's pad to @next, by way of what makes any input fit. */
static gboolean
start_intake_locked (MeshSource *self, GstPad *next)
{
  g_autoptr (GstPad) sink = NULL;

  self->intake = mesh_intake_new (self->room, GST_OBJECT_NAME (self->pad),
      self->kind, self->input != NULL, self->timeline, next, on_warning, self);
  sink = mesh_intake_dup_sink (self->intake);
  return gst_ghost_pad_set_target (GST_GHOST_PAD (self->pad), sink);
}

/* Connects a fan-out to the input, as soon as both are there. */
static gboolean
feed_encoding_locked (MeshSource *self, MeshEncoding *encoding, GError **error)
{
  g_autoptr (GstElement) bin = NULL;
  g_autoptr (GstPad) branch = NULL, sink = NULL;

  if (encoding->fed || !self->tee)
    return TRUE;
  bin = mesh_encoding_make_bin (encoding, self->hidden, error);
  if (!bin)
    return FALSE;
  add_to_room_locked (self, bin);
  mesh_encoding_tune (encoding, &self->format);
  gst_element_link (bin, GST_ELEMENT (encoding->fanout));
  gst_element_sync_state_with_parent (bin);
  branch = gst_element_request_pad_simple (self->tee, "src_%u");
  sink = gst_element_get_static_pad (bin, "sink");
  /* no RECONFIGURE up to the camera: the formats all agree already */
  gst_pad_link_full (branch, sink, GST_PAD_LINK_CHECK_NO_RECONFIGURE);
  encoding->fed = TRUE;
  return TRUE;
}

static MeshEncoding *
get_encoding_locked (MeshSource *self, const MeshCodec *codec)
{
  MeshEncoding *encoding;

  for (guint i = 0; i < self->encodings->len; i++) {
    encoding = g_ptr_array_index (self->encodings, i);
    if (encoding->codec == codec)
      return encoding;
  }
  encoding = mesh_encoding_new (codec);
  mesh_fanout_set_muted (encoding->fanout, self->muted);
  add_to_room_locked (self, GST_ELEMENT (encoding->fanout));
  gst_element_sync_state_with_parent (GST_ELEMENT (encoding->fanout));
  g_ptr_array_add (self->encodings, encoding);
  return encoding;
}

static gboolean
start_raw_locked (MeshSource *self, GError **error)
{
  g_autoptr (GstPad) sink = NULL;

  self->tee = gst_element_factory_make ("tee", NULL);
  if (!self->tee) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_FAILED,
        "element tee is not installed");
    return FALSE;
  }
  g_object_set (self->tee, "allow-not-linked", TRUE, NULL);
  add_to_room_locked (self, self->tee);
  for (guint i = 0; i < self->encodings->len; i++) {
    if (!feed_encoding_locked (self, g_ptr_array_index (self->encodings, i),
            error))
      return FALSE;
  }
  gst_element_sync_state_with_parent (self->tee);
  sink = gst_element_get_static_pad (self->tee, "sink");
  return start_intake_locked (self, sink);
}

static gboolean
start_encoded_locked (MeshSource *self, const MeshCodec *codec, GError **error)
{
  g_autoptr (GstPad) sink = NULL;
  MeshEncoding *encoding = get_encoding_locked (self, codec);

  self->input = codec;
  encoding->fed = TRUE;
  if (codec->parser) {
    GstElement *parser = mesh_codec_make (codec->parser, error);

    if (!parser)
      return FALSE;
    add_to_room_locked (self, parser);
    gst_element_link (parser, GST_ELEMENT (encoding->fanout));
    gst_element_sync_state_with_parent (parser);
    sink = gst_element_get_static_pad (parser, "sink");
  } else {
    sink = gst_element_get_static_pad (GST_ELEMENT (encoding->fanout), "sink");
  }
  return start_intake_locked (self, sink);
}

static gboolean
take_caps (MeshSource *self, GstCaps *caps, GError **error)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  const MeshCodec *codec = mesh_codec_for_caps (caps);
  gboolean ok = TRUE;

  g_mutex_lock (&self->lock);
  self->expected = NULL;
  if (self->kind == MESH_VIDEO) {
    gst_structure_get_int (s, "width", &self->format.width);
    gst_structure_get_int (s, "height", &self->format.height);
    gst_structure_get_fraction (s, "framerate", &self->format.fps_n,
        &self->format.fps_d);
  }
  if (!self->tee && !self->input) {
    ok = codec ? start_encoded_locked (self, codec, error)
        : start_raw_locked (self, error);
  } else if (codec != self->input) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED,
        "the stream on %s changed from %s to %s: start the element anew",
        GST_OBJECT_NAME (self->pad), self->input ? self->input->name : "raw",
        codec ? codec->name : "raw");
    ok = FALSE;
  }
  for (guint i = 0; i < self->encodings->len; i++)
    mesh_encoding_tune (g_ptr_array_index (self->encodings, i), &self->format);
  g_mutex_unlock (&self->lock);
  return ok;
}

static void
take_hidden (MeshSource *self, GstEvent *event)
{
  gboolean hidden = FALSE;

  gst_structure_get_boolean (gst_event_get_structure (event), "hidden",
      &hidden);
  g_mutex_lock (&self->lock);
  self->hidden = hidden;
  for (guint i = 0; i < self->encodings->len; i++) {
    MeshEncoding *encoding = g_ptr_array_index (self->encodings, i);

    if (encoding->still)
      mesh_still_set_active (encoding->still, hidden);
  }
  g_mutex_unlock (&self->lock);
  self->events->hidden (self, hidden, self->user_data);
}

static GstPadProbeReturn
take_eos (MeshSource *self)
{
  /* The call goes on, and the pad is good for another stream, hence no EOS. */
  if (!self->intake || mesh_pacer_drain (mesh_intake_get_pacer (self->intake))) {
    g_atomic_int_set (&self->ended, TRUE);
    self->events->ended (self, self->user_data);
  }
  return GST_PAD_PROBE_DROP;
}

/* Only caps tell whether to encode, so the pad has no target before them. */
static GstPadProbeReturn
on_event (MeshSource *self, GstPadProbeInfo *info)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  g_autoptr (GError) error = NULL;
  GstCaps *caps;

  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS)
    return take_eos (self);
  if (gst_event_has_name (event, "meshroom/hidden"))
    take_hidden (self, event);
  if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS) {
    gst_event_parse_caps (event, &caps);
    if (!take_caps (self, caps, &error)) {
      report (self, error);
      return GST_PAD_PROBE_DROP;
    }
    self->events->input_known (self, self->user_data);
  }
  if (self->intake)
    info->data = mesh_intake_take_event (self->intake, event);
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
on_data (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  MeshSource *self = user_data;

  if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM)
    return on_event (self, info);
  g_atomic_int_set (&self->ended, FALSE);
  return !self->intake || mesh_intake_prepare (self->intake)
      ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
}

/**
 * mesh_source_new:
 * @room: the bin whose sink pad this is, and that outlives the source
 * @template: the pad's template
 * @kind: what comes in
 * @timeline: the room's
 * @events: what to call, static
 * @user_data: for @events
 *
 * Makes the source and its ghost pad, which the caller adds to @room.
 *
 * Returns: (transfer full): a source, for mesh_source_free()
 *
 * Since: 0.1
 */
MeshSource *
mesh_source_new (GstBin *room, GstPadTemplate *template, MeshKind kind,
    MeshTimeline *timeline, const MeshSourceEvents *events, gpointer user_data)
{
  MeshSource *self = g_new0 (MeshSource, 1);

  self->room = room;
  self->kind = kind;
  self->ssrc = g_random_int ();
  self->timeline = mesh_timeline_ref (timeline);
  self->events = events;
  self->user_data = user_data;
  g_mutex_init (&self->lock);
  self->encodings = g_ptr_array_new_with_free_func (mesh_encoding_free);
  self->elements = g_ptr_array_new_with_free_func (gst_object_unref);
  self->pad = gst_ghost_pad_new_no_target_from_template (
      GST_PAD_TEMPLATE_NAME_TEMPLATE (template), template);
  gst_pad_add_probe (self->pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM
      | GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_data,
      self, NULL);
  return self;
}

/**
 * mesh_source_get_pad:
 * @source: the source
 *
 * Returns: (transfer none): its ghost pad
 *
 * Since: 0.1
 */
GstPad *
mesh_source_get_pad (MeshSource *source)
{
  return source->pad;
}

/**
 * mesh_source_get_ssrc:
 * @source: the source
 *
 * Returns: by which RTP source it goes out to everybody. It could be another to
 *   each peer, but webrtcbin makes a name of it, and GLib keeps names for ever.
 *
 * Since: 0.1
 */
guint32
mesh_source_get_ssrc (MeshSource *source)
{
  return source->ssrc;
}

/**
 * mesh_source_look_ahead:
 * @source: the source
 *
 * Asks upstream what is going to come, so that calls which begin before the
 * data does are in the right codec.
 *
 * Since: 0.1
 */
void
mesh_source_look_ahead (MeshSource *source)
{
  g_autoptr (GstCaps) caps = gst_pad_peer_query_caps (source->pad, NULL);
  const MeshCodec *codec = NULL;

  if (caps && !gst_caps_is_any (caps) && !gst_caps_is_empty (caps))
    codec = mesh_codec_for_caps (caps);
  for (guint i = 1; codec && i < gst_caps_get_size (caps); i++) {
    if (!gst_structure_has_name (gst_caps_get_structure (caps, i),
            codec->media_type))
      codec = NULL;
  }
  g_mutex_lock (&source->lock);
  source->expected = codec;
  g_mutex_unlock (&source->lock);
}

/**
 * mesh_source_get_input_codec:
 * @source: the source
 *
 * Returns: (nullable): the codec of an encoded input, also if only expected;
 *   %NULL when it is raw, or not known yet
 *
 * Since: 0.1
 */
const MeshCodec *
mesh_source_get_input_codec (MeshSource *source)
{
  const MeshCodec *codec;

  g_mutex_lock (&source->lock);
  codec = source->input ? source->input : source->expected;
  g_mutex_unlock (&source->lock);
  return codec;
}

/**
 * mesh_source_get_fanout:
 * @source: the source
 * @codec: a codec
 *
 * Returns: (transfer full): the fan-out of @source in @codec; it carries
 *   nothing when the input is encoded in another one
 *
 * Since: 0.1
 */
MeshFanout *
mesh_source_get_fanout (MeshSource *source, const MeshCodec *codec)
{
  g_autoptr (GError) error = NULL;
  MeshFanout *fanout;
  MeshEncoding *encoding;

  g_mutex_lock (&source->lock);
  encoding = get_encoding_locked (source, codec);
  feed_encoding_locked (source, encoding, &error);
  fanout = gst_object_ref (encoding->fanout);
  g_mutex_unlock (&source->lock);
  report (source, error);
  return fanout;
}

/**
 * mesh_source_set_muted:
 * @source: the source
 * @muted: whether nothing may go out
 *
 * Mutes the source for everybody; mesh_fanout_set_muted() has the promise.
 *
 * Since: 0.1
 */
void
mesh_source_set_muted (MeshSource *source, gboolean muted)
{
  g_mutex_lock (&source->lock);
  source->muted = muted;
  for (guint i = 0; i < source->encodings->len; i++) {
    MeshEncoding *encoding = g_ptr_array_index (source->encodings, i);

    mesh_fanout_set_muted (encoding->fanout, muted);
  }
  g_mutex_unlock (&source->lock);
}

/**
 * mesh_source_play:
 * @source: the source
 *
 * Somebody gets the source: inputs of the room that can wait are played from
 * now on.
 *
 * Since: 0.1
 */
void
mesh_source_play (MeshSource *source)
{
  mesh_timeline_set_open (source->timeline, TRUE);
}

/**
 * mesh_source_has_ended:
 * @source: the source
 *
 * Returns: whether its input has ended, and nothing has come since
 *
 * Since: 0.1
 */
gboolean
mesh_source_has_ended (MeshSource *source)
{
  return g_atomic_int_get (&source->ended);
}

/**
 * mesh_source_has_begun:
 * @source: the source
 *
 * Returns: whether anything has come in yet
 *
 * Since: 0.1
 */
gboolean
mesh_source_has_begun (MeshSource *source)
{
  gboolean begun;

  g_mutex_lock (&source->lock);
  begun = source->intake != NULL;
  g_mutex_unlock (&source->lock);
  return begun || mesh_source_has_ended (source);
}

/**
 * mesh_source_set_ended:
 * @source: the source
 * @ended: whether nothing is going to come; %FALSE while a seek is on its way
 *
 * Since: 0.1
 */
void
mesh_source_set_ended (MeshSource *source, gboolean ended)
{
  g_atomic_int_set (&source->ended, ended);
}

/* Returns: (transfer full) (nullable): what paces the input, once that is known
 */
static MeshPacer *
dup_pacer (MeshSource *self)
{
  MeshPacer *pacer = NULL;

  g_mutex_lock (&self->lock);
  if (self->intake)
    pacer = g_object_ref (mesh_intake_get_pacer (self->intake));
  g_mutex_unlock (&self->lock);
  return pacer;
}

/**
 * mesh_source_is_live:
 * @source: the source
 *
 * Returns: whether the input comes by the clock, or there is none yet
 *
 * Since: 0.1
 */
gboolean
mesh_source_is_live (MeshSource *source)
{
  g_autoptr (MeshPacer) pacer = dup_pacer (source);

  return !pacer || mesh_pacer_is_live (pacer);
}

/**
 * mesh_source_get_position:
 * @source: the source
 * @position: (out): how far the input has been played, in stream time
 *
 * Returns: whether it is known
 *
 * Since: 0.1
 */
gboolean
mesh_source_get_position (MeshSource *source, gint64 *position)
{
  g_autoptr (MeshPacer) pacer = dup_pacer (source);

  return pacer && mesh_pacer_get_position (pacer, position);
}

/**
 * mesh_source_let_go:
 * @source: a source whose pad is about to be released
 *
 * Lets the streaming thread go, which may be waiting for the clock.
 *
 * Since: 0.1
 */
void
mesh_source_let_go (MeshSource *source)
{
  g_autoptr (MeshPacer) pacer = dup_pacer (source);

  if (pacer)
    mesh_pacer_set_flushing (pacer, TRUE);
}

/**
 * mesh_source_stop:
 * @source: the source
 *
 * Takes all elements down and out of the room, so that the next stream may be
 * of another kind. No branch may be left on any fan-out.
 *
 * Since: 0.1
 */
void
mesh_source_stop (MeshSource *source)
{
  g_autoptr (GPtrArray) elements = NULL;
  MeshIntake *intake;

  gst_ghost_pad_set_target (GST_GHOST_PAD (source->pad), NULL);
  g_mutex_lock (&source->lock);
  elements = g_steal_pointer (&source->elements);
  source->elements = g_ptr_array_new_with_free_func (gst_object_unref);
  intake = g_steal_pointer (&source->intake);
  g_ptr_array_set_size (source->encodings, 0);
  source->tee = NULL;
  source->input = NULL;
  source->expected = NULL;
  source->hidden = FALSE;
  g_mutex_unlock (&source->lock);

  g_atomic_int_set (&source->ended, FALSE);
  if (intake)
    mesh_intake_stop (intake);
  mesh_intake_free (intake);
  for (guint i = 0; i < elements->len; i++) {
    GstElement *element = g_ptr_array_index (elements, i);

    gst_element_set_locked_state (element, TRUE);
    gst_element_set_state (element, GST_STATE_NULL);
    gst_bin_remove (source->room, element);
  }
}

/**
 * mesh_source_free:
 * @source: (nullable): a stopped source whose pad is off the room
 *
 * Since: 0.1
 */
void
mesh_source_free (MeshSource *source)
{
  if (!source)
    return;
  mesh_intake_free (source->intake);
  mesh_timeline_unref (source->timeline);
  g_ptr_array_unref (source->encodings);
  g_ptr_array_unref (source->elements);
  g_mutex_clear (&source->lock);
  g_free (source);
}
