/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What goes wrong. Every fault that lasts has an end, and after the last one
 * the world is a good one. */

#include "sim.h"

static const char *const names[N_FAULTS] = { "start", "kill", "kill-after",
  "restart", "leave", "cut", "cut-after", "pause", "suspend", "outage",
  "partition", "deaf", "ice", "state", "server-kill", "server-kill-after",
  "server-pause", "loss" };

const char *
sim_fault_name (FaultKind kind)
{
  return names[kind];
}

gboolean
sim_is_stopped (World *world, const Node *node)
{
  return node->resume_at > world->now;
}

static void
note_trouble (World *world, guint a, guint b)
{
  world->trouble[a][b] = world->trouble[b][a] = world->now;
}

static void
note_trouble_of (World *world, guint index)
{
  for (guint i = 0; i < world->n; i++)
    note_trouble (world, index, i);
}

static void
heal_later (World *world, const Fault *fault)
{
  sim_post (world, (Event) { .kind = EVENT_HEAL,
      .number = fault - world->schedule->faults,
      .at = fault->at + fault->duration });
}

static void
cut_off (World *world, const Fault *fault, int by)
{
  for (guint i = 0; i < world->n; i++) {
    for (guint j = 0; j < world->n; j++) {
      gboolean cut = fault->kind == FAULT_DEAF
          ? i == fault->other && j == fault->node && i != j
          : (fault->how >> i & 1) != (fault->how >> j & 1);

      if (cut) {
        world->cut[i][j] += by;
        note_trouble (world, i, j);
      }
    }
  }
}

static void
outage (World *world, const Fault *fault)
{
  Node *node = &world->nodes[fault->node];
  guint wire = node->client.wire;

  if (node->out)
    return;
  node->out = TRUE;
  note_trouble_of (world, fault->node);
  if (wire)
    sim_wire (world, wire)->stalled_until = fault->at + fault->duration;
  heal_later (world, fault);
}

static void
halt (World *world, const Fault *fault)
{
  Node *node = &world->nodes[fault->node];

  if (!node->room || sim_is_stopped (world, node))
    return;
  node->resume_at = fault->at + fault->duration;
  if (fault->kind == FAULT_SUSPEND)
    node->slept += fault->duration;
  note_trouble_of (world, fault->node);
  /* its clock has jumped, or stands */
  sim_touch (world, fault->node);
  heal_later (world, fault);
}

static void
cut_wire (World *world, const Fault *fault)
{
  guint wire = world->nodes[fault->node].client.wire;

  if (world->schedule->mode != MODE_HUB) {
    sim_forward_cut (world, fault->node);
    heal_later (world, fault);
  } else if (wire && fault->kind == FAULT_CUT) {
    sim_wire_break (world, wire, fault->how % 8);
  } else if (wire) {
    sim_wire (world, wire)->cut_after = 1 + fault->how % 40;
  }
}

/* A connection fails, or its end thinks that it will. */
static void
fail_ice (World *world, const Fault *fault)
{
  const char *sid;
  Node *node = &world->nodes[fault->node];
  Link *link = node->links[fault->other];

  if (!node->room || sim_is_stopped (world, node))
    return;
  if (!link->sid)
    link++;
  if (!link->sid)
    return;
  note_trouble (world, fault->node, fault->other);
  sid = g_array_index (world->sids, Sid, link->sid).text;
  if (fault->how % 2)
    sim_room_failed (node->room, world->nodes[fault->other].id, sid,
        sim_node_now (world, node));
  else
    sim_room_renew (node->room, world->nodes[fault->other].id, sid,
        sim_node_now (world, node));
  sim_run_actions (world, fault->node);
}

static void
change_state (World *world, const Fault *fault)
{
  Node *node = &world->nodes[fault->node];

  if (!node->room || sim_is_stopped (world, node))
    return;
  node->muted = !node->muted;
  sim_room_set_muted (node->room, "n", node->muted,
      sim_node_now (world, node));
  node->wants = fault->how % 4;
  for (guint i = 0; i < world->n; i++)
    sim_room_want (node->room, world->nodes[i].id, node->wants,
        sim_node_now (world, node));
  sim_run_actions (world, fault->node);
}

