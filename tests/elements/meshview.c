/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a meshview shows and plays. */

#include "view-fixture.h"

#define ROOM "testroom name=room  room. : meshview name=v labels=false" SINKS

typedef struct {
  guint n;
  guint colours[32];
  MeshLayout layout;
  guint background;
} Expected;

/* Every tile in its place, in its colour. */
static gboolean
shows_tiles (GstVideoFrame *frame, gpointer user_data)
{
  const Expected *expected = user_data;
  MeshRect rects[32];
  double aspects[32];

  for (guint i = 0; i < expected->n; i++)
    aspects[i] = 16.0 / 9;
  mesh_layout_arrange (&expected->layout, aspects, expected->n, rects);
  for (guint i = 0; i < expected->n; i++) {
    if (rects[i].width && !rect_is (frame, &rects[i], expected->colours[i]))
      return FALSE;
  }
  return TRUE;
}

static Expected
expect_grid (guint n)
{
  Expected expected = { n, { 0, }, { MESH_LAYOUT_GRID, 1280, 720, 0, -1 } };

  for (guint i = 0; i < n; i++)
    expected.colours[i] = colours[i];
  return expected;
}

GST_START_TEST (output_flows_with_nobody)
{
  Call call;
  GstClockTime last = GST_CLOCK_TIME_NONE;

  call_start (&call, "meshview name=v" SINKS);
  for (guint i = 0; i < 20; i++) {
    GstSample *sample = call_pull (call.video);
    GstBuffer *buffer = gst_sample_get_buffer (sample);
    GstVideoInfo info;

    fail_unless (gst_video_info_from_caps (&info,
            gst_sample_get_caps (sample)));
    assert_equals_int (info.width, 1280);
    assert_equals_int (info.height, 720);
    assert_equals_int (info.fps_n, 30);
    if (GST_CLOCK_TIME_IS_VALID (last))
      fail_unless (GST_BUFFER_PTS (buffer) > last);
    last = GST_BUFFER_PTS (buffer);
    gst_sample_unref (sample);
  }
  call_await (&call, is_filled, GUINT_TO_POINTER (0x000000));
  for (guint i = 0; i < 50; i++) {
    GstSample *sample = call_pull (call.audio);
    GstMapInfo map;

    gst_buffer_map (gst_sample_get_buffer (sample), &map, GST_MAP_READ);
    assert_equals_int (map.size, 480 * 2 * sizeof (float));
    for (gsize j = 0; j < map.size; j++)
      assert_equals_int (map.data[j], 0);
    gst_buffer_unmap (gst_sample_get_buffer (sample), &map);
    gst_sample_unref (sample);
  }
  call_stop (&call);
}
GST_END_TEST;

/* but for the sinks */
GST_START_TEST (the_documented_line_runs)
{
  Call call;

  call_start (&call, "meshview name=v "
      "videotestsrc is-live=true ! v. "
      "videotestsrc is-live=true pattern=ball ! v. "
      "audiotestsrc is-live=true ! v. "
      "v.video ! videoconvert ! appsink name=video "
      "v.audio ! appsink name=audio");
  for (guint i = 0; i < 10; i++) {
    gst_sample_unref (call_pull (call.video));
    gst_sample_unref (call_pull (call.audio));
  }
  assert_equals_int (call.view->numsinkpads, 3);
  call_stop (&call);
}
GST_END_TEST;

GST_START_TEST (an_output_may_stay_unused)
{
  Call call;

  call_start (&call, "meshview name=v v.audio ! appsink name=audio");
  for (guint i = 0; i < 20; i++)
    gst_sample_unref (call_pull (call.audio));
  call_stop (&call);

  call_start (&call, "meshview name=v v.video ! appsink name=video");
  for (guint i = 0; i < 10; i++)
    gst_sample_unref (call_pull (call.video));
  call_stop (&call);
}
GST_END_TEST;

