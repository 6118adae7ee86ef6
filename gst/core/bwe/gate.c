/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether the path is clear, by how long packets wait on it. A shared encoder
 * has few rates, so a peer's rung is changed seldom and by much: that takes a
 * slower and surer sign than a target that moves with every report. It is the
 * standing queue that counts: on a link of 500 kbit/s the packets of one frame
 * wait 30 ms for each other, and the path would never be clear. */

#include "core/bwe/bwe-private.h"

/* livekit, sendsidebwe/congestion_detector.go: JoiningQueueDelay (50 ms),
 * DQRDelay (20 ms) and, of losses, 25 % and 10 % */
#define JOINING MS (50)
#define LEAVING MS (20)
#define MUCH_LOSS .25
#define LITTLE_LOSS .1
/* The same file: for how long it must be so */
#define WARN_AFTER MS (200)
#define CONGESTED_AFTER MS (400)
#define CLEAR_AFTER_WARNING MS (300)
#define CLEAR_AFTER_CONGESTION MS (500)

/* Judges, at the end of a report, by how long packets wait, the detector's
 * verdict and the loss of late. */
void
mesh_bwe_gate_update (MeshBweGate *self, const MeshBweQueue *queue,
    MeshBweUsage usage, double loss, gint64 now)
{
  gboolean bad = queue->delay > JOINING || loss > MUCH_LOSS;
  gboolean good = queue->standing < LEAVING && loss < LITTLE_LOSS
      && usage != MESH_BWE_OVERUSE;

  self->bad_since = !bad ? 0 : self->bad_since ? self->bad_since : now;
  self->good_since = !good ? 0 : self->good_since ? self->good_since : now;
  if (bad && now - self->bad_since >= CONGESTED_AFTER)
    self->state = MESH_BWE_CONGESTED;
  else if (bad && self->state == MESH_BWE_CLEAR
      && now - self->bad_since >= WARN_AFTER)
    self->state = MESH_BWE_WARNING;
  else if (good && now - self->good_since
      >= (self->state == MESH_BWE_CONGESTED ? CLEAR_AFTER_CONGESTION
          : CLEAR_AFTER_WARNING))
    self->state = MESH_BWE_CLEAR;
}
