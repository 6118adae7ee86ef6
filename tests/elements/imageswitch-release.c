/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * imageswitch and the camera itself: that it is off while hidden, and comes
 * back.
 */
#include "fake-camera.h"
#include "latency.h"

#include <stdlib.h>

#define PATIENCE (30 * G_TIME_SPAN_SECOND)
#define LINE "fakecamera name=camera ! imageswitch name=switch " \
    "! fakesink name=out sync=true"

typedef struct {
  GstElement *pipeline, *element;
  FakeCamera *camera;
  GstBus *bus;
  gint cameras, pictures;       /* atomic: frames that went out */
  gboolean ending;              /* an EOS is no surprise */
} Line;

static GstPadProbeReturn
count_frame (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Line *line = data;

  if (is_camera (GST_PAD_PROBE_INFO_BUFFER (info)))
    g_atomic_int_inc (&line->cameras);
  else
    g_atomic_int_inc (&line->pictures);
  return GST_PAD_PROBE_OK;
}

static void
line_init (Line *line, const gchar *description)
{
  GError *error = NULL;
  GstPad *src;

  memset (line, 0, sizeof *line);
  line->pipeline = gst_parse_launch (description, &error);
  fail_unless (error == NULL, "%s", error ? error->message : "");
  line->bus = gst_element_get_bus (line->pipeline);
  line->element = gst_bin_get_by_name (GST_BIN (line->pipeline), "switch");
  line->camera = FAKE_CAMERA (gst_bin_get_by_name (GST_BIN (line->pipeline),
          "camera"));
  src = gst_element_get_static_pad (line->element, "src");
  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_BUFFER, count_frame, line, NULL);
  gst_object_unref (src);
}

static void
line_hide (Line *line, gboolean hidden)
{
  g_object_set (line->element, "hidden", hidden, NULL);
}

static void
line_play (Line *line)
{
  fail_if (gst_element_set_state (line->pipeline, GST_STATE_PLAYING)
      == GST_STATE_CHANGE_FAILURE);
}

/* What is on the bus by now; an error is always wrong. */
static GstMessage *
line_message (Line *line, GstMessageType wanted)
{
  GstMessage *message;

  while ((message = gst_bus_pop (line->bus))) {
    GstMessageType type = GST_MESSAGE_TYPE (message);

    fail_if (type == GST_MESSAGE_ERROR, "an error from %s",
        GST_MESSAGE_SRC_NAME (message));
    fail_if (type == GST_MESSAGE_EOS && !line->ending);
    if (type & wanted)
      return message;
    gst_message_unref (message);
  }
  return NULL;
}

static GstMessage *
line_wait_message (Line *line, GstMessageType wanted)
{
  gint64 until = g_get_monotonic_time () + PATIENCE;
  GstMessage *message;

  while (!(message = line_message (line, wanted))) {
    fail_unless (g_get_monotonic_time () < until, "no such message");
    g_usleep (500);
  }
  return message;
}

/* Waits for more frames to come out. */
static void
line_wait_frames (Line *line, gint *count, gint more)
{
  gint64 until = g_get_monotonic_time () + PATIENCE;
  gint target = g_atomic_int_get (count) + more;

  while (g_atomic_int_get (count) < target) {
    fail_unless (g_get_monotonic_time () < until, "no frames");
    g_usleep (500);
  }
}

static void
line_clear (Line *line)
{
  gint64 until = g_get_monotonic_time () + PATIENCE;
  GstMessage *message;

  gst_element_set_state (line->pipeline, GST_STATE_NULL);
  fail_unless (line->camera->fd == -1);
  fail_if (gst_element_is_locked_state (GST_ELEMENT (line->camera)));
  while ((message = line_message (line, GST_MESSAGE_ANY)))
    gst_message_unref (message);
  gst_object_unref (line->bus);
  /* a thread of GStreamer's may still have found nothing left to preroll */
  while (GST_OBJECT_REFCOUNT_VALUE (line->pipeline) > 1) {
    fail_unless (g_get_monotonic_time () < until, "the pipeline is kept");
    g_usleep (500);
  }
  gst_object_unref (line->pipeline);
  ASSERT_OBJECT_REFCOUNT (line->camera, "camera", 1);
  gst_object_unref (line->camera);
  ASSERT_OBJECT_REFCOUNT (line->element, "imageswitch", 1);
  gst_object_unref (line->element);
}

/* The setter's return is where the time counts from. A long run:
 * MESH_RELEASES=1000000. */
