/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One sender on links that lose, wait, fail, or are not used for a while. */

#include "sim.h"

static Flow *
begin (World *world, const LinkProfile *profile, const LinkStep *steps,
    guint n_steps, Link **back)
{
  LinkProfile there = { .delay_ms = profile->delay_ms };
  FlowConfig config = {
    .forward = world_link (world, profile, steps, n_steps),
    .back = world_link (world, &there, NULL, 0),
    .start = KBIT (300), .most = MBIT (5),
  };

  if (back)
    *back = config.back;
  return flow_new (world, &config);
}

/* A source with two rungs, which goes up when the estimate has been good for
 * the next one for two seconds. */
#define LOW KBIT (300)
#define HIGH MBIT (2.4)

typedef struct {
  Flow *flow;
  gint64 good_since;            /* 0 = it is not */
  gint64 raised_at;             /* 0 = not yet */
} Rungs;

static void
look (gpointer data, guint number)
{
  Rungs *rungs = data;
  World *world = rungs->flow->world;
  gint64 now = world_now (world);
  gboolean good = rungs->flow->target >= HIGH
      && rungs->flow->state == MESH_BWE_CLEAR;

  if (!good)
    rungs->good_since = 0;
  else if (rungs->good_since == 0)
    rungs->good_since = now;
  if (good && now - rungs->good_since >= 2 * SECOND) {
    rungs->raised_at = now;
    flow_set_most (rungs->flow, HIGH);
  } else {
    world_at (world, now + TENTH, look, rungs, 0);
  }
}

static void
want_high (gpointer data, guint number)
{
  Rungs *rungs = data;

  flow_want (rungs->flow, HIGH);
  look (rungs, 0);
}

static void
sink_to_low (gpointer flow, guint number)
{
  flow_set_most (flow, LOW);
  flow_want (flow, LOW);
}

/* The link is slow from @down_at on for 20 s; where the source was on its high
 * rung at first, the estimate is of then. */
static void
low_rung_at (gint64 down_at, gboolean high_first, double patience,
    const char *name)
{
  LinkStep steps[] = { { 0, 3000 }, { down_at, 500 },
    { down_at + 20 * SECOND, 3000 } };
  LinkProfile profile = { .delay_ms = 50, .queue_ms = 300 };
  g_autoptr (World) world = world_new ();
  Flow *flow = begin (world, &profile, steps, 3, NULL);
  Rungs rungs = { flow };
  gint64 possible = MAX (60 * SECOND, steps[2].at);
  gint64 low_at = high_first ? 15 * SECOND : 0;

  flow->most = flow->config.most = high_first ? HIGH : LOW;
  if (high_first)
    world_at (world, low_at, sink_to_low, flow, 0);
  world_at (world, 60 * SECOND, want_high, &rungs, 0);
  world_run (world, 100 * SECOND);
  flow_trace (flow, name, 100 * SECOND);
  scenario_row ("raised after it was wanted and possible",
      rungs.raised_at > 0 ? (double) (rungs.raised_at - possible) / SECOND
      : 999, 0, patience, "s");
  scenario_row ("probes until 10 s after it was wanted", 100 * flow_probe_share (flow,
          low_at + SECOND, 70 * SECOND), AT_MOST (2), "%");
  scenario_row ("longest time without a frame", flow_gap_ms (flow,
          low_at + SECOND, 99 * SECOND), AT_MOST (300), "ms");
  scenario_row ("U at the end", flow_rate (flow, 90 * SECOND, 99 * SECOND)
      / HIGH * 100, 85, 105, "%");
}

/* Where the link comes back only after the high rung was wanted, what is waited
 * for is the next probe, and those are few on a slow link. */
static void
low_rung (void)
{
  low_rung_at (20 * SECOND, FALSE, 6, "B9");
  low_rung_at (50 * SECOND, FALSE, 12, "B9 down");
  low_rung_at (60 * SECOND - TENTH, TRUE, 12, "B9 stale");
}

static void
random_loss (void)
{
  static const struct { double loss, goal; } rows[] = { { .02, 85 },
    { .05, 70 }, { .1, 50 } };

  for (guint i = 0; i < 2 * G_N_ELEMENTS (rows); i++) {
    gboolean bursts = i >= G_N_ELEMENTS (rows);
    double loss = rows[i % G_N_ELEMENTS (rows)].loss;
    LinkProfile profile = { .delay_ms = 50, .kbit = 2000, .queue_ms = 300 };
    g_autoptr (World) world = world_new ();
    g_autofree char *what = g_strdup_printf ("U at %g %% loss%s", loss * 100,
        bursts ? " in bursts of four" : "");
    Flow *flow;

    if (bursts) {
      profile.to_good = .25;
      profile.to_bad = .25 * loss / (1 - loss);
      profile.burst_loss = 1;
    } else {
      profile.loss = loss;
    }
    flow = begin (world, &profile, NULL, 0, NULL);
    world_run (world, 60 * SECOND);
    flow_trace (flow, what, 60 * SECOND);
    scenario_row (what, flow_rate (flow, 5 * SECOND, 60 * SECOND) / 20e3,
        rows[i % G_N_ELEMENTS (rows)].goal, 100, "%");
    scenario_row ("Q p95", queue_ms (&flow, 1, .95, 5 * SECOND, 60 * SECOND),
        AT_MOST (100), "ms");
  }
}

static void
set_profile (gpointer data, guint number)
{
  static const LinkProfile profiles[] = {
    { .delay_ms = 20, .kbit = 3000, .queue_ms = 300 },
    { .delay_ms = 150, .kbit = 3000, .queue_ms = 300 },
    { .loss = 1 },
    { .delay_ms = 50, .kbit = 2000, .queue_ms = 300 },
  };

  link_set_profile (data, &profiles[number]);
}

