/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A live picture, on imageswitch's request pad.
 */
#include "imageswitch-camera.h"

typedef struct {
  GstHarness *out;              /* src, and the clock */
  GstHarness *in;               /* image_sink */
} Both;

static void
start (Both *both)
{
  GstElement *element = gst_element_factory_make ("imageswitch", NULL);
  GstCaps *caps = gst_caps_from_string (CAPS);

  both->out = harness_new_alone (element, caps);
  both->in = gst_harness_new_with_element (element, "image_sink", NULL);
  gst_harness_play (both->out);
  gst_object_unref (element);
  gst_caps_unref (caps);
}

static void
stop (Both *both)
{
  gst_harness_teardown (both->in);
  gst_harness_teardown (both->out);
}

static GstBuffer *
grey_frame (gsize size, guint8 value)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size, NULL);

  gst_buffer_memset (buffer, 0, value, size);
  GST_BUFFER_PTS (buffer) = 0;
  return buffer;
}

/* Pulls until what goes out has @value in its middle. */
static GstBuffer *
pull_value (GstHarness *h, guint8 value)
{
  GstBuffer *buffer = NULL;
  guint8 pixel;

  do {
    gst_clear_buffer (&buffer);
    buffer = pull_ticking (h);
    gst_buffer_extract (buffer, 24 * 64 + 32, &pixel, 1);
  } while (ABS (pixel - value) > 2);
  return buffer;
}

/* The built-in picture has an edge, which no grey frame has. */
static void
pull_built_in (GstHarness *h)
{
  guint8 middle = 0, edge = 0;
  GstBuffer *buffer;

  do {
    buffer = pull_ticking (h);
    gst_buffer_extract (buffer, 24 * 64 + 32, &middle, 1);
    gst_buffer_extract (buffer, 1, &edge, 1);
    gst_buffer_unref (buffer);
  } while (middle == edge);
}

GST_START_TEST (the_newest_frame_goes_out_as_it_is)
{
  GstBuffer *frame = grey_frame (SIZE, 90), *buffer;
  Both both;

  start (&both);
  pull_built_in (both.out);
  gst_harness_set_src_caps_str (both.in, CAPS);
  fail_unless_equals_int (gst_harness_push (both.in, gst_buffer_ref (frame)),
      GST_FLOW_OK);
  buffer = pull_value (both.out, 90);
  fail_unless (gst_buffer_peek_memory (buffer, 0)
      == gst_buffer_peek_memory (frame, 0), "it was copied");
  gst_buffer_unref (buffer);
  gst_buffer_unref (frame);
  gst_harness_push (both.in, grey_frame (SIZE, 110));
  gst_harness_push (both.in, grey_frame (SIZE, 130));
  gst_buffer_unref (pull_value (both.out, 130));
  stop (&both);
}
GST_END_TEST;

GST_START_TEST (other_frames_are_converted_once)
{
  GstMemory *before, *memory = NULL;
  GstBuffer *buffer;
  guint8 pixel;
  Both both;

  start (&both);
  gst_harness_set_src_caps_str (both.in, "video/x-raw,format=BGRx,width=160,"
      "height=120,framerate=5/1");
  gst_harness_push (both.in, grey_frame (160 * 120 * 4, 200));
  do {
    before = memory;
    buffer = pull_ticking (both.out);
    memory = gst_buffer_peek_memory (buffer, 0);
    gst_buffer_extract (buffer, 24 * 64 + 32, &pixel, 1);
    gst_buffer_unref (buffer);
    /* full range in, video range out */
  } while (memory != before || ABS (pixel - 188) > 2);
  stop (&both);
}
GST_END_TEST;

GST_START_TEST (without_a_frame_there_is_the_picture)
{
  guint events;
  Both both;

  start (&both);
  gst_harness_set_src_caps_str (both.in, CAPS);
  gst_harness_push (both.in, grey_frame (SIZE, 90));
  gst_buffer_unref (pull_value (both.out, 90));
  events = gst_harness_events_received (both.out);

  gst_harness_push_event (both.in, gst_event_new_flush_start ());
  gst_harness_push_event (both.in, gst_event_new_flush_stop (TRUE));
  pull_built_in (both.out);

  gst_harness_set_src_caps_str (both.in, CAPS);
  gst_harness_push (both.in, grey_frame (SIZE, 120));
  gst_buffer_unref (pull_value (both.out, 120));
  gst_harness_push_event (both.in, gst_event_new_eos ());
  pull_built_in (both.out);
  fail_unless_equals_int (gst_harness_events_received (both.out), events);

  fail_unless (gst_element_request_pad (both.in->element,
          gst_element_get_pad_template (both.in->element, "image_sink"), NULL,
          NULL) == NULL, "two of them");
  stop (&both);
}
GST_END_TEST;

