/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The rate that keeps the queue short: less at once when the queue grows, or
 * stands, and a little more as long as it does not. */

#include "core/bwe/bwe-private.h"

/* libwebrtc, aimd_rate_control.cc: kDefaultBackoffFactor, the 5 kbit/s below,
 * the limit by throughput, and TimeToReduceFurther() */
#define DECREASE .85
#define DECREASE_BELOW 5000.
#define ACKED_FACTOR 1.5
#define ACKED_ABOVE 10000.
#define LEAST_PAUSE MS (10)
#define GREATEST_PAUSE MS (200)
#define FAR_BELOW .5
/* Ours: see may_decrease() */
#define LONG_QUEUE MS (80)
/* Ours: how far the rate is above what arrived of late when the capacity has
 * fallen, rather than that a few reports are late. */
#define FAR_ABOVE 2
#define DETECTOR_MEMORY MS (300)
/* Ours: as much a second for all who have up to STEP_RATE, and ever less for
 * those who have more. libwebrtc adds 8 % a second, and near a capacity that it
 * remembers half a packet of the present size each round trip and 100 ms: who
 * has much, or is near, takes ever more (tests/bwe, B2, B4 and B5, were missed
 * by far). A large step up is what probes are for. */
#define STEP_A_SECOND 120e3
#define STEP_RATE 1e6
#define LEAST_STEP 40e3
/* Ours: a queue shorter than the first of these is none, since frames differ in
 * size, and one longer than the second is too long even where it does not grow
 * (a full queue has no slope). */
#define EMPTY MS (18)
#define STANDING MS (35)
/* Ours: when somebody else is taken to fill the queue, and how long it must be
 * short for that to be over. Then more is sent each round trip, and less at a
 * loss, as with TCP: a segment of 1500 bytes is what Reno adds (RFC 5681), and
 * CUBIC adds more (RFC 9438). */
#define CROWDED_TIME MS (2500)
#define CROWDED_DECREASES 3
#define EMPTY_TIME MS (1500)
#define SEGMENT_BITS (2000 * 8.)
#define LEAST_RESPONSE MS (50)

static void
increase (MeshBweAimd *self, const MeshBweSigns *signs, gint64 now)
{
  double passed = MIN (SECONDS (now - self->changed_at), 1), rate;
  double response = SECONDS (MAX (signs->rtt, LEAST_RESPONSE));

  if (self->competing && signs->standing >= STANDING)
    rate = self->rate + SEGMENT_BITS / response / response * passed;
  else
    rate = self->rate + CLAMP (STEP_A_SECOND * STEP_RATE / self->rate,
        LEAST_STEP, STEP_A_SECOND) * passed;
  if (signs->acked > 0)
    rate = MIN (rate, ACKED_FACTOR * signs->acked + ACKED_ABOVE);
  self->rate = MAX (self->rate, rate);
  self->changed_at = now;
}

static void
decrease (MeshBweAimd *self, const MeshBweSigns *signs, gint64 now)
{
  double acked = signs->acked, rate;

  /* What a probe has just shown is not sent for so long that it could have
   * arrived. */
  if (self->probed_at > 0
      && now - self->probed_at < signs->rtt + DETECTOR_MEMORY)
    acked = MAX (acked, self->rate);
  else if (signs->lost && signs->standing > LONG_QUEUE
      && self->rate > FAR_ABOVE * signs->latest)
    acked = MIN (acked, signs->latest);
  rate = (acked > 0 ? acked : self->rate) * DECREASE;
  if (rate > DECREASE_BELOW)
    rate -= DECREASE_BELOW;
  self->rate = MIN (self->rate, rate);
  self->state = MESH_BWE_HOLD;
  self->changed_at = self->decreased_at = now;
}

/* What a decrease does is seen a round trip later, and by the detector once the
 * points of before are few among its points. Only a long queue cannot wait. */
static gboolean
may_decrease (const MeshBweAimd *self, const MeshBweSigns *signs, gint64 now)
{
  gint64 passed = now - self->decreased_at;

  if (self->decreased_at == 0)
    return TRUE;
  if (signs->standing > LONG_QUEUE || signs->acked < FAR_BELOW * self->rate)
    return passed >= CLAMP (signs->rtt, LEAST_PAUSE, GREATEST_PAUSE);
  return passed >= signs->rtt + DETECTOR_MEMORY;
}

/* A queue that stands although the rate goes down is not ours: somebody fills
 * it who does not mind, and who would take all. Then the rate follows losses,
 * as theirs does, until the queue has been short for a while. */
static void
watch_others (MeshBweAimd *self, const MeshBweSigns *signs, gint64 now)
{
  if (signs->standing < STANDING) {
    if (self->empty_since == 0)
      self->empty_since = now;
    if (now - self->empty_since > EMPTY_TIME)
      self->competing = FALSE;
    self->crowded_since = 0;
    return;
  }
  self->empty_since = 0;
  if (self->crowded_since == 0 || signs->by_source) {
    self->crowded_since = now;
    self->crowded_decreases = 0;
  } else if (now - self->crowded_since > CROWDED_TIME
      && self->crowded_decreases >= CROWDED_DECREASES) {
    self->competing = TRUE;
  }
}

static gboolean
is_too_much (const MeshBweAimd *self, const MeshBweSigns *signs)
{
  if (self->competing)
    return signs->lost;
  if (signs->usage == MESH_BWE_UNDERUSE || signs->standing < EMPTY)
    return FALSE;
  return signs->usage == MESH_BWE_OVERUSE || signs->standing > STANDING;
}

/* Takes in what a report tells. */
void
mesh_bwe_aimd_update (MeshBweAimd *self, const MeshBweSigns *signs,
    gint64 now)
{
  watch_others (self, signs, now);
  if (is_too_much (self, signs)) {
    if (!may_decrease (self, signs, now))
      return;
    decrease (self, signs, now);
    self->crowded_decreases++;
  } else if (!self->competing && signs->usage != MESH_BWE_NORMAL) {
    self->state = MESH_BWE_HOLD;
  } else if (self->state == MESH_BWE_HOLD) {
    self->state = MESH_BWE_INCREASE;
    self->changed_at = now;
  } else if (!signs->by_source) {
    increase (self, signs, now);
  } else {
    self->changed_at = now;
  }
}

/* A probe has shown that the path takes @rate. */
void
mesh_bwe_aimd_probed (MeshBweAimd *self, double rate, gint64 now)
{
  self->rate = rate;
  self->changed_at = self->probed_at = now;
}
