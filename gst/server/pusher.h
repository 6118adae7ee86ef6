/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "pusher/hub.h"
#include "server/http.h"

G_BEGIN_DECLS

/* Which requests are for the Pusher hub, and what it answers, as HTTP:
 *
 *     /app/KEY            a WebSocket for Pusher's client libraries
 *     /apps/ID/…          the interface for servers, signed
 *     /api/messages/ID    what pages of mooz post to
 */

gboolean mesh_server_pusher_is_path (const char *path);
gsize mesh_server_pusher_body_limit (MeshPusherHub *hub,
    const MeshHttpRequest *request);
void mesh_server_pusher_answer (MeshPusherHub *hub,
    const MeshHttpRequest *request, char **origins,
    MeshHttpResponse *response, gint64 now);
void mesh_server_pusher_connected (MeshPusherHub *hub, guint64 client,
    const MeshHttpRequest *request, gint64 now);

G_END_DECLS
