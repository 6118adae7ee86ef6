/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * imageswitch in whole pipelines, with the clock on the wall.
 */
#include <gst/check/gstcheck.h>

#define PATIENCE (30 * GST_SECOND)

typedef struct {
  GstElement *pipeline, *camera, *sink;
  GstBus *bus;
  gint frames;                  /* atomic: how many reached the sink */
} Line;

static void
on_handoff (GstElement *sink, GstBuffer *buffer, GstPad *pad, Line *line)
{
  g_atomic_int_inc (&line->frames);
}

/* Elements are named `cam` (imageswitch) and `out` (fakesink). */
static void
line_init (Line *line, const gchar *description)
{
  GError *error = NULL;

  line->pipeline = gst_parse_launch (description, &error);
  fail_unless (error == NULL, "%s", error ? error->message : "");
  line->bus = gst_element_get_bus (line->pipeline);
  line->camera = gst_bin_get_by_name (GST_BIN (line->pipeline), "cam");
  line->sink = gst_bin_get_by_name (GST_BIN (line->pipeline), "out");
  line->frames = 0;
  g_object_set (line->sink, "signal-handoffs", TRUE, NULL);
  g_signal_connect (line->sink, "handoff", G_CALLBACK (on_handoff), line);
}

static void
line_clear (Line *line)
{
  gst_element_set_state (line->pipeline, GST_STATE_NULL);
  ASSERT_OBJECT_REFCOUNT (line->camera, "imageswitch", 2);
  gst_object_unref (line->sink);
  gst_object_unref (line->camera);
  gst_object_unref (line->bus);
  ASSERT_OBJECT_REFCOUNT (line->pipeline, "pipeline", 1);
  gst_object_unref (line->pipeline);
}

static void
line_reach (Line *line, GstState state)
{
  GstState now;

  gst_element_set_state (line->pipeline, state);
  fail_if (gst_element_get_state (line->pipeline, &now, NULL, PATIENCE)
      == GST_STATE_CHANGE_FAILURE);
  fail_unless_equals_int (now, state);
}

