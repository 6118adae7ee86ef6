/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The calculation of a bad link (link.h), and the profiles of links. */

#include "link.h"

#include <math.h>
#include <string.h>

/* The additional delay of a packet that others overtake. */
#define LATE_MS 30
#define SPIKE_PERIOD (30 * G_TIME_SPAN_SECOND)
#define SPIKE_BEGIN (10 * G_TIME_SPAN_SECOND)
#define SPIKE_END (20 * G_TIME_SPAN_SECOND)

/* The figures are those of other projects' tests of calls: `moderate`,
 * `international`, `spiky` and the rates are from RingRTC's call simulator,
 * `wifi` to `satellite` from str0m, `thin` from libwebrtc. */
static const LinkProfile profiles[] = {
  { .name = "clean" },
  { .name = "moderate", .delay_ms = 100, .jitter_ms = 25, .heavy_tail = TRUE,
    .loss = 0.05 },
  { .name = "international", .delay_ms = 250, .jitter_ms = 100, .to_bad = 0.03,
    .to_good = 0.25, .burst_loss = 1, .duplicate = 0.02, .reorder = 0.05,
    .kbit = 300, .queue_bytes = 250 * 1200 },
  { .name = "spiky", .delay_ms = 50, .spike_loss = 0.3 },
  { .name = "wifi", .delay_ms = 5, .jitter_ms = 2, .loss = 0.01 },
  { .name = "lossy", .delay_ms = 15, .jitter_ms = 10, .loss = 0.05 },
  { .name = "congested", .delay_ms = 10, .jitter_ms = 20, .to_bad = 0.02,
    .to_good = 0.3, .loss = 0.04, .burst_loss = 1, .kbit = 5000,
    .queue_bytes = 30000 },
  { .name = "cellular", .delay_ms = 50, .jitter_ms = 15, .loss = 0.02 },
  { .name = "satellite", .delay_ms = 600, .jitter_ms = 30, .loss = 0.03 },
  { .name = "thin", .delay_ms = 50, .kbit = 500, .queue_bytes = 30000 },
  { .name = "loss-10", .delay_ms = 20, .loss = 0.1 },
  { .name = "loss-20", .delay_ms = 20, .loss = 0.2 },
  { .name = "loss-30", .delay_ms = 20, .loss = 0.3 },
  { .name = "rate-300", .delay_ms = 20, .kbit = 300, .queue_bytes = 30000 },
  { .name = "rate-100", .delay_ms = 20, .kbit = 100, .queue_bytes = 15000 },
  { .name = "dead", .loss = 1 },
};

struct _Link {
  const LinkProfile *profile;
  GRand *rand;
  gboolean bad;                 /* in a burst of losses */
  gint64 began_at;              /* the first packet; -1: none yet */
  const LinkStep *steps;        /* in place of the profile's rate */
  guint n_steps;
  gint64 busy_until;            /* when the last bit in the queue goes out */
  double tokens;                /* bytes that a policer would let through */
  gint64 tokens_at;
  gint64 last_out;              /* packets come out no earlier, for order */
};

/**
 * link_get_profiles:
 * @n: (out): how many there are
 *
 * Returns: (transfer none): all profiles
 */
const LinkProfile *
link_get_profiles (guint *n)
{
  *n = G_N_ELEMENTS (profiles);
  return profiles;
}

/**
 * link_find_profile:
 * @name: a name
 *
 * Returns: (transfer none) (nullable): the profile of that name
 */
const LinkProfile *
link_find_profile (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (profiles); i++) {
    if (g_str_equal (profiles[i].name, name))
      return &profiles[i];
  }
  return NULL;
}

/**
 * link_new:
 * @profile: what the link is like
 * @seed: for the random numbers
 *
 * Returns: (transfer full): one direction of a link
 */
Link *
link_new (const LinkProfile *profile, guint32 seed)
{
  Link *self = g_new0 (Link, 1);

  self->profile = profile;
  self->rand = g_rand_new_with_seed (seed);
  self->began_at = -1;
  return self;
}

/**
 * link_set_profile:
 * @link: a link
 * @profile: what it is like from now on
 */
void
link_set_profile (Link *link, const LinkProfile *profile)
{
  link->profile = profile;
  link->bad = FALSE;
}

/* Every packet takes the same number of random numbers, so that its fate does
 * not depend on that of earlier packets. */
static gboolean
happens (Link *self, double chance)
{
  return g_rand_double (self->rand) < chance;
}

static gboolean
is_lost (Link *self, gint64 now)
{
  const LinkProfile *p = self->profile;
  gint64 phase = (now - self->began_at) % SPIKE_PERIOD;
  double chance = self->bad ? p->burst_loss : p->loss;

  if (phase >= SPIKE_BEGIN && phase < SPIKE_END)
    chance = MAX (chance, p->spike_loss);
  if (happens (self, self->bad ? p->to_good : p->to_bad))
    self->bad = !self->bad;
  return happens (self, chance);
}

