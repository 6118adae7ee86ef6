/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One direction of a bad link, as a calculation: for each packet that goes in,
 * it gives the times at which the packet comes out, if any. It uses no clock
 * and no socket; the same seed and the same packets give the same times. */

/**
 * LinkProfile:
 * @name: the profile's name
 * @delay_ms: delay in one direction
 * @jitter_ms: standard deviation of the delay. Packets stay in order
 * @heavy_tail: whether the delay is Pareto distributed, rather than normally
 * @to_bad: probability that a burst of losses begins after a packet (Gilbert
 *   and Elliott's model)
 * @to_good: probability that the burst ends after a packet; its mean length is
 *   1 / @to_good packets
 * @loss: share of lost packets between bursts
 * @burst_loss: share of lost packets in bursts
 * @spike_loss: share of all packets lost from second 10 to 20 of every 30
 * @duplicate: share of packets that come twice
 * @reorder: share of packets that later ones overtake
 * @kbit: the rate in kbit/s; 0 = no limit
 * @queue_bytes: the size of the queue, where there is a limit
 * @queue_ms: how long a packet may wait in the queue, in place of @queue_bytes;
 *   0 = @queue_bytes is the limit
 * @policed: there is no queue: packets above the rate are dropped, but for
 *   @queue_bytes at once (a token bucket)
 */
typedef struct {
  const char *name;
  double delay_ms;
  double jitter_ms;
  gboolean heavy_tail;
  double to_bad;
  double to_good;
  double loss;
  double burst_loss;
  double spike_loss;
  double duplicate;
  double reorder;
  guint kbit;
  guint queue_bytes;
  guint queue_ms;
  gboolean policed;
} LinkProfile;

/**
 * LinkStep:
 * @at: a time, by the clock of link_push()
 * @kbit: bits a millisecond from then on; 0 = nothing goes out
 *
 * One step of a capacity that changes, also for what is queued by then.
 */
typedef struct {
  gint64 at;
  guint kbit;
} LinkStep;

typedef struct _Link Link;

const LinkProfile *link_find_profile (const char *name);
const LinkProfile *link_get_profiles (guint *n);
Link *link_new (const LinkProfile *profile, guint32 seed);
void link_set_profile (Link *link, const LinkProfile *profile);
void link_set_schedule (Link *link, const LinkStep *steps, guint n);
guint link_get_kbit (Link *link, gint64 at);
gint64 link_get_queue (Link *link, gint64 now);
guint link_push (Link *link, gsize bytes, gint64 now, gint64 times[2]);
void link_free (Link *link);

G_END_DECLS
