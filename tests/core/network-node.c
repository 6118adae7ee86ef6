/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A member: carries out what its room wants, over a model of WebRTC that
 * connects two when both have each other's descriptions of one attempt. */

#include <string.h>

#include "network-private.h"

static guint
index_of (Sim *sim, const char *id)
{
  for (guint i = 0; i < sim->n; i++) {
    if (g_strcmp0 (sim->nodes[i].id, id) == 0)
      return i;
  }
  g_assert_not_reached ();
}

static void
send_json (Sim *sim, int what, guint node, gint64 at, const char *json)
{
  Event *event = sim_add_event (sim, what, node, at);

  event->text = g_strdup (json);
}

static void
send_message (Sim *sim, guint index, const MeshMessage *message)
{
  Node *node = &sim->nodes[index];
  g_autofree char *json = mesh_message_to_json (message);

  sim->n_messages++;
  if (sim->no_server) {
    for (guint i = 0; i < sim->n; i++) {
      if (i != index && sim->nodes[i].room)
        send_json (sim, TO_NODE, i, sim_channel_time (sim, index, i), json);
    }
  } else if (node->online) {
    send_json (sim, TO_SERVER, index,
        sim_channel_time (sim, index, SERVER), json);
  } else {
    g_ptr_array_add (node->unsent, g_steal_pointer (&json));
  }
}

static void
start (Sim *sim, guint index, guint other, const MeshRoomAction *action)
{
  Link *link = &sim->nodes[index].links[other];

  /* one at a time, but for a connection that gives way to another */
  g_assert_null (link->sid);
  memset (link, 0, sizeof *link);
  link->sid = g_strdup (action->sid);
  link->offerer = action->offerer;
  if (!link->offerer)
    return;
  /* one side of an attempt offers, and never the other */
  g_assert_false (g_hash_table_contains (sim->offerers, action->sid));
  g_hash_table_insert (sim->offerers, g_strdup (action->sid),
      GUINT_TO_POINTER (index + 1));
  g_assert_cmpstr (action->codecs[0], ==, "VP8");
  {
    Event *event
        = sim_add_event (sim, SDP, index, sim->now + sim_some_delay (sim));

    event->other = other;
    event->text = g_strdup (action->sid);
  }
}

static void
try_connect (Sim *sim, guint index, guint other, guint tries)
{
  Link *link = &sim->nodes[index].links[other];
  Event *event;

  if (!link->have_local || !link->have_remote)
    return;
  event = sim_add_event (sim, CONNECT, index, sim->now + sim_some_delay (sim));
  event->other = other;
  event->text = g_strdup (link->sid);
  event->number = tries;
}

static void
remote_sdp (Sim *sim, guint index, guint other, const MeshRoomAction *action)
{
  Link *link = &sim->nodes[index].links[other];

  g_assert_cmpstr (link->sid, ==, action->sid);
  g_assert_false (link->have_remote);
  g_assert_cmpstr (action->sdp_type, ==, link->offerer ? "answer" : "offer");
  link->have_remote = TRUE;
  if (!link->offerer) {
    Event *event
        = sim_add_event (sim, SDP, index, sim->now + sim_some_delay (sim));

    event->other = other;
    event->text = g_strdup (link->sid);
  }
  try_connect (sim, index, other, 0);
}

static void
stop (Link *link, const char *sid)
{
  g_assert_cmpstr (link->sid, ==, sid);
  g_clear_pointer (&link->sid, g_free);
}

/* The connection is set aside, or what was set aside is gone back to. */
static void
move (Link *from, Link *to, const char *sid)
{
  g_assert_cmpstr (from->sid, ==, sid);
  g_assert_true (from->connected);
  g_assert_null (to->sid);
  *to = *from;
  memset (from, 0, sizeof *from);
}

static void
carry_out (Sim *sim, guint index, const MeshRoomAction *action)
{
  Node *node = &sim->nodes[index];
  guint other;

  if (action->type == MESH_ROOM_SEND) {
    send_message (sim, index, action->message);
    return;
  }
  other = index_of (sim, action->peer);
  switch (action->type) {
    case MESH_ROOM_START:
      start (sim, index, other, action);
      break;
    case MESH_ROOM_STOP:
      stop (&node->links[other], action->sid);
      break;
    case MESH_ROOM_DROP:
      stop (&node->old[other], action->sid);
      break;
    case MESH_ROOM_RETIRE:
      move (&node->links[other], &node->old[other], action->sid);
      break;
    case MESH_ROOM_BACK:
      move (&node->old[other], &node->links[other], action->sid);
      break;
    case MESH_ROOM_REMOTE_SDP:
      remote_sdp (sim, index, other, action);
      break;
    case MESH_ROOM_REMOTE_CANDIDATE:
      g_assert_cmpstr (node->links[other].sid, ==, action->sid);
      g_assert_true (node->links[other].have_remote);
      break;
    case MESH_ROOM_PEER_ADDED:
      g_assert_false (node->shown[other]);
      node->shown[other] = TRUE;
      break;
    case MESH_ROOM_PEER_REMOVED:
      g_assert_true (node->shown[other]);
      node->shown[other] = FALSE;
      break;
    default:
      break;
  }
}

