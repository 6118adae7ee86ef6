/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* MeshHub, and the wires that carry its frames: TCP as it is, where what was
 * sent arrives in order, late, or not at all, and where either end may think
 * for a while that the other is still there. A payload stands for a message by
 * its number, so that no JSON has to be written or read for it. */

#include "sim.h"

#include <stdlib.h>
#include <string.h>

#define KEEP (4 * SECOND)
#define ROOM_ID "99999999-0000-4000-8000-000000000000"

static void
new_hub (World *world)
{
  MeshHubLimits limits;

  mesh_hub_limits_init (&limits);
  world->hub = mesh_hub_new (&limits, sim_random (world));
}

void
sim_server_start (World *world)
{
  if (world->hub)
    return;
  sim_tell (world, "server starts");
  world->server_life++;
  new_hub (world);
}

Wire *
sim_wire (World *world, guint wire)
{
  return &g_array_index (world->wires, Wire, wire);
}

guint
sim_wire_new (World *world, guint node)
{
  Wire wire = { .node = node, .life = world->nodes[node].life,
    .server_life = world->server_life };
  guint number = world->wires->len;

  g_array_append_val (world->wires, wire);
  mesh_hub_connected (world->hub, number, world->now);
  sim_post (world, (Event) { .kind = EVENT_KEEP, .node = node,
      .number = number, .at = world->now + KEEP });
  return number;
}

static gboolean
is_current (World *world, guint wire)
{
  return world->hub && sim_wire (world, wire)->server_life
      == world->server_life;
}

/* @how: 1 our end notices, 2 the server does, 4 what is on its way up is
 * lost. Nothing comes down any more. */
void
sim_wire_break (World *world, guint number, guint how)
{
  Wire *wire = sim_wire (world, number);

  world->trouble[wire->node][wire->node] = world->now;
  wire->down_dead = TRUE;
  if (how & 4)
    wire->up_dead = TRUE;
  if (how & 2) {
    gint64 at = world->now + sim_delay (world);

    wire->up_last = MAX (wire->up_last + 1, at);
    sim_post (world, (Event) { .kind = EVENT_GONE, .number = number,
        .at = wire->up_last });
  }
  if (!(how & 1))
    return;
  wire->closed = TRUE;
  sim_client_lost (world, wire->node);
}

/* Counts a frame on a wire that is to break after so many. */
gboolean
sim_wire_survives (World *world, guint number)
{
  Wire *wire = sim_wire (world, number);

  if (wire->cut_after == 0 || --wire->cut_after > 0)
    return TRUE;
  sim_tell (world, "%u: its wire breaks here", wire->node);
  sim_wire_break (world, number, sim_random (world) % 8);
  return FALSE;
}

void
sim_keep (World *world, const Event *event)
{
  Wire *wire = sim_wire (world, event->number);
  Node *node = &world->nodes[wire->node];

  if (!is_current (world, event->number) || wire->closed
      || wire->life != node->life)
    return;
  sim_post (world, (Event) { .kind = EVENT_KEEP, .node = event->node,
      .number = event->number, .at = world->now + KEEP });
  if (wire->down_dead || wire->up_dead || wire->stalled_until > world->now
      || sim_is_stopped (world, node)
      || world->server_resume_at > world->now)
    return;
  node->client.heard_at = world->now;
  mesh_hub_heard (world->hub, event->number, world->now);
}

/* The server is gone, and all that it knew. @how: for how long, and whether
 * the others notice. */
void
sim_server_kill (World *world, guint how)
{
  gint64 back_at = world->now + sim_range (world, MS (10), 12 * SECOND);

  if (!world->hub)
    return;
  sim_tell (world, "server is killed");
  g_clear_pointer (&world->hub, mesh_hub_free);
  world->server_resume_at = 0;
  world->server_doom = 0;
  for (guint i = 0; i < world->n; i++) {
    guint wire = world->nodes[i].client.wire;

    if (wire)
      sim_wire_break (world, wire, how % 4 ? 1 | 4 : 4);
  }
  back_at = MIN (back_at, MAX (world->now, world->schedule->end));
  sim_post (world, (Event) { .kind = EVENT_SERVER_UP, .at = back_at });
}

static const char *
find (const char *text, const char *name)
{
  const char *at = strstr (text, name);

  return at ? at + strlen (name) : NULL;
}

static char *
get_id (const char *text, const char *name)
{
  const char *at = find (text, name);

  return at ? g_strndup (at, 36) : NULL;
}

static guint
read_welcome (World *world, const char *text)
{
  MeshMessage *message = mesh_message_new (MESH_MESSAGE_WELCOME);
  const char *ids = find (text, "\"members\":[");
  GStrvBuilder *builder = g_strv_builder_new ();

  message->id = get_id (text, "\"id\":\"");
  message->room = get_id (text, "\"room\":\"");
  message->host = get_id (text, "\"host\":\"");
  message->resumed = strstr (text, "\"resumed\":true") != NULL;
  message->box = g_strndup (find (text, "\"epoch\":\""), 16);
  for (; *ids == '"' || *ids == ','; ids += *ids == ',' ? 1 : 38) {
    g_autofree char *id = g_strndup (ids + 1, 36);

    if (*ids == '"')
      g_strv_builder_add (builder, id);
  }
  message->ids = g_strv_builder_end (builder);
  g_strv_builder_unref (builder);
  return sim_message (world, message);
}

