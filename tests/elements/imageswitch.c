/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What imageswitch promises. The camera's frames carry a mark in their first
 * pixels that no picture has; time is a test clock's wherever it matters.
 */
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#define CAPS "video/x-raw,format=I420,width=64,height=48,framerate=30/1," \
    "interlace-mode=progressive,pixel-aspect-ratio=1/1"
#define OTHER_CAPS "video/x-raw,format=I420,width=96,height=80," \
    "framerate=30/1,interlace-mode=progressive,pixel-aspect-ratio=1/1"
#define SIZE (64 * 48 * 3 / 2)
#define INTERVAL (GST_SECOND / 30)

static const guint8 mark[] = { 0, 255, 3, 251, 'c', 'a', 'm', 'e', 'r', 'a' };

static GstBuffer *
camera_frame (GstClockTime pts)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, SIZE, NULL);

  gst_buffer_memset (buffer, 0, 200, SIZE);
  gst_buffer_fill (buffer, 0, mark, sizeof mark);
  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_DURATION (buffer) = INTERVAL;
  return buffer;
}

static gboolean
is_camera (GstBuffer *buffer)
{
  return gst_buffer_memcmp (buffer, 0, mark, sizeof mark) == 0;
}

/* A harness around an imageswitch with its first properties. */
static GstHarness *
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

static void
set_hidden (GstHarness *h, gboolean hidden)
{
  g_object_set (h->element, "hidden", hidden, NULL);
}

static void
push_camera (GstHarness *h, GstClockTime pts)
{
  fail_unless_equals_int (gst_harness_push (h, camera_frame (pts)),
      GST_FLOW_OK);
}

/* Waits for a picture, moving the clock on when the element waits for it. */
static GstBuffer *
pull_ticking (GstHarness *h)
{
  gint64 until = g_get_monotonic_time () + 20 * G_TIME_SPAN_SECOND;

  while (gst_harness_buffers_in_queue (h) == 0) {
    fail_unless (g_get_monotonic_time () < until, "no picture came");
    if (gst_harness_wait_for_clock_id_waits (h, 1, 0))
      gst_harness_crank_single_clock_wait (h);
    g_thread_yield ();
  }
  return gst_harness_pull (h);
}

static void
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

static guint
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
  GstHarness *h = harness_new (NULL);
  guint i;

  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, 0);
  gst_buffer_unref (gst_harness_pull (h));
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
  GstHarness *h = harness_new (NULL);
  guint i;

  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, 0);
  gst_buffer_unref (gst_harness_pull (h));
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
  GstHarness *h = harness_new (NULL);
  GstClockTime last = 0;
  GstBuffer *buffer;
  guint i, n;

  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, 0);
  gst_buffer_unref (gst_harness_pull (h));
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

GST_START_TEST (camera_eos_is_held_while_hidden)
{
  GstHarness *h = harness_new (NULL);
  GstEvent *event;
  guint i;

  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, 0);
  gst_buffer_unref (gst_harness_pull (h));
  set_hidden (h, TRUE);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  for (i = 1; i < 10; i++)
    pull_picture (h, i * INTERVAL);
  fail_unless_equals_int (count_events (h, GST_EVENT_EOS, NULL), 0);
  set_hidden (h, FALSE);
  /* gives up its wait for the next picture, and ends */
  do {
    event = gst_harness_pull_event (h);
    fail_unless (event != NULL);
    i = GST_EVENT_TYPE (event);
    gst_event_unref (event);
  } while (i != GST_EVENT_EOS);
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

