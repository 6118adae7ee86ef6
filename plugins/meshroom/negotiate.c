/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Makes our session descriptions, offers and answers, and takes the peer's. All
 * is called on the call's thread; webrtcbin answers on its own thread. */

#include "meshroom/peer-private.h"

#include <string.h>

#include <gst/rtp/rtp.h>

#include "core/error.h"
#include "meshroom/description.h"

/* How often a peer hears which of its packets have arrived (libwebrtc,
 * receive_side_congestion_controller: 50 to 250 ms). rtpsession would send a
 * report after each picture. */
#define FEEDBACK_INTERVAL (50 * GST_MSECOND)

/* @twcc_id: the number of the extension for transport-wide feedback; 0: none
 *
 * Returns: (transfer full): the caps of RTP packets with @codec */
static GstCaps *
make_rtp_caps (const MeshCodec *codec, int payload_type, int twcc_id)
{
  GstCaps *caps = gst_caps_new_simple ("application/x-rtp",
      "media", G_TYPE_STRING, mesh_kind_names[codec->kind],
      "encoding-name", G_TYPE_STRING, codec->name,
      "payload", G_TYPE_INT, payload_type,
      "clock-rate", G_TYPE_INT, codec->clock_rate, NULL);
  g_auto (GStrv) fields = g_strsplit (codec->fmtp ? codec->fmtp : "", ";", -1);

  for (guint i = 0; fields[i]; i++) {
    g_auto (GStrv) field = g_strsplit (fields[i], "=", 2);

    gst_caps_set_simple (caps, field[0], G_TYPE_STRING, field[1], NULL);
  }
  if (codec->channels) {
    g_autofree char *channels = g_strdup_printf ("%d", codec->channels);

    gst_caps_set_simple (caps, "encoding-params", G_TYPE_STRING, channels,
        NULL);
  }
  if (twcc_id != 0) {
    g_autofree char *extension = g_strdup_printf ("extmap-%d", twcc_id);

    gst_caps_set_simple (caps, extension, G_TYPE_STRING, MESH_SDP_TWCC_URI,
        NULL);
  }
  return caps;
}

/* Has the payloader leave room in each packet for the number that rtpsession
 * writes, which transport-wide feedback names. Returns: whether it does */
static gboolean
number_packets (GstElement *payloader, int twcc_id)
{
  g_autoptr (GstElement) extension =
      gst_element_factory_make ("rtphdrexttwcc", NULL);

  if (!extension)
    return FALSE;
  gst_object_ref_sink (extension);
  gst_rtp_header_extension_set_id (GST_RTP_HEADER_EXTENSION (extension),
      twcc_id);
  g_signal_emit_by_name (payloader, "add-extension", extension);
  return TRUE;
}

/* Sends the caps to webrtcbin before there is any data, so that it has the
 * payload type and the SSRC when it writes the description. */
static void
announce_caps (GstPad *webrtc_pad, GstElement *payloader,
    const MeshCodec *codec, int payload_type, int twcc_id, guint ssrc)
{
  g_autoptr (GstCaps) caps = make_rtp_caps (codec, payload_type, twcc_id);
  g_autofree char *text = g_strdup_printf ("%u", ssrc);

  g_object_set (payloader, "pt", payload_type, NULL);
  /* an unsigned integer here, and one of 64 bits in gst-plugins-rs */
  gst_util_set_object_arg (G_OBJECT (payloader), "ssrc", text);
  gst_caps_set_simple (caps, "ssrc", G_TYPE_UINT, ssrc, NULL);
  gst_pad_send_event (webrtc_pad, gst_event_new_stream_start ("meshroom"));
  gst_pad_send_event (webrtc_pad, gst_event_new_caps (caps));
}

/* Adds an m-line on which we only receive. In an answer webrtcbin adds it by
 * itself. */
static gboolean
add_receive_only (MeshPeer *self, const MeshCodec *codec)
{
  g_autoptr (GstCaps) caps = make_rtp_caps (codec, codec->payload_type,
      MESH_SDP_TWCC_ID);
  g_autoptr (GObject) transceiver = NULL;

  if (!self->offerer)
    return TRUE;
  g_signal_emit_by_name (self->webrtc, "add-transceiver",
      GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY, caps, &transceiver);
  return transceiver != NULL;
}

/* Puts the splitter before @payloader, if the codec needs one. Returns:
 * (transfer full) (nullable): the pad that takes the stream of the fan-out */
static GstPad *
prepare_payloader (MeshPeer *self, const MeshCodec *codec,
    GstElement *payloader, GError **error)
{
  GstElement *splitter;

  if (!codec->splitter)
    return gst_element_get_static_pad (payloader, "sink");
  splitter = mesh_codec_make (codec->splitter, error);
  if (!splitter)
    return NULL;
  gst_bin_add (GST_BIN (self), splitter);
  gst_element_link (splitter, payloader);
  gst_element_sync_state_with_parent (splitter);
  return gst_element_get_static_pad (splitter, "sink");
}

