/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A meshview under way: nobody holds it up, and nothing is left of those who
 * have gone. */

#include "latency.h"
#include "objects.h"
#include "view-fixture.h"

#define VIEW "meshview name=v labels=false width=640 height=360 "
/* Outputs that keep little, since memory is measured. */
#define SHORT_SINKS " v.video ! appsink name=video max-buffers=4 drop=true " \
  "v.audio ! appsink name=audio max-buffers=4 drop=true "
#define ROOM "testroom name=room  room. : " VIEW SHORT_SINKS

/* --- inputs that are not as they should be --- */

/* Pictures by hand: white ones, at the times given. */
static void
push_white (GstElement *source, GstClockTime time)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 64 * 36, NULL);

  gst_buffer_memset (buffer, 0, 235, -1);
  GST_BUFFER_PTS (buffer) = time;
  assert_equals_int (gst_app_src_push_buffer (GST_APP_SRC (source), buffer),
      GST_FLOW_OK);
}

#define BY_HAND "appsrc name=%s is-live=true format=time " \
  "caps=video/x-raw,format=GRAY8,width=64,height=36,framerate=30/1 ! v. "

/* One that never starts, one that stops after a frame: the third is shown all
 * the same, frame by frame, and the one that stopped stays as it was. */
GST_START_TEST (a_stuck_input_holds_nobody_up)
{
  Call call;
  char *description = g_strdup_printf (VIEW SHORT_SINKS BY_HAND BY_HAND
      "audiotestsrc is-live=true num-buffers=3 ! v. "
      "videotestsrc name=clock is-live=true ! video/x-raw,width=64,height=36 "
      "! v. ", "never", "once");
  GstElement *once;
  GstClockTime first, last = 0;

  call_start (&call, description);
  once = gst_bin_get_by_name (GST_BIN (call.pipeline), "once");
  push_white (once, 0);
  gst_sample_unref (call_pull (call.video));
  first = gst_util_get_timestamp ();
  for (guint i = 0; i < 45; i++) {
    GstSample *sample = call_pull (call.video);

    last = GST_BUFFER_PTS (gst_sample_get_buffer (sample));
    gst_sample_unref (sample);
  }
  /* 45 frames are a second and a half; nothing waited for anything */
  fail_unless (last > GST_SECOND);
  fail_unless (gst_util_get_timestamp () - first < 5 * GST_SECOND);
  gst_object_unref (once);
  call_stop (&call);
  g_free (description);
}
GST_END_TEST;

/* No timestamps, ones from the far future, ones from the past: shown. */
GST_START_TEST (wrong_timestamps_are_survived)
{
  static const GstClockTime times[] = { GST_CLOCK_TIME_NONE, 0,
    3600 * GST_SECOND };
  char *description = g_strdup_printf (VIEW SHORT_SINKS BY_HAND, "hand");
  GstElement *hand;
  Call call;

  call_start (&call, description);
  hand = gst_bin_get_by_name (GST_BIN (call.pipeline), "hand");
  for (guint i = 0; i < 100; i++)
    push_white (hand, GST_CLOCK_TIME_IS_VALID (times[__i__])
        ? times[__i__] + i * 33 * GST_MSECOND : times[__i__]);
  call_await (&call, is_filled, GUINT_TO_POINTER (0xffffff));
  gst_object_unref (hand);
  call_stop (&call);
  g_free (description);
}
GST_END_TEST;

/* Somebody joins a call that has gone on for a while. */
GST_START_TEST (a_latecomer_is_seen)
{
  Call call;

  call_start (&call, ROOM);
  for (guint i = 0; i < 45; i++)
    gst_sample_unref (call_pull (call.video));
  join (&call, 0, colours[0]);
  call_await (&call, is_filled, GUINT_TO_POINTER (colours[0]));
  call_stop (&call);
}
GST_END_TEST;

/* --- latency --- */

static GstClockTime
query_latency (Call *call)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (call->view, "video");

  return live_latency (pad);
}

