/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/ice-servers.h"
#include "core/link.h"
#include "signalling/export.h"

G_BEGIN_DECLS

/* Asks a room's server which STUN and TURN servers its members may use, and
 * asks again before their credentials end. Any thread may make a client; it
 * calls back on the thread that runs the context, and is freed there or when
 * nobody runs the context any more. */

typedef struct _MeshIceClient MeshIceClient;

/**
 * MeshIceClientFunc:
 * @servers: (nullable): what there is now; %NULL: nothing has been said in time
 * @error: (nullable): why there was no answer
 * @user_data: as given
 *
 * Called once soon, whatever happens, and again at each later answer.
 */
typedef void (*MeshIceClientFunc) (const MeshIceServers *servers,
    const GError *error, gpointer user_data);

MESH_API
MeshIceClient *mesh_ice_client_new (GMainContext *context,
    const MeshLink *link, MeshIceClientFunc func, gpointer user_data);
MESH_API
void mesh_ice_client_free (MeshIceClient *client);

G_END_DECLS
