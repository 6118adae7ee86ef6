/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The life of an attempt (peer.h), and what can be asked of it. The known
 * faults of webrtcbin 1.22 shape the attempt's files: a promise or state change
 * must not be answered on its own thread with a state change; its pads' caps
 * must be there before create-offer and create-answer, or m-lines and SSRCs are
 * left out; only the first m-line of a BUNDLE takes candidates; its messages
 * keep it alive on a bus that nobody reads. */

#include "meshroom/peer-private.h"

#include "core/error.h"
#include "host/timer.h"
#include "meshroom/webrtcbin-close.h"
#include "meshroom/sender-caps.h"

/* How long after the description a peer's host candidates may still come. */
#define ADDRESS_PATIENCE (3 * G_TIME_SPAN_SECOND)

G_DEFINE_FINAL_TYPE (MeshPeer, mesh_peer, GST_TYPE_BIN)

static GstStaticPadTemplate sink_template =
GST_STATIC_PAD_TEMPLATE ("%s_sink", GST_PAD_SINK, GST_PAD_SOMETIMES,
    GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template =
GST_STATIC_PAD_TEMPLATE ("%s_src", GST_PAD_SRC, GST_PAD_SOMETIMES,
    GST_STATIC_CAPS_ANY);

/* Sound and picture are put together by the playout. rtpbin would do it with
 * the jitterbuffers' ts-offset, which the playout needs. */
static void
leave_sync_to_playout (GObject *rtpbin)
{
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (rtpbin),
          "min-ts-offset"))
    g_object_set (rtpbin, "min-ts-offset", G_MAXUINT64, NULL);
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
  mesh_peer_set_if_there (rtpbin, "rtcp-sync-send-time", FALSE);
  g_object_set (rtpbin, "max-streams", 8, NULL);
  leave_sync_to_playout (G_OBJECT (rtpbin));
  mesh_rtpbin_announce_senders (rtpbin);
  g_signal_connect_after (rtpbin, "new-jitterbuffer",
      G_CALLBACK (mesh_peer_on_jitterbuffer), self);
}

/* Called after the verifier is set up, which drops what must not be counted. */
static void
set_up_meter (MeshPeer *self)
{
  g_autoptr (GstElement) rtpbin =
      gst_bin_get_by_name (GST_BIN (self->webrtc), "rtpbin");

  self->meter = mesh_meter_new (rtpbin);
}

/**
 * mesh_peer_new:
 * @config: what it needs; copied
 * @error: return location for a #MESH_ERROR
 *
 * Returns: (transfer full) (nullable): an attempt, to be put into the room's
 *   bin
 */
MeshPeer *
mesh_peer_new (const MeshPeerConfig *config, GError **error)
{
  g_autoptr (GstElement) webrtc =
      gst_element_factory_make ("webrtcbin", NULL);
  const MeshPlayoutConfig playout = {
    .declared = config->latency * GST_MSECOND,
    .least = config->least_delay * GST_MSECOND,
    .fixed = !config->decode,
  };
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
  self->takes_over = config->takes_over;
  self->congestion_control = config->congestion_control;
  self->selected_pair = mesh_selected_pair_new ();
  self->playout = mesh_playout_new (&playout);
  self->addresses = g_strdupv ((char **) config->addresses);
  self->candidates = mesh_candidates_new (config->addresses, config->reach);
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    if (config->sources[i])
      self->sources[i] = mesh_source_ref (config->sources[i]);
  }

  self->webrtc = gst_object_ref_sink (g_steal_pointer (&webrtc));
  g_object_set (self->webrtc, "bundle-policy",
      GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, NULL);
  mesh_peer_set_up_ice (self, config);
  set_up_rtpbin (self);
  mesh_peer_set_up_events (self, config->verify_fingerprint);
  set_up_meter (self);
  gst_bin_add (GST_BIN (self), self->webrtc);
  return self;
}

/**
 * mesh_peer_get_id:
 * Returns: (transfer none): the peer's id
 */
