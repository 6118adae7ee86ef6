/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One who sends a picture to many: encoders of up to three sizes, with two
 * temporal layers, of which each peer gets what the ladder says. */

#include "sim.h"

/* What an encoder needs to start. */
#define START_TIME MS (100)
#define PAYLOAD 1200
#define FIRST_LAYER 1.2         /* size of its frames, of the mean */
#define SECOND_LAYER .8

typedef struct {
  Source source;
  gboolean running;
  gint64 started_at;
  gboolean key_wanted;
  guint number;                 /* of frames since the last key frame */
} Encoder;

struct _Caller {
  World *world;
  MeshLadder ladder;
  MeshAllot allot;
  Encoder encoders[MESH_RUNGS];
  GPtrArray *callees;
  guint ticks;
  gboolean deciding;
  const char *trace;            /* its name; NULL = nothing is printed */
};

static const MeshLadderRung three_rungs[MESH_RUNGS] = {
  { .width = 1280, .height = 720, .framerate = 30, .nominal = 2500000,
    .layers = 2 },
  { .width = 640, .height = 360, .framerate = 30, .nominal = 500000,
    .layers = 2 },
  { .width = 320, .height = 180, .framerate = 15, .nominal = 150000,
    .layers = 2 },
};

static void
obey (Caller *self, Callee *callee, guint rung, guint layers)
{
  if (callee->ladder.rung != rung || callee->ladder.layers != layers)
    callee->changes++;
  if (callee->ladder.rung == callee->rung)
    callee->layers = callee->ladder.layers;
  else if (callee->ladder.rung == MESH_RUNGS)
    callee->rung = MESH_RUNGS;
  else if (callee->ladder.rung != rung)
    self->encoders[callee->ladder.rung].key_wanted = TRUE;
  if (callee->ladder.rung != callee->rung)
    callee->layers = MIN (callee->layers, callee->ladder.layers);
}

static void
run_encoders (Caller *self)
{
  for (guint i = 0; i < self->ladder.n_rungs; i++) {
    MeshLadderRung *rung = &self->ladder.rungs[i];
    Encoder *encoder = &self->encoders[i];

    if (rung->needed && !encoder->running) {
      encoder->started_at = world_now (self->world) + START_TIME;
      encoder->key_wanted = TRUE;
    }
    rung->running = encoder->running = rung->needed;
  }
}

static void
decide (gpointer data, guint number)
{
  Caller *self = data;
  gint64 now = world_now (self->world);
  g_autofree MeshAllotPeer *shares = g_new0 (MeshAllotPeer, MESH_MAX_CALLEES);
  MeshLadderPeer *peers[MESH_MAX_CALLEES];
  guint n = 0, rungs[MESH_MAX_CALLEES], layers[MESH_MAX_CALLEES];
  Callee *callees[MESH_MAX_CALLEES];

  for (guint i = 0; i < self->callees->len; i++) {
    Callee *callee = g_ptr_array_index (self->callees, i);
    MeshBweFigures figures;

    if (!callee->flow->bwe)
      continue;
    mesh_bwe_get_figures (callee->flow->bwe, &figures);
    callee->ladder.connected = TRUE;
    callee->ladder.sound = SOUND_RATE;
    callee->ladder.state = figures.state;
    callee->ladder.proven = figures.proven;
    mesh_ladder_ask (&self->ladder, &callee->ladder);
    if (callee->demand != callee->ladder.demand)
      flow_want (callee->flow, callee->ladder.demand);
    callee->demand = callee->ladder.demand;
    callee->allot.target = figures.target;
    callee->allot.acked = figures.acked;
    callee->allot.state = figures.state;
    callee->allot.sound = SOUND_RATE;
    callee->allot.picture = callee->ladder.picture;
    callee->allot.size = callee->ladder.size;
    rungs[n] = callee->ladder.rung;
    layers[n] = callee->ladder.layers;
    shares[n] = callee->allot;
    callees[n] = callee;
    peers[n++] = &callee->ladder;
  }
  mesh_allot_divide (&self->allot, shares, n, now);
  for (guint i = 0; i < n; i++) {
    callees[i]->allot = shares[i];
    peers[i]->share = shares[i].share;
    /* A key frame goes to all peers of a rung at once. */
    mesh_pace_set_target (&callees[i]->flow->pace, MAX (shares[i].share, 1),
        now);
  }
  mesh_ladder_decide (&self->ladder, peers, n, now);
  run_encoders (self);
  for (guint i = 0; i < n; i++)
    obey (self, callees[i], rungs[i], layers[i]);
  self->deciding = FALSE;
}

static void
something_changed (gpointer data)
{
  Caller *self = data;

  if (!self->deciding) {
    self->deciding = TRUE;
    world_at (self->world, world_now (self->world), decide, self, 0);
  }
}

