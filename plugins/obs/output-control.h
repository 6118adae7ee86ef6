/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "output.h"

G_BEGIN_DECLS

/* The one output of the plugin. It exists from the moment when OBS has loaded
 * its scenes until OBS ends. */

void mesh_obs_output_control_open (void);
void mesh_obs_output_control_close (void);
void mesh_obs_output_control_update (obs_data_t *settings);
gboolean mesh_obs_output_control_start (obs_data_t *settings, char **why);
gboolean mesh_obs_output_control_stop (void);
/* Returns a reference for obs_output_release(), or NULL while OBS starts or
 * ends. */
obs_output_t *mesh_obs_output_control_get (void);

G_END_DECLS
