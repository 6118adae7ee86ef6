/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What imageswitch promises. Time is a test clock's wherever it matters.
 */
#include "imageswitch-camera.h"

static gboolean
told_hidden (GstHarness *h)
{
  GstEvent *event = NULL;
  gboolean hidden = FALSE;
  guint i;

  for (i = 0; (event = gst_pad_get_sticky_event (h->sinkpad,
              GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, i)); i++) {
    if (gst_event_has_name (event, "meshroom/hidden"))
      fail_unless (gst_structure_get_boolean (gst_event_get_structure (event),
              "hidden", &hidden));
    gst_event_unref (event);
  }
  return hidden;
}

GST_START_TEST (visible_frames_pass_untouched)
{
  GstHarness *h = harness_new (NULL);
  GstBuffer *in, *out;
  guint i;

  gst_harness_set_src_caps_str (h, CAPS);
  for (i = 0; i < 5; i++) {
    in = camera_frame (i * INTERVAL);
    gst_buffer_ref (in);
    fail_unless_equals_int (gst_harness_push (h, in), GST_FLOW_OK);
    out = gst_harness_pull (h);
    fail_unless (out == in);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (out), i * INTERVAL);
    gst_buffer_unref (out);
    gst_buffer_unref (in);
  }
  fail_if (told_hidden (h));
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (no_camera_frame_after_hidden)
{
  GstHarness *h = harness_new_visible ();
  guint i;

  set_hidden (h, TRUE);
  for (i = 1; i < 20; i++) {
    pull_picture (h, i * INTERVAL);
    push_camera (h, i * INTERVAL);
  }
  fail_unless (told_hidden (h));
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (picture_without_any_camera)
{
  GstHarness *h = harness_new ("hidden", TRUE, NULL);
  GstVideoInfo info;
  GstCaps *caps;
  guint i;

  for (i = 0; i < 5; i++)
    pull_picture (h, i * INTERVAL);
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_video_info_from_caps (&info, caps));
  fail_unless_equals_int (info.width, 640);
  fail_unless_equals_int (info.height, 360);
  fail_unless_equals_int (info.fps_n, 30);
  fail_unless_equals_int (GST_VIDEO_INFO_FORMAT (&info),
      GST_VIDEO_FORMAT_I420);
  gst_caps_unref (caps);
  fail_unless (told_hidden (h));
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (switching_renegotiates_nothing)
{
  GstHarness *h = harness_new_visible ();
  guint i;

  fail_unless_equals_int (count_events (h, GST_EVENT_CAPS, NULL), 1);
  for (i = 1; i < 40; i += 2) {
    set_hidden (h, TRUE);
    pull_picture (h, i * INTERVAL);
    set_hidden (h, FALSE);
    push_camera (h, (i + 1) * INTERVAL);
    gst_buffer_unref (gst_harness_pull (h));
  }
  fail_unless_equals_int (count_events (h, GST_EVENT_CAPS, NULL), 0);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (each_change_asks_for_a_key_frame_and_is_told)
{
  GstHarness *h = harness_new (NULL);
  GstBuffer *buffer;

  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, 0);
  fail_unless_equals_int (count_events (h, GST_EVENT_CUSTOM_DOWNSTREAM,
          "GstForceKeyUnit"), 0);
  gst_buffer_unref (gst_harness_pull (h));

  set_hidden (h, TRUE);
  pull_picture (h, INTERVAL);
  pull_picture (h, 2 * INTERVAL);
  fail_unless (told_hidden (h));
  fail_unless_equals_int (count_events (h, GST_EVENT_CUSTOM_DOWNSTREAM,
          "GstForceKeyUnit"), 1);

  set_hidden (h, FALSE);
  /* the picture stays until the camera is there */
  fail_unless (told_hidden (h));
  push_camera (h, 3 * INTERVAL);
  buffer = gst_harness_pull (h);
  fail_unless (is_camera (buffer));
  gst_buffer_unref (buffer);
  fail_if (told_hidden (h));
  fail_unless_equals_int (count_events (h, GST_EVENT_CUSTOM_DOWNSTREAM,
          "GstForceKeyUnit"), 1);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* Takes what is there: each is later than the one before, by at most two
 * intervals. Returns how many were the camera's. */
static guint
drain (GstHarness *h, GstClockTime *last)
{
  GstBuffer *buffer;
  guint cameras = 0;

  while ((buffer = gst_harness_try_pull (h))) {
    fail_unless (GST_BUFFER_PTS (buffer) > *last);
    fail_unless (GST_BUFFER_PTS (buffer) - *last <= 2 * INTERVAL);
    *last = GST_BUFFER_PTS (buffer);
    cameras += is_camera (buffer);
    gst_buffer_unref (buffer);
  }
  return cameras;
}

/* Shown again, frames from before the last picture are left out, and there is
 * neither a step back nor a gap. */
GST_START_TEST (time_only_rises)
{
  GstHarness *h = harness_new_visible ();
  GstClockTime last = 0;
  GstBuffer *buffer;
  guint i, n;

  for (i = 0; i < 50; i++) {
    set_hidden (h, TRUE);
    buffer = pull_ticking (h);
    fail_if (is_camera (buffer));
    fail_unless (GST_BUFFER_PTS (buffer) > last);
    fail_unless (GST_BUFFER_PTS (buffer) - last <= 2 * INTERVAL);
    last = GST_BUFFER_PTS (buffer);
    gst_buffer_unref (buffer);
    set_hidden (h, FALSE);
    /* two frames that were taken while hidden come late */
    push_camera (h, last - INTERVAL);
    push_camera (h, last - INTERVAL / 2);
    fail_unless_equals_int (drain (h, &last), 0);
    for (n = 0; n < 3; n++) {
      push_camera (h, last + INTERVAL);
      drain (h, &last);
    }
  }
  gst_harness_teardown (h);
}
GST_END_TEST;

/* A camera hands over later than it takes: what is on its way when it is shown
 * was taken while hidden. */
GST_START_TEST (what_was_taken_while_hidden_stays_hidden)
{
  GstHarness *h = harness_new_visible ();
  GstClockTime last = 0;

  set_hidden (h, TRUE);
  pull_picture (h, INTERVAL);
  gst_harness_set_time (h, 2 * INTERVAL - INTERVAL / 4);
  set_hidden (h, FALSE);
  push_camera (h, 2 * INTERVAL - INTERVAL / 2);
  fail_unless_equals_int (drain (h, &last), 0);
  push_camera (h, 2 * INTERVAL);
  fail_unless_equals_int (drain (h, &last), 1);

  /* no less when it was for so short a time that no picture went out */
  gst_harness_set_time (h, 2 * INTERVAL + INTERVAL / 4);
  set_hidden (h, TRUE);
  gst_harness_set_time (h, 2 * INTERVAL + INTERVAL / 2);
  set_hidden (h, FALSE);
  push_camera (h, 2 * INTERVAL + INTERVAL / 3);
  fail_unless_equals_int (drain (h, &last), 0);
  push_camera (h, 3 * INTERVAL);
  fail_unless_equals_int (drain (h, &last), 1);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* 1001/30000 s is no whole number of nanoseconds. */
GST_START_TEST (frame_rate_does_not_drift)
{
  GstHarness *h = harness_new ("hidden", TRUE, NULL);
  GstBuffer *buffer;
  guint64 i;

  gst_harness_set_sink_caps_str (h, "video/x-raw,format=NV12,width=15,"
      "height=9,framerate=30000/1001");
  for (i = 0; i < 3; i++)
    gst_buffer_unref (pull_ticking (h));
  for (; i < 300; i++) {
    buffer = pull_ticking (h);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer),
        gst_util_uint64_scale (i, 1001 * GST_SECOND, 30000));
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer)
        + GST_BUFFER_DURATION (buffer),
        gst_util_uint64_scale (i + 1, 1001 * GST_SECOND, 30000));
    gst_buffer_unref (buffer);
  }
  gst_harness_teardown (h);
}
GST_END_TEST;

