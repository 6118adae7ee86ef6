/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Keeps a pipeline running, on a thread of its own: starting and stopping a
 * pipeline may block, and no thread of OBS may wait for that. A pipeline that
 * fails is made anew, after 1 s, 2 s, 4 s and so on up to 15 s. */

typedef struct _MeshObsRunner MeshObsRunner;

typedef enum {
  MESH_OBS_RUNNER_STARTING,
  MESH_OBS_RUNNER_PLAYING,
  MESH_OBS_RUNNER_FAILED,       /* the text says when the next try is */
  MESH_OBS_RUNNER_ENDED,
} MeshObsRunnerState;

/* Called on the runner's thread. */
typedef struct {
  /* returns a new pipeline in state NULL; %NULL with @error set if that is
   * impossible */
  GstElement *(*build) (gpointer user_data, GError **error);
  void (*message) (GstMessage *message, gpointer user_data);
  /* the pipeline has gone back to NULL */
  void (*down) (gpointer user_data);
  void (*state) (MeshObsRunnerState state, const char *text,
      gpointer user_data);
  /* the thread ends */
  void (*destroy) (gpointer user_data);
} MeshObsRunnerEvents;

typedef struct {
  gboolean restart_on_error;
  gboolean restart_on_eos;
  guint restart_after;          /* ms until the first restart after a failure; 0
                                 * = 1000 */
} MeshObsRunnerPolicy;

MeshObsRunner *mesh_obs_runner_new (const char *name,
    const MeshObsRunnerEvents *events, gpointer user_data);
void mesh_obs_runner_set_policy (MeshObsRunner *runner,
    const MeshObsRunnerPolicy *policy);
void mesh_obs_runner_start (MeshObsRunner *runner);
void mesh_obs_runner_restart (MeshObsRunner *runner);
void mesh_obs_runner_end_of_stream (MeshObsRunner *runner);
void mesh_obs_runner_pause (MeshObsRunner *runner, gboolean paused);
void mesh_obs_runner_invoke (MeshObsRunner *runner, GSourceFunc func,
    gpointer data, GDestroyNotify destroy);
void mesh_obs_runner_stop (MeshObsRunner *runner);
gboolean mesh_obs_runner_wait_for_all (guint ms);

G_END_DECLS
