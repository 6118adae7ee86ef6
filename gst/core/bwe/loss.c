/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The rate that keeps losses low. Packets are lost for two reasons: the path is
 * full, so that less would be lost at a lower rate; or the path is bad, and
 * just as much is lost at any rate (the inherent loss), so that sending less
 * would help nobody. The last seconds, window by window, are held against both,
 * and the one that explains them better by far is believed (the idea of
 * libwebrtc, loss_based_bwe_v2.cc, which fits both in one). Where the rate was
 * the same all the time neither can be told from the other: then the rate is
 * lowered, as before there was such a test, and the next windows tell. */

#include "core/bwe/bwe-private.h"

#include <math.h>

/* libwebrtc, loss_based_bwe_v2.cc: observation_duration_lower_bound,
 * temporal_weight_factor */
#define WINDOW MS (250)
#define WEIGHT .9
/* Below, a window tells little: at 5 % one packet more or less is lost. */
#define WINDOW_PACKETS 20
/* draft-ietf-rmcat-gcc-02, section 6: below the first nothing is done, above
 * the second the rate is lowered by half the loss, once in 300 ms and a round
 * trip (libwebrtc, send_side_bandwidth_estimation.cc, kBweDecreaseInterval).
 * The first is 2 % there, about which a loss of 2 % varies. */
#define LITTLE .025
#define MUCH .1
#define OF_LOSS .5
#define PAUSE MS (300)
#define GROWTH_A_SECOND 1.05
/* How much better one reason must explain what was seen, in natural logarithms
 * of likelihood: 4 is a chance of 1 in 55, and losses that come in bursts of
 * four count as four. */
#define EVIDENCE 12.
/* How long the rate is held before it is lowered to find out. */
#define HOLD_BEFORE_TRIAL MS (2000)
#define TRIAL .85
/* How far below the capacity a rate is to stay, whose frames vary. */
#define BELOW_CAPACITY .88
/* How far the loss of the last second varies by itself, of the inherent one,
 * and how quickly less inherent loss is believed, a window. */
#define NOISE .5
#define FORGET .05
/* The steps by which a full path's capacity is looked for, below the highest
 * rate that was sent. */
#define STEPS 24
#define STEP .95
/* No model is so sure that one packet refutes it. */
#define LEAST_CHANCE .003
#define GREATEST_CHANCE .95
/* How many windows the loss of the last second is taken from. */
#define RECENT 4
/* libwebrtc, loss_based_bwe_v2.cc: bandwidth_rampup_upper_bound_factor */
#define RAMP 1.5

typedef struct {
  double chance;                /* of the best constant loss */
  double constant;              /* likelihood of it */
  double full;                  /* likelihood of the best capacity */
  double capacity;
} Explanations;

/* Sets up a controller that has seen nothing. @start is the rate that is sent
 * without knowing anything. */
void
mesh_bwe_loss_init (MeshBweLoss *self, double start)
{
  *self = (MeshBweLoss) { .limit = G_MAXDOUBLE, .start = start };
}

static MeshBweLossWindow *
get_window (MeshBweLoss *self, guint age)
{
  return &self->windows[(self->n - 1 - age) % MESH_BWE_LOSS_WINDOWS];
}

static guint
count_windows (const MeshBweLoss *self)
{
  return MIN (self->n, MESH_BWE_LOSS_WINDOWS);
}

/* Takes in a packet of a report. */
void
mesh_bwe_loss_add (MeshBweLoss *self, const MeshBwePacket *packet)
{
  MeshBweLossWindow *current = &self->current;
  gint64 length = packet->sent_at - self->began_sent;

  if (current->sent >= WINDOW_PACKETS && length >= WINDOW) {
    current->rate /= SECONDS (length);
    self->n++;
    *get_window (self, 0) = *current;
    *current = (MeshBweLossWindow) { 0 };
  }
  if (current->sent == 0)
    self->began_sent = packet->sent_at;
  current->rate += packet->size * 8.;
  current->sent++;
  current->lost += packet->arrived_at == MESH_BWE_LOST;
}

/* Of the last @n windows, where the latest count most. */
static double
mean_loss (MeshBweLoss *self, guint n, double factor)
{
  double sent = 0, lost = 0, weight = 1;

  for (guint i = 0; i < MIN (n, count_windows (self)); i++) {
    sent += weight * get_window (self, i)->sent;
    lost += weight * get_window (self, i)->lost;
    weight *= factor;
  }
  return sent > 0 ? lost / sent : 0;
}

