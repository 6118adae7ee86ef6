/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/common.h"

G_BEGIN_DECLS

/* By which of the candidates of both ends a connection goes: what ICE calls the
 * selected pair. Any thread may call. */

typedef struct _MeshSelectedPair MeshSelectedPair;

MeshSelectedPair *mesh_selected_pair_new (void);
void mesh_selected_pair_add_candidate (MeshSelectedPair *pair, gboolean local,
    const char *candidate);
void mesh_selected_pair_set (MeshSelectedPair *pair,
    const char *local_foundation, const char *remote_foundation);
const char *mesh_selected_pair_get_type (MeshSelectedPair *pair);
char *mesh_selected_pair_dup_local_address (MeshSelectedPair *pair);
void mesh_selected_pair_free (MeshSelectedPair *pair);

G_END_DECLS
