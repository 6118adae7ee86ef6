/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures with rungs: estimator, budget, ladder and encoders together. What is
 * judged is what people see. */

#include "sim.h"

/* What the full rung takes, with headers and sound. */
#define FULL (2.5e6 * 1.07 + SOUND_RATE)

static Callee *
add (World *world, Caller *caller, double delay_ms, const LinkStep *steps,
    guint n_steps)
{
  LinkProfile forward = { .delay_ms = delay_ms, .queue_ms = 300 };
  LinkProfile back = { .delay_ms = delay_ms };
  FlowConfig config = {
    .forward = world_link (world, &forward, steps, n_steps),
    .back = world_link (world, &back, NULL, 0),
    .start = KBIT (800),
  };

  return caller_add (caller, &config);
}

/* The link of the issue: 4 Mbit/s, 500 kbit/s for 15 s, and 4 Mbit/s again. */
static void
slow_for_a_while_at (double delay_ms)
{
  static const LinkStep steps[] = { { 0, 4000 }, { 20 * SECOND, 500 },
    { 35 * SECOND, 4000 } };
  g_autoptr (World) world = world_new ();
  Caller *caller = caller_new (world);
  Callee *callee = add (world, caller, delay_ms, steps, G_N_ELEMENTS (steps));
  Flow *flow = callee->flow;
  g_autofree char *name = g_strdup_printf ("L1 %g ms", 2 * delay_ms);
  g_autofree char *what = g_strdup_printf ("full rate at %g ms round trip, in",
      2 * delay_ms);

  caller_trace (caller, name);
  world_run (world, 60 * SECOND);
  scenario_row (what, flow_reaches (flow, .9 * FULL, 0, SECOND), AT_MOST (4),
      "s");
  scenario_row ("frozen while it is slow", flow_frozen_ms (flow, 20 * SECOND,
          35 * SECOND), AT_MOST (1500), "ms");
  scenario_row ("longest of it", flow_gap_ms (flow, 20 * SECOND, 35 * SECOND),
      AT_MOST (1000), "ms");
  scenario_row ("p95 of delay from 3 s on", flow_delay_ms (flow, .95,
          23 * SECOND, 35 * SECOND), AT_MOST (350), "ms");
  scenario_row ("U from 5 s on", flow_rate (flow, 25 * SECOND, 35 * SECOND)
      / 5e3, 80, 100, "%");
  scenario_row ("80 % after its return in", flow_reaches (flow, .8 * FULL,
          35 * SECOND, SECOND), AT_MOST (10), "s");
  scenario_row ("frozen otherwise", flow_frozen_ms (flow, 2 * SECOND,
          20 * SECOND) + flow_frozen_ms (flow, 35 * SECOND, 60 * SECOND),
      AT_MOST (300), "ms");
  scenario_row ("changes", callee->changes, AT_MOST (16), "");
}

static void
slow_for_a_while (void)
{
  slow_for_a_while_at (2);
  slow_for_a_while_at (25);
}

static void
steady (void)
{
  static const guint rates[] = { 300, 450, 700, 1000, 1300, 1600, 3000 };

  for (guint i = 0; i < G_N_ELEMENTS (rates); i++) {
    LinkStep step = { 0, rates[i] };
    g_autoptr (World) world = world_new ();
    Caller *caller = caller_new (world);
    Callee *callee = add (world, caller, 25, &step, 1);
    g_autofree char *name = g_strdup_printf ("L2 %u", rates[i]);
    g_autofree char *what = g_strdup_printf ("rungs changed in 5 minutes at"
        " %u kbit/s", rates[i]);
    guint changes, keys;

    caller_trace (caller, name);
    world_run (world, 15 * SECOND);
    changes = callee->changes;
    keys = callee->keys;
    world_run (world, 315 * SECOND);
    scenario_row (what, callee->keys - keys, AT_MOST (5), "");
    scenario_row ("with those of layers", callee->changes - changes,
        AT_MOST (12), "");
    scenario_row ("U", flow_rate (callee->flow, 15 * SECOND, 315 * SECOND)
        / MIN (rates[i] * 1e3, FULL) * 100, 65, 105, "%");
    scenario_row ("frozen", flow_frozen_ms (callee->flow, 5 * SECOND,
            315 * SECOND), AT_MOST (1000), "ms");
    scenario_row ("p95 of delay", flow_delay_ms (callee->flow, .95, 5 * SECOND,
            315 * SECOND), AT_MOST (250), "ms");
  }
}

