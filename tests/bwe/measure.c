/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What came of a scenario. */

#include "sim.h"

#include <stdlib.h>

/* A picture at 8 frames a second moves, if badly. */
#define FROZEN MS (200)

typedef double (*Pick) (const Tenth *tenth);

static double
media (const Tenth *tenth)
{
  return tenth->media;
}

static double
sum (Flow *flow, gint64 from, gint64 to, Pick pick)
{
  double all = 0;

  for (gint64 at = from; at < to; at += TENTH)
    all += pick (flow_tenth (flow, at));
  return all;
}

/* Bits a second of media that arrived. */
double
flow_rate (Flow *flow, gint64 from, gint64 to)
{
  return sum (flow, from, to, media) * 8 * SECOND / (to - from);
}

/* The share of the packets of media that were lost. */
double
flow_loss (Flow *flow, gint64 from, gint64 to)
{
  double lost = 0, packets = 0;

  for (gint64 at = from; at < to; at += TENTH) {
    lost += flow_tenth (flow, at)->lost;
    packets += flow_tenth (flow, at)->packets;
  }
  return packets > 0 ? lost / packets : 0;
}

/* Packets of sound that were lost. */
guint
flow_sounds_lost (Flow *flow, gint64 from, gint64 to)
{
  guint lost = 0;

  for (guint i = 0; i < flow->packets->len; i++) {
    const Packet *packet = &g_array_index (flow->packets, Packet, i);

    lost += packet->kind == PACKET_SOUND && packet->sent_at >= from
        && packet->sent_at < to && packet->arrived_at == MESH_BWE_LOST;
  }
  return lost;
}

/* The share of all bytes that was padding. */
double
flow_probe_share (Flow *flow, gint64 from, gint64 to)
{
  double probes = 0, sent = 0;

  for (gint64 at = from; at < to; at += TENTH) {
    probes += flow_tenth (flow, at)->probes;
    sent += flow_tenth (flow, at)->sent;
  }
  return sent > 0 ? probes / sent : 0;
}

/* The target at a time. */
double
flow_target (Flow *flow, gint64 at)
{
  for (; at > 0; at -= TENTH) {
    double target = flow_tenth (flow, at)->target;

    if (target > 0)
      return target;
  }
  return 0;
}

/* How many seconds after @from so much arrives, as the mean of @span; 999:
 * never. */
double
flow_reaches (Flow *flow, double bits, gint64 from, gint64 span)
{
  gint64 end = (gint64) flow->tenths->len * TENTH;

  for (gint64 at = from; at + span < end; at += TENTH) {
    if (flow_rate (flow, at, at + span) >= bits)
      return (double) (at - from) / SECOND;
  }
  return 999;
}

/* The longest time without a whole frame, in ms. */
double
flow_gap_ms (Flow *flow, gint64 from, gint64 to)
{
  gint64 last = from, gap = 0;

  for (guint i = 0; i < flow->frames->len; i++) {
    gint64 at = g_array_index (flow->frames, Frame, i).arrived_at;

    if (at <= from || at > to)
      continue;
    gap = MAX (gap, at - last);
    last = at;
  }
  return MAX (gap, to - last) / 1e3;
}

/* The longest time from a frame's capture to its arrival, in ms. */
double
flow_frame_ms (Flow *flow, gint64 from, gint64 to)
{
  gint64 longest = 0;

  for (guint i = 0; i < flow->frames->len; i++) {
    const Frame *frame = &g_array_index (flow->frames, Frame, i);

    if (frame->captured_at >= from && frame->captured_at < to
        && frame->arrived_at > 0)
      longest = MAX (longest, frame->arrived_at - frame->captured_at);
  }
  return longest / 1e3;
}

/* How long the picture stood still: the sum of all times without a whole frame
 * that are longer than FROZEN, in ms. */
double
flow_frozen_ms (Flow *flow, gint64 from, gint64 to)
{
  gint64 last = from, frozen = 0;

  for (guint i = 0; i <= flow->frames->len; i++) {
    gint64 at = i == flow->frames->len ? to
        : g_array_index (flow->frames, Frame, i).arrived_at;

    if (at <= last || at > to)
      continue;
    if (at - last > FROZEN)
      frozen += at - last;
    last = at;
  }
  return frozen / 1e3;
}

static int
least_first (gconstpointer a, gconstpointer b)
{
  gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

  return x < y ? -1 : x > y;
}

/* How long packets waited at the bottleneck, in ms: @percentile of 1. */
double
queue_ms (Flow **flows, guint n, double percentile, gint64 from, gint64 to)
{
  g_autoptr (GArray) waits = g_array_new (FALSE, FALSE, sizeof (gint64));

  for (guint i = 0; i < n; i++) {
    for (guint j = 0; j < flows[i]->packets->len; j++) {
      const Packet *packet = &g_array_index (flows[i]->packets, Packet, j);

      if (packet->sent_at >= from && packet->sent_at < to)
        g_array_append_val (waits, packet->queued);
    }
  }
  if (waits->len == 0)
    return 0;
  qsort (waits->data, waits->len, sizeof (gint64), least_first);
  return g_array_index (waits, gint64, (guint) (percentile
          * (waits->len - 1))) / 1e3;
}

/* The time from a frame's capture to its arrival, in ms: @percentile of 1. */
double
flow_delay_ms (Flow *flow, double percentile, gint64 from, gint64 to)
{
  g_autoptr (GArray) delays = g_array_new (FALSE, FALSE, sizeof (gint64));

  for (guint i = 0; i < flow->frames->len; i++) {
    const Frame *frame = &g_array_index (flow->frames, Frame, i);
    gint64 delay = frame->arrived_at - frame->captured_at;

    if (frame->captured_at >= from && frame->captured_at < to
        && frame->arrived_at > 0)
      g_array_append_val (delays, delay);
  }
  if (delays->len == 0)
    return 0;
  qsort (delays->data, delays->len, sizeof (gint64), least_first);
  return g_array_index (delays, gint64, (guint) (percentile
          * (delays->len - 1))) / 1e3;
}

/* Jain's index of fairness: 1 = all the same. */
double
jain (const double *values, guint n)
{
  double all = 0, squares = 0;

  for (guint i = 0; i < n; i++) {
    all += values[i];
    squares += values[i] * values[i];
  }
  return squares > 0 ? all * all / (n * squares) : 0;
}

/* Prints how a flow went, for people. */
void
flow_trace (Flow *flow, const char *name, gint64 to)
{
  if (!scenario_trace)
    return;
  for (gint64 at = 0; at < to; at += 5 * TENTH) {
    g_print ("# %s %5.1f s: capacity %5u target %6.0f media %6.0f queue %4.0f"
        " loss %4.1f %% state %d\n", name, (double) at / SECOND,
        link_get_kbit (flow->config.forward, at),
        flow_target (flow, at + 4 * TENTH) / 1e3,
        flow_rate (flow, at, at + 5 * TENTH) / 1e3,
        queue_ms (&flow, 1, .95, at, at + 5 * TENTH),
        100 * flow_loss (flow, at, at + 5 * TENTH),
        flow_tenth (flow, at + 4 * TENTH)->state);
  }
}
