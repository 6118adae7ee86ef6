/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the room protocol promises, tried with many seeds of the network in
 * network.h. MESH_SIM_SEEDS=N tries N of each; MESH_SIM_SEED=S only seed S. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "network.h"

static volatile guint32 current_seed;

static void
tell_seed (int signum)
{
  fprintf (stderr, "# MESH_SIM_SEED=%u\n", current_seed);
  signal (signum, SIG_DFL);
  raise (signum);
}

typedef void (*Scenario) (Sim *sim);

static void
try_seeds (gconstpointer data)
{
  Scenario scenario = *(const Scenario *) data;
  const char *only = g_getenv ("MESH_SIM_SEED");
  const char *count = g_getenv ("MESH_SIM_SEEDS");
  guint32 first = only ? strtoul (only, NULL, 10) : 0;
  guint32 n = only ? 1 : count ? strtoul (count, NULL, 10) : 40;

  for (guint32 seed = first; seed < first + n; seed++) {
    g_autoptr (Sim) sim = sim_new (seed, 2 + seed % 7);

    current_seed = seed;
    sim->loose = seed / 7 % 2;
    scenario (sim);
  }
}

static gint64
up_to (Sim *sim, gint64 limit)
{
  return sim->now + g_rand_int_range (sim->rand, 0, limit);
}

/* One makes the room, all others come within @span. */
static void
start_all (Sim *sim, gint64 span)
{
  sim_start (sim, 0);
  sim_run (sim, sim->now + MS (100));
  for (guint i = 1; i < sim->n; i++)
    sim_at (sim, up_to (sim, span), sim_start, i);
}

static void
join_at_the_same_moment (Sim *sim)
{
  sim->max_delay = MS (20);
  start_all (sim, MS (1));
  /* nothing had to be repaired: no timer is shorter than the half second
   * after which a joinroom is repeated */
  sim_run (sim, sim->now + MS (450));
  sim_assert_whole (sim);
  sim_run (sim, sim->now + MS (30000));
  sim_assert_whole (sim);
  /* one call, one offer, one answer, candidates and states: and no more */
  g_assert_cmpuint (g_hash_table_size (sim->offerers), ==,
      sim->n * (sim->n - 1) / 2);
}

static void
join_all_as_the_room_begins (Sim *sim)
{
  for (guint i = 0; i < sim->n; i++)
    sim_at (sim, up_to (sim, MS (50)), sim_start, i);
  sim_run (sim, MS (6000));
  sim_assert_whole (sim);
}

static void
host_leaves_while_others_join (Sim *sim)
{
  start_all (sim, MS (100));
  sim_at (sim, up_to (sim, MS (200)), sim_leave, 0);
  sim_run (sim, MS (6000));
  sim_assert_whole (sim);
  sim_run (sim, MS (40000));
  sim_assert_whole (sim);
}

static void
host_is_killed_while_others_join (Sim *sim)
{
  gint64 killed;

  start_all (sim, MS (100));
  killed = up_to (sim, MS (200));
  sim_at (sim, killed, sim_kill, 0);
  sim_run (sim, killed + MS (15000));
  sim_assert_whole (sim);
}

static void
member_starts_anew (Sim *sim)
{
  gint64 at;

  start_all (sim, MS (100));
  at = up_to (sim, MS (1000));
  sim_at (sim, at, sim_restart, g_rand_int_range (sim->rand, 0, sim->n));
  sim_run (sim, at + MS (12000));
  sim_assert_whole (sim);
}

static void
server_starts_anew (Sim *sim)
{
  gint64 at;

  start_all (sim, MS (500));
  at = up_to (sim, MS (1000));
  sim_at (sim, at, sim_restart_server, 0);
  /* all are back after two seconds, and whole after five more */
  sim_run (sim, at + MS (2000 + 5000));
  sim_assert_whole (sim);
}

static void
connections_break (Sim *sim)
{
  start_all (sim, MS (500));
  for (guint i = 0; i < sim->n; i++)
    sim_at (sim, up_to (sim, MS (20000)), sim_lose_connection, i);
  sim_run (sim, MS (70000));
  sim_assert_whole (sim);
}

static void
anything_happens (Sim *sim)
{
  const SimFunc what[] = { sim_start, sim_start, sim_start, sim_kill,
    sim_restart, sim_leave, sim_lose_connection, sim_restart_server };

  for (guint i = 0; i < 6 * sim->n; i++)
    sim_at (sim, up_to (sim, MS (60000)),
        what[g_rand_int_range (sim->rand, 0, G_N_ELEMENTS (what))],
        g_rand_int_range (sim->rand, 0, sim->n));
  sim_run (sim, MS (130000));
  sim_assert_whole (sim);
}

static void
count_peer (const MeshPeerInfo *info, gpointer count)
{
  ++*(guint *) count;
}

static void
rooms_without_a_server (Sim *sim)
{
  guint known = 0;

  sim->no_server = TRUE;
  for (guint i = 0; i < sim->n; i++)
    sim_at (sim, up_to (sim, MS (100)), sim_start, i);
  sim_run (sim, MS (600));
  sim_assert_whole (sim);
  sim_kill (sim, 0);
  sim_run (sim, sim->now + MS (15000));
  sim_assert_whole (sim);
  sim_run (sim, sim->now + MS (45000));
  mesh_room_foreach_peer (sim->nodes[1].room, count_peer, &known);
  g_assert_cmpuint (known, ==, sim->n - 2);
}

static const struct {
  const char *name;
  Scenario scenario;
} scenarios[] = {
  { "/sim/join-at-the-same-moment", join_at_the_same_moment },
  { "/sim/join-all-as-the-room-begins", join_all_as_the_room_begins },
  { "/sim/host-leaves-while-others-join", host_leaves_while_others_join },
  { "/sim/host-is-killed-while-others-join",
      host_is_killed_while_others_join },
  { "/sim/member-starts-anew", member_starts_anew },
  { "/sim/server-starts-anew", server_starts_anew },
  { "/sim/connections-break", connections_break },
  { "/sim/anything-happens", anything_happens },
  { "/sim/rooms-without-a-server", rooms_without_a_server },
};

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  signal (SIGABRT, tell_seed);
  signal (SIGTRAP, tell_seed);
  for (guint i = 0; i < G_N_ELEMENTS (scenarios); i++)
    g_test_add_data_func (scenarios[i].name, &scenarios[i].scenario,
        try_seeds);
  return g_test_run ();
}
