/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two members in one pipeline go from NULL to PLAYING and back ten times, after
 * which GStreamer's leaks tracer finds no object of theirs.
 */

#include <gst/gst.h>
#include <stdio.h>
#include <string.h>

#define CYCLES 10
#define WATCHDOG (60 * GST_SECOND)

static GstTracer *
find_tracer (void)
{
  GList *tracers = gst_tracing_get_active_tracers ();
  GstTracer *found = NULL;

  for (GList *l = tracers; l; l = l->next) {
    if (g_str_equal (G_OBJECT_TYPE_NAME (l->data), "GstLeaksTracer"))
      found = gst_object_ref (l->data);
  }
  g_list_free_full (tracers, gst_object_unref);
  return found;
}

/* Returns: the number of live objects, which are printed on request */
static guint
count_alive (GstTracer *tracer, gboolean say)
{
  g_autoptr (GstStructure) info = NULL;
  const GValue *list;
  guint n = 0;

  g_signal_emit_by_name (tracer, "get-live-objects", &info);
  list = gst_structure_get_value (info, "live-objects-list");
  for (guint i = 0; list && i < gst_value_list_get_size (list); i++) {
    const GstStructure *one =
        gst_value_get_structure (gst_value_list_get_value (list, i));
    const GValue *object = gst_structure_get_value (one, "object");
    g_autofree char *text = gst_structure_to_string (one);

    /* dtlsdec keeps the process's certificate for the next connection */
    if (G_VALUE_HOLDS_OBJECT (object)
        && g_str_equal (G_VALUE_TYPE_NAME (object), "GstDtlsAgent"))
      continue;
    if (say)
      printf ("# alive: %s\n", text);
    n++;
  }
  return n;
}

/* A DTLS connection lives until its last time-out, a second or more after its
 * end. The tracer takes references to live objects, which races with objects
 * that are being freed, so it is asked seldom. */
static gboolean
wait_nothing_alive (GstTracer *tracer)
{
  for (int seconds = 3; seconds < 30; seconds *= 2) {
    g_usleep (seconds * G_USEC_PER_SEC);
    if (count_alive (tracer, FALSE) == 0)
      return TRUE;
  }
  return count_alive (tracer, TRUE) == 0;
}

static gboolean
play_until_met (GstElement *pipeline, int members)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  GstClockTime end = gst_util_get_timestamp () + WATCHDOG;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (members > 0 && gst_util_get_timestamp () < end) {
    g_autoptr (GstMessage) message =
        gst_bus_timed_pop (bus, 100 * GST_MSECOND);

    if (message && gst_message_has_name (message, "meshroom-peer-added"))
      members--;
    if (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
      g_autoptr (GError) error = NULL;

      gst_message_parse_error (message, &error, NULL);
      printf ("# error: %s\n", error->message);
      break;
    }
  }
  return gst_element_set_state (pipeline, GST_STATE_NULL)
      == GST_STATE_CHANGE_SUCCESS && members == 0;
}

static gboolean
run_cycles (const char *description)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch (description, &error);

  if (error) {
    printf ("# %s\n", error->message);
    return FALSE;
  }
  for (int i = 0; i < CYCLES; i++) {
    if (!play_until_met (pipeline, 2)) {
      printf ("# cycle %d did not come through\n", i + 1);
      gst_element_set_state (pipeline, GST_STATE_NULL);
      return FALSE;
    }
  }
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GstTracer) tracer = NULL;
  gboolean good;

  g_setenv ("GST_TRACERS", "leaks", TRUE);
  gst_init (&argc, &argv);
  setvbuf (stdout, NULL, _IOLBF, 0);
  tracer = find_tracer ();
  if (!tracer) {
    printf ("Bail out! GStreamer's leaks tracer is not there\n");
    return 1;
  }
  printf ("1..2\n");
  good = run_cycles ("meshroom name=a display-name=ada "
      "meshroom name=b display-name=bob "
      "a.signal_src ! b.signal_sink b.signal_src ! a.signal_sink "
      "videotestsrc is-live=true ! video/x-raw,width=160,height=120 "
      "! a.video_sink "
      "audiotestsrc is-live=true ! a.audio_sink "
      "videotestsrc is-live=true ! video/x-raw,width=160,height=120 "
      "! b.video_sink "
      "a. : meshview name=v v.video ! fakesink v.audio ! fakesink");
  printf ("%sok 1 ten times from NULL to PLAYING and back\n",
      good ? "" : "not ");
  printf ("%sok 2 nothing is left alive\n",
      wait_nothing_alive (tracer) ? "" : "not ");
  return 0;
}
