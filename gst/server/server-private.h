/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "server/clients.h"
#include "server/server.h"

G_BEGIN_DECLS

/* What tests change before mesh_server_listen(). */

void mesh_server_get_limits (MeshServer *server, MeshClientsLimits *limits);
void mesh_server_set_limits (MeshServer *server,
    const MeshClientsLimits *limits);

G_END_DECLS
