/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

#include "meshroom/pacer.h"

#define VIDEO "video/x-raw,format=GRAY8,width=4,height=4,framerate=25/1"
#define AUDIO "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1"
#define FRAME (40 * GST_MSECOND)
#define PATIENCE 60             /* seconds */

/* A pacer that is fed by a thread, and whose clock stands still until the test
 * moves it. */
typedef struct {
  MeshTimeline *timeline;
  GstHarness *h;
  MeshPacer *pacer;
  GThread *feeder;
  GQueue items;                 /* events and buffers to be fed */
  gboolean drains;
  gint drained;
  gint refusals;
} Fixture;

static inline void
on_refused (GstFlowReturn result, gpointer user_data)
{
  g_atomic_int_inc (&((Fixture *) user_data)->refusals);
}

static inline void
begin (Fixture *f, gboolean live, const char *caps)
{
  GstElement *element;

  memset (f, 0, sizeof *f);
  g_queue_init (&f->items);
  f->timeline = mesh_timeline_new ();
  f->pacer = mesh_pacer_new (f->timeline, NULL, on_refused, f);
  element = gst_object_ref_sink (f->pacer);
  f->h = gst_harness_new_with_element (element, "sink", "src");
  gst_object_unref (element);
  gst_harness_use_testclock (f->h);
  gst_harness_set_live (f->h, live);
  gst_harness_set_src_caps_str (f->h, caps);
}

static inline gpointer
feed (gpointer user_data)
{
  Fixture *f = user_data;
  gpointer item;

  while ((item = g_queue_pop_head (&f->items))) {
    if (GST_IS_EVENT (item))
      gst_harness_push_event (f->h, item);
    else
      gst_harness_push (f->h, item);
  }
  if (f->drains)
    f->drained = mesh_pacer_drain (f->pacer);
  return NULL;
}

static inline void
start (Fixture *f)
{
  f->feeder = g_thread_new ("feeder", feed, f);
}

static inline void
finish (Fixture *f)
{
  if (f->feeder)
    g_thread_join (f->feeder);
  g_queue_clear_full (&f->items, (GDestroyNotify) gst_mini_object_unref);
  gst_harness_teardown (f->h);
  mesh_timeline_unref (f->timeline);
}

static inline GstBuffer *
frame (GstClockTime pts)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 16, NULL);

  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_DURATION (buffer) = FRAME;
  return buffer;
}

static inline void
add_frames (Fixture *f, GstClockTime first, guint n)
{
  for (guint i = 0; i < n; i++)
    g_queue_push_tail (&f->items, frame (first + i * FRAME));
}

static inline void
add_segment (Fixture *f, double rate, GstClockTime from, GstClockTime base)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.rate = rate;
  segment.start = segment.time = from;
  segment.base = base;
  g_queue_push_tail (&f->items, gst_event_new_segment (&segment));
}

/* The next buffer is still being waited for until @due, and then comes, with
 * the time @time. Returns: (transfer full): the buffer */
static inline GstBuffer *
pull_at (Fixture *f, GstClockTime due, GstClockTime time)
{
  GstClockTime base = gst_element_get_base_time (GST_ELEMENT (f->pacer));
  GstBuffer *buffer;

  fail_unless (gst_harness_wait_for_clock_id_waits (f->h, 1, PATIENCE));
  ck_assert_uint_eq (gst_harness_buffers_in_queue (f->h), 0);
  ck_assert_uint_eq (gst_test_clock_get_next_entry_time (
                         GST_TEST_CLOCK (GST_ELEMENT_CLOCK (f->pacer))),
      base + due);
  fail_unless (gst_harness_set_time (f->h, base + due - 1));
  ck_assert_uint_eq (gst_harness_buffers_in_queue (f->h), 0);
  fail_unless (gst_harness_crank_single_clock_wait (f->h));
  buffer = gst_harness_pull (f->h);
  ck_assert_uint_eq (GST_BUFFER_PTS (buffer), time);
  return buffer;
}

static inline void
expect_at (Fixture *f, GstClockTime time)
{
  gst_buffer_unref (pull_at (f, time, time));
}

static inline void
expect_now (Fixture *f, GstClockTime now)
{
  g_autoptr (GstBuffer) buffer = gst_harness_pull (f->h);

  fail_unless (buffer != NULL);
  ck_assert_uint_eq (GST_BUFFER_PTS (buffer), now);
}