void
sim_run_actions (Sim *sim, guint index)
{
  Node *node = &sim->nodes[index];
  MeshRoomAction action;

  while (node->room && mesh_room_pop_action (node->room, &action)) {
    carry_out (sim, index, &action);
    mesh_room_action_clear (&action);
  }
}

void
sim_start (Sim *sim, guint index)
{
  Node *node = &sim->nodes[index];
  g_autofree char *inc = g_strdup_printf ("%016x", ++sim->incs);
  MeshRoomConfig config = {
    .id = node->id,
    .room = sim->no_server ? NULL : ROOM_ID,
    .inc = inc,
    .max_peers = 32,
    .name = node->id,
  };

  if (node->room)
    return;
  node->room = mesh_room_new (&config);
  node->life++;
  mesh_room_join (node->room, sim->now);
  if (!sim->no_server)
    sim_connect (sim, index, FALSE);
  sim_run_actions (sim, index);
}

void
sim_clear_node (Node *node)
{
  for (guint i = 0; i < MAX_NODES; i++) {
    g_clear_pointer (&node->links[i].sid, g_free);
    g_clear_pointer (&node->old[i].sid, g_free);
    node->shown[i] = FALSE;
  }
  g_clear_pointer (&node->room, mesh_room_free);
  g_ptr_array_set_size (node->unsent, 0);
  node->life++;
}

void
sim_on_sdp (Sim *sim, Event *event)
{
  Node *node = &sim->nodes[event->node];
  Link *link = &node->links[event->other];
  const char *peer = sim->nodes[event->other].id;

  if (g_strcmp0 (link->sid, event->text) != 0)
    return;
  link->have_local = TRUE;
  mesh_room_local_candidate (node->room, peer, link->sid, "candidate:1", 0,
      NULL, sim->now);
  mesh_room_local_sdp (node->room, peer, link->sid,
      link->offerer ? "offer" : "answer", "v=0", sim->now);
  mesh_room_local_candidate (node->room, peer, link->sid, "", 0, NULL,
      sim->now);
  try_connect (sim, event->node, event->other, 0);
}

static void
add_heard (Sim *sim, guint index, guint other, const char *sid)
{
  Event *event = sim_add_event (sim, HEARD, index, sim->now + MS (1000));

  event->other = other;
  event->text = g_strdup (sid);
}

void
sim_on_connect (Sim *sim, Event *event)
{
  Node *node = &sim->nodes[event->node];
  Link *link = &node->links[event->other];
  Link *back = &sim->nodes[event->other].links[event->node];

  if (g_strcmp0 (link->sid, event->text) != 0 || link->connected)
    return;
  if (g_strcmp0 (link->sid, back->sid) != 0 || !back->have_local
      || !back->have_remote) {
    if (event->number < 1000)
      try_connect (sim, event->node, event->other, event->number + 1);
    return;
  }
  link->connected = TRUE;
  mesh_room_connected (node->room, sim->nodes[event->other].id, link->sid,
      sim->now);
  mesh_room_shown (node->room, sim->nodes[event->other].id, link->sid,
      sim->now);
  add_heard (sim, event->node, event->other, link->sid);
}

static gboolean
has (const Node *node, guint other, const char *sid)
{
  return g_strcmp0 (node->links[other].sid, sid) == 0
         || g_strcmp0 (node->old[other].sid, sid) == 0;
}

void
sim_on_heard (Sim *sim, Event *event)
{
  Node *node = &sim->nodes[event->node];
  Node *other = &sim->nodes[event->other];

  if (!has (node, event->other, event->text))
    return;
  if (has (other, event->node, event->text))
    mesh_room_heard (node->room, other->id, event->text, sim->now);
  add_heard (sim, event->node, event->other, event->text);
}

void
sim_on_to_node (Sim *sim, Event *event)
{
  Node *node = &sim->nodes[event->node];
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshMessage) message
      = mesh_message_parse (event->text, strlen (event->text), &error);

  g_assert_no_error (error);
  if (g_getenv ("MESH_SIM_TRACE"))
    g_printerr ("# %6.1f ms: to %u: %s\n", sim->now / 1000.0, event->node,
        event->text);
  mesh_room_feed (node->room, message, sim->now);
}
