/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The step of each peer, and the rate of each rung. A rung's rate follows the
 * shares of those on it within bounds, so that most of what happens on a path
 * changes no step. One who would have it go far below what the others get goes
 * down a step instead. */

#include "core/ladder.h"

#include <stdlib.h>

#define MS(ms) ((gint64) (ms) * 1000)

/* Ours: headers of IP, UDP, RTP and SRTP, 58 bytes a packet, which is seldom
 * full at these rates. */
#define HEADERS 1.07
/* Two temporal layers: what the first takes of both (vp8enc, set as in
 * tests/check/elements/vp8enc.c of gst-plugins-good). */
#define HALF_OF_FRAMES .6
/* Ours: the least that a rung's rate may be of its nominal one, or of that of
 * the next smaller rung, which looks better below. */
#define FLOOR .6
#define ABOVE_NEXT 2
/* Ours: a picture that is drawn a little larger than it is looks as good; where
 * it saves an encoder, a little larger still. */
#define AS_DRAWN .85
#define AS_DRAWN_RUNNING .8
/* Ours: what a share must be of a step's least rate to enter and to keep it. A
 * peer without feedback gets no more than a quarter above what it was seen to
 * take, so its share is never far above; and a picture that stands is worse
 * than one that may stand again. */
#define ENTER 1.2
#define ENTER_LOW 1.
#define ENTER_SOON 1.6
#define KEEP .9
/* Ours: the same, of the rate that the others on a rung can have. An estimate
 * goes down by 15 % now and then (gst/core/bwe/aimd.c) and comes back. */
#define ENTER_OTHERS .95
#define KEEP_OTHERS .85
#define DRAG_TIME MS (1500)
/* neko waits 12 s before it goes up, and 6 s before it goes down; a probe has
 * shown the rate here. A peer that has just begun to show a picture, or shows it
 * larger, waits for what its user has asked for. */
#define GOOD_TIME MS (2000)
#define EAGER_GOOD_TIME MS (300)
#define EAGER_TIME MS (4000)
#define SHORT_TIME MS (300)
/* Ours: a queue that has to go first is no reason to let the picture stand, and
 * without one little is seen of what the path takes. */
#define KEEP_LAST .5
#define LAST_SHORT_TIME MS (2000)
/* Ours: a picture of less than this, bit/s, is no more than sound. A path on
 * which there is sound alone is not seen to take more, and others that share the
 * uplink may keep its estimate below for ever. */
#define TRIFLE 100e3
/* Ours, after mediasoup's 10 s without an upgrade after a downgrade: how long a
 * peer stays down, and how long if a step up did not last. */
#define STAY_DOWN MS (4000)
#define LEAST_BACK_OFF MS (10000)
#define MOST_BACK_OFF MS (120000)
#define LASTS MS (60000)
#define SOON 4
/* A rung ends so long after the last peer has left it. */
#define UNUSED_TIME MS (5000)
/* Ours: an encoder is not disturbed for less, and a rate goes up by so much at a
 * time. An estimate may be half above what was sent (gst/core/bwe/aimd.c): one
 * that grows faster is seen to be too much only when the queue is long. */
#define CHANGE .05
#define UP_STEP .15
#define UP_INTERVAL MS (250)

typedef struct {
  MeshLadder *ladder;
  MeshLadderPeer **peers;
  guint n;
  gint64 now;
  double *scratch;              /* room for a number a peer */
} Work;

static guint
rung_of (guint step)
{
  return step > 0 ? MESH_RUNGS - (step + 1) / 2 : MESH_RUNGS;
}

static guint
top_of (guint rung)
{
  return 2 * (MESH_RUNGS - rung);
}

static guint
layers_of (guint step)
{
  return step % 2 == 1 ? 1 : 2;
}

/* What a step takes of its rung's rate, with headers. */
static double
factor_of (guint step)
{
  return HEADERS * (layers_of (step) == 1 ? HALF_OF_FRAMES : 1);
}

static gboolean
exists (const MeshLadder *ladder, guint step)
{
  guint rung = rung_of (step);

  return step == 0 || (rung < ladder->n_rungs
      && layers_of (step) >= 3 - MIN (ladder->rungs[rung].layers, 2));
}

/* The least of all steps but none. */
static guint
least_step (const MeshLadder *ladder)
{
  guint step = 1;

  while (!exists (ladder, step))
    step++;
  return step;
}

static double
floor_of (const MeshLadder *ladder, guint index)
{
  const MeshLadderRung *rung = &ladder->rungs[index];

  if (rung->fixed)
    return rung->nominal;
  if (index + 1 == ladder->n_rungs)
    return FLOOR * rung->nominal;
  return MIN (FLOOR * rung->nominal,
      ABOVE_NEXT * ladder->rungs[index + 1].nominal);
}

static double
available (const MeshLadderPeer *peer)
{
  return peer->share > peer->sound ? (double) (peer->share - peer->sound) : 0;
}

