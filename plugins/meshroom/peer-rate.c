/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Has an attempt send no faster than its path takes: the rate (rate.h) learns
 * what is sent and what the peer reports of it, a picture's packets are spread
 * (spreader.h), and padding is sent while the path is probed. */

#include "meshroom/peer-private.h"

#include "host/timer.h"
#include "meshroom/sound-copies.h"

/* What distinguishes padding from what the peer asks for. */
#define PADDING "padding"

/* So many packets of a picture are kept, to be sent once more: 1.6 s at
 * 1 Mbit/s. webrtcbin keeps 500 of them, which are 0.5 MiB a peer. A limit by
 * time would leave none for the padding of probes where few are sent. */
#define HISTORY 200

/* On the thread that takes the peer's RTCP, or the call's with padding. */
static GstPadProbeReturn
on_request (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  MeshPeer *self = user_data;
  const GstStructure *s =
      gst_event_get_structure (GST_PAD_PROBE_INFO_EVENT (info));
  guint seqnum;

  if (!s || !gst_structure_has_name (s, "GstRTPRetransmissionRequest")
      || gst_structure_has_field (s, PADDING)
      || !gst_structure_get_uint (s, "seqnum", &seqnum))
    return GST_PAD_PROBE_OK;
  return mesh_rate_may_repeat (self->rate, seqnum) ? GST_PAD_PROBE_OK
      : GST_PAD_PROBE_DROP;
}

/* Notes the element of webrtcbin that sends packets once more, if the peer
 * takes them, and has the one that encrypts them take one twice. */
static void
on_element (GstBin *bin, GstBin *sub_bin, GstElement *element,
    gpointer user_data)
{
  MeshPeer *self = user_data;
  GstElementFactory *factory = gst_element_get_factory (element);
  GstPad *src;

  if (factory && g_str_equal (GST_OBJECT_NAME (factory), "srtpenc"))
    g_object_set (element, "allow-repeat-tx", TRUE, NULL);
  if (!factory || !g_str_equal (GST_OBJECT_NAME (factory), "rtprtxsend"))
    return;
  g_object_set (element, "max-size-packets", HISTORY, NULL);
  src = gst_element_get_static_pad (element, "src");
  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_request, self,
      NULL);
  g_mutex_lock (&self->lock);
  g_set_object (&self->repeater, src);
  g_mutex_unlock (&self->lock);
  gst_object_unref (src);
}

static void
repeat (MeshPeer *self, GstPad *rtx, guint seqnum)
{
  gst_pad_send_event (rtx, gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM,
          gst_structure_new ("GstRTPRetransmissionRequest", "seqnum",
              G_TYPE_UINT, seqnum, "ssrc", G_TYPE_UINT,
              mesh_source_get_ssrc (self->sources[MESH_VIDEO]), PADDING,
              G_TYPE_BOOLEAN, TRUE, NULL)));
}

/* A probe's padding is due, on the call's thread. */
static gboolean
send_padding (gpointer user_data)
{
  MeshPeer *self = user_data;
  g_autoptr (GstPad) rtx = NULL;
  gint64 next = G_MAXINT64;
  guint16 seqnum;

  g_mutex_lock (&self->lock);
  g_set_object (&rtx, self->repeater);
  g_mutex_unlock (&self->lock);
  while (!self->failed && mesh_rate_take_padding (self->rate, &seqnum, &next)) {
    if (rtx)
      repeat (self, rtx, seqnum);
  }
  g_source_set_ready_time (self->padding, next == G_MAXINT64 ? -1 : next);
  return G_SOURCE_CONTINUE;
}

static void
begin_padding (MeshPeer *self, gpointer data)
{
  if (!self->padding)
    self->padding = mesh_timer_new_unset (self->worker, send_padding, self);
  g_source_set_ready_time (self->padding, 0);
}

static void
on_probing (gpointer user_data)
{
  mesh_peer_post (user_data, begin_padding, NULL, NULL);
}

/* --- on streaming threads --- */

static GstPadProbeReturn
on_sound (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  MeshPeer *self = user_data;

  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    mesh_rate_sent_sound (self->rate,
        gst_buffer_get_size (GST_PAD_PROBE_INFO_BUFFER (info)));
  } else {
    GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST (info);

    for (guint i = 0; i < gst_buffer_list_length (list); i++)
      mesh_rate_sent_sound (self->rate,
          gst_buffer_get_size (gst_buffer_list_get (list, i)));
  }
  return GST_PAD_PROBE_OK;
}

