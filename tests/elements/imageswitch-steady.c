/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What downstream does not notice of a switch: caps, frame rate, buffers and
 * latency stay; and the first frame of the other kind is the very next one.
 */
#include "imageswitch-camera.h"

#define SWITCHES 100
#define LATENCY (20 * GST_MSECOND)

typedef struct {
  gint caps, segments, stream_starts, reconfigures, allocations,
      latency_messages;         /* atomic */
} Counts;

static GstPadProbeReturn
count_downstream (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Counts *counts = data;

  if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM) {
    if ((GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_PUSH)
        && GST_QUERY_TYPE (GST_PAD_PROBE_INFO_QUERY (info))
        == GST_QUERY_ALLOCATION)
      g_atomic_int_inc (&counts->allocations);
    return GST_PAD_PROBE_OK;
  }
  switch (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info))) {
    case GST_EVENT_CAPS:
      g_atomic_int_inc (&counts->caps);
      break;
    case GST_EVENT_SEGMENT:
      g_atomic_int_inc (&counts->segments);
      break;
    case GST_EVENT_STREAM_START:
      g_atomic_int_inc (&counts->stream_starts);
      break;
    default:
      break;
  }
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
count_upstream (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Counts *counts = data;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info))
      == GST_EVENT_RECONFIGURE)
    g_atomic_int_inc (&counts->reconfigures);
  return GST_PAD_PROBE_OK;
}

static GstBusSyncReply
count_message (GstBus *bus, GstMessage *message, gpointer data)
{
  Counts *counts = data;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_LATENCY)
    g_atomic_int_inc (&counts->latency_messages);
  gst_message_unref (message);
  return GST_BUS_DROP;
}

/* The next one out, which has to be of the right kind, and one interval after
 * the one before. */
static void
expect (GstHarness *h, gboolean camera, GstClockTime *last)
{
  GstBuffer *buffer = camera ? gst_harness_pull (h) : pull_ticking (h);
  GstClockTimeDiff step = GST_CLOCK_DIFF (*last, GST_BUFFER_PTS (buffer));

  fail_unless (is_camera (buffer) == camera);
  fail_unless (ABS (step - (GstClockTimeDiff) INTERVAL) < 100,
      "%" G_GINT64_FORMAT " ns after the last one", step);
  *last = GST_BUFFER_PTS (buffer);
  gst_buffer_unref (buffer);
}

static void
switch_both_ways (GstHarness *h, GstClockTime *last)
{
  guint i;

  set_hidden (h, TRUE);
  for (i = 0; i < 3; i++)
    expect (h, FALSE, last);
  fail_unless_equals_uint64 (gst_harness_query_latency (h), LATENCY);
  set_hidden (h, FALSE);
  for (i = 0; i < 3; i++) {
    gst_harness_set_time (h, *last + INTERVAL + LATENCY);
    push_camera (h, *last + INTERVAL);
    expect (h, TRUE, last);
  }
  fail_unless_equals_uint64 (gst_harness_query_latency (h), LATENCY);
}

GST_START_TEST (downstream_notices_nothing_of_a_switch)
{
  GstHarness *h = harness_new (NULL);
  GstPad *src = gst_element_get_static_pad (h->element, "src");
  GstPad *sink = gst_element_get_static_pad (h->element, "sink");
  GstBus *bus = gst_bus_new ();
  Counts counts = { 0 };
  GstClockTime last = 10 * GST_SECOND;
  guint i;

  gst_harness_set_upstream_latency (h, LATENCY);
  gst_harness_set_time (h, last + LATENCY);
  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, last);
  gst_buffer_unref (gst_harness_pull (h));

  gst_bus_set_sync_handler (bus, count_message, &counts, NULL);
  gst_element_set_bus (h->element, bus);
  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM
      | GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, count_downstream, &counts, NULL);
  gst_pad_add_probe (sink, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, count_upstream,
      &counts, NULL);
  for (i = 0; i < SWITCHES / 2; i++)
    switch_both_ways (h, &last);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_object_unref (src);
  gst_object_unref (sink);
  gst_harness_teardown (h);

  fail_unless_equals_int (counts.caps, 0);
  fail_unless_equals_int (counts.segments, 0);
  fail_unless_equals_int (counts.stream_starts, 0);
  fail_unless_equals_int (counts.reconfigures, 0);
  fail_unless_equals_int (counts.allocations, 0);
  fail_unless_equals_int (counts.latency_messages, 0);
}
GST_END_TEST;

/* Lets the output thread do all that is due by @now, and notes in @last that
 * something came out. FALSE: that was a camera's frame. */
static gboolean
settle (GstHarness *h, GstClockTime now, GstClockTime *last)
{
  g_autoptr (GstTestClock) clock = gst_harness_get_testclock (h);
  gint64 until = g_get_monotonic_time () + 20 * G_TIME_SPAN_SECOND;
  GstClockTime next = GST_CLOCK_TIME_NONE;
  GstClockID id;

  while (!GST_CLOCK_TIME_IS_VALID (next) || next <= now) {
    g_autoptr (GstBuffer) buffer = gst_harness_try_pull (h);

    fail_unless (g_get_monotonic_time () < until, "nothing is waited for");
    if (buffer)
      *last = now;
    if (buffer && is_camera (buffer))
      return FALSE;
    next = GST_CLOCK_TIME_NONE;
    if (gst_test_clock_peek_next_pending_id (clock, &id)) {
      next = gst_clock_id_get_time (id);
      gst_clock_id_unref (id);
      if (next <= now)
        gst_clock_id_unref (gst_test_clock_process_next_clock_id (clock));
    } else if (!buffer) {
      g_usleep (200);
    }
  }
  return TRUE;
}

/* Its frames come so much later than its latency says that the picture is
 * always ahead of them. Each time is a multiple of a step. */
GST_START_TEST (camera_that_is_late_is_shown_again)
{
  const GstClockTime step = INTERVAL / 4;
  const GstClockTime late = 300 * GST_MSECOND + __i__ * step;
  GstHarness *h = harness_new (NULL);
  GstClockTime now = 10 * GST_SECOND + late, last = now, before;
  gboolean waiting;
  guint i;

  gst_harness_set_upstream_latency (h, LATENCY);
  gst_harness_set_time (h, now);
  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, now - late);
  gst_buffer_unref (gst_harness_pull (h));
  set_hidden (h, TRUE);
  gst_buffer_unref (pull_ticking (h));
  settle (h, now, &last);
  set_hidden (h, FALSE);
  for (i = 0, waiting = TRUE; waiting && i < 4 * 90; i++) {
    now += step;
    before = last;
    gst_harness_set_time (h, now);
    if (i % 4 == 3)
      push_camera (h, now - late);
    waiting = settle (h, now, &last);
    fail_unless (now - before <= 2 * INTERVAL + step, "nothing for %"
        GST_TIME_FORMAT, GST_TIME_ARGS (now - before));
  }
  fail_if (waiting, "the picture stays");
  gst_harness_teardown (h);
}
GST_END_TEST;

static Suite *
imageswitch_steady_suite (void)
{
  Suite *suite = suite_create ("imageswitch-steady");
  TCase *tcase = tcase_create ("steady");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, downstream_notices_nothing_of_a_switch);
  tcase_add_loop_test (tcase, camera_that_is_late_is_shown_again, 0, 4);
  return suite;
}

GST_CHECK_MAIN (imageswitch_steady);