static void
send_frame (Caller *self, guint rung, guint size, gboolean key, guint layer)
{
  guint wire = size + (size + PAYLOAD - 1) / PAYLOAD * HEADERS;

  for (guint i = 0; i < self->callees->len; i++) {
    Callee *callee = g_ptr_array_index (self->callees, i);

    if (!callee->flow->bwe)
      continue;
    if (callee->rung != rung && callee->ladder.rung == rung && key) {
      callee->rung = rung;
      callee->layers = callee->ladder.layers;
      callee->keys++;
    }
    if (callee->rung == rung && (layer == 0 || callee->layers == 2))
      flow_add_frame (callee->flow, wire);
  }
}

static void
encode (Caller *self, guint index)
{
  const MeshLadderRung *rung = &self->ladder.rungs[index];
  Encoder *encoder = &self->encoders[index];
  gint64 now = world_now (self->world);
  double rate = rung->rate * 30 / rung->framerate;
  gboolean key;
  guint layer, size;

  if (!encoder->running || now < encoder->started_at)
    return;
  if (encoder->key_wanted)
    encoder->source.key_at = now;
  encoder->key_wanted = FALSE;
  key = now >= encoder->source.key_at;
  encoder->number = key ? 0 : encoder->number + 1;
  layer = rung->layers == 2 ? encoder->number % 2 : 0;
  size = source_next (&encoder->source, rate, now);
  /* Key frames come when they are asked for. */
  encoder->source.key_at = G_MAXINT64;
  if (rung->layers == 2 && !key)
    size = (guint) (size * (layer == 0 ? FIRST_LAYER : SECOND_LAYER));
  if (size > 0)
    send_frame (self, index, size, key, layer);
}

static void
print (Caller *self, guint index)
{
  const Callee *callee = g_ptr_array_index (self->callees, index);
  gint64 now = world_now (self->world), from = MAX (now - 5 * TENTH, 0);
  Flow *flow = callee->flow;

  if (flow->bwe)
    g_print ("# %s.%u %5.1f s: capacity %5u target %5.0f proven %5.0f"
        " share %5.0f step %u.%u (has %u.%u) at %4.0f media %5.0f queue %3.0f state %d\n",
        self->trace, index, (double) now / SECOND,
        link_get_kbit (flow->config.forward, now),
        flow_target (flow, now) / 1e3, callee->ladder.proven / 1e3,
        callee->ladder.share / 1e3,
        callee->ladder.rung, callee->ladder.layers, callee->rung,
        callee->layers, callee->rung < MESH_RUNGS
        ? self->ladder.rungs[callee->rung].rate / 1e3 : 0.,
        flow_rate (flow, from, now) / 1e3,
        queue_ms (&flow, 1, .95, from, now), flow->state);
}

static void
tick (gpointer data, guint number)
{
  Caller *self = data;

  world_at (self->world, world_now (self->world) + FRAME_TIME, tick, self, 0);
  for (guint i = 0; i < self->ladder.n_rungs; i++) {
    if (self->ladder.rungs[i].framerate > 15 || self->ticks % 2 == 0)
      encode (self, i);
  }
  if (self->ticks++ % 3 == 0)
    something_changed (self);
  for (guint i = 0; i < self->callees->len && self->ticks % 15 == 0; i++) {
    if (self->trace)
      print (self, i);
  }
}

static void
caller_free (Caller *self)
{
  for (guint i = 0; i < MESH_RUNGS; i++)
    g_rand_free (self->encoders[i].source.rand);
  g_ptr_array_unref (self->callees);
  g_free (self);
}

/* One who sends, without peers at first; belongs to the world. */
Caller *
caller_new (World *world)
{
  Caller *self = g_new0 (Caller, 1);

  self->world = world;
  self->callees = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < MESH_RUNGS; i++) {
    self->ladder.rungs[i] = three_rungs[i];
    self->encoders[i].source.key_at = G_MAXINT64;
    self->encoders[i].source.rand = g_rand_new_with_seed (world_seed (world));
  }
  self->ladder.n_rungs = MESH_RUNGS;
  world_own (world, self, (GDestroyNotify) caller_free);
  world_at (world, 0, tick, self, 0);
  return self;
}

/* Adds a peer, which belongs to the caller. */
Callee *
caller_add (Caller *self, const FlowConfig *config)
{
  Callee *callee = g_new0 (Callee, 1);
  FlowConfig own = *config;

  own.changed = something_changed;
  own.owner = self;
  callee->rung = callee->ladder.rung = MESH_RUNGS;
  callee->ladder.no_feedback = config->no_feedback;
  callee->flow = flow_new (self->world, &own);
  g_ptr_array_add (self->callees, callee);
  g_assert (self->callees->len <= MESH_MAX_CALLEES);
  return callee;
}

MeshLadder *
caller_ladder (Caller *self)
{
  return &self->ladder;
}

/* The source is encoded already, at a rate that nobody can change. */
void
caller_use_one_rung (Caller *self, double rate, guint layers)
{
  self->ladder.n_rungs = 1;
  self->ladder.rungs[0].nominal = (guint64) rate;
  self->ladder.rungs[0].layers = layers;
  self->ladder.rungs[0].fixed = TRUE;
}

/* Prints how it goes on, for people. */
void
caller_trace (Caller *self, const char *name)
{
  self->trace = scenario_trace ? name : NULL;
}