/* Whether the peer sees the picture. */
static gboolean
sees (const MeshLadder *ladder, const MeshLadderPeer *peer)
{
  return peer->connected && !ladder->muted && ladder->n_rungs > 0
      && (!peer->want_known || (peer->want_width > 0 && peer->want_height > 0));
}

static gboolean
is_large_enough (const MeshLadderRung *rung, const MeshLadderPeer *peer)
{
  double part = rung->running ? AS_DRAWN_RUNNING : AS_DRAWN;

  /* The whole picture is shown in what is drawn, however that is shaped. */
  return rung->width >= part * peer->want_width
      || rung->height >= part * peer->want_height;
}

/* The best step that a peer can use: the smallest rung that is not too small. */
static guint
best_of_use (const MeshLadder *ladder, const MeshLadderPeer *peer)
{
  guint rung = 0, step;

  if (!sees (ladder, peer))
    return 0;
  if (peer->want_known) {
    rung = ladder->n_rungs - 1;
    while (rung > 0 && !is_large_enough (&ladder->rungs[rung], peer))
      rung--;
  }
  step = top_of (rung);
  if (peer->want_known && peer->want_fps > 0 && exists (ladder, step - 1)
      && peer->want_fps <= ladder->rungs[rung].framerate / 2)
    step--;
  return step;
}

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
  guint most = best_of_use (ladder, peer);

  peer->picture = 0;
  peer->size = 0;
  if (most > 0) {
    const MeshLadderRung *rung = &ladder->rungs[rung_of (most)];

    peer->picture = (guint64) (factor_of (most)
        * MAX (rung->nominal, ENTER * floor_of (ladder, rung_of (most))));
    peer->size = rung->nominal;
  }
  peer->demand = peer->sound + peer->picture;
}

static int
least_first (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return x < y ? -1 : x > y;
}

/* The rate of a rung that the others on it could have with all of its frames: the
 * upper one of the two in the middle; 0 = there is nobody else. */
static double
rate_of_others (const Work *work, guint rung, const MeshLadderPeer *except)
{
  guint n = 0;

  for (guint i = 0; i < work->n; i++) {
    const MeshLadderPeer *peer = work->peers[i];

    if (peer != except && rung_of (peer->step) == rung)
      work->scratch[n++] = available (peer) / HEADERS;
  }
  if (n == 0)
    return 0;
  qsort (work->scratch, n, sizeof *work->scratch, least_first);
  return MIN (work->scratch[n / 2], work->ladder->rungs[rung].nominal);
}

/* Whether @bits are enough for a step. */
static gboolean
does (const Work *work, const MeshLadderPeer *peer, guint step, double bits,
    double of_floor, double of_others)
{
  guint rung = rung_of (step);
  double has = bits / factor_of (step);

  return step == 0
      || (has >= of_floor * floor_of (work->ladder, rung)
          && has >= of_others * rate_of_others (work, rung, peer));
}

/* Whether the peer can have its step, if the rung's rate follows its share. */
static gboolean
keeps (const Work *work, const MeshLadderPeer *peer)
{
  return does (work, peer, peer->step, available (peer), KEEP, 0);
}

/* Returns the best step up to @most for which there is enough, as far as that is
 * proven. */
