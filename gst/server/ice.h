/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "server/http.h"

G_BEGIN_DECLS

/* The STUN and TURN servers that members are told of. */

#define MESH_ICE_MAX_SERVERS 8

typedef struct _MeshIce MeshIce;

MeshIce *mesh_ice_new (void);
void mesh_ice_free (MeshIce *ice);
gboolean mesh_ice_set_secret (MeshIce *ice, const char *secret,
    GError **error);
gboolean mesh_ice_add (MeshIce *ice, const char *uri, GError **error);
void mesh_ice_answer (MeshIce *ice, const MeshHttpRequest *request,
    char **origins, MeshHttpResponse *response, gint64 unix_now);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshIce, mesh_ice_free)

G_END_DECLS
