/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The grammar is RFC 8866 and, for WebRTC's attributes, RFC 8829 (JSEP).
 * webrtcbin 1.22 asserts or crashes on several descriptions that a hostile peer
 * can write (swapped mids, odd BUNDLE groups, data m-lines with SSRCs), and
 * stumbles over harmless ones (opus' sprop-stereo); both end here. */

#include "core/sdp-private.h"

#include <string.h>

#include "core/candidates.h"
#include "core/error.h"

static gboolean
is_wanted (const MeshCodec *codec, MeshKind kind,
    const char *const *video_codecs)
{
  gboolean wanted = kind == MESH_AUDIO;

  for (guint i = 0; !wanted && video_codecs[i]; i++)
    wanted = g_ascii_strcasecmp (codec->name, video_codecs[i]) == 0;
  return wanted && codec->kind == kind;
}

static const MeshSdpFormat *
choose_format (const MeshSdpSection *s, const char *const *video_codecs)
{
  MeshKind kind = strcmp (s->kind, "audio") == 0 ? MESH_AUDIO : MESH_VIDEO;

  for (guint i = 0; i < s->n_formats; i++) {
    const MeshSdpFormat *format = &s->formats[i];

    if (format->codec && is_wanted (format->codec, kind, video_codecs)
        && (!format->codec->takes || format->codec->takes (format->fmtp)))
      return format;
  }
  return NULL;
}

static int
find_rtx (const MeshSdpSection *s, int payload_type)
{
  g_autofree char *apt = g_strdup_printf ("apt=%d", payload_type);

  for (guint i = 0; i < s->n_formats; i++) {
    const MeshSdpFormat *format = &s->formats[i];
    g_auto (GStrv) fields = format->fmtp ? g_strsplit (format->fmtp, ";", 8)
        : NULL;

    if (format->is_rtx && fields
        && strcmp (g_strstrip (fields[0]), apt) == 0)
      return format->payload_type;
  }
  return -1;
}

static gboolean
read_fingerprint (const char *text, guint8 *fingerprint)
{
  const char *hex;

  if (!text || g_ascii_strncasecmp (text, "sha-256 ", 8) != 0)
    return FALSE;
  hex = text + 8;
  if (strlen (hex) != 3 * MESH_SDP_FINGERPRINT_BYTES - 1)
    return FALSE;
  for (guint i = 0; i < MESH_SDP_FINGERPRINT_BYTES; i++, hex += 3) {
    int high = g_ascii_xdigit_value (hex[0]);
    int low = g_ascii_xdigit_value (hex[1]);

    if (high < 0 || low < 0 || (hex[2] != ':' && hex[2] != '\0'))
      return FALSE;
    fingerprint[i] = high << 4 | low;
  }
  return TRUE;
}

/* Transport-wide feedback numbers the packets of all m-lines in one sequence,
 * so the extension must have one number: that of the first m-line which has it,
 * and in an answer that of our offer. */
static int
choose_twcc (const MeshSdpDescription *d, const MeshSdpSection *s,
    const MeshSdpFormat *format, const MeshSdp *sdp, gboolean is_offer)
{
  int id = s->twcc_id ? s->twcc_id : d->session.twcc_id;
  int taken = is_offer ? sdp->media[0].twcc_id : MESH_SDP_TWCC_ID;

  return format->twcc && (taken == 0 || taken == id) ? id : 0;
}

static void
write_format (GString *out, const MeshSdpSection *s,
    const MeshSdpFormat *format, int rtx, int twcc_id)
{
  int pt = format->payload_type;
  g_autofree char *rtpmap = mesh_codec_make_rtpmap (format->codec);

  g_string_append_printf (out, "a=rtpmap:%d %s\r\n", pt, rtpmap);
  /* The peer's own fmtp tells how it would like to be sent to; what else stands
   * there, as sprop-… does, would only spoil webrtcbin's intersection of caps. */
  if (format->codec->fmtp)
    g_string_append_printf (out, "a=fmtp:%d %s\r\n", pt,
        format->codec->fmtp);
  if (twcc_id != 0)
    g_string_append_printf (out, "a=rtcp-fb:%d transport-cc\r\na=extmap:%d "
        MESH_SDP_TWCC_URI "\r\n", pt, twcc_id);
  if (format->codec->kind == MESH_VIDEO) {
    g_string_append_printf (out, "a=rtcp-fb:%d nack pli\r\n"
        "a=rtcp-fb:%d ccm fir\r\na=rtcp-fb:%d nack\r\n", pt, pt, pt);
    if (rtx >= 0)
      g_string_append_printf (out, "a=rtpmap:%d rtx/90000\r\n"
          "a=fmtp:%d apt=%d\r\n", rtx, rtx, pt);
  }
  if (s->rtx_ssrc && rtx >= 0)
    g_string_append_printf (out, "a=ssrc-group:FID %u %u\r\n", s->ssrc,
        s->rtx_ssrc);
  if (s->ssrc)
    g_string_append_printf (out, "a=ssrc:%u cname:peer\r\n", s->ssrc);
  if (s->rtx_ssrc && rtx >= 0)
    g_string_append_printf (out, "a=ssrc:%u cname:peer\r\n", s->rtx_ssrc);
}

/* All m-lines are bundled, so they use the first one's transport, whatever
 * their own attributes say. webrtcbin needs the same attributes in every
 * m-line. */
static gboolean
write_transport (GString *out, MeshSdpDescription *d,
    const MeshSdpSection *s, const MeshSdp *sdp, gboolean is_offer,
    GError **error)
{
  const MeshSdpSection *first = &d->media[0];
  const char *ufrag = first->ufrag ? first->ufrag : d->session.ufrag;
  const char *pwd = first->pwd ? first->pwd : d->session.pwd;
  const char *setup = first->setup ? first->setup : d->session.setup;

  if (!ufrag || !pwd)
    return mesh_sdp_fail (error, "has no usable ice-ufrag and ice-pwd");
  if (g_strcmp0 (setup, "actpass") != 0 && g_strcmp0 (setup, "active") != 0
      && g_strcmp0 (setup, "passive") != 0)
    return mesh_sdp_fail (error, "has no usable setup attribute");
  if (!is_offer && strcmp (setup, "actpass") == 0)
    return mesh_sdp_fail (error, "answers setup:actpass");
  if (!s->mid)
    return mesh_sdp_fail (error, "has an m-line without a usable mid");
  g_string_append_printf (out, "\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\n"
      "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=setup:%s\r\n"
      "a=fingerprint:sha-256 ", s->mid, ufrag, pwd, setup);
  for (guint i = 0; i < MESH_SDP_FINGERPRINT_BYTES; i++)
    g_string_append_printf (out, "%s%02X", i ? ":" : "", sdp->fingerprint[i]);
  g_string_append (out, "\r\n");
  return TRUE;
}

/* The SCTP port is the one that all WebRTC stacks use; each side announces its
 * own. */
static gboolean
write_data (GString *out, MeshSdpDescription *d, const MeshSdp *sdp,
    GError **error)
{
  g_string_append (out, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel");
  if (!write_transport (out, d, &d->data, sdp, TRUE, error))
    return FALSE;
  g_string_append (out, "a=sctp-port:5000\r\na=max-message-size:65536\r\n");
  return TRUE;
}

static gboolean
write_media (GString *out, MeshSdpDescription *d, guint index, MeshSdp *sdp,
    const char *const *video_codecs, gboolean is_offer, GError **error)
{
  MeshSdpSection *s = &d->media[index];
  const char *direction = s->direction ? s->direction : d->session.direction;
  const MeshSdpFormat *format = choose_format (s, video_codecs);
  MeshSdpMedia *media = &sdp->media[index];

  media->kind = strcmp (s->kind, "audio") == 0 ? "audio" : "video";
  media->rtx_payload_type = -1;
  if (s->rejected)
    format = NULL;
  /* webrtcbin 1.22 looks in the first m-line for what it cannot assign, and
   * crashes if that one is rejected */
  if (index == 0 && !format && (!is_offer || s->rejected))
    return mesh_sdp_fail (error, "rejects its first m-line");
  if (!format) {
    /* Video without a common codec is rejected and no error, since the sound
     * remains, unless the video m-line carries the bundle. */
    if (is_offer && !s->rejected
        && (index == 0 || strcmp (media->kind, "audio") == 0)) {
      g_set_error (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
          "session description offers no %s codec that we speak", media->kind);
      return FALSE;
    }
    direction = "inactive";
  }
  if (!direction)
    direction = "sendrecv";

  g_string_append_printf (out, "m=%s %d UDP/TLS/RTP/SAVPF %d", media->kind,
      format ? 9 : 0, format ? format->payload_type : 0);
  if (format) {
    media->codec = format->codec->name;
    media->payload_type = format->payload_type;
    media->ssrc = s->ssrc;
    if (strcmp (media->kind, "video") == 0)
      media->rtx_payload_type = find_rtx (s, format->payload_type);
    if (media->rtx_payload_type >= 0)
      g_string_append_printf (out, " %d", media->rtx_payload_type);
    media->sends = !!strstr (direction, "send");
    media->receives = !!strstr (direction, "recv");
    media->twcc_id = choose_twcc (d, s, format, sdp, is_offer);
  }
  if (!write_transport (out, d, s, sdp, is_offer, error))
    return FALSE;
  g_string_append_printf (out, "a=%s\r\na=rtcp-mux\r\na=rtcp-rsize\r\n",
      direction);
  if (format)
    write_format (out, s, format, media->rtx_payload_type, media->twcc_id);
  return TRUE;
}

/* All m-lines must have the same fingerprint, since a connection has one
 * certificate. */
static gboolean
take_fingerprint (MeshSdpDescription *d, MeshSdp *sdp, GError **error)
{
  const char *found = d->session.fingerprint;

  for (guint i = 0; i < d->n_media; i++) {
    const char *mine = d->media[i].fingerprint;

    if (mine && found && g_ascii_strcasecmp (mine, found) != 0)
      return mesh_sdp_fail (error, "names several certificates");
    if (mine)
      found = mine;
  }
  if (d->data.fingerprint && found
      && g_ascii_strcasecmp (d->data.fingerprint, found) != 0)
    return mesh_sdp_fail (error, "names several certificates");
  if (!read_fingerprint (found, sdp->fingerprint))
    return mesh_sdp_fail (error, "has no sha-256 fingerprint");
  return TRUE;
}

/* Whether two codecs share a payload type: in a BUNDLE only the payload type
 * tells the codec of a packet. */
static gboolean
has_ambiguous_payload_types (const MeshSdp *sdp, guint n_media)
{
  int seen[2 * MESH_SDP_MAX_MEDIA];
  guint n = 0;

  for (guint i = 0; i < n_media; i++) {
    if (!sdp->media[i].codec)
      continue;
    seen[n++] = sdp->media[i].payload_type;
    if (sdp->media[i].rtx_payload_type >= 0)
      seen[n++] = sdp->media[i].rtx_payload_type;
  }
  for (guint i = 0; i < n; i++) {
    for (guint k = 0; k < i; k++) {
      if (seen[i] == seen[k])
        return TRUE;
    }
  }
  return FALSE;
}

static gboolean
has_ambiguous_mids (const MeshSdpDescription *d)
{
  const char *first = d->n_media > 0 ? d->media[0].mid : NULL;
  const char *second = d->n_media > 1 ? d->media[1].mid : NULL;
  const char *data = d->data.mid;

  return (first && g_strcmp0 (first, second) == 0)
      || (data && (g_strcmp0 (data, first) == 0
          || g_strcmp0 (data, second) == 0));
}

/**
 * mesh_sdp_read:
 * @text: a peer's session description
 * @is_offer: whether it is an offer, not an answer
 * @video_codecs: (array zero-terminated=1): video codecs that we take, in any
 *   order
 * @error: return location for a #MESH_ERROR
 *
 * Takes a description apart and writes it anew. At most one audio and one video
 * m-line are let in, each with the one codec of ours that the peer likes best,
 * and in an offer one for data channels after them, all in one BUNDLE.
 *
 * Returns: (transfer full) (nullable): the description, or %NULL with @error
 *   set when we can't or won't connect on it
 */
MeshSdp *
mesh_sdp_read (const char *text, gboolean is_offer,
    const char *const *video_codecs, GError **error)
{
  g_auto (MeshSdpDescription) d = { 0 };
  g_autoptr (MeshSdp) sdp = g_new0 (MeshSdp, 1);
  g_autoptr (GString) out = g_string_new ("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"
      "s=-\r\nt=0 0\r\na=ice-options:trickle\r\na=group:BUNDLE");
  g_autoptr (GPtrArray) candidates = g_ptr_array_new_with_free_func (g_free);

  if (!mesh_sdp_read_lines (&d, text, is_offer, error)
      || !take_fingerprint (&d, sdp, error))
    return NULL;
  if (d.n_media == 0) {
    mesh_sdp_fail (error, "has no m-line");
    return NULL;
  }
  if (has_ambiguous_mids (&d)) {
    mesh_sdp_fail (error, "uses a mid twice");
    return NULL;
  }
  for (guint i = 0; i < d.n_media; i++) {
    if (d.media[i].mid)
      g_string_append_printf (out, " %s", d.media[i].mid);
  }
  if (d.data.mid)
    g_string_append_printf (out, " %s", d.data.mid);
  g_string_append (out, "\r\n");
  for (guint i = 0; i < d.n_media; i++) {
    if (!write_media (out, &d, i, sdp, video_codecs, is_offer, error))
      return NULL;
  }
  if (d.has_data && !write_data (out, &d, sdp, error))
    return NULL;
  if (has_ambiguous_payload_types (sdp, d.n_media)) {
    mesh_sdp_fail (error, "uses a payload type twice");
    return NULL;
  }
  for (guint i = 0; i < d.candidates->len; i++) {
    const char *candidate = g_ptr_array_index (d.candidates, i);

    if (mesh_candidate_is_welcome (candidate, MESH_REACH_LOOPBACK, FALSE)
        || mesh_candidate_is_welcome (candidate, MESH_REACH_LINK, FALSE))
      g_ptr_array_add (candidates, g_strdup (candidate));
  }
  g_ptr_array_add (candidates, NULL);
  sdp->n_media = d.n_media;
  sdp->text = g_string_free (g_steal_pointer (&out), FALSE);
  sdp->candidates =
      (char **) g_ptr_array_free (g_steal_pointer (&candidates), FALSE);
  mesh_candidates_sort (sdp->candidates);
  return g_steal_pointer (&sdp);
}

/**
 * mesh_sdp_free:
 * @sdp: (nullable): what mesh_sdp_read() returned
 */
void
mesh_sdp_free (MeshSdp *sdp)
{
  if (!sdp)
    return;
  g_free (sdp->text);
  g_strfreev (sdp->candidates);
  g_free (sdp);
}
