/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A member: the real room, and below it a model of WebRTC that connects two
 * when both have each other's descriptions of one attempt and a path. */

#include "sim.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_ID "99999999-0000-4000-8000-000000000000"

/* Takes @message. */
guint
sim_message (World *world, MeshMessage *message)
{
  g_ptr_array_add (world->messages, message);
  return world->messages->len - 1;
}

int
sim_node_of (World *world, const char *id)
{
  /* an id ends in the number of its node */
  guint i = id && strlen (id) == 36 ? (guint) (id[35] - '0') : MAX_NODES;

  return i < world->n && strcmp (world->nodes[i].id, id) == 0 ? (int) i : -1;
}

Link *
sim_link (Node *node, guint other, guint sid)
{
  for (guint i = 0; i < 2; i++) {
    if (node->links[other][i].sid == sid)
      return &node->links[other][i];
  }
  return NULL;
}

/* The one beside @link; it may be none. */
Link *
sim_other_link (Node *node, guint other, const Link *link)
{
  return &node->links[other][link == &node->links[other][0]];
}

static guint
intern_sid (World *world, const char *text)
{
  guint index = GPOINTER_TO_UINT (
      g_hash_table_lookup (world->sid_index, text));
  Sid sid = { .caller = -1, .callee = -1 };

  if (index)
    return index;
  index = world->sids->len;
  g_strlcpy (sid.text, text, sizeof sid.text);
  g_array_append_val (world->sids, sid);
  g_hash_table_insert (world->sid_index, g_strdup (text),
      GUINT_TO_POINTER (index));
  return index;
}

static const char *
sid_text (World *world, guint sid)
{
  return g_array_index (world->sids, Sid, sid).text;
}

static void
describe_later (World *world, guint index, guint other, guint sid)
{
  sim_post (world, (Event) { .kind = EVENT_SDP, .node = index, .other = other,
      .number = world->nodes[index].life, .index = sid,
      .at = world->now + sim_delay (world) });
}

static gboolean
is_open (World *world, guint from, guint to)
{
  return !world->cut[from][to] && !world->nodes[from].out
         && !world->nodes[to].out
         && !sim_is_stopped (world, &world->nodes[from]);
}

static void
try_connect (World *world, guint index, guint other, Link *link)
{
  Link *back = sim_link (&world->nodes[other], index, link->sid);

  if (link->connecting || !link->have_local || !link->have_remote || !back
      || !back->have_local || !back->have_remote
      || !is_open (world, index, other) || !is_open (world, other, index))
    return;
  for (guint i = 0; i < 2; i++)
    sim_post (world, (Event) { .kind = EVENT_CONNECTED,
        .node = i ? other : index, .other = i ? index : other,
        .number = world->nodes[i ? other : index].life, .index = link->sid,
        .at = world->now + sim_delay (world) });
  link->connecting = back->connecting = TRUE;
}

static void
start (World *world, guint index, guint other, const MeshRoomAction *action)
{
  Node *node = &world->nodes[index];
  guint sid = intern_sid (world, action->sid);
  Link *link = sim_link (node, other, 0);

  sim_tell (world, "%u: starts %s with %u%s", index, action->sid, other,
      action->offerer ? ", offers" : "");
  sim_check_start (world, index, other, action, sid);
  if (world->violation)
    return;
  *link = (Link) { .sid = sid, .offerer = action->offerer,
    .began_at = world->now };
  node->wanted[other] = UNKNOWN;
  if (link->offerer)
    describe_later (world, index, other, sid);
}

/* What becomes of an attempt: it ends, is set aside, or gone back to. */
static void
change (World *world, guint index, guint other, const MeshRoomAction *action)
{
  guint sid = intern_sid (world, action->sid);
  Link *link = sim_link (&world->nodes[index], other, sid);
  gboolean is_of_old = action->type == MESH_ROOM_DROP
                       || action->type == MESH_ROOM_BACK;

  sim_tell (world, "%u: %s %s with %u: %s", index,
      sim_room_action_name (action->type), action->sid, other,
      action->reason ? action->reason : "");
  if (!link || link->aside != is_of_old) {
    sim_violation (world, "S10: %u has no attempt with %u that it could %s",
        index, other, sim_room_action_name (action->type));
  } else if (action->type == MESH_ROOM_RETIRE) {
    sim_check_retire (world, index, other, link);
    link->aside = TRUE;
  } else if (action->type == MESH_ROOM_BACK) {
    sim_check_back (world, index, other, link);
    link->aside = FALSE;
    world->nodes[index].wanted[other] = UNKNOWN;
  } else {
    if (is_of_old)
      sim_check_drop (world, index, other, action, link);
    sim_check_stop (world, index, other, link, action->reason);
    *link = (Link) { 0 };
  }
}

