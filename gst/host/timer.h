/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Sources that their owner keeps, to take them back before they are due. */

GSource *mesh_timer_new (GMainContext *context, guint ms, GSourceFunc func,
    gpointer user_data);
GSource *mesh_timer_new_unset (GMainContext *context, GSourceFunc func,
    gpointer user_data);
void mesh_timer_clear (GSource **source);

/* Has something done on another thread. */
void mesh_idle_post (GMainContext *context, GSourceFunc func,
    gpointer user_data, GDestroyNotify destroy);

G_END_DECLS