/* How likely it is that so much is lost, where @inherent is lost at any rate,
 * and all that is above @capacity. */
static double
likelihood (MeshBweLoss *self, double inherent, double capacity)
{
  double sum = 0, weight = 1;

  for (guint i = 0; i < count_windows (self); i++) {
    const MeshBweLossWindow *w = get_window (self, i);
    double above = w->rate > capacity ? 1 - capacity / w->rate : 0;
    double chance = CLAMP (inherent + (1 - inherent) * above, LEAST_CHANCE,
        GREATEST_CHANCE);

    sum += weight * (w->lost * log (chance)
        + (w->sent - w->lost) * log (1 - chance));
    weight *= WEIGHT;
  }
  return sum;
}

static void
explain (MeshBweLoss *self, Explanations *found)
{
  double capacity = 0;

  for (guint i = 0; i < count_windows (self); i++)
    capacity = MAX (capacity, get_window (self, i)->rate);
  found->chance = mean_loss (self, MESH_BWE_LOSS_WINDOWS, WEIGHT);
  found->constant = likelihood (self, found->chance, G_MAXDOUBLE);
  found->full = -G_MAXDOUBLE;
  for (guint i = 0; i < STEPS; i++) {
    double value = likelihood (self, MIN (self->inherent, found->chance),
        capacity);

    if (value > found->full) {
      found->full = value;
      found->capacity = capacity;
    }
    capacity *= STEP;
  }
}

static void
limit_to (MeshBweLoss *self, double rate, gint64 now)
{
  if (rate < self->limit) {
    self->limit = rate;
    self->limited_at = now;
  }
}

/* Neither reason is the better one: by the loss alone. At low rates a single
 * burst of losses is a large part of a window, and a picture would stand for a
 * mere guess: the rate is not lowered below that at which all paths begin. */
static void
lower_by_loss (MeshBweLoss *self, double excess, double rate, gint64 rtt,
    gint64 now)
{
  gint64 passed = now - self->limited_at;

  if (rate <= self->start)
    return;
  if (excess > MUCH && (self->limit == G_MAXDOUBLE || passed >= PAUSE + rtt))
    limit_to (self, MAX (rate * (1 - OF_LOSS * excess), self->start), now);
  else if (self->limit == G_MAXDOUBLE)
    limit_to (self, rate, now);
  else if (passed > HOLD_BEFORE_TRIAL)
    limit_to (self, MAX (rate * TRIAL, self->start), now);
}

/* Sets the limit anew, after the packets of a report were added. @rate is the
 * target so far. While packets wait (@queued), losses are the queue's that is
 * too short for them, and the delay says what to do. */
void
mesh_bwe_loss_update (MeshBweLoss *self, double rate, gboolean queued,
    gint64 rtt, gint64 now)
{
  Explanations found = { 0 };
  double recent, excess;

  if (self->n == self->judged)
    return;
  if (queued) {
    self->loss = get_window (self, 0)->lost / get_window (self, 0)->sent;
    self->n = self->judged;
    return;
  }
  self->judged = self->n;
  recent = mean_loss (self, RECENT, 1);
  self->loss = mean_loss (self, MESH_BWE_LOSS_WINDOWS, WEIGHT);
  if (self->loss < self->inherent)
    self->inherent += FORGET * (self->loss - self->inherent);
  excess = recent - self->inherent;
  if (excess < LITTLE + NOISE * self->inherent) {
    if (self->limit < G_MAXDOUBLE)
      self->limit *= pow (GROWTH_A_SECOND,
          MIN (SECONDS (now - self->limited_at), 1));
    self->limited_at = now;
    if (self->limit > RAMP * rate)
      self->limit = G_MAXDOUBLE;
    return;
  }
  explain (self, &found);
  rate = MIN (rate, MAX (RAMP * get_window (self, 0)->rate, self->start));
  if (found.full > found.constant + EVIDENCE) {
    limit_to (self, BELOW_CAPACITY * found.capacity, now);
  } else if (found.constant > found.full + EVIDENCE) {
    self->inherent = found.chance;
    self->limit = G_MAXDOUBLE;
  } else {
    lower_by_loss (self, excess, rate, rtt, now);
  }
}
