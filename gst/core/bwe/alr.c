/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether the source, rather than the path, limits what is sent: then a rate
 * that arrives says nothing of what the path would take. A budget fills with
 * time and empties with what is sent. */

#include "core/bwe/bwe-private.h"

/* libwebrtc, alr_detector.h: bandwidth_usage_ratio, start_budget_level_ratio,
 * stop_budget_level_ratio; interval_budget.cc: kWindowMs */
#define USED .65
#define ENTER .8
#define LEAVE .5
#define WINDOW_S .5

/* Takes in that @size bytes were sent, or 0 when only time has passed, where
 * @rate is the estimate. */
void
mesh_bwe_alr_sent (MeshBweAlr *self, guint size, double rate, gint64 now)
{
  double most = rate * USED * WINDOW_S / 8;

  if (self->at > 0)
    self->budget += rate * USED / 8 * SECONDS (now - self->at);
  self->at = now;
  self->budget = CLAMP (self->budget, -most, most) - size;
  if (!self->limited && self->budget > ENTER * most) {
    self->limited = TRUE;
    self->since = now;
  } else if (self->limited && self->budget < LEAVE * most) {
    self->limited = FALSE;
  }
}
