/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The estimator as a whole: what a report means for each part, what becomes of
 * the rate when no report comes, and what is told to the user. */

#include "core/bwe/bwe-estimator.h"

/* str0m, delay/control.rs: the detector's verdict does not outlive two round
 * trips, or this, without a report. */
#define VERDICT_LASTS MS (500)
/* Ours: with packets out and no report of them for the first time, nothing gets
 * through, and from then on the rate is quartered at each step: 10 Mbit/s are
 * at the floor within 1.5 s. Reports come ten times as often. */
#define SILENCE MS (500)
/* The first report may be a long way off (a satellite's path takes 1.2 s
 * there and back). */
#define FIRST_SILENCE MS (2000)
#define SILENCE_STEP MS (250)
/* Receiver reports come every few seconds (RFC 3550, section 6.2: 5 s). */
#define REPORT_SILENCE MS (10000)
#define REPORT_STEP MS (2500)
#define SILENCE_FACTOR .25
/* Ours: after a pause of so long in what is sent, packets without a report say
 * nothing of the path. */
#define PAUSE MS (200)
/* Ours: a silence in which nothing was sent for so long is over, as nothing
 * would ever come that could end it. */
#define PATIENCE MS (2000)
/* Ours: while a queue longer than this stands, less is sent for as long as it
 * takes to shorten it, and the rate itself need not go down for it. */
#define QUEUED MS (40)
#define DRAIN_TIME ((double) MS (600))
#define MOST_DRAIN .4
/* Ours: what is no queue (see queue.c) shows so soon after a decrease, which
 * would have shortened a queue. */
#define LONGER_PATH_SHOWS MS (2500)
/* After a silence the path is asked for nearly as much as before (libwebrtc,
 * probe_controller.cc, kProbeFractionAfterDrop). */
#define OF_FORMER .85

static void
add_action (MeshBwe *self, const MeshBweAction *action)
{
  /* A target or a state that nobody has fetched yet is out of date. */
  for (guint i = 0; i < self->actions->len; i++) {
    MeshBweAction *other = &g_array_index (self->actions, MeshBweAction, i);

    if (other->type == action->type && action->type != MESH_BWE_PROBE) {
      *other = *action;
      return;
    }
  }
  g_array_append_val (self->actions, *action);
}

/* Asks the user to send a probe at @rate. */
void
mesh_bwe_ask_probe (MeshBwe *self, double rate, gint64 now)
{
  MeshBweAction action = {
    .type = MESH_BWE_PROBE,
    .bits = (guint64) rate,
    .duration = MESH_BWE_PROBE_LENGTH,
    .probe = mesh_bwe_prober_ask (&self->prober, rate, now),
  };

  add_action (self, &action);
}

static double
estimate (MeshBwe *self)
{
  double rate = self->config.feedback
      ? MIN (self->aimd.rate, self->loss.limit) : self->reports.rate;
  double drain = (self->queue.standing - QUEUED) / DRAIN_TIME;

  if (drain > 0 && !self->aimd.competing)
    rate *= 1 - MIN (drain, MOST_DRAIN);
  return CLAMP (rate, (double) self->config.floor,
      (double) self->config.ceiling);
}

/* Tells what has changed. A target is given in whole kbit/s. */
static void
publish (MeshBwe *self)
{
  MeshBweAction target = { .type = MESH_BWE_TARGET };
  MeshBweAction state = { .type = MESH_BWE_STATE };

  self->target = estimate (self);
  target.bits = (guint64) (self->target / 1000) * 1000;
  target.bits = MAX (target.bits, self->config.floor);
  if (target.bits != self->told_target)
    add_action (self, &target);
  self->told_target = target.bits;
  state.state = self->silence > 0 ? MESH_BWE_CONGESTED : self->gate.state;
  if (state.state != self->told_state)
    add_action (self, &state);
  self->told_state = state.state;
}