static void
remote_sdp (World *world, guint index, guint other,
    const MeshRoomAction *action)
{
  guint sid = intern_sid (world, action->sid);
  Link *link = sim_link (&world->nodes[index], other, sid);

  if (!link || strtoul (action->sdp, NULL, 10) != sid
      || link->have_remote
      || (strcmp (action->sdp_type, "offer") == 0) == link->offerer) {
    sim_violation (world, "S5: %u took a description from %u that is not of "
        "this attempt", index, other);
    return;
  }
  link->have_remote = TRUE;
  if (!link->offerer)
    describe_later (world, index, other, sid);
  try_connect (world, index, other, link);
}

static void
wanted (World *world, guint index, guint other, const MeshRoomAction *action)
{
  Node *node = &world->nodes[index];
  Link *link = sim_link (node, other, intern_sid (world, action->sid));

  sim_tell (world, "%u: %u wants %u", index, other, action->want.width);
  if (!link || link->aside)
    sim_violation (world, "%u is told what %u wants of another attempt", index,
        other);
  node->wanted[other] = action->want.width;
}

static void
show (World *world, guint index, guint other, gboolean shown,
    const char *reason)
{
  Node *node = &world->nodes[index];

  sim_tell (world, "%u: %u %s%s", index, other,
      shown ? "is there" : "is gone: ", shown ? "" : reason);
  if (node->shown[other] == shown)
    sim_violation (world, "%u %s %u twice", index,
        shown ? "shows" : "removes", other);
  node->shown[other] = shown;
}

static void
send (World *world, guint index, MeshRoomAction *action)
{
  MeshMessage *message = g_steal_pointer (&action->message);
  int to = sim_node_of (world, message->to);
  guint number = sim_message (world, message);

  if (world->trace)
    sim_tell (world, "%u: sends %s to %c %s%s", index,
        mesh_message_type_name (message->type), to < 0 ? '*' : '0' + to,
        message->sid ? message->sid : "",
        message->sdp_type ? message->sdp_type
            : message->reason ? message->reason : "");
  if (world->schedule->mode == MODE_HUB)
    sim_client_send (world, index, to < 0 ? ROOM : (guint) to, number);
  else
    sim_forward_send (world, index, to < 0 ? ROOM : (guint) to, number);
}

/* Somebody knows a life of this one whose clock was ahead. */
static void
reincarnate (World *world, guint index, const char *newest)
{
  Node *node = &world->nodes[index];
  g_autofree char *ms = g_strndup (newest, 12);
  g_autofree char *inc = g_strdup_printf ("%012" G_GINT64_MODIFIER "x%04x",
      g_ascii_strtoull (ms, NULL, 16) + 1 + sim_random (world) % 65536,
      node->life + index * 256);

  if (!sim_room_reincarnate (node->room, inc, sim_node_now (world, node)))
    return;
  sim_tell (world, "%u: goes on as %s", index, inc);
  /* what there was ends, by its own doing */
  for (guint i = 0; i < world->n; i++)
    world->trouble[index][i] = world->trouble[i][index] = world->now;
}

static void
carry_out (World *world, guint index, MeshRoomAction *action)
{
  int other = sim_node_of (world, action->peer);
  guint sid;
  Link *link;

  switch (action->type) {
    case MESH_ROOM_SEND:
      send (world, index, action);
      break;
    case MESH_ROOM_START:
      start (world, index, other, action);
      break;
    case MESH_ROOM_STOP:
    case MESH_ROOM_RETIRE:
    case MESH_ROOM_BACK:
    case MESH_ROOM_DROP:
      change (world, index, other, action);
      break;
    case MESH_ROOM_REMOTE_SDP:
      remote_sdp (world, index, other, action);
      break;
    case MESH_ROOM_REMOTE_CANDIDATE:
      sid = intern_sid (world, action->sid);
      link = sim_link (&world->nodes[index], other, sid);
      if (!link || !link->have_remote)
        sim_violation (world, "%u: a candidate before its description", index);
      break;
    case MESH_ROOM_WANTED:
      wanted (world, index, other, action);
      break;
    case MESH_ROOM_PEER_ADDED:
      show (world, index, other, TRUE, NULL);
      break;
    case MESH_ROOM_PEER_REMOVED:
      show (world, index, other, FALSE, action->reason);
      break;
    case MESH_ROOM_OUTDATED:
      reincarnate (world, index, action->text);
      break;
    default:
      break;
  }
}

