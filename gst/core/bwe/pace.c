/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The pacer: a debt that grows with each byte and is paid off at the pacing
 * rate. A frame that fits into the burst is never held up. */

#include "core/bwe/pace.h"

#include "core/bwe/bwe-types.h"

/* Ours: libwebrtc's pacer sends at 2.5 times the target and str0m's at 1.1. At
 * 2.5 a key frame is in the path's queue nearly as soon as without a pacer, and
 * sound waits behind it there (tests/bwe, B1 at 2.5 Mbit/s: 95 % of packets
 * find a queue of up to 91 ms, not 52), while a full path lets it arrive no
 * sooner. */
#define FACTOR 1.2
/* libwebrtc: PacingController::kMaxDebtInTime, kMaxExpectedQueueLength, and
 * send_burst_interval */
#define LONGEST_DEBT_S .5
#define LONGEST_QUEUE_S 2.
#define BURST_S .04
/* Ours: how much of the debt stays when the target falls; with none, sound is
 * lost where four share a full uplink (tests/bwe, L4). */
#define LOWERED_DEBT_S .15
/* Ours: a probe's packets are to go at its rate. */
#define PROBE_BURST_S .002
/* libwebrtc, bitrate_prober.cc: min_probe_delta */
#define PROBE_GAP 2000

static double
get_rate (const MeshPace *self, guint queued)
{
  double rate = MAX (FACTOR * self->target, queued * 8 / LONGEST_QUEUE_S);

  if (self->n_probes > 0)
    rate = MAX (rate, self->probes[0].rate);
  return rate;
}

static void
pay (MeshPace *self, guint queued, gint64 now)
{
  double passed = (double) (now - self->at) / G_USEC_PER_SEC;

  self->debt = MAX (self->debt - passed * get_rate (self, queued) / 8, 0);
  self->at = now;
}

/**
 * mesh_pace_init:
 * @pace: (out caller-allocates): a pacer
 * @target: the rate that is meant to be sent in all, bit/s, above 0
 */
void
mesh_pace_init (MeshPace *pace, guint64 target, gint64 now)
{
  *pace = (MeshPace) { .target = target, .at = now };
}

/**
 * mesh_pace_set_target:
 * @target: the rate that is meant to be sent in all from now on, bit/s, above 0
 */
void
mesh_pace_set_target (MeshPace *pace, guint64 target, gint64 now)
{
  pay (pace, 0, now);
  /* What was sent at a higher rate is paid off soon: a key frame of the smaller
   * picture that a full path asks for waits for the queue there, and not here
   * besides. */
  if (target < pace->target)
    pace->debt = MIN (pace->debt, LOWERED_DEBT_S * FACTOR * target / 8);
  pace->target = target;
}

/**
 * mesh_pace_when:
 * @queued: how many bytes wait to be sent, with those asked for
 *
 * Returns: when the next packet may go: @now, or later
 */
gint64
mesh_pace_when (MeshPace *pace, guint queued, gint64 now)
{
  double rate = get_rate (pace, queued) / 8, burst;

  pay (pace, queued, now);
  burst = (pace->n_probes > 0 ? PROBE_BURST_S : BURST_S) * rate;
  if (pace->debt <= burst)
    return now;
  return now + (gint64) ((pace->debt - burst) / rate * G_USEC_PER_SEC) + 1;
}

/**
 * mesh_pace_sent:
 * @size: the length of a packet that was sent: a picture's, sound's, a repeated
 *   one's or padding
 *
 * Returns: the probe that the packet is part of; 0 = none
 */
guint
mesh_pace_sent (MeshPace *pace, guint size, gint64 now)
{
  guint probe = 0;

  pay (pace, 0, now);
  pace->debt = MIN (pace->debt + size,
      LONGEST_DEBT_S * get_rate (pace, 0) / 8);
  if (pace->probing) {
    probe = pace->probes[0].id;
    pace->bytes += size;
    pace->packets++;
  }
  return probe;
}

/**
 * mesh_pace_probe:
 * @probe: the probe's number, not 0
 * @bits: its rate, bit/s
 * @duration: how long it lasts at least
 *
 * What is sent from the next mesh_pace_padding() on is part of the probe, until
 * it has had its bytes and packets.
 */
void
mesh_pace_probe (MeshPace *pace, guint probe, guint64 bits, gint64 duration)
{
  if (pace->n_probes == MESH_PACE_PROBES)
    return;
  pace->probes[pace->n_probes].id = probe;
  pace->probes[pace->n_probes].rate = bits;
  pace->probes[pace->n_probes].duration = duration;
  pace->n_probes++;
}

static void
end_probe (MeshPace *self)
{
  self->n_probes--;
  for (guint i = 0; i < self->n_probes; i++)
    self->probes[i] = self->probes[i + 1];
  self->probing = FALSE;
  self->bytes = self->packets = 0;
}

/**
 * mesh_pace_padding:
 * @next: (out): when to ask again; %G_MAXINT64 = after mesh_pace_probe()
 *
 * Returns: whether a packet of padding is to be sent now, and asked again at
 *   once
 */
gboolean
mesh_pace_padding (MeshPace *pace, gint64 now, gint64 *next)
{
  while (pace->n_probes > 0) {
    gint64 covered = (gint64) (pace->bytes * 8. / pace->probes[0].rate
        * G_USEC_PER_SEC);

    if (!pace->probing) {
      pace->probing = TRUE;
      pace->began_at = now;
    }
    if (now - pace->began_at >= covered)
      return TRUE;
    if (covered < pace->probes[0].duration
        || pace->packets < MESH_BWE_PROBE_PACKETS) {
      *next = MAX (pace->began_at + covered, now + PROBE_GAP);
      return FALSE;
    }
    end_probe (pace);
  }
  *next = G_MAXINT64;
  return FALSE;
}