/* A camera that can will take the caps of the picture that went before. */
GST_START_TEST (hidden_first_prefers_the_pictures_caps)
{
  GstHarness *h = harness_new ("hidden", TRUE, NULL);
  GstCaps *caps, *out;

  pull_picture (h, 0);
  out = gst_pad_get_current_caps (h->sinkpad);
  caps = gst_pad_peer_query_caps (h->srcpad, NULL);
  caps = gst_caps_truncate (caps);
  fail_unless (gst_caps_is_equal (caps, out));
  gst_caps_unref (caps);
  gst_caps_unref (out);
  gst_harness_teardown (h);
}
GST_END_TEST;

static void
send_key (GstHarness *h, const gchar *event, const gchar *key)
{
  gst_harness_push_upstream_event (h, gst_event_new_navigation
      (gst_structure_new ("application/x-gst-navigation", "event",
              G_TYPE_STRING, event, "key", G_TYPE_STRING, key, NULL)));
}

static guint
navigation_upstream (GstHarness *h)
{
  GstEvent *event;
  guint count = 0;

  while ((event = gst_harness_try_pull_upstream_event (h))) {
    if (GST_EVENT_TYPE (event) == GST_EVENT_NAVIGATION)
      count++;
    gst_event_unref (event);
  }
  return count;
}

