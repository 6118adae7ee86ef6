/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/link.h"
#include "signalling/transport.h"

G_BEGIN_DECLS

/* What is known of the way to the server, from one connection to the next. Used
 * from one thread. */

typedef struct _MeshRoute MeshRoute;

MESH_API
MeshRoute *mesh_route_new (void);
MESH_API
void mesh_route_unref (MeshRoute *route);
MESH_API
void mesh_route_forget (MeshRoute *route);

/* A WebSocket where one gets through, long polling where not. */

#define MESH_TYPE_FALLBACK (mesh_fallback_get_type ())
MESH_API
G_DECLARE_FINAL_TYPE (MeshFallback, mesh_fallback, MESH, FALLBACK, GObject)

MESH_API
MeshTransport *mesh_fallback_new (const MeshLink *link, MeshRoute *route);
MESH_API
gboolean mesh_fallback_is_polling (MeshFallback *fallback);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshRoute, mesh_route_unref)

G_END_DECLS
