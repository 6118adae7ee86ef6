/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* See peer.h. webrtcbin's threads (its own, libnice's, the jitterbuffers') call in
 * here; each such call posts to the worker. webrtcbin 1.22's known faults that shape this code: a
 * promise or state change must not be answered on its own thread with a state
 * change; its pads' caps must be there before create-offer and
 * create-answer, or m-lines and SSRCs are left out; only the first m-line of a BUNDLE takes
 * candidates; its messages keep it alive on a bus that nobody reads. */

#include "meshroom/peer.h"

#include <gst/webrtc/webrtc.h>

#include "core/error.h"
#include "meshroom/receive.h"
#include "meshroom/verify.h"

/* Milliseconds between two connectivity checks: the least that RFC 8445 §14.2
 * allows. A mesh has few candidates a peer, and every check that finds a path
 * late is a picture that comes late. */
#define STUN_PACING 5

/* One peer's way out: a branch of the fan-out, linked to a payloader here. */
typedef struct {
  const MeshCodec *codec;
  MeshFanout *fanout;
  GstPad *branch;
} Sender;

struct _MeshPeer {
  GstBin parent;

  char *id;
  char *sid;
  GMainContext *worker;
  const MeshPeerEvents *events;
  gpointer user_data;
  char **video_codecs;
  MeshSource *sources[MESH_N_KINDS];
  gboolean decode;

  GstElement *webrtc;
  GObject *ice;
  MeshVerifier *verifier;

  /* worker only */
  Sender senders[MESH_N_KINDS];
  gboolean offerer;
  gboolean described;           /* the peer's description is set */
  gboolean connected;
  gboolean failed;

  gint abandoned;               /* atomic */
  gint audio_ssrc;              /* atomic: of what the peer sends */
  GMutex lock;                  /* guards: */
  GstElement *receivers[MESH_N_KINDS];
};

G_DEFINE_FINAL_TYPE (MeshPeer, mesh_peer, GST_TYPE_BIN)

static GstStaticPadTemplate sink_template =
GST_STATIC_PAD_TEMPLATE ("%s_sink", GST_PAD_SINK, GST_PAD_SOMETIMES,
    GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template =
GST_STATIC_PAD_TEMPLATE ("%s_src", GST_PAD_SRC, GST_PAD_SOMETIMES,
    GST_STATIC_CAPS_ANY);

static const char *const kind_names[MESH_N_KINDS] = { "audio", "video" };

/* Work for the worker. */
typedef struct {
  MeshPeer *peer;
  void (*func) (MeshPeer *peer, gpointer data);
  gpointer data;
  GDestroyNotify destroy;
} Post;

static gboolean
run_post (gpointer user_data)
{
  Post *post = user_data;

  if (!g_atomic_int_get (&post->peer->abandoned))
    post->func (post->peer, post->data);
  return G_SOURCE_REMOVE;
}

static void
free_post (gpointer user_data)
{
  Post *post = user_data;

  if (post->destroy && post->data)
    post->destroy (post->data);
  gst_object_unref (post->peer);
  g_free (post);
}

static void
post_to_worker (MeshPeer *self, void (*func) (MeshPeer *, gpointer),
    gpointer data, GDestroyNotify destroy)
{
  Post *post = g_new0 (Post, 1);
  g_autoptr (GSource) source = g_idle_source_new ();

  post->peer = gst_object_ref (self);
  post->func = func;
  post->data = data;
  post->destroy = destroy;
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, run_post, post, free_post);
  g_source_attach (source, self->worker);
}

/* Failing is the worker's to tell, and only once. */
typedef struct {
  const char *reason;
  char *text;
} Failure;

static void
failure_free (gpointer data)
{
  g_free (((Failure *) data)->text);
  g_free (data);
}

static void
tell_failure (MeshPeer *self, gpointer data)
{
  Failure *failure = data;

  if (self->failed)
    return;
  self->failed = TRUE;
  self->events->failed (self, failure->reason, failure->text, self->user_data);
}

