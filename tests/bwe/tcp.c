/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Somebody else's download over TCP: a window that grows until a packet is
 * lost. Reno (RFC 5681) halves it then; CUBIC (RFC 9438) takes 0.7 and comes
 * back along a cubic curve. Data is never sent again, since only its rate
 * counts. */

#include "sim.h"

#include <math.h>

#define SEGMENT 1500
#define FIRST_WINDOW 10.
#define DUPLICATES 3
#define TIMEOUT SECOND
#define CUBIC_FACTOR .7
#define CUBIC_C .4

struct _Tcp {
  World *world;
  Link *link;
  gint64 delay;                 /* of the way back */
  gboolean cubic;
  gint64 until;
  double window;                /* packets */
  double threshold;             /* of slow start */
  double most;                  /* the window at the last loss */
  gint64 lost_at;
  guint next;                   /* number of the next packet */
  guint acked;                  /* highest number, and 1 */
  guint flying;
  guint recover;                /* losses below are one event */
  gint64 acked_at;
  GArray *tenths;               /* of double: bytes that arrived */
};

static void fill (Tcp *self);

static void
lose (Tcp *self)
{
  if (self->acked < self->recover)
    return;
  self->recover = self->next;
  self->most = self->window;
  self->lost_at = world_now (self->world);
  self->window = MAX (self->window * (self->cubic ? CUBIC_FACTOR : .5), 2);
  self->threshold = self->window;
}

static void
grow (Tcp *self)
{
  double t = (world_now (self->world) - self->lost_at) / 1e6;
  double k = cbrt (self->most * (1 - CUBIC_FACTOR) / CUBIC_C);
  double wanted = CUBIC_C * pow (t - k, 3) + self->most;

  if (self->window < self->threshold)
    self->window += 1;
  else if (self->cubic && wanted > self->window + 1)
    self->window += MIN ((wanted - self->window) / self->window, .5);
  else
    self->window += 1 / self->window;
}

static void
acknowledge (gpointer data, guint number)
{
  Tcp *self = data;
  gint64 now = world_now (self->world);
  guint i = now / TENTH;

  if (i >= self->tenths->len)
    g_array_set_size (self->tenths, i + 1);
  g_array_index (self->tenths, double, i) += SEGMENT;
  self->acked_at = now;
  if (number > self->acked)
    lose (self);
  self->flying -= MIN (number + 1 - self->acked, self->flying);
  self->acked = number + 1;
  grow (self);
  fill (self);
}

static void
fill (Tcp *self)
{
  gint64 now = world_now (self->world), times[2];

  if (self->until > 0 && now >= self->until)
    return;
  while (self->flying + 1 <= self->window) {
    if (link_push (self->link, SEGMENT, now, times) > 0)
      world_at (self->world, times[0] + self->delay, acknowledge, self,
          self->next);
    self->next++;
    self->flying++;
  }
}

/* All that is out may be lost, and then no acknowledgement tells. */
static void
watch (gpointer data, guint number)
{
  Tcp *self = data;
  gint64 now = world_now (self->world);

  if (now - self->acked_at > TIMEOUT) {
    self->threshold = MAX (self->window / 2, 2);
    self->window = 1;
    self->flying = 0;
    fill (self);
  }
  if (self->until == 0 || now < self->until)
    world_at (self->world, now + TIMEOUT, watch, self, 0);
}

static void
begin (gpointer data, guint number)
{
  Tcp *self = data;

  self->acked_at = world_now (self->world);
  fill (self);
  watch (self, 0);
}

static void
tcp_free (Tcp *self)
{
  g_array_unref (self->tenths);
  g_free (self);
}

/* A download over a link, which belongs to the world. */
Tcp *
tcp_new (World *world, Link *link, gint64 delay, gboolean cubic, gint64 from,
    gint64 until)
{
  Tcp *self = g_new0 (Tcp, 1);

  self->world = world;
  self->link = link;
  self->delay = delay;
  self->cubic = cubic;
  self->until = until;
  self->window = FIRST_WINDOW;
  self->threshold = G_MAXDOUBLE;
  self->tenths = g_array_new (FALSE, TRUE, sizeof (double));
  world_own (world, self, (GDestroyNotify) tcp_free);
  world_at (world, from, begin, self, 0);
  return self;
}

/* Bits a second that arrived. */
double
tcp_rate (Tcp *self, gint64 from, gint64 to)
{
  double sum = 0;

  for (guint i = from / TENTH; i < to / TENTH && i < self->tenths->len; i++)
    sum += g_array_index (self->tenths, double, i);
  return sum * 8 * SECOND / (to - from);
}
