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

#include <obs-frontend-api.h>

#include "call.h"
#include "infos.h"
#include "output-control.h"
#include "placeholder.h"
#include "runner.h"
#include "tools-menu.h"
#include "vendor.h"
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

/* Ends the programme. */
static void
end (void)
{
  mesh_obs_vendor_close ();
  mesh_obs_output_control_close ();
  mesh_obs_tools_menu_close ();
}

static void
on_event (enum obs_frontend_event event, void *data)
{
  if (event == OBS_FRONTEND_EVENT_FINISHED_LOADING) {
    char *folder = obs_module_config_path ("");

    mesh_obs_output_control_open ();
    mesh_obs_tools_menu_open (folder);
    bfree (folder);
  } else if (event == OBS_FRONTEND_EVENT_SCRIPTING_SHUTDOWN) {
    mesh_obs_tools_menu_settle ();
  } else if (event == OBS_FRONTEND_EVENT_EXIT) {
    end ();
  }
}

bool
obs_module_load (void)
{
  mesh_obs_worker_start ();
  obs_register_source (&mesh_obs_guest_info);
  obs_register_source (&mesh_obs_pipeline_info);
  obs_register_output (&mesh_obs_output_info);
  obs_register_source (&mesh_obs_output_dialog_info);
  obs_frontend_add_event_callback (on_event, NULL);
  mesh_obs_tools_menu_add ();
  blog (LOG_INFO, "[meshroom] " MESH_VERSION " loaded");
  return true;
}

/* All modules are loaded by now, obs-websocket among them. */
void
obs_module_post_load (void)
{
  mesh_obs_vendor_register ();
}

void
obs_module_unload (void)
{
  end ();
  mesh_obs_worker_stop ();
  mesh_obs_call_leave_all ();
  if (!mesh_obs_runner_wait_for_all (MAX_GOODBYE_MS))
    blog (LOG_WARNING, "[meshroom] a pipeline takes too long to end");
  mesh_obs_placeholder_forget ();
}