GST_START_TEST (joining_leaves_the_latency_alone)
{
  Call call;
  GstPad *pad;

  call_start (&call, ROOM);
  gst_sample_unref (call_pull (call.video));
  assert_equals_uint64 (query_latency (&call), 80 * GST_MSECOND);
  pad = join (&call, 0, colours[0]);
  call_await (&call, is_filled, GUINT_TO_POINTER (colours[0]));
  room_remove (call.room, pad);
  assert_equals_uint64 (query_latency (&call), 80 * GST_MSECOND);
  call_check_no_error (&call);
  assert_equals_int (call.latency_messages, 0);

  /* unless somebody needs more */
  room_add (call.room, "video_1", "videotestsrc is-live=true ! "
      "queue min-threshold-time=200000000 ! capsfilter "
      "caps=\"video/x-raw,format=I420,framerate=30/1\"");
  while (query_latency (&call) < 200 * GST_MSECOND)
    gst_sample_unref (call_pull (call.video));
  call_check_no_error (&call);
  fail_unless (call.latency_messages <= 1);
  call_stop (&call);
}
GST_END_TEST;

/* --- keys --- */

static void
press (Call *call, const char *key)
{
  GstPad *pad = gst_element_get_static_pad (call->video, "sink");

  gst_pad_push_event (pad,
      gst_navigation_event_new_key_press (key, GST_NAVIGATION_MODIFIER_NONE));
  gst_object_unref (pad);
}

GST_START_TEST (keys_go_where_they_belong)
{
  Room *room;
  Call call;
  GstPad *pad;
  int layout;

  call_start (&call, ROOM);
  room = (Room *) call.room;
  join (&call, 0, colours[0]);
  join (&call, 1, colours[1]);
  room_add (call.room, "audio_0", "audiotestsrc is-live=true");
  gst_sample_unref (call_pull (call.video));

  press (&call, "s");
  g_object_get (call.view, "layout", &layout, NULL);
  assert_equals_int (layout, MESH_LAYOUT_SPEAKER);
  press (&call, "s");
  g_object_get (call.view, "layout", &layout, NULL);
  assert_equals_int (layout, MESH_LAYOUT_GRID);
  assert_equals_int (room->keys, 0);

  /* once to the room, however many pads it has */
  press (&call, "m");
  assert_equals_int (room->keys, 1);
  assert_equals_string (room->key, "m");
  press (&call, "v");
  assert_equals_int (room->keys, 2);
  assert_equals_string (room->key, "v");

  pad = gst_element_get_static_pad (call.video, "sink");
  gst_pad_push_event (pad, gst_navigation_event_new_mouse_move (3, 4,
          GST_NAVIGATION_MODIFIER_NONE));
  gst_object_unref (pad);
  assert_equals_int (room->others, 0);
  call_stop (&call);
}
GST_END_TEST;

/* --- coming and going --- */

GST_START_TEST (applications_may_release_pads)
{
  Call call;
  GstElement *source;
  GstPad *sink, *src;

  call_start (&call, VIEW SHORT_SINKS);
  source = gst_parse_bin_from_description ("videotestsrc is-live=true", TRUE,
      NULL);
  gst_element_set_locked_state (source, TRUE);
  gst_bin_add (GST_BIN (call.pipeline), source);
  src = gst_element_get_static_pad (source, "src");

  /* one that never was linked, and one by a name of its own */
  sink = gst_element_request_pad_simple (call.view, "video_%u");
  gst_element_release_request_pad (call.view, sink);
  gst_object_unref (sink);
  sink = gst_element_request_pad_simple (call.view, "video_7");
  assert_equals_string (GST_PAD_NAME (sink), "video_7");
  assert_equals_int (gst_pad_link (src, sink), GST_PAD_LINK_OK);

  /* released while linked */
  gst_element_release_request_pad (call.view, sink);
  fail_if (gst_pad_is_linked (src));
  assert_equals_int (call.view->numsinkpads, 0);
  gst_object_unref (sink);

  /* unlinked first */
  sink = gst_element_request_pad_simple (call.view, "video_%u");
  assert_equals_int (gst_pad_link (src, sink), GST_PAD_LINK_OK);
  gst_pad_unlink (src, sink);
  fail_if (gst_pad_link (src, sink) == GST_PAD_LINK_OK);
  gst_element_release_request_pad (call.view, sink);
  assert_equals_int (call.view->numsinkpads, 0);
  ASSERT_OBJECT_REFCOUNT (sink, "pad", 1);
  gst_object_unref (sink);

  gst_object_unref (src);
  call_stop (&call);
}
GST_END_TEST;

