/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>
#include <obs-module.h>

G_BEGIN_DECLS

/* The item in the Tools menu, and its dialog. The dialog's settings are those
 * of every start of the programme: by the dialog, by programs over
 * obs-websocket, and with OBS. */

/* called on OBS' UI thread */
void mesh_obs_tools_menu_add (void);
void mesh_obs_tools_menu_open (const char *config_folder);
void mesh_obs_tools_menu_settle (void);
void mesh_obs_tools_menu_close (void);

/* @changes, nullable: settings that apply to this start only */
gboolean mesh_obs_tools_menu_start (obs_data_t *changes, char **why);

G_END_DECLS
