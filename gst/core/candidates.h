/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/addresses.h"

G_BEGIN_DECLS

/* Which of a peer's ICE candidates (RFC 8839) are handed to the agent. Each one
 * makes us send connectivity checks to an address that the peer has chosen, and
 * an agent sends a limited number of checks. */

/* How many of a session description's candidates are read. */
#define MESH_CANDIDATES_MAX_READ 256

typedef struct _MeshCandidates MeshCandidates;

MeshCandidates *mesh_candidates_new (const char *const *local,
    MeshReach reach);
gboolean mesh_candidates_admit (MeshCandidates *candidates, const char *line);
void mesh_candidates_sort (char **lines);
gboolean mesh_candidates_has_none (MeshCandidates *candidates);
char *mesh_candidates_explain (MeshCandidates *candidates);
void mesh_candidates_free (MeshCandidates *candidates);

gboolean mesh_candidate_is_welcome (const char *line, MeshReach reach,
    gboolean tcp);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshCandidates, mesh_candidates_free)

G_END_DECLS
