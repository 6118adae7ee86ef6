/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The room's budget. Each peer's estimator sees the queue of the uplink as if
 * it were its own path's, and all of them at once: that is what tells a full
 * uplink from a peer whose own path is full. And each has found out what the
 * uplink takes beside what all others get, which is not there for all of them
 * at once. */

#include "core/allot.h"

/* Ours: two peers that are pressed within this share what is full, and all
 * are given so much of what got through together. It is believed for so long,
 * and while nobody is pressed a little more is tried. */
#define TOGETHER G_USEC_PER_SEC
#define OF_ACKED .9
#define GROWTH_A_SECOND .05
#define BELIEVED (30 * G_USEC_PER_SEC)
#define MUCH_MORE 1.1
/* Ours: a target that falls to this at once (by 15 %, gst/core/bwe/aimd.c). */
#define FALLS .92

typedef enum {
  SOUND,
  SCREEN,
  PICTURE,
  N_KINDS
} Kind;

/* Whether a peer's path has become too full since the last call, or is. A target
 * that is above what arrives has been corrected, by a probe. */
static gboolean
is_pressed (const MeshAllotPeer *peer)
{
  return peer->state == MESH_BWE_CONGESTED || (peer->target < peer->acked
      && peer->target < FALLS * peer->last_target);
}

static void
look_for_limit (MeshAllot *self, MeshAllotPeer *peers, guint n, gint64 now)
{
  double acked = 0, passed = (double) (now - self->at) / G_USEC_PER_SEC;
  double beside = 0, want = 0;
  guint together = 0;
  gboolean begins = FALSE;

  self->at = now;
  for (guint i = 0; i < n; i++) {
    acked += peers[i].acked;
    want += (double) peers[i].sound + peers[i].screen + peers[i].picture;
    beside = MAX (beside, (double) peers[i].target - peers[i].acked);
    if (is_pressed (&peers[i])) {
      begins = begins || peers[i].pressed_at == 0;
      peers[i].pressed_at = now;
    } else if (now - peers[i].pressed_at > TOGETHER) {
      peers[i].pressed_at = 0;
    }
    peers[i].last_target = peers[i].target;
    together += peers[i].pressed_at != 0;
  }
  /* What is acked soon after says how much less is sent for it. */
  if (together > 1 && begins && acked > 0
      && (self->found_at == 0 || now - self->found_at > 2 * TOGETHER)) {
    self->found = OF_ACKED * acked;
    self->found_at = now;
    self->want = want;
    return;
  }
  if (together == 0)
    self->found *= 1 + GROWTH_A_SECOND * MIN (passed, 1);
  if (self->found_at == 0 || now - self->found_at > BELIEVED)
    self->found = MAX (self->found, acked + beside);
  /* What was tried without harm was tried for less. */
  if (want > MUCH_MORE * self->want)
    self->found = MIN (self->found, acked + beside);
  self->want = want;
}

static double
wanted (const MeshAllotPeer *peer, Kind kind)
{
  double wants[N_KINDS] = { peer->sound, peer->screen,
    peer->size > 0 ? peer->picture : 0 };

  return MIN (wants[kind], (double) peer->target - peer->share);
}

static double
get_weight (const MeshAllotPeer *peer, Kind kind)
{
  return kind == PICTURE ? peer->size : 1;
}

/* What is given of a kind when each peer gets @level times its weight, or what
 * it wants. */
static double
sum_at (MeshAllotPeer *peers, guint n, Kind kind, double level)
{
  double sum = 0;

  for (guint i = 0; i < n; i++)
    sum += MIN (wanted (&peers[i], kind), level * get_weight (&peers[i], kind));
  return sum;
}

/* Gives as much of a kind as @rest allows; returns what it leaves. The level is
 * raised from peer to peer: at each step one of them has all it wants. */
static double
give (MeshAllotPeer *peers, guint n, Kind kind, double rest)
{
  double level = 0, low = 0;

  for (guint i = 0; i < n; i++) {
    double weight = get_weight (&peers[i], kind);
    double full = weight > 0 ? wanted (&peers[i], kind) / weight : 0;

    if (full > low && sum_at (peers, n, kind, full) <= rest)
      low = full;
    level = MAX (level, full);
  }
  if (low < level) {
    double weights = 0;

    for (guint i = 0; i < n; i++) {
      double weight = get_weight (&peers[i], kind);

      if (wanted (&peers[i], kind) > low * weight)
        weights += weight;
    }
    level = low + (rest - sum_at (peers, n, kind, low)) / MAX (weights, 1e-9);
  }
  rest -= sum_at (peers, n, kind, level);
  for (guint i = 0; i < n; i++)
    peers[i].share += (guint64) MIN (wanted (&peers[i], kind),
        level * get_weight (&peers[i], kind));
  return MAX (rest, 0);
}

/**
 * mesh_allot_divide:
 * @allot: what is known of the uplink
 * @peers: (array length=n) (inout): all peers, whose shares are set
 * @n: how many there are
 * @now: the time, above 0
 *
 * Divides the uplink anew. To be called whenever a target or what is wanted has
 * changed, and some times a second.
 */
void
mesh_allot_divide (MeshAllot *allot, MeshAllotPeer *peers, guint n, gint64 now)
{
  double rest = G_MAXDOUBLE;

  look_for_limit (allot, peers, n, now);
  if (allot->uplink > 0)
    rest = allot->uplink;
  else if (n > 1)
    rest = allot->found;
  for (guint i = 0; i < n; i++)
    peers[i].share = 0;
  for (Kind kind = SOUND; kind < N_KINDS; kind++)
    rest = give (peers, n, kind, rest);
}
