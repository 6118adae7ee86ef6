/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Peers that send nothing but receiver reports (RFC 3550, section 6.4): a share
 * that was lost and a round-trip time every few seconds. That tells when it is
 * too much, and hardly how much would do, so such a peer gets no more than a
 * little above what it was seen to take. */

#include "core/bwe/bwe-private.h"

#include <math.h>

/* draft-ietf-rmcat-gcc-02, section 6 */
#define LITTLE .02
#define MUCH .1
#define OF_LOSS .5
#define GROWTH_A_SECOND 1.08
#define PAUSE MS (300)
/* Ours: how long all must be well before the rate grows, how much of a rate
 * must have been sent for it to count as taken, and how far one may go above
 * it. */
#define CLEAN_TIME MS (10000)
#define ABOVE_SHOWN 1.25
/* A round trip that is so much longer than the shortest is a queue. libwebrtc,
 * rtt_based_backoff, waits for seconds; queues of 300 ms are what RFC 8867,
 * section 5, tests with. */
#define QUEUE MS (150)
#define FOR_QUEUE .85

static void
reduce (MeshBweReports *self, double factor, gint64 rtt, gint64 now)
{
  self->clean_since = 0;
  if (self->reduced_at > 0 && now - self->reduced_at < PAUSE + rtt)
    return;
  self->rate *= factor;
  self->shown = MIN (self->shown, self->rate);
  self->reduced_at = now;
}

/* Takes in a report: the share of packets that was lost since the last one, and
 * the round-trip time (0: not known). */
void
mesh_bwe_reports_add (MeshBweReports *self, double loss, gint64 rtt,
    gint64 now)
{
  gint64 passed = self->reported_at > 0 ? now - self->reported_at : 0;
  double sent = passed > 0 ? self->bits / SECONDS (passed) : 0;

  self->reported_at = now;
  self->bits = 0;
  if (rtt > 0 && (self->least_rtt == 0 || rtt < self->least_rtt))
    self->least_rtt = rtt;
  if (loss > MUCH) {
    reduce (self, 1 - OF_LOSS * loss, rtt, now);
  } else if (rtt > 0 && rtt > self->least_rtt + QUEUE) {
    reduce (self, FOR_QUEUE, rtt, now);
  } else if (loss > LITTLE) {
    self->clean_since = 0;
  } else {
    self->shown = MAX (self->shown, MIN (sent, self->rate));
    if (self->clean_since == 0)
      self->clean_since = now;
    if (now - self->clean_since >= CLEAN_TIME)
      self->rate = MAX (self->rate, MIN (ABOVE_SHOWN * self->shown,
          self->rate * pow (GROWTH_A_SECOND, SECONDS (passed))));
  }
}

/* Returns what the last report means for the path. */
MeshBweState
mesh_bwe_reports_state (const MeshBweReports *self)
{
  if (self->clean_since > 0)
    return MESH_BWE_CLEAR;
  return self->reduced_at == self->reported_at ? MESH_BWE_CONGESTED
      : MESH_BWE_WARNING;
}
