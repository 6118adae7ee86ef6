/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a room makes of what comes in before it is encoded: upright, progressive
 * pictures, and sound in channels that have positions. */

#include <gst/audio/audio.h>
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#undef GST_CAT_DEFAULT
#include "meshroom/intake.h"

typedef struct {
  MeshTimeline *timeline;
  MeshIntake *intake;
  GstHarness *h;
  GstElement *bin;
  guint pushed;
  guint warnings;
  char *warning;
} Fixture;

static void
on_warning (const char *text, gpointer user_data)
{
  Fixture *f = user_data;

  f->warnings++;
  g_free (f->warning);
  f->warning = g_strdup (text);
}

static GstPadProbeReturn
on_data (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Fixture *f = user_data;

  if (info->type & GST_PAD_PROBE_TYPE_BUFFER)
    return mesh_intake_prepare (f->intake) ? GST_PAD_PROBE_OK
        : GST_PAD_PROBE_DROP;
  info->data = mesh_intake_take_event (f->intake, info->data);
  return GST_PAD_PROBE_OK;
}

static void
begin (Fixture *f, MeshKind kind, gboolean encoded)
{
  GstElement *next = gst_element_factory_make ("identity", NULL);
  g_autoptr (GstPad) sink = gst_element_get_static_pad (next, "sink");
  g_autoptr (GstPad) src = gst_element_get_static_pad (next, "src");
  g_autoptr (GstPad) entry = NULL;

  memset (f, 0, sizeof *f);
  f->timeline = mesh_timeline_new ();
  f->bin = gst_object_ref_sink (gst_bin_new (NULL));
  gst_bin_add (GST_BIN (f->bin), next);
  f->intake = mesh_intake_new (GST_BIN (f->bin), "video_sink", kind, encoded,
      f->timeline, sink, on_warning, f);
  entry = mesh_intake_dup_sink (f->intake);
  gst_element_add_pad (f->bin, gst_ghost_pad_new ("sink", entry));
  gst_element_add_pad (f->bin, gst_ghost_pad_new ("src", src));
  gst_pad_add_probe (entry, GST_PAD_PROBE_TYPE_BUFFER
      | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_data, f, NULL);
  f->h = gst_harness_new_with_element (f->bin, "sink", "src");
  gst_harness_use_testclock (f->h);
}

static void
end (Fixture *f)
{
  gst_harness_teardown (f->h);
  mesh_intake_stop (f->intake);
  mesh_intake_free (f->intake);
  gst_object_unref (f->bin);
  mesh_timeline_unref (f->timeline);
  g_free (f->warning);
}

static void
tag (Fixture *f, const char *orientation, GstTagScope scope)
{
  GstTagList *tags = gst_tag_list_new (GST_TAG_IMAGE_ORIENTATION, orientation,
      NULL);

  gst_tag_list_set_scope (tags, scope);
  gst_harness_push_event (f->h, gst_event_new_tag (tags));
}

/* Pushes a buffer a second after the one before. */
static void
push (Fixture *f, GstBuffer *buffer)
{
  GST_BUFFER_PTS (buffer) = f->pushed++ * GST_SECOND;
  gst_harness_set_time (f->h, GST_BUFFER_PTS (buffer));
  ck_assert_int_eq (gst_harness_push (f->h, buffer), GST_FLOW_OK);
}

/* --- pictures --- */

#define GREY "video/x-raw,format=GRAY8,width=%d,height=%d,framerate=25/1," \
    "interlace-mode=progressive"

/* 8 by 4, with three corners that can be told apart. */
static GstBuffer *
make_picture (void)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 32, NULL);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  memset (map.data, 0, map.size);
  map.data[0] = 1;
  map.data[7] = 2;
  map.data[24] = 3;
  gst_buffer_unmap (buffer, &map);
  return buffer;
}

/* The corners from the top left one clockwise, as a number. */
static guint
look (GstBuffer *buffer, int width, int height)
{
  GstMapInfo map;
  guint corners;

  gst_buffer_map (buffer, &map, GST_MAP_READ);
  ck_assert_uint_eq (map.size, width * height);
  corners = map.data[0] * 1000 + map.data[width - 1] * 100
      + map.data[width * height - 1] * 10 + map.data[width * (height - 1)];
  gst_buffer_unmap (buffer, &map);
  return corners;
}