/* also with sizes that have to be scaled, in other formats, and not live */
GST_START_TEST (everybody_is_in_their_place)
{
  static const guint counts[] = { 1, 2, 3, 4, 9 };
  static const char *const caps[] = { SMALL, "width=640,height=360",
    "width=1280,height=720,framerate=15/1" };
  guint n = counts[__i__];
  GString *description = g_string_new ("meshview name=v" SINKS);
  Expected expected = expect_grid (n);
  Call call;

  for (guint i = 0; i < n; i++) {
    char *source = colour_source (colours[i], caps[i % G_N_ELEMENTS (caps)]);

    g_string_append_printf (description, "%s ! v. ", source);
    g_free (source);
  }
  call_start (&call, description->str);
  call_await (&call, shows_tiles, &expected);
  call_stop (&call);
  g_string_free (description, TRUE);
}
GST_END_TEST;

GST_START_TEST (any_raw_format_is_shown)
{
  static const char *const formats[] = { "NV12", "BGRx", "ARGB", "YUY2",
    "I420_10LE", "GRAY8" };
  char *description = g_strdup_printf ("meshview name=v" SINKS
      "videotestsrc pattern=white ! video/x-raw,format=%s,width=352,height=198 "
      "! v.", formats[__i__]);
  Call call;

  call_start (&call, description);
  call_await (&call, is_filled, GUINT_TO_POINTER (0xffffff));
  call_stop (&call);
  g_free (description);
}
GST_END_TEST;

static gboolean
is_upright (GstVideoFrame *frame, gpointer user_data)
{
  MeshRect picture = { 438, 0, 404, 720 }, left = { 0, 0, 436, 720 };

  return rect_is (frame, &picture, 0xffffff)
      && rect_is (frame, &left, 0x0000ff);
}

/* A camera turned on its side, then one with long pixels. */
GST_START_TEST (changed_caps_change_the_tile)
{
  Call call;
  GstElement *filter;
  GstCaps *caps;

  call_start (&call, "meshview name=v background=0xff0000ff" SINKS
      "videotestsrc is-live=true pattern=white ! capsfilter name=f "
      "caps=video/x-raw,format=I420,width=320,height=180 ! v.");
  call_await (&call, is_filled, GUINT_TO_POINTER (0xffffff));
  filter = gst_bin_get_by_name (GST_BIN (call.pipeline), "f");
  caps = gst_caps_from_string ("video/x-raw,format=NV12,width=180,height=320");
  g_object_set (filter, "caps", caps, NULL);
  gst_caps_unref (caps);
  call_await (&call, is_upright, NULL);
  caps = gst_caps_from_string ("video/x-raw,width=180,height=180,"
      "pixel-aspect-ratio=16/9");
  g_object_set (filter, "caps", caps, NULL);
  gst_caps_unref (caps);
  call_await (&call, is_filled, GUINT_TO_POINTER (0xffffff));
  gst_object_unref (filter);
  call_stop (&call);
}
GST_END_TEST;

static gboolean
has_size (GstVideoFrame *frame, gpointer user_data)
{
  return GST_VIDEO_FRAME_WIDTH (frame) == GPOINTER_TO_INT (user_data)
      && GST_VIDEO_INFO_FPS_N (&frame->info) == 15
      && is_filled (frame, GUINT_TO_POINTER (0x00ff00));
}

GST_START_TEST (size_and_rate_change_while_running)
{
  char *source = colour_source (0x00ff00, SMALL);
  char *description = g_strdup_printf ("meshview name=v" SINKS "%s ! v.",
      source);
  Call call;

  call_start (&call, description);
  call_await (&call, is_filled, GUINT_TO_POINTER (0x00ff00));
  g_object_set (call.view, "width", 640, "height", 360, "framerate", 15, 1,
      NULL);
  call_await (&call, has_size, GINT_TO_POINTER (640));
  g_object_set (call.view, "width", 322, "height", 180, NULL);
  call_await (&call, has_size, GINT_TO_POINTER (322));
  call_stop (&call);
  g_free (description);
  g_free (source);
}
GST_END_TEST;

