/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sink pad of a source with what comes in there, and what the room asks of
 * the source. */

#include "meshroom/source-private.h"

#include "meshroom/upstream.h"

/* As in pacer-time.c. */
#define LOOK_UPSTREAM (50 * G_TIME_SPAN_MILLISECOND)
#define LOOKS 6

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

    for (guint r = 0; r < MESH_RUNGS; r++) {
      if (encoding->rungs[r].repeat_filter)
        mesh_repeat_filter_set_active (encoding->rungs[r].repeat_filter,
            hidden);
    }
  }
  g_mutex_unlock (&self->lock);
  self->events->hidden (self, hidden, self->user_data);
}

static GstPadProbeReturn
take_eos (MeshSource *self)
{
  /* EOS is not passed on: the call continues, and the pad may get another
   * stream. */
  if (!self->intake || mesh_pacer_drain (mesh_intake_get_pacer (self->intake)))
    self->events->ended (self, self->user_data);
  return GST_PAD_PROBE_DROP;
}

/* The pad gets its target with the caps, which tell whether to encode. */
static GstPadProbeReturn
on_event (MeshSource *self, GstPadProbeInfo *info)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  GstCaps *caps;

  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS)
    return take_eos (self);
  if (gst_event_has_name (event, "meshroom/hidden"))
    take_hidden (self, event);
  if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS) {
    gst_event_parse_caps (event, &caps);
    mesh_source_take_caps (self, caps);
    if (!self->intake)
      return GST_PAD_PROBE_DROP;
  }
  if (self->intake)
    info->data = mesh_intake_take_event (self->intake, event);
  return GST_PAD_PROBE_OK;
}

/* Waits while the source is held, but not for long for a thread that stops what
 * feeds the pad. */
static void
await_room (MeshSource *self)
{
  for (guint found = 0; found < LOOKS && g_atomic_int_get (&self->held);) {
    mesh_timeline_lock (self->timeline);
    if (g_atomic_int_get (&self->held))
      mesh_timeline_wait_locked (self->timeline, LOOK_UPSTREAM);
    mesh_timeline_unlock (self->timeline);
    found = mesh_upstream_is_handled (self->pad) ? found + 1 : 0;
  }
}

static GstPadProbeReturn
on_data (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  MeshSource *self = user_data;

  await_room (self);
  if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM)
    return on_event (self, info);
  g_atomic_int_set (&self->ended, FALSE);
  mesh_source_mend (self);
  /* a buffer that cannot be used is dropped, since an error would stop the
   * application's own source */
  return self->intake && mesh_intake_prepare (self->intake)
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
 * Returns: (transfer full): a source, for mesh_source_unref()
 */
MeshSource *
mesh_source_new (GstBin *room, GstPadTemplate *template, MeshKind kind,
    MeshTimeline *timeline, const MeshSourceEvents *events, gpointer user_data)
{
  MeshSource *self = g_new0 (MeshSource, 1);

  g_atomic_ref_count_init (&self->refs);
  self->room = room;
  self->kind = kind;
  self->ssrc = g_random_int ();
  self->timeline = mesh_timeline_ref (timeline);
  self->events = events;
  self->user_data = user_data;
  g_mutex_init (&self->lock);
  mesh_redundancy_init (&self->redundancy);
  self->encodings = g_ptr_array_new_with_free_func (mesh_encoding_free);
  self->elements = g_ptr_array_new_with_free_func (gst_object_unref);
  self->pad = gst_object_ref_sink (gst_ghost_pad_new_no_target_from_template (
          GST_PAD_TEMPLATE_NAME_TEMPLATE (template), template));
  gst_pad_set_query_function (self->pad, mesh_source_query);
  gst_pad_add_probe (self->pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM
      | GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_data,
      self, NULL);
  return self;
}

/**
 * mesh_source_get_kind:
 * Returns: what comes in
 */
MeshKind
mesh_source_get_kind (MeshSource *source)
{
  return source->kind;
}

/**
 * mesh_source_get_pad:
 * Returns: (transfer none): its ghost pad
 */
GstPad *
mesh_source_get_pad (MeshSource *source)
{
  return source->pad;
}

/**
 * mesh_source_get_ssrc:
 * Returns: the SSRC by which the source is sent to all peers. Each peer could
 *   get another one, but webrtcbin makes a name of it, which GLib never frees.
 */
guint32
mesh_source_get_ssrc (MeshSource *source)
{
  return source->ssrc;
}