GST_START_TEST (off_when_hidden_on_when_shown)
{
  const gchar *toggles = g_getenv ("MESH_RELEASES");
  guint i, n = toggles ? atoi (toggles) : g_getenv ("MESH_SLOW") ? 100 : 1000;
  gint64 at, longest = 0;
  Line line;

  line_init (&line, "fakecamera name=camera ! imageswitch name=switch "
      "! fakesink");
  line_play (&line);
  for (i = 0; i < n; i++) {
    fake_camera_wait (line.camera, TRUE);
    line_hide (&line, TRUE);
    at = g_get_monotonic_time ();
    fake_camera_wait (line.camera, FALSE);
    longest = MAX (longest, line.camera->closed_at - at);
    line_hide (&line, FALSE);
  }
  fake_camera_wait (line.camera, TRUE);
  line_wait_frames (&line, &line.cameras, 1);
  fail_unless_equals_int (fake_camera_opens (line.camera), n + 1);
  g_print ("off %u times, after %.1f ms at most\n", n, longest / 1e3);
  fail_unless (longest <= 500 * G_TIME_SPAN_MILLISECOND);
  line_clear (&line);
}
GST_END_TEST;

/* The camera in the same bin, in one of its own, and so on. */
static const gchar *hidden_lines[] = {
  "fakecamera name=camera ! imageswitch name=switch hidden=true ! fakesink",
  "fakecamera name=camera ! identity ! queue ! imageswitch name=switch "
      "hidden=true ! fakesink",
  "( fakecamera name=camera ! identity ) ! queue ! imageswitch name=switch "
      "hidden=true ! fakesink",
  "fakecamera name=camera ! ( imageswitch name=switch hidden=true "
      "! fakesink )",
  "( ( fakecamera name=camera ! queue ) ! identity ) ! ( identity ! "
      "( imageswitch name=switch hidden=true ! identity ) ! fakesink )",
  "fakecamera name=camera ! tee name=t t. ! queue ! funnel name=f "
      "! imageswitch name=switch hidden=true ! fakesink  t. ! queue ! f.",
};

GST_START_TEST (hidden_first_is_never_opened)
{
  guint turn;
  Line line;

  line_init (&line, hidden_lines[__i__]);
  for (turn = 0; turn < 2; turn++) {
    line_play (&line);
    line_wait_frames (&line, &line.pictures, 3);
    fail_unless_equals_int (fake_camera_opens (line.camera), 0);
    gst_element_set_state (line.pipeline, turn ? GST_STATE_PAUSED
        : GST_STATE_NULL);
  }
  line_play (&line);
  line_hide (&line, FALSE);
  line_wait_frames (&line, &line.cameras, 2);
  fail_unless_equals_int (fake_camera_opens (line.camera), 1);
  line_hide (&line, TRUE);
  fake_camera_wait (line.camera, FALSE);
  line_clear (&line);
}
GST_END_TEST;

/* Others watch as well, or the source is none to be shut. */
GST_START_TEST (fork_is_left_alone_and_said)
{
  GstMessage *message;
  GError *error;
  Line line;

  line_init (&line, "fakecamera name=camera ! tee name=watched "
      "! queue ! imageswitch name=switch hidden=true ! fakesink "
      "watched. ! queue ! fakesink");
  line_play (&line);
  message = line_wait_message (&line, GST_MESSAGE_INFO);
  gst_message_parse_info (message, &error, NULL);
  fail_unless (strstr (error->message, "watched") != NULL);
  g_error_free (error);
  gst_message_unref (message);
  fake_camera_wait (line.camera, TRUE);
  line_hide (&line, FALSE);
  line_wait_frames (&line, &line.cameras, 1);
  line_hide (&line, TRUE);
  line_wait_frames (&line, &line.pictures, 3);
  fail_unless (line_message (&line, GST_MESSAGE_INFO) == NULL);
  fail_unless_equals_int (fake_camera_opens (line.camera), 1);
  fail_unless_equals_int (line.camera->closes, 0);
  line_clear (&line);
}
GST_END_TEST;

static const struct {
  const gchar *source;
  gboolean shut;
} sources[] = {
  { "videotestsrc name=source is-live=true", TRUE },
  { "videotestsrc name=source", FALSE },
  { "filesrc name=source", FALSE },
  { "appsrc name=source is-live=true", FALSE },
  { "imageswitch name=source", FALSE },
};