GST_START_TEST (background_is_what_was_asked_for)
{
  Call call;

  call_start (&call, "meshview name=v background=0xff204080" SINKS);
  call_await (&call, is_filled, GUINT_TO_POINTER (0x204080));
  g_object_set (call.view, "background", 0xffff0000, NULL);
  call_await (&call, is_filled, GUINT_TO_POINTER (0xff0000));
  call_stop (&call);
}
GST_END_TEST;

/* --- people --- */

GST_START_TEST (people_come_and_go)
{
  Expected two = expect_grid (2), one = expect_grid (1);
  GstPad *a, *b;
  Call call;

  call_start (&call, ROOM);
  call_await (&call, is_filled, GUINT_TO_POINTER (0x000000));
  a = join (&call, 0, colours[0]);
  call_await (&call, shows_tiles, &one);
  b = join (&call, 1, colours[1]);
  call_await (&call, shows_tiles, &two);
  room_remove (call.room, b);
  call_await (&call, shows_tiles, &one);
  b = join (&call, 2, colours[1]);
  assert_equals_int (call.view->numsinkpads, 2);
  call_await (&call, shows_tiles, &two);
  room_remove (call.room, a);
  one.colours[0] = colours[1];
  call_await (&call, shows_tiles, &one);
  room_remove (call.room, b);
  call_check_left (&call);
  call_await (&call, is_filled, GUINT_TO_POINTER (0x000000));
  call_stop (&call);
}
GST_END_TEST;

GST_START_TEST (eos_frees_the_tile)
{
  Expected two = expect_grid (2), one = expect_grid (1);
  GstPad *b;
  Call call;

  call_start (&call, ROOM);
  join (&call, 0, colours[0]);
  b = join (&call, 1, colours[1]);
  call_await (&call, shows_tiles, &two);
  room_send (b, gst_event_new_eos ());
  call_await (&call, shows_tiles, &one);
  room_remove (call.room, b);
  call_await (&call, shows_tiles, &one);
  call_stop (&call);
}
GST_END_TEST;

static void
introduce_by_number (GstPad *pad, guint number, guint time)
{
  char *id = g_strdup_printf ("id-%u-%u", number, time);
  char *name = g_strdup_printf ("Guest %u", number);

  room_introduce (pad, id, name, FALSE);
  g_free (name);
  g_free (id);
}

/* Four in a grid of two by two, where one place is free. */
static gboolean
leaves_free (GstVideoFrame *frame, gpointer user_data)
{
  guint free_place = GPOINTER_TO_UINT (user_data);

  for (guint i = 0; i < 4; i++) {
    MeshRect rect = { i % 2 * 640, i / 2 * 360, 640, 360 };

    if (!rect_is (frame, &rect, i == free_place ? 0x000000 : colours[i]))
      return FALSE;
  }
  return TRUE;
}