/* Adds an m-line on which @codec is sent as payload type @payload_type. Without
 * a source nothing is sent on it. */
static gboolean
add_sender (MeshPeer *self, const MeshCodec *codec, int payload_type,
    int twcc_id, GError **error)
{
  Sender *sender = &self->senders[codec->kind];
  g_autoptr (GstElement) payloader =
      mesh_codec_make (codec->payloader, error);
  g_autoptr (GstPad) sink = NULL, webrtc_pad = NULL;
  g_autoptr (GObject) transceiver = NULL;
  g_autofree char *name =
      g_strdup_printf ("%s_sink", mesh_kind_names[codec->kind]);
  GstPad *ghost;

  if (!payloader)
    return FALSE;
  gst_object_ref_sink (payloader);
  gst_bin_add (GST_BIN (self), payloader);
  webrtc_pad = gst_element_request_pad_simple (self->webrtc, "sink_%u");
  if (!webrtc_pad || !mesh_peer_link_payloader (self, payloader, webrtc_pad,
          codec->kind)) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED,
        "webrtcbin does not take %s", codec->name);
    return FALSE;
  }
  g_object_get (webrtc_pad, "transceiver", &transceiver, NULL);
  g_object_set (transceiver, "do-nack", codec->kind == MESH_VIDEO, NULL);

  if (twcc_id != 0 && !number_packets (payloader, twcc_id))
    twcc_id = 0;
  announce_caps (webrtc_pad, payloader, codec, payload_type, twcc_id,
      self->sources[codec->kind]
      ? mesh_source_get_ssrc (self->sources[codec->kind]) : g_random_int ());
  gst_element_sync_state_with_parent (payloader);

  sink = prepare_payloader (self, codec, payloader, error);
  if (!sink)
    return FALSE;
  ghost = gst_ghost_pad_new (name, sink);
  gst_pad_set_active (ghost, TRUE);
  gst_element_add_pad (GST_ELEMENT (self), ghost);
  sender->codec = codec;
  sender->payloader = payloader;
  if (codec->kind == MESH_VIDEO)
    mesh_meter_watch_sent (self->meter, ghost, codec);
  if (!self->sources[codec->kind])
    return TRUE;
  sender->fanout = mesh_source_get_fanout (self->sources[codec->kind], codec);
  sender->branch = mesh_fanout_add_branch (sender->fanout);
  /* Nothing of a picture is sent before its rung is known. */
  if (codec->kind == MESH_VIDEO)
    mesh_fanout_set_step (sender->fanout, sender->branch, MESH_RUNGS, 2);
  gst_pad_link_full (sender->branch, ghost, GST_PAD_LINK_CHECK_NOTHING);
  return TRUE;
}

/* webrtcbin 1.22 does not bring up a connection on which neither side would
 * send, so a room that only watches announces that sound might come. */
static gboolean
might_send (MeshPeer *self, MeshKind kind)
{
  return self->sources[kind] != NULL
      || (kind == MESH_AUDIO && !self->sources[MESH_VIDEO]);
}

static gboolean
add_kind (MeshPeer *self, const MeshCodec *codec, int payload_type,
    int twcc_id, gboolean wanted, GError **error)
{
  if (!might_send (self, codec->kind) || !wanted)
    return add_receive_only (self, codec);
  return add_sender (self, codec, payload_type, twcc_id, error);
}

/* Returns: (transfer full) (nullable): the description in @field of the reply
 * to create-offer or create-answer; %NULL if webrtcbin could not make it */
static GstWebRTCSessionDescription *
take_description (GstPromise *promise, const char *field)
{
  const GstStructure *reply = gst_promise_wait (promise)
      == GST_PROMISE_RESULT_REPLIED ? gst_promise_get_reply (promise) : NULL;
  GstWebRTCSessionDescription *description = NULL;

  if (reply)
    gst_structure_get (reply, field, GST_TYPE_WEBRTC_SESSION_DESCRIPTION,
        &description, NULL);
  return description;
}

/* The bandwidth of a session, of which RTCP may take a twentieth. rtpsession
 * else takes the rate at which packets come. For a small or still picture that
 * leaves so little that a lost packet is asked for once a second, and each
 * such request puts off the next report (RFC 4585 §3.5.2): losses and round
 * trip would be unknown as long as anything is lost; and transport-wide
 * reports would come up to 800 ms late in the first seconds. */
#define SESSION_BANDWIDTH 5e6

/* Has the RTP session ask for frequent reports: a peer that sends nothing is
 * known to live by its receiver reports alone, which by default may be nearly
 * as far apart as we wait for them. The first packet counts, since data that
 * comes through DTLS need not prove with a second packet that it is RTP. Feedback
 * is not kept for applications to look at: what comes before the element has a
 * clock would be an error there. */