static void
fail (MeshPeer *self, const char *reason, const char *text)
{
  Failure *failure = g_new (Failure, 1);

  failure->reason = reason;
  failure->text = g_strdup (text);
  post_to_worker (self, tell_failure, failure, failure_free);
}

/* Both must have happened: the certificate checked, and the connection up. */
static void
open_when_ready (MeshPeer *self, gpointer data)
{
  GstWebRTCPeerConnectionState state;

  if (self->connected || self->failed
      || !mesh_verifier_is_open (self->verifier))
    return;
  g_object_get (self->webrtc, "connection-state", &state, NULL);
  if (state != GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED)
    return;
  self->connected = TRUE;
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    if (self->senders[i].branch)
      mesh_fanout_open_branch (self->senders[i].fanout,
          self->senders[i].branch);
  }
  self->events->connected (self, self->user_data);
}

static void
on_verified (gboolean ok, gpointer user_data)
{
  MeshPeer *self = user_data;

  if (ok)
    post_to_worker (self, open_when_ready, NULL, NULL);
  else
    fail (self, "refused",
        "its certificate is not the one that its description names: "
        "somebody may be in between");
}

static void
on_connection_state (GObject *webrtc, GParamSpec *pspec, gpointer user_data)
{
  MeshPeer *self = user_data;
  GstWebRTCPeerConnectionState state;

  g_object_get (webrtc, "connection-state", &state, NULL);
  if (state == GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED)
    post_to_worker (self, open_when_ready, NULL, NULL);
  else if (state == GST_WEBRTC_PEER_CONNECTION_STATE_FAILED)
    fail (self, "failed", "no network path to it was found");
}

typedef struct {
  char *text;
  int mline;
} Candidate;

static void
candidate_free (gpointer data)
{
  g_free (((Candidate *) data)->text);
  g_free (data);
}

static void
tell_candidate (MeshPeer *self, gpointer data)
{
  Candidate *candidate = data;

  self->events->local_candidate (self, candidate->text, candidate->mline,
      self->user_data);
}

static void
post_candidate (MeshPeer *self, const char *text, guint mline)
{
  Candidate *candidate = g_new (Candidate, 1);

  candidate->text = g_strdup (text);
  candidate->mline = mline;
  post_to_worker (self, tell_candidate, candidate, candidate_free);
}

static void
on_candidate (GstElement *webrtc, guint mline, const char *candidate,
    gpointer user_data)
{
  /* 1.24 and later end with an empty one; 1.22 leaves that to us, below */
  if (candidate && *candidate)
    post_candidate (user_data, candidate, mline);
}

static void
on_gathering_state (GObject *webrtc, GParamSpec *pspec, gpointer user_data)
{
  GstWebRTCICEGatheringState state;

  g_object_get (webrtc, "ice-gathering-state", &state, NULL);
  if (state == GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE)
    post_candidate (user_data, "", 0);
}

/* On webrtcbin's thread with its lock held: set properties, nothing else. An
 * m-line that we only receive gets its transceiver here. Sound has FEC inside; and
 * Chromium refuses an offer that has retransmissions for it. */
static void
on_transceiver (GstElement *webrtc, GObject *transceiver, gpointer user_data)
{
  GstWebRTCKind kind;

  g_object_get (transceiver, "kind", &kind, NULL);
  g_object_set (transceiver, "do-nack", kind == GST_WEBRTC_KIND_VIDEO, NULL);
}

/* webrtcbin 1.22 gives each jitterbuffer the do-nack of whichever SSRC it
 * happens to look at last; put that right. And what comes first need not wait
 * for the buffer to fill: it is decoded at once, and shown in its time. */
static void
on_jitterbuffer (GstElement *rtpbin, GObject *jitterbuffer, guint session,
    guint ssrc, gpointer user_data)
{
  MeshPeer *self = user_data;

  g_object_set (jitterbuffer, "do-retransmission",
      ssrc != (guint) g_atomic_int_get (&self->audio_ssrc),
      "faststart-min-packets", 1, NULL);
}