static void
expect_picture (Fixture *f, guint corners, gboolean upended)
{
  int width = upended ? 4 : 8, height = upended ? 8 : 4, w, h;
  g_autoptr (GstBuffer) out = NULL;
  g_autoptr (GstCaps) caps = NULL;
  GstStructure *s;

  push (f, make_picture ());
  out = gst_harness_pull (f->h);
  fail_unless (out != NULL);
  caps = gst_pad_get_current_caps (f->h->sinkpad);
  s = gst_caps_get_structure (caps, 0);
  fail_unless (gst_structure_get_int (s, "width", &w));
  fail_unless (gst_structure_get_int (s, "height", &h));
  ck_assert_int_eq (w, width);
  ck_assert_int_eq (h, height);
  ck_assert_uint_eq (look (out, width, height), corners);
}

/* EXIF's eight, as image-orientation spells them. The corners of the picture
 * as it comes are 1 2 0 3. */
static const struct {
  const char *tag;
  guint corners;
  gboolean upended;
} orientations[] = {
  { "rotate-0", 1203, FALSE },
  { "rotate-90", 3120, TRUE },
  { "rotate-180", 312, FALSE },
  { "rotate-270", 2031, TRUE },
  { "flip-rotate-0", 2130, FALSE },
  { "flip-rotate-90", 213, TRUE },
  { "flip-rotate-180", 3021, FALSE },
  { "flip-rotate-270", 1302, TRUE },
};

static void
begin_grey (Fixture *f)
{
  g_autofree char *caps = g_strdup_printf (GREY, 8, 4);

  begin (f, MESH_VIDEO, FALSE);
  gst_harness_set_src_caps_str (f->h, caps);
}

GST_START_TEST (a_turned_picture_is_put_upright)
{
  Fixture f;

  begin_grey (&f);
  tag (&f, orientations[__i__].tag, GST_TAG_SCOPE_STREAM);
  expect_picture (&f, orientations[__i__].corners,
      orientations[__i__].upended);
  ck_assert_uint_eq (f.warnings, 0);
  end (&f);
}

GST_END_TEST;

GST_START_TEST (it_stays_upright_when_the_tag_changes)
{
  Fixture f;
  GstTagList *title = gst_tag_list_new (GST_TAG_TITLE, "x", NULL);

  begin_grey (&f);
  for (guint i = 0; i < G_N_ELEMENTS (orientations); i++) {
    tag (&f, orientations[i].tag, GST_TAG_SCOPE_STREAM);
    expect_picture (&f, orientations[i].corners, orientations[i].upended);
  }
  /* tags that do not speak of it change nothing */
  gst_harness_push_event (f.h, gst_event_new_tag (title));
  expect_picture (&f, 1302, TRUE);
  /* one for all streams counts less than the stream's own */
  tag (&f, "rotate-180", GST_TAG_SCOPE_GLOBAL);
  expect_picture (&f, 1302, TRUE);
  /* the next stream has none, but for the one for all */
  gst_harness_push_event (f.h, gst_event_new_stream_start ("next"));
  expect_picture (&f, 1203, FALSE);
  tag (&f, "rotate-180", GST_TAG_SCOPE_GLOBAL);
  expect_picture (&f, 312, FALSE);
  end (&f);
}

GST_END_TEST;

static void
hide (Fixture *f, gboolean hidden)
{
  gst_harness_push_event (f->h,
      gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
          gst_structure_new ("meshroom/hidden", "hidden", G_TYPE_BOOLEAN,
              hidden, NULL)));
}

/* The tag is the camera's, not that of the picture which is shown instead. */
GST_START_TEST (a_picture_in_place_of_the_camera_is_not_turned)
{
  Fixture f;

  begin_grey (&f);
  tag (&f, "rotate-90", GST_TAG_SCOPE_STREAM);
  expect_picture (&f, 3120, TRUE);
  hide (&f, TRUE);
  expect_picture (&f, 1203, FALSE);
  hide (&f, FALSE);
  expect_picture (&f, 3120, TRUE);
  end (&f);
}

GST_END_TEST;

GST_START_TEST (an_upright_picture_passes_without_a_copy)
{
  Fixture f;
  GstBuffer *in = make_picture (), *out;

  begin_grey (&f);
  tag (&f, "rotate-0", GST_TAG_SCOPE_STREAM);
  push (&f, in);
  out = gst_harness_pull (f.h);
  fail_unless (out == in);
  gst_buffer_unref (out);
  ck_assert_uint_eq (GST_BIN (f.bin)->numchildren, 2);
  end (&f);
}

GST_END_TEST;