typedef struct {
  GstHarness *h;
  GstClockTime time;
  GstFlowReturn ret;
} Push;

static gpointer
push_thread (gpointer data)
{
  Push *push = data;
  GstBuffer *buffer = grey_frame (SIZE, 90);

  GST_BUFFER_PTS (buffer) = push->time;
  push->ret = gst_harness_push (push->h, buffer);
  return NULL;
}

GST_START_TEST (a_frame_waits_for_its_time)
{
  Push push = { NULL, GST_SECOND, GST_FLOW_ERROR };
  GstBuffer *buffer;
  GThread *thread;
  Both both;

  start (&both);
  gst_harness_set_src_caps_str (both.in, CAPS);
  push.h = both.in;
  thread = g_thread_new ("push", push_thread, &push);
  buffer = pull_value (both.out, 90);
  fail_unless (GST_BUFFER_PTS (buffer) >= GST_SECOND, "shown too early");
  gst_buffer_unref (buffer);
  g_thread_join (thread);
  fail_unless_equals_int (push.ret, GST_FLOW_OK);
  stop (&both);
}
GST_END_TEST;

typedef enum { FLUSH, RELEASE, STATE } End;

GST_START_TEST (who_waits_can_be_interrupted)
{
  Push push = { NULL, 1000 * GST_SECOND, GST_FLOW_ERROR };
  GThread *thread;
  GstPad *pad;
  Both both;

  start (&both);
  gst_harness_set_src_caps_str (both.in, CAPS);
  push.h = both.in;
  thread = g_thread_new ("push", push_thread, &push);
  /* both threads sleep on the clock, or the frame is not there yet: any
   * moment will do */
  gst_harness_wait_for_clock_id_waits (both.out, 2, 5);
  pad = gst_element_get_static_pad (both.in->element, "image_sink");
  if (__i__ == FLUSH)
    gst_harness_push_event (both.in, gst_event_new_flush_start ());
  else if (__i__ == RELEASE)
    gst_element_release_request_pad (both.in->element, pad);
  else
    gst_element_set_state (both.in->element, GST_STATE_READY);
  g_thread_join (thread);
  fail_unless (push.ret != GST_FLOW_OK && push.ret != GST_FLOW_ERROR, "%s",
      gst_flow_get_name (push.ret));
  if (__i__ == RELEASE) {
    /* and it can be had again */
    gst_object_unref (pad);
    pad = gst_element_request_pad_simple (both.in->element, "image_sink");
    fail_unless (pad != NULL);
    gst_element_release_request_pad (both.in->element, pad);
  }
  gst_object_unref (pad);
  stop (&both);
}
GST_END_TEST;

GST_START_TEST (our_own_caps_are_offered_first)
{
  GstCaps *expected = gst_caps_from_string (CAPS), *caps;
  Both both;

  start (&both);
  gst_buffer_unref (pull_ticking (both.out));
  caps = gst_pad_peer_query_caps (both.in->srcpad, NULL);
  fail_unless (gst_caps_get_size (caps) > 1);
  caps = gst_caps_truncate (caps);
  fail_unless (gst_caps_can_intersect (caps, expected)
      && gst_caps_is_fixed (caps));
  gst_caps_unref (caps);
  gst_caps_unref (expected);
  stop (&both);
}
GST_END_TEST;

/* A file would race through, were it not for the clock. */
GST_START_TEST (in_a_whole_pipeline)
{
  GstElement *pipeline = gst_parse_launch ("imageswitch name=cam hidden=true "
      "! video/x-raw,width=64,height=48,framerate=30/1 "
      "! identity eos-after=20 ! fakesink sync=true "
      "videotestsrc num-buffers=10 ! cam.image_sink", NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 30 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}
GST_END_TEST;

static Suite *
imageswitch_image_suite (void)
{
  Suite *suite = suite_create ("imageswitch-image");
  TCase *tcase = tcase_create ("image");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, the_newest_frame_goes_out_as_it_is);
  tcase_add_test (tcase, other_frames_are_converted_once);
  tcase_add_test (tcase, without_a_frame_there_is_the_picture);
  tcase_add_test (tcase, a_frame_waits_for_its_time);
  tcase_add_loop_test (tcase, who_waits_can_be_interrupted, FLUSH, STATE + 1);
  tcase_add_test (tcase, our_own_caps_are_offered_first);
  tcase_add_test (tcase, in_a_whole_pipeline);
  return suite;
}

GST_CHECK_MAIN (imageswitch_image);
