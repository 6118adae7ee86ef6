/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* rtpsession before 1.22.3 writes its sender reports in a walk through the hash
 * table of all RTP sources. For the first report of a source whose clock rate
 * it does not know, it gives its lock away in the middle of the walk and asks
 * webrtcbin for the rate. Whoever adds a source meanwhile, because the first
 * packet of the peer has come, changes the table under the walk. GLib notices
 * (g_hash_table_foreach: assertion 'version == hash_table->version' failed),
 * and the reports that were still to be written are lost.
 *
 * Payloaders tell their clock rate in their caps, but webrtcbin's rtpfunnel,
 * which merges all streams into one session, passes on caps without it. So the
 * payloaders' caps are handed to the session here, ahead of the first packet,
 * and the session has nothing left to ask for. rtprtxsend, which they go
 * through, adds the SSRC of the retransmissions. */

#include "meshroom/sender-caps.h"

static gboolean
hand_over (GstElement *webrtcbin, GstPad *sink, gpointer user_data)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (sink);

  if (caps
      && gst_structure_has_field (gst_caps_get_structure (caps, 0), "ssrc"))
    gst_pad_send_event (user_data, gst_event_new_caps (caps));
  return TRUE;
}

/* On the streaming thread of the first packet: earlier events may come with
 * webrtcbin's lock held, which webrtcbin takes again for each new source. The
 * last caps are the funnel's own ones, as before. */
static GstPadProbeReturn
on_first_packet (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  g_autoptr (GstElement) rtpbin = gst_pad_get_parent_element (pad);
  g_autoptr (GstObject) webrtcbin =
      rtpbin ? gst_object_get_parent (GST_OBJECT (rtpbin)) : NULL;
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);

  if (webrtcbin && caps) {
    gst_element_foreach_sink_pad (GST_ELEMENT (webrtcbin), hand_over, pad);
    gst_pad_send_event (pad, gst_event_new_caps (caps));
  }
  return GST_PAD_PROBE_REMOVE;
}

static void
on_rtpbin_pad (GstElement *rtpbin, GstPad *pad, gpointer user_data)
{
  if (GST_PAD_IS_SINK (pad)
      && g_str_has_prefix (GST_OBJECT_NAME (pad), "send_rtp_sink_"))
    gst_pad_add_probe (pad,
        GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST,
        on_first_packet, NULL, NULL);
}

/**
 * mesh_rtpbin_announce_senders:
 * @rtpbin: the one of a fresh webrtcbin
 *
 * Has the session know each stream that webrtcbin sends before its first
 * packet, where GStreamer needs that.
 */
void
mesh_rtpbin_announce_senders (GstElement *rtpbin)
{
  GstElementFactory *factory = gst_element_get_factory (rtpbin);

  if (!gst_plugin_feature_check_version (GST_PLUGIN_FEATURE (factory), 1, 22,
          3))
    g_signal_connect (rtpbin, "pad-added", G_CALLBACK (on_rtpbin_pad), NULL);
}
