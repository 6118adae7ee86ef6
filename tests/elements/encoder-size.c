/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What becomes of a picture's size on its way to an encoder, and what rungs it
 * has. */

#include <gst/check/gstcheck.h>

#undef GST_CAT_DEFAULT          /* the room's own is not used here */
#include "meshroom/rung.h"

static const struct {
  const char *codec;
  const char *caps;
  MeshEncoderSize fit;
} sizes[] = {
  /* VP8 takes every size as it is */
  { "VP8", "width=853,height=479", { 853, 479, 0, 0 } },
  { "VP8", "width=1,height=1", { 1, 1, 0, 0 } },
  { "VP8", "width=720,height=480,pixel-aspect-ratio=(fraction)10/11",
      { 655, 480, 0, 0 } },
  { "VP9", "width=853,height=479", { 853, 479, 0, 0 } },
  { "VP9", "width=20000,height=10", { 16832, 8, 0, 0 } },
  /* H.264 even ones from 16 on: padded, or scaled where that is done anyway */
  { "H264", "width=64,height=48", { 64, 48, 0, 0 } },
  { "H264", "width=853,height=479", { 853, 479, 1, 1 } },
  { "H264", "width=15,height=16", { 15, 16, 1, 0 } },
  { "H264", "width=1,height=1080", { 1, 1080, 15, 0 } },
  { "H264", "width=720,height=480,pixel-aspect-ratio=(fraction)10/11",
      { 654, 480, 0, 0 } },
  { "H264", "width=720,height=479,pixel-aspect-ratio=(fraction)10/11",
      { 654, 479, 0, 1 } },
  /* any shape of up to 4096x2304 pixels is left as it is */
  { "VP8", "width=1440,height=2560", { 1440, 2560, 0, 0 } },
  { "VP8", "width=2160,height=3840", { 2160, 3840, 0, 0 } },
  { "H264", "width=5120,height=1440", { 5120, 1440, 0, 0 } },
  { "H264", "width=4096,height=2304", { 4096, 2304, 0, 0 } },
  /* what is larger shrinks in its shape */
  { "VP8", "width=7680,height=4320", { 4096, 2304, 0, 0 } },
  { "H264", "width=8192,height=4608", { 4096, 2304, 0, 0 } },
  { "VP8", "width=20000,height=10", { 16383, 8, 0, 0 } },
  { "H264", "width=10,height=20000", { 4, 8688, 12, 0 } },
  { "VP8", "width=100,height=100,pixel-aspect-ratio=(fraction)0/1",
      { 100, 100, 0, 0 } },
  { "VP8", "width=1,height=1000,pixel-aspect-ratio=(fraction)1/100000",
      { 1, 1000, 0, 0 } },
};

GST_START_TEST (a_picture_fits)
{
  g_autofree char *text =
      g_strconcat ("video/x-raw,", sizes[__i__].caps, NULL);
  g_autoptr (GstCaps) caps = gst_caps_from_string (text);
  MeshEncoderSize fit;

  mesh_encoder_size_choose (mesh_codec_find (sizes[__i__].codec), caps,
      MESH_MAX_PIXELS, &fit);
  if (memcmp (&fit, &sizes[__i__].fit, sizeof fit) != 0)
    fail ("%s %s: %dx%d, padded by %d, %d", sizes[__i__].codec, text,
        fit.width, fit.height, fit.right, fit.bottom);
}

GST_END_TEST;

static const struct {
  const char *caps;
  guint n;
  struct { int width, height, fps; guint nominal; } rungs[MESH_RUNGS];
} ladders[] = {
  { "width=1280,height=720,framerate=30/1", 3, { { 1280, 720, 30, 2500000 },
        { 640, 360, 30, 500000 }, { 320, 180, 15, 150000 } } },
  { "width=1920,height=1080,framerate=60/1", 3, { { 1920, 1080, 60, 2500000 },
        { 640, 360, 30, 500000 }, { 320, 180, 15, 150000 } } },
  /* a telephone held upright */
  { "width=1080,height=1920,framerate=25/1", 3, { { 1080, 1920, 25, 2500000 },
        { 360, 640, 25, 500000 }, { 180, 320, 15, 150000 } } },
  /* half-way sizes are not worth an encoder */
  { "width=640,height=480,framerate=30/1", 2, { { 640, 480, 30, 921600 },
        { 276, 206, 15, 150000 } } },
  { "width=640,height=360,framerate=10/1", 2, { { 640, 360, 10, 230400 },
        { 320, 180, 10, 138240 } } },
  { "width=320,height=240,framerate=30/1", 1, { { 320, 240, 30, 230400 } } },
  { "width=64,height=48,framerate=0/1", 1, { { 64, 48, 0, 150000 } } },
};

GST_START_TEST (a_picture_has_the_rungs_that_are_worth_it)
{
  g_autofree char *text =
      g_strconcat ("video/x-raw,", ladders[__i__].caps, NULL);
  g_autoptr (GstCaps) caps = gst_caps_from_string (text);
  MeshRungShape shapes[MESH_RUNGS];
  guint n = mesh_rung_shapes_choose (mesh_codec_find ("VP8"), caps, shapes);

  ck_assert_uint_eq (n, ladders[__i__].n);
  for (guint i = 0; i < n; i++) {
    ck_assert_int_eq (shapes[i].size.width, ladders[__i__].rungs[i].width);
    ck_assert_int_eq (shapes[i].size.height, ladders[__i__].rungs[i].height);
    ck_assert_int_eq (shapes[i].fps_n, ladders[__i__].rungs[i].fps);
    ck_assert_uint_eq (shapes[i].nominal, ladders[__i__].rungs[i].nominal);
  }
}

GST_END_TEST;

static Suite *
fit_suite (void)
{
  Suite *suite = suite_create ("encoder-size");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_loop_test (tcase, a_picture_fits, 0, G_N_ELEMENTS (sizes));
  tcase_add_loop_test (tcase, a_picture_has_the_rungs_that_are_worth_it, 0,
      G_N_ELEMENTS (ladders));
  return suite;
}

GST_CHECK_MAIN (fit);