/* gst-launch -e sends EOS to the pipeline, which hands it to its sources. */
GST_START_TEST (application_can_end_a_hidden_stream)
{
  GstHarness *h = harness_new ("hidden", TRUE, NULL);
  GstEvent *event;
  guint type;

  pull_picture (h, 0);
  fail_unless (gst_element_send_event (h->element, gst_event_new_eos ()));
  do {
    event = gst_harness_pull_event (h);
    fail_unless (event != NULL);
    type = GST_EVENT_TYPE (event);
    gst_event_unref (event);
  } while (type != GST_EVENT_EOS);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (flush_is_not_noticed_while_hidden)
{
  GstHarness *h = harness_new (NULL);
  GstSegment segment;
  GstBuffer *buffer;

  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, 0);
  gst_buffer_unref (gst_harness_pull (h));
  set_hidden (h, TRUE);
  pull_picture (h, INTERVAL);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  pull_picture (h, 2 * INTERVAL);
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
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
  GstHarness *h = harness_new (NULL);

  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, 0);
  gst_buffer_unref (gst_harness_pull (h));
  gst_harness_push_event (h, gst_event_new_flush_start ());
  set_hidden (h, TRUE);
  pull_picture (h, INTERVAL);
  pull_picture (h, 2 * INTERVAL);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (flush_passes_while_visible)
{
  GstHarness *h = harness_new (NULL);
  GstSegment segment;
  GstBuffer *buffer;

  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, 90 * INTERVAL);
  gst_buffer_unref (gst_harness_pull (h));
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
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
  GstHarness *h = harness_new (NULL);
  GstBuffer *buffer;
  GstCaps *caps, *want = gst_caps_from_string (OTHER_CAPS);

  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, 0);
  gst_buffer_unref (gst_harness_pull (h));
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
  GstHarness *h = harness_new (NULL);
  GstCaps *caps, *want = gst_caps_from_string (OTHER_CAPS);

  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, 0);
  gst_buffer_unref (gst_harness_pull (h));
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
  GstBuffer *buffer;

  gst_harness_set_src_caps_str (h, CAPS);
  gst_harness_set_time (h, 100 * GST_SECOND);
  push_camera (h, 100 * GST_SECOND);
  gst_buffer_unref (gst_harness_pull (h));
  set_hidden (h, TRUE);
  gst_buffer_unref (pull_ticking (h));
  set_hidden (h, FALSE);
  push_camera (h, 0);
  buffer = gst_harness_pull (h);
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

/* A setter called by whoever receives the frame must not wait for itself. */
static GstPadProbeReturn
hide_from_within (GstPad *pad, GstPadProbeInfo *info, gpointer element)
{
  g_object_set (element, "hidden", TRUE, NULL);
  return GST_PAD_PROBE_REMOVE;
}

GST_START_TEST (hiding_from_within_the_push)
{
  GstHarness *h = harness_new (NULL);
  GstBuffer *buffer;

  gst_harness_set_src_caps_str (h, CAPS);
  gst_pad_add_probe (h->sinkpad, GST_PAD_PROBE_TYPE_BUFFER, hide_from_within,
      h->element, NULL);
  push_camera (h, 0);
  push_camera (h, INTERVAL);
  buffer = pull_ticking (h);
  fail_if (is_camera (buffer));
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}
GST_END_TEST;

typedef struct {
  GMutex lock;
  GCond cond;
  gboolean blocked, release;
} Blocker;

static GstPadProbeReturn
block (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Blocker *blocker = data;

  g_mutex_lock (&blocker->lock);
  blocker->blocked = TRUE;
  g_cond_broadcast (&blocker->cond);
  while (!blocker->release)
    g_cond_wait (&blocker->cond, &blocker->lock);
  g_mutex_unlock (&blocker->lock);
  return GST_PAD_PROBE_REMOVE;
}

static gpointer
push_first (gpointer data)
{
  push_camera (data, 0);
  return NULL;
}

/* A frame that is held on its way out, before it has reached the next
 * element, is not sent when it is let go: hiding came first. */
GST_START_TEST (frame_held_on_its_way_out_is_dropped)
{
  GstHarness *h = harness_new (NULL);
  GstPad *src = gst_element_get_static_pad (h->element, "src");
  Blocker blocker = { 0 };
  GstBuffer *buffer;
  GThread *thread;

  g_mutex_init (&blocker.lock);
  g_cond_init (&blocker.cond);
  gst_harness_set_src_caps_str (h, CAPS);
  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_BUFFER, block, &blocker, NULL);
  thread = g_thread_new ("camera", push_first, h);
  g_mutex_lock (&blocker.lock);
  while (!blocker.blocked)
    g_cond_wait (&blocker.cond, &blocker.lock);
  g_mutex_unlock (&blocker.lock);

  set_hidden (h, TRUE);         /* returns, although nothing moves */

  g_mutex_lock (&blocker.lock);
  blocker.release = TRUE;
  g_cond_broadcast (&blocker.cond);
  g_mutex_unlock (&blocker.lock);
  g_thread_join (thread);
  buffer = pull_ticking (h);
  fail_if (is_camera (buffer));
  gst_buffer_unref (buffer);
  fail_unless_equals_int (gst_harness_buffers_received (h), 1);
  gst_object_unref (src);
  gst_harness_teardown (h);
  g_mutex_clear (&blocker.lock);
  g_cond_clear (&blocker.cond);
}
GST_END_TEST;

/* The setter does not wait for ever either when downstream is blocked and
 * the frame cannot be called back any more. */
