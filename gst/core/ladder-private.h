/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/ladder.h"

G_BEGIN_DECLS

/* What the files of the ladder share: ladder-step.c says what a step is and
 * what it takes, ladder.c which one each peer gets, and ladder-rate.c at which
 * rate the rungs run. */

typedef struct {
  MeshLadder *ladder;
  MeshLadderPeer **peers;
  guint n;
  gint64 now;
  double *scratch;              /* room for a number a peer */
} MeshLadderWork;

/* The best step, which is the full size with all frames. */
#define MESH_LADDER_STEPS (2 * MESH_RUNGS)

#define MS(ms) ((gint64) (ms) * 1000)

/* ladder-step.c */
guint mesh_ladder_rung (guint step);
guint mesh_ladder_layers (guint step);
double mesh_ladder_factor (guint step);
gboolean mesh_ladder_exists (const MeshLadder *ladder, guint step);
guint mesh_ladder_least_step (const MeshLadder *ladder);
double mesh_ladder_floor (const MeshLadder *ladder, guint rung);
guint mesh_ladder_best_of_use (const MeshLadder *ladder,
    const MeshLadderPeer *peer);
double mesh_ladder_available (const MeshLadderPeer *peer);
double mesh_ladder_rate_of_others (const MeshLadderWork *work, guint rung,
    const MeshLadderPeer *except);
gboolean mesh_ladder_does (const MeshLadderWork *work,
    const MeshLadderPeer *peer, guint step, double bits, double of_floor,
    double of_others);
gboolean mesh_ladder_keeps (const MeshLadderWork *work,
    const MeshLadderPeer *peer);

/* ladder-rate.c */
void mesh_ladder_begin_rung (const MeshLadderWork *work,
    const MeshLadderPeer *peer, guint before);
void mesh_ladder_decide_rate (const MeshLadderWork *work, guint rung);

G_END_DECLS
