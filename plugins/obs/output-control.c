/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Starts and stops the programme for all who may ask for it. The output exists
 * from the moment when OBS has loaded its scenes until OBS ends. */

#include "output-control.h"

#include <obs-frontend-api.h>

#include "infos.h"
#include "worker.h"

#define SETTINGS_FILE "programme.json"
#define LOOK_EVERY 500          /* ms */

static GMutex lock;             /* guards: */
static obs_output_t *output;
static GSource *look;           /* timer that renews the dialog's status */

static gboolean
on_look (gpointer user_data)
{
  obs_output_t *current = mesh_obs_output_control_get ();
  g_autofree char *text = NULL;
  g_autofree char *link = NULL;
  gboolean bad;

  if (!current)
    return G_SOURCE_REMOVE;
  text = mesh_obs_output_dup_status (current, &bad);
  link = mesh_obs_output_dup_link (current);
  mesh_obs_tools_menu_set_status (text, bad, link);
  obs_output_release (current);
  return G_SOURCE_CONTINUE;
}

obs_output_t *
mesh_obs_output_control_get (void)
{
  obs_output_t *current;

  g_mutex_lock (&lock);
  current = output ? obs_output_get_ref (output) : NULL;
  g_mutex_unlock (&lock);
  return current;
}

/* Sets every setting, since the output would keep those of the start before
 * otherwise. A request that names a link or a server's address replaces both:
 * it must not be sent to the room of the dialog. */
static obs_data_t *
make_settings (obs_data_t *changes)
{
  obs_data_t *own = mesh_obs_tools_menu_get_settings ();
  obs_data_t *settings = obs_data_create ();
  const char *const texts[] = { OUTPUT_LINK, OUTPUT_SERVE, OUTPUT_NAME };
  const char *const numbers[] = { OUTPUT_WIDTH, OUTPUT_HEIGHT, OUTPUT_FPS,
    OUTPUT_BITRATE, OUTPUT_TRACK };
  gboolean elsewhere = changes && (obs_data_has_user_value (changes,
          OUTPUT_LINK) || obs_data_has_user_value (changes, OUTPUT_SERVE));

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    gboolean changed = (elsewhere && i < 2)
        || (changes && obs_data_has_user_value (changes, texts[i]));

    obs_data_set_string (settings, texts[i],
        obs_data_get_string (changed ? changes : own, texts[i]));
  }
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    gboolean changed = changes && obs_data_has_user_value (changes, numbers[i]);

    obs_data_set_int (settings, numbers[i],
        obs_data_get_int (changed ? changes : own, numbers[i]));
  }
  obs_data_release (own);
  return settings;
}

static gboolean
start (obs_output_t *current, obs_data_t *changes, char **why)
{
  obs_data_t *settings;
  const char *error;

  if (obs_output_active (current)) {
    *why = g_strdup ("the programme is already sent");
    return FALSE;
  }
  settings = make_settings (changes);
  obs_output_update (current, settings);
  obs_data_release (settings);
  obs_output_set_last_error (current, NULL);
  if (obs_output_start (current))
    return TRUE;
  error = obs_output_get_last_error (current);
  *why = g_strdup (error ? error : "OBS cannot start it");
  return FALSE;
}

/**
 * mesh_obs_output_control_start:
 * @changes: (nullable): settings that differ from the dialog's for this start
 * @why: (out) (transfer full): why the start failed
 *
 * Returns: whether the programme is being sent
 */
gboolean
mesh_obs_output_control_start (obs_data_t *changes, char **why)
{
  obs_output_t *current = mesh_obs_output_control_get ();
  gboolean started;

  if (!current) {
    *why = g_strdup ("OBS is not ready");
    return FALSE;
  }
  started = start (current, changes, why);
  if (!started) {
    blog (LOG_WARNING, "[meshroom] programme: %s", *why);
    mesh_obs_tools_menu_set_status (*why, TRUE, NULL);
  }
  obs_output_release (current);
  return started;
}

void
mesh_obs_output_control_stop (void)
{
  obs_output_t *current = mesh_obs_output_control_get ();

  if (!current)
    return;
  obs_output_stop (current);
  obs_output_release (current);
}

gboolean
mesh_obs_output_control_is_running (void)
{
  obs_output_t *current = mesh_obs_output_control_get ();
  gboolean running = current && obs_output_active (current);

  obs_output_release (current);
  return running;
}

/* --- with OBS --- */

/* Creates the output; OBS has loaded its scenes. */
static void
begin (void)
{
  g_autofree char *why = NULL;
  char *file = obs_module_config_path (SETTINGS_FILE);
  obs_data_t *settings = obs_data_create_from_json_file_safe (file, "bak");
  obs_output_t *made = obs_output_create (OUTPUT_ID, "Meshroom programme",
      settings, NULL);

  mesh_obs_tools_menu_open (settings);
  g_mutex_lock (&lock);
  output = made;
  look = mesh_obs_worker_after (LOOK_EVERY, on_look, NULL, NULL);
  g_mutex_unlock (&lock);
  if (obs_data_get_bool (settings, OUTPUT_WITH_OBS))
    mesh_obs_output_control_start (NULL, &why);
  obs_data_release (settings);
  bfree (file);
}

static void
end (void)
{
  obs_output_t *current;

  mesh_obs_vendor_close ();
  g_mutex_lock (&lock);
  current = g_steal_pointer (&output);
  if (look)
    g_source_destroy (look);
  g_clear_pointer (&look, g_source_unref);
  g_mutex_unlock (&lock);
  if (current) {
    obs_output_stop (current);
    obs_output_release (current);
  }
  mesh_obs_tools_menu_close ();
}

static void
on_event (enum obs_frontend_event event, void *data)
{
  if (event == OBS_FRONTEND_EVENT_FINISHED_LOADING)
    begin ();
  else if (event == OBS_FRONTEND_EVENT_SCRIPTING_SHUTDOWN)
    mesh_obs_tools_menu_settle ();
  else if (event == OBS_FRONTEND_EVENT_EXIT)
    end ();
}

void
mesh_obs_output_control_load (void)
{
  obs_register_output (&mesh_obs_output_info);
  obs_register_source (&mesh_obs_output_dialog_info);
  obs_frontend_add_event_callback (on_event, NULL);
  mesh_obs_tools_menu_add ();
}

/* Called when all modules are loaded, obs-websocket among them. */
void
mesh_obs_output_control_post_load (void)
{
  mesh_obs_vendor_register ();
}

void
mesh_obs_output_control_unload (void)
{
  end ();
}
