/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/picture-repair.h"

#include <gst/rtp/rtp.h>
#include <gst/video/video.h>
#include <string.h>

#include "core/key-request.h"
#include "core/vp8-layers.h"

typedef struct {
  gatomicrefcount refs;         /* one for each probe */
  GstElement *depayloader;      /* no reference: its pads have the probes */
  MeshPlayout *playout;
  gboolean has_layers;          /* the codec's descriptor is read */

  /* streaming thread only */
  MeshVp8Layers layers;
  gboolean tolerant;            /* the depayloader may skip what is missing */
  gboolean drop;                /* the present frame refers to a missing one */

  GMutex lock;                  /* guards what follows; a leaf */
  MeshKeyRequest request;
} Repair;

static Repair *
repair_ref (Repair *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

static void
repair_unref (gpointer data)
{
  Repair *self = data;

  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  mesh_playout_unref (self->playout);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static gboolean
is_due (Repair *self, gboolean wanted)
{
  gint64 rtt = mesh_playout_get_rtt (self->playout) / GST_USECOND;
  gboolean due;

  g_mutex_lock (&self->lock);
  if (wanted)
    mesh_key_request_want (&self->request);
  due = mesh_key_request_is_due (&self->request, rtt,
      g_get_monotonic_time ());
  g_mutex_unlock (&self->lock);
  if (due)
    mesh_playout_note_request (self->playout);
  return due;
}

/* The depayloader, the decoder and the application ask as often as they
 * like. */
static GstPadProbeReturn
on_request (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  if (!gst_video_event_is_force_key_unit (GST_PAD_PROBE_INFO_EVENT (info)))
    return GST_PAD_PROBE_OK;
  return is_due (user_data, TRUE) ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
}

/* A depayloader that waits for a key frame does not ask for it again, or only
 * with the next frame that it drops. */
static void
repeat_request (Repair *self, GstPad *pad)
{
  g_autoptr (GstPad) peer = NULL;

  if (!is_due (self, FALSE))
    return;
  /* sent to the peer, since the pad's own probe would count it once more */
  peer = gst_pad_get_peer (pad);
  if (peer)
    gst_pad_send_event (peer, gst_video_event_new_upstream_force_key_unit
        (GST_CLOCK_TIME_NONE, TRUE, 0));
}

static void
set_tolerant (Repair *self, gboolean tolerant)
{
  if (tolerant == self->tolerant)
    return;
  self->tolerant = tolerant;
  g_object_set (self->depayloader, "wait-for-keyframe", !tolerant,
      "request-keyframe", !tolerant, NULL);
}

/* Lets the depayloader go on after a loss to which no later frame refers.
 * Returns: whether the frame before the packet was cut off */
static gboolean
judge_packet (Repair *self, GstRTPBuffer *rtp, gboolean gap)
{
  MeshVp8Descriptor descriptor;
  MeshVp8Verdict verdict;

  if (!mesh_vp8_descriptor_read (gst_rtp_buffer_get_payload (rtp),
          gst_rtp_buffer_get_payload_len (rtp), &descriptor))
    return FALSE;
  verdict = mesh_vp8_layers_take (&self->layers, &descriptor, gap,
      gst_rtp_buffer_get_marker (rtp));
  self->drop = verdict.drop;
  if (gap || verdict.cut)
    set_tolerant (self, verdict.harmless);
  else if (descriptor.start)
    set_tolerant (self, FALSE);
  return verdict.cut;
}

static GstPadProbeReturn
on_packet (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Repair *self = user_data;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  gboolean cut;

  repeat_request (self, pad);
  if (!self->has_layers || !gst_rtp_buffer_map (buffer, GST_MAP_READ, &rtp))
    return GST_PAD_PROBE_OK;
  cut = judge_packet (self, &rtp,
      GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DISCONT));
  gst_rtp_buffer_unmap (&rtp);
  if (cut) {
    /* the depayloader would put what it has before the next frame */
    buffer = gst_buffer_make_writable (buffer);
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
    info->data = buffer;
  }
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
on_frame (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Repair *self = user_data;

  if (self->drop)
    return GST_PAD_PROBE_DROP;
  if (!GST_BUFFER_FLAG_IS_SET (GST_PAD_PROBE_INFO_BUFFER (info),
          GST_BUFFER_FLAG_DELTA_UNIT)) {
    g_mutex_lock (&self->lock);
    mesh_key_request_got (&self->request);
    g_mutex_unlock (&self->lock);
  }
  return GST_PAD_PROBE_OK;
}

/**
 * mesh_picture_repair_add:
 * @depayloader: waits for a key frame and asks for it, when packets are missing
 * @codec: what it takes out of RTP
 * @playout: of the attempt
 *
 * Watches over @depayloader as long as it lives.
 */
void
mesh_picture_repair_add (GstElement *depayloader, const MeshCodec *codec,
    MeshPlayout *playout)
{
  g_autoptr (GstPad) sink = gst_element_get_static_pad (depayloader, "sink");
  g_autoptr (GstPad) src = gst_element_get_static_pad (depayloader, "src");
  Repair *self = g_new0 (Repair, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->lock);
  self->depayloader = depayloader;
  self->playout = mesh_playout_ref (playout);
  self->has_layers = strcmp (codec->name, "VP8") == 0;
  gst_pad_add_probe (sink, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_request,
      repair_ref (self), repair_unref);
  gst_pad_add_probe (sink, GST_PAD_PROBE_TYPE_BUFFER, on_packet,
      repair_ref (self), repair_unref);
  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_BUFFER, on_frame, self,
      repair_unref);
}
