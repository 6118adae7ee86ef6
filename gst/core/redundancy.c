/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/redundancy.h"

/* Opus begins to add redundancy at 1 % and adds little beyond 20 %; what is
 * between two steps costs bits that the sound itself could use. */
static const int steps[] = { 0, 2, 5, 10, 15, 20, 30 };

/* A lost packet in a second of sound is 2 %: less than half a percent in ten
 * seconds is no loss that is worth bits. */
#define NOTICEABLE 0.005

/**
 * mesh_redundancy_init:
 */
void
mesh_redundancy_init (MeshRedundancy *redundancy)
{
  *redundancy = (MeshRedundancy) { .percent = -1 };
}

static void
advance (MeshRedundancy *self, gint64 slot)
{
  gint64 steps_on = CLAMP (slot - self->slot, 0, MESH_REDUNDANCY_SLOTS);

  for (gint64 i = 0; i < steps_on; i++)
    self->worst[(slot - i) % MESH_REDUNDANCY_SLOTS] = 0;
  self->slot = MAX (self->slot, slot);
}

/**
 * mesh_redundancy_take:
 * @loss: the part of our packets that a peer has missed, 0 to 1
 * @now: when it said so
 *
 * Returns: whether percent has changed
 */
gboolean
mesh_redundancy_take (MeshRedundancy *self, double loss, gint64 now)
{
  double worst = 0;
  int before = self->percent;
  guint step = 0;

  advance (self, now / G_TIME_SPAN_SECOND);
  if (loss > self->worst[self->slot % MESH_REDUNDANCY_SLOTS])
    self->worst[self->slot % MESH_REDUNDANCY_SLOTS] = loss;
  for (guint i = 0; i < MESH_REDUNDANCY_SLOTS; i++)
    worst = MAX (worst, self->worst[i]);
  while (worst > NOTICEABLE && step + 1 < G_N_ELEMENTS (steps)
      && steps[step] < worst * 100)
    step++;
  self->percent = steps[step];
  return self->percent != before;
}
