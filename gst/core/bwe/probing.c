/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When the path is asked for more: at the start, when the source would send
 * more than the estimate, and after a break. Never while a queue grows or
 * losses set the rate, and never for much more than is wanted. */

#include "core/bwe/bwe-estimator.h"

/* libwebrtc, probe_controller.cc: first_exponential_probe_scale and the second,
 * further_exponential_probe_scale, further_probe_threshold,
 * alr_probing_interval, kProbeTimeout */
#define FIRST 3
#define SECOND 6
#define FURTHER 2
#define GOOD .7
#define INTERVAL MS (5000)
#define RECOVERY_TIME MS (5000)
/* The same file: of what is wanted */
#define MOST_OF_WANTED 2
/* The same file, loss_limited_probe_scale: while the rate recovers from loss */
#define AFTER_LOSS 1.5
/* Ours: an estimate of which less than this was used for so long is asked for
 * again before it is used. */
#define PROVEN .8
#define STALE MS (5000)
/* Ours: what is asked for from time to time while all is used. A link that has
 * less to spare is found out by the rate that grows by itself. */
#define SPARE 1.5
/* Ours: the most that probes may be of all bytes. A probe is seldom longer than
 * its fewest packets. Where there is next to nothing but sound, it may be more:
 * a picture that stands waits for it. */
#define SHARE .02
#define LEAST_FOR_SHARE 300e3
#define PACKET_BITS (8. * 1260)

/* What a probe at @rate may be. */
static double
bound (MeshBwe *self, double rate)
{
  rate = MIN (rate, MOST_OF_WANTED * self->want);
  if (self->loss.limit < G_MAXDOUBLE)
    rate = MIN (rate, AFTER_LOSS * self->target);
  return MIN (rate, self->config.ceiling);
}

static gint64
interval (MeshBwe *self)
{
  double bits = MAX (MESH_BWE_PROBE_PACKETS * PACKET_BITS,
      FURTHER * self->target * SECONDS (MESH_BWE_PROBE_LENGTH));

  return MAX (INTERVAL, (gint64) (bits
          / (SHARE * MAX (self->target, LEAST_FOR_SHARE)) * G_USEC_PER_SEC));
}

static gboolean
may_probe (MeshBwe *self)
{
  return self->config.feedback && self->want > 0 && self->silence == 0
      && self->trend.usage != MESH_BWE_OVERUSE
      && self->gate.state != MESH_BWE_CONGESTED
      && !mesh_bwe_prober_is_waiting (&self->prober);
}

static void
start (MeshBwe *self, gint64 now)
{
  double first = bound (self, (double) FIRST * self->config.start);
  double second = bound (self, (double) SECOND * self->config.start);

  self->started = TRUE;
  self->want_rose = FALSE;
  if (first > self->target)
    mesh_bwe_ask_probe (self, first, now);
  if (second > first)
    mesh_bwe_ask_probe (self, second, now);
}

/* Returns the rate to ask for from time to time; 0: none now. */
static double
next_rate (MeshBwe *self, gint64 now)
{
  gint64 quiet = now - MAX (self->prober.asked_at, self->aimd.decreased_at);

  if (self->recover > 0 && now < self->recover_until)
    return self->recover;
  if (self->climb > 0)
    return self->climb;
  if (self->alr.limited && self->want > self->target
      && (self->want_rose || quiet >= interval (self)))
    return MIN (self->want, FURTHER * self->target);
  if (self->alr.limited && self->want_rose && now - self->alr.since > STALE
      && self->acked.rate < PROVEN * self->want)
    return self->want;
  if (!self->alr.limited && self->want > MIN (self->target, self->proven)
      && self->gate.state == MESH_BWE_CLEAR
      && self->loss.limit == G_MAXDOUBLE && quiet >= interval (self))
    return self->proven < PROVEN * self->target ? self->target
        : SPARE * self->target;
  return 0;
}

/* Asks for a probe if one is due. */
void
mesh_bwe_consider_probe (MeshBwe *self, gint64 now)
{
  double rate;

  self->considered_at = now;
  if (!may_probe (self))
    return;
  if (!self->started) {
    start (self, now);
    return;
  }
  rate = bound (self, next_rate (self, now));
  if (rate > 0) {
    self->spare_only = self->recover == 0 && self->climb == 0
        && !self->alr.limited && rate > self->target;
    self->recover = self->climb = 0;
    self->want_rose = FALSE;
    mesh_bwe_ask_probe (self, rate, now);
  }
}

/* Takes in what a probe at @probed has shown. */
void
mesh_bwe_take_result (MeshBwe *self, double result, double probed,
    gboolean saturated, gint64 now)
{
  /* On a link that is full, a burst takes its rate from others: what it got is
   * not there to be kept. */
  if (self->spare_only && saturated)
    return;
  /* What arrives all the time is no less true than a burst. */
  result = MAX (result, MIN (self->acked.rate, self->aimd.rate));
  self->proven = self->alr.limited ? result : MAX (self->proven, result);
  if (result > self->aimd.rate || self->alr.limited)
    mesh_bwe_aimd_probed (&self->aimd, result, now);
  if (!saturated && result > GOOD * probed && self->want > result)
    self->climb = FURTHER * result;
}

/* The path is asked for @rate as soon as that may be. */
void
mesh_bwe_expect_recovery (MeshBwe *self, double rate, gint64 now)
{
  self->recover = rate;
  self->recover_until = now + RECOVERY_TIME;
}

/* Returns when a probe may become due. */
gint64
mesh_bwe_probe_deadline (MeshBwe *self)
{
  gint64 due = MAX (self->prober.asked_at, self->aimd.decreased_at)
      + interval (self);

  if (!self->config.feedback || self->want == 0 || self->silence > 0
      || self->want <= self->target)
    return G_MAXINT64;
  /* Where the path forbids a probe that is due, reports will tell of it. */
  return MAX (due, self->considered_at + INTERVAL);
}
