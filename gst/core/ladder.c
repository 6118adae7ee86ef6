/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The step of each peer. A rung's rate follows the shares of those on it within
 * bounds, so that most of what happens on a path changes no step. One who would
 * have it go far below what the others get goes down a step instead. */

#include "core/ladder-private.h"

/* Ours: what a share must be of a step's least rate to enter it. The low one is
 * for a peer without feedback, which gets no more than a quarter above what it
 * was seen to take; and for one whose picture stands, since that is worse than
 * one that may stand again. All frames of a rung of which a peer has half take
 * no more at the rung's least rate: what is proven is that, give or take what
 * the sound happens to take. */
#define ENTER 1.2
#define ENTER_LOW 1.
#define ENTER_ALL_FRAMES .9
#define ENTER_SOON 1.6
/* Ours: the same, of the rate that the others on a rung can have. An estimate
 * goes down by 15 % now and then (gst/core/bwe/aimd.c) and comes back. */
#define ENTER_OTHERS .95
#define KEEP_OTHERS .85
#define DRAG_TIME MS (1500)
/* neko waits 12 s before it goes up, and 6 s before it goes down; a probe has
 * shown the rate here. A peer that has just begun to show a picture, or shows
 * it larger, waits for what its user has asked for. */
#define GOOD_TIME MS (2000)
#define EAGER_GOOD_TIME MS (300)
#define EAGER_TIME MS (4000)
#define SHORT_TIME MS (300)
/* Ours: while a queue goes, an estimate is up to 40 % lower
 * (gst/core/bwe/bwe.c). A rung that would do without that is not left for a
 * smaller one. */
#define DRAINING .7
#define SETTLE_TIME MS (1000)
/* Ours: a queue that has to go first is no reason to let the picture stand, and
 * without one little is seen of what the path takes. */
#define KEEP_LAST .5
#define LAST_SHORT_TIME MS (2000)
/* Ours: a picture of less than this, bit/s, is no more than sound. A path on
 * which there is sound alone is not seen to take more, and others that share
 * the uplink may keep its estimate below for ever. */
#define TRIFLE 100e3
/* Ours, after mediasoup's 10 s without an upgrade after a downgrade: how long a
 * peer stays down, at half of a rung's frames, and if a step up did not last. */
#define STAY_DOWN MS (4000)
#define STAY_AT_HALF MS (2000)
#define LEAST_BACK_OFF MS (10000)
#define MOST_BACK_OFF MS (120000)
#define LASTS MS (60000)
#define SOON 4

/**
 * mesh_ladder_ask:
 * @peer: (inout): a peer, whose demand, picture and size are set
 *
 * Finds out what is to be asked of a peer's path and of the uplink, before that
 * is divided.
 */
void
mesh_ladder_ask (const MeshLadder *ladder, MeshLadderPeer *peer)
{
  guint most = mesh_ladder_best_of_use (ladder, peer);

  peer->picture = 0;
  peer->size = 0;
  if (most > 0) {
    guint rung = mesh_ladder_rung (most);
    double nominal = ladder->rungs[rung].nominal;

    peer->picture = (guint64) (mesh_ladder_factor (most)
        * MAX (nominal, ENTER * mesh_ladder_floor (ladder, rung)));
    peer->size = nominal;
  }
  peer->demand = peer->sound + peer->picture;
}

/* Returns the best step up to @most for which there is enough, as far as that
 * is proven. */
static guint
best_step (const MeshLadderWork *work, const MeshLadderPeer *peer, guint most,
    double of_floor)
{
  double bits = mesh_ladder_available (peer);

  if (peer->proven > 0)
    bits = MIN (bits, (double) peer->proven - peer->sound);
  while (most > 0 && (!mesh_ladder_exists (work->ladder, most)
          || !mesh_ladder_does (work, peer, most, bits, of_floor,
              ENTER_OTHERS)))
    most--;
  return most;
}

/* A step up that did not last is not tried again for a while, and for longer
 * each time. A picture that stands need not wait otherwise. */