/* A new pad of ours on its way to the room. */
typedef struct {
  MeshKind kind;
  GstPad *pad;
  gulong block;
} Arrival;

static void
arrival_free (gpointer data)
{
  gst_object_unref (((Arrival *) data)->pad);
  g_free (data);
}

static void
tell_pad (MeshPeer *self, gpointer data)
{
  Arrival *arrival = data;

  self->events->pad (self, arrival->kind, arrival->pad, self->user_data);
  gst_pad_remove_probe (arrival->pad, arrival->block);
}

static GstPadProbeReturn
hold (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  return GST_PAD_PROBE_OK;
}

static void
post_pad (MeshPeer *self, MeshKind kind, GstPad *pad)
{
  Arrival *arrival = g_new (Arrival, 1);

  arrival->kind = kind;
  arrival->pad = gst_object_ref (pad);
  arrival->block = gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM,
      hold, NULL, NULL);
  post_to_worker (self, tell_pad, arrival, arrival_free);
}

/* A peer's stream has come: set up its reception, on the streaming thread, so
 * that not one packet is lost; the room takes the pad on the worker. */
static void
on_stream (GstElement *webrtc, GstPad *pad, gpointer user_data)
{
  MeshPeer *self = user_data;
  g_autoptr (GstCaps) caps = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GstPad) sink = NULL, src = NULL;
  g_autoptr (GstElement) receiver = NULL;
  g_autofree char *name = NULL;
  const MeshCodec *codec;
  GstPad *ghost;
  gboolean taken;

  if (!GST_PAD_IS_SRC (pad) || g_atomic_int_get (&self->abandoned))
    return;
  caps = gst_pad_get_current_caps (pad);
  codec = caps ? mesh_codec_find (gst_structure_get_string
      (gst_caps_get_structure (caps, 0), "encoding-name")) : NULL;
  if (!codec)
    return;
  GST_DEBUG_OBJECT (self, "%s from %s", codec->name, self->id);
  receiver = mesh_receive_new (codec, self->decode, &error);
  if (!receiver) {
    fail (self, "failed", error->message);
    return;
  }
  /* a second stream of a kind (another SSRC) is none that we asked for */
  g_mutex_lock (&self->lock);
  taken = self->receivers[codec->kind] != NULL;
  if (!taken)
    self->receivers[codec->kind] = receiver;
  g_mutex_unlock (&self->lock);
  if (taken)
    return;

  gst_bin_add (GST_BIN (self), receiver);
  gst_element_sync_state_with_parent (receiver);
  src = gst_element_get_static_pad (receiver, "src");
  name = g_strdup_printf ("%s_src", kind_names[codec->kind]);
  ghost = gst_ghost_pad_new (name, src);
  gst_pad_set_active (ghost, TRUE);
  gst_element_add_pad (GST_ELEMENT (self), ghost);
  post_pad (self, codec->kind, ghost);
  sink = gst_element_get_static_pad (receiver, "sink");
  gst_pad_link (pad, sink);
}

/* GObject properties that one version has and another has not. */
static void
set_if_there (gpointer object, const char *name, int value)
{
  if (object && g_object_class_find_property (G_OBJECT_GET_CLASS (object),
          name))
    g_object_set (object, name, value, NULL);
}

/* UPnP opens an HTTP server and sockets for each agent, ICE-TCP one more
 * listener for each address; neither is wanted unasked. */
