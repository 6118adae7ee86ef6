/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a meshview tells upstream of how large it draws each picture. */

#include "view-fixture.h"

#define ROOM "testroom name=room  room. : meshview name=v labels=false" SINKS

/* Returns the id of whoever says so. */
static char *
await_drawn (GstPad *pad, int width, int height, int fps)
{
  GAsyncQueue *drawn = g_object_get_data (G_OBJECT (pad), "drawn");
  GstEvent *event;

  while ((event = g_async_queue_timeout_pop (drawn,
              20 * G_TIME_SPAN_SECOND))) {
    const GstStructure *s = gst_event_get_structure (event);
    char *id = g_strdup (gst_structure_get_string (s, "id"));
    int w = -1, h = -1, f = -1;

    fail_unless (gst_structure_get (s, "width", G_TYPE_INT, &w, "height",
            G_TYPE_INT, &h, "fps", G_TYPE_INT, &f, NULL));
    gst_event_unref (event);
    if (w == width && h == height && f == fps)
      return id;
    g_free (id);
  }
  fail ("nobody was told of %ix%i at %i/s", width, height, fps);
  return NULL;
}

static void
check_drawn (GstPad *pad, int width, int height, int fps)
{
  g_free (await_drawn (pad, width, height, fps));
}

GST_START_TEST (upstream_is_told_the_size_of_its_tile)
{
  GstPad *a, *b;
  Call call;

  call_start (&call, ROOM);
  a = join (&call, 0, colours[0]);
  check_drawn (a, 1280, 720, 30);
  b = join (&call, 1, colours[1]);
  check_drawn (a, 640, 360, 30);
  check_drawn (b, 640, 360, 30);
  g_object_set (call.view, "width", 640, "height", 360, NULL);
  gst_util_set_object_arg (G_OBJECT (call.view), "framerate", "15/2");
  check_drawn (a, 320, 180, 8);
  check_drawn (b, 320, 180, 8);
  room_remove (call.room, b);
  check_drawn (a, 640, 360, 8);
  call_stop (&call);
}
GST_END_TEST;

GST_START_TEST (upstream_is_told_when_nobody_sees_it)
{
  GstPad *a, *b;
  Call call;

  call_start (&call, ROOM);
  a = join (&call, 0, colours[0]);
  b = join (&call, 1, colours[1]);
  room_introduce (a, "id-a", "Ada", FALSE);
  room_introduce (b, "id-b", "Grace", FALSE);
  check_drawn (a, 640, 360, 30);
  check_drawn (b, 640, 360, 30);
  g_object_set (call.view, "layout", MESH_LAYOUT_SOLO, "solo", "Ada", NULL);
  check_drawn (a, 1280, 720, 30);
  check_drawn (b, 0, 0, 0);
  g_object_set (call.view, "solo", "Grace", NULL);
  check_drawn (a, 0, 0, 0);
  check_drawn (b, 1280, 720, 30);
  g_object_set (call.view, "layout", MESH_LAYOUT_SPEAKER, NULL);
  check_drawn (a, 1024, 576, 30);
  check_drawn (b, 256, 144, 30);
  call_stop (&call);
}
GST_END_TEST;

/* A sender that believed to be unseen would never send a first frame. */
GST_START_TEST (a_tile_without_a_picture_tells_nothing)
{
  g_autofree char *source = colour_source (colours[1], SMALL);
  g_autofree char *description
      = g_strdup_printf ("%s ! valve name=valve drop=true", source);
  GstElement *valve;
  GstPad *a, *b;
  Call call;

  call_start (&call, ROOM);
  b = room_add (call.room, "video_1", description);
  a = join (&call, 0, colours[0]);
  check_drawn (a, 1280, 720, 30);
  g_object_set (call.view, "width", 640, "height", 360, NULL);
  check_drawn (a, 640, 360, 30);
  assert_equals_int (g_async_queue_length (g_object_get_data (G_OBJECT (b),
              "drawn")), 0);
  valve = gst_bin_get_by_name (GST_BIN (call.room), "valve");
  g_object_set (valve, "drop", FALSE, NULL);
  check_drawn (b, 320, 180, 30);
  gst_object_unref (valve);
  call_stop (&call);
}
GST_END_TEST;

/* The picture of somebody unseen ends, as when the view is stopped: without
 * being told so, its sender would not send another one. */
