/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The rate that arrives at the peer, over the last third of a second. libwebrtc
 * had a Bayesian estimate, in which a sample that is far off counts the less:
 * after a capacity fell from 2.5 to 0.6 Mbit/s it took 1.3 s to follow (in
 * tests/bwe, B1), and each decrease in that time was too small. Today it counts
 * what arrived in a window, as this does (robust_throughput_estimator.cc). */

#include "core/bwe/bwe-private.h"

/* Ten frames: shorter, and one frame more or less shows. */
#define BUCKET MS (50)
/* How many buckets count where there is no time to lose. */
#define LATEST 3

/* Takes in a packet of @size that arrived at @arrived, by the receiver's
 * clock. */
void
mesh_bwe_acked_add (MeshBweAcked *self, guint size, gint64 arrived)
{
  gint64 passed = self->n > 0 ? (arrived - self->began) / BUCKET : 1;
  double bits = 0;

  if (passed < 0 || passed > MESH_BWE_BUCKETS) {
    self->n = 0;
    passed = 1;
  }
  for (; passed > 0; passed--) {
    self->began = self->n > 0 ? self->began + BUCKET : arrived;
    self->buckets[++self->n % MESH_BWE_BUCKETS] = 0;
  }
  self->buckets[self->n % MESH_BWE_BUCKETS] += size * 8.;
  if (self->n < MESH_BWE_BUCKETS)
    return;
  /* The latest bucket is not full yet. */
  for (guint i = 1; i < MESH_BWE_BUCKETS; i++)
    bits += self->buckets[(self->n + i) % MESH_BWE_BUCKETS];
  self->rate = bits / ((MESH_BWE_BUCKETS - 1) * SECONDS (BUCKET));
  bits = 0;
  for (guint i = MESH_BWE_BUCKETS - LATEST; i < MESH_BWE_BUCKETS; i++)
    bits += self->buckets[(self->n + i) % MESH_BWE_BUCKETS];
  self->latest = bits / (LATEST * SECONDS (BUCKET));
}