static void
want (Callee *callee, guint width, guint height)
{
  callee->ladder.want_known = TRUE;
  callee->ladder.want_width = width;
  callee->ladder.want_height = height;
}

/* Goes on until a rung is sent; returns how long it took, in s. */
static double
wait_for (World *world, Callee *callee, guint rung, gint64 longest)
{
  gint64 from = world_now (world);

  while (callee->rung != rung && world_now (world) < from + longest)
    world_run (world, world_now (world) + MS (20));
  return (double) (world_now (world) - from) / SECOND;
}

/* B9 with rungs: a picture that was small, or not seen, for a minute. */
static void
drawn_large (void)
{
  static const LinkStep steps[] = { { 0, 3000 }, { 20 * SECOND, 500 },
    { 40 * SECOND, 3000 } };

  for (guint i = 0; i < 3; i++) {
    static const char *cases[] = { "small", "small, the link slow meanwhile",
      "hidden" };
    g_autoptr (World) world = world_new ();
    Caller *caller = caller_new (world);
    Callee *callee = add (world, caller, 25, steps, i == 1 ? 3 : 1);
    g_autofree char *name = g_strdup_printf ("L3 %u", i);
    g_autofree char *what = g_strdup_printf ("full size after it was %s, in",
        cases[i]);

    caller_trace (caller, name);
    want (callee, i == 2 ? 0 : 320, i == 2 ? 0 : 180);
    world_run (world, 60 * SECOND);
    scenario_row ("probes until then", 100 * flow_probe_share (callee->flow,
            SECOND, 60 * SECOND), AT_MOST (2), "%");
    want (callee, 1280, 720);
    scenario_row (what, wait_for (world, callee, 0, 20 * SECOND), AT_MOST (1),
        "s");
    world_run (world, 90 * SECOND);
    scenario_row ("80 % of the full rate in", flow_reaches (callee->flow,
            .8 * FULL, 60 * SECOND, SECOND), AT_MOST (4), "s");
    scenario_row ("frozen from then on", flow_frozen_ms (callee->flow,
            61 * SECOND, 90 * SECOND), AT_MOST (300), "ms");
  }
}

#define SLOW 300
#define JOINS (40 * SECOND)
#define END (100 * SECOND)

static void
judge_room (Callee **callees, guint n, guint uplink, gint64 from, gint64 to)
{
  double least = G_MAXDOUBLE, most = 0, sum = 0, changes = 0;
  Flow *flows[MESH_MAX_CALLEES];

  for (guint i = 0; i < n; i++) {
    double rate = flow_rate (callees[i]->flow, from, to);

    flows[i] = callees[i]->flow;
    changes = MAX (changes, callees[i]->keys);
    if (i == 0)
      continue;
    sum += rate;
    least = MIN (least, rate);
    most = MAX (most, rate);
  }
  /* A rung's half of the frames and all of the next smaller one's are so far
   * apart. */
  scenario_row ("largest to smallest, of those with good links", most / least,
      1, 1.7, "");
  scenario_row ("U of those with good links", sum
      / MIN (uplink - SLOW, (n - 1) * FULL / 1e3) / 10, 65, 105, "%");
  scenario_row ("U of the one with the slow link", flow_rate (flows[0],
          from, to) / SLOW / 10, 50, 100, "%");
  scenario_row ("Q p95 of all", queue_ms (flows, n, .95, from, to),
      AT_MOST (100), "ms");
  scenario_row ("most changes of a rung until then", changes, AT_MOST (8), "");
}