static double
rate_with_jitter (double jitter_ms)
{
  LinkProfile profile = { .delay_ms = 10, .jitter_ms = jitter_ms,
    .kbit = 3000, .queue_ms = 300 };
  g_autoptr (World) world = world_new ();
  Flow *flow = begin (world, &profile, NULL, 0, NULL);

  world_run (world, 60 * SECOND);
  flow_trace (flow, jitter_ms > 0 ? "B11 jitter" : "B11 none", 60 * SECOND);
  return flow_rate (flow, 5 * SECOND, 60 * SECOND);
}

static void
delay_varies (void)
{
  LinkProfile profile = { .delay_ms = 20, .kbit = 3000, .queue_ms = 300 };
  g_autoptr (World) world = world_new ();
  Link *back;
  Flow *flow = begin (world, &profile, NULL, 0, &back);
  double without = rate_with_jitter (0);

  for (guint i = 1; i <= 2; i++) {
    world_at (world, i * 30 * SECOND, set_profile, flow->config.forward, i % 2);
    world_at (world, i * 30 * SECOND, set_profile, back, i % 2);
  }
  world_run (world, 90 * SECOND);
  flow_trace (flow, "B11", 90 * SECOND);
  scenario_row ("from 5 s to 15 s after 20 -> 150 ms", flow_rate (flow,
          35 * SECOND, 45 * SECOND) / 30e3, 70, 100, "%");
  scenario_row ("10 s after 20 -> 150 ms", flow_rate (flow, 40 * SECOND,
          60 * SECOND) / 30e3, 80, 100, "%");
  scenario_row ("10 s after 150 -> 20 ms", flow_rate (flow, 70 * SECOND,
          90 * SECOND) / 30e3, 80, 100, "%");
  scenario_row ("U with jitter of 10+-20 ms, of that without",
      100 * rate_with_jitter (20) / without, 85, 102, "%");
}

static void
outage (void)
{
  LinkProfile profile = { .delay_ms = 50, .kbit = 2000, .queue_ms = 300 };
  g_autoptr (World) world = world_new ();
  Link *back;
  Flow *flow = begin (world, &profile, NULL, 0, &back);

  for (guint i = 0; i < 2; i++) {
    world_at (world, (20 + 5 * i) * SECOND, set_profile,
        flow->config.forward, 2 + i);
    world_at (world, (20 + 5 * i) * SECOND, set_profile, back, 2 + i);
  }
  world_run (world, 45 * SECOND);
  flow_trace (flow, "B12", 45 * SECOND);
  scenario_row ("target 1.5 s into it", flow_target (flow,
          21 * SECOND + MS (500)) / 1e3, 30, 30, "kbit/s");
  scenario_row ("at 80 % in", flow_reaches (flow, MBIT (1.6), 25 * SECOND,
          MS (500)), AT_MOST (2.5), "s");
  scenario_row ("U from 3 s after it", flow_rate (flow, 28 * SECOND,
          45 * SECOND) / 20e3, 80, 100, "%");
  scenario_row ("Q p95 after it", queue_ms (&flow, 1, .95, 25 * SECOND,
          45 * SECOND), AT_MOST (200), "ms");
}

static void
policer (void)
{
  LinkProfile profile = { .delay_ms = 50, .kbit = 1000, .queue_bytes = 16000,
    .policed = TRUE };
  g_autoptr (World) world = world_new ();
  Flow *flow = begin (world, &profile, NULL, 0, NULL);

  world_run (world, 60 * SECOND);
  flow_trace (flow, "B13", 60 * SECOND);
  scenario_row ("U", flow_rate (flow, 5 * SECOND, 60 * SECOND) / 10e3, 75, 100,
      "%");
  scenario_row ("loss", 100 * flow_loss (flow, 5 * SECOND, 60 * SECOND),
      AT_MOST (3), "%");
}

/* A peer that sends nothing but receiver reports, every second. */
static void
receiver_reports (void)
{
  static const LinkStep steps[] = { { 0, 3000 }, { 90 * SECOND, 500 } };
  LinkProfile profile = { .delay_ms = 50, .queue_ms = 300 };
  LinkProfile back = { .delay_ms = 50 };
  g_autoptr (World) world = world_new ();
  FlowConfig config = {
    .forward = world_link (world, &profile, steps, G_N_ELEMENTS (steps)),
    .back = world_link (world, &back, NULL, 0),
    .start = KBIT (300), .most = MBIT (5), .no_feedback = TRUE,
  };
  Flow *flow = flow_new (world, &config);

  world_run (world, 150 * SECOND);
  flow_trace (flow, "RR", 150 * SECOND);
  scenario_row ("target after 9 s", flow_target (flow, 9 * SECOND) / 1e3, 300,
      300, "kbit/s");
  scenario_row ("target after 85 s", flow_target (flow, 85 * SECOND) / 1e3,
      1000, 3000, "kbit/s");
  scenario_row ("U from 20 s after 3 -> 0.5", flow_rate (flow, 110 * SECOND,
          150 * SECOND) / 5e3, 60, 100, "%");
  scenario_row ("loss from then on", 100 * flow_loss (flow, 110 * SECOND,
          150 * SECOND), AT_MOST (5), "%");
}

const Scenario scenarios_rough[] = {
  { "B9", "a low rung, and then a high one", low_rung },
  { "B10", "random loss", random_loss },
  { "B11", "the delay varies, the capacity does not", delay_varies },
  { "B12", "nothing passes for 5 s", outage },
  { "B13", "a policer", policer },
  { "RR", "receiver reports alone", receiver_reports },
  { NULL }
};
