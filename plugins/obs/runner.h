/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* A pipeline that is kept running, on a thread of its own: starting and
 * stopping one may block, and nobody of OBS' waits for that. One that fails is
 * made anew, after 1 s, 2 s, 4 s and so on up to 15 s. */

typedef struct _Runner Runner;

typedef enum {
  RUNNER_STARTING,
  RUNNER_PLAYING,
  RUNNER_FAILED,                /* the text says if it is tried again */
  RUNNER_ENDED,
} RunnerState;

/* All on the runner's thread. */
typedef struct {
  /* a pipeline in NULL; its first word to the world is an error's text */
  GstElement *(*build) (gpointer user_data, GError **error);
  void (*message) (GstMessage *message, gpointer user_data);
  /* the pipeline is in NULL again */
  void (*down) (gpointer user_data);
  void (*state) (RunnerState state, const char *text, gpointer user_data);
  /* the thread ends */
  void (*destroy) (gpointer user_data);
} RunnerEvents;

typedef struct {
  gboolean restart_on_error;
  gboolean restart_on_eos;
  guint restart_after;          /* ms, the first time; 0 = 1000 */
} RunnerPolicy;

Runner *runner_new (const char *name, const RunnerEvents *events,
    gpointer user_data);
void runner_set_policy (Runner *runner, const RunnerPolicy *policy);
void runner_start (Runner *runner);
void runner_restart (Runner *runner);
void runner_end_of_stream (Runner *runner);
void runner_pause (Runner *runner, gboolean paused);
void runner_invoke (Runner *runner, GSourceFunc func, gpointer data,
    GDestroyNotify destroy);
void runner_stop (Runner *runner);
gboolean runner_wait_for_all (guint ms);

G_END_DECLS
