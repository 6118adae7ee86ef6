/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/link.h"
#include "signalling/transport.h"

G_BEGIN_DECLS

/* Frames as text messages of a WebSocket at /v1/socket. */

#define MESH_TYPE_WEBSOCKET (mesh_websocket_get_type ())
MESH_API
G_DECLARE_FINAL_TYPE (MeshWebsocket, mesh_websocket, MESH, WEBSOCKET, GObject)

MESH_API
MeshTransport *mesh_websocket_new (const MeshLink *link);
MeshTransport *mesh_websocket_new_at (const MeshLink *link, const char *path,
    gboolean tls);
gushort mesh_websocket_get_close_code (MeshWebsocket *websocket);
MESH_API
gint64 mesh_websocket_get_reached (MeshWebsocket *websocket);
MESH_API
gboolean mesh_websocket_is_barred (MeshWebsocket *websocket);

G_END_DECLS