static guint
read_event (World *world, const char *text)
{
  const char *type = find (text, "\"type\":\"");
  MeshMessage *message;

  switch (*type) {
    case 'j':
      message = mesh_message_new (MESH_MESSAGE_JOINED);
      break;
    case 'l':
      message = mesh_message_new (MESH_MESSAGE_LEFT);
      message->reason = g_strdup (strstr (text, "\"bye\"") ? "bye" : "timeout");
      break;
    case 'h':
      message = mesh_message_new (MESH_MESSAGE_HOST);
      break;
    default:
      message = mesh_message_new (MESH_MESSAGE_UNDELIVERABLE);
      message->to = get_id (text, "\"to\":\"");
      message->reason = g_strdup (strstr (text, "\"gone\"") ? "gone" : "full");
      break;
  }
  message->id = get_id (text, "\"id\":\"");
  return sim_message (world, message);
}

static void
read_frame (World *world, const char *text, Event *event)
{
  const char *at;

  if ((at = find (text, "{\"seq\":"))) {
    event->what = DOWN_SEQ;
    event->value = g_ascii_strtoull (at, NULL, 10);
    at = find (text, "\"payload\":{\"p\":");
    event->index = at ? strtoul (at, NULL, 10) : read_event (world, text);
  } else if ((at = find (text, "\"mid\":"))) {
    event->value = g_ascii_strtoull (at, NULL, 10);
    event->what = DOWN_MID;
    if (strstr (text, "\"welcome\"")) {
      event->what = DOWN_WELCOME;
      event->index = read_welcome (world, text);
    }
  } else {
    event->what = DOWN_ERROR;
    if (strstr (text, "\"code\":\"slow\"")
        || strstr (text, "\"code\":\"hello-timeout\"")
        || strstr (text, "\"code\":\"replaced\""))
      return;
    event->index = strstr (text, "\"code\":\"id-taken\"") ? 1 : 0;
    if (event->index == 0)
      sim_violation (world, "the server complains: %s", text);
  }
}

static void
send_down (World *world, guint number, Event event)
{
  Wire *wire = sim_wire (world, number);
  gint64 at;

  if (wire->down_dead || !sim_wire_survives (world, number))
    return;
  at = world->now + sim_delay (world);
  wire->down_last = MAX (wire->down_last + 1, at);
  event.kind = EVENT_DOWN;
  event.node = wire->node;
  event.number = number;
  event.at = wire->down_last;
  sim_post (world, event);
}

/* FALSE: this was the last thing it did. */
static gboolean
server_survives (World *world)
{
  if (world->server_doom == 0 || --world->server_doom > 0)
    return TRUE;
  sim_server_kill (world, sim_random (world) % 8);
  return FALSE;
}

static void
run_hub (World *world)
{
  MeshHubAction action;
  char text[2048];

  while (world->hub && mesh_hub_pop_action (world->hub, &action)) {
    if (action.type == MESH_HUB_CLOSE) {
      send_down (world, action.client, (Event) { .what = DOWN_CLOSE });
    } else if (action.type == MESH_HUB_SEND) {
      gsize length;
      const char *data = g_bytes_get_data (action.frame, &length);
      Event event = { 0 };

      g_assert (length < sizeof text);
      memcpy (text, data, length);
      text[length] = '\0';
      read_frame (world, text, &event);
      send_down (world, action.client, event);
      server_survives (world);
    }
    mesh_hub_action_clear (&action);
  }
}

void
sim_server_tick (World *world)
{
  mesh_hub_tick (world->hub, world->now);
  run_hub (world);
}

void
sim_server_loses (World *world, guint wire)
{
  if (!is_current (world, wire))
    return;
  mesh_hub_disconnected (world->hub, wire);
  run_hub (world);
}

static int
write_hello (World *world, const Event *event, char *text, gsize size)
{
  const Node *node = &world->nodes[event->node];
  const Client *client = &node->client;
  int n = g_snprintf (text, size, "{\"type\":\"hello\",\"v\":1,\"room\":\""
      ROOM_ID "\",\"id\":\"%s\",\"token\":\"%s\"", node->id, client->token);

  if (client->epoch[0])
    n += g_snprintf (text + n, size - n, ",\"epoch\":\"%s\",\"after\":%"
        G_GUINT64_FORMAT, client->epoch, client->cursor);
  return n + g_snprintf (text + n, size - n, "}");
}

void
sim_server_takes (World *world, const Event *event)
{
  Wire *wire = sim_wire (world, event->number);
  const char *to;
  char text[512];
  int length = 0;

  if (!is_current (world, event->number) || wire->up_dead
      || !server_survives (world))
    return;
  switch (event->what) {
    case UP_HELLO:
      /* what it would have said is no longer known */
      wire->up_dead = wire->life != world->nodes[event->node].life
          || wire->closed;
      if (wire->up_dead)
        return;
      length = write_hello (world, event, text, sizeof text);
      break;
    case UP_SEND:
      to = event->other == ROOM ? ROOM_ID : world->nodes[event->other].id;
      length = g_snprintf (text, sizeof text, "{\"mid\":%" G_GUINT64_FORMAT
          ",\"to\":\"%s\",\"payload\":{\"p\":%u}}", event->value, to,
          event->index);
      break;
    case UP_ACK:
      length = g_snprintf (text, sizeof text, "{\"ack\":%" G_GUINT64_FORMAT
          "}", event->value);
      break;
    default:
      length = g_snprintf (text, sizeof text, "{\"type\":\"bye\"}");
      break;
  }
  mesh_hub_feed (world->hub, event->number, text, length, world->now);
  run_hub (world);
}
