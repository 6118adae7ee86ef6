/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/common.h"

G_BEGIN_DECLS

/* The selected pair of a connection, as ICE calls it: the local and the remote
 * candidate between which its packets go. Any thread may call. */

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