GST_START_TEST (setter_returns_while_downstream_is_blocked)
{
  GstHarness *h = harness_new (NULL);
  Blocker blocker = { 0 };
  GstBuffer *buffer;
  GThread *thread;

  g_mutex_init (&blocker.lock);
  g_cond_init (&blocker.cond);
  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, 0);           /* the gate is on the pad from here on */
  gst_buffer_unref (gst_harness_pull (h));
  gst_pad_add_probe (h->sinkpad, GST_PAD_PROBE_TYPE_BUFFER, block, &blocker,
      NULL);
  thread = g_thread_new ("camera", push_first, h);
  g_mutex_lock (&blocker.lock);
  while (!blocker.blocked)
    g_cond_wait (&blocker.cond, &blocker.lock);
  g_mutex_unlock (&blocker.lock);

  set_hidden (h, TRUE);

  g_mutex_lock (&blocker.lock);
  blocker.release = TRUE;
  g_cond_broadcast (&blocker.cond);
  g_mutex_unlock (&blocker.lock);
  g_thread_join (thread);
  buffer = gst_harness_pull (h);
  fail_unless (is_camera (buffer));     /* handed over before */
  gst_buffer_unref (buffer);
  buffer = pull_ticking (h);
  fail_if (is_camera (buffer));
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
  g_mutex_clear (&blocker.lock);
  g_cond_clear (&blocker.cond);
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

/* Every raw format that can be packed, odd sizes, fields. */
static const gchar *shapes[] = {
  "width=333,height=201",
  "width=72,height=58,interlace-mode=interleaved,field-order=top-field-first",
  "width=1,height=1", "width=2,height=1000", "width=64,height=48",
  "width=1920,height=2,pixel-aspect-ratio=3/7",
  "width=720,height=576,interlace-mode=mixed",
};

static void
show_as (const gchar *format, guint n)
{
  gchar *text;
  GstHarness *h;
  GstVideoFrame frame;
  GstVideoInfo info;
  GstBuffer *buffer;
  GstCaps *caps;
  guint i;

  for (i = 0; i < n; i++) {
    text = g_strdup_printf ("video/x-raw,format=%s,%s,framerate=%s", format,
        shapes[i], i % 2 ? "1/1" : "120/1");
    caps = gst_caps_from_string (text);
    fail_unless (gst_video_info_from_caps (&info, caps));
    h = harness_new ("hidden", TRUE, NULL);
    gst_harness_set_sink_caps (h, gst_caps_ref (caps));
    do {                        /* those from before the caps were set */
      GstCaps *now;

      buffer = pull_ticking (h);
      now = gst_pad_get_current_caps (h->sinkpad);
      if (gst_caps_can_intersect (now, caps)) {
        gst_caps_unref (now);
        break;
      }
      gst_caps_unref (now);
      gst_buffer_unref (buffer);
    } while (TRUE);
    gst_buffer_unref (buffer);
    buffer = pull_ticking (h);
    fail_unless (gst_video_frame_map (&frame, &info, buffer, GST_MAP_READ),
        "%s", text);
    gst_video_frame_unmap (&frame);
    gst_buffer_unref (buffer);
    gst_harness_teardown (h);
    gst_caps_unref (caps);
    g_free (text);
  }
}

GST_START_TEST (every_format_and_size)
{
  const GstVideoFormat *formats;
  const GstVideoFormatInfo *info;
  guint i, n;

  formats = gst_video_formats_raw (&n);
  for (i = 0; i < n; i++) {
    info = gst_video_format_get_info (formats[i]);
    if (info->pack_func)
      show_as (GST_VIDEO_FORMAT_INFO_NAME (info), 2);
  }
  show_as ("I420", G_N_ELEMENTS (shapes));
  show_as ("BGRx", G_N_ELEMENTS (shapes));
  show_as ("YUY2", G_N_ELEMENTS (shapes));
}
GST_END_TEST;

GST_START_TEST (alternating_fields)
{
  GstHarness *h = harness_new (NULL);
  GstBuffer *buffer;
  guint i;

  gst_harness_set_src_caps_str (h, "video/x-raw(format:Interlaced),format=I420,"
      "width=64,height=48,framerate=25/1,interlace-mode=alternate");
  set_hidden (h, TRUE);
  for (i = 0; i < 6; i++) {
    buffer = pull_ticking (h);
    fail_unless_equals_int (gst_buffer_get_size (buffer), SIZE / 2);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), i * GST_SECOND / 50);
    fail_unless (GST_BUFFER_FLAG_IS_SET (buffer,
            GST_VIDEO_BUFFER_FLAG_ONEFIELD));
    fail_unless_equals_int (GST_BUFFER_FLAG_IS_SET (buffer,
            GST_VIDEO_BUFFER_FLAG_TFF), i % 2 == 0);
    gst_buffer_unref (buffer);
  }
  gst_harness_teardown (h);
}
GST_END_TEST;