static void
go_down (MeshLadderPeer *self, guint step, gint64 now)
{
  gboolean failed = self->up_at > 0
      && now - self->up_at < MAX (LASTS, self->back_off);

  self->failed_step = failed ? self->step : 0;
  if (failed)
    self->back_off = CLAMP (2 * self->back_off, LEAST_BACK_OFF, MOST_BACK_OFF);
  else if (self->up_at > 0)
    self->back_off /= 2;
  self->up_at = self->good_since = self->drags_since = 0;
  self->step = step;
  self->down_at = now;
  self->wait = MAX (self->back_off, step > 0 ? STAY_DOWN : 0);
}

/* The share does not do: half the frames are left out at once, and the rung is
 * left when that does not help. */
static void
fall (const MeshLadderWork *work, MeshLadderPeer *self)
{
  guint least = mesh_ladder_least_step (work->ladder), below;
  gint64 patience;

  if (self->short_since == 0)
    self->short_since = work->now;
  self->good_since = 0;
  if (self->step % 2 == 0 && mesh_ladder_exists (work->ladder, self->step - 1))
    go_down (self, self->step - 1, work->now);
  if (mesh_ladder_keeps (work, self)) {
    self->short_since = 0;
    return;
  }
  below = best_step (work, self, self->step - 1, DRAINING);
  patience = self->state == MESH_BWE_CONGESTED ? 0 : SHORT_TIME;
  if (below == 0 && self->step > least)
    below = least;
  else if (below == 0 && mesh_ladder_does (work, self, self->step,
          mesh_ladder_available (self), KEEP_LAST, 0))
    patience = LAST_SHORT_TIME;
  if (work->now - self->short_since < patience)
    return;
  go_down (self, below, work->now);
  self->settles_until = work->now + SETTLE_TIME;
}

/* Returns the least step if it is so little that it can be tried whatever the
 * share, else 0. What is encoded already cannot be made less, and a bound of the
 * uplink is one for trifles, too. */
static guint
trifle (const MeshLadder *ladder, const MeshLadderPeer *peer)
{
  guint least = mesh_ladder_least_step (ladder);
  guint rung = mesh_ladder_rung (least);

  return !peer->is_held && !ladder->rungs[rung].fixed
      && mesh_ladder_factor (least) * mesh_ladder_floor (ladder, rung) <= TRIFLE
      ? least : 0;
}

/* Whether the peer gets the least picture, for as long as its path is not full,
 * whatever the estimate: the rung's rate does not follow its share. */
static gboolean
has_trifle (const MeshLadderWork *work, const MeshLadderPeer *self)
{
  return self->step > 0 && self->step == trifle (work->ladder, self)
      && self->state != MESH_BWE_CONGESTED;
}

/* Whether the share does for the peer's step, or will once the queue has gone
 * for which it came down. */
static gboolean
will_do (const MeshLadderWork *work, const MeshLadderPeer *self)
{
  if (has_trifle (work, self) || mesh_ladder_keeps (work, self))
    return TRUE;
  return work->now < self->settles_until && mesh_ladder_does (work, self,
      self->step, mesh_ladder_available (self), DRAINING * DRAINING, 0);
}

/* Whether the others on the peer's rung have had much less than they could for
 * the peer's sake, and for how long. */
static gboolean
drags (const MeshLadderWork *work, MeshLadderPeer *self)
{
  if (mesh_ladder_does (work, self, self->step, mesh_ladder_available (self), 0,
          KEEP_OTHERS))
    self->drags_since = 0;
  else if (self->drags_since == 0)
    self->drags_since = work->now;
  return self->drags_since > 0 && work->now - self->drags_since >= DRAG_TIME;
}

/* Returns how much of a step's least rate there must be to enter it; 0 = no
 * step is entered now. Where there is much more than what did not do, it is
 * tried sooner. */