static void
begin_path (MeshBwe *self, double rate, gint64 now)
{
  self->groups = (MeshBweGroups) { 0 };
  self->acked = (MeshBweAcked) { 0 };
  self->aimd = (MeshBweAimd) { .rate = rate, .changed_at = now };
  self->proven = rate;
  self->gate = (MeshBweGate) { 0 };
  self->queue = (MeshBweQueue) { 0 };
  self->prober = (MeshBweProber) { .last_id = self->prober.last_id };
  mesh_bwe_trend_init (&self->trend);
  mesh_bwe_loss_init (&self->loss, (double) self->config.start);
}

/**
 * mesh_bwe_new:
 * @config: the bounds, and what the peer reports
 *
 * Returns: (transfer full): an estimator, with its first target to be fetched
 *   by mesh_bwe_pop()
 */
MeshBwe *
mesh_bwe_new (const MeshBweConfig *config, gint64 now)
{
  MeshBwe *self = g_new0 (MeshBwe, 1);

  g_return_val_if_fail (config->floor > 0 && config->floor <= config->start
      && config->start <= config->ceiling, NULL);
  self->config = *config;
  /* Inside, 0 stands for a time that never was. */
  self->origin = now - G_USEC_PER_SEC;
  self->actions = g_array_new (FALSE, FALSE, sizeof (MeshBweAction));
  self->reports.rate = config->start;
  begin_path (self, config->start, now - self->origin);
  publish (self);
  return self;
}

/**
 * mesh_bwe_free:
 * @bwe: (nullable) (transfer full): an estimator
 */
void
mesh_bwe_free (MeshBwe *bwe)
{
  if (!bwe)
    return;
  g_array_unref (bwe->actions);
  g_free (bwe);
}

static void
take_packet (MeshBwe *self, const MeshBwePacket *packet)
{
  MeshBweDelta delta;

  mesh_bwe_prober_add (&self->prober, packet);
  /* That nothing passed during a silence was answered by the silence. */
  if (packet->arrived_at != MESH_BWE_LOST
      || packet->sent_at - self->origin > self->resumed_at)
    mesh_bwe_loss_add (&self->loss, packet);
  if (packet->arrived_at == MESH_BWE_LOST) {
    self->report_lost = TRUE;
    return;
  }
  mesh_bwe_acked_add (&self->acked, packet->size, packet->arrived_at);
  mesh_bwe_queue_add (&self->queue, packet->sent_at, packet->arrived_at);
  if (mesh_bwe_groups_add (&self->groups, packet->sent_at, packet->arrived_at,
          &delta))
    mesh_bwe_trend_add (&self->trend, &delta, packet->arrived_at);
}

/* The path carries something again: it may be the old one, or not. */
static void
end_silence (MeshBwe *self, gint64 now)
{
  double former = self->before_silence;

  self->silence = 0;
  self->resumed_at = now;
  begin_path (self, self->config.floor, now);
  self->aimd.rate = MIN (self->config.start, former);
  mesh_bwe_expect_recovery (self, former * OF_FORMER, now);
}

/* A receiver may report on the last packets before a pause only when more come,
 * so that there is no report of them says nothing of the path. And a silence in
 * which nothing is sent would never be ended by a report. */
static void
allow_for_pause (MeshBwe *self, gint64 now)
{
  if (now - self->sent_at <= (self->silence > 0 ? PATIENCE : PAUSE))
    return;
  self->waiting_since = 0;
  if (self->silence > 0)
    end_silence (self, now);
}

/**
 * mesh_bwe_sent:
 * @size: how many bytes were sent to the peer, with all headers; of one packet,
 *   or of all since the last call if that is a few milliseconds ago
 */
void
mesh_bwe_sent (MeshBwe *bwe, guint size, gint64 now)
{
  now -= bwe->origin;
  bwe->reports.bits += size * 8.;
  mesh_bwe_alr_sent (&bwe->alr, size, bwe->target, now);
  if (bwe->config.feedback)
    allow_for_pause (bwe, now);
  if (bwe->waiting_since == 0)
    bwe->waiting_since = bwe->quiet_since = now;
  bwe->sent_at = now;
}

