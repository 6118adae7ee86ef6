/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A ladder of three rungs and its peers, whose shares and wishes the tests set. */

#include "core/ladder.h"

#define MAX_PEERS 6
#define TENTH G_GINT64_CONSTANT (100000)
#define SECOND (10 * TENTH)
#define SOUND 50000

typedef struct {
  MeshLadder ladder;
  MeshLadderPeer peers[MAX_PEERS];
  guint n;
  gint64 now;
} Fixture;

static const MeshLadderRung three_rungs[] = {
  { .width = 1280, .height = 720, .framerate = 30, .nominal = 1500000,
    .layers = 2 },
  { .width = 640, .height = 360, .framerate = 30, .nominal = 500000,
    .layers = 2 },
  { .width = 320, .height = 180, .framerate = 15, .nominal = 150000,
    .layers = 2 },
};

static void
begin (Fixture *f, guint n_peers)
{
  *f = (Fixture) { .n = n_peers, .now = SECOND };
  f->ladder.n_rungs = MESH_RUNGS;
  for (guint i = 0; i < MESH_RUNGS; i++)
    f->ladder.rungs[i] = three_rungs[i];
  for (guint i = 0; i < n_peers; i++) {
    f->peers[i].connected = TRUE;
    f->peers[i].sound = SOUND;
  }
}

/* Lets @tenths of a second pass, with what was decided being carried out. */
static void
run (Fixture *f, guint tenths)
{
  MeshLadderPeer *peers[MAX_PEERS];

  for (guint i = 0; i < f->n; i++)
    peers[i] = &f->peers[i];
  for (; tenths > 0; tenths--) {
    f->now += TENTH;
    for (guint i = 0; i < f->n; i++)
      mesh_ladder_ask (&f->ladder, peers[i]);
    mesh_ladder_decide (&f->ladder, peers, f->n, f->now);
    for (guint i = 0; i < MESH_RUNGS; i++)
      f->ladder.rungs[i].running = f->ladder.rungs[i].needed;
  }
}

static void
give (Fixture *f, guint peer, guint kbit, MeshBweState state)
{
  f->peers[peer].share = kbit * 1000 + SOUND;
  f->peers[peer].state = state;
}

static void
want (Fixture *f, guint peer, guint width, guint height)
{
  f->peers[peer].want_known = TRUE;
  f->peers[peer].want_width = width;
  f->peers[peer].want_height = height;
}

static void
assert_gets (const Fixture *f, guint peer, guint rung, guint layers)
{
  g_assert_cmpuint (f->peers[peer].rung, ==, rung);
  if (rung < MESH_RUNGS)
    g_assert_cmpuint (f->peers[peer].layers, ==, layers);
}