GST_START_TEST (unseen_is_taken_back_with_the_picture)
{
  GstPad *a, *b;
  Call call;

  call_start (&call, ROOM);
  a = join (&call, 0, colours[0]);
  b = join (&call, 1, colours[1]);
  room_introduce (a, "id-a", "Ada", FALSE);
  g_object_set (call.view, "layout", MESH_LAYOUT_SOLO, "solo", "Ada", NULL);
  check_drawn (b, 0, 0, 0);
  room_send (b, gst_event_new_eos ());
  check_drawn (b, 1280, 720, 30);
  call_stop (&call);
}
GST_END_TEST;

/* A room between whose pads and the view lie elements of the application. */
static void
join_by (Call *call, GstPad *pad, const char *description)
{
  GError *error = NULL;
  GstElement *way = gst_parse_bin_from_description (description, TRUE, &error);

  g_assert_no_error (error);
  gst_bin_add (GST_BIN (call->pipeline), way);
  gst_element_sync_state_with_parent (way);
  fail_unless (gst_element_link (way, call->view));
  fail_unless (gst_element_link_pads (call->room, GST_PAD_NAME (pad), way,
          NULL));
}

GST_START_TEST (elements_between_pass_it_on)
{
  char *source = colour_source (colours[0], SMALL);
  GstPad *pad;
  Call call;

  call_start (&call, "testroom name=room meshview name=v" SINKS);
  pad = room_add (call.room, "video_0", source);
  join_by (&call, pad, "queue ! videoconvert ! videoscale ! videorate ! queue");
  check_drawn (pad, 1280, 720, 30);
  g_object_set (call.view, "width", 640, "height", 360, NULL);
  check_drawn (pad, 640, 360, 30);
  call_stop (&call);
  g_free (source);
}
GST_END_TEST;

/* Two views of one stream are told apart, and one that is unlinked says that it
 * sees nothing any more. */
GST_START_TEST (two_views_are_told_apart)
{
  char *source = colour_source (colours[0], SMALL);
  char *first, *second, *gone;
  GstElement *tee, *other, *queue;
  GstPad *pad;
  Call call;

  call_start (&call, "testroom name=room  tee name=t  t. ! queue name=q ! "
      "meshview name=w width=320 height=180 w.video ! fakesink  "
      "t. ! queue ! meshview name=v" SINKS);
  pad = room_add (call.room, "video_0", source);
  tee = gst_bin_get_by_name (GST_BIN (call.pipeline), "t");
  fail_unless (gst_element_link_pads (call.room, "video_0", tee, "sink"));
  first = await_drawn (pad, 1280, 720, 30);
  g_object_set (call.view, "width", 640, "height", 360, NULL);
  other = gst_bin_get_by_name (GST_BIN (call.pipeline), "w");
  g_object_set (other, "width", 160, "height", 90, NULL);
  second = await_drawn (pad, 160, 90, 30);
  fail_if (g_str_equal (first, second));
  queue = gst_bin_get_by_name (GST_BIN (call.pipeline), "q");
  gst_element_unlink (queue, other);
  gone = await_drawn (pad, 0, 0, 0);
  g_assert_cmpstr (gone, ==, second);
  gst_object_unref (queue);
  gst_object_unref (other);
  gst_object_unref (tee);
  call_stop (&call);
  g_free (first);
  g_free (second);
  g_free (gone);
  g_free (source);
}
GST_END_TEST;

static GstPadProbeReturn
change_layout (GstPad *pad, GstPadProbeInfo *info, gpointer view)
{
  if (gst_event_has_name (GST_PAD_PROBE_INFO_EVENT (info), "meshroom/drawn"))
    g_object_set (view, "width", 320, "height", 180, NULL);
  return GST_PAD_PROBE_OK;
}

GST_START_TEST (no_lock_is_held_meanwhile)
{
  GstPad *a, *b;
  Call call;

  call_start (&call, ROOM);
  a = join (&call, 0, colours[0]);
  check_drawn (a, 1280, 720, 30);
  gst_pad_add_probe (a, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, change_layout,
      call.view, NULL);
  b = join (&call, 1, colours[1]);
  check_drawn (b, 160, 90, 30);
  call_stop (&call);
}
GST_END_TEST;

static Suite *
meshview_drawn_suite (void)
{
  Suite *suite = suite_create ("meshview-drawn");
  TCase *tc = tcase_create ("tells");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, upstream_is_told_the_size_of_its_tile);
  tcase_add_test (tc, upstream_is_told_when_nobody_sees_it);
  tcase_add_test (tc, a_tile_without_a_picture_tells_nothing);
  tcase_add_test (tc, unseen_is_taken_back_with_the_picture);
  tcase_add_test (tc, elements_between_pass_it_on);
  tcase_add_test (tc, two_views_are_told_apart);
  tcase_add_test (tc, no_lock_is_held_meanwhile);
  return suite;
}

GST_CHECK_MAIN (meshview_drawn);
