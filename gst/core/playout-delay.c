/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/playout-delay.h"

#include <stdlib.h>
#include <string.h>

#define SLOT (100 * G_TIME_SPAN_MILLISECOND)

/* How many of the worst peaks are left out. Sound that comes too late is lost,
 * a picture is shown late. */
#define SKIP_SOUND 2
#define SKIP_PICTURE 6

/* Until enough packets have come to judge by. */
#define FIRST (40 * G_TIME_SPAN_MILLISECOND)

/* What a sink may need beyond what is measured. */
#define MARGIN (3 * G_TIME_SPAN_MILLISECOND)

/* A conversation is not possible with more, and a jitterbuffer takes packets
 * that are a second late for a new stream. */
#define MOST (900 * G_TIME_SPAN_MILLISECOND)

/* In a second the delay falls by this much: sound that is 2 % faster is not
 * noticed. What is left of a long hold-up falls faster, by a quarter of it in a
 * second, since a conversation suffers from the delay by more. */
#define FALL (20 * G_TIME_SPAN_MILLISECOND)
#define PART 4

/* How often it is computed: each packet asks for it, and a fall over less time
 * would be lost in rounding. */
#define GRAIN (5 * G_TIME_SPAN_MILLISECOND)

/* How long a repair counts, and for how long packets must be repaired before
 * that is taken for the way of the path. */
#define MEMORY (5 * G_TIME_SPAN_SECOND)
#define SPAN (3 * G_TIME_SPAN_SECOND / 4)

/* Goes on to the slot of @now, those in between being empty. */
static void
advance (MeshPlayoutPeaks *self, gint64 now)
{
  gint64 slot = now / SLOT;
  gint64 n = CLAMP (slot - self->slot, 0, MESH_PLAYOUT_SLOTS);

  for (gint64 i = 0; i < n; i++)
    self->worst[(slot - i) % MESH_PLAYOUT_SLOTS] = 0;
  self->slot = MAX (self->slot, slot);
}

/* A value belongs where its packet should have come, not where it came: the
 * packets of a large picture, which come one after the other, are one peak. */
static void
take (MeshPlayoutPeaks *self, gint64 value, gint64 now)
{
  gint64 slot, *worst;

  advance (self, now);
  slot = CLAMP ((now - value) / SLOT,
      self->slot - MESH_PLAYOUT_SLOTS + 1, self->slot);
  if (slot < 0)
    return;
  worst = &self->worst[slot % MESH_PLAYOUT_SLOTS];
  *worst = MAX (*worst, value);
}

static int
compare (gconstpointer a, gconstpointer b)
{
  gint64 difference = *(const gint64 *) a - *(const gint64 *) b;

  return difference < 0 ? -1 : difference > 0;
}

/* Returns: the largest peak but @skip */
static gint64
get_peak (MeshPlayoutPeaks *self, guint skip, gint64 now)
{
  gint64 sorted[MESH_PLAYOUT_SLOTS];

  advance (self, now);
  memcpy (sorted, self->worst, sizeof sorted);
  qsort (sorted, MESH_PLAYOUT_SLOTS, sizeof *sorted, compare);
  return sorted[MESH_PLAYOUT_SLOTS - 1 - skip];
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
 * @kind: what the packet is of
 * @late: by how much later than the earliest possible it has come
 */
void
mesh_playout_delay_take_late (MeshPlayoutDelay *delay, MeshKind kind,
    gint64 late, gint64 now)
{
  take (&delay->network[kind], late, now);
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

/* Returns: what three quarters of the repairs need; those of a single moment,
 * such as that in which a path became too narrow, need nothing */
static gint64
get_repair (const MeshPlayoutDelay *self, gint64 now)
{
  gint64 recent[MESH_PLAYOUT_REPAIRS];
  gint64 first = G_MAXINT64, last = 0;
  guint n = 0;

  for (guint i = 0; i < MIN (self->n_repairs, MESH_PLAYOUT_REPAIRS); i++) {
    if (now - self->repaired_at[i] >= MEMORY)
      continue;
    recent[n++] = self->repairs[i];
    first = MIN (first, self->repaired_at[i]);
    last = MAX (last, self->repaired_at[i]);
  }
  if (n == 0 || last - first < SPAN)
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
  gint64 elapsed = self->at > 0 ? now - self->at : 0;
  gint64 late, wanted, fall;

  if (self->at > 0 && elapsed < GRAIN)
    return self->delay;
  late = MAX (get_peak (&self->network[MESH_AUDIO], SKIP_SOUND, now),
      get_peak (&self->network[MESH_VIDEO], SKIP_PICTURE, now));
  wanted = MAX (late, get_repair (self, now))
      + get_peak (&self->machine, SKIP_SOUND, now) + MARGIN;
  wanted = CLAMP (wanted, self->least, MAX (self->least, MOST));
  fall = MAX (FALL, (self->delay - wanted) / PART) * elapsed
      / G_TIME_SPAN_SECOND;
  self->delay = MAX (wanted, self->delay - fall);
  self->at = now;
  return self->delay;
}
