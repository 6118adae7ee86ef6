/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Groups of packets. A frame leaves as several packets at once, which queue
 * behind each other at the bottleneck: only how one group fares against the
 * group before it tells anything of the queue. */

#include "core/bwe/bwe-private.h"

/* libwebrtc, inter_arrival_delta.cc: kSendTimeGroupLength, kBurstDeltaThreshold
 * and kMaxBurstDuration */
#define GROUP_LENGTH MS (5)
#define BURST_GAP MS (5)
#define BURST_LENGTH MS (100)

static void
begin (MeshBweGroup *group, gint64 sent, gint64 arrived)
{
  group->first_sent = group->last_sent = sent;
  group->first_arrived = group->last_arrived = arrived;
}

/* Packets that a busy link held back arrive all at once: they tell of the time
 * until the link was free, and nothing of each other. */
static gboolean
belongs (const MeshBweGroup *group, gint64 sent, gint64 arrived)
{
  gint64 gap = arrived - group->last_arrived;
  gint64 propagation = gap - (sent - group->last_sent);

  if (sent - group->first_sent <= GROUP_LENGTH)
    return TRUE;
  return propagation < 0 && gap <= BURST_GAP
      && arrived - group->first_arrived < BURST_LENGTH;
}

/* Returns whether a group became complete and has one before it: then @delta
 * is how far the two are apart. */
gboolean
mesh_bwe_groups_add (MeshBweGroups *self, gint64 sent, gint64 arrived,
    MeshBweDelta *delta)
{
  MeshBweGroup *before = &self->groups[0], *last = &self->groups[1];
  gboolean complete;

  if (self->n == 0) {
    begin (last, sent, arrived);
    self->n = 1;
    return FALSE;
  }
  if (sent < last->first_sent)
    return FALSE;
  if (belongs (last, sent, arrived)) {
    last->last_sent = MAX (last->last_sent, sent);
    last->last_arrived = MAX (last->last_arrived, arrived);
    return FALSE;
  }
  complete = self->n == 2;
  delta->sent_ms = (last->last_sent - before->last_sent) / 1000.;
  delta->arrived_ms = (last->last_arrived - before->last_arrived) / 1000.;
  *before = *last;
  begin (last, sent, arrived);
  self->n = 2;
  return complete;
}
