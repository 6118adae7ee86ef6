/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What programs may ask for over obs-websocket, as requests of the vendor
 * "meshroom":
 *
 *   start {link | serve, name, width, height, fps, bitrate, track}
 *   stop
 *   status → {running, link, peers, status, failing}
 *   source-status {source} → {status, failing}
 *
 * All fields of start are optional. The events that programs are told are
 * link-ready {link}, peer-added {peer-id, name} and peer-removed {peer-id,
 * reason}. obs-websocket offers requests and events through procedures, each a
 * name with arguments in a calldata_t. */

#include "vendor.h"

#include <callback/calldata.h>
#include <callback/proc.h>

#include "call.h"
#include "output.h"
#include "output-control.h"
#include "tools-menu.h"

typedef void (*RequestFunc) (obs_data_t *request, obs_data_t *response,
    void *data);

/* The layout is obs-websocket's. */
struct request_callback {
  RequestFunc func;
  void *data;
};

static proc_handler_t *procedures;      /* NULL without obs-websocket */
static void *vendor;

/* --- requests --- */

static void
on_start (obs_data_t *request, obs_data_t *response, void *data)
{
  g_autofree char *why = NULL;
  gboolean started = mesh_obs_tools_menu_start (request, &why);

  obs_data_set_bool (response, "started", started);
  if (!started)
    obs_data_set_string (response, "error", why);
}

static void
on_stop (obs_data_t *request, obs_data_t *response, void *data)
{
  obs_data_set_bool (response, "stopped", mesh_obs_output_control_stop ());
}

static void
add_text (obs_data_t *data, const GstStructure *s, const char *key)
{
  const char *text = gst_structure_get_string (s, key);

  if (text)
    obs_data_set_string (data, key, text);
}

static void
add_flag (obs_data_t *data, const GstStructure *s, const char *key)
{
  gboolean value;

  if (gst_structure_get_boolean (s, key, &value))
    obs_data_set_bool (data, key, value);
}

static void
add_peer (obs_data_array_t *array, const GstStructure *s)
{
  obs_data_t *one = obs_data_create ();

  add_text (one, s, "peer-id");
  add_text (one, s, "name");
  add_text (one, s, "state");
  add_flag (one, s, "muted");
  add_flag (one, s, "hidden");
  obs_data_array_push_back (array, one);
  obs_data_release (one);
}

static void
add_peers (obs_data_t *response, obs_output_t *output)
{
  g_auto (GValue) peers = G_VALUE_INIT;
  obs_data_array_t *array = obs_data_array_create ();

  if (output && mesh_obs_output_get_peers (output, &peers)) {
    for (guint i = 0; i < gst_value_array_get_size (&peers); i++)
      add_peer (array, gst_value_get_structure
          (gst_value_array_get_value (&peers, i)));
  }
  obs_data_set_array (response, "peers", array);
  obs_data_array_release (array);
}

static void
on_status (obs_data_t *request, obs_data_t *response, void *data)
{
  obs_output_t *output = mesh_obs_output_control_get ();
  g_autofree char *link = output ? mesh_obs_output_dup_link (output) : NULL;
  g_autofree char *text = NULL;
  gboolean bad = FALSE;

  if (output)
    text = mesh_obs_output_dup_status (output, &bad);
  obs_data_set_bool (response, "running", output && obs_output_active (output));
  obs_data_set_string (response, "link", link ? link : "");
  obs_data_set_string (response, "status", text ? text : "OBS is not ready");
  obs_data_set_bool (response, "failing", bad);
  add_peers (response, output);
  obs_output_release (output);
}

static void
on_source_status (obs_data_t *request, obs_data_t *response, void *data)
{
  obs_source_t *source =
      obs_get_source_by_name (obs_data_get_string (request, "source"));
  calldata_t answer = { 0 };

  if (source && proc_handler_call (obs_source_get_proc_handler (source),
          "meshroom_status", &answer)) {
    obs_data_set_string (response, "status",
        calldata_string (&answer, "status"));
    obs_data_set_bool (response, "failing", calldata_bool (&answer,
            "failing"));
  } else {
    obs_data_set_string (response, "error", "there is no such source of ours");
  }
  calldata_free (&answer);
  obs_source_release (source);
}

/* --- events --- */

static void
emit (const char *event, const GstStructure *what)
{
  obs_data_t *data = obs_data_create ();
  calldata_t arguments = { 0 };

  add_text (data, what, "link");
  add_text (data, what, "peer-id");
  add_text (data, what, "name");
  add_text (data, what, "reason");
  calldata_set_ptr (&arguments, "vendor", vendor);
  calldata_set_string (&arguments, "type", event);
  calldata_set_ptr (&arguments, "data", data);
  proc_handler_call (procedures, "vendor_event_emit", &arguments);
  calldata_free (&arguments);
  obs_data_release (data);
}

static void
on_event (const char *event, const GstStructure *what)
{
  static const char *const told[] = { "link-ready", "peer-added",
    "peer-removed", NULL };

  if (g_strv_contains (told, event))
    emit (event, what);
}

/* --- obs-websocket --- */

static proc_handler_t *
find_procedures (void)
{
  calldata_t arguments = { 0 };
  void *found = NULL;

  if (proc_handler_call (obs_get_proc_handler (), "obs_websocket_api_get_ph",
          &arguments))
    found = calldata_ptr (&arguments, "ph");
  calldata_free (&arguments);
  return found;
}

static void
add_request (const char *type, RequestFunc func)
{
  struct request_callback callback = { .func = func };
  calldata_t arguments = { 0 };

  calldata_set_ptr (&arguments, "vendor", vendor);
  calldata_set_string (&arguments, "type", type);
  calldata_set_ptr (&arguments, "callback", &callback);
  proc_handler_call (procedures, "vendor_request_register", &arguments);
  calldata_free (&arguments);
}

/* Registers the vendor and its requests, if obs-websocket is loaded. */
void
mesh_obs_vendor_register (void)
{
  calldata_t arguments = { 0 };

  procedures = find_procedures ();
  if (!procedures)
    return;
  calldata_set_string (&arguments, "name", "meshroom");
  proc_handler_call (procedures, "vendor_register", &arguments);
  vendor = calldata_ptr (&arguments, "vendor");
  calldata_free (&arguments);
  if (!vendor)
    return;
  add_request ("start", on_start);
  add_request ("stop", on_stop);
  add_request ("status", on_status);
  add_request ("source-status", on_source_status);
  mesh_obs_call_set_listener (on_event);
}

/* Stops telling events: OBS ends, and obs-websocket with it. */
void
mesh_obs_vendor_close (void)
{
  mesh_obs_call_set_listener (NULL);
}
