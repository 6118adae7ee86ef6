/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a room plays what comes in, by a clock that stands still until the test
 * moves it. */

#include "pacer-fixture.h"

#include "meshroom/upstream.h"

GST_START_TEST (a_file_is_played_by_the_clock_once_somebody_sees_it)
{
  static const GstClockTime starts[] = { 0, 3600 * GST_SECOND };
  Fixture f;

  begin (&f, FALSE, VIDEO);
  gst_harness_set_time (f.h, 10 * GST_SECOND);
  add_frames (&f, starts[__i__], 3);
  start (&f);
  /* had it begun before, its time would be an earlier one */
  gst_harness_set_time (f.h, 20 * GST_SECOND);
  mesh_timeline_set_open (f.timeline, TRUE);
  expect_now (&f, 20 * GST_SECOND);
  expect_at (&f, 20 * GST_SECOND + FRAME);
  expect_at (&f, 20 * GST_SECOND + 2 * FRAME);
  finish (&f);
}

GST_END_TEST;

GST_START_TEST (live_input_passes_as_it_is)
{
  Fixture f;
  GstBuffer *in, *out;

  begin (&f, TRUE, VIDEO);
  gst_harness_set_time (f.h, 10 * GST_SECOND);
  in = frame (10 * GST_SECOND - FRAME);
  ck_assert_int_eq (gst_harness_push (f.h, in), GST_FLOW_OK);
  out = gst_harness_pull (f.h);
  fail_unless (out == in);
  ck_assert_uint_eq (GST_BUFFER_PTS (out), 10 * GST_SECOND - FRAME);
  gst_buffer_unref (out);
  finish (&f);
}

GST_END_TEST;

/* {live, caps, how far apart they come out} */
GST_START_TEST (buffers_without_times_get_them)
{
  Fixture f;
  GstBuffer *buffer;

  begin (&f, FALSE, __i__ ? AUDIO : VIDEO);
  mesh_timeline_set_open (f.timeline, TRUE);
  gst_harness_set_time (f.h, GST_SECOND);
  for (guint i = 0; i < 2; i++) {
    /* 20 ms of sound */
    buffer = gst_buffer_new_allocate (NULL, __i__ ? 1920 : 16, NULL);
    g_queue_push_tail (&f.items, buffer);
  }
  start (&f);
  expect_now (&f, GST_SECOND);
  expect_at (&f, GST_SECOND + (__i__ ? 20 * GST_MSECOND : 36 * GST_MSECOND));
  finish (&f);
}

GST_END_TEST;

static GstPadProbeReturn
tell_query (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  g_async_queue_push (user_data, GINT_TO_POINTER (TRUE));
  return GST_PAD_PROBE_OK;
}

/* A source may play before the room does, which has no base time until then.
 * The first buffer is in the pacer's hands once that asks whether the input is
 * live.
 *
 * {with times, without any} */
GST_START_TEST (live_input_waits_until_the_room_plays)
{
  Fixture f;
  GstElement *element;
  g_autoptr (GAsyncQueue) asked = g_async_queue_new ();

  begin (&f, TRUE, VIDEO);
  element = GST_ELEMENT (f.pacer);
  gst_pad_add_probe (f.h->srcpad, GST_PAD_PROBE_TYPE_QUERY_UPSTREAM,
      tell_query, asked, NULL);
  gst_element_set_state (element, GST_STATE_PAUSED);
  gst_harness_set_time (f.h, 3600 * GST_SECOND);
  for (guint i = 0; i < 2; i++)
    g_queue_push_tail (&f.items, __i__ == 0 ? frame (i * FRAME)
        : gst_buffer_new_allocate (NULL, 16, NULL));
  start (&f);
  g_async_queue_pop (asked);
  ck_assert_uint_eq (gst_harness_buffers_in_queue (f.h), 0);
  gst_element_set_base_time (element, 3600 * GST_SECOND);
  gst_element_set_state (element, GST_STATE_PLAYING);
  expect_now (&f, 0);
  if (__i__ == 0)
    expect_now (&f, FRAME);
  else
    expect_at (&f, FRAME * 9 / 10);
  finish (&f);
}

GST_END_TEST;

