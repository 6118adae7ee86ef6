/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/freeze.h"

#define MARGIN (150 * G_TIME_SPAN_MILLISECOND)

/* A stream of fewer frames has no average yet that is worth the name. */
#define FEW 3

static gboolean
is_freeze (const MeshFreeze *self, gint64 gap)
{
  guint n = MIN (self->n_gaps, MESH_FREEZE_FRAMES);
  gint64 average;

  if (n < FEW)
    return FALSE;
  average = self->sum / n;
  return gap > MAX (3 * average, average + MARGIN);
}

/**
 * mesh_freeze_take:
 * @now: when another frame was shown
 */
void
mesh_freeze_take (MeshFreeze *self, gint64 now)
{
  gint64 *oldest = &self->gaps[self->n_gaps % MESH_FREEZE_FRAMES];
  gint64 gap = now - self->shown_at;

  if (self->shown_at > 0) {
    if (is_freeze (self, gap)) {
      self->freezes++;
      self->frozen += gap;
    }
    self->sum += gap - *oldest;
    *oldest = gap;
    self->n_gaps++;
  }
  self->shown_at = now;
}

/**
 * mesh_freeze_excuse:
 *
 * The time until the next frame counts for nothing: no frame was asked for.
 */
void
mesh_freeze_excuse (MeshFreeze *self)
{
  self->shown_at = 0;
}
