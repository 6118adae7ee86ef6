/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "together.h"

#include <pthread.h>

/* Buffers before and after an imageswitch is told to change over. */
#define FRAMES 2
#define WATCHDOG (60 * G_TIME_SPAN_SECOND)

typedef struct {
  const char *description;
  guint number;
  pthread_barrier_t *step;

  GMutex lock;                  /* guards: */
  GCond cond;
  guint frames;

  char *trouble;                /* the thread's, then together_run()'s */
} One;

static void
on_frame (GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer user_data)
{
  One *self = user_data;

  g_mutex_lock (&self->lock);
  self->frames++;
  g_cond_signal (&self->cond);
  g_mutex_unlock (&self->lock);
}

static void
wait_for_frames (One *self)
{
  gint64 until = g_get_monotonic_time () + WATCHDOG;
  guint wanted;

  g_mutex_lock (&self->lock);
  wanted = self->frames + FRAMES;
  while (self->frames < wanted && !self->trouble)
    if (!g_cond_wait_until (&self->cond, &self->lock, until))
      self->trouble = g_strdup_printf ("%u buffers came", self->frames);
  g_mutex_unlock (&self->lock);
}

static void
listen (One *self, GstElement *pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = gst_bus_pop_filtered (bus,
      GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
  g_autoptr (GError) error = NULL;

  if (!message || self->trouble)
    return;
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
    gst_message_parse_error (message, &error, NULL);
  else
    gst_message_parse_warning (message, &error, NULL);
  self->trouble = g_strdup (error->message);
}

/* Every other one changes over, so that both ways of starting are tried. */
static void
play (One *self, GstElement *pipeline)
{
  g_autoptr (GstElement) out =
      gst_bin_get_by_name (GST_BIN (pipeline), "out");
  g_autoptr (GstElement) image =
      gst_bin_get_by_name (GST_BIN (pipeline), "switch");

  g_signal_connect (out, "handoff", G_CALLBACK (on_frame), self);
  if (image)
    g_object_set (image, "hidden", self->number % 2 == 0, NULL);
  pthread_barrier_wait (self->step);
  if (gst_element_set_state (pipeline, GST_STATE_PLAYING)
      == GST_STATE_CHANGE_FAILURE)
    self->trouble = g_strdup ("it does not start");
  wait_for_frames (self);
  if (image && self->number % 4 < 2) {
    g_object_set (image, "hidden", self->number % 2 != 0, NULL);
    wait_for_frames (self);
  }
  listen (self, pipeline);
  pthread_barrier_wait (self->step);
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

static gpointer
run_one (gpointer data)
{
  One *self = data;
  GstElement *pipeline;
  GError *error = NULL;

  pthread_barrier_wait (self->step);
  pipeline = gst_parse_launch (self->description, &error);
  g_assert_no_error (error);
  play (self, pipeline);
  gst_object_unref (pipeline);
  return NULL;
}

void
together_run (const char *description, guint n)
{
  g_autofree GThread **threads = g_new0 (GThread *, n);
  g_autofree One *ones = g_new0 (One, n);
  g_autofree char *trouble = NULL;
  pthread_barrier_t step;

  pthread_barrier_init (&step, NULL, n);
  for (guint i = 0; i < n; i++) {
    ones[i] = (One) { .description = description, .number = i, .step = &step };
    g_mutex_init (&ones[i].lock);
    g_cond_init (&ones[i].cond);
    threads[i] = g_thread_new ("together", run_one, &ones[i]);
  }
  for (guint i = 0; i < n; i++) {
    g_thread_join (threads[i]);
    g_mutex_clear (&ones[i].lock);
    g_cond_clear (&ones[i].cond);
    if (!trouble)
      trouble = g_steal_pointer (&ones[i].trouble);
    g_free (ones[i].trouble);
  }
  pthread_barrier_destroy (&step);
  fail_unless (trouble == NULL, "%s: %s", description, trouble);
}