GST_START_TEST (live_buffers_without_times_are_of_now)
{
  Fixture f;

  begin (&f, TRUE, VIDEO);
  gst_harness_set_time (f.h, GST_SECOND);
  gst_harness_push (f.h, gst_buffer_new_allocate (NULL, 16, NULL));
  expect_now (&f, GST_SECOND);
  gst_harness_set_time (f.h, GST_SECOND + FRAME + 7);
  gst_harness_push (f.h, gst_buffer_new_allocate (NULL, 16, NULL));
  expect_now (&f, GST_SECOND + FRAME + 7);
  finish (&f);
}

GST_END_TEST;

/* An application that pushes frames without times is not held up by nobody's
 * being there. */
GST_START_TEST (buffers_without_times_wait_for_nobody)
{
  Fixture f;
  GstSegment segment;

  begin (&f, FALSE, VIDEO);
  gst_harness_set_time (f.h, GST_SECOND);
  if (__i__) {
    /* appsrc's default: times that lie in no segment of time are none */
    gst_segment_init (&segment, GST_FORMAT_BYTES);
    gst_harness_push_event (f.h, gst_event_new_segment (&segment));
    gst_harness_push (f.h, frame (77 * GST_SECOND));
  } else {
    gst_harness_push (f.h, gst_buffer_new_allocate (NULL, 16, NULL));
  }
  expect_now (&f, GST_SECOND);
  finish (&f);
}

GST_END_TEST;

/* Behind another element, and in a bin. */
static const char *const clocked[] = {
  "fakesrc do-timestamp=true format=time",
  "fakesrc do-timestamp=true ! identity ! queue",
  "( fakesrc do-timestamp=true ! identity ) ! ( identity )",
  "fakesrc is-live=true ! identity",
};
static const char *const unclocked[] = {
  "fakesrc format=time", "( videotestsrc ! queue ) ! identity",
  "identity"
};

static gboolean
is_live (const char *description)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *line = g_strdup_printf ("%s ! fakesink name=sink",
      description);
  g_autoptr (GstElement) pipeline = gst_parse_launch (line, &error);
  g_autoptr (GstElement) sink = NULL;
  g_autoptr (GstPad) pad = NULL;
  gboolean live;

  g_assert_no_error (error);
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  pad = gst_element_get_static_pad (sink, "sink");
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  live = mesh_upstream_is_live (pad);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return live;
}

GST_START_TEST (what_stamps_by_the_clock_is_live)
{
  for (guint i = 0; i < G_N_ELEMENTS (clocked); i++)
    fail_unless (is_live (clocked[i]), "%s", clocked[i]);
  for (guint i = 0; i < G_N_ELEMENTS (unclocked); i++)
    fail_if (is_live (unclocked[i]), "%s", unclocked[i]);
}

GST_END_TEST;

GST_START_TEST (a_seek_goes_on_at_once)
{
  Fixture f;
  GstEvent *event;
  gboolean flushed = FALSE;

  begin (&f, FALSE, VIDEO);
  mesh_timeline_set_open (f.timeline, TRUE);
  add_frames (&f, 0, 2);
  start (&f);
  expect_now (&f, 0);
  fail_unless (gst_harness_wait_for_clock_id_waits (f.h, 1, PATIENCE));
  gst_harness_push_event (f.h, gst_event_new_flush_start ());
  g_thread_join (f.feeder);
  gst_harness_push_event (f.h, gst_event_new_flush_stop (TRUE));
  gst_harness_set_time (f.h, 30 * GST_SECOND);
  add_segment (&f, 1, 95 * GST_SECOND, 0);
  add_frames (&f, 95 * GST_SECOND, 2);
  start (&f);
  expect_now (&f, 30 * GST_SECOND);
  expect_at (&f, 30 * GST_SECOND + FRAME);
  /* encoders and peers do not hear of it */
  while ((event = gst_harness_try_pull_event (f.h))) {
    flushed |= GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START
        || GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP;
    gst_event_unref (event);
  }
  fail_if (flushed);
  finish (&f);
}

GST_END_TEST;

GST_START_TEST (a_loop_by_segments_has_no_gap)
{
  Fixture f;

  begin (&f, FALSE, VIDEO);
  mesh_timeline_set_open (f.timeline, TRUE);
  add_frames (&f, 0, 2);
  add_segment (&f, 1, 0, 2 * FRAME);
  add_frames (&f, 0, 2);
  start (&f);
  expect_now (&f, 0);
  for (guint i = 1; i < 4; i++)
    expect_at (&f, i * FRAME);
  finish (&f);
}

