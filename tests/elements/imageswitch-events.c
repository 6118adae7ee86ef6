/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the camera's events do to imageswitch, hidden and visible: the end of
 * the stream, flushes, other caps, and a segment that starts anew.
 */
#include "imageswitch-camera.h"

#define OTHER_CAPS "video/x-raw,format=I420,width=96,height=80," \
    "framerate=30/1,interlace-mode=progressive,pixel-aspect-ratio=1/1"

static void
await_eos (GstHarness *h)
{
  GstEventType type;

  do {
    GstEvent *event = gst_harness_pull_event (h);

    fail_unless (event != NULL);
    type = GST_EVENT_TYPE (event);
    gst_event_unref (event);
  } while (type != GST_EVENT_EOS);
}

/* Ends a flush, and begins a segment as a camera does then. */
static void
end_flush (GstHarness *h)
{
  GstSegment segment;

  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
}

GST_START_TEST (camera_eos_is_held_while_hidden)
{
  GstHarness *h = harness_new_visible ();
  guint i;

  set_hidden (h, TRUE);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  for (i = 1; i < 10; i++)
    pull_picture (h, i * INTERVAL);
  fail_unless_equals_int (count_events (h, GST_EVENT_EOS, NULL), 0);
  set_hidden (h, FALSE);
  /* gives up its wait for the next picture, and ends */
  await_eos (h);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (camera_eos_passes_while_visible)
{
  GstHarness *h = harness_new (NULL);

  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, 0);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  fail_unless_equals_int (count_events (h, GST_EVENT_EOS, NULL), 1);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* A camera that ended while visible, and was opened anew after hiding. */
GST_START_TEST (new_stream_after_the_end)
{
  GstHarness *h = harness_new_visible ();
  GstBuffer *buffer;

  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  set_hidden (h, TRUE);
  fail_unless (gst_harness_push_event (h,
          gst_event_new_stream_start ("another")));
  buffer = pull_ticking (h);
  fail_if (is_camera (buffer));
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* gst-launch -e sends EOS to the pipeline, which hands it to its sources. */
GST_START_TEST (application_can_end_a_hidden_stream)
{
  GstHarness *h = harness_new ("hidden", TRUE, NULL);

  pull_picture (h, 0);
  fail_unless (gst_element_send_event (h->element, gst_event_new_eos ()));
  await_eos (h);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (flush_is_not_noticed_while_hidden)
{
  GstHarness *h = harness_new_visible ();
  GstBuffer *buffer;

  set_hidden (h, TRUE);
  pull_picture (h, INTERVAL);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  pull_picture (h, 2 * INTERVAL);
  end_flush (h);
  pull_picture (h, 3 * INTERVAL);
  fail_unless_equals_int (count_events (h, GST_EVENT_FLUSH_START, NULL), 0);
  set_hidden (h, FALSE);
  push_camera (h, 4 * INTERVAL);
  buffer = gst_harness_pull (h);
  fail_unless (is_camera (buffer));
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* Hidden in the middle of a flush that the camera never ends. */
GST_START_TEST (unfinished_flush_does_not_stop_the_picture)
{
  GstHarness *h = harness_new_visible ();

  gst_harness_push_event (h, gst_event_new_flush_start ());
  set_hidden (h, TRUE);
  pull_picture (h, INTERVAL);
  pull_picture (h, 2 * INTERVAL);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* The element itself ends it: downstream has nobody else to do so. */
GST_START_TEST (restart_in_the_middle_of_a_flush_ends_it)
{
  GstHarness *h = harness_new_visible ();

  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_element_set_state (h->element, GST_STATE_READY);
  set_hidden (h, TRUE);
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  gst_buffer_unref (pull_ticking (h));
  gst_harness_teardown (h);
}
GST_END_TEST;

static gpointer
send_flush_stop (gpointer data)
{
  gst_harness_push_event (data, gst_event_new_flush_stop (TRUE));
  return NULL;
}

static gpointer
stop_element (gpointer data)
{
  gst_element_set_state (data, GST_STATE_READY);
  return NULL;
}

/* The camera's FLUSH_STOP waits for the stream's lock until the pad is shut, and
 * gets no further. */
GST_START_TEST (restart_while_a_flush_ends_ends_it)
{
  GstHarness *h = harness_new_visible ();
  GstPad *src = gst_element_get_static_pad (h->element, "src");
  GstPad *sink = gst_element_get_static_pad (h->element, "sink");
  GThread *camera, *application;

  gst_harness_push_event (h, gst_event_new_flush_start ());
  GST_PAD_STREAM_LOCK (src);
  camera = g_thread_new ("camera", send_flush_stop, h);
  while (GST_PAD_STREAM_TRYLOCK (sink)) {
    GST_PAD_STREAM_UNLOCK (sink);
    g_thread_yield ();
  }
  application = g_thread_new ("application", stop_element, h->element);
  while (GST_PAD_IS_ACTIVE (src))
    g_thread_yield ();
  GST_PAD_STREAM_UNLOCK (src);
  g_thread_join (camera);
  g_thread_join (application);
  set_hidden (h, TRUE);
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  gst_buffer_unref (pull_ticking (h));
  gst_object_unref (src);
  gst_object_unref (sink);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (flush_passes_while_visible)
{
  GstHarness *h = harness_new (NULL);
  GstBuffer *buffer;

  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, 90 * INTERVAL);
  gst_buffer_unref (gst_harness_pull (h));
  gst_harness_push_event (h, gst_event_new_flush_start ());
  end_flush (h);
  push_camera (h, 0);
  buffer = gst_harness_pull (h);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), 0);
  gst_buffer_unref (buffer);
  fail_unless_equals_int (count_events (h, GST_EVENT_FLUSH_STOP, NULL), 1);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (caps_change_while_hidden_waits_for_show)
{
  GstHarness *h = harness_new_visible ();
  GstBuffer *buffer;
  GstCaps *caps, *want = gst_caps_from_string (OTHER_CAPS);

  count_events (h, GST_EVENT_CAPS, NULL);
  set_hidden (h, TRUE);
  pull_picture (h, INTERVAL);
  fail_unless (gst_harness_push_event (h, gst_event_new_caps (want)));
  push_camera (h, INTERVAL);
  pull_picture (h, 2 * INTERVAL);
  fail_unless_equals_int (count_events (h, GST_EVENT_CAPS, NULL), 0);
  set_hidden (h, FALSE);
  push_camera (h, 3 * INTERVAL);
  buffer = gst_harness_pull (h);
  fail_unless (is_camera (buffer));
  gst_buffer_unref (buffer);
  fail_unless_equals_int (count_events (h, GST_EVENT_CAPS, NULL), 1);
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_caps_is_equal (caps, want));
  gst_caps_unref (caps);
  gst_caps_unref (want);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* Hidden and shown again before the picture's first turn: what the camera
 * said in between is not lost. */
GST_START_TEST (caps_change_in_a_short_blink)
{
  GstHarness *h = harness_new_visible ();
  GstCaps *caps, *want = gst_caps_from_string (OTHER_CAPS);

  set_hidden (h, TRUE);
  fail_unless (gst_harness_push_event (h, gst_event_new_caps (want)));
  set_hidden (h, FALSE);
  push_camera (h, INTERVAL);
  gst_buffer_unref (gst_harness_pull (h));
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_caps_is_equal (caps, want));
  gst_caps_unref (caps);
  gst_caps_unref (want);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* A camera that was opened anew counts from zero again. */
GST_START_TEST (camera_that_starts_anew_goes_on_in_time)
{
  GstHarness *h = harness_new (NULL);
  GstEvent *event;
  const GstSegment *segment;
  GstBuffer *buffer = NULL;
  guint i;

  gst_harness_set_src_caps_str (h, CAPS);
  gst_harness_set_time (h, 100 * GST_SECOND);
  push_camera (h, 100 * GST_SECOND);
  gst_buffer_unref (gst_harness_pull (h));
  set_hidden (h, TRUE);
  gst_buffer_unref (pull_ticking (h));
  set_hidden (h, FALSE);
  for (i = 0; !(buffer && is_camera (buffer)); i++) {
    fail_unless (i < 5);
    push_camera (h, i * INTERVAL);
    gst_clear_buffer (&buffer);
    buffer = gst_harness_try_pull (h);
  }
  event = gst_pad_get_sticky_event (h->sinkpad, GST_EVENT_SEGMENT, 0);
  gst_event_parse_segment (event, &segment);
  fail_unless (gst_segment_to_running_time (segment, GST_FORMAT_TIME,
          GST_BUFFER_PTS (buffer)) > 100 * GST_SECOND + INTERVAL);
  fail_unless (gst_segment_to_running_time (segment, GST_FORMAT_TIME,
          GST_BUFFER_PTS (buffer)) < 100 * GST_SECOND + 4 * INTERVAL);
  gst_event_unref (event);
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* A camera does not make up for frames that it missed meanwhile: it would lag
 * behind the clock for the rest of the call, and a sink would take all its
 * frames for late. */
GST_START_TEST (camera_that_starts_anew_after_a_while_is_not_late)
{
  GstHarness *h = harness_new_visible ();
  GstClockTime now = 100 * GST_SECOND, time;
  const GstSegment *segment;
  GstBuffer *buffer = NULL;
  GstEvent *event;
  guint i;

  gst_harness_set_time (h, 10 * GST_SECOND);
  push_camera (h, 10 * GST_SECOND);
  gst_buffer_unref (gst_harness_pull (h));
  gst_harness_set_time (h, now);        /* gone, and back with a new clock */
  for (i = 0; !buffer; i++) {
    fail_unless (i < 5);
    push_camera (h, i * INTERVAL);
    buffer = gst_harness_try_pull (h);
  }
  event = gst_pad_get_sticky_event (h->sinkpad, GST_EVENT_SEGMENT, 0);
  gst_event_parse_segment (event, &segment);
  time = gst_segment_to_running_time (segment, GST_FORMAT_TIME,
      GST_BUFFER_PTS (buffer));
  fail_unless_equals_uint64 (time, now);
  gst_event_unref (event);
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* A camera's frames are as late as its latency says. A picture that waited for
 * that from whenever it looked would wait for ever. */
GST_START_TEST (picture_after_a_flush_that_resets_time)
{
  GstHarness *h = harness_new (NULL);
  guint i;

  gst_harness_set_upstream_latency (h, 20 * GST_MSECOND);
  gst_harness_set_time (h, GST_SECOND);
  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, GST_SECOND - 20 * GST_MSECOND);
  gst_buffer_unref (gst_harness_pull (h));
  gst_harness_push_event (h, gst_event_new_flush_start ());
  end_flush (h);
  set_hidden (h, TRUE);
  for (i = 0; i < 5; i++)
    pull_picture (h, GST_SECOND - 20 * GST_MSECOND + i * INTERVAL);
  gst_harness_teardown (h);
}
GST_END_TEST;

static Suite *
imageswitch_events_suite (void)
{
  Suite *suite = suite_create ("imageswitch-events");
  TCase *tcase = tcase_create ("promise");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, camera_eos_is_held_while_hidden);
  tcase_add_test (tcase, camera_eos_passes_while_visible);
  tcase_add_test (tcase, new_stream_after_the_end);
  tcase_add_test (tcase, application_can_end_a_hidden_stream);
  tcase_add_test (tcase, flush_is_not_noticed_while_hidden);
  tcase_add_test (tcase, unfinished_flush_does_not_stop_the_picture);
  tcase_add_test (tcase, restart_in_the_middle_of_a_flush_ends_it);
  tcase_add_test (tcase, restart_while_a_flush_ends_ends_it);
  tcase_add_test (tcase, flush_passes_while_visible);
  tcase_add_test (tcase, caps_change_while_hidden_waits_for_show);
  tcase_add_test (tcase, caps_change_in_a_short_blink);
  tcase_add_test (tcase, camera_that_starts_anew_goes_on_in_time);
  tcase_add_test (tcase, camera_that_starts_anew_after_a_while_is_not_late);
  tcase_add_test (tcase, picture_after_a_flush_that_resets_time);
  return suite;
}

GST_CHECK_MAIN (imageswitch_events);