/* Waits for @count more frames; an error on the bus ends the test. */
static void
line_run (Line *line, gint count)
{
  gint until = g_atomic_int_get (&line->frames) + count;
  gint64 deadline = g_get_monotonic_time () + PATIENCE / 1000;
  GstMessage *message;

  while (g_atomic_int_get (&line->frames) < until) {
    message = gst_bus_timed_pop_filtered (line->bus, GST_MSECOND,
        GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
    fail_unless (message == NULL);
    fail_unless (g_get_monotonic_time () < deadline);
  }
}

static void
line_wait_eos (Line *line)
{
  GstMessage *message = gst_bus_timed_pop_filtered (line->bus, PATIENCE,
      GST_MESSAGE_ERROR | GST_MESSAGE_EOS);

  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
  gst_message_unref (message);
}

/* The one in the element's documentation. */
GST_START_TEST (example_line)
{
  Line line;

  line_init (&line, "videotestsrc is-live=true ! imageswitch name=cam "
      "hidden=true ! videoconvert ! fakesink name=out sync=true");
  line_reach (&line, GST_STATE_PLAYING);
  line_run (&line, 5);
  g_object_set (line.camera, "hidden", FALSE, NULL);
  line_run (&line, 5);
  line_clear (&line);
}
GST_END_TEST;

GST_START_TEST (picture_alone)
{
  Line line;

  line_init (&line, "imageswitch name=cam hidden=true "
      "! video/x-raw,width=320,height=240,framerate=60/1 "
      "! fakesink name=out sync=true");
  line_reach (&line, GST_STATE_PLAYING);
  line_run (&line, 20);
  line_clear (&line);
}
GST_END_TEST;

GST_START_TEST (up_and_down_ten_times)
{
  Line line;
  guint i;

  line_init (&line, "videotestsrc is-live=true ! imageswitch name=cam "
      "! fakesink name=out sync=true");
  for (i = 0; i < 10; i++) {
    g_object_set (line.camera, "hidden", i % 2 == 0, NULL);
    line_reach (&line, GST_STATE_PLAYING);
    line_run (&line, 2);
    line_reach (&line, GST_STATE_NULL);
  }
  line_clear (&line);
}
GST_END_TEST;

/* Where nothing is live, each PAUSED waits for a frame at the sink. */
GST_START_TEST (hidden_file_can_be_paused)
{
  Line line;
  guint i;

  line_init (&line, "videotestsrc ! imageswitch name=cam hidden=true "
      "! queue ! fakesink name=out sync=true");
  for (i = 0; i < 5; i++) {
    line_reach (&line, GST_STATE_PAUSED);
    line_reach (&line, GST_STATE_PLAYING);
    line_run (&line, 2);
  }
  line_clear (&line);
}
GST_END_TEST;

/* A file of ten frames does not end the picture, and does end it when shown. */
GST_START_TEST (file_ends_when_shown)
{
  Line line;

  line_init (&line, "videotestsrc num-buffers=10 ! imageswitch name=cam "
      "hidden=true ! fakesink name=out sync=true");
  line_reach (&line, GST_STATE_PLAYING);
  line_run (&line, 20);
  g_object_set (line.camera, "hidden", FALSE, NULL);
  line_wait_eos (&line);
  line_clear (&line);
}
GST_END_TEST;

/* Hidden, a file is not read faster than it would be shown: a second of it
 * takes about as long as a second of the picture. */
GST_START_TEST (hidden_file_keeps_its_pace)
{
  Line line;

  line_init (&line, "videotestsrc num-buffers=300 ! identity name=in "
      "! imageswitch name=cam hidden=true ! fakesink name=out sync=true");
  line_reach (&line, GST_STATE_PLAYING);
  line_run (&line, 10);
  g_object_set (line.camera, "hidden", FALSE, NULL);
  line_run (&line, 60);         /* most of the 300 are still to come */
  line_clear (&line);
}
GST_END_TEST;

GST_START_TEST (application_ends_a_hidden_pipeline)
{
  Line line;

  line_init (&line, "videotestsrc is-live=true ! imageswitch name=cam "
      "hidden=true ! fakesink name=out sync=true");
  line_reach (&line, GST_STATE_PLAYING);
  line_run (&line, 2);
  fail_unless (gst_element_send_event (line.pipeline, gst_event_new_eos ()));
  line_wait_eos (&line);
  line_clear (&line);
}
GST_END_TEST;

GST_START_TEST (encoder_behind_it)
{
  Line line;
  guint i;

  line_init (&line, "videotestsrc is-live=true "
      "! video/x-raw,width=160,height=90 ! imageswitch name=cam ! queue "
      "! vp8enc deadline=1 cpu-used=16 ! fakesink name=out");
  line_reach (&line, GST_STATE_PLAYING);
  for (i = 0; i < 6; i++) {
    line_run (&line, 3);
    g_object_set (line.camera, "hidden", i % 2 == 0, NULL);
  }
  line_clear (&line);
}
GST_END_TEST;

static gint stopped;            /* atomic: by the handler */

static GstBusSyncReply
stop_on_warning (GstBus *bus, GstMessage *message, gpointer pipeline)
{
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING
      && g_atomic_int_get (&stopped) == 0) {
    gst_element_set_state (pipeline, GST_STATE_NULL);
    g_atomic_int_set (&stopped, 1);
  }
  gst_message_unref (message);
  return GST_BUS_DROP;
}

/* The thread that reads the picture is the one on which the handler runs. */
GST_START_TEST (a_pipeline_may_be_stopped_where_a_bad_picture_is_told)
{
  gint64 until = g_get_monotonic_time () + 60 * G_TIME_SPAN_SECOND;
  Line line;

  stopped = 0;
  line_init (&line, "videotestsrc is-live=true ! imageswitch name=cam "
      "location=/nonexistent.png hidden=true ! fakesink name=out");
  gst_bus_set_sync_handler (line.bus, stop_on_warning, line.pipeline, NULL);
  gst_element_set_state (line.pipeline, GST_STATE_PLAYING);
  while (!g_atomic_int_get (&stopped) && g_get_monotonic_time () < until)
    g_thread_yield ();
  fail_unless (stopped == 1, "the picture was not complained of");
  /* the thread lets go of the element when the handler has returned */
  while (GST_OBJECT_REFCOUNT_VALUE (line.camera) > 2
      && g_get_monotonic_time () < until)
    g_thread_yield ();
  line_clear (&line);
}
GST_END_TEST;

static Suite *
imageswitch_pipelines_suite (void)
{
  Suite *suite = suite_create ("imageswitch-pipelines");
  TCase *tcase = tcase_create ("pipelines");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, example_line);
  tcase_add_test (tcase, picture_alone);
  tcase_add_test (tcase, up_and_down_ten_times);
  tcase_add_test (tcase, hidden_file_can_be_paused);
  tcase_add_test (tcase, file_ends_when_shown);
  tcase_add_test (tcase, hidden_file_keeps_its_pace);
  tcase_add_test (tcase, application_ends_a_hidden_pipeline);
  tcase_add_test (tcase, encoder_behind_it);
  tcase_add_test (tcase, a_pipeline_may_be_stopped_where_a_bad_picture_is_told);
  return suite;
}

GST_CHECK_MAIN (imageswitch_pipelines);
