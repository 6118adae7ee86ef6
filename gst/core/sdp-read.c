/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a session description says, line by line. A line that is not understood
 * leaves no trace; a description of another shape than ours is refused. */

#include "core/sdp-private.h"

#include <stdlib.h>
#include <string.h>

#include "core/candidates.h"
#include "core/error.h"

static void
section_clear (MeshSdpSection *s)
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

void
mesh_sdp_description_clear (MeshSdpDescription *d)
{
  section_clear (&d->session);
  for (guint i = 0; i < d->n_media; i++)
    section_clear (&d->media[i]);
  section_clear (&d->data);
  g_clear_pointer (&d->candidates, g_ptr_array_unref);
}

gboolean
mesh_sdp_fail (GError **error, const char *what)
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

static MeshSdpFormat *
find_format (MeshSdpSection *s, int payload_type)
{
  for (guint i = 0; i < s->n_formats; i++) {
    if (s->formats[i].payload_type == payload_type)
      return &s->formats[i];
  }
  return NULL;
}

/* "111 opus/48000/2" */
static void
read_rtpmap (MeshSdpSection *s, const char *value)
{
  MeshSdpFormat *format = find_format (s, atoi (value));
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
read_fmtp (MeshSdpSection *s, const char *value)
{
  MeshSdpFormat *format = find_format (s, atoi (value));
  const char *parameters = strchr (value, ' ');

  if (format && !format->fmtp && parameters)
    format->fmtp = g_strdup (parameters + 1);
}

/* "96 transport-cc", or "* transport-cc" for all formats */
static void
read_feedback (MeshSdpSection *s, const char *value)
{
  MeshSdpFormat *format = find_format (s, atoi (value));
  const char *type = strchr (value, ' ');

  if (!type || strcmp (type + 1, "transport-cc") != 0)
    return;
  for (guint i = 0; value[0] == '*' && i < s->n_formats; i++)
    s->formats[i].twcc = TRUE;
  if (value[0] != '*' && format)
    format->twcc = TRUE;
}

/* "3 URI", or "3/recvonly URI". A number above 14 would need headers of two
 * bytes, which rtpsession does not stamp. */
static void
read_extension (MeshSdpSection *s, const char *value)
{
  int id = atoi (value);
  const char *uri = strchr (value, ' ');

  if (s->twcc_id == 0 && id >= 1 && id <= 14 && uri
      && strcmp (uri + 1, MESH_SDP_TWCC_URI) == 0)
    s->twcc_id = id;
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
read_ssrc (MeshSdpSection *s, const char *value, gboolean group)
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
read_attribute (MeshSdpDescription *d, MeshSdpSection *s, const char *name,
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
  else if (strcmp (name, "rtcp-fb") == 0)
    read_feedback (s, value);
  else if (strcmp (name, "extmap") == 0)
    read_extension (s, value);
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
read_data (MeshSdpDescription *d, char **words, GError **error)
{
  if (d->has_data || d->n_media == 0)
    return mesh_sdp_fail (error,
        "has an m-line for data that does not come last");
  if (g_strv_length (words) != 4
      || strcmp (words[1], "0") == 0
      || strcmp (words[2], "UDP/DTLS/SCTP") != 0
      || strcmp (words[3], "webrtc-datachannel") != 0)
    return mesh_sdp_fail (error, "has an m-line for data of an unknown kind");
  d->has_data = TRUE;
  return TRUE;
}

/* "audio 9 UDP/TLS/RTP/SAVPF 111 …" */
static gboolean
read_media (MeshSdpDescription *d, const char *value, gboolean is_offer,
    GError **error)
{
  g_auto (GStrv) words = g_strsplit (value, " ", 3 + MESH_SDP_MAX_FORMATS);
  MeshSdpSection *s;

  if (is_offer && words[0] && strcmp (words[0], "application") == 0)
    return read_data (d, words, error);
  if (d->has_data)
    return mesh_sdp_fail (error,
        "has an m-line for data that does not come last");
  if (d->n_media == MESH_SDP_MAX_MEDIA)
    return mesh_sdp_fail (error,
        "has more than one audio and one video m-line");
  if (g_strv_length (words) < 4)
    return mesh_sdp_fail (error, "has a broken m-line");
  if (strcmp (words[0], "audio") != 0 && strcmp (words[0], "video") != 0)
    return mesh_sdp_fail (error,
        "has an m-line that is neither audio nor video");
  if (d->n_media > 0 && strcmp (d->media[0].kind, words[0]) == 0)
    return mesh_sdp_fail (error, "has two m-lines of a kind");

  s = &d->media[d->n_media++];
  s->kind = g_strdup (words[0]);
  s->rejected = strcmp (words[1], "0") == 0;
  for (guint i = 3; words[i] && s->n_formats < MESH_SDP_MAX_FORMATS; i++) {
    guint64 payload_type;

    if (g_ascii_string_to_unsigned (words[i], 10, 0, 127, &payload_type, NULL)
        && !find_format (s, payload_type))
      s->formats[s->n_formats++].payload_type = payload_type;
  }
  return TRUE;
}

static MeshSdpSection *
get_last_section (MeshSdpDescription *d)
{
  if (d->has_data)
    return &d->data;
  return d->n_media > 0 ? &d->media[d->n_media - 1] : &d->session;
}

gboolean
mesh_sdp_read_lines (MeshSdpDescription *d, const char *text,
    gboolean is_offer, GError **error)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  d->candidates = g_ptr_array_new_with_free_func (g_free);
  if (!g_str_has_prefix (text, "v=0"))
    return mesh_sdp_fail (error, "does not begin with v=0");
  for (guint i = 0; lines[i]; i++) {
    char *line = g_strchomp (lines[i]);

    if (g_str_has_prefix (line, "m=")) {
      if (!read_media (d, line + 2, is_offer, error))
        return FALSE;
    } else if (g_str_has_prefix (line, "a=")) {
      MeshSdpSection *s = get_last_section (d);
      char *value = strchr (line, ':');

      if (value)
        *value++ = '\0';
      read_attribute (d, s, line + 2, value ? value : "");
    }
  }
  return TRUE;
}
