/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The plugin's own thread, which does what OBS' threads must not wait for. Work
 * that blocks for longer than it takes to draw a picture belongs to a runner's
 * thread. */

void mesh_obs_worker_start (void);
void mesh_obs_worker_stop (void);
void mesh_obs_worker_invoke (GSourceFunc func, gpointer data,
    GDestroyNotify destroy);
GSource *mesh_obs_worker_after (guint ms, GSourceFunc func, gpointer data,
    GDestroyNotify destroy);

G_END_DECLS