GST_END_TEST;

GST_START_TEST (twice_as_fast_is_half_as_long)
{
  Fixture f;
  g_autoptr (GstCaps) caps = NULL;
  int rate = 0;

  begin (&f, FALSE, __i__ ? AUDIO : VIDEO);
  mesh_timeline_set_open (f.timeline, TRUE);
  add_segment (&f, 2, 0, 0);
  add_frames (&f, 0, 2);
  start (&f);
  expect_now (&f, 0);
  expect_at (&f, FRAME / 2);
  caps = gst_pad_get_current_caps (f.h->sinkpad);
  if (gst_structure_get_int (gst_caps_get_structure (caps, 0), "rate", &rate))
    ck_assert_int_eq (rate, 96000);
  else
    ck_assert_int_eq (__i__, 0);
  finish (&f);
}

GST_END_TEST;

GST_START_TEST (backwards_works_too)
{
  Fixture f;
  GstSegment segment;

  begin (&f, FALSE, VIDEO);
  mesh_timeline_set_open (f.timeline, TRUE);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.rate = -1;
  segment.stop = 3 * FRAME;
  g_queue_push_tail (&f.items, gst_event_new_segment (&segment));
  for (int i = 2; i >= 0; i--)
    g_queue_push_tail (&f.items, frame (i * FRAME));
  start (&f);
  expect_now (&f, 0);
  expect_at (&f, FRAME);
  expect_at (&f, 2 * FRAME);
  finish (&f);
}

GST_END_TEST;

/* Frames in decoding order: I0 P3 B1 */
GST_START_TEST (encoded_frames_keep_their_order)
{
  static const guint shown[] = { 1, 4, 2 };
  Fixture f;

  begin (&f, FALSE, "video/x-h264,framerate=25/1");
  mesh_timeline_set_open (f.timeline, TRUE);
  for (guint i = 0; i < 3; i++) {
    GstBuffer *buffer = frame (shown[i] * FRAME);

    GST_BUFFER_DTS (buffer) = i * FRAME;
    g_queue_push_tail (&f.items, buffer);
  }
  start (&f);
  for (guint i = 0; i < 3; i++) {
    g_autoptr (GstBuffer) buffer = NULL;

    if (i > 0)
      fail_unless (gst_harness_crank_single_clock_wait (f.h));
    buffer = gst_harness_pull (f.h);
    ck_assert_uint_eq (GST_BUFFER_DTS (buffer), i * FRAME);
    ck_assert_uint_eq (GST_BUFFER_PTS (buffer), shown[i] * FRAME);
  }
  finish (&f);
}

GST_END_TEST;

GST_START_TEST (what_lies_outside_the_segment_is_not_shown)
{
  Fixture f;

  begin (&f, FALSE, VIDEO);
  mesh_timeline_set_open (f.timeline, TRUE);
  add_segment (&f, 1, 3 * FRAME, 0);
  add_frames (&f, 0, 5);
  start (&f);
  expect_now (&f, 0);
  expect_at (&f, FRAME);
  finish (&f);
}

GST_END_TEST;

GST_START_TEST (the_end_comes_after_the_last_frame)
{
  Fixture f;

  begin (&f, FALSE, VIDEO);
  mesh_timeline_set_open (f.timeline, TRUE);
  add_frames (&f, 0, 1);
  f.drains = TRUE;
  start (&f);
  expect_now (&f, 0);
  fail_unless (gst_harness_wait_for_clock_id_waits (f.h, 1, PATIENCE));
  ck_assert_uint_eq (gst_test_clock_get_next_entry_time (GST_TEST_CLOCK
          (GST_ELEMENT_CLOCK (f.pacer))), FRAME);
  fail_unless (gst_harness_crank_single_clock_wait (f.h));
  g_thread_join (g_steal_pointer (&f.feeder));
  fail_unless (f.drained);
  finish (&f);
}

GST_END_TEST;

