/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Probes: for a few milliseconds more is sent than the estimate, and the rate
 * at which that arrives tells what the path takes, long before a rate that
 * grows by a few percent a second would. */

#include "core/bwe/bwe-private.h"

/* libwebrtc, probe_bitrate_estimator.cc: kMinReceivedProbesRatio,
 * kMaxProbeInterval, kMaxValidRatio, kMinRatioForUnsaturatedLink,
 * kTargetUtilizationFraction; the fourth of five packets follows from the
 * first */
#define LEAST_ARRIVED .8
#define LONGEST G_USEC_PER_SEC
#define MOST_COMPRESSED 2.
#define UNSATURATED .9
#define OF_SATURATED .95
/* probe_controller.cc: kMaxWaitingTimeForProbingResult */
#define PATIENCE G_USEC_PER_SEC

/* Returns the number of a new probe at @rate. */
guint
mesh_bwe_prober_ask (MeshBweProber *self, double rate, gint64 now)
{
  guint id = ++self->last_id ? self->last_id : ++self->last_id;

  self->probes[id % MESH_BWE_PROBES] = (MeshBweProbe) {
    .id = id, .rate = rate, .asked_at = now };
  self->asked_at = now;
  return id;
}

/* Takes in a packet of a report, be it part of a probe or not. */
void
mesh_bwe_prober_add (MeshBweProber *self, const MeshBwePacket *packet)
{
  MeshBweProbe *probe = &self->probes[packet->probe % MESH_BWE_PROBES];

  if (packet->probe == 0 || probe->id != packet->probe)
    return;
  if (packet->arrived_at == MESH_BWE_LOST) {
    probe->lost++;
    return;
  }
  if (probe->packets == 0) {
    probe->first_sent = probe->last_sent = packet->sent_at;
    probe->first_arrived = probe->last_arrived = packet->arrived_at;
    probe->first_size = packet->size;
  }
  if (packet->sent_at >= probe->last_sent) {
    probe->last_sent = packet->sent_at;
    probe->last_size = packet->size;
  }
  probe->last_arrived = MAX (probe->last_arrived, packet->arrived_at);
  probe->bytes += packet->size;
  probe->packets++;
}

/* 0: the probe tells nothing. The last packet's own time at the sender, and the
 * first one's at the receiver, lie outside of what was measured. Where these two
 * differ in size, as when one is of sound, the rates differ though the packets
 * came as they went; so it is their times that tell a full path. A frame that
 * fell into the probe went at a rate of its own, which nobody asked for. */
static double
measure (const MeshBweProbe *probe, gboolean *saturated)
{
  gint64 sending = probe->last_sent - probe->first_sent;
  gint64 arriving = probe->last_arrived - probe->first_arrived;
  double sent, arrived;

  if (probe->packets < LEAST_ARRIVED * MESH_BWE_PROBE_PACKETS
      || probe->packets < LEAST_ARRIVED * (probe->packets + probe->lost)
      || sending <= 0 || sending > LONGEST || arriving <= 0
      || arriving > LONGEST)
    return 0;
  sent = (probe->bytes - probe->last_size) * 8. / SECONDS (sending);
  arrived = (probe->bytes - probe->first_size) * 8. / SECONDS (arriving);
  if (arrived > MOST_COMPRESSED * sent)
    return 0;
  sent = MIN (sent, probe->rate);
  *saturated = sending < UNSATURATED * arriving && arrived < sent;
  return *saturated ? OF_SATURATED * arrived
      : sent * MIN ((double) sending / arriving, 1);
}

/* Returns the best that probes have shown which are over by now, at which rate
 * they asked in @probed, and in @saturated whether more was sent than arrived
 * at once; 0: none is over, or none tells anything. To be called at the end of
 * each report, and from time to time. */
double
mesh_bwe_prober_result (MeshBweProber *self, gint64 now, double *probed,
    gboolean *saturated)
{
  double best = 0;

  for (guint i = 0; i < MESH_BWE_PROBES; i++) {
    MeshBweProbe *probe = &self->probes[i];
    gboolean full = FALSE;
    double result;

    if (probe->id == 0)
      continue;
    /* A probe's end shows only in that no more of it comes: its bytes are all
     * there, or it has had its time. */
    if (now - probe->asked_at < PATIENCE
        && (probe->packets + probe->lost < MESH_BWE_PROBE_PACKETS
            || probe->bytes * 8. < LEAST_ARRIVED * probe->rate
                * SECONDS (MESH_BWE_PROBE_LENGTH)))
      continue;
    result = measure (probe, &full);
    if (result > best) {
      best = result;
      *probed = probe->rate;
      *saturated = full;
    }
    probe->id = 0;
  }
  return best;
}

/* Whether a probe is still out. */
gboolean
mesh_bwe_prober_is_waiting (MeshBweProber *self)
{
  for (guint i = 0; i < MESH_BWE_PROBES; i++) {
    if (self->probes[i].id != 0)
      return TRUE;
  }
  return FALSE;
}
