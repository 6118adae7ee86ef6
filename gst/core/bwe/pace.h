/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* When packets may go, so that a picture does not fill the path's queue at
 * once, and how much padding is due while a probe lasts. Sound is not asked for:
 * it goes at once, and is only counted.
 *
 * Not thread-safe. Times are microseconds of one monotonic clock, from any
 * origin; sizes are bytes of whole IP packets. */

/**
 * MESH_PACE_PROBES:
 *
 * How many probes may wait for their turn; further ones are left out.
 */
#define MESH_PACE_PROBES 4

/**
 * MeshPace:
 *
 * A pacer, to be set up by mesh_pace_init(). Nothing in it needs to be freed;
 * its fields are its own.
 */
typedef struct {
  double target;                /* bits per second */
  gint64 at;
  double debt;                  /* bytes that were sent ahead of the rate */
  struct {
    guint id;
    double rate;
    gint64 duration;
  } probes[MESH_PACE_PROBES];   /* the first one is under way */
  guint n_probes;
  gboolean probing;             /* the first one has begun, at began_at */
  gint64 began_at;
  guint bytes;                  /* that it has sent */
  guint packets;
} MeshPace;

void mesh_pace_init (MeshPace *pace, guint64 target, gint64 now);
void mesh_pace_set_target (MeshPace *pace, guint64 target, gint64 now);
gint64 mesh_pace_when (MeshPace *pace, guint queued, gint64 now);
guint mesh_pace_sent (MeshPace *pace, guint size, gint64 now);
void mesh_pace_probe (MeshPace *pace, guint probe, guint64 bits,
    gint64 duration);
gboolean mesh_pace_padding (MeshPace *pace, gint64 now, gint64 *next);

G_END_DECLS
