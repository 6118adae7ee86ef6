/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-meshroom
 * @title: meshroom
 * @short_description: a group video call without a media server
 *
 * A participant of a room: what goes into `video_sink` and `audio_sink` is sent
 * to everybody else in the room, directly, encoded once; and each of the others
 * appears as a pair of pads, `video_N` and `audio_N`.
 *
 * The room is a link. With #meshroom:serve the element runs the signalling
 * server and the browser page itself, makes a room, and posts its link as an
 * INFO message; with #meshroom:link it joins a room. Opened in a
 * browser, the same link joins as well.
 *
 * Sinks take raw streams, or encoded ones (VP8, H.264, VP9, AV1, Opus). Raw
 * video may have any size, format and frame rate; what is larger than
 * 4096x2304 pixels in any shape is scaled down. Encoded streams are passed on
 * as they are where #meshroom:video-codecs names their codec and every peer
 * can decode them: H.264 in constrained baseline, for which an encoder
 * upstream is asked, VP9 in profile 0, which encoders make of 8 bits in 4:2:0,
 * and AV1 in profile Main. Others are decoded and encoded again, with a
 * warning, and so is H.265. A passed-on stream should have a key frame at
 * least every two seconds, or come from an encoder that makes one when asked,
 * since newcomers wait for it. The input may change in mid-call, from raw to
 * encoded as well. What fails here is a warning: when no encoder works, the
 * call goes on without the picture. AV1 needs `rtpav1pay` and `rtpav1depay`,
 * which come with gst-plugins-rs: where they are missing it is as if it were
 * not named. None of the sinks must be there: a room without `video_sink` just
 * watches.
 *
 * They may be requested, and released, at any time, also in mid-call: that is
 * how a camera is turned on later, or off for good (to hide it for a while is
 * #element-imageswitch's, and costs nothing). As soon as caps have come, each
 * peer gets another connection with the new stream in it, beside the one that
 * there is, and what is there to see and hear goes on meanwhile. When a pad is
 * released, its source stopped before, the others see that stream end: their pad
 * gives EOS and is removed. An older app, such as mooz, cannot be connected anew,
 * and gets it when it joins again. There is one pad of a kind; another request
 * gives %NULL and a WARNING. So does one for a signal pad once the element is
 * PAUSED.
 *
 * A source that is not live, such as a file, is played by the clock, from the
 * moment somebody is connected who gets it, or from the start with
 * #meshroom:wait-for-peers off. Picture and sound of one file stay together.
 * An application that makes frames by a clock of its own says so with
 * `appsrc is-live=true do-timestamp=true`, and never waits for anybody; frames
 * without any time do not wait either, and follow each other by their frame rate
 * or number of samples.
 *
 * Pausing the pipeline pauses the file, a seek sent to the pipeline or to the
 * element seeks in it, with SEGMENT for a loop without a gap, and the
 * pipeline's position and duration are the file's. At its end there is an
 * element message `meshroom-input-ended` with the `pad`'s name, and the call
 * goes on; once all sink pads to which anything came are at their end, the
 * element is at EOS, as any sink. A pipeline ends when all its sinks have, so
 * one that only sends ends with the file, and one that also shows the others
 * goes on. Where the same file is shown here as well (`tee`), wait-for-peers
 * has to be off, or that picture stands still until somebody comes.
 *
 * |[
 * gst-launch-1.0 meshroom name=room link=$LINK \
 *   filesrc location=film.mp4 ! decodebin name=film \
 *   film. ! queue ! room.video_sink   film. ! queue ! room.audio_sink
 * ]|
 *
 * A raw picture goes out upright, whatever its `image-orientation` tag says,
 * and progressive, one frame of each two fields. Two channels of sound without
 * positions (`channel-mask` 0) are left and right, up to 63 are mixed into
 * one. An encoded picture that is passed on stays as it is, and a WARNING says
 * what to do; one that is decoded is treated as a raw one. There is a WARNING,
 * too, where an input cannot be used at all; the others are not touched by
 * that. Of fields in buffers of their own (`interlace-mode=alternate`) none
 * can be used: their caps are refused.
 *
 * With `signal_sink` and `signal_src` the messages of the room go through these
 * pads as buffers of `application/x-mesh-signal` instead, see
 * #element-signalsrc.
 *
 * Each source pad carries the peer's id in its stream-id (`meshroom/ID/video`),
 * its name in a title tag, and both in a sticky event `meshroom/peer` with the
 * fields `peer-id`, `name`, `muted` and `hidden`. The pads of one peer have the
 * same number.
 *
 * Elements behind a `video_%u` pad may say how large they draw the picture, as
 * #element-meshview does: by a custom upstream event `meshroom/drawn` with the
 * integer fields `width`, `height` (pixels; 0 = nobody sees it) and `fps` (0 =
 * as many as there are), whenever that changes. The peer is told, and need not
 * send more. Where several say so, behind a tee, each adds a string field `id`
 * that is its own, and the largest counts; an element that says nothing, such
 * as a recorder, does not count beside one that does. Linking the pad anew
 * forgets all of them. Of a pad on which nobody ever says so, the peer is told
 * nothing, and sends what the network takes.
 *
 * Connections are looked after: one whose path is gone, since an address of
 * ours changed or nothing comes any more, is replaced by another, and the
 * peer's pads stay meanwhile.
 * #meshroom:peers tells how each pair with us stands: its `state`; its `path`,
 * which is `host` (directly), `prflx` or `srflx` (through address translation)
 * or `relay` (through a TURN server); and its `silence`, the milliseconds since
 * anything came from that peer.
 *
 * ## What an application may do, and when
 *
 * Signals and messages of the room come one after the other, on a thread of
 * their own that is nobody's streaming thread: `pad-added`, `pad-removed` and
 * the signals below, and each message on the bus before a sync handler. A
 * handler may do anything: link and unlink, add and remove elements, change the
 * state of the pipeline or of the room, also to %GST_STATE_NULL, and take the
 * room out of its pipeline. While it runs, nothing else is told, and the first
 * frame of a pad whose `pad-added` it handles waits; media and connections go
 * on. When the room has gone to %GST_STATE_READY nothing is told any more; a
 * handler that is under way at that time, and does not itself wait for the
 * change, has ended.
 *
 * For each person, in this order: #meshroom::peer-added, `pad-added` for each
 * pad, #meshroom::peer-removed (the pads are still there), EOS from each pad,
 * `pad-removed`. Whoever comes back gets new pads. A pad behind which the
 * application holds on to a frame, as a paused sink does, ends and goes when
 * that is over; its number is not used again before.
 *
 * What is taken out of a pipeline in `pad-removed` needs its state locked first
 * (gst_element_set_locked_state()), as everywhere in GStreamer, or a pipeline
 * that another thread starts at the same time raises it again.
 *
 * A sink that fails or refuses a stream is no failure of the call: one WARNING
 * names the pad and says what to do, and what the pad brings is dropped until
 * it is linked to something else. The peer's other pads go on.
 *
 * ## The end of the stream
 *
 * EOS that is sent to the pipeline or to the room, as `gst-launch-1.0 -e` does,
 * comes out of every pad; no further pad appears, and the room posts its own
 * EOS, so that a pipeline that only sends ends as well. The call itself goes on
 * until the room goes to %GST_STATE_READY, unless its messages go through
 * `signal_src`: that pad ends, too, so everybody is told goodbye before.
 * The end of a connection or of what a peer sends is no EOS.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 meshroom name=room serve=127.0.0.1:0 \
 *   room. : meshview name=view view.video ! videoconvert ! autovideosink \
 *   view.audio ! autoaudiosink \
 *   videotestsrc is-live=true ! imageswitch ! room.video_sink \
 *   audiotestsrc is-live=true wave=ticks ! room.audio_sink
 * ]|
 *
 * Since: 0.1
 */

