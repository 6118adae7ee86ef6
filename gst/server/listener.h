/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* The listening sockets of one address; a name can have several. What is
 * accepted is handed over. */

typedef struct _MeshListener MeshListener;

/* socket: (transfer full) */
typedef void (*MeshListenerFunc) (GSocket *socket, gpointer user_data);

MeshListener *mesh_listener_new (const char *address, GMainContext *context,
    MeshListenerFunc func, gpointer user_data, GError **error);
void mesh_listener_free (MeshListener *listener);
char **mesh_listener_list_hosts (MeshListener *listener);
guint16 mesh_listener_get_port (MeshListener *listener);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshListener, mesh_listener_free)

G_END_DECLS
