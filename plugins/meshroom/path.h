/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/common.h"

G_BEGIN_DECLS

/* By which of the candidates of both ends a connection goes: what ICE calls the
 * selected pair. Any thread may call. */

typedef struct _MeshPath MeshPath;

MeshPath *mesh_path_new (void);
void mesh_path_add (MeshPath *path, gboolean local, const char *candidate);
void mesh_path_select (MeshPath *path, const char *local_foundation,
    const char *remote_foundation);
const char *mesh_path_get_type (MeshPath *path);
char *mesh_path_dup_local_address (MeshPath *path);
void mesh_path_free (MeshPath *path);

G_END_DECLS
