/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "worker.h"

#include <gst/gst.h>

#include "host/timer.h"

static GThread *thread;
static GMainContext *context;
static GMainLoop *loop;

/* Initialises GStreamer on this thread, since its first search for plugins can
 * take seconds, which would hold up OBS' start. */
static gpointer
run (gpointer data)
{
  gst_init (NULL, NULL);
  g_main_context_push_thread_default (context);
  g_main_loop_run (loop);
  g_main_context_pop_thread_default (context);
  return NULL;
}

void
mesh_obs_worker_start (void)
{
  context = g_main_context_new ();
  loop = g_main_loop_new (context, FALSE);
  thread = g_thread_new ("meshroom-obs", run, NULL);
}

static gboolean
quit (gpointer data)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

/* Stops the thread. Functions that were invoked before are still called; timers
 * are dropped. */
void
mesh_obs_worker_stop (void)
{
  mesh_obs_worker_invoke (quit, NULL, NULL);
  g_thread_join (g_steal_pointer (&thread));
  g_clear_pointer (&loop, g_main_loop_unref);
  g_clear_pointer (&context, g_main_context_unref);
}

/**
 * mesh_obs_worker_after:
 * @ms: when
 * @func: what to call on the worker's thread, until it returns %G_SOURCE_REMOVE
 * @data: for @func
 * @destroy: (nullable): for @data
 *
 * Returns: (transfer full): the source
 */
GSource *
mesh_obs_worker_after (guint ms, GSourceFunc func, gpointer data,
    GDestroyNotify destroy)
{
  GSource *source = g_timeout_source_new (ms);

  g_source_set_callback (source, func, data, destroy);
  g_source_attach (source, context);
  return source;
}

/**
 * mesh_obs_worker_invoke:
 * @func: what to call on the worker's thread, after all that was invoked before
 * @data: for @func
 * @destroy: (nullable): for @data
 */
void
mesh_obs_worker_invoke (GSourceFunc func, gpointer data, GDestroyNotify destroy)
{
  mesh_idle_post (context, func, data, destroy);
}