#define LINES 16

/* A moving edge as an interlaced camera sees it: every other line is of
 * another moment. */
GST_START_TEST (combs_are_gone)
{
  static const char *const modes[] = { "interleaved", "mixed", "fields" };
  g_autofree char *caps = g_strdup_printf ("video/x-raw,format=I420,width=16,"
      "height=%d,framerate=25/1,interlace-mode=%s", LINES, modes[__i__]);
  gsize size = 16 * LINES * 3 / 2;
  GstBuffer *in = gst_buffer_new_allocate (NULL, size, NULL);
  g_autoptr (GstBuffer) out = NULL;
  g_autoptr (GstCaps) now = NULL;
  GstMapInfo map;
  Fixture f;

  begin (&f, MESH_VIDEO, FALSE);
  gst_harness_set_src_caps_str (f.h, caps);
  gst_buffer_memset (in, 0, 128, size);
  for (guint i = 0; i < LINES; i++)
    gst_buffer_memset (in, i * 16, i % 2 ? 16 : 235, 16);
  GST_BUFFER_FLAG_SET (in, GST_VIDEO_BUFFER_FLAG_INTERLACED
      | GST_VIDEO_BUFFER_FLAG_TFF);
  push (&f, in);
  out = gst_harness_pull (f.h);
  fail_unless (out != NULL);
  now = gst_pad_get_current_caps (f.h->sinkpad);
  ck_assert_str_eq (gst_structure_get_string (gst_caps_get_structure (now, 0),
          "interlace-mode"), "progressive");
  gst_buffer_map (out, &map, GST_MAP_READ);
  for (guint i = 1; i < LINES; i++)
    ck_assert_int_eq (map.data[i * 16], map.data[0]);
  gst_buffer_unmap (out, &map);
  end (&f);
}

GST_END_TEST;

GST_START_TEST (of_encoded_pictures_it_is_told_once)
{
  Fixture f;

  begin (&f, MESH_VIDEO, TRUE);
  gst_harness_set_src_caps_str (f.h, "video/x-h264,interlace-mode=mixed");
  tag (&f, "rotate-90", GST_TAG_SCOPE_STREAM);
  for (guint i = 0; i < 3; i++) {
    GstBuffer *in = make_picture ();
    GstBuffer *out;

    push (&f, in);
    out = gst_harness_pull (f.h);
    fail_unless (out == in);
    gst_buffer_unref (out);
    /* nothing, until it is known whether they go out as they are */
    if (i == 0)
      ck_assert_uint_eq (f.warnings, 0);
    mesh_intake_settle (f.intake, NULL);
  }
  /* that it is turned, and that it is interlaced */
  ck_assert_uint_eq (f.warnings, 2);
  fail_unless (strstr (f.warning, "decodebin") != NULL);
  end (&f);
}

GST_END_TEST;

GST_START_TEST (behind_a_decoder_pictures_are_turned)
{
  GstElement *flip =
      gst_object_ref_sink (gst_element_factory_make ("videoflip", NULL));
  GstVideoOrientationMethod turn;
  Fixture f;

  begin (&f, MESH_VIDEO, TRUE);
  gst_harness_set_src_caps_str (f.h, "video/x-h264,interlace-mode=mixed");
  tag (&f, "rotate-90", GST_TAG_SCOPE_STREAM);
  mesh_intake_settle (f.intake, flip);
  g_object_get (flip, "video-direction", &turn, NULL);
  ck_assert_int_eq (turn, GST_VIDEO_ORIENTATION_90R);
  tag (&f, "rotate-180", GST_TAG_SCOPE_STREAM);
  push (&f, make_picture ());
  g_object_get (flip, "video-direction", &turn, NULL);
  ck_assert_int_eq (turn, GST_VIDEO_ORIENTATION_180);
  ck_assert_uint_eq (f.warnings, 0);
  end (&f);
  gst_object_unref (flip);
}

GST_END_TEST;

/* --- sound --- */

typedef struct {
  const char *caps;             /* of 4-byte floats */
  guint in;                     /* channels */
  guint out;
  float first;                  /* what the first one out has */
} Layout;