GST_START_TEST (a_place_in_the_grid_is_kept)
{
  Expected four = expect_grid (4), two = expect_grid (2);
  GstPad *pads[4], *stranger;
  Call call;

  call_start (&call, ROOM);
  for (guint i = 0; i < 4; i++) {
    pads[i] = join (&call, i, colours[i]);
    introduce_by_number (pads[i], i, 0);
  }
  call_await (&call, shows_tiles, &four);
  /* whoever it was that left */
  for (guint i = 0; i < 4; i++) {
    room_remove (call.room, pads[i]);
    call_await (&call, leaves_free, GUINT_TO_POINTER (i));
    pads[i] = join (&call, 4 + i, colours[i]);
    introduce_by_number (pads[i], i, 1);
    call_await (&call, shows_tiles, &four);
  }
  /* a place is not kept for ever */
  room_remove (call.room, pads[1]);
  call_await (&call, leaves_free, GUINT_TO_POINTER (1));
  stranger = join (&call, 8, colours[1]);
  introduce_by_number (stranger, 8, 0);
  call_await (&call, shows_tiles, &four);
  /* a smaller grid closes up, and opens again where it did */
  room_remove (call.room, pads[0]);
  room_remove (call.room, pads[2]);
  two.colours[0] = colours[1];
  two.colours[1] = colours[3];
  call_await (&call, shows_tiles, &two);
  room_remove (call.room, pads[3]);
  call_await (&call, is_filled, GUINT_TO_POINTER (colours[1]));
  pads[0] = join (&call, 9, colours[0]);
  introduce_by_number (pads[0], 0, 2);
  two.colours[0] = colours[0];
  two.colours[1] = colours[1];
  call_await (&call, shows_tiles, &two);
  call_stop (&call);
}
GST_END_TEST;

GST_START_TEST (whoever_speaks_is_large)
{
  Expected expected = expect_grid (3);
  const char *ids[] = { "id-a", "id-b", "id-c" };
  GstPad *voices[3];
  Call call;

  call_start (&call, ROOM);
  g_object_set (call.view, "layout", MESH_LAYOUT_SPEAKER, NULL);
  expected.layout.mode = MESH_LAYOUT_SPEAKER;
  for (guint i = 0; i < 3; i++) {
    room_introduce (join (&call, i, colours[i]), ids[i], ids[i], FALSE);
    voices[i] = say (&call, i, i == 1 ? "volume=0.5" : "volume=0.01");
    room_introduce (voices[i], ids[i], ids[i], FALSE);
  }
  expected.layout.focus = 1;
  call_await (&call, shows_tiles, &expected);
  room_remove (call.room, voices[1]);
  voices[1] = say (&call, 1, "volume=0.002");
  room_remove (call.room, voices[2]);
  voices[2] = say (&call, 2, "volume=0.7");
  room_introduce (voices[2], ids[2], ids[2], FALSE);
  expected.layout.focus = 2;
  call_await (&call, shows_tiles, &expected);
  call_stop (&call);
}
GST_END_TEST;

static gboolean
label_is_there (GstVideoFrame *frame, gpointer user_data)
{
  gboolean *there = user_data;
  int stride = GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0);
  guint8 *luma = GST_VIDEO_FRAME_PLANE_DATA (frame, 0);
  guint bright = 0, dark = 0;

  for (int y = 720 - 60; y < 720; y++) {
    for (int x = 0; x < 200; x++) {
      bright += luma[y * stride + x] > 220;
      dark += luma[y * stride + x] < 90;
    }
  }
  return (bright > 50 && dark > 200) == *there;
}

GST_START_TEST (names_are_written)
{
  gboolean yes = TRUE, no = FALSE;
  GstPad *pad;
  Call call;

  call_start (&call, "testroom name=room  room. : meshview name=v" SINKS);
  pad = join (&call, 0, 0x808080);
  call_await (&call, is_filled, GUINT_TO_POINTER (0x808080));
  room_introduce (pad, "id", "Ada Lovelace", TRUE);
  call_await (&call, label_is_there, &yes);
  g_object_set (call.view, "labels", FALSE, NULL);
  call_await (&call, label_is_there, &no);
  g_object_set (call.view, "labels", TRUE, NULL);
  call_await (&call, label_is_there, &yes);
  /* names are remote input */
  room_introduce (pad, "id", "<b>\n\t\x01\xe2\x80\xae "
      "a name that is far too long to fit into any picture, whoever may have "
      "thought of it, and goes on and on and on and on and on and on", FALSE);
  call_await (&call, label_is_there, &yes);
  room_introduce (pad, "id", "", FALSE);
  call_await (&call, is_filled, GUINT_TO_POINTER (0x808080));
  room_send (pad, gst_event_new_tag (gst_tag_list_new (GST_TAG_TITLE, "Ada",
              NULL)));
  call_await (&call, label_is_there, &yes);
  call_stop (&call);
}
GST_END_TEST;

