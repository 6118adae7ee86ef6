/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "signalling/transport.h"

G_BEGIN_DECLS

/* A signalling server inside the process, for those who are given it: rooms
 * without a network. Any number of participants, each on a thread of its
 * own. */

typedef struct _MeshMemoryHub MeshMemoryHub;

MeshMemoryHub *mesh_memory_hub_new (void);
MeshMemoryHub *mesh_memory_hub_ref (MeshMemoryHub *hub);
void mesh_memory_hub_unref (MeshMemoryHub *hub);

#define MESH_TYPE_MEMORY (mesh_memory_get_type ())
G_DECLARE_FINAL_TYPE (MeshMemory, mesh_memory, MESH, MEMORY, GObject)

MeshTransport *mesh_memory_new (MeshMemoryHub *hub);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshMemoryHub, mesh_memory_hub_unref)

G_END_DECLS
