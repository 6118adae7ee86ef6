/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "server/server-private.h"

G_BEGIN_DECLS

/* Those who are connected to the server: carries out what the hub
 * (core/hub.h) decides, owns the connections and the clock. */

void mesh_clients_start (MeshServer *server);
void mesh_clients_accept (GSocket *socket, gpointer server);
void mesh_clients_dismiss (MeshServer *server);

G_END_DECLS