static GstPad *
link_and_unlink (Call *call)
{
  GstPad *src = gst_pad_new ("src", GST_PAD_SRC);
  GstPad *sink = gst_element_request_pad_simple (call->view, "audio_%u");

  assert_equals_int (gst_pad_link (src, sink), GST_PAD_LINK_OK);
  gst_pad_unlink (src, sink);
  gst_object_unref (src);
  return sink;
}

static gboolean
has_pad (Call *call, GstPad *pad)
{
  GstPad *found = gst_element_get_static_pad (call->view, GST_PAD_NAME (pad));
  gboolean is_same = found == pad;

  g_clear_object (&found);
  return is_same;
}

/* Neither further pads nor a change of state releases a pad that the
 * application keeps. */
GST_START_TEST (an_unlinked_pad_that_is_kept_can_be_released_later)
{
  Call call;
  GstPad *kept;

  call_start (&call, VIEW SHORT_SINKS);
  kept = link_and_unlink (&call);
  for (guint i = 0; i < 3; i++)
    gst_object_unref (link_and_unlink (&call));
  gst_element_set_state (call.pipeline, GST_STATE_READY);
  gst_element_set_state (call.pipeline, GST_STATE_PLAYING);
  fail_unless (has_pad (&call, kept));
  gst_element_release_request_pad (call.view, kept);
  fail_if (has_pad (&call, kept));
  ASSERT_OBJECT_REFCOUNT (kept, "pad", 1);
  gst_object_unref (kept);
  call_stop (&call);
}
GST_END_TEST;

/* gst-launch releases none, and neither do they pile up. */
GST_START_TEST (an_unlinked_pad_that_nobody_keeps_goes_with_the_next)
{
  Call call;
  GstPad *kept;

  call_start (&call, VIEW SHORT_SINKS);
  for (guint i = 0; i < 10; i++) {
    gst_object_unref (link_and_unlink (&call));
    assert_equals_int (call.view->numsinkpads, 1);
  }
  call_check_left (&call);
  kept = link_and_unlink (&call);
  gst_element_set_state (call.pipeline, GST_STATE_READY);
  assert_equals_int (call.view->numsinkpads, 1);
  /* forgotten by an application that is at an end */
  gst_object_unref (kept);
  gst_element_set_state (call.pipeline, GST_STATE_NULL);
  assert_equals_int (call.view->numsinkpads, 0);
  gst_element_set_state (call.pipeline, GST_STATE_PLAYING);
  call_stop (&call);
}
GST_END_TEST;

GST_START_TEST (removing_the_source_releases_the_pad)
{
  Call call;
  GstElement *source;

  call_start (&call, VIEW SHORT_SINKS "videotestsrc name=s ! v. ");
  for (guint i = 0; i < 5; i++)
    gst_sample_unref (call_pull (call.video));
  source = gst_bin_get_by_name (GST_BIN (call.pipeline), "s");
  gst_element_set_state (source, GST_STATE_NULL);
  gst_bin_remove (GST_BIN (call.pipeline), source);
  gst_object_unref (source);
  call_check_left (&call);
  call_await (&call, is_filled, GUINT_TO_POINTER (0x000000));
  call_stop (&call);
}
GST_END_TEST;

static guint
count_elements (GstElement *bin)
{
  GstIterator *it = gst_bin_iterate_recurse (GST_BIN (bin));
  GValue value = G_VALUE_INIT;
  guint n = 0;

  while (gst_iterator_next (it, &value) == GST_ITERATOR_OK) {
    n++;
    g_value_reset (&value);
  }
  g_value_unset (&value);
  gst_iterator_free (it);
  return n;
}

/* Ten at a time, each with picture and sound. */
static void
ten_come_and_go (Call *call, guint number)
{
  GstPad *pads[20];

  for (guint i = 0; i < 10; i++) {
    char *name = g_strdup_printf ("video_%u", number * 10 + i);

    pads[2 * i] = room_add (call->room, name, "videotestsrc is-live=true ! "
        "capsfilter caps=\"video/x-raw,width=64,height=36\"");
    g_free (name);
    name = g_strdup_printf ("audio_%u", number * 10 + i);
    pads[2 * i + 1] = room_add (call->room, name, "audiotestsrc is-live=true");
    g_free (name);
    room_introduce (pads[2 * i], "id", "somebody", FALSE);
  }
  for (guint i = 0; i < 4; i++)
    gst_sample_unref (call_pull (call->video));
  for (guint i = 0; i < 20; i++)
    room_remove (call->room, pads[i]);
  call_check_no_error (call);
}