/**
 * mesh_source_look_ahead:
 *
 * Asks upstream for the caps that will come, so that a call that begins before
 * the data is in the right codec.
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
  if (codec && !(mesh_codec_passes (codec, caps)
          && mesh_source_speaks (source, codec)))
    codec = NULL;
  g_mutex_lock (&source->lock);
  source->expected = codec;
  g_mutex_unlock (&source->lock);
}

/**
 * mesh_source_get_input_codec:
 * Returns: (nullable): the codec of an encoded input that is passed on, or is
 *   expected to be; %NULL when the input is encoded here, or not known yet
 */
const MeshCodec *
mesh_source_get_input_codec (MeshSource *source)
{
  const MeshCodec *codec;

  g_mutex_lock (&source->lock);
  if (source->tee || (source->input && !source->spoken))
    codec = NULL;
  else
    codec = source->input ? source->input : source->expected;
  g_mutex_unlock (&source->lock);
  return codec;
}

/**
 * mesh_source_get_fanout:
 * Returns: (transfer full): the fan-out of @source in @codec; it carries
 *   nothing when the input is encoded in another one
 */
MeshFanout *
mesh_source_get_fanout (MeshSource *source, const MeshCodec *codec)
{
  MeshFanout *fanout = mesh_source_dup_fanout (source, codec);

  mesh_source_feed (source, codec);
  return fanout;
}

/**
 * mesh_source_dup_failure:
 * Returns: (transfer full) (nullable): why the input cannot be encoded as
 *   @codec in its full size; %NULL while nothing is known against it
 */
char *
mesh_source_dup_failure (MeshSource *source, const MeshCodec *codec)
{
  const MeshEncoding *encoding;
  char *failure;

  g_mutex_lock (&source->lock);
  encoding = mesh_source_find_encoding_locked (source, codec, NULL);
  failure = encoding ? g_strdup (encoding->rungs[0].failure) : NULL;
  g_mutex_unlock (&source->lock);
  return failure;
}

/**
 * mesh_source_set_muted:
 * @muted: whether nothing may go out
 *
 * Mutes the source for everybody; mesh_fanout_set_muted() has the promise.
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
 *
 * Plays the inputs of the room that can wait, since a peer gets the source from
 * now on.
 */
void
mesh_source_play (MeshSource *source)
{
  mesh_timeline_set_open (source->timeline, TRUE);
}

/**
 * mesh_source_has_ended:
 * Returns: whether the input has ended, and no buffer has come since
 */
gboolean
mesh_source_has_ended (MeshSource *source)
{
  return g_atomic_int_get (&source->ended);
}

/**
 * mesh_source_has_begun:
 * Returns: whether caps or an end have come in yet
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
 * @ended: whether no buffer is expected: %TRUE once the room has been told of
 *   the end, %FALSE while a seek is on its way
 */
void
mesh_source_set_ended (MeshSource *source, gboolean ended)
{
  g_atomic_int_set (&source->ended, ended);
}

/* Returns: (transfer full) (nullable): the pacer, once the input is known */
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
 * Returns: whether the input comes by the clock, or there is none yet
 */
gboolean
mesh_source_is_live (MeshSource *source)
{
  g_autoptr (MeshPacer) pacer = dup_pacer (source);

  return !pacer || mesh_pacer_is_live (pacer);
}

/**
 * mesh_source_get_position:
 * @position: (out): how far the input has been played, in stream time
 *
 * Returns: whether it is known
 */
gboolean
mesh_source_get_position (MeshSource *source, gint64 *position)
{
  g_autoptr (MeshPacer) pacer = dup_pacer (source);

  return pacer && mesh_pacer_get_position (pacer, position);
}

/**
 * mesh_source_hold:
 * @held: whether the room is about to start
 *
 * Makes a stream wait that comes before the room has started, instead of
 * refusing it, after which its source would be idle for ever. A bin starts its
 * sinks first, but where its elements form a circle, as two rooms do whose
 * signal pads are linked, it may begin with the sources.
 */
void
mesh_source_hold (MeshSource *source, gboolean held)
{
  mesh_timeline_lock (source->timeline);
  g_atomic_int_set (&source->held, held);
  mesh_timeline_wake_locked (source->timeline);
  mesh_timeline_unlock (source->timeline);
  if (held)
    gst_pad_set_active (source->pad, TRUE);
}

/**
 * mesh_source_let_go:
 * @source: a source whose pad is about to be released
 *
 * Ends the streaming thread's wait for the clock.
 */
void
mesh_source_let_go (MeshSource *source)
{
  g_autoptr (MeshPacer) pacer = dup_pacer (source);

  if (pacer)
    mesh_pacer_set_flushing (pacer, TRUE);
}
