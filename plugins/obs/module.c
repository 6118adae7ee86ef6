/* SPDX-License-Identifier: GPL-2.0-or-later */

/* meshroom in OBS Studio: each guest of a call is a source of its own
 * (guest.c), and any GStreamer pipeline is one (pipeline.c); OBS' programme is
 * a participant (output.c).
 *
 *   OBS' threads → handle ← tap ← appsink ← decoder      frames, without a hop
 *   OBS' threads → worker → call → runner → pipeline     everything else
 *
 * OBS' threads only leave messages; worker.h and runner.h describe the threads
 * that take them. */

#include "call.h"
#include "infos.h"
#include "output-control.h"
#include "placeholder.h"
#include "runner.h"
#include "worker.h"

OBS_DECLARE_MODULE ()

/* How long OBS' exit waits for the calls to say goodbye and for the pipelines
 * to end. */
#define MAX_GOODBYE_MS 5000

MODULE_EXPORT const char *
obs_module_name (void)
{
  return "meshroom";
}

MODULE_EXPORT const char *
obs_module_description (void)
{
  return "Group video calls: each guest a source, and GStreamer pipelines";
}

bool
obs_module_load (void)
{
  mesh_obs_worker_start ();
  obs_register_source (&mesh_obs_guest_info);
  obs_register_source (&mesh_obs_pipeline_info);
  mesh_obs_output_control_load ();
  blog (LOG_INFO, "[meshroom] " MESH_VERSION " loaded");
  return true;
}

void
obs_module_post_load (void)
{
  mesh_obs_output_control_post_load ();
}

void
obs_module_unload (void)
{
  mesh_obs_output_control_unload ();
  mesh_obs_worker_stop ();
  mesh_obs_call_leave_all ();
  if (!mesh_obs_runner_wait_for_all (MAX_GOODBYE_MS))
    blog (LOG_WARNING, "[meshroom] a pipeline takes too long to end");
  mesh_obs_placeholder_forget ();
}
