/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* At which rates the rungs of a ladder run, and for how long. */

#include "core/ladder-private.h"

/* A rung ends so long after the last peer has left it. */
#define UNUSED_TIME MS (5000)
/* Ours: an encoder is not disturbed for less, and a rate goes up by so much at
 * a time. An estimate may be half above what was sent (gst/core/bwe/aimd.c):
 * one that grows faster is seen to be too much only when the queue is long. */
#define CHANGE .05
#define UP_STEP .15
#define UP_INTERVAL MS (250)

/* Ours: how far above what a path was seen to take a rate may go. An estimate
 * grows while less is sent, and a rate that follows it at once makes a queue of
 * all that it is too high. Half of the frames may take all that they can, which
 * proves that all of them could be had. */
#define UNPROVEN 1.15

/* A peer that comes to a rung, or to all of its frames, and has it for itself
 * begins at its least rate. */
void
mesh_ladder_begin_rung (const MeshLadderWork *work, const MeshLadderPeer *self,
    guint before)
{
  guint index = mesh_ladder_rung (self->step);
  MeshLadderRung *rung = &work->ladder->rungs[index];

  if (self->step == 0
      || (mesh_ladder_rung (before) == index && self->step < before)
      || mesh_ladder_rate_of_others (work, index, self) > 0)
    return;
  rung->rate = (guint64) mesh_ladder_floor (work->ladder, index);
  rung->set_at = work->now;
}

/* Returns what there is for the picture, as far as it is nearly proven. */
static double
nearly_proven (const MeshLadderPeer *peer)
{
  double bits = mesh_ladder_available (peer);

  return peer->proven == 0 || mesh_ladder_layers (peer->step) == 1 ? bits
      : MIN (bits, MAX (UNPROVEN * (double) peer->proven - peer->sound, 0));
}

/* Returns the rate that a rung should have: as much as the least share allows,
 * but for those that are about to leave it. */
static double
rate_for_all (const MeshLadderWork *work, guint rung, gboolean *used)
{
  double least = G_MAXDOUBLE;

  *used = FALSE;
  for (guint i = 0; i < work->n; i++) {
    const MeshLadderPeer *peer = work->peers[i];

    if (mesh_ladder_rung (peer->step) != rung)
      continue;
    *used = TRUE;
    if (mesh_ladder_keeps (work, peer))
      least = MIN (least,
          nearly_proven (peer) / mesh_ladder_factor (peer->step));
  }
  return CLAMP (least < G_MAXDOUBLE ? least : 0,
      mesh_ladder_floor (work->ladder, rung),
      work->ladder->rungs[rung].nominal);
}

/* Sets whether a rung is needed, and its rate. */
void
mesh_ladder_decide_rate (const MeshLadderWork *work, guint index)
{
  MeshLadderRung *rung = &work->ladder->rungs[index];
  gboolean used;
  double rate = rate_for_all (work, index, &used);

  if (used)
    rung->used_at = work->now;
  rung->needed = rung->used_at > 0 && work->now - rung->used_at < UNUSED_TIME;
  if (!used)
    return;
  if (rate > (1 + CHANGE) * rung->rate) {
    if (work->now - rung->set_at < UP_INTERVAL)
      return;
    rate = CLAMP ((1 + UP_STEP) * rung->rate,
        mesh_ladder_floor (work->ladder, index), rate);
  } else if (rate > (1 - CHANGE) * rung->rate) {
    return;
  }
  rung->rate = (guint64) rate;
  rung->set_at = work->now;
}