static void
update_rate (MeshBwe *self, gint64 now)
{
  gboolean saturated;
  double probed, result = mesh_bwe_prober_result (&self->prober, now, &probed,
      &saturated);
  MeshBweSigns signs = { 0 };

  mesh_bwe_queue_update (&self->queue);
  if (!self->aimd.competing && self->aimd.decreased_at > 0
      && now - self->aimd.decreased_at < LONGER_PATH_SHOWS
      && !self->report_lost && mesh_bwe_queue_is_flat (&self->queue))
    mesh_bwe_queue_rebase (&self->queue);
  signs.usage = self->trend.usage;
  signs.acked = self->acked.rate;
  signs.latest = self->acked.latest;
  signs.standing = self->queue.standing;
  signs.lost = self->report_lost;
  signs.by_source = self->alr.limited;
  signs.rtt = self->rtt;
  if (result > 0 && (signs.usage != MESH_BWE_OVERUSE
        || result < self->aimd.rate))
    mesh_bwe_take_result (self, result, probed, saturated, now);
  else
    mesh_bwe_aimd_update (&self->aimd, &signs, now);
  self->aimd.rate = CLAMP (self->aimd.rate, (double) self->config.floor,
      (double) self->config.ceiling);
  if (self->aimd.decreased_at == now)
    self->proven = MIN (self->proven, self->aimd.rate);
  else
    self->proven = MAX (self->proven, MIN (self->acked.rate, self->aimd.rate));
  mesh_bwe_loss_update (&self->loss, estimate (self),
      self->queue.standing > QUEUED, self->rtt, now);
}

/**
 * mesh_bwe_feed:
 * @bwe: an estimator with `feedback`
 * @packets: (array length=n): what a report tells, in the order in which the
 *   packets were sent
 * @n: how many they are
 * @rtt: the round-trip time, or 0 to have it taken from the report
 */
void
mesh_bwe_feed (MeshBwe *bwe, const MeshBwePacket *packets, guint n, gint64 rtt,
    gint64 now)
{
  guint last = n;               /* of those that arrived, counted from 1 */

  while (last > 0 && packets[last - 1].arrived_at == MESH_BWE_LOST)
    last--;
  if (rtt > 0)
    bwe->rtt = rtt;
  else if (last > 0)
    bwe->rtt = now - packets[last - 1].sent_at;
  now -= bwe->origin;
  bwe->waiting_since = 0;
  if (last > 0 && bwe->silence > 0)
    end_silence (bwe, now);
  bwe->report_lost = FALSE;
  for (guint i = 0; i < n; i++)
    take_packet (bwe, &packets[i]);
  mesh_bwe_alr_sent (&bwe->alr, 0, bwe->target, now);
  if (bwe->silence == 0)
    update_rate (bwe, now);
  mesh_bwe_gate_update (&bwe->gate, &bwe->queue, bwe->trend.usage,
      bwe->loss.loss, now);
  bwe->fed_at = now;
  mesh_bwe_consider_probe (bwe, now);
  publish (bwe);
}

/**
 * mesh_bwe_report:
 * @bwe: an estimator without `feedback`
 * @loss: the share of packets that was lost, 0 to 1, of the receiver report
 * @rtt: the round-trip time; 0 = not known
 */
void
mesh_bwe_report (MeshBwe *bwe, double loss, gint64 rtt, gint64 now)
{
  now -= bwe->origin;
  bwe->waiting_since = 0;
  bwe->silence = 0;
  bwe->rtt = rtt;
  bwe->loss.loss = loss;
  mesh_bwe_reports_add (&bwe->reports, loss, rtt, now);
  bwe->reports.rate = CLAMP (bwe->reports.rate, (double) bwe->config.floor,
      (double) bwe->config.ceiling);
  bwe->gate.state = mesh_bwe_reports_state (&bwe->reports);
  publish (bwe);
}

/**
 * mesh_bwe_want:
 * @bits: the rate that would be sent if the path took it, be it the next
 *   rung's; 0 = nothing more than is sent: the path is not asked for more
 */
void
mesh_bwe_want (MeshBwe *bwe, guint64 bits, gint64 now)
{
  now -= bwe->origin;
  if (bits > bwe->want)
    bwe->want_rose = TRUE;
  bwe->want = bits;
  mesh_bwe_consider_probe (bwe, now);
}