static void
set_up_ice (MeshPeer *self, const MeshPeerConfig *config)
{
  g_autoptr (GObject) agent = NULL;

  g_object_get (self->webrtc, "ice-agent", &self->ice, NULL);
  set_if_there (self->ice, "ice-tcp", FALSE);
  if (self->ice && g_object_class_find_property
      (G_OBJECT_GET_CLASS (self->ice), "agent"))
    g_object_get (self->ice, "agent", &agent, NULL);
  set_if_there (agent, "upnp", FALSE);
  set_if_there (agent, "stun-pacing-timer", STUN_PACING);

  if (config->stun_server)
    g_object_set (self->webrtc, "stun-server", config->stun_server, NULL);
  for (guint i = 0; config->turn_servers && config->turn_servers[i]; i++) {
    gboolean added = FALSE;

    g_signal_emit_by_name (self->webrtc, "add-turn-server",
        config->turn_servers[i], &added);
  }
  if (config->relay_only)
    g_object_set (self->webrtc, "ice-transport-policy",
        GST_WEBRTC_ICE_TRANSPORT_POLICY_RELAY, NULL);
}

/* Sender reports carry the time at which a frame is sent, without waiting for a
 * LATENCY event that a session which joins late never sees; and no more than
 * one stream a kind, with its retransmissions, costs us threads. */
static void
set_up_rtpbin (MeshPeer *self)
{
  g_autoptr (GstElement) rtpbin =
      gst_bin_get_by_name (GST_BIN (self->webrtc), "rtpbin");

  if (!rtpbin)
    return;
  set_if_there (rtpbin, "rtcp-sync-send-time", FALSE);
  g_object_set (rtpbin, "max-streams", 8, NULL);
  g_signal_connect_after (rtpbin, "new-jitterbuffer",
      G_CALLBACK (on_jitterbuffer), self);
}

/**
 * mesh_peer_warm_up:
 *
 * Has the process' DTLS certificate made, which takes a quarter of a second the
 * first time, so that the first connection need not wait for it. Blocks; any
 * thread.
 *
 * Since: 0.1
 */
void
mesh_peer_warm_up (void)
{
  GstElement *dtls = gst_element_factory_make ("dtlsdec", NULL);

  if (dtls)
    gst_object_unref (gst_object_ref_sink (dtls));
}

/**
 * mesh_peer_new:
 * @config: what it needs; copied, but for the sources, which must outlive it
 * @error: return location for a #MESH_ERROR
 *
 * Returns: (transfer full) (nullable): an attempt, to be put into the room's bin
 *
 * Since: 0.1
 */
MeshPeer *
mesh_peer_new (const MeshPeerConfig *config, GError **error)
{
  g_autoptr (GstElement) webrtc =
      gst_element_factory_make ("webrtcbin", NULL);
  MeshPeer *self;

  if (!webrtc) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_FAILED,
        "element webrtcbin is not installed (gstreamer1.0-plugins-bad)");
    return NULL;
  }
  self = gst_object_ref_sink (g_object_new (MESH_TYPE_PEER, NULL));
  self->id = g_strdup (config->id);
  self->sid = g_strdup (config->sid);
  self->worker = g_main_context_ref (config->worker);
  self->events = config->events;
  self->user_data = config->user_data;
  self->video_codecs = g_strdupv ((char **) config->video_codecs);
  self->decode = config->decode;
  for (guint i = 0; i < MESH_N_KINDS; i++)
    self->sources[i] = config->sources[i];

  self->webrtc = gst_object_ref_sink (g_steal_pointer (&webrtc));
  g_object_set (self->webrtc, "bundle-policy",
      GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, "latency", config->latency, NULL);
  set_up_ice (self, config);
  set_up_rtpbin (self);
  self->verifier = mesh_verifier_new (GST_BIN (self->webrtc),
      config->verify_fingerprint, on_verified, self);
  g_signal_connect (self->webrtc, "on-ice-candidate",
      G_CALLBACK (on_candidate), self);
  g_signal_connect (self->webrtc, "notify::ice-gathering-state",
      G_CALLBACK (on_gathering_state), self);
  g_signal_connect (self->webrtc, "notify::connection-state",
      G_CALLBACK (on_connection_state), self);
  g_signal_connect (self->webrtc, "on-new-transceiver",
      G_CALLBACK (on_transceiver), self);
  g_signal_connect (self->webrtc, "pad-added", G_CALLBACK (on_stream), self);
  gst_bin_add (GST_BIN (self), self->webrtc);
  return self;
}

