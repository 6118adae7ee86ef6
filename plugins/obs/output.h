/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gst/gst.h>
#include <obs-module.h>

G_BEGIN_DECLS

/* The output that sends OBS' programme into a room. */

#define OUTPUT_ID "meshroom_output"

/* The names of the settings. Programs and the settings file rely on them. */
#define OUTPUT_LINK "link"
#define OUTPUT_SERVE "serve"
#define OUTPUT_NAME "name"
#define OUTPUT_WIDTH "width"
#define OUTPUT_HEIGHT "height"
#define OUTPUT_FPS "fps"
#define OUTPUT_BITRATE "bitrate"
#define OUTPUT_TRACK "track"

void mesh_obs_output_defaults (obs_data_t *settings);
char *mesh_obs_output_dup_link (obs_output_t *output);
char *mesh_obs_output_dup_status (obs_output_t *output, gboolean *bad);
gboolean mesh_obs_output_get_peers (obs_output_t *output, GValue *peers);

G_END_DECLS
