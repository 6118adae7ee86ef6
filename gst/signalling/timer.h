/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Sources that their owner keeps, to take them back before they are due. */

GSource *mesh_timer_new (GMainContext *context, guint ms, GSourceFunc func,
    gpointer user_data);
void mesh_timer_clear (GSource **source);

G_END_DECLS
