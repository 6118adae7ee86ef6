/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "output-control.h"

static GMutex lock;             /* guards: */
static obs_output_t *output;

/* Creates the output, without settings. */
void
mesh_obs_output_control_open (void)
{
  obs_output_t *made = obs_output_create (OUTPUT_ID, "Meshroom programme",
      NULL, NULL);

  g_mutex_lock (&lock);
  output = made;
  g_mutex_unlock (&lock);
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

/* Gives the output the settings with which OBS' own StartOutput starts it. */
void
mesh_obs_output_control_update (obs_data_t *settings)
{
  obs_output_t *current = mesh_obs_output_control_get ();

  if (current)
    obs_output_update (current, settings);
  obs_output_release (current);
}

static gboolean
start (obs_output_t *current, obs_data_t *settings, char **why)
{
  const char *error;

  if (obs_output_active (current)) {
    *why = g_strdup ("the programme is already sent");
    return FALSE;
  }
  obs_output_update (current, settings);
  obs_output_set_last_error (current, NULL);
  if (obs_output_start (current))
    return TRUE;
  error = obs_output_get_last_error (current);
  *why = g_strdup (error ? error : "OBS cannot start it");
  return FALSE;
}

/**
 * mesh_obs_output_control_start:
 * @settings: all settings, since the output would keep those of the start
 *   before otherwise
 * @why: (out) (transfer full): why the start failed
 *
 * Returns: whether the programme is being sent
 */
gboolean
mesh_obs_output_control_start (obs_data_t *settings, char **why)
{
  obs_output_t *current = mesh_obs_output_control_get ();
  gboolean started;

  if (!current) {
    *why = g_strdup ("OBS is not ready");
    return FALSE;
  }
  started = start (current, settings, why);
  if (!started)
    blog (LOG_WARNING, "[meshroom] programme: %s", *why);
  obs_output_release (current);
  return started;
}

/* Returns whether the programme was being sent. */
gboolean
mesh_obs_output_control_stop (void)
{
  obs_output_t *current = mesh_obs_output_control_get ();
  gboolean running = current && obs_output_active (current);

  if (current)
    obs_output_stop (current);
  obs_output_release (current);
  return running;
}

/* Ends the programme, and the output: OBS ends. */
void
mesh_obs_output_control_close (void)
{
  obs_output_t *current;

  g_mutex_lock (&lock);
  current = g_steal_pointer (&output);
  g_mutex_unlock (&lock);
  if (!current)
    return;
  obs_output_stop (current);
  obs_output_release (current);
}