static double
get_enter (const MeshLadderWork *work, const MeshLadderPeer *self)
{
  gint64 down_for = work->now - self->down_at;

  if (self->state != MESH_BWE_CLEAR)
    return 0;
  if (down_for >= self->wait)
    return self->no_feedback || self->step == 0 ? ENTER_LOW : ENTER;
  return down_for >= self->wait / SOON && !self->no_feedback ? ENTER_SOON : 0;
}

/* Whether a peer that has half of a rung's frames may have all of them, which
 * takes no more at the rung's least rate: soon, unless that is what failed. */
static gboolean
may_have_all_frames (const MeshLadderWork *work, const MeshLadderPeer *self)
{
  gint64 wait = self->failed_step == self->step + 1 ? self->wait : STAY_AT_HALF;

  return self->step % 2 == 1 && self->step < self->most && !self->no_feedback
      && self->state == MESH_BWE_CLEAR && work->now - self->down_at >= wait
      && best_step (work, self, self->step + 1, ENTER_ALL_FRAMES) > self->step;
}

static void
climb (const MeshLadderWork *work, MeshLadderPeer *self)
{
  double enter = get_enter (work, self);
  gboolean eager = self->step == 0
      || (work->now < self->eager_until && !self->no_feedback);
  guint good = enter > 0 ? best_step (work, self, self->most, enter) : 0;

  if (self->step == 0 && enter > 0 && good == 0)
    good = trifle (work->ladder, self);
  else if (good <= self->step && may_have_all_frames (work, self))
    good = self->step + 1;
  if (good <= self->step) {
    self->good_since = 0;
    return;
  }
  if (self->good_since == 0)
    self->good_since = work->now;
  if (work->now - self->good_since < (eager ? EAGER_GOOD_TIME : GOOD_TIME))
    return;
  self->step = good;
  self->up_at = work->now;
  self->good_since = 0;
}

/* A picture that was not seen is sent at once, as well as the share allows. */
static void
appear (const MeshLadderWork *work, MeshLadderPeer *self)
{
  self->seen = TRUE;
  self->good_since = self->short_since = 0;
  self->step = best_step (work, self, self->most, 1);
}

static void
decide_step (const MeshLadderWork *work, MeshLadderPeer *self)
{
  guint most = mesh_ladder_best_of_use (work->ladder, self);
  guint before = self->step;

  if (most > self->most)
    self->eager_until = work->now + EAGER_TIME;
  self->most = most;
  if (most == 0) {
    self->seen = FALSE;
    self->step = 0;
  } else if (!self->seen) {
    appear (work, self);
  } else if (self->step > most
      || !mesh_ladder_exists (work->ladder, self->step)) {
    self->step = best_step (work, self, most, 1);
    self->good_since = 0;
  } else if (!will_do (work, self)) {
    fall (work, self);
  } else if (!has_trifle (work, self) && drags (work, self)) {
    go_down (self, best_step (work, self, self->step - 1, 1), work->now);
  } else {
    self->short_since = 0;
    climb (work, self);
  }
  if (self->step != before)
    mesh_ladder_begin_rung (work, self, before);
  self->rung = mesh_ladder_rung (self->step);
  self->layers = mesh_ladder_layers (self->step);
}

/**
 * mesh_ladder_decide:
 * @ladder: (inout): the rungs, of which it is told whether they are needed, and
 *   at which rate
 * @peers: (array length=n): all peers that take the source in this codec, whose
 *   rungs and layers are set
 * @n: how many there are
 * @now: the time
 *
 * Decides anew what each peer gets.
 */
void
mesh_ladder_decide (MeshLadder *ladder, MeshLadderPeer **peers, guint n,
    gint64 now)
{
  g_autofree double *scratch = g_new (double, n + 1);
  MeshLadderWork work = { ladder, peers, n, now, scratch };

  for (guint i = 0; i < n; i++)
    decide_step (&work, peers[i]);
  for (guint i = 0; i < MESH_RUNGS; i++) {
    if (i < ladder->n_rungs)
      mesh_ladder_decide_rate (&work, i);
    else
      ladder->rungs[i].needed = FALSE;
  }
}
