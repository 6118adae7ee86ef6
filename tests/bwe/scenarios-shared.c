/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Several who share a link. */

#include "sim.h"

#define MAX_FLOWS 5

/* Two directions of a link, with flows in the first one. */
typedef struct {
  World *world;
  Link *forward;
  Link *back;
  Flow *flows[MAX_FLOWS];
  guint n;
} Crowd;

static void
crowd_begin (Crowd *crowd, const LinkProfile *profile, const LinkStep *steps,
    guint n_steps)
{
  LinkProfile back = { .delay_ms = profile->delay_ms };

  *crowd = (Crowd) { .world = world_new () };
  crowd->forward = world_link (crowd->world, profile, steps, n_steps);
  crowd->back = world_link (crowd->world, &back, NULL, 0);
}

static void
crowd_add (Crowd *crowd, gint64 from, gint64 extra)
{
  FlowConfig config = { .forward = crowd->forward, .back = crowd->back,
    .extra = extra, .start = KBIT (300), .most = MBIT (5), .from = from };

  crowd->flows[crowd->n++] = flow_new (crowd->world, &config);
}

static void
crowd_end (Crowd *crowd, const char *name, gint64 until)
{
  for (guint i = 0; i < crowd->n; i++) {
    g_autofree char *each = g_strdup_printf ("%s.%u", name, i + 1);

    flow_trace (crowd->flows[i], each, until);
  }
  world_free (crowd->world);
}

/* Returns the sum, and each one's rate in @rates. */
static double
crowd_rates (Crowd *crowd, double *rates, gint64 from, gint64 to)
{
  double sum = 0;

  for (guint i = 0; i < crowd->n; i++)
    sum += rates[i] = flow_rate (crowd->flows[i], from, to);
  return sum;
}

static void
two_flows (void)
{
  static const LinkStep steps[] = { { 0, 4000 }, { 25 * SECOND, 2000 },
    { 50 * SECOND, 3500 }, { 75 * SECOND, 1000 }, { 100 * SECOND, 2000 } };
  LinkProfile profile = { .delay_ms = 50, .queue_ms = 300 };
  Crowd crowd;

  crowd_begin (&crowd, &profile, steps, G_N_ELEMENTS (steps));
  crowd_add (&crowd, 0, 0);
  crowd_add (&crowd, 0, 0);
  world_run (crowd.world, 125 * SECOND);
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
    double rates[MAX_FLOWS], sum = crowd_rates (&crowd, rates,
        steps[i].at + 5 * SECOND, steps[i].at + 25 * SECOND);
    g_autofree char *what = g_strdup_printf ("U at %u kbit/s",
        steps[i].kbit);

    scenario_row (what, sum / steps[i].kbit / 10, 85, 100, "%");
    scenario_row ("Jain", jain (rates, 2), .9, 1, "");
  }
  crowd_end (&crowd, "B2", 125 * SECOND);
}

static void
both_ways (void)
{
  static const LinkStep there[] = { { 0, 2000 }, { 20 * SECOND, 1000 },
    { 40 * SECOND, 500 }, { 60 * SECOND, 2000 } };
  static const LinkStep here[] = { { 0, 2000 }, { 35 * SECOND, 800 },
    { 70 * SECOND, 2000 } };
  LinkProfile profile = { .delay_ms = 50, .queue_ms = 300 };
  Crowd crowd = { .world = world_new () };

  crowd.forward = world_link (crowd.world, &profile, there,
      G_N_ELEMENTS (there));
  crowd.back = world_link (crowd.world, &profile, here, G_N_ELEMENTS (here));
  crowd_add (&crowd, 0, 0);
  crowd.back = crowd.forward;
  crowd.forward = crowd.flows[0]->config.back;
  crowd_add (&crowd, 0, 0);
  world_run (crowd.world, 100 * SECOND);
  for (guint i = 0; i < G_N_ELEMENTS (there) + G_N_ELEMENTS (here); i++) {
    gboolean back = i >= G_N_ELEMENTS (there);
    guint j = back ? i - G_N_ELEMENTS (there) : i;
    const LinkStep *step = back ? &here[j] : &there[j];
    gboolean last = j + 1 == (back ? G_N_ELEMENTS (here)
        : G_N_ELEMENTS (there));
    g_autofree char *what = g_strdup_printf ("U %s at %u kbit/s",
        back ? "back" : "there", step->kbit);

    scenario_row (what, flow_rate (crowd.flows[back], step->at + 5 * SECOND,
            last ? 100 * SECOND : step[1].at) / step->kbit / 10, 75, 100, "%");
  }
  crowd_end (&crowd, "B3", 100 * SECOND);
}