static void
tune_session (MeshPeer *self)
{
  g_autoptr (GstElement) rtpbin =
      gst_bin_get_by_name (GST_BIN (self->webrtc), "rtpbin");
  g_autoptr (GObject) session = NULL;

  if (rtpbin)
    g_signal_emit_by_name (rtpbin, "get-internal-session", 0, &session);
  if (session)
    g_object_set (session, "rtcp-min-interval", (guint64) GST_SECOND,
        "probation", 0, "bandwidth", SESSION_BANDWIDTH,
        "twcc-feedback-interval", (guint64) FEEDBACK_INTERVAL,
        "rtcp-feedback-retention-window", GST_CLOCK_TIME_NONE, NULL);
}

static void
tell_description (MeshPeer *self, gpointer data)
{
  GstWebRTCSessionDescription *description = data;
  g_autofree char *text = NULL;

  if (description->type == GST_WEBRTC_SDP_TYPE_ANSWER)
    mesh_description_promise_reports (description->sdp, self->twcc_ids);
  text = mesh_description_dup_text (description->sdp);
  tune_session (self);
  g_signal_emit_by_name (self->webrtc, "set-local-description", description,
      NULL);
  self->events->local_sdp (self,
      description->type == GST_WEBRTC_SDP_TYPE_OFFER ? "offer" : "answer",
      text, self->user_data);
}

static void
on_description (MeshPeer *self, GstPromise *promise, const char *field)
{
  GstWebRTCSessionDescription *description =
      take_description (promise, field);

  if (description)
    mesh_peer_post (self, tell_description, description,
        (GDestroyNotify) gst_webrtc_session_description_free);
  else
    mesh_peer_fail (self, "failed",
        "webrtcbin could not make a session description");
}

static void
on_offer (GstPromise *promise, gpointer user_data)
{
  on_description (user_data, promise, "offer");
  gst_promise_unref (promise);
}

static void
on_answer (GstPromise *promise, gpointer user_data)
{
  on_description (user_data, promise, "answer");
  gst_promise_unref (promise);
}

/**
 * mesh_peer_offer:
 * @peer: a fresh attempt, in the room's bin and in its state
 * @video: the video codec to speak
 * @error: return location for a #MESH_ERROR
 *
 * Makes the offer, which comes by #MeshPeerEvents.
 *
 * Returns: whether it was begun
 */
gboolean
mesh_peer_offer (MeshPeer *peer, const MeshCodec *video, GError **error)
{
  const MeshCodec *audio = mesh_codec_get_first (MESH_AUDIO);

  peer->offerer = TRUE;
  if (!add_kind (peer, audio, audio->payload_type, MESH_SDP_TWCC_ID, TRUE,
          error)
      || !add_kind (peer, video, video->payload_type, MESH_SDP_TWCC_ID, TRUE,
          error))
    return FALSE;
  g_signal_emit_by_name (peer->webrtc, "create-offer", NULL,
      gst_promise_new_with_change_func (on_offer, gst_object_ref (peer),
          gst_object_unref));
  return TRUE;
}

static void
on_remote_set (GstPromise *promise, gpointer user_data)
{
  MeshPeer *self = user_data;
  const GstStructure *reply = gst_promise_wait (promise)
      == GST_PROMISE_RESULT_REPLIED ? gst_promise_get_reply (promise) : NULL;

  if (reply && gst_structure_has_field (reply, "error")) {
    g_autoptr (GError) error = NULL;

    gst_structure_get (reply, "error", G_TYPE_ERROR, &error, NULL);
    mesh_peer_fail (self, "failed", error ? error->message
        : "bad session description");
  }
  gst_promise_unref (promise);
}

static gboolean
set_remote (MeshPeer *self, const MeshSdp *sdp, gboolean is_offer,
    GError **error)
{
  GstWebRTCSessionDescription *description;
  GstSDPMessage *message;

  if (gst_sdp_message_new_from_text (sdp->text, &message) != GST_SDP_OK) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
        "session description cannot be parsed");
    return FALSE;
  }
  description = gst_webrtc_session_description_new (is_offer
      ? GST_WEBRTC_SDP_TYPE_OFFER : GST_WEBRTC_SDP_TYPE_ANSWER, message);
  g_signal_emit_by_name (self->webrtc, "set-remote-description", description,
      gst_promise_new_with_change_func (on_remote_set, gst_object_ref (self),
          gst_object_unref));
  gst_webrtc_session_description_free (description);
  self->described = TRUE;
  self->described_at = g_get_monotonic_time ();
  for (char **candidate = sdp->candidates; *candidate; candidate++)
    mesh_peer_remote_candidate (self, *candidate);
  return TRUE;
}

