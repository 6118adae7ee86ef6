/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The clock of a scenario: a heap of what is to happen. */

#include "sim.h"

/* Times begin here, so that a time of 0 can stand for none. */
#define BEGINNING 0

typedef struct {
  gint64 at;
  guint64 serial;               /* what is due at one time stays in order */
  WorldFunc func;
  gpointer data;
  guint number;
} Event;

typedef struct {
  gpointer thing;
  GDestroyNotify destroy;
} Owned;

struct _World {
  gint64 now;
  guint64 serial;
  GArray *heap;                 /* of Event */
  GArray *owned;                /* of Owned */
  guint seeds;                  /* that were given out */
};

World *
world_new (void)
{
  World *self = g_new0 (World, 1);

  self->now = BEGINNING;
  self->heap = g_array_new (FALSE, FALSE, sizeof (Event));
  self->owned = g_array_new (FALSE, FALSE, sizeof (Owned));
  return self;
}

void
world_free (World *self)
{
  if (!self)
    return;
  for (guint i = self->owned->len; i > 0; i--) {
    Owned *owned = &g_array_index (self->owned, Owned, i - 1);

    owned->destroy (owned->thing);
  }
  g_array_unref (self->owned);
  g_array_unref (self->heap);
  g_free (self);
}

/* Has a thing freed with the world. */
void
world_own (World *self, gpointer thing, GDestroyNotify destroy)
{
  Owned owned = { thing, destroy };

  g_array_append_val (self->owned, owned);
}

gint64
world_now (World *self)
{
  return self->now;
}

static gboolean
is_before (const Event *a, const Event *b)
{
  return a->at != b->at ? a->at < b->at : a->serial < b->serial;
}

/* Calls @func at a time, after what is already due then. */
void
world_at (World *self, gint64 at, WorldFunc func, gpointer data, guint number)
{
  Event event = { MAX (at, self->now), self->serial++, func, data, number };
  guint i = self->heap->len;
  Event *heap;

  g_array_append_val (self->heap, event);
  heap = (Event *) self->heap->data;
  while (i > 0 && is_before (&event, &heap[(i - 1) / 2])) {
    heap[i] = heap[(i - 1) / 2];
    i = (i - 1) / 2;
  }
  heap[i] = event;
}

static Event
take_first (World *self)
{
  Event *heap = (Event *) self->heap->data;
  Event first = heap[0], last = heap[self->heap->len - 1];
  guint n = self->heap->len - 1, i = 0;

  g_array_set_size (self->heap, n);
  while (2 * i + 1 < n) {
    guint child = 2 * i + 1;

    if (child + 1 < n && is_before (&heap[child + 1], &heap[child]))
      child++;
    if (!is_before (&heap[child], &last))
      break;
    heap[i] = heap[child];
    i = child;
  }
  if (n > 0)
    heap[i] = last;
  return first;
}

/* Goes on until a time. */
void
world_run (World *self, gint64 until)
{
  while (self->heap->len > 0
      && g_array_index (self->heap, Event, 0).at <= until) {
    Event event = take_first (self);

    self->now = event.at;
    event.func (event.data, event.number);
  }
  self->now = until;
}

/* A seed for one more thing that has luck. */
guint32
world_seed (World *self)
{
  return scenario_seed * 1000 + ++self->seeds;
}

/* One direction of a link, which belongs to the world, as does a copy of the
 * profile; the steps must outlive it. */
Link *
world_link (World *self, const LinkProfile *profile, const LinkStep *steps,
    guint n_steps)
{
  LinkProfile *own = g_memdup2 (profile, sizeof *profile);
  Link *link = link_new (own, world_seed (self));

  world_own (self, own, g_free);
  link_set_schedule (link, steps, n_steps);
  world_own (self, link, (GDestroyNotify) link_free);
  return link;
}
