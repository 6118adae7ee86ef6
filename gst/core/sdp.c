/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The grammar is RFC 8866 and, for WebRTC's attributes, RFC 8829 (JSEP).
 * webrtcbin 1.22 asserts or crashes on several descriptions that a hostile peer
 * can write (swapped mids, odd BUNDLE groups, data m-lines with SSRCs), and
 * stumbles over harmless ones (opus' sprop-stereo); both end here. */

#include "core/sdp.h"

#include <stdlib.h>
#include <string.h>

#include "core/candidates.h"
#include "core/codec.h"
#include "core/error.h"

#define MAX_FORMATS 64

typedef struct {
  int payload_type;
  const MeshCodec *codec;       /* one of ours, or NULL */
  gboolean is_rtx;
  char *fmtp;
} Format;

typedef struct {
  char *kind;
  gboolean rejected;            /* port 0 and not bundle-only */
  char *mid;
  char *ufrag;
  char *pwd;
  char *setup;
  char *fingerprint;
  char *direction;
  Format formats[MAX_FORMATS];
  guint n_formats;
  guint32 ssrc;
  guint32 rtx_ssrc;
} Section;

typedef struct {
  Section session;
  Section media[MESH_SDP_MAX_MEDIA];
  guint n_media;
  Section data;                 /* of data channels */
  gboolean has_data;
  GPtrArray *candidates;
} Description;

static void
section_clear (Section *s)
{
  g_free (s->kind);
  g_free (s->mid);
  g_free (s->ufrag);
  g_free (s->pwd);
  g_free (s->setup);
  g_free (s->fingerprint);
  g_free (s->direction);
  for (guint i = 0; i < s->n_formats; i++)
    g_free (s->formats[i].fmtp);
}

static void
description_clear (Description *d)
{
  section_clear (&d->session);
  for (guint i = 0; i < d->n_media; i++)
    section_clear (&d->media[i]);
  section_clear (&d->data);
  g_clear_pointer (&d->candidates, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Description, description_clear)

static gboolean
fail (GError **error, const char *what)
{
  g_set_error (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE,
      "session description %s", what);
  return FALSE;
}

static gboolean
is_made_of (const char *text, const char *others, gsize min, gsize max)
{
  gsize n = 0;

  for (; text && text[n]; n++) {
    if (!g_ascii_isalnum (text[n]) && !strchr (others, text[n]))
      return FALSE;
  }
  return n >= min && n <= max;
}

static void
set_if_sane (char **field, const char *value, const char *others, gsize min,
    gsize max)
{
  if (!*field && is_made_of (value, others, min, max))
    *field = g_strdup (value);
}

static Format *
find_format (Section *s, int payload_type)
{
  for (guint i = 0; i < s->n_formats; i++) {
    if (s->formats[i].payload_type == payload_type)
      return &s->formats[i];
  }
  return NULL;
}

/* "111 opus/48000/2" */
static void
read_rtpmap (Section *s, const char *value)
{
  Format *format = find_format (s, atoi (value));
  const char *map = strchr (value, ' ');
  g_autofree char *name = NULL, *ours = NULL;
  const MeshCodec *codec;

  if (!format || !map)
    return;
  name = g_strndup (map + 1, strcspn (map + 1, "/"));
  format->is_rtx = g_ascii_strcasecmp (name, "rtx") == 0;
  codec = mesh_codec_find (name);
  ours = codec ? mesh_codec_make_rtpmap (codec) : NULL;
  if (ours && g_ascii_strcasecmp (map + 1, ours) == 0)
    format->codec = codec;
}

static void
read_fmtp (Section *s, const char *value)
{
  Format *format = find_format (s, atoi (value));
  const char *parameters = strchr (value, ' ');

  if (format && !format->fmtp && parameters)
    format->fmtp = g_strdup (parameters + 1);
}

static guint32
parse_ssrc (const char *text, char **end)
{
  guint64 ssrc = g_ascii_strtoull (text, end, 10);

  return ssrc <= G_MAXUINT32 ? ssrc : 0;
}

/* Only the first stream of an m-line is wanted; "ssrc-group:FID a b" or else
 * the first "ssrc:a …" names it. The group comes first from Chromium, and last
 * from Firefox. */
static void
read_ssrc (Section *s, const char *value, gboolean group)
{
  guint32 ssrc, rtx;
  char *end;

  if (group && g_str_has_prefix (value, "FID ")) {
    ssrc = parse_ssrc (value + 4, &end);
    rtx = parse_ssrc (end, NULL);
    if (ssrc != 0 && rtx != 0 && rtx != ssrc && s->rtx_ssrc == 0
        && (s->ssrc == 0 || s->ssrc == ssrc)) {
      s->ssrc = ssrc;
      s->rtx_ssrc = rtx;
    }
  } else if (!group && s->ssrc == 0) {
    s->ssrc = parse_ssrc (value, NULL);
  }
}

static void
read_attribute (Description *d, Section *s, const char *name,
    const char *value)
{
  static const char ice_chars[] = "+/-_=";

  if (strcmp (name, "mid") == 0)
    set_if_sane (&s->mid, value, "-_.", 1, 32);
  else if (strcmp (name, "ice-ufrag") == 0)
    set_if_sane (&s->ufrag, value, ice_chars, 4, 256);
  else if (strcmp (name, "ice-pwd") == 0)
    set_if_sane (&s->pwd, value, ice_chars, 22, 256);
  else if (strcmp (name, "setup") == 0)
    set_if_sane (&s->setup, value, "", 1, 8);
  else if (strcmp (name, "fingerprint") == 0)
    set_if_sane (&s->fingerprint, value, "- :", 1, 128);
  else if (strcmp (name, "sendrecv") == 0 || strcmp (name, "sendonly") == 0
      || strcmp (name, "recvonly") == 0 || strcmp (name, "inactive") == 0)
    set_if_sane (&s->direction, name, "", 1, 8);
  else if (strcmp (name, "bundle-only") == 0)
    s->rejected = FALSE;
  else if (strcmp (name, "rtpmap") == 0)
    read_rtpmap (s, value);
  else if (strcmp (name, "fmtp") == 0)
    read_fmtp (s, value);
  else if (strcmp (name, "ssrc-group") == 0)
    read_ssrc (s, value, TRUE);
  else if (strcmp (name, "ssrc") == 0)
    read_ssrc (s, value, FALSE);
  else if (strcmp (name, "candidate") == 0
      && d->candidates->len < MESH_CANDIDATES_MAX_READ)
    g_ptr_array_add (d->candidates, g_strconcat ("candidate:", value, NULL));
}

/* simple-peer, when it offers, wants a data channel that it never uses, and
 * gives the whole connection up when it is not let have it. It stands last
 * (RFC 8829, 5.2.1). */
static gboolean
read_data (Description *d, char **words, GError **error)
{
  if (d->has_data || d->n_media == 0)
    return fail (error, "has an m-line for data that does not come last");
  if (g_strv_length (words) != 4
      || strcmp (words[1], "0") == 0
      || strcmp (words[2], "UDP/DTLS/SCTP") != 0
      || strcmp (words[3], "webrtc-datachannel") != 0)
    return fail (error, "has an m-line for data of an unknown kind");
  d->has_data = TRUE;
  return TRUE;
}

/* "audio 9 UDP/TLS/RTP/SAVPF 111 …" */
static gboolean
read_media (Description *d, const char *value, gboolean is_offer,
    GError **error)
{
  g_auto (GStrv) words = g_strsplit (value, " ", 3 + MAX_FORMATS);
  Section *s;

  if (is_offer && words[0] && strcmp (words[0], "application") == 0)
    return read_data (d, words, error);
  if (d->has_data)
    return fail (error, "has an m-line for data that does not come last");
  if (d->n_media == MESH_SDP_MAX_MEDIA)
    return fail (error, "has more than one audio and one video m-line");
  if (g_strv_length (words) < 4)
    return fail (error, "has a broken m-line");
  if (strcmp (words[0], "audio") != 0 && strcmp (words[0], "video") != 0)
    return fail (error, "has an m-line that is neither audio nor video");
  if (d->n_media > 0 && strcmp (d->media[0].kind, words[0]) == 0)
    return fail (error, "has two m-lines of a kind");

  s = &d->media[d->n_media++];
  s->kind = g_strdup (words[0]);
  s->rejected = strcmp (words[1], "0") == 0;
  for (guint i = 3; words[i] && s->n_formats < MAX_FORMATS; i++) {
    guint64 payload_type;

    if (g_ascii_string_to_unsigned (words[i], 10, 0, 127, &payload_type, NULL)
        && !find_format (s, payload_type))
      s->formats[s->n_formats++].payload_type = payload_type;
  }
  return TRUE;
}

static Section *
get_last_section (Description *d)
{
  if (d->has_data)
    return &d->data;
  return d->n_media > 0 ? &d->media[d->n_media - 1] : &d->session;
}

static gboolean
read_lines (Description *d, const char *text, gboolean is_offer,
    GError **error)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  d->candidates = g_ptr_array_new_with_free_func (g_free);
  if (!g_str_has_prefix (text, "v=0"))
    return fail (error, "does not begin with v=0");
  for (guint i = 0; lines[i]; i++) {
    char *line = g_strchomp (lines[i]);

    if (g_str_has_prefix (line, "m=")) {
      if (!read_media (d, line + 2, is_offer, error))
        return FALSE;
    } else if (g_str_has_prefix (line, "a=")) {
      Section *s = get_last_section (d);
      char *value = strchr (line, ':');

      if (value)
        *value++ = '\0';
      read_attribute (d, s, line + 2, value ? value : "");
    }
  }
  return TRUE;
}

static gboolean
is_wanted (const MeshCodec *codec, MeshKind kind,
    const char *const *video_codecs)
{
  gboolean wanted = kind == MESH_AUDIO;

  for (guint i = 0; !wanted && video_codecs[i]; i++)
    wanted = g_ascii_strcasecmp (codec->name, video_codecs[i]) == 0;
  return wanted && codec->kind == kind;
}

static const Format *
choose_format (const Section *s, const char *const *video_codecs)
{
  MeshKind kind = strcmp (s->kind, "audio") == 0 ? MESH_AUDIO : MESH_VIDEO;

  for (guint i = 0; i < s->n_formats; i++) {
    const Format *format = &s->formats[i];

    if (format->codec && is_wanted (format->codec, kind, video_codecs)
        && (!format->codec->takes || format->codec->takes (format->fmtp)))
      return format;
  }
  return NULL;
}

static int
find_rtx (const Section *s, int payload_type)
{
  g_autofree char *apt = g_strdup_printf ("apt=%d", payload_type);

  for (guint i = 0; i < s->n_formats; i++) {
    const Format *format = &s->formats[i];
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

static void
write_format (GString *out, const Section *s, const Format *format, int rtx)
{
  int pt = format->payload_type;
  g_autofree char *rtpmap = mesh_codec_make_rtpmap (format->codec);

  g_string_append_printf (out, "a=rtpmap:%d %s\r\n", pt, rtpmap);
  /* The peer's own fmtp tells how it would like to be sent to; what else stands
   * there, as sprop-… does, would only spoil webrtcbin's intersection of caps. */
  if (format->codec->fmtp)
    g_string_append_printf (out, "a=fmtp:%d %s\r\n", pt,
        format->codec->fmtp);
  if (format->codec->kind == MESH_VIDEO) {
    g_string_append_printf (out, "a=rtcp-fb:%d nack pli\r\n"
        "a=rtcp-fb:%d ccm fir\r\n", pt, pt);
    g_string_append_printf (out, "a=rtcp-fb:%d nack\r\n", pt);
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

/* All are bundled, so they have the first one's transport, whatever they say
 * of their own. webrtcbin wants to read it everywhere, and all the same. */
static gboolean
write_transport (GString *out, Description *d, const Section *s,
    const MeshSdp *sdp, gboolean is_offer, GError **error)
{
  const Section *first = &d->media[0];
  const char *ufrag = first->ufrag ? first->ufrag : d->session.ufrag;
  const char *pwd = first->pwd ? first->pwd : d->session.pwd;
  const char *setup = first->setup ? first->setup : d->session.setup;

  if (!ufrag || !pwd)
    return fail (error, "has no usable ice-ufrag and ice-pwd");
  if (g_strcmp0 (setup, "actpass") != 0 && g_strcmp0 (setup, "active") != 0
      && g_strcmp0 (setup, "passive") != 0)
    return fail (error, "has no usable setup attribute");
  if (!is_offer && strcmp (setup, "actpass") == 0)
    return fail (error, "answers setup:actpass");
  if (!s->mid)
    return fail (error, "has an m-line without a usable mid");
  g_string_append_printf (out, "\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\n"
      "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=setup:%s\r\n"
      "a=fingerprint:sha-256 ", s->mid, ufrag, pwd, setup);
  for (guint i = 0; i < MESH_SDP_FINGERPRINT_BYTES; i++)
    g_string_append_printf (out, "%s%02X", i ? ":" : "", sdp->fingerprint[i]);
  g_string_append (out, "\r\n");
  return TRUE;
}

/* The port is what all WebRTC stacks use; each side says it for itself. */
static gboolean
write_data (GString *out, Description *d, const MeshSdp *sdp, GError **error)
{
  g_string_append (out, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel");
  if (!write_transport (out, d, &d->data, sdp, TRUE, error))
    return FALSE;
  g_string_append (out, "a=sctp-port:5000\r\na=max-message-size:65536\r\n");
  return TRUE;
}

static gboolean
write_media (GString *out, Description *d, guint index, MeshSdp *sdp,
    const char *const *video_codecs, gboolean is_offer, GError **error)
{
  Section *s = &d->media[index];
  const char *direction = s->direction ? s->direction : d->session.direction;
  const Format *format = choose_format (s, video_codecs);
  MeshSdpMedia *media = &sdp->media[index];

  media->kind = strcmp (s->kind, "audio") == 0 ? "audio" : "video";
  media->rtx_payload_type = -1;
  if (s->rejected)
    format = NULL;
  /* webrtcbin 1.22 looks up there what it cannot place, and crashes */
  if (index == 0 && !format && (!is_offer || s->rejected))
    return fail (error, "rejects its first m-line");
  if (!format) {
    /* Without a video codec in common there still is sound, unless the video
     * carries the bundle. */
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
  }
  if (!write_transport (out, d, s, sdp, is_offer, error))
    return FALSE;
  g_string_append_printf (out, "a=%s\r\na=rtcp-mux\r\na=rtcp-rsize\r\n",
      direction);
  if (format)
    write_format (out, s, format, media->rtx_payload_type);
  return TRUE;
}

/* One certificate for the whole connection, or none that we would trust. */
static gboolean
take_fingerprint (Description *d, MeshSdp *sdp, GError **error)
{
  const char *found = d->session.fingerprint;

  for (guint i = 0; i < d->n_media; i++) {
    const char *mine = d->media[i].fingerprint;

    if (mine && found && g_ascii_strcasecmp (mine, found) != 0)
      return fail (error, "names several certificates");
    if (mine)
      found = mine;
  }
  if (d->data.fingerprint && found
      && g_ascii_strcasecmp (d->data.fingerprint, found) != 0)
    return fail (error, "names several certificates");
  if (!read_fingerprint (found, sdp->fingerprint))
    return fail (error, "has no sha-256 fingerprint");
  return TRUE;
}

/* In a BUNDLE the payload type alone tells what a packet carries. */
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
has_ambiguous_mids (const Description *d)
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
 *
 * Since: 0.1
 */
MeshSdp *
mesh_sdp_read (const char *text, gboolean is_offer,
    const char *const *video_codecs, GError **error)
{
  g_auto (Description) d = { 0 };
  g_autoptr (MeshSdp) sdp = g_new0 (MeshSdp, 1);
  g_autoptr (GString) out = g_string_new ("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"
      "s=-\r\nt=0 0\r\na=ice-options:trickle\r\na=group:BUNDLE");
  g_autoptr (GPtrArray) candidates = g_ptr_array_new_with_free_func (g_free);

  if (!read_lines (&d, text, is_offer, error)
      || !take_fingerprint (&d, sdp, error))
    return NULL;
  if (d.n_media == 0) {
    fail (error, "has no m-line");
    return NULL;
  }
  if (has_ambiguous_mids (&d)) {
    fail (error, "uses a mid twice");
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
    fail (error, "uses a payload type twice");
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
 *
 * Since: 0.1
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