/* Pictures. A solid red one is told from the built-in one by its colour. */
static gchar *scratch;

static void
make_scratch (void)
{
  scratch = g_dir_make_tmp ("imageswitch-XXXXXX", NULL);
  fail_unless (scratch != NULL);
}

static void
remove_scratch (void)
{
  GDir *dir = g_dir_open (scratch, 0, NULL);
  const gchar *name;

  while ((name = g_dir_read_name (dir))) {
    gchar *path = g_build_filename (scratch, name, NULL);

    g_remove (path);
    g_free (path);
  }
  g_dir_close (dir);
  g_rmdir (scratch);
  g_clear_pointer (&scratch, g_free);
}

static void
write_file (const gchar *name, const gchar *contents)
{
  gchar *path = g_build_filename (scratch, name, NULL);

  fail_unless (g_file_set_contents (path, contents, -1, NULL));
  g_free (path);
}

static void
encode_file (const gchar *name, const gchar *encoder)
{
  gchar *text = g_strdup_printf ("videotestsrc num-buffers=1 pattern=red "
      "! video/x-raw,width=64,height=48 ! videoconvert ! %s "
      "! filesink location=%s/%s", encoder, scratch, name);
  GstElement *pipeline = gst_parse_launch (text, NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  g_free (text);
}

static gboolean
is_red (GstBuffer *buffer)
{
  guint8 v = 0;

  /* the middle of the last plane */
  gst_buffer_extract (buffer, 64 * 48 * 5 / 4 + 12 * 32 + 16, &v, 1);
  return v > 200;
}

/* Shows @name and tells whether it was red, and what warning came. */
static gboolean
show_file (const gchar *name, gchar **warning)
{
  gchar *path = g_build_filename (scratch, name, NULL);
  GstElement *element = gst_element_factory_make ("imageswitch", NULL);
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  GstHarness *h;
  GstBuffer *buffer;
  GError *error;
  gboolean red;
  guint i;

  gst_element_set_bus (element, bus);
  g_object_set (element, "hidden", TRUE, "location", path, NULL);
  h = gst_harness_new_with_element (element, NULL, NULL);
  gst_harness_use_testclock (h);
  gst_harness_add_element_src_pad (h, gst_element_get_static_pad (element,
          "src"));
  gst_harness_set_sink_caps_str (h, CAPS);
  gst_harness_play (h);
  buffer = pull_ticking (h);
  red = is_red (buffer);
  gst_buffer_unref (buffer);
  for (i = 0; i < 3; i++) {
    buffer = pull_ticking (h);
    fail_unless_equals_int (red, is_red (buffer));
    gst_buffer_unref (buffer);
  }
  *warning = NULL;
  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING))) {
    fail_unless (*warning == NULL, "one warning is enough");
    gst_message_parse_warning (message, &error, NULL);
    *warning = g_strdup (error->message);
    g_error_free (error);
    gst_message_unref (message);
  }
  gst_harness_teardown (h);
  gst_element_set_bus (element, NULL);
  gst_object_unref (element);
  gst_object_unref (bus);
  g_free (path);
  return red;
}

GST_START_TEST (pictures_of_every_kind)
{
  static const struct {
    const gchar *name, *encoder;
  } files[] = {
    { "red.png", "pngenc" },
    { "red.jpg", "jpegenc" },
    { "red.webp", "webpenc" },
    { "red.webm", "vp8enc ! webmmux" },
  };
  gchar *warning;
  guint i;

  for (i = 0; i < G_N_ELEMENTS (files); i++) {
    encode_file (files[i].name, files[i].encoder);
    fail_unless (show_file (files[i].name, &warning), "%s", files[i].name);
    fail_unless (warning == NULL, "%s", warning);
  }
  write_file ("red.svg", "<svg xmlns='http://www.w3.org/2000/svg' "
      "width='40' height='30'><rect width='40' height='30' fill='#f00'/>"
      "</svg>");
  fail_unless (show_file ("red.svg", &warning));
  fail_unless (warning == NULL, "%s", warning);
}
GST_END_TEST;

