/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A camera for imageswitch's tests: its frames carry a mark in their first
 * pixels that no picture has.
 */
#pragma once

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#define CAPS "video/x-raw,format=I420,width=64,height=48,framerate=30/1," \
    "interlace-mode=progressive,pixel-aspect-ratio=1/1"
#define SIZE (64 * 48 * 3 / 2)
#define INTERVAL (GST_SECOND / 30)

static const guint8 mark[] = { 0, 255, 3, 251, 'c', 'a', 'm', 'e', 'r', 'a' };

static inline GstBuffer *
camera_frame (GstClockTime pts)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, SIZE, NULL);

  gst_buffer_memset (buffer, 0, 200, SIZE);
  gst_buffer_fill (buffer, 0, mark, sizeof mark);
  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_DURATION (buffer) = INTERVAL;
  return buffer;
}

static inline gboolean
is_camera (GstBuffer *buffer)
{
  return gst_buffer_memcmp (buffer, 0, mark, sizeof mark) == 0;
}

/* A harness around an imageswitch with its first properties. */
static inline GstHarness *
harness_new (const gchar *first, ...)
{
  GstElement *element = gst_element_factory_make ("imageswitch", NULL);
  GstHarness *h;
  va_list args;

  fail_unless (element != NULL);
  va_start (args, first);
  g_object_set_valist (G_OBJECT (element), first, args);
  va_end (args);
  h = gst_harness_new_with_element (element, "sink", "src");
  gst_harness_use_testclock (h);
  gst_object_unref (element);
  return h;
}

/* The same with nothing on its sink pad, hidden; starts when told to. */
static inline GstHarness *
harness_new_alone (GstElement *element, const GstCaps *caps)
{
  GstHarness *h = gst_harness_new_with_element (element, NULL, NULL);

  g_object_set (element, "hidden", TRUE, NULL);
  gst_harness_use_testclock (h);
  gst_harness_add_element_src_pad (h, gst_element_get_static_pad (element,
          "src"));
  gst_harness_set_sink_caps (h, gst_caps_copy (caps));
  return h;
}

static inline void
set_hidden (GstHarness *h, gboolean hidden)
{
  g_object_set (h->element, "hidden", hidden, NULL);
}

static inline void
push_camera (GstHarness *h, GstClockTime pts)
{
  fail_unless_equals_int (gst_harness_push (h, camera_frame (pts)),
      GST_FLOW_OK);
}

/* A harness as above, visible, with a first frame of the camera through. */
static inline GstHarness *
harness_new_visible (void)
{
  GstHarness *h = harness_new (NULL);

  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, 0);
  gst_buffer_unref (gst_harness_pull (h));
  return h;
}

/* How many events of @type, and of @name unless that is NULL, have come out. */
static inline guint
count_events (GstHarness *h, GstEventType type, const gchar *name)
{
  GstEvent *event;
  guint count = 0;

  while ((event = gst_harness_try_pull_event (h))) {
    if (GST_EVENT_TYPE (event) == type
        && (!name || gst_event_has_name (event, name)))
      count++;
    gst_event_unref (event);
  }
  return count;
}

/* Moves the clock on when the element waits for it and nothing has come yet, or
 * gives it a moment. Whoever waits has sent what was due before: so the queue
 * is looked at last. gst_harness_crank…() wait until somebody does, which may
 * be never. */
static inline void
tick (GstHarness *h)
{
  GstTestClock *clock = gst_harness_get_testclock (h);
  GstClockID id;

  if (gst_test_clock_peek_next_pending_id (clock, &id)) {
    GstClockTime time = gst_clock_id_get_time (id);

    gst_clock_id_unref (id);
    if (gst_harness_buffers_in_queue (h) == 0) {
      if (time > gst_clock_get_time (GST_CLOCK (clock)))
        gst_test_clock_set_time (clock, time);
      id = gst_test_clock_process_next_clock_id (clock);
      if (id)
        gst_clock_id_unref (id);
    }
  }
  gst_object_unref (clock);
  g_usleep (200);
}

/* Waits for a picture, moving the clock on when the element waits for it. */
static inline GstBuffer *
pull_ticking (GstHarness *h)
{
  gint64 until = g_get_monotonic_time () + 20 * G_TIME_SPAN_SECOND;

  while (gst_harness_buffers_in_queue (h) == 0) {
    fail_unless (g_get_monotonic_time () < until, "no picture came");
    tick (h);
  }
  return gst_harness_pull (h);
}

static inline void
pull_picture (GstHarness *h, GstClockTime pts)
{
  GstBuffer *buffer = pull_ticking (h);

  fail_if (is_camera (buffer));
  /* an interval is no whole number of nanoseconds */
  fail_unless (ABS (GST_CLOCK_DIFF (GST_BUFFER_PTS (buffer), pts)) < 100,
      "%" G_GUINT64_FORMAT " in place of %" G_GUINT64_FORMAT,
      GST_BUFFER_PTS (buffer), pts);
  gst_buffer_unref (buffer);
}