GST_START_TEST (only_cameras_are_shut)
{
  gchar *text = g_strdup_printf ("%s ! imageswitch name=switch hidden=true "
      "! fakesink", sources[__i__].source);
  GstElement *pipeline = gst_parse_launch (text, NULL);
  GstElement *source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  GstElement *element = gst_bin_get_by_name (GST_BIN (pipeline), "switch");

  /* often: nor is it opened when the thread sees us go down half-way */
  for (guint round = 0; round < 500; round++) {
    gst_element_set_state (element, GST_STATE_READY);
    fail_unless_equals_int (gst_element_is_locked_state (source),
        sources[__i__].shut);
    gst_element_set_state (element, GST_STATE_NULL);
    fail_if (gst_element_is_locked_state (source));
    fail_unless_equals_int (GST_STATE (source), GST_STATE_NULL);
  }
  gst_object_unref (source);
  gst_object_unref (element);
  gst_object_unref (pipeline);
  g_free (text);
}
GST_END_TEST;

static void
expect_warning (Line *line, const gchar *text)
{
  GstMessage *message = line_wait_message (line, GST_MESSAGE_WARNING);
  GError *error;

  gst_message_parse_warning (message, &error, NULL);
  fail_unless (strstr (error->message, "\"camera\"") != NULL);
  fail_unless (strstr (error->message, text) != NULL, "%s", error->message);
  g_error_free (error);
  gst_message_unref (message);
}

static const struct {
  goffset what;
  const gchar *text;
} failures[] = {
  { G_STRUCT_OFFSET (FakeCamera, fail_open), "somebody else has it" },
  { G_STRUCT_OFFSET (FakeCamera, fail_late), "nobody is at home" },
  { G_STRUCT_OFFSET (FakeCamera, end_early), "ended" },
};

GST_START_TEST (failing_camera_is_tried_again)
{
  guint *what;
  Line line;

  line_init (&line, LINE);
  line_play (&line);
  line_wait_frames (&line, &line.cameras, 1);
  line_hide (&line, TRUE);
  fake_camera_wait (line.camera, FALSE);
  what = G_STRUCT_MEMBER_P (line.camera, failures[__i__].what);
  fake_camera_fail (line.camera, what, G_MAXUINT);
  line_hide (&line, FALSE);
  expect_warning (&line, failures[__i__].text);
  line_wait_frames (&line, &line.pictures, 3);
  line_hide (&line, FALSE);     /* once more, and at once */
  expect_warning (&line, failures[__i__].text);
  fake_camera_fail (line.camera, what, 0);
  line_hide (&line, FALSE);
  line_wait_frames (&line, &line.cameras, 1);
  line_clear (&line);
}
GST_END_TEST;

GST_START_TEST (failing_camera_is_tried_again_by_itself)
{
  Line line;

  line_init (&line, "fakecamera name=camera ! imageswitch name=switch "
      "hidden=true ! fakesink");
  line_play (&line);
  fake_camera_fail (line.camera, &line.camera->fail_open, 1);
  line_hide (&line, FALSE);
  expect_warning (&line, "somebody else has it");
  line_wait_frames (&line, &line.cameras, 1);
  line_clear (&line);
}
GST_END_TEST;

/* After its first frame a camera's errors are the application's again. */
GST_START_TEST (errors_pass_once_it_is_back)
{
  GstMessage *message;
  Line line;

  line_init (&line, LINE);
  line_play (&line);
  line_wait_frames (&line, &line.cameras, 1);
  line_hide (&line, TRUE);
  fake_camera_wait (line.camera, FALSE);
  line_hide (&line, FALSE);
  line_wait_frames (&line, &line.cameras, 1);
  fake_camera_fail (line.camera, &line.camera->fail_late, 1);
  message = gst_bus_timed_pop_filtered (line.bus, GST_CLOCK_TIME_NONE,
      GST_MESSAGE_ERROR);
  fail_unless (GST_MESSAGE_SRC (message) == GST_OBJECT (line.camera));
  gst_message_unref (message);
  line.ending = TRUE;
  line_clear (&line);
}
GST_END_TEST;