#include "meshroom/meshroom.h"

#include "meshroom/elements.h"

G_DEFINE_FINAL_TYPE (MeshMeshroom, mesh_meshroom, GST_TYPE_BIN)
GST_ELEMENT_REGISTER_DEFINE (meshroom, "meshroom", GST_RANK_NONE,
    MESH_TYPE_MESHROOM)

/* --- events of the sources --- */

/* The input of a source is known, so a source that was requested in mid-call
 * can be sent from now on. */
static void
on_input_known (MeshSource *source, gpointer user_data)
{
  MeshMeshroom *self = user_data;
  MeshKind kind = mesh_source_get_kind (source);

  g_mutex_lock (&self->lock);
  if (self->call && self->sources[kind] == source)
    mesh_call_set_source (self->call, kind, source);
  g_mutex_unlock (&self->lock);
}

static void
on_warning (MeshSource *source, const char *text, gpointer user_data)
{
  g_autoptr (GError) error = g_error_new_literal (GST_STREAM_ERROR,
      GST_STREAM_ERROR_FORMAT, text);

  GST_WARNING_OBJECT (user_data, "%s", text);
  mesh_meshroom_tell_message (user_data,
      gst_message_new_warning (user_data, error, NULL));
}

static void
on_ended (MeshSource *source, gpointer user_data)
{
  mesh_meshroom_input_ended (user_data, source);
}