/**
 * mesh_peer_get_id:
 * @peer: the attempt
 *
 * Returns: (transfer none): the peer's id
 *
 * Since: 0.1
 */
const char *
mesh_peer_get_id (MeshPeer *peer)
{
  return peer->id;
}

/**
 * mesh_peer_get_video_codec:
 * @peer: the attempt
 *
 * Returns: (nullable): in what we send video, if we do and it is negotiated
 *
 * Since: 0.1
 */
const MeshCodec *
mesh_peer_get_video_codec (MeshPeer *peer)
{
  return peer->senders[MESH_VIDEO].codec;
}

/**
 * mesh_peer_get_sid:
 * @peer: the attempt
 *
 * Returns: (transfer none): the attempt's session id
 *
 * Since: 0.1
 */
const char *
mesh_peer_get_sid (MeshPeer *peer)
{
  return peer->sid;
}

/* (transfer full): what RTP of @codec looks like */
static GstCaps *
make_rtp_caps (const MeshCodec *codec, int payload_type)
{
  GstCaps *caps = gst_caps_from_string (codec->rtp_fields);

  gst_caps_set_simple (caps, "media", G_TYPE_STRING, kind_names[codec->kind],
      "encoding-name", G_TYPE_STRING, codec->name,
      "payload", G_TYPE_INT, payload_type,
      "clock-rate", G_TYPE_INT, codec->clock_rate, NULL);
  if (codec->kind == MESH_AUDIO)
    gst_caps_set_simple (caps, "encoding-params", G_TYPE_STRING, "2", NULL);
  return caps;
}

/* Tells webrtcbin what will come before there is any data, so that payload type
 * and SSRC are there when it writes the description. */
static void
announce_caps (GstPad *webrtc_pad, GstElement *payloader,
    const MeshCodec *codec, int payload_type)
{
  g_autoptr (GstCaps) caps = make_rtp_caps (codec, payload_type);
  guint ssrc = g_random_int ();

  g_object_set (payloader, "pt", payload_type, "ssrc", ssrc, NULL);
  gst_caps_set_simple (caps, "ssrc", G_TYPE_UINT, ssrc, NULL);
  gst_pad_send_event (webrtc_pad, gst_event_new_stream_start ("meshroom"));
  gst_pad_send_event (webrtc_pad, gst_event_new_caps (caps));
}

/* An m-line on which we only receive. In an answer webrtcbin makes it by itself. */
static gboolean
add_receive_only (MeshPeer *self, const MeshCodec *codec)
{
  g_autoptr (GstCaps) caps = make_rtp_caps (codec, codec->payload_type);
  g_autoptr (GObject) transceiver = NULL;

  if (!self->offerer)
    return TRUE;
  g_signal_emit_by_name (self->webrtc, "add-transceiver",
      GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY, caps, &transceiver);
  return transceiver != NULL;
}

/* Sends a kind with @codec as payload type @payload_type; without a source,
 * there will be nothing to send. */