GST_START_TEST (broken_pictures_give_the_built_in_one)
{
  static const gchar *names[] = { "missing.png", "empty.png", "text.png",
    "truncated.png", "huge.svg", "", "unfinished.svg", "fifo" };
  gchar *png, *path, *warning;
  gsize size;
  guint i;

  encode_file ("whole.png", "pngenc");
  path = g_build_filename (scratch, "whole.png", NULL);
  fail_unless (g_file_get_contents (path, &png, &size, NULL));
  g_free (path);
  path = g_build_filename (scratch, "truncated.png", NULL);
  fail_unless (g_file_set_contents (path, png, size / 2, NULL));
  g_free (path);
  g_free (png);
  path = g_build_filename (scratch, "fifo", NULL);
  fail_unless_equals_int (mkfifo (path, 0600), 0);
  g_free (path);
  write_file ("empty.png", "");
  write_file ("text.png", "This is not a picture.");
  write_file ("unfinished.svg", "<svg xmlns='http://www.w3.org/2000/svg' ");
  write_file ("huge.svg", "<svg xmlns='http://www.w3.org/2000/svg' "
      "width='30000' height='30000'><rect width='40' height='30'/></svg>");
  for (i = 0; i < G_N_ELEMENTS (names); i++) {
    fail_if (show_file (names[i], &warning), "%s", names[i]);
    fail_unless (warning != NULL, "no warning for \"%s\"", names[i]);
    fail_unless (strstr (warning, names[i]) != NULL, "%s", warning);
    g_free (warning);
  }
}
GST_END_TEST;

GST_START_TEST (picture_changes_while_shown)
{
  GstHarness *h;
  GstBuffer *buffer;
  gchar *path;
  gboolean red;

  encode_file ("red.png", "pngenc");
  path = g_build_filename (scratch, "red.png", NULL);
  h = harness_new (NULL);
  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, 0);
  gst_buffer_unref (gst_harness_pull (h));
  set_hidden (h, TRUE);
  g_object_set (h->element, "location", path, NULL);
  do {
    buffer = pull_ticking (h);
    red = is_red (buffer);
    gst_buffer_unref (buffer);
  } while (!red);
  g_object_set (h->element, "location", NULL, NULL);
  do {
    buffer = pull_ticking (h);
    red = is_red (buffer);
    gst_buffer_unref (buffer);
  } while (red);
  gst_harness_teardown (h);
  g_free (path);
}
GST_END_TEST;

static Suite *
imageswitch_suite (void)
{
  Suite *suite = suite_create ("imageswitch");
  TCase *promise = tcase_create ("promise");
  TCase *pictures = tcase_create ("pictures");

  suite_add_tcase (suite, promise);
  tcase_add_test (promise, visible_frames_pass_untouched);
  tcase_add_test (promise, no_camera_frame_after_hidden);
  tcase_add_test (promise, picture_without_any_camera);
  tcase_add_test (promise, switching_renegotiates_nothing);
  tcase_add_test (promise, each_change_asks_for_a_key_frame_and_is_told);
  tcase_add_test (promise, time_only_rises);
  tcase_add_test (promise, frame_rate_does_not_drift);
  tcase_add_test (promise, camera_eos_is_held_while_hidden);
  tcase_add_test (promise, camera_eos_passes_while_visible);
  tcase_add_test (promise, application_can_end_a_hidden_stream);
  tcase_add_test (promise, flush_is_not_noticed_while_hidden);
  tcase_add_test (promise, unfinished_flush_does_not_stop_the_picture);
  tcase_add_test (promise, flush_passes_while_visible);
  tcase_add_test (promise, caps_change_while_hidden_waits_for_show);
  tcase_add_test (promise, caps_change_in_a_short_blink);
  tcase_add_test (promise, camera_that_starts_anew_goes_on_in_time);
  tcase_add_test (promise, hidden_first_prefers_the_pictures_caps);
  tcase_add_test (promise, key_v_toggles);
  tcase_add_test (promise, hiding_from_within_the_push);
  tcase_add_test (promise, frame_held_on_its_way_out_is_dropped);
  tcase_add_test (promise, setter_returns_while_downstream_is_blocked);
  tcase_add_test (promise, latency_is_the_cameras);
  tcase_add_test (promise, no_seek_while_hidden);

  suite_add_tcase (suite, pictures);
  tcase_add_checked_fixture (pictures, make_scratch, remove_scratch);
  tcase_add_test (pictures, every_format_and_size);
  tcase_add_test (pictures, alternating_fields);
  tcase_add_test (pictures, pictures_of_every_kind);
  tcase_add_test (pictures, broken_pictures_give_the_built_in_one);
  tcase_add_test (pictures, picture_changes_while_shown);
  return suite;
}

GST_CHECK_MAIN (imageswitch);
