/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Counts how often a picture has stood still, and for how long, as WebRTC's
 * statistics define it (freezeCount and totalFreezesDuration): the time between
 * two frames is a freeze if it is more than three times the average of the
 * frames before, and more than 150 ms above it. Times are in microseconds. */

#define MESH_FREEZE_FRAMES 30

typedef struct {
  gint64 gaps[MESH_FREEZE_FRAMES];      /* between the latest frames, a ring */
  guint n_gaps;                 /* all that have been put there */
  gint64 sum;                   /* of those in the ring */
  gint64 shown_at;              /* the latest frame, 0 before the first */
  guint64 freezes;
  gint64 frozen;
} MeshFreeze;

void mesh_freeze_take (MeshFreeze *freeze, gint64 now);
void mesh_freeze_excuse (MeshFreeze *freeze);

G_END_DECLS