GST_START_TEST (two_hundred_leave_nothing_behind)
{
  Call call;
  Traces before;
  guint elements;

  /* those of the people's sources are not kept for the next */
  g_thread_pool_set_max_unused_threads (0);
  call_start (&call, ROOM);
  g_object_set (call.view, "labels", TRUE, NULL);
  gst_sample_unref (call_pull (call.video));
  before = traces_now ();
  elements = count_elements (call.pipeline);
  for (guint i = 0; i < 20; i++) {
    /* what is made once, and kept, is there by now */
    if (i == 1)
      objects_start (TRUE);
    ten_come_and_go (&call, i);
  }
  call_check_left (&call);
  assert_equals_int (count_elements (call.pipeline), elements);
  objects_check (before);
  objects_stop ();
  call_await (&call, is_filled, GUINT_TO_POINTER (0x000000));
  call_stop (&call);
}
GST_END_TEST;

static GMutex pulling;

/* People who come and go from several threads at once, and settings that
 * change meanwhile. */
static gpointer
come_and_go (gpointer user_data)
{
  Call *call = user_data;

  for (guint i = 0; i < 15; i++) {
    GstElement *source = gst_element_factory_make ("videotestsrc", NULL);
    GstPad *src = gst_element_get_static_pad (source, "src");
    GstPad *sink = gst_element_request_pad_simple (call->view, "video_%u");

    g_object_set (source, "is-live", TRUE, NULL);
    gst_bin_add (GST_BIN (call->pipeline), source);
    fail_unless (gst_pad_link (src, sink) == GST_PAD_LINK_OK);
    gst_element_set_state (source, GST_STATE_PLAYING);
    g_object_set (call->view, "layout", i % 3, "solo", i % 2 ? "a" : NULL,
        "width", 320 + 64 * (i % 4), NULL);
    /* an appsink is pulled by one at a time */
    g_mutex_lock (&pulling);
    gst_sample_unref (call_pull (call->video));
    g_mutex_unlock (&pulling);
    /* or the pipeline, on its own way up, takes it along */
    gst_element_set_locked_state (source, TRUE);
    gst_element_set_state (source, GST_STATE_NULL);
    gst_bin_remove (GST_BIN (call->pipeline), source);
    gst_object_unref (sink);
    gst_object_unref (src);
  }
  return NULL;
}

GST_START_TEST (many_threads_at_once)
{
  Call call;
  GThread *threads[4];

  call_start (&call, VIEW SHORT_SINKS);
  for (guint i = 0; i < 4; i++)
    threads[i] = g_thread_new ("people", come_and_go, &call);
  for (guint i = 0; i < 4; i++)
    g_thread_join (threads[i]);
  call_check_left (&call);
  call_stop (&call);
}
GST_END_TEST;

/* --- the view itself --- */

static GstTracer *
find_leaks_tracer (void)
{
  GList *tracers = gst_tracing_get_active_tracers ();
  GstTracer *found = NULL;

  for (GList *l = tracers; l; l = l->next) {
    if (g_str_equal (G_OBJECT_TYPE_NAME (l->data), "GstLeaksTracer"))
      found = gst_object_ref (l->data);
  }
  g_list_free_full (tracers, gst_object_unref);
  fail_unless (found != NULL, "the leaks tracer does not run");
  return found;
}

static const char *
logged_object (const GValue *list, guint i, const char **type)
{
  const GstStructure *s = gst_value_get_structure (gst_value_list_get_value
      (list, i));

  *type = gst_structure_get_string (s, "type-name");
  return gst_structure_get_string (s, "address");
}

