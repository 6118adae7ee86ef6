/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#define MESH_SERVER_API __attribute__ ((visibility ("default")))

G_BEGIN_DECLS

/* The signalling server and the page, to embed. It runs in the
 * thread-default main context of the thread that starts it; all calls belong
 * to that thread. */

#define MESH_TYPE_SERVER (mesh_server_get_type ())
MESH_SERVER_API
G_DECLARE_FINAL_TYPE (MeshServer, mesh_server, MESH, SERVER, GObject)

MESH_SERVER_API
MeshServer *mesh_server_new (void);
/* address: "ADDR:PORT", port 0 = any free one. certificate NULL: plain http */
MESH_SERVER_API
gboolean mesh_server_listen (MeshServer *server, const char *address,
    GTlsCertificate *certificate, GError **error);
/* presented to clients that connect from now on */
MESH_SERVER_API
gboolean mesh_server_set_certificate (MeshServer *server,
    GTlsCertificate *certificate, GError **error);
/* (transfer full): "http://ADDR:PORT", as others reach it, the best first */
MESH_SERVER_API
char **mesh_server_dup_urls (MeshServer *server);
/* (transfer full): the first of them */
MESH_SERVER_API
char *mesh_server_dup_url (MeshServer *server);
/* (transfer full): to a new room with a new key */
MESH_SERVER_API
char *mesh_server_make_link (MeshServer *server);
MESH_SERVER_API
void mesh_server_allow_origin (MeshServer *server, const char *origin);
/* "ID:KEY:SECRET", before mesh_server_listen() */
MESH_SERVER_API
gboolean mesh_server_add_pusher_app (MeshServer *server, const char *app,
    GError **error);
/* "stun:HOST[:PORT]" or "turn:USER:PASSWORD@HOST[:PORT][?transport=tcp]" */
MESH_SERVER_API
gboolean mesh_server_add_ice_server (MeshServer *server, const char *uri,
    GError **error);
MESH_SERVER_API
gboolean mesh_server_set_turn_secret (MeshServer *server, const char *secret,
    GError **error);
/* Returns: (transfer full): further lines of /metrics, each with its end */
typedef char *(*MeshServerMetricsFunc) (MeshServer *server,
    gpointer user_data);
MESH_SERVER_API
void mesh_server_set_metrics_func (MeshServer *server,
    MeshServerMetricsFunc func, gpointer user_data, GDestroyNotify destroy);
MESH_SERVER_API
void mesh_server_stop (MeshServer *server);

G_END_DECLS
