/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Services that only pass messages on: nobody says who is there, and what is
 * sent to somebody who is not connected is gone. In MODE_FORWARD there are
 * addresses, and a word when one is connected; who hosts, listens at the
 * room's. In MODE_BROADCAST everybody gets everything, and that is all. */

#include "sim.h"

void
sim_forward_start (World *world, guint index)
{
  Client *client = &world->nodes[index].client;

  g_array_set_size (client->unsent, 0);
  client->state = ONLINE;
  if (world->schedule->mode == MODE_FORWARD)
    sim_forward_back (world, index);
}

/* Unordered, as far as the schedule is lossy. */
static void
pass_on (World *world, guint from, guint to, guint message)
{
  guint copies = 1;

  if (world->lossy) {
    guint luck = sim_random (world) % 16;

    copies = luck < 3 ? 0 : luck < 5 ? 2 : 1;
  }
  for (guint i = 0; i < copies; i++) {
    Wire *wire = sim_wire (world, 1 + from * MAX_NODES + to);
    gint64 at = world->now + sim_delay (world);

    if (world->lossy)
      at += sim_random (world) % 8 ? 0 : sim_range (world, 0, 4 * SECOND);
    else
      at = wire->up_last = MAX (wire->up_last + 1, at);
    sim_post (world, (Event) { .kind = EVENT_MESSAGE, .node = to,
        .number = world->nodes[to].life, .index = message, .at = at });
  }
}

void
sim_forward_send (World *world, guint index, guint to, guint message)
{
  Node *node = &world->nodes[index];

  if (world->wires->len == 1)
    g_array_set_size (world->wires, 1 + MAX_NODES * MAX_NODES);
  if (node->client.state != ONLINE || node->out) {
    Unsent unsent = { 0, to, message };

    if (world->schedule->mode == MODE_FORWARD && !node->out)
      g_array_append_val (node->client.unsent, unsent);
    return;
  }
  for (guint i = 0; i < world->n; i++) {
    Node *other = &world->nodes[i];

    if (i == index || !other->room || (to != ROOM && to != i))
      continue;
    if (to == ROOM && world->schedule->mode == MODE_FORWARD
        && !sim_room_hosts (other->room))
      continue;
    pass_on (world, index, i, message);
  }
}

void
sim_forward_takes (World *world, const Event *event)
{
  Node *node = &world->nodes[event->node];

  if (event->number != node->life || node->client.state != ONLINE || node->out)
    return;
  sim_feed (world, event->node, event->index);
}

/* Connected (again): whatever came meanwhile is lost. */
void
sim_forward_back (World *world, guint index)
{
  Node *node = &world->nodes[index];
  g_autoptr (GArray) unsent = node->client.unsent;
  MeshMessage *message;

  node->client.state = ONLINE;
  node->client.unsent = g_array_new (FALSE, FALSE, sizeof (Unsent));
  for (guint i = 0; i < unsent->len; i++) {
    Unsent *waiting = &g_array_index (unsent, Unsent, i);

    sim_forward_send (world, index, waiting->to, waiting->message);
  }
  if (world->schedule->mode != MODE_FORWARD)
    return;
  message = mesh_message_new (MESH_MESSAGE_WELCOME);
  message->id = g_strdup (node->id);
  message->room = g_strdup ("99999999-0000-4000-8000-000000000000");
  sim_feed (world, index, sim_message (world, message));
}

void
sim_forward_cut (World *world, guint index)
{
  Node *node = &world->nodes[index];

  if (node->client.state != ONLINE)
    return;
  node->client.state = WAITING;
  if (world->schedule->mode == MODE_FORWARD)
    sim_feed_offline (world, index);
}