static guint
best_step (const Work *work, const MeshLadderPeer *peer, guint most,
    double of_floor)
{
  double bits = available (peer);

  if (peer->proven > 0)
    bits = MIN (bits, (double) peer->proven - peer->sound);
  while (most > 0 && (!exists (work->ladder, most)
          || !does (work, peer, most, bits, of_floor, ENTER_OTHERS)))
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
fall (const Work *work, MeshLadderPeer *self)
{
  guint least = least_step (work->ladder), below;
  gint64 patience;

  if (self->short_since == 0)
    self->short_since = work->now;
  self->good_since = 0;
  if (self->step % 2 == 0 && exists (work->ladder, self->step - 1))
    go_down (self, self->step - 1, work->now);
  if (keeps (work, self)) {
    self->short_since = 0;
    return;
  }
  below = best_step (work, self, self->step - 1, 1);
  patience = self->state == MESH_BWE_CONGESTED ? 0 : SHORT_TIME;
  if (below == 0 && self->step > least)
    below = least;
  else if (below == 0 && does (work, self, self->step, available (self),
          KEEP_LAST, 0))
    patience = LAST_SHORT_TIME;
  if (work->now - self->short_since >= patience)
    go_down (self, below, work->now);
}

/* Whether the others on the peer's rung have had much less than they could for
 * the peer's sake, and for how long. */
static gboolean
drags (const Work *work, MeshLadderPeer *self)
{
  if (does (work, self, self->step, available (self), 0, KEEP_OTHERS))
    self->drags_since = 0;
  else if (self->drags_since == 0)
    self->drags_since = work->now;
  return self->drags_since > 0 && work->now - self->drags_since >= DRAG_TIME;
}

/* Returns how much of a step's least rate there must be to enter it; 0 = no
 * step is entered now. Where there is much more than what did not do, it is
 * tried sooner. */
static double
get_enter (const Work *work, const MeshLadderPeer *self)
{
  gint64 down_for = work->now - self->down_at;

  if (self->state != MESH_BWE_CLEAR)
    return 0;
  if (down_for >= self->wait)
    return self->no_feedback || self->step == 0 ? ENTER_LOW : ENTER;
  return down_for >= self->wait / SOON && !self->no_feedback ? ENTER_SOON : 0;
}

/* Returns the least step if it is so little that it can be tried whatever the
 * share, else 0. */
static guint
trifle (const MeshLadder *ladder)
{
  guint least = least_step (ladder);

  return factor_of (least) * floor_of (ladder, rung_of (least)) <= TRIFLE
      ? least : 0;
}

static void
climb (const Work *work, MeshLadderPeer *self)
{
  double enter = get_enter (work, self);
  gboolean eager = self->step == 0
      || (work->now < self->eager_until && !self->no_feedback);
  guint good = enter > 0 ? best_step (work, self, self->most, enter) : 0;

  if (self->step == 0 && enter > 0 && good == 0)
    good = trifle (work->ladder);
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
appear (const Work *work, MeshLadderPeer *self)
{
  self->seen = TRUE;
  self->good_since = self->short_since = 0;
  self->step = best_step (work, self, self->most, 1);
}

/* A peer that comes to a rung, or to all of its frames, and has it for itself
 * begins at its least rate. */
static void
begin (const Work *work, const MeshLadderPeer *self, guint before)
{
  guint index = rung_of (self->step);
  MeshLadderRung *rung = &work->ladder->rungs[index];

  if (self->step == 0 || (rung_of (before) == index && self->step < before)
      || rate_of_others (work, index, self) > 0)
    return;
  rung->rate = (guint64) floor_of (work->ladder, index);
  rung->set_at = work->now;
}

static void
decide_step (const Work *work, MeshLadderPeer *self)
{
  guint most = best_of_use (work->ladder, self), before = self->step;

  if (most > self->most)
    self->eager_until = work->now + EAGER_TIME;
  self->most = most;
  if (most == 0) {
    self->seen = FALSE;
    self->step = 0;
  } else if (!self->seen) {
    appear (work, self);
  } else if (self->step > most || !exists (work->ladder, self->step)) {
    self->step = best_step (work, self, most, KEEP);
    self->good_since = 0;
  } else if (!keeps (work, self)) {
    fall (work, self);
  } else if (drags (work, self)) {
    go_down (self, best_step (work, self, self->step - 1, 1), work->now);
  } else {
    self->short_since = 0;
    climb (work, self);
  }
  if (self->step != before)
    begin (work, self, before);
  self->rung = rung_of (self->step);
  self->layers = layers_of (self->step);
}

/* Returns the rate that a rung should have: as much as the least share allows,
 * but for those that are about to leave it. 0 = nobody is on it. */
static double
rate_for_all (const Work *work, guint rung)
{
  double least = G_MAXDOUBLE;
  gboolean used = FALSE;

  for (guint i = 0; i < work->n; i++) {
    const MeshLadderPeer *peer = work->peers[i];

    if (rung_of (peer->step) != rung)
      continue;
    used = TRUE;
    if (keeps (work, peer))
      least = MIN (least, available (peer) / factor_of (peer->step));
  }
  if (!used)
    return 0;
  return CLAMP (least < G_MAXDOUBLE ? least : 0,
      floor_of (work->ladder, rung),
      work->ladder->rungs[rung].nominal);
}

static void
decide_rate (const Work *work, guint index)
{
  MeshLadderRung *rung = &work->ladder->rungs[index];
  double rate = rate_for_all (work, index);

  if (rate > 0)
    rung->used_at = work->now;
  rung->needed = rung->used_at > 0
      && work->now - rung->used_at < UNUSED_TIME;
  if (rate == 0)
    return;
  if (rate > (1 + CHANGE) * rung->rate) {
    if (work->now - rung->set_at < UP_INTERVAL)
      return;
    rate = CLAMP ((1 + UP_STEP) * rung->rate, floor_of (work->ladder, index), rate);
  } else if (rate > (1 - CHANGE) * rung->rate) {
    return;
  }
  rung->rate = (guint64) rate;
  rung->set_at = work->now;
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
  Work work = { ladder, peers, n, now, scratch };

  for (guint i = 0; i < n; i++)
    decide_step (&work, peers[i]);
  for (guint i = 0; i < MESH_RUNGS; i++) {
    if (i < ladder->n_rungs)
      decide_rate (&work, i);
    else
      ladder->rungs[i].needed = FALSE;
  }
}
