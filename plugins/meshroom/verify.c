/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/verify.h"

#include <string.h>

#include "core/rtcp-check.h"
#include "meshroom/common.h"

enum { WAITING, OPEN, REFUSED };

struct _MeshVerifier {
  GstBin *webrtcbin;            /* owns the elements whose signals the verifier
                                 * is connected to */
  gboolean check;
  MeshVerifierFunc done;
  gpointer user_data;
  GstElement *rtpbin;
  gulong element_added;
  gulong pad_added;

  gint state;                   /* atomic */
  gint heard;                   /* atomic */
  GMutex lock;                  /* guards what follows */
  gboolean expecting;
  guint8 fingerprint[MESH_SDP_FINGERPRINT_BYTES];
};

/* SHA-256 over the certificate in DER, as RFC 8122 has it. */
static gboolean
hash_certificate (const char *pem, guint8 *hash)
{
  static const char begin[] = "-----BEGIN CERTIFICATE-----";
  const char *start = strstr (pem, begin);
  const char *end = start ? strstr (start, "-----END CERTIFICATE-----") : NULL;
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *base64 = NULL;
  g_autofree guchar *der = NULL;
  gsize length = MESH_SDP_FINGERPRINT_BYTES;
  gsize der_length;

  if (!end)
    return FALSE;
  start += strlen (begin);
  base64 = g_strndup (start, end - start);
  der = g_base64_decode (base64, &der_length);
  g_checksum_update (checksum, der, der_length);
  g_checksum_get_digest (checksum, hash, &length);
  return der_length > 0;
}

static gboolean
is_right (MeshVerifier *self, const char *pem)
{
  guint8 hash[MESH_SDP_FINGERPRINT_BYTES];
  gboolean right;

  if (!self->check)
    return TRUE;
  if (!pem || !hash_certificate (pem, hash))
    return FALSE;
  g_mutex_lock (&self->lock);
  right = self->expecting
      && memcmp (hash, self->fingerprint, sizeof hash) == 0;
  g_mutex_unlock (&self->lock);
  return right;
}

/* Called from inside the DTLS handshake, before the first packet can be
 * decrypted. */
static void
on_peer_certificate (GObject *dtls, GParamSpec *pspec, gpointer user_data)
{
  MeshVerifier *self = user_data;
  g_autofree char *pem = NULL;
  gboolean right;

  g_object_get (dtls, "peer-pem", &pem, NULL);
  if (!pem)
    return;
  right = is_right (self, pem);
  /* A different certificate after the right one closes the gate again. */
  if (right && !g_atomic_int_compare_and_exchange (&self->state, WAITING,
          OPEN))
    return;
  if (!right)
    g_atomic_int_set (&self->state, REFUSED);
  self->done (right, self->user_data);
}

static gboolean
has_time (GstBuffer **buffer, guint index, gpointer segment)
{
  return GST_CLOCK_TIME_IS_VALID (gst_segment_to_running_time (segment,
          GST_FORMAT_TIME, GST_BUFFER_PTS (*buffer)));
}

/* Whether all packets have a time of arrival. There is none while the elements
 * have no clock, and rtpsession 1.22, when it is to report in intervals, counts
 * from one report to the next for ever then. */
static gboolean
have_times (GstPad *pad, GstPadProbeInfo *info)
{
  GstEvent *event = gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0);
  GstBuffer *buffer;
  GstSegment segment;
  gboolean ok = event != NULL;

  if (ok)
    gst_event_copy_segment (event, &segment);
  gst_clear_event (&event);
  if (ok && info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST)
    return gst_buffer_list_foreach (GST_PAD_PROBE_INFO_BUFFER_LIST (info),
        has_time, &segment);
  buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  return ok && has_time (&buffer, 0, &segment);
}

static GstPadProbeReturn
on_media (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  return have_times (pad, info) ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
}

static gboolean
is_whole (GstBuffer **buffer, guint index, gpointer user_data)
{
  GstMapInfo map;
  gboolean whole;

  if (!gst_buffer_map (*buffer, &map, GST_MAP_READ))
    return FALSE;
  whole = mesh_rtcp_is_whole (map.data, map.size);
  gst_buffer_unmap (*buffer, &map);
  return whole;
}

