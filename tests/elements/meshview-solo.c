/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A meshview that shows and plays one of its people. */

#include "view-fixture.h"

#define ROOM "testroom name=room  room. : meshview name=v labels=false" SINKS

GST_START_TEST (solo_shows_one)
{
  GstPad *a, *b;
  Call call;

  call_start (&call, ROOM);
  a = join (&call, 0, colours[0]);
  b = join (&call, 1, colours[1]);
  room_introduce (a, "id-a", "Ada", FALSE);
  room_introduce (b, "id-b", "Grace", FALSE);
  gst_util_set_object_arg (G_OBJECT (call.view), "layout", "solo");
  call_await (&call, is_filled, GUINT_TO_POINTER (0x000000));
  g_object_set (call.view, "solo", "id-a", NULL);
  call_await (&call, is_filled, GUINT_TO_POINTER (colours[0]));
  g_object_set (call.view, "solo", "Grace", NULL);
  call_await (&call, is_filled, GUINT_TO_POINTER (colours[1]));
  room_introduce (b, "id-b", "Grace Hopper", FALSE);
  call_await (&call, is_filled, GUINT_TO_POINTER (0x000000));
  room_introduce (a, "id-a", "Grace", FALSE);
  call_await (&call, is_filled, GUINT_TO_POINTER (colours[0]));
  call_stop (&call);
}
GST_END_TEST;

/* Composed, decomposed, or with a blank that came along: one name. */
GST_START_TEST (solo_finds_a_name_however_it_is_typed)
{
  g_autofree char *kept = NULL;
  GstPad *a, *b;
  Call call;

  call_start (&call, ROOM);
  a = join (&call, 0, colours[0]);
  b = join (&call, 1, colours[1]);
  room_introduce (a, "id-a", "Zoe\xcc\x88", FALSE);
  room_introduce (b, "id-b", "Jos\xc3\xa9", FALSE);
  gst_util_set_object_arg (G_OBJECT (call.view), "layout", "solo");
  g_object_set (call.view, "solo", "Zo\xc3\xab", NULL);
  call_await (&call, is_filled, GUINT_TO_POINTER (colours[0]));
  g_object_set (call.view, "solo", " Jose\xcc\x81\xc2\xa0", NULL);
  call_await (&call, is_filled, GUINT_TO_POINTER (colours[1]));
  g_object_get (call.view, "solo", &kept, NULL);
  ck_assert_str_eq (kept, " Jose\xcc\x81\xc2\xa0");
  g_object_set (call.view, "solo", "jos\xc3\xa9", NULL);
  call_await (&call, is_filled, GUINT_TO_POINTER (0x000000));
  g_object_set (call.view, "solo", "\xe2\x80\x8b", NULL);
  room_introduce (b, "id-b", "", FALSE);
  call_await (&call, is_filled, GUINT_TO_POINTER (0x000000));
  g_object_set (call.view, "solo", NULL, NULL);
  call_await (&call, is_filled, GUINT_TO_POINTER (0x000000));
  call_stop (&call);
}
GST_END_TEST;

/* A person who leaves and comes back with a new peer id is shown again. Of two
 * with one name the first to come is shown, and an id counts before a name. */
GST_START_TEST (solo_comes_back)
{
  GstPad *a, *b, *c;
  Call call;

  call_start (&call, ROOM);
  g_object_set (call.view, "layout", MESH_LAYOUT_SOLO, "solo", "Ada", NULL);
  b = join (&call, 1, colours[1]);
  room_introduce (b, "id-b", "Grace", FALSE);
  for (guint i = 0; i < 2; i++) {
    call_await (&call, is_filled, GUINT_TO_POINTER (0x000000));
    a = join (&call, 2 + i, colours[2 + i]);
    room_introduce (a, i ? "id-a2" : "id-a1", "Ada", FALSE);
    call_await (&call, is_filled, GUINT_TO_POINTER (colours[2 + i]));
    if (i == 0)
      room_remove (call.room, a);
  }
  c = join (&call, 4, colours[4]);
  room_introduce (c, "id-c", "Ada", FALSE);
  room_introduce (b, "id-b", "id-c", FALSE);
  g_object_set (call.view, "solo", "id-c", NULL);
  call_await (&call, is_filled, GUINT_TO_POINTER (colours[4]));
  g_object_set (call.view, "solo", "Ada", NULL);
  call_await (&call, is_filled, GUINT_TO_POINTER (colours[3]));
  room_remove (call.room, a);
  call_await (&call, is_filled, GUINT_TO_POINTER (colours[4]));
  call_stop (&call);
}
GST_END_TEST;

