/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A picture that does not change is spared the encoder, but for two frames a
 * second, and whatever somebody needs. An identity stands for the encoder. */

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include "meshroom/repeat-filter.h"

#define FRAME (GST_SECOND / 30)

typedef struct {
  GstHarness *harness;
  MeshRepeatFilter *filter;
  GstBuffer *picture;
  guint64 next;                 /* number of the next frame */
} Fixture;

static void
set_up (Fixture *f)
{
  g_autoptr (GstPad) sink = NULL;

  f->harness = gst_harness_new ("identity");
  gst_harness_set_src_caps_str (f->harness, "video/x-raw,format=GRAY8,"
      "width=64,height=64,framerate=30/1");
  sink = gst_element_get_static_pad (f->harness->element, "sink");
  f->filter = mesh_repeat_filter_new (sink, f->harness->element);
  f->picture = gst_buffer_new_allocate (NULL, 64 * 64, NULL);
  gst_buffer_memset (f->picture, 0, 7, 64 * 64);
}

static void
tear_down (Fixture *f)
{
  gst_harness_teardown (f->harness);
  mesh_repeat_filter_unref (f->filter);
  gst_buffer_unref (f->picture);
}

/* Returns how many of @n frames with @picture's pixels came through. */
static guint
push (Fixture *f, GstBuffer *picture, gboolean deep, guint n)
{
  guint before = gst_harness_buffers_received (f->harness);

  for (guint i = 0; i < n; i++) {
    GstBuffer *buffer = deep ? gst_buffer_copy_deep (picture)
        : gst_buffer_copy (picture);

    GST_BUFFER_PTS (buffer) = f->next++ * FRAME;
    fail_unless_equals_int (gst_harness_push (f->harness, buffer),
        GST_FLOW_OK);
  }
  return gst_harness_buffers_received (f->harness) - before;
}

GST_START_TEST (nothing_is_spared_a_camera)
{
  Fixture f = { 0 };

  set_up (&f);
  fail_unless_equals_int (push (&f, f.picture, FALSE, 300), 300);
  tear_down (&f);
}
GST_END_TEST;

GST_START_TEST (a_still_goes_out_twice_a_second)
{
  gboolean deep = __i__;
  Fixture f = { 0 };

  set_up (&f);
  mesh_repeat_filter_set_active (f.filter, TRUE);
  fail_unless_equals_int (push (&f, f.picture, deep, 60), 60);
  fail_unless_equals_int (push (&f, f.picture, deep, 300), 20);
  tear_down (&f);
}
GST_END_TEST;

GST_START_TEST (a_change_goes_out_at_once)
{
  g_autoptr (GstBuffer) other = NULL;
  Fixture f = { 0 };

  set_up (&f);
  mesh_repeat_filter_set_active (f.filter, TRUE);
  push (&f, f.picture, FALSE, 70);
  other = gst_buffer_copy_deep (f.picture);
  gst_buffer_memset (other, 64 * 64 - 1, 8, 1);
  fail_unless_equals_int (push (&f, other, FALSE, 60), 60);
  fail_unless (push (&f, other, FALSE, 30) <= 2);
  mesh_repeat_filter_set_active (f.filter, FALSE);
  fail_unless_equals_int (push (&f, other, FALSE, 30), 30);
  tear_down (&f);
}
GST_END_TEST;

GST_START_TEST (who_asks_for_a_key_frame_gets_it)
{
  Fixture f = { 0 };

  set_up (&f);
  mesh_repeat_filter_set_active (f.filter, TRUE);
  push (&f, f.picture, FALSE, 62);
  fail_unless_equals_int (push (&f, f.picture, FALSE, 1), 0);
  gst_harness_push_upstream_event (f.harness,
      gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE,
          0));
  fail_unless_equals_int (push (&f, f.picture, FALSE, 1), 1);
  tear_down (&f);
}
GST_END_TEST;

/* No time, or one that goes back, is nothing to judge by. */
GST_START_TEST (odd_times_pass)
{
  Fixture f = { 0 };
  GstBuffer *buffer;

  set_up (&f);
  mesh_repeat_filter_set_active (f.filter, TRUE);
  push (&f, f.picture, FALSE, 62);
  buffer = gst_buffer_copy (f.picture);
  GST_BUFFER_PTS (buffer) = GST_CLOCK_TIME_NONE;
  gst_harness_push (f.harness, buffer);
  f.next = 0;
  fail_unless_equals_int (push (&f, f.picture, FALSE, 1), 1);
  fail_unless_equals_int (gst_harness_buffers_received (f.harness), 63);
  tear_down (&f);
}
GST_END_TEST;

static Suite *
repeat_filter_suite (void)
{
  Suite *suite = suite_create ("repeat-filter");
  TCase *tcase = tcase_create ("repeat-filter");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, nothing_is_spared_a_camera);
  tcase_add_loop_test (tcase, a_still_goes_out_twice_a_second, 0, 2);
  tcase_add_test (tcase, a_change_goes_out_at_once);
  tcase_add_test (tcase, who_asks_for_a_key_frame_gets_it);
  tcase_add_test (tcase, odd_times_pass);
  return suite;
}

GST_CHECK_MAIN (repeat_filter)