/* --- sound --- */

static void
await_tones (Call *call, double a, double b, double amplitude)
{
  await_two_tones (call, a, amplitude, b, amplitude);
}

GST_START_TEST (everybody_is_heard)
{
  Call call;

  call_start (&call, "meshview name=v" SINKS
      "audiotestsrc is-live=true freq=440 volume=0.3 "
      "! audio/x-raw,format=S16LE,rate=48000,channels=1 ! v. "
      "audiotestsrc is-live=true freq=1000 volume=0.3 "
      "! audio/x-raw,format=S32LE,rate=44100,channels=2 ! v.");
  await_tones (&call, 440, 1000, 0.3);
  call_stop (&call);
}
GST_END_TEST;

/* Ten at nearly full scale: turned down, not cut off. */
GST_START_TEST (many_voices_do_not_clip)
{
  GString *description = g_string_new ("meshview name=v" SINKS);
  Call call;

  for (guint i = 0; i < 10; i++)
    g_string_append (description, "audiotestsrc freq=440 volume=0.9 "
        "! audio/x-raw,format=F32LE,rate=48000,channels=1 ! v. ");
  call_start (&call, description->str);
  await_tones (&call, 440, 440, 0.95);
  call_stop (&call);
  g_string_free (description, TRUE);
}
GST_END_TEST;

GST_START_TEST (a_file_is_played_at_its_pace)
{
  Call call;
  GstElement *source;
  GstStructure *stats;
  guint64 sent;

  call_start (&call, "meshview name=v" SINKS
      "audiotestsrc name=a freq=440 volume=0.3 samplesperbuffer=480 ! "
      "audio/x-raw,rate=48000 ! identity name=i ! v. "
      "audiotestsrc freq=1000 volume=0.3 ! v. "
      "videotestsrc pattern=white ! video/x-raw,width=320,height=180 ! v.");
  await_tones (&call, 440, 1000, 0.3);
  call_await (&call, is_filled, GUINT_TO_POINTER (0xffffff));
  source = gst_bin_get_by_name (GST_BIN (call.pipeline), "i");
  g_object_get (source, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, "num-buffers", &sent));
  gst_structure_free (stats);
  /* a few seconds of 10 ms; not what a loop would have made */
  fail_unless (sent < 100 * 60, "%" G_GUINT64_FORMAT " buffers", sent);
  gst_object_unref (source);
  call_stop (&call);
}
GST_END_TEST;

static Suite *
meshview_suite (void)
{
  Suite *suite = suite_create ("meshview");
  TCase *tc = tcase_create ("shows");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, output_flows_with_nobody);
  tcase_add_test (tc, the_documented_line_runs);
  tcase_add_test (tc, an_output_may_stay_unused);
  tcase_add_loop_test (tc, everybody_is_in_their_place, 0, 5);
  tcase_add_loop_test (tc, any_raw_format_is_shown, 0, 6);
  tcase_add_test (tc, changed_caps_change_the_tile);
  tcase_add_test (tc, size_and_rate_change_while_running);
  tcase_add_test (tc, background_is_what_was_asked_for);
  tcase_add_test (tc, people_come_and_go);
  tcase_add_test (tc, eos_frees_the_tile);
  tcase_add_test (tc, a_place_in_the_grid_is_kept);
  tcase_add_test (tc, whoever_speaks_is_large);
  tcase_add_test (tc, names_are_written);
  tcase_add_test (tc, everybody_is_heard);
  tcase_add_test (tc, many_voices_do_not_clip);
  tcase_add_test (tc, a_file_is_played_at_its_pace);
  return suite;
}

GST_CHECK_MAIN (meshview);