/* Returns: a random number with mean 0 and standard deviation 1 */
static double
deviation (Link *self)
{
  double u = 1 - g_rand_double (self->rand);
  double v = g_rand_double (self->rand);

  /* Pareto with exponent 3: mean 3/2, variance 3/4 */
  if (self->profile->heavy_tail)
    return MIN ((pow (u, -1. / 3) - 1.5) / sqrt (0.75), 10);
  return sqrt (-2 * log (u)) * cos (2 * G_PI * v);
}

/* The limit at a time, and until when it is the same. */
static guint
rate_at (const Link *self, gint64 at, gint64 *until)
{
  guint kbit = self->n_steps > 0 ? self->steps[0].kbit : self->profile->kbit;

  *until = G_MAXINT64;
  for (guint i = 1; i < self->n_steps; i++) {
    if (self->steps[i].at > at) {
      *until = self->steps[i].at;
      break;
    }
    kbit = self->steps[i].kbit;
  }
  return kbit;
}

/* When the last bit is out of what begins to go out at @start; -1: never. */
static gint64
finish (const Link *self, gsize bytes, gint64 start)
{
  double bits = bytes * 8.;

  for (;;) {
    gint64 until;
    guint kbit = rate_at (self, start, &until);
    double room = kbit * ((double) until - start) / 1000;

    if (bits <= room)
      return start + (gint64) (bits * 1000 / kbit);
    if (until == G_MAXINT64)
      return -1;
    bits -= room;
    start = until;
  }
}

/* Whether a policer lets a packet through. */
static gboolean
is_within (Link *self, gsize bytes, gint64 now)
{
  gint64 until;

  self->tokens += rate_at (self, now, &until) * (now - self->tokens_at) / 8000.;
  self->tokens = MIN (self->tokens, self->profile->queue_bytes);
  self->tokens_at = now;
  if (self->tokens < bytes)
    return FALSE;
  self->tokens -= bytes;
  return TRUE;
}

/* Returns: when the packet's last bit goes out, -1 if the queue is full */
static gint64
transmit (Link *self, gsize bytes, gint64 now)
{
  const LinkProfile *p = self->profile;
  gint64 start = MAX (now, self->busy_until), until, out;
  guint kbit = rate_at (self, start, &until);

  if (p->policed)
    return is_within (self, bytes, now) ? now : -1;
  if (kbit == 0 && self->n_steps == 0)
    return now;
  if (p->queue_ms > 0 ? start - now > p->queue_ms * 1000
      : (double) (start - now) * kbit / 8000 + bytes > p->queue_bytes)
    return -1;
  out = finish (self, bytes, start);
  if (out >= 0)
    self->busy_until = out;
  return out;
}

/**
 * link_set_schedule:
 * @link: a link
 * @steps: (array length=n) (transfer none): capacities by time, the first from
 *   the beginning; they must outlive the link
 * @n: how many there are; 0 = the profile's limit
 */
void
link_set_schedule (Link *link, const LinkStep *steps, guint n)
{
  link->steps = steps;
  link->n_steps = n;
}

/**
 * link_get_kbit:
 * @link: a link
 * @at: a time
 *
 * Returns: the capacity at that time, in bits a millisecond; 0 = no limit, or
 *   with a schedule, that nothing goes out
 */
guint
link_get_kbit (Link *link, gint64 at)
{
  gint64 until;

  return rate_at (link, at, &until);
}

/**
 * link_get_queue:
 * @link: a link
 * @now: the time
 *
 * Returns: how long a packet that was pushed now would wait for its turn, in
 *   microseconds
 */
gint64
link_get_queue (Link *link, gint64 now)
{
  return MAX (link->busy_until - now, 0);
}

/**
 * link_push:
 * @link: a link
 * @bytes: the length of a packet
 * @now: when it goes in, in microseconds of a monotonic clock
 * @times: (out): when the first and the second copy come out
 *
 * Returns: the number of copies that come out: 0, 1 or 2
 */
guint
link_push (Link *link, gsize bytes, gint64 now, gint64 times[2])
{
  const LinkProfile *p = link->profile;
  gboolean lost, twice, late;
  double delay;
  gint64 sent;

  if (link->began_at < 0)
    link->began_at = now;
  lost = is_lost (link, now);
  twice = happens (link, p->duplicate);
  late = happens (link, p->reorder);
  delay = MAX (p->delay_ms + p->jitter_ms * deviation (link), 0);
  sent = transmit (link, bytes, now);
  if (lost || sent < 0)
    return 0;
  times[0] = MAX (sent + (gint64) (delay * 1000), link->last_out);
  if (late)
    times[0] += LATE_MS * 1000;
  else
    link->last_out = times[0];
  times[1] = times[0];
  return twice ? 2 : 1;
}

/**
 * link_free:
 * @link: (nullable) (transfer full): a link
 */
void
link_free (Link *link)
{
  if (!link)
    return;
  g_rand_free (link->rand);
  g_free (link);
}