void
sim_run_actions (World *world, guint index)
{
  Node *node = &world->nodes[index];
  MeshRoomAction action;

  while (!world->violation && node->room
         && sim_room_pop_action (node->room, &action)) {
    carry_out (world, index, &action);
    mesh_room_action_clear (&action);
    if (node->doom > 0 && --node->doom == 0)
      sim_kill (world, index, sim_random (world));
  }
  if (!world->violation)
    sim_check_step (world, index);
  sim_touch (world, index);
}

void
sim_feed (World *world, guint index, guint number)
{
  Node *node = &world->nodes[index];
  MeshMessage *message = g_ptr_array_index (world->messages, number);
  int from = sim_node_of (world, message->from);

  if (!node->room)
    return;
  if (world->trace && message->type < MESH_MESSAGE_WELCOME)
    sim_tell (world, "%u: gets %s of %i %s%s", index,
        mesh_message_type_name (message->type), from,
        message->sid ? message->sid : "",
        message->sdp_type ? message->sdp_type
            : message->reason ? message->reason : "");
  else if (world->trace && message->id)
    sim_tell (world, "%u: hears %s of %i", index,
        mesh_message_type_name (message->type),
        sim_node_of (world, message->id));
  if (from >= 0 && message->type == MESH_MESSAGE_BYE && !message->sid
      && strcmp (message->inc, node->gone_inc[from]) > 0)
    g_strlcpy (node->gone_inc[from], message->inc, 17);
  sim_room_feed (node->room, message, sim_node_now (world, node));
  sim_run_actions (world, index);
}

void
sim_feed_offline (World *world, guint index)
{
  Node *node = &world->nodes[index];
  MeshMessage message = { .type = MESH_MESSAGE_OFFLINE };

  if (!node->room)
    return;
  sim_tell (world, "%u: offline", index);
  sim_room_feed (node->room, &message, sim_node_now (world, node));
  sim_run_actions (world, index);
}

void
sim_start (World *world, guint index, gboolean other_token)
{
  Node *node = &world->nodes[index];
  gint64 wall = G_GINT64_CONSTANT (1700000000000) + node->inc
                + world->now / 1000;
  g_autofree char *inc = g_strdup_printf ("%012" G_GINT64_MODIFIER "x%04x",
      wall, node->life + index * 256);
  MeshRoomConfig config = {
    .id = node->id,
    .room = world->schedule->mode == MODE_BROADCAST ? NULL : ROOM_ID,
    .inc = inc,
    .max_peers = 32,
    .name = "n",
  };

  if (node->room)
    return;
  sim_tell (world, "%u: starts, %s", index, inc);
  node->life++;
  node->muted = FALSE;
  node->wants = index % 3;
  node->doom = 0;
  node->resume_at = 0;
  memset (node->gone_inc, 0, sizeof node->gone_inc);
  if (other_token || !node->client.token[0])
    g_snprintf (node->client.token, sizeof node->client.token,
        "%022" G_GINT64_MODIFIER "x", sim_random (world));
  node->room = sim_room_new (world, &config, node->is_page);
  sim_room_join (node->room, sim_node_now (world, node));
  if (world->schedule->mode == MODE_HUB)
    sim_client_start (world, index);
  else
    sim_forward_start (world, index);
  sim_run_actions (world, index);
}

static void
end (World *world, guint index)
{
  Node *node = &world->nodes[index];

  g_clear_pointer (&node->room, sim_room_free);
  memset (node->links, 0, sizeof node->links);
  memset (node->shown, 0, sizeof node->shown);
  memset (node->early, 0, sizeof node->early);
  node->life++;
  node->ended_at = world->now;
  node->doom = 0;
  node->resume_at = 0;
  sim_touch (world, index);
}

