/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the steps of a ladder are, what each takes, and whether a peer has that
 * much. */

#include "core/ladder-private.h"

#include <stdlib.h>

/* Ours: headers of IP, UDP, RTP and SRTP, 58 bytes a packet, which is seldom
 * full at these rates. */
#define HEADERS 1.07
/* Two temporal layers: what the first takes of both (vp8enc, set as in
 * tests/check/elements/vp8enc.c of gst-plugins-good). */
#define HALF_OF_FRAMES .6
/* Ours: the least that a rung's rate may be of its nominal one, or of that of
 * the next smaller rung, which looks better below. */
#define FLOOR .6
#define ABOVE_NEXT 2
/* Ours: a picture that is drawn a little larger than it is looks as good; where
 * it saves an encoder, a little larger still. */
#define AS_DRAWN .85
#define AS_DRAWN_RUNNING .8
/* Ours: what a share must be of a step's least rate to keep it. */
#define KEEP .9

/* Returns the rung of a step; MESH_RUNGS = the step is none. */
guint
mesh_ladder_rung (guint step)
{
  return step > 0 ? MESH_RUNGS - (step + 1) / 2 : MESH_RUNGS;
}

/* Returns the layers of a step. */
guint
mesh_ladder_layers (guint step)
{
  return step % 2 == 1 ? 1 : 2;
}

/* What a step takes of its rung's rate, with headers. */
double
mesh_ladder_factor (guint step)
{
  return HEADERS * (mesh_ladder_layers (step) == 1 ? HALF_OF_FRAMES : 1);
}

/* Whether the source has a step. */
gboolean
mesh_ladder_exists (const MeshLadder *ladder, guint step)
{
  guint rung = mesh_ladder_rung (step);

  return step == 0 || (rung < ladder->n_rungs && !ladder->rungs[rung].failed
      && (ladder->rungs[rung].layers > 1 || mesh_ladder_layers (step) > 1));
}

/* The least of all steps but none. */
guint
mesh_ladder_least_step (const MeshLadder *ladder)
{
  guint step = 1;

  while (step < MESH_LADDER_STEPS && !mesh_ladder_exists (ladder, step))
    step++;
  return step;
}

/* Returns the least rate of a rung. */
double
mesh_ladder_floor (const MeshLadder *ladder, guint index)
{
  const MeshLadderRung *rung = &ladder->rungs[index];

  if (rung->fixed)
    return rung->nominal;
  if (index + 1 == ladder->n_rungs)
    return FLOOR * rung->nominal;
  return MIN (FLOOR * rung->nominal,
      ABOVE_NEXT * ladder->rungs[index + 1].nominal);
}

/* Returns what there is for the picture. */
double
mesh_ladder_available (const MeshLadderPeer *peer)
{
  return peer->share > peer->sound ? (double) (peer->share - peer->sound) : 0;
}

/* Whether the peer sees the picture. */
static gboolean
sees (const MeshLadder *ladder, const MeshLadderPeer *peer)
{
  return peer->connected && !ladder->muted && ladder->n_rungs > 0
      && (!peer->want_known || (peer->want_width > 0 && peer->want_height > 0));
}

static gboolean
is_large_enough (const MeshLadderRung *rung, const MeshLadderPeer *peer)
{
  double part = rung->running ? AS_DRAWN_RUNNING : AS_DRAWN;

  /* The whole picture is shown in what is drawn, however that is shaped. */
  return rung->width >= part * peer->want_width
      || rung->height >= part * peer->want_height;
}

/* Returns the best step that a peer can use, which is of the smallest rung that
 * is not too small for it. */
guint
mesh_ladder_best_of_use (const MeshLadder *ladder, const MeshLadderPeer *peer)
{
  guint rung = 0, step;

  if (!sees (ladder, peer))
    return 0;
  if (peer->want_known) {
    rung = ladder->n_rungs - 1;
    while (rung > 0 && (ladder->rungs[rung].failed
            || !is_large_enough (&ladder->rungs[rung], peer)))
      rung--;
  }
  step = 2 * (MESH_RUNGS - rung);
  if (peer->want_known && peer->want_fps > 0
      && mesh_ladder_exists (ladder, step - 1)
      && peer->want_fps <= ladder->rungs[rung].framerate / 2)
    step--;
  while (!mesh_ladder_exists (ladder, step))
    step--;
  return step;
}

static int
least_first (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return x < y ? -1 : x > y;
}

/* The rate of a rung that the others on it could have with all of its frames:
 * the upper one of the two in the middle; 0 = there is nobody else. */
double
mesh_ladder_rate_of_others (const MeshLadderWork *work, guint rung,
    const MeshLadderPeer *except)
{
  guint n = 0;

  for (guint i = 0; i < work->n; i++) {
    const MeshLadderPeer *peer = work->peers[i];

    if (peer != except && mesh_ladder_rung (peer->step) == rung)
      work->scratch[n++] = mesh_ladder_available (peer) / HEADERS;
  }
  if (n == 0)
    return 0;
  qsort (work->scratch, n, sizeof *work->scratch, least_first);
  return MIN (work->scratch[n / 2], work->ladder->rungs[rung].nominal);
}

/* Whether @bits are enough for a step: for so much of the least rate of its
 * rung, and of what the others on that can have. */
gboolean
mesh_ladder_does (const MeshLadderWork *work, const MeshLadderPeer *peer,
    guint step, double bits, double of_floor, double of_others)
{
  guint rung = mesh_ladder_rung (step);
  double has = bits / mesh_ladder_factor (step);

  return step == 0
      || (has >= of_floor * mesh_ladder_floor (work->ladder, rung)
          && has >= of_others * mesh_ladder_rate_of_others (work, rung, peer));
}

/* Whether the peer can have its step, if the rung's rate follows its share. */
gboolean
mesh_ladder_keeps (const MeshLadderWork *work, const MeshLadderPeer *peer)
{
  return mesh_ladder_does (work, peer, peer->step,
      mesh_ladder_available (peer), KEEP, 0);
}