/**
 * mesh_bwe_reset_path:
 *
 * The packets go another way from now on, or the receiver's clock has jumped:
 * what was learned of delays is void, and the path is asked anew, from the
 * start rate or what is given now, whichever is less.
 */
void
mesh_bwe_reset_path (MeshBwe *bwe, gint64 now)
{
  double former = bwe->target;

  now -= bwe->origin;
  begin_path (bwe, MIN (former, bwe->config.start), now);
  bwe->reports = (MeshBweReports) { .rate = bwe->aimd.rate };
  bwe->waiting_since = 0;
  bwe->silence = 0;
  mesh_bwe_expect_recovery (bwe, former, now);
  mesh_bwe_consider_probe (bwe, now);
  publish (bwe);
}

static gint64
silence_deadline (MeshBwe *self)
{
  gboolean feedback = self->config.feedback;

  if (self->waiting_since == 0)
    return G_MAXINT64;
  if (self->silence > 0)
    return self->quiet_since + (feedback ? SILENCE_STEP : REPORT_STEP);
  if (!feedback)
    return self->waiting_since + REPORT_SILENCE;
  return self->waiting_since + (self->fed_at == 0 ? FIRST_SILENCE : SILENCE);
}

/**
 * mesh_bwe_deadline:
 * Returns: when mesh_bwe_tick() is to be called if nothing else happens before;
 *   %G_MAXINT64 = not at all. To be asked for after each other call
 */
gint64
mesh_bwe_deadline (MeshBwe *bwe)
{
  gint64 at = MIN (silence_deadline (bwe), mesh_bwe_probe_deadline (bwe));

  return at == G_MAXINT64 ? at : at + bwe->origin;
}

/**
 * mesh_bwe_tick:
 *
 * Acts on the time that has passed. May be called at any time.
 */
void
mesh_bwe_tick (MeshBwe *bwe, gint64 now)
{
  now -= bwe->origin;
  mesh_bwe_alr_sent (&bwe->alr, 0, bwe->target, now);
  if (bwe->config.feedback)
    allow_for_pause (bwe, now);
  while (now >= silence_deadline (bwe)) {
    bwe->quiet_since = silence_deadline (bwe);
    if (bwe->silence++ == 0)
      bwe->before_silence = bwe->target;
    bwe->aimd.rate = MAX (SILENCE_FACTOR * bwe->aimd.rate, bwe->config.floor);
    bwe->reports.rate = MAX (SILENCE_FACTOR * bwe->reports.rate,
        bwe->config.floor);
  }
  if (now - bwe->fed_at > MIN (2 * bwe->rtt, VERDICT_LASTS))
    bwe->trend.usage = MESH_BWE_NORMAL;
  mesh_bwe_consider_probe (bwe, now);
  publish (bwe);
}

/**
 * mesh_bwe_pop:
 * @action: (out): what is to be done
 *
 * Returns: whether there was anything
 */
gboolean
mesh_bwe_pop (MeshBwe *bwe, MeshBweAction *action)
{
  if (bwe->actions->len == 0)
    return FALSE;
  *action = g_array_index (bwe->actions, MeshBweAction, 0);
  g_array_remove_index (bwe->actions, 0);
  return TRUE;
}

/**
 * mesh_bwe_get_figures:
 * @figures: (out): what it knows, for people to look at
 */
void
mesh_bwe_get_figures (MeshBwe *bwe, MeshBweFigures *figures)
{
  *figures = (MeshBweFigures) {
    .target = bwe->told_target,
    .proven = bwe->config.feedback ? (guint64) bwe->proven : bwe->told_target,
    .acked = (guint64) (bwe->config.feedback ? bwe->acked.rate
        : bwe->reports.shown),
    .loss = bwe->loss.loss,
    .rtt = bwe->rtt,
    .queue_delay = bwe->queue.delay,
    .state = bwe->told_state,
    .limited_by_source = bwe->alr.limited,
  };
}