/* Everything that came to life since the tracking began has ended. */
static void
check_all_ended (GstTracer *tracer)
{
  g_autoptr (GHashTable) ended = g_hash_table_new (g_str_hash, g_str_equal);
  GstStructure *log = NULL;
  const GValue *list;
  const char *type, *address;

  g_signal_emit_by_name (tracer, "activity-get-checkpoint", &log);
  list = gst_structure_get_value (log, "objects-removed-list");
  for (guint i = 0; i < gst_value_list_get_size (list); i++)
    g_hash_table_add (ended, (char *) logged_object (list, i, &type));
  list = gst_structure_get_value (log, "objects-created-list");
  fail_unless (gst_value_list_get_size (list) > 0);
  for (guint i = 0; i < gst_value_list_get_size (list); i++) {
    address = logged_object (list, i, &type);
    fail_unless (g_hash_table_contains (ended, address), "a %s lives on",
        type);
  }
  gst_structure_free (log);
}

GST_START_TEST (ten_times_from_start_to_end)
{
  GstTracer *tracer = find_leaks_tracer ();
  Call call;

  for (guint i = 0; i < 10; i++) {
    call_start (&call, ROOM);
    join (&call, 0, colours[0]);
    call_await (&call, is_filled, GUINT_TO_POINTER (colours[0]));
    call_stop (&call);
    if (i == 1)
      g_signal_emit_by_name (tracer, "activity-start-tracking");
  }
  check_all_ended (tracer);
  g_signal_emit_by_name (tracer, "activity-stop-tracking");
  gst_object_unref (tracer);

  /* and one pipeline ten times, with the people staying */
  call_start (&call, VIEW SHORT_SINKS "videotestsrc pattern=white ! "
      "video/x-raw,width=64,height=36 ! v. audiotestsrc is-live=true ! v.");
  for (guint i = 0; i < 10; i++) {
    call_await (&call, is_filled, GUINT_TO_POINTER (0xffffff));
    gst_element_set_state (call.pipeline, i % 3 == 0 ? GST_STATE_PAUSED
        : i % 3 == 1 ? GST_STATE_READY : GST_STATE_NULL);
    gst_element_set_state (call.pipeline, GST_STATE_PLAYING);
  }
  call_stop (&call);
}
GST_END_TEST;

GST_START_TEST (eos_of_the_application_ends_it)
{
  Call call;

  call_start (&call, VIEW SHORT_SINKS);
  gst_sample_unref (call_pull (call.video));
  gst_element_send_event (call.pipeline, gst_event_new_eos ());
  while (!gst_app_sink_is_eos (GST_APP_SINK (call.video))) {
    GstSample *sample = gst_app_sink_pull_sample (GST_APP_SINK (call.video));

    if (sample)
      gst_sample_unref (sample);
  }
  while (!gst_app_sink_is_eos (GST_APP_SINK (call.audio))) {
    GstSample *sample = gst_app_sink_pull_sample (GST_APP_SINK (call.audio));

    if (sample)
      gst_sample_unref (sample);
  }
  gst_element_set_state (call.pipeline, GST_STATE_NULL);
  gst_bus_set_flushing (GST_ELEMENT_BUS (call.pipeline), TRUE);
  call_stop (&call);
}
GST_END_TEST;

static Suite *
meshview_life_suite (void)
{
  Suite *suite = suite_create ("meshview-life");
  TCase *tc = tcase_create ("lives");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, a_stuck_input_holds_nobody_up);
  tcase_add_loop_test (tc, wrong_timestamps_are_survived, 0, 3);
  tcase_add_test (tc, a_latecomer_is_seen);
  tcase_add_test (tc, joining_leaves_the_latency_alone);
  tcase_add_test (tc, keys_go_where_they_belong);
  tcase_add_test (tc, applications_may_release_pads);
  tcase_add_test (tc, an_unlinked_pad_that_is_kept_can_be_released_later);
  tcase_add_test (tc, an_unlinked_pad_that_nobody_keeps_goes_with_the_next);
  tcase_add_test (tc, removing_the_source_releases_the_pad);
  tcase_add_test (tc, two_hundred_leave_nothing_behind);
  tcase_add_test (tc, many_threads_at_once);
  tcase_add_test (tc, ten_times_from_start_to_end);
  tcase_add_test (tc, eos_of_the_application_ends_it);
  return suite;
}

int
main (int argc, char **argv)
{
  g_setenv ("GST_TRACERS", "leaks", TRUE);
  gst_check_init (&argc, &argv);
  return gst_check_run_suite (meshview_life_suite (), "meshview-life",
      __FILE__);
}
