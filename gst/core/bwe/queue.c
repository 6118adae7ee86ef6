/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How long packets wait on the path: their delay above the least of late. The
 * receiver's clock has an origin of its own, so the least delay of the last
 * seconds stands for an empty queue. The standing part of it is what even the
 * packet that waited least had to wait; a frame's own packets, which wait for
 * each other, are not in it. */

#include "core/bwe/bwe-private.h"

#include <string.h>

/* A path that has become longer is taken for a queue until its least delay was
 * forgotten, in one to two of these. libwebrtc forgets none; BBR after 10 s,
 * but it empties the queue for it. Clocks that differ by 100 ppm move by 6 ms.
 * */
#define BASE_PERIOD MS (30000)
/* Ours: a delay of which the least of each period stays the same, to so much,
 * is the path's own. A queue of ours would have moved. */
#define FLAT_PERIOD MS (200)
#define SAME MS (6)
#define LONGER MS (30)

/* Takes in a packet that arrived. */
void
mesh_bwe_queue_add (MeshBweQueue *self, gint64 sent, gint64 arrived)
{
  gint64 delay = arrived - sent;

  if (self->periods == 0 || sent - self->base_began > BASE_PERIOD) {
    self->base[1] = self->base[0];
    self->base[0] = delay;
    self->periods = MIN (self->periods + 1, 2);
    self->base_began = sent;
  }
  self->base[0] = MIN (self->base[0], delay);
  if (self->n_flat == 0 || sent - self->flat_began > FLAT_PERIOD) {
    memmove (&self->flat[1], self->flat,
        (MESH_BWE_FLATS - 1) * sizeof *self->flat);
    self->flat[0] = delay;
    self->n_flat = MIN (self->n_flat + 1, MESH_BWE_FLATS);
    self->flat_began = sent;
  }
  self->flat[0] = MIN (self->flat[0], delay);
  self->report_least = self->n > 0 ? MIN (self->report_least, delay) : delay;
  self->sum += delay;
  self->n++;
}

static gint64
base_delay (const MeshBweQueue *self)
{
  return self->periods == 2 ? MIN (self->base[0], self->base[1])
      : self->base[0];
}

/* To be called at the end of a report. */
void
mesh_bwe_queue_update (MeshBweQueue *self)
{
  gint64 least = self->report_least;

  if (self->n == 0)
    return;
  memmove (&self->least[1], self->least,
      (MESH_BWE_LEASTS - 1) * sizeof *self->least);
  self->least[0] = least;
  for (guint i = 1; i < MESH_BWE_LEASTS; i++)
    least = MIN (least, self->least[i]);
  self->delay = self->sum / self->n - base_delay (self);
  self->standing = MAX (least - base_delay (self), 0);
  self->sum = self->n = 0;
}

/* Whether the delay has been the same for more than a second, and more than
 * when the path was empty. */
gboolean
mesh_bwe_queue_is_flat (const MeshBweQueue *self)
{
  gint64 least = self->flat[1], most = self->flat[1];

  for (guint i = 2; i < MESH_BWE_FLATS; i++) {
    least = MIN (least, self->flat[i]);
    most = MAX (most, self->flat[i]);
  }
  return self->n_flat == MESH_BWE_FLATS && most - least < SAME
      && least - base_delay (self) > LONGER;
}

/* The path is longer than it was: the delay of now is that of an empty queue.
 * */
void
mesh_bwe_queue_rebase (MeshBweQueue *self)
{
  self->delay -= self->standing;
  self->base[0] += self->standing;
  self->base[1] = self->base[0];
  self->standing = 0;
}