static void
newcomers (void)
{
  LinkProfile profile = { .delay_ms = 50, .kbit = 3500, .queue_ms = 300 };
  double rates[MAX_FLOWS], sum;
  Crowd crowd;

  crowd_begin (&crowd, &profile, NULL, 0);
  for (guint i = 0; i < 3; i++)
    crowd_add (&crowd, i * 20 * SECOND, 0);
  world_run (crowd.world, 120 * SECOND);
  sum = crowd_rates (&crowd, rates, 80 * SECOND, 120 * SECOND);
  scenario_row ("Jain in the last 40 s", jain (rates, 3), .9, 1, "");
  scenario_row ("U in the last 40 s", sum / 35e3, 85, 100, "%");
  scenario_row ("the second at 70 % of its share in",
      flow_reaches (crowd.flows[1], .7 * MBIT (3.5) / 2, 20 * SECOND, SECOND),
      AT_MOST (14), "s");
  scenario_row ("the third at 70 % of its share in",
      flow_reaches (crowd.flows[2], .7 * MBIT (3.5) / 3, 40 * SECOND, SECOND),
      AT_MOST (14), "s");
  crowd_end (&crowd, "B4", 120 * SECOND);
}

static void
different_round_trips (void)
{
  static const guint delays[] = { 10, 25, 50, 100, 150 };
  LinkProfile profile = { .kbit = 4000, .queue_ms = 300 };
  double rates[MAX_FLOWS], sum, least = G_MAXDOUBLE, most = 0;
  Crowd crowd;

  crowd_begin (&crowd, &profile, NULL, 0);
  for (guint i = 0; i < MAX_FLOWS; i++)
    crowd_add (&crowd, i * 10 * SECOND, MS (delays[i]));
  world_run (crowd.world, 300 * SECOND);
  sum = crowd_rates (&crowd, rates, 60 * SECOND, 300 * SECOND);
  for (guint i = 0; i < MAX_FLOWS; i++) {
    least = MIN (least, rates[i]);
    most = MAX (most, rates[i]);
  }
  scenario_row ("largest to smallest", most / least, 1, 2, "");
  scenario_row ("U", sum / 40e3, 85, 100, "%");
  crowd_end (&crowd, "B5", 300 * SECOND);
}

static void
beside_tcp (void)
{
  LinkProfile profile = { .delay_ms = 50, .kbit = 2000, .queue_ms = 300 };

  for (guint cubic = 0; cubic < 2; cubic++) {
    double rate, other;
    Crowd crowd;
    Tcp *tcp;

    crowd_begin (&crowd, &profile, NULL, 0);
    crowd_add (&crowd, 0, 0);
    tcp = tcp_new (crowd.world, crowd.forward, MS (50), cubic, 5 * SECOND, 0);
    world_run (crowd.world, 120 * SECOND);
    rate = flow_rate (crowd.flows[0], 20 * SECOND, 120 * SECOND);
    other = tcp_rate (tcp, 20 * SECOND, 120 * SECOND);
    scenario_row (cubic ? "share beside CUBIC" : "share beside Reno",
        100 * rate / (rate + other), 25, 75, "%");
    scenario_row ("U of both", (rate + other) / 20e3, 85, 101, "%");
    crowd_end (&crowd, "B6", 120 * SECOND);
  }
}

static void
set_pause (gpointer flow, guint paused)
{
  flow_pause (flow, paused);
}

static void
pause_and_resume (void)
{
  LinkProfile profile = { .delay_ms = 50, .kbit = 3500, .queue_ms = 300 };
  double rates[MAX_FLOWS];
  Crowd crowd;

  crowd_begin (&crowd, &profile, NULL, 0);
  for (guint i = 0; i < 3; i++)
    crowd_add (&crowd, i * SECOND, 0);
  world_at (crowd.world, 40 * SECOND, set_pause, crowd.flows[0], TRUE);
  world_at (crowd.world, 60 * SECOND, set_pause, crowd.flows[0], FALSE);
  world_run (crowd.world, 120 * SECOND);
  scenario_row ("the others meanwhile", (flow_rate (crowd.flows[1],
          50 * SECOND, 60 * SECOND) + flow_rate (crowd.flows[2],
          50 * SECOND, 60 * SECOND)) / 35e3, 85, 100, "%");
  scenario_row ("at 80 % of its share in", flow_reaches (crowd.flows[0],
          .8 * MBIT (3.5) / 3, 60 * SECOND, SECOND), AT_MOST (3), "s");
  crowd_rates (&crowd, rates, 80 * SECOND, 120 * SECOND);
  scenario_row ("Jain in the last 40 s", jain (rates, 3), .9, 1, "");
  crowd_end (&crowd, "B7", 120 * SECOND);
}

const Scenario scenarios_shared[] = {
  { "B2", "two flows, capacity varies (RFC 8867, 5.2)", two_flows },
  { "B3", "both ways (RFC 8867, 5.3)", both_ways },
  { "B4", "three flows, one after the other (RFC 8867, 5.4)", newcomers },
  { "B5", "five round-trip times (RFC 8867, 5.5)", different_round_trips },
  { "B6", "beside TCP (RFC 8867, 5.6)", beside_tcp },
  { "B7", "pause and resume (RFC 8867, 5.8)", pause_and_resume },
  { NULL }
};
