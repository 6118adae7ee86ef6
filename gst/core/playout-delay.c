/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/playout-delay.h"

#include <stdlib.h>

#define SLOT (250 * G_TIME_SPAN_MILLISECOND)

/* Until enough packets have come to judge by. */
#define FIRST (40 * G_TIME_SPAN_MILLISECOND)

/* What a sink may need beyond what is measured. */
#define MARGIN (3 * G_TIME_SPAN_MILLISECOND)

/* A conversation is not possible with more, and a jitterbuffer takes packets
 * that are a second late for a new stream. */
#define MOST (900 * G_TIME_SPAN_MILLISECOND)

/* In a second the delay falls by this much: sound that is 2 % faster is not
 * noticed. What is left of a long hold-up falls faster, by a tenth of it in a
 * second, since a conversation suffers from the delay by more. */
#define FALL (20 * G_TIME_SPAN_MILLISECOND)
#define PART 10

/* It falls in steps of this time, since less would be lost in rounding. */
#define GRAIN (5 * G_TIME_SPAN_MILLISECOND)

/* How long a repair counts. */
#define MEMORY (10 * G_TIME_SPAN_SECOND)

/* Returns: the peak of the slot of @now, those in between being empty */
static gint64 *
get_slot (MeshPlayoutPeaks *self, gint64 now)
{
  gint64 slot = now / SLOT;
  gint64 n = CLAMP (slot - self->slot, 0, MESH_PLAYOUT_SLOTS);

  for (gint64 i = 0; i < n; i++)
    self->worst[(slot - i) % MESH_PLAYOUT_SLOTS] = 0;
  self->slot = MAX (self->slot, slot);
  return &self->worst[self->slot % MESH_PLAYOUT_SLOTS];
}

static void
take (MeshPlayoutPeaks *self, gint64 value, gint64 now)
{
  gint64 *worst = get_slot (self, now);

  *worst = MAX (*worst, value);
}

/* Returns: the third largest peak */
static gint64
get_peak (MeshPlayoutPeaks *self, gint64 now)
{
  gint64 top[3] = { 0, };

  get_slot (self, now);
  for (guint i = 0; i < MESH_PLAYOUT_SLOTS; i++) {
    gint64 value = self->worst[i];

    for (guint k = 0; k < G_N_ELEMENTS (top); k++) {
      gint64 smaller = MIN (value, top[k]);

      top[k] = MAX (value, top[k]);
      value = smaller;
    }
  }
  return top[2];
}

/**
 * mesh_playout_delay_init:
 * @least: the least delay
 */
void
mesh_playout_delay_init (MeshPlayoutDelay *delay, gint64 least)
{
  *delay = (MeshPlayoutDelay) {
    .least = least,
    .delay = MAX (least, FIRST),
  };
}

/**
 * mesh_playout_delay_take_late:
 * @late: by how much later than the earliest possible a packet has come
 */
void
mesh_playout_delay_take_late (MeshPlayoutDelay *delay, gint64 late, gint64 now)
{
  take (&delay->network, late, now);
}

/**
 * mesh_playout_delay_take_repair:
 * @late: as mesh_playout_delay_take_late(), of a packet that was lost at first
 */
void
mesh_playout_delay_take_repair (MeshPlayoutDelay *delay, gint64 late,
    gint64 now)
{
  guint i = delay->n_repairs++ % MESH_PLAYOUT_REPAIRS;

  delay->repairs[i] = late;
  delay->repaired_at[i] = now;
}

static int
compare (gconstpointer a, gconstpointer b)
{
  gint64 difference = *(const gint64 *) a - *(const gint64 *) b;

  return difference < 0 ? -1 : difference > 0;
}

/* Returns: what three quarters of the repairs need; one alone needs nothing */
static gint64
get_repair (const MeshPlayoutDelay *self, gint64 now)
{
  gint64 recent[MESH_PLAYOUT_REPAIRS];
  guint n = 0;

  for (guint i = 0; i < MIN (self->n_repairs, MESH_PLAYOUT_REPAIRS); i++) {
    if (now - self->repaired_at[i] < MEMORY)
      recent[n++] = self->repairs[i];
  }
  if (n < 2)
    return 0;
  qsort (recent, n, sizeof *recent, compare);
  return recent[(3 * n - 3) / 4];
}

/**
 * mesh_playout_delay_take_work:
 * @work: how long it took from then until a packet's sound or picture was there
 */
void
mesh_playout_delay_take_work (MeshPlayoutDelay *delay, gint64 work, gint64 now)
{
  take (&delay->machine, work, now);
}

/**
 * mesh_playout_delay_get:
 * Returns: the delay now
 */
gint64
mesh_playout_delay_get (MeshPlayoutDelay *self, gint64 now)
{
  gint64 wanted = MAX (get_peak (&self->network, now), get_repair (self, now))
      + get_peak (&self->machine, now) + MARGIN;
  gint64 elapsed = self->at > 0 ? now - self->at : 0;
  gint64 fall;

  wanted = CLAMP (wanted, self->least, MAX (self->least, MOST));
  if (self->at > 0 && elapsed < GRAIN && wanted <= self->delay)
    return self->delay;
  fall = MAX (FALL, (self->delay - wanted) / PART) * elapsed
      / G_TIME_SPAN_SECOND;
  self->delay = MAX (wanted, self->delay - fall);
  self->at = now;
  return self->delay;
}