/* B14 with rungs: the first one's own link is slow, the last one comes later.
 */
static void
room_at (guint kbit, guint n)
{
  LinkProfile uplink = { .delay_ms = 20, .kbit = kbit, .queue_ms = 300 };
  LinkProfile slow = { .kbit = SLOW, .queue_ms = 300 };
  LinkProfile back = { .delay_ms = 40 };
  g_autoptr (World) world = world_new ();
  Caller *caller = caller_new (world);
  FlowConfig config = { .extra = MS (20), .start = KBIT (800) };
  Callee *callees[MESH_MAX_CALLEES];
  g_autofree char *name = g_strdup_printf ("L4 %u", kbit);
  guint lost = 0;

  caller_trace (caller, name);
  config.forward = world_link (world, &uplink, NULL, 0);
  for (guint i = 0; i < n; i++) {
    config.back = world_link (world, &back, NULL, 0);
    config.second = i == 0 ? world_link (world, &slow, NULL, 0) : NULL;
    config.from = i == 4 ? JOINS : i * MS (200);
    callees[i] = caller_add (caller, &config);
  }
  world_run (world, END);
  judge_room (callees, 4, kbit, 10 * SECOND, n > 4 ? JOINS : END);
  if (n > 4)
    judge_room (callees, n, kbit, JOINS + 5 * SECOND, END);
  for (guint i = 1; i < n; i++)
    lost += flow_sounds_lost (callees[i]->flow, 0, END - SECOND);
  scenario_row ("packets of sound lost on good links", lost, AT_MOST (0), "");
  scenario_row ("frozen on the slow link", flow_frozen_ms (callees[0]->flow,
          10 * SECOND, END), AT_MOST (3000), "ms");
}

static void
room (void)
{
  room_at (2000, 4);
  room_at (4000, 5);
}

/* Peers that have nothing in common but their number come to the full rung all
 * the same. */
static void
many (void)
{
  static const LinkStep step = { 0, 5000 };
  g_autoptr (World) world = world_new ();
  Caller *caller = caller_new (world);
  Callee *callees[MESH_MAX_CALLEES];
  double slowest = 0;

  caller_trace (caller, "L8");
  for (guint i = 0; i < MESH_MAX_CALLEES; i++)
    callees[i] = add (world, caller, 5 + 5 * i, &step, 1);
  world_run (world, 60 * SECOND);
  for (guint i = 0; i < MESH_MAX_CALLEES; i++)
    slowest = MAX (slowest, flow_reaches (callees[i]->flow, .8 * FULL, 0,
            SECOND));
  scenario_row ("80 % of the full rate for all in", slowest, AT_MOST (15), "s");
}

static void
set_rate (gpointer data, guint number)
{
  static const LinkProfile profiles[] = {
    { .loss = 1 },
    { .delay_ms = 25, .kbit = 3000, .queue_ms = 300 },
  };

  link_set_profile (data, &profiles[number]);
}

/* Nothing passes for 5 s, either way. */
static void
outage (void)
{
  static const LinkStep step = { 0, 3000 };
  g_autoptr (World) world = world_new ();
  Caller *caller = caller_new (world);
  Callee *callee = add (world, caller, 25, &step, 1);
  Flow *flow = callee->flow;

  caller_trace (caller, "L5");
  for (guint i = 0; i < 2; i++) {
    world_at (world, (20 + 5 * i) * SECOND, set_rate, flow->config.forward, i);
    world_at (world, (20 + 5 * i) * SECOND, set_rate, flow->config.back, i);
  }
  world_run (world, 50 * SECOND);
  scenario_row ("frozen after it", flow_frozen_ms (flow, 25 * SECOND,
          50 * SECOND), AT_MOST (1500), "ms");
  scenario_row ("80 % of the full rate in", flow_reaches (flow, .8 * FULL,
          25 * SECOND, SECOND), AT_MOST (6), "s");
}

/* A source that is encoded already, with layers and without, on a link that is
 * too slow for it for a while. */