static void
fault_of_server (World *world, const Fault *fault)
{
  world->server_trouble = world->now;
  if (fault->kind == FAULT_SERVER_KILL)
    sim_server_kill (world, fault->how);
  else if (fault->kind == FAULT_SERVER_KILL_AFTER)
    world->server_doom = 1 + fault->how % 100;
  else if (world->hub)
    world->server_resume_at
        = MAX (world->server_resume_at, fault->at + fault->duration);
}

/* A board without a battery, or one that was told a wrong date: the clock is
 * behind that of the life before, or was years ahead of what it is now. */
static void
set_clock (Node *node, guint how)
{
  static const gint64 years = G_GINT64_CONSTANT (300000000000);

  if (how == 1)
    node->inc = -years;
  else if (how == 2)
    node->inc = years;
  else if (how == 3)
    node->inc -= 30000;
}

static void
fault_of_member (World *world, const Fault *fault)
{
  Node *node = &world->nodes[fault->node];

  switch (fault->kind) {
    case FAULT_START:
      if (!node->room)
        set_clock (node, fault->how >> 4 & 7);
      sim_start (world, fault->node, fault->how & 8);
      break;
    case FAULT_KILL:
      sim_kill (world, fault->node, fault->how);
      break;
    case FAULT_KILL_AFTER:
      node->doom = node->room ? 1 + fault->how % 40 : 0;
      break;
    case FAULT_RESTART:
      if (!node->room)
        break;
      sim_kill (world, fault->node, fault->how);
      set_clock (node, fault->how >> 4 & 7);
      sim_start (world, fault->node, fault->how & 8);
      break;
    case FAULT_LEAVE:
      sim_leave (world, fault->node);
      break;
    case FAULT_STATE:
      change_state (world, fault);
      break;
    default:
      fail_ice (world, fault);
      break;
  }
}

void
sim_fault (World *world, const Fault *fault)
{
  sim_tell (world, "== %s %u %u", names[fault->kind], fault->node,
      fault->other);
  switch (fault->kind) {
    case FAULT_CUT:
    case FAULT_CUT_AFTER:
      cut_wire (world, fault);
      break;
    case FAULT_PAUSE:
    case FAULT_SUSPEND:
      halt (world, fault);
      break;
    case FAULT_OUTAGE:
      outage (world, fault);
      break;
    case FAULT_PARTITION:
    case FAULT_DEAF:
      cut_off (world, fault, 1);
      heal_later (world, fault);
      break;
    case FAULT_SERVER_KILL:
    case FAULT_SERVER_KILL_AFTER:
    case FAULT_SERVER_PAUSE:
      fault_of_server (world, fault);
      break;
    case FAULT_LOSS:
      world->lossy = TRUE;
      heal_later (world, fault);
      break;
    default:
      fault_of_member (world, fault);
      break;
  }
}

/* There is a network again. */
static void
hurry (World *world, guint index)
{
  Node *node = &world->nodes[index];

  if (!node->room || sim_is_stopped (world, node))
    return;
  sim_room_hurry (node->room, sim_node_now (world, node));
  sim_run_actions (world, index);
}

void
sim_heal (World *world, const Fault *fault)
{
  Node *node = &world->nodes[fault->node];

  sim_tell (world, "== end of %s %u", names[fault->kind], fault->node);
  switch (fault->kind) {
    case FAULT_OUTAGE:
      node->out = FALSE;
      note_trouble_of (world, fault->node);
      hurry (world, fault->node);
      break;
    case FAULT_PAUSE:
    case FAULT_SUSPEND:
      note_trouble_of (world, fault->node);
      break;
    case FAULT_PARTITION:
    case FAULT_DEAF:
      cut_off (world, fault, -1);
      break;
    case FAULT_CUT:
    case FAULT_CUT_AFTER:
      if (node->room && node->client.state == WAITING)
        sim_forward_back (world, fault->node);
      break;
    case FAULT_LOSS:
      world->lossy = FALSE;
      break;
    default:
      break;
  }
}

/* What was to go wrong later, does not. */
void
sim_faults_end (World *world)
{
  world->server_doom = 0;
  world->lossy = FALSE;
  for (guint i = 0; i < world->n; i++) {
    world->nodes[i].doom = 0;
    if (world->schedule->mode == MODE_HUB && world->nodes[i].client.wire)
      sim_wire (world, world->nodes[i].client.wire)->cut_after = 0;
  }
}