static void
on_hidden (MeshSource *source, gboolean hidden, gpointer user_data)
{
  MeshMeshroom *self = user_data;

  g_mutex_lock (&self->lock);
  if (self->hidden != hidden) {
    self->hidden = hidden;
    mesh_meshroom_tell_state_locked (self);
  }
  g_mutex_unlock (&self->lock);
}

static gboolean
on_speaks (MeshSource *source, const MeshCodec *codec, gpointer user_data)
{
  MeshMeshroom *self = user_data;
  g_auto (GStrv) names = NULL;
  gboolean speaks = FALSE;

  g_mutex_lock (&self->lock);
  names = mesh_meshroom_dup_video_codecs_locked (self);
  g_mutex_unlock (&self->lock);
  for (guint i = 0; names[i] && !speaks; i++)
    speaks = mesh_codec_find (names[i]) == codec;
  return speaks;
}

static const MeshSourceEvents source_events = {
  .input_known = on_input_known,
  .speaks = on_speaks,
  .warning = on_warning,
  .ended = on_ended,
  .hidden = on_hidden,
};

static void
hold_sources (MeshMeshroom *self, gboolean held)
{
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    MeshSource *source;

    g_mutex_lock (&self->lock);
    source = self->sources[i] ? mesh_source_ref (self->sources[i]) : NULL;
    g_mutex_unlock (&self->lock);
    if (source)
      mesh_source_hold (source, held);
    mesh_source_unref (source);
  }
}

static GstStateChangeReturn
mesh_meshroom_change_state (GstElement *element, GstStateChange transition)
{
  MeshMeshroom *self = MESH_MESHROOM (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED
      && !mesh_meshroom_start (self))
    return GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    mesh_meshroom_stop_call (self);
  if (transition == GST_STATE_CHANGE_READY_TO_NULL)
    hold_sources (self, FALSE);

  result = GST_ELEMENT_CLASS (mesh_meshroom_parent_class)->change_state
      (element, transition);

  if (transition == GST_STATE_CHANGE_NULL_TO_READY
      || transition == GST_STATE_CHANGE_READY_TO_PAUSED)
    hold_sources (self, transition == GST_STATE_CHANGE_NULL_TO_READY);
  switch (transition) {
    case GST_STATE_CHANGE_READY_TO_PAUSED:
      if (result == GST_STATE_CHANGE_FAILURE)
        mesh_meshroom_stop (self);
      /* fall through */
    case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
      /* live: what people send comes when they come, so nobody downstream
       * may wait for it to get to PLAYING */
      if (result != GST_STATE_CHANGE_FAILURE)
        result = GST_STATE_CHANGE_NO_PREROLL;
      break;
    case GST_STATE_CHANGE_PAUSED_TO_PLAYING:
      if (result != GST_STATE_CHANGE_FAILURE && self->call)
        mesh_call_join (self->call);
      break;
    case GST_STATE_CHANGE_PAUSED_TO_READY:
      mesh_meshroom_stop (self);
      break;
    default:
      break;
  }
  return result;
}

/* Drops messages of the connections inside: the pipeline's latency stays as
 * declared, and the end of a connection is not the room's. */
static void
mesh_meshroom_handle_message (GstBin *bin, GstMessage *message)
{
  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_LATENCY:
    case GST_MESSAGE_EOS:
      gst_message_unref (message);
      break;
    case GST_MESSAGE_ERROR:
      if (mesh_meshroom_take_child_error (MESH_MESHROOM (bin), message)) {
        gst_message_unref (message);
        break;
      }
      /* fall through */
    default:
      GST_BIN_CLASS (mesh_meshroom_parent_class)->handle_message (bin,
          message);
      break;
  }
}