static gboolean
add_sender (MeshPeer *self, const MeshCodec *codec, int payload_type,
    GError **error)
{
  Sender *sender = &self->senders[codec->kind];
  g_autoptr (GstElement) payloader =
      mesh_codec_make (codec->payloader, error);
  g_autoptr (GstPad) sink = NULL, src = NULL, webrtc_pad = NULL;
  g_autoptr (GObject) transceiver = NULL;
  g_autofree char *name = g_strdup_printf ("%s_sink", kind_names[codec->kind]);
  GstPad *ghost;

  if (!payloader)
    return FALSE;
  gst_object_ref_sink (payloader);
  gst_bin_add (GST_BIN (self), payloader);
  src = gst_element_get_static_pad (payloader, "src");
  webrtc_pad = gst_element_request_pad_simple (self->webrtc, "sink_%u");
  if (!webrtc_pad || gst_pad_link (src, webrtc_pad) != GST_PAD_LINK_OK) {
    g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED,
        "webrtcbin does not take %s", codec->name);
    return FALSE;
  }
  g_object_get (webrtc_pad, "transceiver", &transceiver, NULL);
  g_object_set (transceiver, "do-nack", codec->kind == MESH_VIDEO, NULL);

  announce_caps (webrtc_pad, payloader, codec, payload_type);
  gst_element_sync_state_with_parent (payloader);

  sink = gst_element_get_static_pad (payloader, "sink");
  ghost = gst_ghost_pad_new (name, sink);
  gst_pad_set_active (ghost, TRUE);
  gst_element_add_pad (GST_ELEMENT (self), ghost);
  sender->codec = codec;
  if (!self->sources[codec->kind])
    return TRUE;
  sender->fanout = mesh_source_get_fanout (self->sources[codec->kind], codec);
  sender->branch = mesh_fanout_add_branch (sender->fanout);
  gst_pad_link_full (sender->branch, ghost, GST_PAD_LINK_CHECK_NOTHING);
  return TRUE;
}

/* webrtcbin 1.22 does not bring up a connection on which neither side would
 * send, so one who only watches says that sound might come. */
static gboolean
might_send (MeshPeer *self, MeshKind kind)
{
  return self->sources[kind] != NULL
      || (kind == MESH_AUDIO && !self->sources[MESH_VIDEO]);
}

static gboolean
add_kind (MeshPeer *self, const MeshCodec *codec, int payload_type,
    gboolean wanted, GError **error)
{
  if (!might_send (self, codec->kind) || !wanted)
    return add_receive_only (self, codec);
  return add_sender (self, codec, payload_type, error);
}

/* @reply of a create-offer or create-answer that has run, NULL with @error set
 * when webrtcbin could not. */
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

/* A peer that sends nothing is known to live by its receiver reports only, and
 * by default those may be nearly as far apart as we wait for them. And what
 * comes through DTLS need not prove with a second packet that it is RTP. */
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
        "probation", 0, NULL);
}