const char *
mesh_peer_get_id (MeshPeer *peer)
{
  return peer->id;
}

/**
 * mesh_peer_get_video_codec:
 * Returns: (nullable): in what we send video, if we do and it is negotiated
 */
const MeshCodec *
mesh_peer_get_video_codec (MeshPeer *peer)
{
  return peer->senders[MESH_VIDEO].codec;
}

/**
 * mesh_peer_sends:
 * @sources: what is to be sent, %NULL where there is nothing
 *
 * Returns: whether the attempt was made to send just that
 */
gboolean
mesh_peer_sends (MeshPeer *peer, MeshSource *const sources[MESH_N_KINDS])
{
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    if (peer->sources[i] != sources[i])
      return FALSE;
  }
  return TRUE;
}

/**
 * mesh_peer_gets:
 * @peer: an attempt with the peer's description
 * @kind: audio or video
 *
 * Returns: whether the peer has said that it sends @kind
 */
gboolean
mesh_peer_gets (MeshPeer *peer, MeshKind kind)
{
  return peer->gets[kind];
}

/**
 * mesh_peer_get_sid:
 * Returns: (transfer none): the attempt's session id
 */
const char *
mesh_peer_get_sid (MeshPeer *peer)
{
  return peer->sid;
}

/**
 * mesh_peer_is_connected:
 * Returns: whether media may pass
 */
gboolean
mesh_peer_is_connected (MeshPeer *peer)
{
  return peer->connected && !peer->failed;
}

/**
 * mesh_peer_get_path_type:
 * Returns: as mesh_selected_pair_get_type()
 */
const char *
mesh_peer_get_path_type (MeshPeer *peer)
{
  return mesh_selected_pair_get_type (peer->selected_pair);
}

/**
 * mesh_peer_dup_local_address:
 * Returns: (transfer full) (nullable): the address of ours that it uses
 */
char *
mesh_peer_dup_local_address (MeshPeer *peer)
{
  return mesh_selected_pair_dup_local_address (peer->selected_pair);
}

/**
 * mesh_peer_is_addressless:
 * @now: g_get_monotonic_time()
 *
 * Returns: whether the peer has had the time to name an address, and has named
 *   none that could be used
 */
gboolean
mesh_peer_is_addressless (MeshPeer *peer, gint64 now)
{
  return peer->described && !peer->connected
      && now - peer->described_at > ADDRESS_PATIENCE
      && mesh_candidates_has_none (peer->candidates);
}

/**
 * mesh_peer_explain:
 * @peer: an attempt that is not connected
 *
 * Returns: (transfer full): as mesh_candidates_explain()
 */
char *
mesh_peer_explain (MeshPeer *peer)
{
  return mesh_candidates_explain (peer->candidates);
}

/**
 * mesh_peer_has_address:
 * @address: an address of this machine
 *
 * Returns: whether the attempt was begun with it
 */
gboolean
mesh_peer_has_address (MeshPeer *peer, const char *address)
{
  return peer->addresses && g_strv_contains ((const char *const *)
      peer->addresses, address);
}

/**
 * mesh_peer_take_heard:
 * Returns: whether the peer has sent RTP or RTCP since the last call
 */
gboolean
mesh_peer_take_heard (MeshPeer *peer)
{
  return mesh_verifier_take_heard (peer->verifier);
}

/**
 * mesh_peer_abandon:
 *
 * Ends the attempt as far as the worker is concerned: no event comes any
 * more, and nothing is sent. mesh_peer_close() must follow.
 */
void
mesh_peer_abandon (MeshPeer *peer)
{
  g_atomic_int_set (&peer->abandoned, TRUE);
  mesh_peer_stop_sending (peer);
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    if (peer->senders[i].branch)
      mesh_fanout_close_branch (peer->senders[i].branch);
  }
}

/* Takes the attempt out of the room's bin, once. Whoever changes the state of
 * the room would else wait for the attempt's own change to NULL, and that waits
 * for as long as what is linked to the room holds on to a frame. */
