/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "signalling/export.h"

G_BEGIN_DECLS

/* Notices when this machine's own addresses change, so that connections which
 * will never be heard of again need not fall silent first. */

typedef struct _MeshNetwork MeshNetwork;

/**
 * MeshNetworkChange:
 * @MESH_NETWORK_GAINED: there are more addresses than before, or the default
 *   route is another one
 * @MESH_NETWORK_MOVED: addresses have gone, and there is one to use. While
 *   there is none, nothing is said
 * @MESH_NETWORK_WOKE: this process, or the machine, stood still for a while:
 *   the world has gone on
 */
typedef enum {
  MESH_NETWORK_GAINED,
  MESH_NETWORK_MOVED,
  MESH_NETWORK_WOKE,
} MeshNetworkChange;

typedef void (*MeshNetworkFunc) (MeshNetworkChange change,
    gpointer user_data);

MESH_API
MeshNetwork *mesh_network_new (GMainContext *context, MeshNetworkFunc func,
    gpointer user_data);
MESH_API
gboolean mesh_network_has (MeshNetwork *network, const char *address);
MESH_API
void mesh_network_free (MeshNetwork *network);

G_END_DECLS