GST_START_TEST (release_can_be_turned_off)
{
  Line line;

  line_init (&line, LINE);
  g_object_set (line.element, "release-camera", FALSE, NULL);
  line_hide (&line, TRUE);
  line_play (&line);
  fake_camera_wait (line.camera, TRUE);
  line_wait_frames (&line, &line.pictures, 3);
  fail_unless_equals_int (line.camera->closes, 0);
  g_object_set (line.element, "release-camera", TRUE, NULL);
  fake_camera_wait (line.camera, FALSE);
  g_object_set (line.element, "release-camera", FALSE, NULL);
  fake_camera_wait (line.camera, TRUE);
  fail_unless_equals_int (g_atomic_int_get (&line.cameras), 0);
  line_hide (&line, FALSE);
  line_wait_frames (&line, &line.cameras, 1);
  line_clear (&line);
}
GST_END_TEST;

/* Stopped whenever it is least convenient, and nobody stays locked. */
GST_START_TEST (stopped_in_the_middle)
{
  guint i;
  Line line;

  line_init (&line, LINE);
  for (i = 0; i < 24; i++) {
    line.camera->slow = i % 4 == 0 ? 0 : 5;
    line_hide (&line, i % 2);
    line_play (&line);
    if (i % 3 == 0)
      line_wait_frames (&line, i % 2 ? &line.pictures : &line.cameras, 1);
    if (i % 5 == 0)
      fake_camera_fail (line.camera, &line.camera->fail_open, i % 2);
    line_hide (&line, !(i % 2));
    g_usleep (i * 500);
    if (i % 7 == 0)
      line_hide (&line, i % 2);
    gst_element_set_state (line.pipeline,
        i % 3 ? GST_STATE_NULL : GST_STATE_PAUSED);
    if (i % 3 == 0)
      line_hide (&line, i % 2);
    gst_element_set_state (line.pipeline, GST_STATE_NULL);
    fail_if (gst_element_is_locked_state (GST_ELEMENT (line.camera)));
    fail_unless (line.camera->fd == -1);
    fake_camera_fail (line.camera, &line.camera->fail_open, 0);
    gst_bus_set_flushing (line.bus, TRUE);
    gst_bus_set_flushing (line.bus, FALSE);
  }
  line_clear (&line);
}
GST_END_TEST;

GST_START_TEST (stopped_while_waiting_to_try_again)
{
  Line line;

  line_init (&line, LINE);
  line_hide (&line, TRUE);
  line_play (&line);
  fake_camera_fail (line.camera, &line.camera->fail_open, 1000);
  line_hide (&line, FALSE);
  expect_warning (&line, "somebody else has it");
  gst_element_set_state (line.pipeline, GST_STATE_NULL);
  fake_camera_fail (line.camera, &line.camera->fail_open, 0);
  line_play (&line);
  line_wait_frames (&line, &line.cameras, 1);
  line_clear (&line);
}
GST_END_TEST;

/* PAUSED does not wait for a frame that a live camera would not send. */
GST_START_TEST (paused_while_off)
{
  guint i;
  Line line;

  line_init (&line, LINE);
  line_play (&line);
  line_wait_frames (&line, &line.cameras, 1);
  line_hide (&line, TRUE);
  fake_camera_wait (line.camera, FALSE);
  for (i = 0; i < 3; i++) {
    fail_unless_equals_int (gst_element_set_state (line.pipeline,
            GST_STATE_PAUSED), GST_STATE_CHANGE_NO_PREROLL);
    line_hide (&line, i % 2);
    line_hide (&line, TRUE);
    line_play (&line);
    line_wait_frames (&line, &line.pictures, 2);
  }
  line_hide (&line, FALSE);
  line_wait_frames (&line, &line.cameras, 1);
  line_clear (&line);
}
GST_END_TEST;

static GstClockTime
ask_latency (Line *line)
{
  g_autoptr (GstPad) src = gst_element_get_static_pad (line->element, "src");

  return live_latency (src);
}

GST_START_TEST (latency_is_what_the_camera_said)
{
  GstMessage *message;
  gboolean ours;
  Line line;

  line_init (&line, LINE);
  line_hide (&line, TRUE);
  line_play (&line);
  line_wait_frames (&line, &line.pictures, 1);
  fail_unless_equals_uint64 (ask_latency (&line), INTERVAL);
  while ((message = line_message (&line, GST_MESSAGE_LATENCY)))
    gst_message_unref (message);
  line.camera->latency = 100 * GST_MSECOND;
  line_hide (&line, FALSE);
  do {
    message = line_wait_message (&line, GST_MESSAGE_LATENCY);
    ours = GST_MESSAGE_SRC (message) == GST_OBJECT (line.element);
    gst_message_unref (message);
  } while (!ours);
  line_wait_frames (&line, &line.cameras, 1);
  fail_unless_equals_uint64 (ask_latency (&line), 100 * GST_MSECOND);
  line_hide (&line, TRUE);
  fake_camera_wait (line.camera, FALSE);
  fail_unless_equals_uint64 (ask_latency (&line), 100 * GST_MSECOND);
  line_clear (&line);
}
GST_END_TEST;

