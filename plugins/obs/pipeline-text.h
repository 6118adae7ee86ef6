/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Turns what people paste into a description for gst_parse_launch(). */

char *mesh_obs_pipeline_text_clean (const char *text);
char *mesh_obs_pipeline_text_complete (const char *text, gboolean sync_video,
    gboolean sync_audio);

G_END_DECLS