static void
count_notify (GObject *object, GParamSpec *pspec, guint *count)
{
  (*count)++;
}

GST_START_TEST (key_v_toggles)
{
  GstHarness *h = harness_new (NULL);
  gboolean hidden;
  guint notified = 0;

  g_signal_connect (h->element, "notify::hidden", G_CALLBACK (count_notify),
      &notified);
  send_key (h, "key-press", "v");
  send_key (h, "key-release", "v");
  g_object_get (h->element, "hidden", &hidden, NULL);
  fail_unless (hidden);
  fail_unless_equals_int (notified, 1);
  fail_unless_equals_int (navigation_upstream (h), 0);
  send_key (h, "key-press", "m");
  fail_unless_equals_int (navigation_upstream (h), 1);
  send_key (h, "key-press", "v");
  g_object_get (h->element, "hidden", &hidden, NULL);
  fail_if (hidden);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (latency_is_the_cameras)
{
  GstHarness *h = harness_new (NULL);

  gst_harness_set_upstream_latency (h, 40 * GST_MSECOND);
  fail_unless_equals_uint64 (gst_harness_query_latency (h),
      40 * GST_MSECOND);
  set_hidden (h, TRUE);
  fail_unless_equals_uint64 (gst_harness_query_latency (h),
      40 * GST_MSECOND);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (no_seek_while_hidden)
{
  GstHarness *h = harness_new ("hidden", TRUE, NULL);

  pull_picture (h, 0);
  fail_if (gst_pad_push_event (h->sinkpad, gst_event_new_seek (1.0,
              GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0,
              GST_SEEK_TYPE_NONE, 0)));
  pull_picture (h, INTERVAL);
  gst_harness_teardown (h);
}
GST_END_TEST;

static Suite *
imageswitch_suite (void)
{
  Suite *suite = suite_create ("imageswitch");
  TCase *tcase = tcase_create ("promise");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, visible_frames_pass_untouched);
  tcase_add_test (tcase, no_camera_frame_after_hidden);
  tcase_add_test (tcase, picture_without_any_camera);
  tcase_add_test (tcase, switching_renegotiates_nothing);
  tcase_add_test (tcase, each_change_asks_for_a_key_frame_and_is_told);
  tcase_add_test (tcase, time_only_rises);
  tcase_add_test (tcase, what_was_taken_while_hidden_stays_hidden);
  tcase_add_test (tcase, frame_rate_does_not_drift);
  tcase_add_test (tcase, hidden_first_prefers_the_pictures_caps);
  tcase_add_test (tcase, key_v_toggles);
  tcase_add_test (tcase, latency_is_the_cameras);
  tcase_add_test (tcase, no_seek_while_hidden);
  return suite;
}

GST_CHECK_MAIN (imageswitch);