/* EOS that an application sends to the pipeline, as gst-launch-1.0 -e does. The
 * room's pads give it, on another thread, since a sink may be paused. */
static void
end_streams (MeshMeshroom *self)
{
  GstMessage *eos = gst_message_new_eos (GST_OBJECT (self));

  GST_INFO_OBJECT (self, "the streams end");
  g_mutex_lock (&self->lock);
  if (self->call) {
    mesh_call_end_streams (self->call);
    mesh_notifier_post_message (self->notifier, g_steal_pointer (&eos));
  }
  g_mutex_unlock (&self->lock);
  gst_clear_message (&eos);
}

/* Other events that go downstream are dropped: they are not for the pads, nor
 * for the elements inside. */
static gboolean
mesh_meshroom_send_event (GstElement *element, GstEvent *event)
{
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_SEEK:
      return mesh_meshroom_seek (MESH_MESHROOM (element), event);
    case GST_EVENT_LATENCY:
      /* streams to peers are not delayed by the sinks of this pipeline */
      gst_event_unref (event);
      return TRUE;
    default:
      if (!GST_EVENT_IS_DOWNSTREAM (event))
        return GST_ELEMENT_CLASS (mesh_meshroom_parent_class)->send_event
            (element, event);
      if (GST_EVENT_TYPE (event) == GST_EVENT_EOS)
        end_streams (MESH_MESHROOM (element));
      gst_event_unref (event);
      return TRUE;
  }
}

static gboolean
mesh_meshroom_query (GstElement *element, GstQuery *query)
{
  gboolean answered;

  if (mesh_meshroom_answer (MESH_MESHROOM (element), query, &answered))
    return answered;
  return GST_ELEMENT_CLASS (mesh_meshroom_parent_class)->query (element,
      query);
}

/* --- pads --- */

static GstPad *
add_source (MeshMeshroom *self, GstPadTemplate *template, MeshKind kind)
{
  MeshSource *source = mesh_source_new (GST_BIN (self), template, kind,
      self->timeline, &source_events, self);
  GstPad *pad = mesh_source_get_pad (source);

  g_mutex_lock (&self->lock);
  if (self->sources[kind]) {
    g_mutex_unlock (&self->lock);
    mesh_source_unref (source);
    return NULL;
  }
  self->sources[kind] = source;
  if (kind == MESH_AUDIO)
    mesh_source_set_muted (source, self->muted);
  g_mutex_unlock (&self->lock);
  return pad;
}

static GstPad *
add_signal_pad (MeshMeshroom *self, GstPadTemplate *template, GstPad **field)
{
  GstPad *pad = gst_ghost_pad_new_no_target_from_template
      (GST_PAD_TEMPLATE_NAME_TEMPLATE (template), template);
  gboolean vacant;

  g_mutex_lock (&self->lock);
  vacant = !*field && !self->call;
  if (vacant)
    *field = pad;
  g_mutex_unlock (&self->lock);
  if (!vacant)
    gst_clear_object (&pad);
  return pad;
}

/* Posts an error as well, since many applications do not report that a pad was
 * refused. */
static void
refuse_pad (MeshMeshroom *self, const char *kind)
{
  gboolean late;

  if (!g_str_has_prefix (kind, "signal")) {
    GST_ELEMENT_WARNING (self, STREAM, FAILED, ("there is a %s already: release "
            "it first, or bring the streams together before it (compositor, "
            "audiomixer, input-selector)", kind), (NULL));
    return;
  }
  g_mutex_lock (&self->lock);
  late = self->call != NULL;
  g_mutex_unlock (&self->lock);
  if (late)
    GST_ELEMENT_WARNING (self, STREAM, FAILED, ("%s must be requested before the "
            "element goes to PAUSED, since the room's messages go another way "
            "by now: set the element to READY first", kind), (NULL));
  else
    GST_ELEMENT_WARNING (self, STREAM, FAILED, ("there is a %s already", kind),
        (NULL));
}

