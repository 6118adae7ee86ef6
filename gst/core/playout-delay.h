/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "core/codec.h"

G_BEGIN_DECLS

/* How long after its earliest possible arrival a packet is played, so that
 * those that the network or this machine holds up are there in time. The delay
 * rises at once to what is needed, and falls slowly when less is.
 *
 * What is needed is judged by the latest packet of each tenth of a second, for
 * three seconds. The two worst tenths of sound are left out, and six of
 * pictures: a single hiccup is not worth a delay that everybody hears, and what
 * recurs is. Packets that were lost and came again are judged for themselves:
 * the delay covers three quarters of them, which are not lost twice.
 *
 * Times are in microseconds. */

#define MESH_PLAYOUT_SLOTS 30
#define MESH_PLAYOUT_REPAIRS 32

typedef struct {
  gint64 worst[MESH_PLAYOUT_SLOTS];     /* of 100 ms each, a ring */
  gint64 slot;                  /* the one that was written last */
} MeshPlayoutPeaks;

typedef struct {
  MeshPlayoutPeaks network[MESH_N_KINDS];       /* by how much packets came
                                                 * late */
  MeshPlayoutPeaks machine;     /* how long they then took to be decoded */
  gint64 repairs[MESH_PLAYOUT_REPAIRS]; /* by how much they came late; a ring */
  gint64 repaired_at[MESH_PLAYOUT_REPAIRS];
  guint n_repairs;              /* all that have been put there */
  gint64 least;
  gint64 delay;
  gint64 at;                    /* when it was computed; 0: not yet */
} MeshPlayoutDelay;

void mesh_playout_delay_init (MeshPlayoutDelay *delay, gint64 least);
void mesh_playout_delay_take_late (MeshPlayoutDelay *delay, MeshKind kind,
    gint64 late, gint64 now);
void mesh_playout_delay_take_repair (MeshPlayoutDelay *delay, gint64 late,
    gint64 now);
void mesh_playout_delay_take_work (MeshPlayoutDelay *delay, gint64 work,
    gint64 now);
gint64 mesh_playout_delay_get (MeshPlayoutDelay *delay, gint64 now);

G_END_DECLS