/* Reports come up to each sink pad of webrtcbin, and are taken from one. */
static GstPadProbeReturn
on_report (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  MeshPeer *self = user_data;
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);

  if (!gst_event_has_name (event, "RTPTWCCPackets"))
    return GST_PAD_PROBE_OK;
  if (pad == self->reported_on)
    mesh_rate_take_reports (self->rate, gst_event_get_structure (event));
  return GST_PAD_PROBE_DROP;
}

/* Of the receivers of the other codecs, ours would put the rest of a frame that
 * was cut off into the picture. */
static gboolean
is_outdated (gpointer user_data)
{
  MeshPeer *self = user_data;
  GstPad *branch = self->senders[MESH_VIDEO].branch;
  const MeshCodec *codec = mesh_peer_get_video_codec (self);

  return branch && codec && g_str_equal (codec->name, "VP8")
      && mesh_fanout_is_outdated (branch);
}

static void
copy_sound (MeshPeer *self)
{
  g_autoptr (GstElement) rtpbin =
      gst_bin_get_by_name (GST_BIN (self->webrtc), "rtpbin");

  if (rtpbin && self->sources[MESH_AUDIO])
    mesh_sound_copies_attach (rtpbin,
        mesh_source_get_ssrc (self->sources[MESH_AUDIO]), self->rate);
}

/**
 * mesh_peer_link_payloader:
 * @self: an attempt that is being negotiated
 * @payloader: in its bin
 * @webrtc_pad: a sink pad of webrtcbin
 * @kind: what is sent
 *
 * Returns: whether they could be linked
 */
gboolean
mesh_peer_link_payloader (MeshPeer *self, GstElement *payloader,
    GstPad *webrtc_pad, MeshKind kind)
{
  g_autoptr (GstPad) src = gst_element_get_static_pad (payloader, "src");
  g_autoptr (GstPad) out = NULL;

  if (!self->congestion_control)
    return gst_pad_link (src, webrtc_pad) == GST_PAD_LINK_OK;
  if (!self->rate) {
    self->rate = mesh_rate_new (on_probing, self);
    g_signal_connect (self->webrtc, "deep-element-added",
        G_CALLBACK (on_element), self);
  }
  self->reported_on = webrtc_pad;
  gst_pad_add_probe (webrtc_pad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_report,
      self, NULL);
  if (kind == MESH_AUDIO) {
    gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_BUFFER
        | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_sound, self, NULL);
    copy_sound (self);
    return gst_pad_link (src, webrtc_pad) == GST_PAD_LINK_OK;
  }
  self->spreader = mesh_spreader_new (self->rate);
  mesh_spreader_set_outdated (self->spreader, is_outdated, self);
  gst_bin_add (GST_BIN (self), GST_ELEMENT (self->spreader));
  gst_element_sync_state_with_parent (GST_ELEMENT (self->spreader));
  out = gst_element_get_static_pad (GST_ELEMENT (self->spreader), "src");
  return gst_element_link (payloader, GST_ELEMENT (self->spreader))
      && gst_pad_link (out, webrtc_pad) == GST_PAD_LINK_OK;
}

/**
 * mesh_peer_stop_sending:
 *
 * Drops what is held back for its time, and ends padding. The call's thread.
 */
void
mesh_peer_stop_sending (MeshPeer *self)
{
  if (self->spreader)
    mesh_spreader_stop (self->spreader);
  mesh_timer_clear (&self->padding);
}

/**
 * mesh_peer_get_rate:
 * Returns: (transfer none) (nullable): how fast it sends; %NULL if nothing is
 *   sent, or as fast as it comes
 */
MeshRate *
mesh_peer_get_rate (MeshPeer *peer)
{
  return peer->rate;
}

/**
 * mesh_peer_gets_reports:
 * Returns: whether the peer reports on each packet, rather than by receiver
 *   reports alone
 */
gboolean
mesh_peer_gets_reports (MeshPeer *peer)
{
  return peer->reports;
}

/**
 * mesh_peer_set_step:
 * @peer: a connected attempt
 * @rung: which rung of our picture it is sent; %MESH_RUNGS: none
 * @layers: 2 for all of its frames, 1 for half of them
 */
void
mesh_peer_set_step (MeshPeer *peer, guint rung, guint layers)
{
  const Sender *sender = &peer->senders[MESH_VIDEO];
  MeshBweFigures figures;

  if (!sender->branch)
    return;
  if (peer->rate) {
    mesh_rate_get_figures (peer->rate, &figures);
    mesh_fanout_set_rtt (sender->branch, figures.rtt);
  }
  mesh_fanout_set_step (sender->fanout, sender->branch, rung, layers);
}
