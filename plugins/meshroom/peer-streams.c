/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Receives the peer's streams: from webrtcbin's pads to the pads of the
 * attempt's bin. */

#include "meshroom/peer-private.h"

#include "meshroom/receiver.h"

/* Corrects the jitterbuffer's retransmission, for which webrtcbin 1.22 takes
 * the do-nack of whichever SSRC it looks at last. The first packet need not
 * wait for the buffer to fill: it is decoded at once, and shown when it is due.
 * rtx-next-seqnum is off, since a stream that slows down (a still picture, a
 * camera in the dark) has not lost its next packet: only packets between
 * received ones are asked for again. */
void
mesh_peer_on_jitterbuffer (GstElement *rtpbin, GObject *jitterbuffer,
    guint session, guint ssrc, gpointer user_data)
{
  MeshPeer *self = user_data;
  MeshKind kind = ssrc == (guint) g_atomic_int_get (&self->audio_ssrc)
      ? MESH_AUDIO : MESH_VIDEO;

  g_object_set (jitterbuffer, "do-retransmission", kind == MESH_VIDEO,
      "rtx-next-seqnum", FALSE, "faststart-min-packets", 1, NULL);
  mesh_playout_watch_buffer (self->playout, kind, GST_ELEMENT (jitterbuffer));
}

/* A new pad of the peer's bin that the room is told of. */
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

  self->events->pad (self, arrival->kind, arrival->pad, arrival->block,
      self->user_data);
}

static void
post_arrival (MeshPeer *self, MeshKind kind, GstPad *pad, gulong block)
{
  Arrival *arrival = g_new (Arrival, 1);

  arrival->kind = kind;
  arrival->pad = gst_object_ref (pad);
  arrival->block = block;
  mesh_peer_post (self, tell_pad, arrival, arrival_free);
}

static GstPadProbeReturn
hold (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
hold_first (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  MeshPeer *self = user_data;
  MeshKind kind = g_str_has_prefix (GST_PAD_NAME (pad),
      mesh_kind_names[MESH_AUDIO]) ? MESH_AUDIO : MESH_VIDEO;
  gboolean first;

  g_mutex_lock (&self->lock);
  first = !self->arrived[kind];
  self->arrived[kind] = TRUE;
  g_mutex_unlock (&self->lock);
  if (first)
    post_arrival (self, kind, pad, GST_PAD_PROBE_INFO_ID (info));
  return GST_PAD_PROBE_OK;
}

/* Tells the room of the new pad. If an older attempt still shows the peer, that
 * happens with the first buffer, so that the old picture stays until the new
 * one is there; otherwise at once. */
static void
post_pad (MeshPeer *self, MeshKind kind, GstPad *pad)
{
  if (self->takes_over)
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BLOCK
        | GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST,
        hold_first, self, NULL);
  else
    post_arrival (self, kind, pad, gst_pad_add_probe (pad,
            GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM, hold, NULL, NULL));
}

typedef struct {
  int width, height;
} Size;

static void
tell_too_large (MeshPeer *self, gpointer data)
{
  Size *size = data;

  self->events->too_large (self, size->width, size->height, self->user_data);
}

static void
on_too_large (int width, int height, gpointer user_data)
{
  Size size = { width, height };

  mesh_peer_post (user_data, tell_too_large, g_memdup2 (&size, sizeof size),
      g_free);
}

/* Sets up the reception of a new stream on the streaming thread, so that no
 * packet is lost. The room takes the pad on the call's thread. */
void
mesh_peer_on_stream (GstElement *webrtc, GstPad *pad, gpointer user_data)
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
  receiver = mesh_receiver_new (codec, self->decode, self->playout,
      on_too_large, self, &error);
  if (!receiver) {
    mesh_peer_fail (self, "failed", error->message);
    return;
  }
  /* a second stream of a kind (another SSRC) was not asked for */
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
  name = g_strdup_printf ("%s_src", mesh_kind_names[codec->kind]);
  ghost = gst_ghost_pad_new (name, src);
  if (codec->kind == MESH_VIDEO)
    mesh_meter_watch_received (self->meter, ghost,
        self->decode ? NULL : codec);
  gst_pad_set_active (ghost, TRUE);
  gst_element_add_pad (GST_ELEMENT (self), ghost);
  post_pad (self, codec->kind, ghost);
  sink = gst_element_get_static_pad (receiver, "sink");
  gst_pad_link (pad, sink);
}
