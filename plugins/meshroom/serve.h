/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The signalling server embedded in the element, on a thread of its own. */

typedef struct _MeshServe MeshServe;

/* Returns: (transfer full): what /metrics is to have besides. Called on the
 * server's thread */
typedef char *(*MeshServeMetrics) (gpointer user_data);

MeshServe *mesh_serve_new (const char *address,
    const char *const *ice_servers, MeshServeMetrics metrics,
    gpointer user_data, GError **error);
const char *mesh_serve_get_link (MeshServe *serve);
void mesh_serve_stop (MeshServe *serve);

G_END_DECLS
