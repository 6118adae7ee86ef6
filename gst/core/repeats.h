/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/bwe/bwe.h"

G_BEGIN_DECLS

/* Which packets of a picture go once more since the peer asks for them: within
 * a share of what is sent in all, once a round trip, and on a path that loses
 * packets at random twice, a moment apart. Times are in microseconds. */

/**
 * MESH_REPEATED_SIZE:
 *
 * The bytes that a repeated packet is taken for, with all headers.
 */
#define MESH_REPEATED_SIZE 1100

#define MESH_REPEATS 64

typedef struct {
  struct {
    guint16 seqnum;
    gint64 at;
  } answers[MESH_REPEATS];      /* a ring */
  guint n_answers;              /* ever */
  struct {
    guint16 seqnum;
    gint64 due;
  } copies[MESH_REPEATS];       /* that go a moment later; a ring */
  guint n_copies;               /* ever */
  guint n_copied;               /* ever */
  double budget;                /* bits */
  gint64 budget_at;
} MeshRepeats;

void mesh_repeats_init (MeshRepeats *repeats, gint64 now);
gboolean mesh_repeats_may (MeshRepeats *repeats, guint16 seqnum, guint64 rate,
    const MeshBweFigures *path, gint64 now);
gboolean mesh_repeats_plan_copy (MeshRepeats *repeats, guint16 seqnum,
    guint64 rate, const MeshBweFigures *path, gint64 now);
gboolean mesh_repeats_take_copy (MeshRepeats *repeats, guint16 *seqnum,
    gint64 now, gint64 *next);

G_END_DECLS
