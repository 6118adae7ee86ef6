/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/description.h"

#include <stdlib.h>
#include <string.h>

#include "core/sdp.h"
#include "meshroom/rate.h"

#define START_RATE "x-google-start-bitrate="

static gboolean
has_extension (const GstSDPMedia *media)
{
  for (guint i = 0; i < gst_sdp_media_attributes_len (media); i++) {
    const GstSDPAttribute *attribute = gst_sdp_media_get_attribute (media, i);

    if (strcmp (attribute->key, "extmap") == 0
        && strstr (attribute->value, MESH_SDP_TWCC_URI))
      return TRUE;
  }
  return FALSE;
}

static gboolean
is_audio (const GstSDPMedia *media)
{
  return strcmp (gst_sdp_media_get_media (media), "audio") == 0;
}

/**
 * mesh_description_promise_reports:
 * @answer: our answer
 * @twcc_ids: the numbers of the extension for transport-wide feedback, by kind;
 *   0 = none
 *
 * Adds that we report on what comes, for m-lines on which we only receive:
 * webrtcbin 1.22 leaves the extension out there.
 */
void
mesh_description_promise_reports (GstSDPMessage *answer,
    const int twcc_ids[MESH_N_KINDS])
{
  for (guint i = 0; i < gst_sdp_message_medias_len (answer); i++) {
    GstSDPMedia *media =
        (GstSDPMedia *) gst_sdp_message_get_media (answer, i);
    int id = twcc_ids[is_audio (media) ? MESH_AUDIO : MESH_VIDEO];
    g_autofree char *value = g_strdup_printf ("%d " MESH_SDP_TWCC_URI, id);

    if (id != 0 && !has_extension (media))
      gst_sdp_media_add_attribute (media, "extmap", value);
  }
}

/* Returns: the index of the format parameters of a payload type; -1: there are
 * none */
static int
find_parameters (const GstSDPMedia *media, int payload_type)
{
  for (guint i = 0; i < gst_sdp_media_attributes_len (media); i++) {
    const GstSDPAttribute *attribute = gst_sdp_media_get_attribute (media, i);

    if (strcmp (attribute->key, "fmtp") == 0
        && atoi (attribute->value) == payload_type)
      return (int) i;
  }
  return -1;
}

/* Adds a parameter that is not there already: an answer has what the offer had.
 */
static void
add_parameter (GstSDPMedia *media, int payload_type, const char *parameter)
{
  int index = find_parameters (media, payload_type);
  g_autofree char *value = NULL;
  GstSDPAttribute attribute;

  if (index < 0) {
    value = g_strdup_printf ("%d %s", payload_type, parameter);
    gst_sdp_media_add_attribute (media, "fmtp", value);
    return;
  }
  if (strstr (gst_sdp_media_get_attribute (media, (guint) index)->value,
          START_RATE))
    return;
  value = g_strdup_printf ("%s;%s", gst_sdp_media_get_attribute (media,
          (guint) index)->value, parameter);
  gst_sdp_attribute_set (&attribute, "fmtp", value);
  gst_sdp_media_replace_attribute (media, (guint) index, &attribute);
}

/* Whether an rtpmap names one of our codecs, rather than a helper of theirs. */
static gboolean
is_of_codec (const char *rtpmap)
{
  g_auto (GStrv) words = g_strsplit_set (rtpmap, " /", 3);

  return words[0] && words[1]
      && mesh_codec_find (words[1]) != NULL;
}

/* Chromium takes the rate that its estimate begins with from the formats of the
 * remote description. It begins at 300 kbit/s otherwise, finds 720 lines too
 * many for that in the first moment, and comes back over ten seconds. */
static void
have_begin_faster (GstSDPMedia *media)
{
  g_autofree char *parameter = g_strdup_printf (START_RATE "%d",
      MESH_RATE_START / 1000);
  guint n = gst_sdp_media_attributes_len (media);

  for (guint i = 0; i < n; i++) {
    const GstSDPAttribute *attribute = gst_sdp_media_get_attribute (media, i);

    if (strcmp (attribute->key, "rtpmap") == 0 && is_of_codec (attribute->value))
      add_parameter (media, atoi (attribute->value), parameter);
  }
}

/**
 * mesh_description_dup_text:
 * @description: our offer or answer
 *
 * Returns: (transfer full): what the peer is told
 */
char *
mesh_description_dup_text (const GstSDPMessage *description)
{
  GstSDPMessage *told;
  char *text;

  gst_sdp_message_copy (description, &told);
  for (guint i = 0; i < gst_sdp_message_medias_len (told); i++) {
    GstSDPMedia *media = (GstSDPMedia *) gst_sdp_message_get_media (told, i);

    if (strcmp (gst_sdp_media_get_media (media), "video") == 0)
      have_begin_faster (media);
  }
  text = gst_sdp_message_as_text (told);
  gst_sdp_message_free (told);
  return text;
}