/* Returns: whether there is an m-line for video, but in no codec of ours */
static gboolean
lacks_video_codec (const MeshSdp *sdp)
{
  for (guint i = 0; i < sdp->n_media; i++) {
    if (!sdp->media[i].codec && strcmp (sdp->media[i].kind, "video") == 0)
      return TRUE;
  }
  return FALSE;
}

static gboolean
answer (MeshPeer *self, const MeshSdp *sdp, GError **error)
{
  self->sound_only = lacks_video_codec (sdp);
  for (guint i = 0; i < sdp->n_media; i++) {
    const MeshSdpMedia *media = &sdp->media[i];

    if (media->codec && !add_kind (self, mesh_codec_find (media->codec),
            media->payload_type, media->twcc_id, media->receives, error))
      return FALSE;
  }
  if (!set_remote (self, sdp, TRUE, error))
    return FALSE;
  g_signal_emit_by_name (self->webrtc, "create-answer", NULL,
      gst_promise_new_with_change_func (on_answer, gst_object_ref (self),
          gst_object_unref));
  return TRUE;
}

/* Reads the description with a codec in which our video can be encoded, if the
 * peer has one; else with any other, in which the peer gets no picture of
 * ours. */
static MeshSdp *
read_description (MeshPeer *self, const char *text, gboolean is_offer,
    GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) working = NULL;
  MeshSource *source = self->sources[MESH_VIDEO];
  g_autoptr (MeshSdp) sdp = NULL;

  for (char **name = self->video_codecs; *name; name++) {
    g_autofree char *failure = source
        ? mesh_source_dup_failure (source, mesh_codec_find (*name)) : NULL;

    if (!failure)
      g_strv_builder_add (builder, *name);
  }
  working = g_strv_builder_end (builder);
  sdp = is_offer ? mesh_sdp_read (text, TRUE, (const char *const *) working,
      NULL) : NULL;
  if (sdp && !lacks_video_codec (sdp))
    return g_steal_pointer (&sdp);
  return mesh_sdp_read (text, is_offer,
      (const char *const *) self->video_codecs, error);
}

/**
 * mesh_peer_remote_sdp:
 * @type: "offer" or "answer"
 * @sdp: the peer's description, as it came
 * @error: return location for a #MESH_ERROR
 *
 * Takes the peer's offer, and makes an answer to it; or its answer to our
 * offer.
 *
 * Returns: %FALSE when no connection can be made with the description
 */
gboolean
mesh_peer_remote_sdp (MeshPeer *peer, const char *type, const char *sdp,
    GError **error)
{
  gboolean is_offer = g_str_equal (type, "offer");
  g_autoptr (MeshSdp) read = NULL;

  if (is_offer == peer->offerer || peer->described) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
        "an unexpected %s", is_offer ? "offer" : "answer");
    return FALSE;
  }
  read = read_description (peer, sdp, is_offer, error);
  if (!read)
    return FALSE;
  if (!is_offer && read->n_media != 2) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
        "an answer with other m-lines than the offer");
    return FALSE;
  }
  mesh_verifier_expect (peer->verifier, read->fingerprint);
  for (guint i = 0; i < read->n_media; i++) {
    const MeshSdpMedia *media = &read->media[i];
    MeshKind kind = g_str_equal (media->kind, "audio") ? MESH_AUDIO
        : MESH_VIDEO;

    peer->gets[kind] = media->codec && media->sends;
    peer->twcc_ids[kind] = media->twcc_id;
    if (media->twcc_id != 0 && media->receives)
      peer->reports = TRUE;
    else if (!is_offer && peer->senders[kind].payloader)
      g_signal_emit_by_name (peer->senders[kind].payloader,
          "clear-extensions");
    if (kind == MESH_AUDIO)
      g_atomic_int_set (&peer->audio_ssrc, media->ssrc);
  }
  return is_offer ? answer (peer, read, error)
      : set_remote (peer, read, FALSE, error);
}

/**
 * mesh_peer_is_sound_only:
 * @peer: an attempt that has taken the peer's offer
 *
 * Returns: whether the offer has video, but in no codec of ours
 */
gboolean
mesh_peer_is_sound_only (MeshPeer *peer)
{
  return peer->sound_only;
}

/**
 * mesh_peer_remote_candidate:
 * @peer: the attempt, with the peer's description set
 * @candidate: the peer's candidate; one that cannot be used is passed over
 */
void
mesh_peer_remote_candidate (MeshPeer *peer, const char *candidate)
{
  /* all m-lines are bundled, and webrtcbin takes candidates of the first only
   * */
  if (!peer->described
      || !mesh_candidates_admit (peer->candidates, candidate))
    return;
  mesh_selected_pair_add_candidate (peer->selected_pair, FALSE, candidate);
  g_signal_emit_by_name (peer->webrtc, "add-ice-candidate", 0, candidate);
}