static void
tell_description (MeshPeer *self, gpointer data)
{
  GstWebRTCSessionDescription *description = data;
  g_autofree char *text = gst_sdp_message_as_text (description->sdp);

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
    post_to_worker (self, tell_description, description,
        (GDestroyNotify) gst_webrtc_session_description_free);
  else
    fail (self, "failed", "webrtcbin could not make a session description");
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
 *
 * Since: 0.1
 */
gboolean
mesh_peer_offer (MeshPeer *peer, const MeshCodec *video, GError **error)
{
  const MeshCodec *audio = mesh_codec_find ("OPUS");

  peer->offerer = TRUE;
  if (!add_kind (peer, audio, audio->payload_type, TRUE, error)
      || !add_kind (peer, video, video->payload_type, TRUE, error))
    return FALSE;
  g_signal_emit_by_name (peer->webrtc, "create-offer", NULL,
      gst_promise_new_with_change_func (on_offer, gst_object_ref (peer),
          gst_object_unref));
  return TRUE;
}

static void
use_candidates (MeshPeer *self, char **candidates)
{
  for (guint i = 0; candidates[i]; i++)
    mesh_peer_remote_candidate (self, candidates[i]);
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
    fail (self, "failed", error ? error->message : "bad session description");
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
  use_candidates (self, sdp->candidates);
  return TRUE;
}

static gboolean
answer (MeshPeer *self, const MeshSdp *sdp, GError **error)
{
  for (guint i = 0; i < sdp->n_media; i++) {
    const MeshSdpMedia *media = &sdp->media[i];

    if (media->codec && !add_kind (self, mesh_codec_find (media->codec),
            media->payload_type, media->receives, error))
      return FALSE;
  }
  if (!set_remote (self, sdp, TRUE, error))
    return FALSE;
  g_signal_emit_by_name (self->webrtc, "create-answer", NULL,
      gst_promise_new_with_change_func (on_answer, gst_object_ref (self),
          gst_object_unref));
  return TRUE;
}

/**
 * mesh_peer_remote_sdp:
 * @peer: the attempt
 * @type: "offer" or "answer"
 * @sdp: the peer's description, as it came
 * @error: return location for a #MESH_ERROR
 *
 * Takes the peer's offer, and makes an answer to it; or its answer to our offer.
 *
 * Returns: %FALSE when the description is none that we connect on
 *
 * Since: 0.1
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
  read = mesh_sdp_read (sdp, is_offer, (const char *const *)
      peer->video_codecs, error);
  if (!read)
    return FALSE;
  if (!is_offer && read->n_media != 2) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
        "an answer with other m-lines than the offer");
    return FALSE;
  }
  mesh_verifier_expect (peer->verifier, read->fingerprint);
  for (guint i = 0; i < read->n_media; i++) {
    if (g_str_equal (read->media[i].kind, "audio"))
      g_atomic_int_set (&peer->audio_ssrc, read->media[i].ssrc);
  }
  return is_offer ? answer (peer, read, error)
      : set_remote (peer, read, FALSE, error);
}

/**
 * mesh_peer_remote_candidate:
 * @peer: the attempt, with the peer's description set
 * @candidate: the peer's candidate; one that is not welcome is passed over
 *
 * Since: 0.1
 */
void
mesh_peer_remote_candidate (MeshPeer *peer, const char *candidate)
{
  /* All is bundled, and webrtcbin listens for the first m-line only. */
  if (peer->described && mesh_candidate_is_welcome (candidate, FALSE))
    g_signal_emit_by_name (peer->webrtc, "add-ice-candidate", 0, candidate);
}

/**
 * mesh_peer_take_heard:
 * @peer: the attempt
 *
 * Returns: whether the peer has sent RTP or RTCP since the last call
 *
 * Since: 0.1
 */
gboolean
mesh_peer_take_heard (MeshPeer *peer)
{
  return mesh_verifier_take_heard (peer->verifier);
}

/**
 * mesh_peer_get_stats:
 * @peer: the attempt
 *
 * Returns: (transfer full): its state and figures, as webrtcbin and the
 *   fan-out count them
 *
 * Since: 0.1
 */
GstStructure *
mesh_peer_get_stats (MeshPeer *peer)
{
  GstWebRTCPeerConnectionState connection;
  GstWebRTCICEConnectionState ice;
  GstStructure *stats;

  g_object_get (peer->webrtc, "connection-state", &connection,
      "ice-connection-state", &ice, NULL);
  stats = gst_structure_new ("peer-stats",
      "sid", G_TYPE_STRING, peer->sid,
      "offerer", G_TYPE_BOOLEAN, peer->offerer,
      "connection-state", GST_TYPE_WEBRTC_PEER_CONNECTION_STATE, connection,
      "ice-connection-state", GST_TYPE_WEBRTC_ICE_CONNECTION_STATE, ice,
      "verified", G_TYPE_BOOLEAN, mesh_verifier_is_open (peer->verifier),
      NULL);
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    g_autofree char *name = g_strdup_printf ("%s-dropped", kind_names[i]);

    if (peer->senders[i].branch)
      gst_structure_set (stats, name, G_TYPE_UINT64,
          mesh_fanout_branch_dropped (peer->senders[i].branch), NULL);
  }
  return stats;
}

/**
 * mesh_peer_abandon:
 * @peer: the attempt
 *
 * Ends the attempt as far as the worker is concerned: no event comes any
 * more, and nothing is sent. mesh_peer_close() must follow.
 *
 * Since: 0.1
 */