/* As when somebody crashes and is back before the others have noticed. */
GST_START_TEST (solo_passes_over_a_picture_that_stands_still)
{
  char *source = colour_source (colours[0], SMALL);
  char *description = g_strdup_printf ("%s ! valve name=valve", source);
  GstElement *valve;
  GstPad *pad;
  Call call;

  call_start (&call, ROOM);
  g_object_set (call.view, "layout", MESH_LAYOUT_SOLO, "solo", "Ada", NULL);
  pad = room_add (call.room, "video_0", description);
  room_introduce (pad, "id-0", "Ada", FALSE);
  call_await (&call, is_filled, GUINT_TO_POINTER (colours[0]));
  valve = gst_bin_get_by_name (GST_BIN (call.room), "valve");
  g_object_set (valve, "drop", TRUE, NULL);
  room_introduce (join (&call, 1, colours[1]), "id-1", "Ada", FALSE);
  call_await (&call, is_filled, GUINT_TO_POINTER (colours[1]));
  g_object_set (valve, "drop", FALSE, NULL);
  call_await (&call, is_filled, GUINT_TO_POINTER (colours[0]));
  gst_object_unref (valve);
  call_stop (&call);
  g_free (description);
  g_free (source);
}
GST_END_TEST;

/* A change of layout while frames flow makes no new caps and drops no frame. */
GST_START_TEST (solo_changes_without_a_gap)
{
  GstClockTime last = GST_CLOCK_TIME_NONE;
  GstCaps *caps = NULL;
  GstPad *pads[2];
  Call call;

  call_start (&call, "testroom name=room  room. : meshview name=v labels=false "
      "v.video ! appsink name=video max-buffers=400");
  for (guint i = 0; i < 2; i++) {
    pads[i] = join (&call, i, colours[i]);
    room_introduce (pads[i], i ? "id-1" : "id-0", i ? "Grace" : "Ada", FALSE);
  }
  for (guint i = 0; i < 60; i++) {
    GstSample *sample = call_pull (call.video);
    GstBuffer *buffer = gst_sample_get_buffer (sample);

    if (i % 5 == 0)
      g_object_set (call.view, "layout", i % 3, "solo", i % 2 ? "Ada" : "id-1",
          "labels", i % 4 == 0, NULL);
    if (caps)
      fail_unless (gst_caps_is_equal (caps, gst_sample_get_caps (sample)));
    gst_caps_replace (&caps, gst_sample_get_caps (sample));
    /* a machine that is too slow leaves frames out, and says so */
    if (GST_CLOCK_TIME_IS_VALID (last)
        && !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DISCONT))
      fail_unless (GST_CLOCK_DIFF (last, GST_BUFFER_PTS (buffer))
          <= (GstClockTimeDiff) GST_MSECOND);
    last = GST_BUFFER_PTS (buffer) + GST_BUFFER_DURATION (buffer);
    gst_sample_unref (sample);
  }
  gst_caps_unref (caps);
  g_object_set (call.view, "layout", MESH_LAYOUT_SOLO, "solo", "Ada", NULL);
  call_await (&call, is_filled, GUINT_TO_POINTER (colours[0]));
  call_stop (&call);
}
GST_END_TEST;

GST_START_TEST (solo_is_heard_alone)
{
  GstPad *ada, *grace;
  Call call;

  call_start (&call, ROOM);
  ada = say (&call, 0, "freq=440 volume=0.3");
  grace = say (&call, 1, "freq=1000 volume=0.3");
  room_introduce (ada, "id-a", "Ada", FALSE);
  room_introduce (grace, "id-b", "Grace", FALSE);
  room_introduce (join (&call, 0, colours[0]), "id-a", "Ada", FALSE);
  await_two_tones (&call, 440, 0.3, 1000, 0.3);
  g_object_set (call.view, "layout", MESH_LAYOUT_SOLO, NULL);
  await_two_tones (&call, 440, 0, 1000, 0);
  g_object_set (call.view, "solo", "Ada", NULL);
  await_two_tones (&call, 440, 0.3, 1000, 0);
  /* without a picture */
  g_object_set (call.view, "solo", "Grace", NULL);
  await_two_tones (&call, 440, 0, 1000, 0.3);
  g_object_set (call.view, "solo", "Ada", NULL);
  await_two_tones (&call, 440, 0.3, 1000, 0);
  room_remove (call.room, ada);
  await_two_tones (&call, 440, 0, 1000, 0);
  g_object_set (call.view, "layout", MESH_LAYOUT_GRID, NULL);
  await_two_tones (&call, 440, 0, 1000, 0.3);
  call_stop (&call);
}
GST_END_TEST;

static Suite *
meshview_solo_suite (void)
{
  Suite *suite = suite_create ("meshview-solo");
  TCase *tc = tcase_create ("shows");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, solo_shows_one);
  tcase_add_test (tc, solo_finds_a_name_however_it_is_typed);
  tcase_add_test (tc, solo_comes_back);
  tcase_add_test (tc, solo_passes_over_a_picture_that_stands_still);
  tcase_add_test (tc, solo_changes_without_a_gap);
  tcase_add_test (tc, solo_is_heard_alone);
  return suite;
}

GST_CHECK_MAIN (meshview_solo);
