/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/sound-copies.h"

/* So many packets of 20 ms lie between a packet and its copy. */
#define APART 2
/* A copy that would come later than this, after silence, is not sent. */
#define LATEST (100 * G_TIME_SPAN_MILLISECOND)

/* Where the SSRC stands in an RTP packet (RFC 3550, section 5.1). */
#define SSRC_OFFSET 8

typedef struct {
  MeshRate *rate;
  guint32 ssrc;
  struct {
    GstBuffer *packet;
    gint64 at;
  } last[APART];                /* a ring; the oldest is next */
  guint next;
  gboolean copying;             /* a copy goes through the pad now */
} SoundCopies;

static void
forget (SoundCopies *self)
{
  for (guint i = 0; i < APART; i++)
    gst_clear_buffer (&self->last[i].packet);
}

static void
copies_free (gpointer data)
{
  SoundCopies *self = data;

  forget (self);
  mesh_rate_unref (self->rate);
  g_free (self);
}

static gboolean
is_ours (SoundCopies *self, GstBuffer *packet)
{
  guint32 ssrc;

  return gst_buffer_extract (packet, SSRC_OFFSET, &ssrc, sizeof ssrc)
      == sizeof ssrc && GUINT32_FROM_BE (ssrc) == self->ssrc;
}

/* On the thread that sends the sound; the RTP session lets one packet at a time
 * through. */
static GstPadProbeReturn
on_packet (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  SoundCopies *self = user_data;
  GstBuffer *packet = GST_PAD_PROBE_INFO_BUFFER (info), *copy;
  gint64 now;

  if (self->copying || !is_ours (self, packet))
    return GST_PAD_PROBE_OK;
  if (!mesh_rate_copies_sound (self->rate)) {
    forget (self);
    return GST_PAD_PROBE_OK;
  }
  now = g_get_monotonic_time ();
  if (now - self->last[self->next].at > LATEST)
    gst_clear_buffer (&self->last[self->next].packet);
  copy = self->last[self->next].packet;
  self->last[self->next].packet = gst_buffer_ref (packet);
  self->last[self->next].at = now;
  self->next = (self->next + 1) % APART;
  if (copy) {
    mesh_rate_sent_copy (self->rate, gst_buffer_get_size (copy));
    self->copying = TRUE;
    gst_pad_push (pad, copy);
    self->copying = FALSE;
  }
  return GST_PAD_PROBE_OK;
}

static void
on_pad_added (GstElement *rtpbin, GstPad *pad, gpointer user_data)
{
  SoundCopies *self = user_data, *of_pad;

  if (!g_str_has_prefix (GST_PAD_NAME (pad), "send_rtp_src_"))
    return;
  of_pad = g_new0 (SoundCopies, 1);
  of_pad->rate = mesh_rate_ref (self->rate);
  of_pad->ssrc = self->ssrc;
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_packet, of_pad,
      copies_free);
}

static void
copies_closed (gpointer data, GClosure *closure)
{
  copies_free (data);
}

/**
 * mesh_sound_copies_attach:
 * @rtpbin: of a fresh webrtcbin
 * @ssrc: of our sound
 * @rate: the peer's; it says when sound is copied, and counts the copies
 *
 * Has @rtpbin send packets of sound twice where that helps. Its srtpenc must
 * have `allow-repeat-tx`.
 */
void
mesh_sound_copies_attach (GstElement *rtpbin, guint32 ssrc, MeshRate *rate)
{
  SoundCopies *self = g_new0 (SoundCopies, 1);

  self->rate = mesh_rate_ref (rate);
  self->ssrc = ssrc;
  g_signal_connect_data (rtpbin, "pad-added", G_CALLBACK (on_pad_added), self,
      copies_closed, 0);
}