static GstPadProbeReturn
hide_here (GstPad *pad, GstPadProbeInfo *info, gpointer element)
{
  g_object_set (element, "hidden", TRUE, NULL);
  return GST_PAD_PROBE_REMOVE;
}

/* In the camera's own thread, before us and after us. */
GST_START_TEST (hidden_by_the_cameras_thread)
{
  Line line;
  GstPad *pad;

  line_init (&line, LINE);
  pad = gst_element_get_static_pad (line.element, __i__ ? "sink" : "src");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, hide_here, line.element,
      NULL);
  gst_object_unref (pad);
  line_play (&line);
  line_wait_frames (&line, &line.pictures, 1);
  fake_camera_wait (line.camera, FALSE);
  line_clear (&line);
}
GST_END_TEST;

/* A source that is unlinked from the element has its state to itself again. */
GST_START_TEST (unlinked_while_off)
{
  gint64 until = g_get_monotonic_time () + PATIENCE;
  GstElement *source;
  Line line;

  line_init (&line, LINE);
  source = GST_ELEMENT (line.camera);
  line_hide (&line, TRUE);
  line_play (&line);
  line_wait_frames (&line, &line.pictures, 1);
  gst_element_get_state (line.pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
  fail_unless (gst_element_is_locked_state (source));
  gst_element_unlink (source, line.element);
  while (gst_element_is_locked_state (source)) {
    fail_unless (g_get_monotonic_time () < until);
    g_usleep (500);
  }
  fail_unless_equals_int (fake_camera_opens (line.camera), 0);
  fail_unless (gst_element_link (source, line.element));
  fail_unless (gst_element_is_locked_state (source));
  line_hide (&line, FALSE);
  line_wait_frames (&line, &line.cameras, 1);
  line_clear (&line);
}
GST_END_TEST;

/* When we alone go, the camera is given back as it would be without us. */
GST_START_TEST (switch_stopped_alone)
{
  Line line;

  line_init (&line, LINE);
  line_hide (&line, TRUE);
  line_play (&line);
  line_wait_frames (&line, &line.pictures, 1);
  gst_element_get_state (line.pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
  gst_element_set_state (line.element, GST_STATE_NULL);
  fail_if (gst_element_is_locked_state (GST_ELEMENT (line.camera)));
  fail_unless_equals_int (fake_camera_opens (line.camera), 1);
  gst_element_sync_state_with_parent (line.element);
  fake_camera_wait (line.camera, FALSE);
  line_wait_frames (&line, &line.pictures, 1);
  line_hide (&line, FALSE);
  line_wait_frames (&line, &line.cameras, 1);
  line_clear (&line);
}
GST_END_TEST;

static Suite *
imageswitch_release_suite (void)
{
  Suite *suite = suite_create ("imageswitch-release");
  TCase *tcase = tcase_create ("release");

  fake_camera_register ();
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, off_when_hidden_on_when_shown);
  tcase_add_loop_test (tcase, hidden_first_is_never_opened, 0,
      G_N_ELEMENTS (hidden_lines));
  tcase_add_test (tcase, fork_is_left_alone_and_said);
  tcase_add_loop_test (tcase, only_cameras_are_shut, 0,
      G_N_ELEMENTS (sources));
  tcase_add_loop_test (tcase, failing_camera_is_tried_again, 0,
      G_N_ELEMENTS (failures));
  tcase_add_test (tcase, failing_camera_is_tried_again_by_itself);
  tcase_add_test (tcase, errors_pass_once_it_is_back);
  tcase_add_test (tcase, release_can_be_turned_off);
  tcase_add_test (tcase, stopped_in_the_middle);
  tcase_add_test (tcase, stopped_while_waiting_to_try_again);
  tcase_add_test (tcase, paused_while_off);
  tcase_add_test (tcase, latency_is_what_the_camera_said);
  tcase_add_loop_test (tcase, hidden_by_the_cameras_thread, 0, 2);
  tcase_add_test (tcase, unlinked_while_off);
  tcase_add_test (tcase, switch_stopped_alone);
  return suite;
}

GST_CHECK_MAIN (imageswitch_release);