/* A pause takes no time of the file, and who pauses waits for nobody. */
GST_START_TEST (a_pause_holds_the_file)
{
  Fixture f;
  GstElement *element;

  begin (&f, FALSE, VIDEO);
  element = GST_ELEMENT (f.pacer);
  mesh_timeline_set_open (f.timeline, TRUE);
  add_frames (&f, 0, 2);
  start (&f);
  expect_now (&f, 0);
  fail_unless (gst_harness_wait_for_clock_id_waits (f.h, 1, PATIENCE));
  gst_element_set_state (element, GST_STATE_PAUSED);
  gst_harness_set_time (f.h, 5 * GST_SECOND);
  ck_assert_uint_eq (gst_harness_buffers_in_queue (f.h), 0);
  gst_element_set_base_time (element, 5 * GST_SECOND);
  gst_element_set_state (element, GST_STATE_PLAYING);
  fail_unless (gst_harness_wait_for_clock_id_waits (f.h, 1, PATIENCE));
  ck_assert_uint_eq (gst_test_clock_get_next_entry_time (GST_TEST_CLOCK
          (GST_ELEMENT_CLOCK (element))), 5 * GST_SECOND + FRAME);
  fail_unless (gst_harness_crank_single_clock_wait (f.h));
  expect_now (&f, FRAME);
  finish (&f);
}

GST_END_TEST;

/* {waiting for somebody, waiting for the clock, live and waiting to play} */
GST_START_TEST (who_waits_can_be_stopped)
{
  Fixture f;

  begin (&f, __i__ == 2, VIDEO);
  if (__i__ == 2)
    gst_element_set_state (GST_ELEMENT (f.pacer), GST_STATE_PAUSED);
  mesh_timeline_set_open (f.timeline, __i__ == 1);
  add_frames (&f, 0, 2);
  start (&f);
  if (__i__ == 1) {
    expect_now (&f, 0);
    fail_unless (gst_harness_wait_for_clock_id_waits (f.h, 1, PATIENCE));
  }
  gst_element_set_state (GST_ELEMENT (f.pacer), GST_STATE_READY);
  finish (&f);
}

GST_END_TEST;

static GstFlowReturn
refuse (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  gst_buffer_unref (buffer);
  return GST_FLOW_NOT_NEGOTIATED;
}

GST_START_TEST (what_cannot_be_used_is_told_once_and_ends_nothing)
{
  Fixture f;

  begin (&f, TRUE, VIDEO);
  gst_pad_set_chain_function (f.h->sinkpad, refuse);
  for (guint i = 0; i < 3; i++)
    ck_assert_int_eq (
        gst_harness_push (f.h, frame (i * FRAME / 2)), GST_FLOW_OK);
  ck_assert_int_eq (f.refusals, 1);
  /* in another format it may be of use */
  gst_harness_set_src_caps_str (f.h, AUDIO);
  ck_assert_int_eq (gst_harness_push (f.h, frame (0)), GST_FLOW_OK);
  ck_assert_int_eq (f.refusals, 2);
  finish (&f);
}

GST_END_TEST;

static Suite *
pacer_suite (void)
{
  Suite *suite = suite_create ("pacer");
  TCase *tcase = tcase_create ("pacer");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, 2 * PATIENCE);
  tcase_add_loop_test (tcase,
      a_file_is_played_by_the_clock_once_somebody_sees_it, 0, 2);
  tcase_add_test (tcase, live_input_passes_as_it_is);
  tcase_add_loop_test (tcase, buffers_without_times_get_them, 0, 2);
  tcase_add_loop_test (tcase, live_input_waits_until_the_room_plays, 0, 2);
  tcase_add_test (tcase, live_buffers_without_times_are_of_now);
  tcase_add_loop_test (tcase, buffers_without_times_wait_for_nobody, 0, 2);
  tcase_add_test (tcase, what_stamps_by_the_clock_is_live);
  tcase_add_test (tcase, a_seek_goes_on_at_once);
  tcase_add_test (tcase, a_loop_by_segments_has_no_gap);
  tcase_add_loop_test (tcase, twice_as_fast_is_half_as_long, 0, 2);
  tcase_add_test (tcase, backwards_works_too);
  tcase_add_test (tcase, encoded_frames_keep_their_order);
  tcase_add_test (tcase, what_lies_outside_the_segment_is_not_shown);
  tcase_add_test (tcase, the_end_comes_after_the_last_frame);
  tcase_add_test (tcase, a_pause_holds_the_file);
  tcase_add_loop_test (tcase, who_waits_can_be_stopped, 0, 3);
  tcase_add_test (tcase, what_cannot_be_used_is_told_once_and_ends_nothing);
  return suite;
}

GST_CHECK_MAIN (pacer);
