/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* plugins/obs/pipeline-text.c: what people paste into OBS. */

#include "obs/pipeline-text.h"

#include <string.h>

static const struct {
  const char *typed, *meant;
} texts[] = {
  { "", "" },
  { "videotestsrc ! video.", "videotestsrc ! video." },
  { "\n  videotestsrc !\n  video.\n", "videotestsrc !\n  video." },
  /* from a shell */
  { "gst-launch-1.0 -v videotestsrc ! \\\n  video.",
      "videotestsrc !    video." },
  { "/usr/bin/gst-launch-1.0 videotestsrc ! video.", "videotestsrc ! video." },
  { "# my camera\nvideotestsrc ! video.", "videotestsrc ! video." },
  /* windows and loudspeakers are OBS here */
  { "meshroom serve=:0 : meshview name=v v.video ! autovideosink v.audio ! "
      "autoaudiosink", "meshroom serve=:0 : meshview name=v v.video ! video. "
      "v.audio ! audio." },
  { "videotestsrc ! autovideosink sync=false", "videotestsrc ! video." },
  /* but not where somebody wants both */
  { "videotestsrc ! tee name=t ! autovideosink t. ! video.",
      "videotestsrc ! tee name=t ! autovideosink t. ! video." },
};

static void
what_is_pasted_is_understood (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autofree char *text = mesh_obs_pipeline_text_clean (texts[i].typed);

    g_assert_cmpstr (text, ==, texts[i].meant);
  }
}

static void
the_ends_are_added (void)
{
  g_autofree char *text = mesh_obs_pipeline_text_complete ("a ! video.", TRUE,
      FALSE);
  const char *video = strstr (text, "name=video_appsink");
  const char *audio = strstr (text, "name=audio_appsink");

  g_assert_true (g_str_has_prefix (text, "a ! video. "));
  g_assert_nonnull (video);
  g_assert_nonnull (audio);
  g_assert_nonnull (strstr (text, "videoconvert name=video "));
  g_assert_nonnull (strstr (text, "audioconvert name=audio "));
  g_assert_true (strstr (video, "sync=true") < audio);
  g_assert_nonnull (strstr (audio, "sync=false"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/clean", what_is_pasted_is_understood);
  g_test_add_func ("/text/complete", the_ends_are_added);
  return g_test_run ();
}
