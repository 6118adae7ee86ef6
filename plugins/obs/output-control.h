/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "output.h"

G_BEGIN_DECLS

/* The one output of the plugin. It is started from the Tools menu, by programs
 * over obs-websocket, and with OBS. */

#define OUTPUT_WITH_OBS "start_with_obs"

void mesh_obs_output_control_load (void);
void mesh_obs_output_control_post_load (void);
void mesh_obs_output_control_unload (void);

/* @changes, nullable: settings that apply to this start only */
gboolean mesh_obs_output_control_start (obs_data_t *changes, char **why);
void mesh_obs_output_control_stop (void);
gboolean mesh_obs_output_control_is_running (void);
/* Returns a reference for obs_output_release(), or NULL while OBS starts or
 * ends. */
obs_output_t *mesh_obs_output_control_get (void);

/* tools-menu.c: called on OBS' UI thread */
void mesh_obs_tools_menu_add (void);
void mesh_obs_tools_menu_open (obs_data_t *settings);
obs_data_t *mesh_obs_tools_menu_get_settings (void);
void mesh_obs_tools_menu_set_status (const char *text, gboolean bad,
    const char *link);
void mesh_obs_tools_menu_settle (void);
void mesh_obs_tools_menu_close (void);

/* vendor.c */
void mesh_obs_vendor_register (void);
void mesh_obs_vendor_close (void);

G_END_DECLS
