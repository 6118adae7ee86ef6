/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One direction of a bad link, as a calculation: packets go in, and the times
 * at which they come out again, if they do. No clock, no socket; the same
 * seed and the same packets give the same link. */

/**
 * LinkProfile:
 * @name: what it is called
 * @delay_ms: one way
 * @jitter_ms: standard deviation of the delay. Packets stay in order
 * @heavy_tail: whether the delay is Pareto distributed, rather than normally
 * @to_bad: chance that, after a packet, losses begin (Gilbert and Elliott's
 *   model)
 * @to_good: chance that they end again; 1 / @to_good packets is a burst's mean
 *   length
 * @loss: of packets between bursts
 * @burst_loss: of packets in bursts
 * @spike_loss: of all packets, from second 10 to 20 of every 30
 * @duplicate: packets that come twice
 * @reorder: packets that those after them overtake
 * @kbit: bits a millisecond; 0 = no limit
 * @queue_bytes: what may wait for its turn, where there is a limit
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
} LinkProfile;

typedef struct _Link Link;

const LinkProfile *link_find_profile (const char *name);
const LinkProfile *link_get_profiles (guint *n);
Link *link_new (const LinkProfile *profile, guint32 seed);
void link_set_profile (Link *link, const LinkProfile *profile);
guint link_push (Link *link, gsize bytes, gint64 now, gint64 times[2]);
void link_free (Link *link);

G_END_DECLS