static GstPadProbeReturn
on_control (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  gboolean whole = info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST
      ? gst_buffer_list_foreach (GST_PAD_PROBE_INFO_BUFFER_LIST (info),
      is_whole, NULL) : is_whole (&buffer, 0, NULL);

  return whole ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
}

static GstPadProbeReturn
on_packet (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  MeshVerifier *self = user_data;

  if (g_atomic_int_get (&self->state) != OPEN)
    return GST_PAD_PROBE_DROP;
  g_atomic_int_set (&self->heard, TRUE);
  return GST_PAD_PROBE_OK;
}

static void
on_rtpbin_pad (GstElement *rtpbin, GstPad *pad, gpointer user_data)
{
  const char *name = GST_OBJECT_NAME (pad);
  GstPadProbeType buffers =
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST;

  if (!GST_PAD_IS_SINK (pad) || !g_str_has_prefix (name, "recv_"))
    return;
  gst_pad_add_probe (pad, buffers, on_packet, user_data, NULL);
  gst_pad_add_probe (pad, buffers, g_str_has_prefix (name, "recv_rtp_")
      ? on_media : on_control, NULL, NULL);
}

static void
on_element (GstBin *bin, GstBin *sub_bin, GstElement *element,
    gpointer user_data)
{
  GstElementFactory *factory = gst_element_get_factory (element);

  if (factory && g_str_equal (GST_OBJECT_NAME (factory), "dtlssrtpdec"))
    g_signal_connect (element, "notify::peer-pem",
        G_CALLBACK (on_peer_certificate), user_data);
}

/**
 * mesh_verifier_new:
 * @webrtcbin: a fresh webrtcbin
 * @check: whether to compare certificates; %FALSE lets any in
 * @done: called with the outcome
 * @user_data: for @done
 *
 * Returns: (transfer full): a verifier whose gate is closed
 */
MeshVerifier *
mesh_verifier_new (GstBin *webrtcbin, gboolean check, MeshVerifierFunc done,
    gpointer user_data)
{
  MeshVerifier *self = g_new0 (MeshVerifier, 1);

  self->webrtcbin = webrtcbin;
  self->check = check;
  self->done = done;
  self->user_data = user_data;
  g_mutex_init (&self->lock);
  self->element_added = g_signal_connect (webrtcbin, "deep-element-added",
      G_CALLBACK (on_element), self);
  self->rtpbin = gst_bin_get_by_name (webrtcbin, "rtpbin");
  if (self->rtpbin)
    self->pad_added = g_signal_connect (self->rtpbin, "pad-added",
        G_CALLBACK (on_rtpbin_pad), self);
  return self;
}

/**
 * mesh_verifier_expect:
 * @fingerprint: SHA-256 of the certificate that the peer announced
 */
void
mesh_verifier_expect (MeshVerifier *verifier,
    const guint8 fingerprint[MESH_SDP_FINGERPRINT_BYTES])
{
  g_mutex_lock (&verifier->lock);
  memcpy (verifier->fingerprint, fingerprint, MESH_SDP_FINGERPRINT_BYTES);
  verifier->expecting = TRUE;
  g_mutex_unlock (&verifier->lock);
}

/**
 * mesh_verifier_is_open:
 * Returns: whether the right certificate has come
 */
gboolean
mesh_verifier_is_open (MeshVerifier *verifier)
{
  return g_atomic_int_get (&verifier->state) == OPEN;
}

/**
 * mesh_verifier_take_heard:
 * Returns: whether RTP or RTCP has come in since the last call
 */
gboolean
mesh_verifier_take_heard (MeshVerifier *verifier)
{
  return g_atomic_int_exchange (&verifier->heard, FALSE);
}

/**
 * mesh_verifier_free:
 * @verifier: (nullable): a verifier whose webrtcbin is in NULL
 */
void
mesh_verifier_free (MeshVerifier *verifier)
{
  if (!verifier)
    return;
  g_clear_signal_handler (&verifier->element_added, verifier->webrtcbin);
  if (verifier->rtpbin)
    g_clear_signal_handler (&verifier->pad_added, verifier->rtpbin);
  gst_clear_object (&verifier->rtpbin);
  g_mutex_clear (&verifier->lock);
  g_free (verifier);
}