static void
encoded (void)
{
  static const LinkStep steps[] = { { 0, 3000 }, { 20 * SECOND, 1000 },
    { 40 * SECOND, 3000 } };

  for (guint layers = 1; layers <= 2; layers++) {
    g_autoptr (World) world = world_new ();
    Caller *caller = caller_new (world);
    Callee *callee = add (world, caller, 25, steps, G_N_ELEMENTS (steps));
    Flow *flow = callee->flow;
    g_autofree char *name = g_strdup_printf ("L6 %u", layers);

    caller_trace (caller, name);
    caller_use_one_rung (caller, MBIT (1.2), layers);
    world_run (world, 60 * SECOND);
    scenario_row (layers == 1 ? "first frame without layers, in"
        : "first frame with layers, in", flow_reaches (flow, KBIT (500), 0,
            MS (500)), AT_MOST (4), "s");
    scenario_row ("frozen at 3 Mbit/s", flow_frozen_ms (flow, 5 * SECOND,
            20 * SECOND), AT_MOST (1), "ms");
    scenario_row ("Q p95 at 1 Mbit/s", queue_ms (&flow, 1, .95, 22 * SECOND,
            40 * SECOND), AT_MOST (100), "ms");
    scenario_row ("sound lost then", flow_sounds_lost (flow, 22 * SECOND,
            40 * SECOND), AT_MOST (0), "");
    if (layers == 2)
      scenario_row ("frozen then", flow_frozen_ms (flow, 20 * SECOND,
              40 * SECOND), AT_MOST (1500), "ms");
    scenario_row ("all of it again in", flow_reaches (flow, MBIT (1.2),
            40 * SECOND, SECOND), AT_MOST (12), "s");
  }
}

/* Peers that send nothing but receiver reports, one of which gets a slow link.
 */
static void
reports_alone (void)
{
  static const LinkStep steps[] = { { 0, 4000 }, { 120 * SECOND, 500 } };
  LinkProfile forward = { .delay_ms = 25, .queue_ms = 300 };
  LinkProfile back = { .delay_ms = 25 };
  g_autoptr (World) world = world_new ();
  Caller *caller = caller_new (world);
  FlowConfig config = { .start = KBIT (800), .no_feedback = TRUE };
  Flow *flows[3];
  double slowest = 0;

  caller_trace (caller, "L7");
  for (guint i = 0; i < G_N_ELEMENTS (flows); i++) {
    config.forward = world_link (world, &forward, steps, i == 0 ? 2 : 1);
    config.back = world_link (world, &back, NULL, 0);
    flows[i] = caller_add (caller, &config)->flow;
  }
  world_run (world, 180 * SECOND);
  for (guint i = 0; i < G_N_ELEMENTS (flows); i++)
    slowest = MAX (slowest, flow_reaches (flows[i], .8 * FULL, 0, SECOND));
  scenario_row ("rate after 9 s", flow_rate (flows[0], 8 * SECOND, 10 * SECOND)
      / 1e3, 300, 850, "kbit/s");
  scenario_row ("80 % of the full rate for all in", slowest, AT_MOST (60), "s");
  scenario_row ("U from 20 s after 4 -> 0.5", flow_rate (flows[0],
          140 * SECOND, 180 * SECOND) / 5e3, 40, 100, "%");
  scenario_row ("the others' then", flow_rate (flows[1], 140 * SECOND,
          180 * SECOND) / FULL * 100, 80, 105, "%");
}

const Scenario scenarios_ladder[] = {
  { "L1", "4 Mbit/s, 500 kbit/s for 15 s, and 4 Mbit/s again",
      slow_for_a_while },
  { "L2", "a link that stays as it is", steady },
  { "L3", "a picture that is drawn large", drawn_large },
  { "L4", "four and five peers behind one uplink, one of them slow", room },
  { "L5", "nothing passes for 5 s", outage },
  { "L6", "a source that is encoded already", encoded },
  { "L7", "receiver reports alone", reports_alone },
  { "L8", "eight peers with links of their own", many },
  { NULL }
};
