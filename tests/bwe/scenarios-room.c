/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One uplink, many peers. */

#include "core/allot.h"

#include "sim.h"

#define MAX_PEERS 5
#define UPLINK 4000
#define SLOW 300
#define MOST MBIT (2.5)
#define JOINS (30 * SECOND)
#define END (70 * SECOND)

typedef struct {
  World *world;
  MeshAllot allot;
  MeshAllotPeer peers[MAX_PEERS];
  Flow *flows[MAX_PEERS];
} Room;

static void
divide (gpointer data, guint number)
{
  Room *room = data;
  gint64 now = world_now (room->world);
  guint n = now >= JOINS + TENTH ? MAX_PEERS : MAX_PEERS - 1;

  for (guint i = 0; i < n; i++) {
    MeshBweFigures figures;

    mesh_bwe_get_figures (room->flows[i]->bwe, &figures);
    room->peers[i].target = figures.target;
    room->peers[i].acked = figures.acked;
    room->peers[i].state = figures.state;
    room->peers[i].sound = SOUND_RATE;
    room->peers[i].picture = MOST - SOUND_RATE;
    room->peers[i].size = 1;
  }
  mesh_allot_divide (&room->allot, room->peers, n, now);
  for (guint i = 0; i < n; i++)
    flow_cap (room->flows[i], room->peers[i].share);
  world_at (room->world, now + TENTH, divide, room, 0);
}

/* The last one comes later, and the first one's own link is slow. */
static void
begin (Room *room)
{
  LinkProfile uplink = { .delay_ms = 20, .kbit = UPLINK, .queue_ms = 300 };
  LinkProfile slow = { .kbit = SLOW, .queue_ms = 300 };
  LinkProfile back = { .delay_ms = 40 };
  FlowConfig config = { .extra = MS (20), .start = KBIT (300), .most = MOST };

  config.forward = world_link (room->world, &uplink, NULL, 0);
  for (guint i = 0; i < MAX_PEERS; i++) {
    config.back = world_link (room->world, &back, NULL, 0);
    config.second = i == 0 ? world_link (room->world, &slow, NULL, 0) : NULL;
    config.from = i == MAX_PEERS - 1 ? JOINS : i * MS (200);
    room->flows[i] = flow_new (room->world, &config);
  }
  world_at (room->world, SECOND, divide, room, 0);
}

static void
judge (Room *room, guint n, gint64 from, gint64 to)
{
  double least = G_MAXDOUBLE, most = 0, sum = 0;

  for (guint i = 1; i < n; i++) {
    double rate = flow_rate (room->flows[i], from, to);

    sum += rate;
    least = MIN (least, rate);
    most = MAX (most, rate);
  }
  scenario_row ("largest to smallest, of those with good links", most / least,
      1, 1.5, "");
  scenario_row ("U of those with good links", sum / (UPLINK - SLOW) / 10, 80,
      101, "%");
  scenario_row ("U of the one with the slow link", flow_rate (room->flows[0],
          from, to) / SLOW / 10, 75, 100, "%");
  scenario_row ("Q p95 of all", queue_ms (room->flows, n, .95, from, to),
      AT_MOST (100), "ms");
}

static void
room_budget (void)
{
  g_autoptr (World) world = world_new ();
  Room room = { .world = world };
  guint lost = 0;

  begin (&room);
  world_run (world, END);
  for (guint i = 0; i < MAX_PEERS; i++) {
    g_autofree char *name = g_strdup_printf ("B14.%u", i);

    flow_trace (room.flows[i], name, END);
    if (i > 0)
      lost += flow_sounds_lost (room.flows[i], 0, END - SECOND);
  }
  judge (&room, MAX_PEERS - 1, 10 * SECOND, JOINS);
  judge (&room, MAX_PEERS, JOINS + 5 * SECOND, END);
  scenario_row ("packets of sound lost on good links", lost, AT_MOST (0), "");
}

const Scenario scenarios_room[] = {
  { "B14", "four peers behind one uplink, and one more", room_budget },
  { NULL }
};
