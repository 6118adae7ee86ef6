/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How much loss an encoder of sound that all peers share prepares for: the
 * worst that any peer has reported within the last ten seconds. It follows a
 * rise at once, and in steps, so that the encoder is not set for every report.
 *
 * Times are in microseconds. */

#define MESH_REDUNDANCY_SLOTS 10

typedef struct {
  double worst[MESH_REDUNDANCY_SLOTS];  /* of a second each, a ring */
  gint64 slot;                  /* the second that was written last */
  int percent;                  /* -1 before the first report */
} MeshRedundancy;

void mesh_redundancy_init (MeshRedundancy *redundancy);
gboolean mesh_redundancy_take (MeshRedundancy *redundancy, double loss,
    gint64 now);

G_END_DECLS
