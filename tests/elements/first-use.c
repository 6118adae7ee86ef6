/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Whatever an element of ours or a library below it makes when it is first
 * used, first used by several threads at once: decoders and readers of
 * pictures, fonts, certificates, the server and its page. Each case is a
 * process of its own, in which nothing has been used before.
 */
#include "together.h"

#include <glib/gstdio.h>

#define PIPELINES 6
#define CAMERA "videotestsrc is-live=true ! " \
    "video/x-raw,width=64,height=48,framerate=100/1 "
#define PICTURE(name) CAMERA "! imageswitch hidden=true location=%s/" name \
    TOGETHER_OUT

/* the smallest that there are: one pixel */
static const char gif[] =
    "R0lGODlhAQABAIAAAAAAAP///yH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==";
static const char webp[] = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==";

static const char *const descriptions[] = {
  PICTURE ("picture.png"),
  PICTURE ("clip.webm"),
  PICTURE ("one.gif"),
  PICTURE ("one.webp"),
  CAMERA "! v.video_0 audiotestsrc is-live=true ! v.audio_0 "
      "meshview name=v v.audio ! fakesink async=false v.video" TOGETHER_OUT,
  CAMERA "! imageswitch hidden=true ! tee name=t ! queue ! room.video_sink "
      "meshroom name=room serve=127.0.0.1:0 t. ! queue" TOGETHER_OUT,
};

static void
write_decoded (const char *folder, const char *name, const char *base64)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree guchar *data = NULL;
  gsize size;

  data = g_base64_decode (base64, &size);
  fail_unless (g_file_set_contents (path, (char *) data, size, NULL));
}

static void
copy_file (const char *folder, const char *name)
{
  g_autofree char *from = g_build_filename (g_getenv ("MESH_SOURCE_ROOT"),
      "plugins", "imageswitch", name, NULL);
  g_autofree char *to = g_build_filename (folder, name, NULL);
  g_autofree char *data = NULL;
  gsize size;

  fail_unless (g_file_get_contents (from, &data, &size, NULL));
  fail_unless (g_file_set_contents (to, data, size, NULL));
}

static void
remove_folder (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    g_unlink (path);
  }
  g_rmdir (folder);
}

GST_START_TEST (first_used_by_several_threads_at_once)
{
  g_autofree char *folder = g_dir_make_tmp ("first-use-XXXXXX", NULL);
  g_auto (GStrv) parts = g_strsplit (descriptions[__i__], "%s", -1);
  g_autofree char *description = g_strjoinv (folder, parts);

  copy_file (folder, "picture.png");
  copy_file (folder, "clip.webm");
  write_decoded (folder, "one.gif", gif);
  write_decoded (folder, "one.webp", webp);
  together_run (description, PIPELINES);
  remove_folder (folder);
}
GST_END_TEST;

static Suite *
first_use_suite (void)
{
  Suite *suite = suite_create ("first-use");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_loop_test (tcase, first_used_by_several_threads_at_once, 0,
      G_N_ELEMENTS (descriptions));
  return suite;
}

GST_CHECK_MAIN (first_use);
