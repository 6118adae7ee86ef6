/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pipeline-text.h"

#include <string.h>

#include "caps.h"

/* The elements have the names that the obs-gstreamer plugin gives them, since
 * descriptions that were written for it may set their properties. async=false
 * lets the pipeline play while an end is linked later, or never. */
#define VIDEO_END "videoconvert name=video ! appsink name=video_appsink " \
  "async=false enable-last-sample=false max-buffers=4 sync=%s " \
  "caps=\"" CAPS_VIDEO "\""
#define AUDIO_END "audioconvert name=audio ! audioresample ! " \
  "appsink name=audio_appsink async=false enable-last-sample=false " \
  "max-buffers=50 sync=%s caps=\"" CAPS_AUDIO "\""

/* of an element */
#define SETTINGS "(\\s+[\\w-]+=\\S+)*"

static char *
replace (const char *pattern, const char *text, const char *by, gboolean once)
{
  g_autoptr (GRegex) regex = g_regex_new (pattern, G_REGEX_MULTILINE, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  int start, end;

  if (!once)
    return g_regex_replace_literal (regex, text, -1, 0, by, 0, NULL);
  if (!g_regex_match (regex, text, 0, &match)
      || !g_match_info_fetch_pos (match, 0, &start, &end))
    return g_strdup (text);
  return g_strdup_printf ("%.*s%s%s", start, text, by, text + end);
}

static gboolean
contains (const char *pattern, const char *text)
{
  return g_regex_match_simple (pattern, text, 0, 0);
}

/* Replaces the sinks with which gst-launch-1.0 opens windows, since OBS shows
 * the picture here. */
static char *
lead_to_obs (const char *text)
{
  g_autofree char *video = contains ("(^|[\\s!])video\\.", text)
      ? g_strdup (text) : replace ("\\bautovideosink\\b" SETTINGS, text,
      "video.", TRUE);

  return contains ("(^|[\\s!])audio\\.", text) ? g_steal_pointer (&video)
      : replace ("\\bautoaudiosink\\b" SETTINGS, video, "audio.", TRUE);
}

/**
 * mesh_obs_pipeline_text_clean:
 * @text: what somebody typed, or pasted from a shell
 *
 * Returns: (transfer full): the pipeline description in @text
 */
char *
mesh_obs_pipeline_text_clean (const char *text)
{
  g_autofree char *joined = replace ("\\\\\\r?\\n", text, " ", FALSE);
  g_autofree char *bare = replace ("^\\s*#.*$", joined, "", FALSE);
  g_autofree char *own =
      replace ("\\A\\s*(\\S*/)?gst-launch-1\\.0(\\s+-\\S+)*\\s", bare, "",
      TRUE);

  return g_strstrip (lead_to_obs (own));
}

/**
 * mesh_obs_pipeline_text_complete:
 * @text: a description whose branches end in `video.` and `audio.`
 * @sync_video: whether frames wait for their time
 * @sync_audio: whether sound does
 *
 * Returns: (transfer full): @text with the elements that take video and audio
 */
char *
mesh_obs_pipeline_text_complete (const char *text, gboolean sync_video,
    gboolean sync_audio)
{
  return g_strdup_printf ("%s  " VIDEO_END "  " AUDIO_END, text,
      sync_video ? "true" : "false", sync_audio ? "true" : "false");
}