/* @how: 1 the server notices, 2 its last words get lost. */
void
sim_kill (World *world, guint index, guint how)
{
  Client *client = &world->nodes[index].client;
  guint wire = client->wire;

  if (!world->nodes[index].room)
    return;
  sim_tell (world, "%u: is killed", index);
  client->state = OFF;
  client->wire = 0;
  client->attempt++;
  if (wire)
    sim_wire_break (world, wire, (how & 1 ? 2 : 0) | (how & 2 ? 4 : 0));
  end (world, index);
}

void
sim_leave (World *world, guint index)
{
  Node *node = &world->nodes[index];

  if (!node->room || sim_is_stopped (world, node))
    return;
  sim_tell (world, "%u: leaves", index);
  sim_room_leave (node->room, sim_node_now (world, node));
  sim_run_actions (world, index);
  if (!node->room)
    return;
  for (guint i = 0; i < world->n; i++) {
    if (node->shown[i] || !sim_link (node, i, 0)
        || node->links[i][0].sid || node->links[i][1].sid)
      sim_violation (world, "S4: %u left, and keeps %u", index, i);
  }
  if (world->schedule->mode == MODE_HUB)
    sim_client_leave (world, index);
  end (world, index);
}

void
sim_member_tick (World *world, guint index)
{
  Node *node = &world->nodes[index];

  sim_room_tick (node->room, sim_node_now (world, node));
  if (sim_room_deadline (node->room) <= sim_node_now (world, node))
    sim_violation (world, "a tick of %u leaves what was due undone", index);
  sim_run_actions (world, index);
}

/* Who is heard, and who can be reached by now. */
void
sim_pulse (World *world, guint index)
{
  Node *node = &world->nodes[index];
  gint64 now = sim_node_now (world, node);

  if (!node->room)
    return;
  if (world->schedule->mode == MODE_HUB)
    sim_client_pulse (world, index);
  for (guint other = 0; other < world->n; other++) {
    for (guint i = 0; i < 2; i++) {
      Link *link = &node->links[other][i];
      Link *back;

      if (!link->sid)
        continue;
      if (!link->connected) {
        try_connect (world, index, other, link);
        continue;
      }
      back = sim_link (&world->nodes[other], index, link->sid);
      if (!back || !back->connecting || !is_open (world, other, index))
        continue;
      link->heard_at = world->now;
      sim_room_heard (node->room, world->nodes[other].id,
          sid_text (world, link->sid), now);
      /* The first frame may take a while, and some send none. */
      if (link->shown || sim_random (world) % 4 == 0)
        continue;
      link->shown = TRUE;
      sim_room_shown (node->room, world->nodes[other].id,
          sid_text (world, link->sid), now);
    }
  }
  sim_run_actions (world, index);
}

void
sim_on_sdp (World *world, const Event *event)
{
  Node *node = &world->nodes[event->node];
  const char *peer = world->nodes[event->other].id;
  const char *sid = sid_text (world, event->index);
  Link *link = sim_link (node, event->other, event->index);
  gint64 now = sim_node_now (world, node);
  char sdp[16];

  if (event->number != node->life || !link)
    return;
  link->have_local = TRUE;
  g_snprintf (sdp, sizeof sdp, "%u", event->index);
  sim_room_local (node->room, peer, sid, link->offerer ? "offer" : "answer",
      sdp, now);
  try_connect (world, event->node, event->other, link);
  sim_run_actions (world, event->node);
}

void
sim_on_connected (World *world, const Event *event)
{
  Node *node = &world->nodes[event->node];
  Node *other = &world->nodes[event->other];
  Link *link = sim_link (node, event->other, event->index);

  if (event->number != node->life || !link)
    return;
  link->connected = TRUE;
  link->connected_at = world->now;
  link->other_life = other->life;
  sim_tell (world, "%u: %s with %u is connected", event->node,
      sid_text (world, event->index), event->other);
  sim_room_connected (node->room, other->id, sid_text (world, event->index),
      sim_node_now (world, node));
  sim_room_want (node->room, other->id, node->wants,
      sim_node_now (world, node));
  sim_run_actions (world, event->node);
}
