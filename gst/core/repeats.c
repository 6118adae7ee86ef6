/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/repeats.h"

#define MS(ms) ((gint64) (ms) * 1000)

/* Ours: the share of what is sent in all, counted in packets of usual length. A
 * few may always go. */
#define SHARE .25
#define BITS (8. * MESH_REPEATED_SIZE)
#define LEAST (8 * BITS)
/* Ours: the same packet goes again after three quarters of a round trip, within
 * these bounds. */
#define LEAST_AGAIN MS (20)
#define MOST_AGAIN MS (300)
/* Ours: from this share of losses on, while the path is clear, each repetition
 * goes twice, so that a picture seldom waits for another round trip. The second
 * one follows after such a time, since losses come in bursts. */
#define COPIED_FROM .01
#define COPY_AFTER MS (15)

/**
 * mesh_repeats_init:
 * @repeats: (out caller-allocates): what was repeated to a peer: nothing yet
 */
void
mesh_repeats_init (MeshRepeats *repeats, gint64 now)
{
  *repeats = (MeshRepeats) { .budget = LEAST, .budget_at = now };
}

/* A peer that hears nothing asks again before the answer can have come. */
static gboolean
was_just_answered (const MeshRepeats *self, guint16 seqnum, gint64 rtt,
    gint64 now)
{
  gint64 again = CLAMP (rtt * 3 / 4, LEAST_AGAIN, MOST_AGAIN);

  for (guint i = 0; i < MIN (self->n_answers, MESH_REPEATS); i++) {
    if (self->answers[i].seqnum == seqnum && now - self->answers[i].at < again)
      return TRUE;
  }
  return FALSE;
}

static gboolean
spend (MeshRepeats *self, guint64 rate, gint64 now)
{
  double bits = SHARE * (double) rate;
  double earned = bits * (double) (now - self->budget_at) / G_USEC_PER_SEC;

  self->budget = MIN (self->budget + earned, MAX (bits / 2, LEAST));
  self->budget_at = now;
  if (self->budget <= 0)
    return FALSE;
  self->budget -= BITS;
  return TRUE;
}

/**
 * mesh_repeats_may:
 * @seqnum: the sequence number of a packet that the peer asks for once more
 * @rate: what may be sent to the peer in all, bit/s
 * @path: what is known of the path
 *
 * What is lost on a path that is full would fill it further if all of it were
 * repeated.
 *
 * Returns: whether the packet is to be sent once more now
 */
gboolean
mesh_repeats_may (MeshRepeats *repeats, guint16 seqnum, guint64 rate,
    const MeshBweFigures *path, gint64 now)
{
  guint i = repeats->n_answers % MESH_REPEATS;

  if (was_just_answered (repeats, seqnum, path->rtt, now)
      || !spend (repeats, rate, now))
    return FALSE;
  repeats->answers[i].seqnum = seqnum;
  repeats->answers[i].at = now;
  repeats->n_answers++;
  return TRUE;
}

/**
 * mesh_repeats_plan_copy:
 * @seqnum: the sequence number of a packet that is sent once more now
 * @rate: as for mesh_repeats_may()
 * @path: as for mesh_repeats_may()
 *
 * Has the packet repeated a second time, if the path calls for it.
 *
 * Returns: whether mesh_repeats_take_copy() has something to wait for that it
 *   had not before
 */
gboolean
mesh_repeats_plan_copy (MeshRepeats *repeats, guint16 seqnum, guint64 rate,
    const MeshBweFigures *path, gint64 now)
{
  guint waiting = repeats->n_copies - repeats->n_copied;
  guint i = repeats->n_copies % MESH_REPEATS;

  if (path->loss < COPIED_FROM || path->state != MESH_BWE_CLEAR
      || waiting == MESH_REPEATS || !spend (repeats, rate, now))
    return FALSE;
  repeats->copies[i].seqnum = seqnum;
  repeats->copies[i].due = now + COPY_AFTER;
  repeats->n_copies++;
  return waiting == 0;
}

/**
 * mesh_repeats_take_copy:
 * @seqnum: (out): the sequence number of a packet whose second repetition is
 *   due
 * @next: (inout): is lowered to when the next one is due
 *
 * Returns: whether one is due, after which the function is to be called again
 *   at once
 */
gboolean
mesh_repeats_take_copy (MeshRepeats *repeats, guint16 *seqnum, gint64 now,
    gint64 *next)
{
  guint i = repeats->n_copied % MESH_REPEATS;

  if (repeats->n_copied == repeats->n_copies)
    return FALSE;
  if (repeats->copies[i].due > now) {
    *next = MIN (*next, repeats->copies[i].due);
    return FALSE;
  }
  *seqnum = repeats->copies[i].seqnum;
  repeats->n_copied++;
  return TRUE;
}