static GstPad *
mesh_meshroom_request_new_pad (GstElement *element, GstPadTemplate *template,
    const char *name, const GstCaps *caps)
{
  MeshMeshroom *self = MESH_MESHROOM (element);
  const char *kind = GST_PAD_TEMPLATE_NAME_TEMPLATE (template);
  GstPad *pad;

  if (g_str_equal (kind, "audio_sink"))
    pad = add_source (self, template, MESH_AUDIO);
  else if (g_str_equal (kind, "video_sink"))
    pad = add_source (self, template, MESH_VIDEO);
  else if (g_str_equal (kind, "signal_sink"))
    pad = add_signal_pad (self, template, &self->signal_sink);
  else
    pad = add_signal_pad (self, template, &self->signal_src);
  if (!pad) {
    refuse_pad (self, kind);
    return NULL;
  }
  /* a state change activates pads, but in mid-call there is none */
  if (GST_STATE (element) > GST_STATE_READY)
    gst_pad_set_active (pad, TRUE);
  gst_element_add_pad (element, pad);
  return pad;
}

/* Returns: (transfer full) (nullable): the source of @pad, which is no longer
 * the room's */
static MeshSource *
take_source_locked (MeshMeshroom *self, GstPad *pad)
{
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    MeshSource *source = self->sources[i];

    if (!source || mesh_source_get_pad (source) != pad)
      continue;
    self->sources[i] = NULL;
    if (i == MESH_VIDEO && self->hidden) {
      self->hidden = FALSE;     /* the next stream tells again whether it is
                                 * hidden */
      mesh_meshroom_tell_state_locked (self);
    }
    if (self->call)
      mesh_call_set_source (self->call, i, NULL);
    return source;
  }
  return NULL;
}

static void
mesh_meshroom_release_pad (GstElement *element, GstPad *pad)
{
  MeshMeshroom *self = MESH_MESHROOM (element);
  MeshSource *source;

  g_mutex_lock (&self->lock);
  if (pad == self->signal_sink)
    self->signal_sink = NULL;
  else if (pad == self->signal_src)
    self->signal_src = NULL;
  source = take_source_locked (self, pad);
  g_mutex_unlock (&self->lock);
  if (source)
    mesh_source_let_go (source);
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element, pad);
  /* connections keep a reference until others have replaced them */
  mesh_source_unref (source);
}

/* --- object --- */

static void
mesh_meshroom_finalize (GObject *object)
{
  MeshMeshroom *self = MESH_MESHROOM (object);

  for (guint i = 0; i < MESH_N_KINDS; i++)
    mesh_source_unref (self->sources[i]);
  mesh_timeline_unref (self->timeline);
  mesh_meshroom_clear_properties (self);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (mesh_meshroom_parent_class)->finalize (object);
}

static void
mesh_meshroom_init (MeshMeshroom *self)
{
  g_mutex_init (&self->lock);
  mesh_meshroom_init_properties (self);
  gst_bin_set_suppressed_flags (GST_BIN (self),
      GST_ELEMENT_FLAG_SOURCE | GST_ELEMENT_FLAG_SINK);
  /* The room is a source, since a pipeline sends EOS to its sources. It is a
   * sink, also while nothing feeds it, since a pipeline awaits the end of its
   * sinks, asks them to seek and starts them first: the sinks behind the pads
   * of members who leave get EOS, which must not be the pipeline's, and a
   * demuxer whose pads are linked only once it runs must not find the room
   * asleep. */
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SOURCE);
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SINK);
  self->timeline = mesh_timeline_new ();
}

static void
mesh_meshroom_class_init (MeshMeshroomClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->finalize = mesh_meshroom_finalize;
  element_class->change_state = mesh_meshroom_change_state;
  element_class->request_new_pad = mesh_meshroom_request_new_pad;
  element_class->release_pad = mesh_meshroom_release_pad;
  element_class->send_event = mesh_meshroom_send_event;
  element_class->query = mesh_meshroom_query;
  GST_BIN_CLASS (klass)->handle_message = mesh_meshroom_handle_message;

  mesh_meshroom_install_properties (object_class);
  mesh_meshroom_add_templates (element_class);
  gst_element_class_set_static_metadata (element_class, "Mesh room",
      "Filter/Network/WebRTC",
      "Takes part in a group video call without a media server",
      "The meshroom developers");
}