/* The first channel has 1, the second 0.5, all others 0. */
static const Layout layouts[] = {
  { "channels=1", 1, 1, 1 },
  { "channels=2,channel-mask=(bitmask)0x3", 2, 2, 1 },
  { "channels=2", 2, 2, 1 },
  { "channels=2,channel-mask=(bitmask)0", 2, 2, 1 },
  { "channels=3,channel-mask=(bitmask)0", 3, 1, 0.5 },
  { "channels=8,channel-mask=(bitmask)0", 8, 1, 1.5f / 8 },
  { "channels=8", 8, 1, 1.5f / 8 },
  { "channels=63,channel-mask=(bitmask)0", 63, 1, 1.5f / 63 },
  { "channels=6,channel-mask=(bitmask)0x3f", 6, 6, 1 },
};

static void
push_sound (Fixture *f, const Layout *layout)
{
  g_autofree char *caps = g_strdup_printf ("audio/x-raw,format=F32LE,"
      "layout=interleaved,rate=48000,%s", layout->caps);
  gsize size = 480 * layout->in * 4;
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size, NULL);
  GstMapInfo map;

  gst_harness_set_src_caps_str (f->h, caps);
  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  for (guint i = 0; i < 480 * layout->in; i++)
    ((float *) (void *) map.data)[i] = i % layout->in == 0 ? 1
        : i % layout->in == 1 ? 0.5 : 0;
  gst_buffer_unmap (buffer, &map);
  push (f, buffer);
}

static void
expect_sound (Fixture *f, const Layout *layout)
{
  g_autoptr (GstBuffer) out = gst_harness_pull (f->h);
  g_autoptr (GstCaps) caps = NULL;
  GstAudioInfo info;
  GstMapInfo map;

  fail_unless (out != NULL);
  caps = gst_pad_get_current_caps (f->h->sinkpad);
  fail_unless (gst_audio_info_from_caps (&info, caps));
  ck_assert_int_eq (info.channels, layout->out);
  fail_if (GST_AUDIO_INFO_IS_UNPOSITIONED (&info));
  gst_buffer_map (out, &map, GST_MAP_READ);
  ck_assert_uint_eq (map.size, 480 * layout->out * 4);
  fail_unless (ABS (((float *) (void *) map.data)[0] - layout->first) < 0.001);
  gst_buffer_unmap (out, &map);
}

GST_START_TEST (channels_without_positions_are_mixed)
{
  Fixture f;

  begin (&f, MESH_AUDIO, FALSE);
  push_sound (&f, &layouts[__i__]);
  expect_sound (&f, &layouts[__i__]);
  ck_assert_uint_eq (f.warnings, 0);
  end (&f);
}

GST_END_TEST;

GST_START_TEST (channels_may_change)
{
  Fixture f;

  begin (&f, MESH_AUDIO, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (layouts); i++) {
    push_sound (&f, &layouts[i]);
    expect_sound (&f, &layouts[i]);
  }
  ck_assert_uint_eq (f.warnings, 0);
  end (&f);
}

GST_END_TEST;

GST_START_TEST (too_many_channels_are_told_and_end_nothing)
{
  static const Layout many =
      { "channels=64,channel-mask=(bitmask)0", 64, 0, 0 };
  Fixture f;

  begin (&f, MESH_AUDIO, FALSE);
  push_sound (&f, &many);
  push_sound (&f, &many);
  ck_assert_uint_eq (gst_harness_buffers_in_queue (f.h), 0);
  fail_unless (strstr (f.warning, "64 channels") != NULL);
  push_sound (&f, &layouts[5]);
  expect_sound (&f, &layouts[5]);
  end (&f);
}

GST_END_TEST;

static Suite *
intake_suite (void)
{
  Suite *suite = suite_create ("intake");
  TCase *tcase = tcase_create ("intake");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, 60);
  tcase_add_loop_test (tcase, a_turned_picture_is_put_upright, 0,
      G_N_ELEMENTS (orientations));
  tcase_add_test (tcase, it_stays_upright_when_the_tag_changes);
  tcase_add_test (tcase, a_picture_in_place_of_the_camera_is_not_turned);
  tcase_add_test (tcase, an_upright_picture_passes_without_a_copy);
  tcase_add_loop_test (tcase, combs_are_gone, 0, 3);
  tcase_add_test (tcase, of_encoded_pictures_it_is_told_once);
  tcase_add_test (tcase, behind_a_decoder_pictures_are_turned);
  tcase_add_loop_test (tcase, channels_without_positions_are_mixed, 0,
      G_N_ELEMENTS (layouts));
  tcase_add_test (tcase, channels_may_change);
  tcase_add_test (tcase, too_many_channels_are_told_and_end_nothing);
  return suite;
}

GST_CHECK_MAIN (intake);
