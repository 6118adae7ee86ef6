/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Who may set `hidden`, and who hears of it.
 */
#include "imageswitch-camera.h"

#include <gst/controller/gstdirectcontrolbinding.h>
#include <gst/controller/gstinterpolationcontrolsource.h>

#define TOGGLERS 4
#define TOGGLES 2000

static gboolean
is_hidden (GstHarness *h)
{
  gboolean hidden;

  g_object_get (h->element, "hidden", &hidden, NULL);
  return hidden;
}

static GstEvent *
hide_event (GstEventType type, gboolean hidden)
{
  return gst_event_new_custom (type, gst_structure_new ("meshroom/hide",
          "hidden", G_TYPE_BOOLEAN, hidden, NULL));
}

static void
on_notify (GObject *object, GParamSpec *pspec, gint *count)
{
  g_atomic_int_inc (count);
}

static GstHarness *
harness_with_frame (gint *notified)
{
  GstHarness *h = harness_new (NULL);

  *notified = 0;
  g_signal_connect (h->element, "notify::hidden", G_CALLBACK (on_notify),
      notified);
  gst_harness_set_src_caps_str (h, CAPS);
  push_camera (h, 0);
  gst_buffer_unref (gst_harness_pull (h));
  return h;
}

static void
no_hide_event_left (GstHarness *h)
{
  GstEvent *event;

  while ((event = gst_harness_try_pull_event (h))) {
    fail_if (gst_event_has_name (event, "meshroom/hide"));
    gst_event_unref (event);
  }
  while ((event = gst_harness_try_pull_upstream_event (h))) {
    fail_if (gst_event_has_name (event, "meshroom/hide"));
    gst_event_unref (event);
  }
}

GST_START_TEST (event_in_the_stream)
{
  gint notified;
  GstHarness *h = harness_with_frame (&notified);
  GstBuffer *buffer;

  gst_harness_push_event (h, hide_event (GST_EVENT_CUSTOM_DOWNSTREAM, TRUE));
  fail_unless (is_hidden (h));
  push_camera (h, INTERVAL);
  pull_picture (h, INTERVAL);
  gst_harness_push_event (h, hide_event (GST_EVENT_CUSTOM_DOWNSTREAM, FALSE));
  fail_if (is_hidden (h));
  push_camera (h, 10 * INTERVAL);
  do {
    buffer = gst_harness_pull (h);
    if (is_camera (buffer))
      break;
    gst_buffer_unref (buffer);
  } while (TRUE);
  gst_buffer_unref (buffer);
  fail_unless_equals_int (notified, 2);
  no_hide_event_left (h);
  gst_harness_teardown (h);
}
GST_END_TEST;

GST_START_TEST (event_from_downstream_and_to_the_element)
{
  gint notified;
  GstHarness *h = harness_with_frame (&notified);

  gst_harness_push_upstream_event (h, hide_event (GST_EVENT_CUSTOM_UPSTREAM,
          TRUE));
  fail_unless (is_hidden (h));
  gst_harness_push_upstream_event (h, hide_event (GST_EVENT_CUSTOM_UPSTREAM,
          TRUE));
  fail_unless_equals_int (notified, 1);
  fail_unless (gst_element_send_event (h->element,
          hide_event (GST_EVENT_CUSTOM_DOWNSTREAM_OOB, FALSE)));
  fail_if (is_hidden (h));
  fail_unless (gst_element_send_event (h->element,
          hide_event (GST_EVENT_CUSTOM_UPSTREAM, TRUE)));
  fail_unless (is_hidden (h));
  fail_unless_equals_int (notified, 3);
  no_hide_event_left (h);
  gst_harness_teardown (h);
}
GST_END_TEST;

/* Hidden from 10 frames on, and shown again after 20, by stream time. */
GST_START_TEST (controller_decides_by_stream_time)
{
  gint notified;
  GstHarness *h = harness_with_frame (&notified);
  GstControlSource *source = gst_interpolation_control_source_new ();
  GstTimedValueControlSource *timed = GST_TIMED_VALUE_CONTROL_SOURCE (source);
  guint i, pictures = 0;

  g_object_set (source, "mode", GST_INTERPOLATION_MODE_NONE, NULL);
  gst_object_add_control_binding (GST_OBJECT (h->element),
      gst_direct_control_binding_new (GST_OBJECT (h->element), "hidden",
          source));
  gst_timed_value_control_source_set (timed, 0, 0.0);
  gst_timed_value_control_source_set (timed, 10 * INTERVAL, 1.0);
  gst_timed_value_control_source_set (timed, 20 * INTERVAL, 0.0);
  for (i = 1; i < 10; i++) {
    GstBuffer *buffer;

    push_camera (h, i * INTERVAL);
    buffer = gst_harness_pull (h);
    fail_unless (is_camera (buffer));
    gst_buffer_unref (buffer);
  }
  push_camera (h, 10 * INTERVAL);       /* decided before it may leave */
  fail_unless (is_hidden (h));
  for (; is_hidden (h); pictures++) {
    GstBuffer *buffer = pull_ticking (h);

    fail_if (is_camera (buffer));
    fail_unless (pictures < 12);
    gst_buffer_unref (buffer);
  }
  fail_unless (pictures >= 10);
  fail_unless_equals_int (g_atomic_int_get (&notified), 2);
  gst_object_unref (source);
  gst_harness_teardown (h);
}
GST_END_TEST;

typedef struct {
  GstHarness *h;
  GMutex lock;
  gint changes;                 /* under lock */
} Race;

static void
count_change (GObject *object, GParamSpec *pspec, Race *race)
{
  g_mutex_lock (&race->lock);
  race->changes++;
  g_mutex_unlock (&race->lock);
}

/* Each toggle is a change, so each has its notification. */
static gpointer
toggle (gpointer data)
{
  Race *race = data;
  guint i;

  for (i = 0; i < TOGGLES; i++) {
    gst_harness_push_upstream_event (race->h, gst_event_new_navigation
        (gst_structure_new ("application/x-gst-navigation", "event",
                G_TYPE_STRING, "key-press", "key", G_TYPE_STRING, "v", NULL)));
    /* merges notifications of others that go through GObject */
    g_object_set (race->h->element, "location", NULL, NULL);
  }
  return NULL;
}

GST_START_TEST (each_change_is_notified_once)
{
  Race race = { harness_new (NULL) };
  GThread *threads[TOGGLERS];
  guint i;

  g_mutex_init (&race.lock);
  g_signal_connect (race.h->element, "notify::hidden",
      G_CALLBACK (count_change), &race);
  for (i = 0; i < TOGGLERS; i++)
    threads[i] = g_thread_new ("toggle", toggle, &race);
  for (i = 0; i < TOGGLERS; i++)
    g_thread_join (threads[i]);
  fail_unless_equals_int (race.changes, TOGGLERS * TOGGLES);
  fail_if (is_hidden (race.h));
  set_hidden (race.h, FALSE);
  fail_unless_equals_int (race.changes, TOGGLERS * TOGGLES);
  gst_harness_teardown (race.h);
  g_mutex_clear (&race.lock);
}
GST_END_TEST;

static Suite *
imageswitch_control_suite (void)
{
  Suite *suite = suite_create ("imageswitch-control");
  TCase *tcase = tcase_create ("control");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, event_in_the_stream);
  tcase_add_test (tcase, event_from_downstream_and_to_the_element);
  tcase_add_test (tcase, controller_decides_by_stream_time);
  tcase_add_test (tcase, each_change_is_notified_once);
  return suite;
}

GST_CHECK_MAIN (imageswitch_control);