void
mesh_peer_abandon (MeshPeer *peer)
{
  g_atomic_int_set (&peer->abandoned, TRUE);
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    if (peer->senders[i].branch)
      mesh_fanout_close_branch (peer->senders[i].branch);
  }
}

/**
 * mesh_peer_close:
 * @peer: (transfer none): an abandoned attempt
 *
 * Shuts the attempt down and takes it out of the room's bin. Blocks until all its
 * threads are gone.
 *
 * Since: 0.1
 */
void
mesh_peer_close (MeshPeer *peer)
{
  g_autoptr (GstObject) room = gst_object_get_parent (GST_OBJECT (peer));

  /* locked, or the room's own next state change would raise it again */
  gst_element_set_locked_state (GST_ELEMENT (peer), TRUE);
  gst_element_set_state (GST_ELEMENT (peer), GST_STATE_NULL);
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    Sender *sender = &peer->senders[i];

    if (sender->branch)
      mesh_fanout_remove_branch (sender->fanout,
          g_steal_pointer (&sender->branch));
    gst_clear_object (&sender->fanout);
  }
  /* webrtcbin 1.22 leaves the agent with a bare pointer to itself */
  if (peer->ice)
    gst_webrtc_ice_set_on_ice_candidate (GST_WEBRTC_ICE (peer->ice), NULL,
        NULL, NULL);
  g_clear_object (&peer->ice);
  if (room)
    gst_bin_remove (GST_BIN (room), GST_ELEMENT (peer));
}

/* What happens to one peer is no business of the application's bus: an error
 * ends the attempt, and the rest is dropped. */
static void
mesh_peer_handle_message (GstBin *bin, GstMessage *message)
{
  MeshPeer *self = MESH_PEER (bin);

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ERROR:{
      g_autoptr (GError) error = NULL;
      g_autofree char *debug = NULL;

      gst_message_parse_error (message, &error, &debug);
      GST_WARNING_OBJECT (self, "peer %s: %s (%s)", self->id, error->message,
          debug);
      fail (self, "failed", error->message);
      break;
    }
    case GST_MESSAGE_STATE_DIRTY:
    case GST_MESSAGE_ASYNC_START:
    case GST_MESSAGE_ASYNC_DONE:
    case GST_MESSAGE_STRUCTURE_CHANGE:
    case GST_MESSAGE_NEED_CONTEXT:
    case GST_MESSAGE_HAVE_CONTEXT:
      GST_BIN_CLASS (mesh_peer_parent_class)->handle_message (bin, message);
      return;
    default:
      break;
  }
  gst_message_unref (message);
}

static void
mesh_peer_dispose (GObject *object)
{
  MeshPeer *self = MESH_PEER (object);

  g_clear_pointer (&self->verifier, mesh_verifier_free);
  g_clear_object (&self->ice);
  G_OBJECT_CLASS (mesh_peer_parent_class)->dispose (object);
  gst_clear_object (&self->webrtc);
}

static void
mesh_peer_finalize (GObject *object)
{
  MeshPeer *self = MESH_PEER (object);

  g_free (self->id);
  g_free (self->sid);
  g_strfreev (self->video_codecs);
  g_clear_pointer (&self->worker, g_main_context_unref);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (mesh_peer_parent_class)->finalize (object);
}

static void
mesh_peer_init (MeshPeer *self)
{
  g_mutex_init (&self->lock);
  /* Nobody's source or sink: its comings and goings must not make the
   * pipeline wait for a preroll, or for an end of stream. */
  gst_bin_set_suppressed_flags (GST_BIN (self),
      GST_ELEMENT_FLAG_SOURCE | GST_ELEMENT_FLAG_SINK);
}

static void
mesh_peer_class_init (MeshPeerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->dispose = mesh_peer_dispose;
  object_class->finalize = mesh_peer_finalize;
  GST_BIN_CLASS (klass)->handle_message = mesh_peer_handle_message;
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Mesh peer",
      "Network", "One attempt at a connection with one peer",
      "The meshroom developers");
}