static void
leave_room (MeshPeer *peer)
{
  g_autoptr (GstObject) room = NULL;

  if (!g_atomic_int_compare_and_exchange (&peer->has_left, FALSE, TRUE))
    return;
  /* locked, or a state change of the room that has begun would raise it */
  gst_element_set_locked_state (GST_ELEMENT (peer), TRUE);
  room = gst_object_get_parent (GST_OBJECT (peer));
  if (room)
    gst_bin_remove (GST_BIN (room), GST_ELEMENT (peer));
}

static gboolean
flush_pad (GstElement *element, GstPad *pad, gpointer user_data)
{
  gst_pad_send_event (pad, gst_event_new_flush_start ());
  return TRUE;
}

/**
 * mesh_peer_let_go:
 * @peer: an abandoned attempt that may be in mid-close
 *
 * Takes the attempt out of the room's bin, and has it let go of what it is
 * sending: a connection that is paused holds on to a frame, and the thread that
 * pushes it, for as long as what is linked to the room keeps it from going
 * further down. Any thread; never blocks.
 */
void
mesh_peer_let_go (MeshPeer *peer)
{
  leave_room (peer);
  gst_element_foreach_sink_pad (GST_ELEMENT (peer), flush_pad, NULL);
}

/**
 * mesh_peer_close:
 * @peer: (transfer none): an abandoned attempt
 *
 * Takes the attempt out of the room's bin and shuts it down. Blocks until all
 * its threads are gone.
 */
void
mesh_peer_close (MeshPeer *peer)
{
  GThread *thread;

  leave_room (peer);
  thread = mesh_webrtcbin_settle (peer->webrtc);
  mesh_webrtcbin_stop_listening (peer->webrtc);
  gst_element_set_state (GST_ELEMENT (peer), GST_STATE_NULL);
  if (thread)
    g_thread_join (thread);
  for (guint i = 0; i < MESH_N_KINDS; i++) {
    Sender *sender = &peer->senders[i];

    if (sender->branch)
      mesh_fanout_remove_branch (sender->fanout,
          g_steal_pointer (&sender->branch));
    gst_clear_object (&sender->fanout);
    g_clear_pointer (&peer->sources[i], mesh_source_unref);
  }
  /* webrtcbin 1.22 leaves a pointer to itself in the agent, without a
   * reference */
  if (peer->ice)
    gst_webrtc_ice_set_on_ice_candidate (GST_WEBRTC_ICE (peer->ice), NULL,
        NULL, NULL);
  if (peer->agent)
    g_clear_signal_handler (&peer->pair_selected, peer->agent);
  g_clear_object (&peer->agent);
  g_clear_object (&peer->ice);
}

static void
mesh_peer_dispose (GObject *object)
{
  MeshPeer *self = MESH_PEER (object);

  gst_clear_object (&self->repeater);
  g_clear_pointer (&self->verifier, mesh_verifier_free);
  if (self->agent)
    g_clear_signal_handler (&self->pair_selected, self->agent);
  g_clear_object (&self->agent);
  g_clear_object (&self->ice);
  for (guint i = 0; i < MESH_N_KINDS; i++)
    g_clear_pointer (&self->sources[i], mesh_source_unref);
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
  g_clear_pointer (&self->selected_pair, mesh_selected_pair_free);
  g_clear_pointer (&self->candidates, mesh_candidates_free);
  g_clear_pointer (&self->meter, mesh_meter_unref);
  g_clear_pointer (&self->playout, mesh_playout_unref);
  g_strfreev (self->addresses);
  mesh_timer_clear (&self->padding);
  g_clear_pointer (&self->rate, mesh_rate_unref);
  g_clear_pointer (&self->worker, g_main_context_unref);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (mesh_peer_parent_class)->finalize (object);
}

static void
mesh_peer_init (MeshPeer *self)
{
  g_mutex_init (&self->lock);
  /* The bin is neither a source nor a sink of the room: adding and removing it
   * must not make the pipeline wait for a preroll, or for an EOS. */
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
