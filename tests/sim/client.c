/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A member's half of the envelope, as gst/core/client.c has it, but for the
 * JSON (that one has its own trial by fire, tests/core/client-hub.c): sends are
 * kept until they were taken, what comes is counted, lost connections are made
 * again. */

#include "sim.h"

#include "core/client-timing.h"

#include <string.h>

#define TIMEOUT (10 * SECOND)

static void
connect_now (World *world, guint index)
{
  Client *client = &world->nodes[index].client;

  client->state = CONNECTING;
  client->since = world->now;
  sim_post (world, (Event) { .kind = EVENT_OPENED, .node = index,
      .number = ++client->attempt,
      .at = world->now + sim_delay (world) + sim_delay (world) });
}

void
sim_client_start (World *world, guint index)
{
  Client *client = &world->nodes[index].client;

  g_array_set_size (client->unsent, 0);
  client->wire = 0;
  client->failures = 0;
  client->mid = client->cursor = client->acked = 0;
  client->epoch[0] = '\0';
  connect_now (world, index);
}

static void
send_up (World *world, guint index, Event event)
{
  Client *client = &world->nodes[index].client;
  guint number = client->wire;
  gint64 at;
  Wire *wire;

  if (!number || !sim_wire_survives (world, number))
    return;
  wire = sim_wire (world, number);
  at = world->now + sim_delay (world);
  wire->up_last = MAX (wire->up_last + 1, at);
  event.kind = EVENT_UP;
  event.node = index;
  event.number = number;
  event.at = wire->up_last;
  sim_post (world, event);
}

static void
send_again (World *world, guint index, const Unsent *unsent)
{
  send_up (world, index, (Event) { .what = UP_SEND, .other = unsent->to,
      .value = unsent->mid, .index = unsent->message });
}

void
sim_client_send (World *world, guint index, guint to, guint message)
{
  Client *client = &world->nodes[index].client;
  Unsent unsent = { ++client->mid, to, message };

  g_array_append_val (client->unsent, unsent);
  if (client->state == ONLINE)
    send_again (world, index, &unsent);
}

/* The wire is no more, or was never there. */
void
sim_client_lost (World *world, guint index)
{
  Node *node = &world->nodes[index];
  Client *client = &node->client;
  gboolean was_online = client->state == ONLINE;
  gint64 backoff;

  if (client->state == OFF || client->state == WAITING)
    return;
  if (was_online && world->now >= client->online_since + MESH_CLIENT_STABLE)
    client->failures = 0;
  client->state = WAITING;
  client->wire = 0;
  backoff = MIN (MESH_CLIENT_BACKOFF_FIRST << MIN (client->failures, 8),
      MESH_CLIENT_BACKOFF_MAX);
  client->failures++;
  sim_post (world, (Event) { .kind = EVENT_RETRY, .node = index,
      .number = ++client->attempt,
      .at = world->now + sim_range (world, 0, backoff) });
  /* not at once: this may be in the middle of what its room wants done */
  if (was_online)
    sim_post (world, (Event) { .kind = EVENT_OFFLINE, .node = index,
        .number = node->life, .at = world->now });
}

/* We end it; the server hears of that after what was sent. */
static void
drop (World *world, guint index)
{
  guint wire = world->nodes[index].client.wire;

  if (wire)
    sim_wire_break (world, wire, 1 | 2);
  else
    sim_client_lost (world, index);
}

void
sim_client_leave (World *world, guint index)
{
  Client *client = &world->nodes[index].client;
  guint wire = client->wire;

  if (client->state == HELLO || client->state == ONLINE)
    send_up (world, index, (Event) { .what = UP_BYE });
  client->state = OFF;
  client->wire = 0;
  client->attempt++;
  if (wire)
    sim_wire_break (world, wire, 2);
}

void
sim_client_opened (World *world, const Event *event)
{
  Node *node = &world->nodes[event->node];
  Client *client = &node->client;

  if (client->state != CONNECTING || event->number != client->attempt
      || node->out)
    return;
  if (!world->hub) {
    sim_client_lost (world, event->node);
    return;
  }
  client->wire = sim_wire_new (world, event->node);
  client->state = HELLO;
  client->since = client->heard_at = world->now;
  send_up (world, event->node, (Event) { .what = UP_HELLO });
}

void
sim_client_retry (World *world, const Event *event)
{
  Client *client = &world->nodes[event->node].client;

  if (client->state == WAITING && event->number == client->attempt)
    connect_now (world, event->node);
}

static void
taken (Client *client, guint64 mid)
{
  guint n = 0;

  while (n < client->unsent->len
         && g_array_index (client->unsent, Unsent, n).mid <= mid)
    n++;
  if (n > 0)
    g_array_remove_range (client->unsent, 0, n);
}

static void
on_welcome (World *world, const Event *event)
{
  Client *client = &world->nodes[event->node].client;
  MeshMessage *message = g_ptr_array_index (world->messages, event->index);

  if (event->value > client->mid) {
    sim_violation (world, "the server took %" G_GUINT64_FORMAT " messages of "
        "%u, which sent %" G_GUINT64_FORMAT, event->value, event->node,
        client->mid);
    return;
  }
  if (!message->resumed) {
    g_strlcpy (client->epoch, message->box, sizeof client->epoch);
    client->cursor = 0;
  }
  client->acked = client->cursor;
  client->state = ONLINE;
  client->online_since = world->now;
  taken (client, event->value);
  for (guint i = 0; i < client->unsent->len && client->state == ONLINE; i++) {
    Unsent unsent = g_array_index (client->unsent, Unsent, i);

    send_again (world, event->node, &unsent);
  }
  sim_tell (world, "%u: welcome%s", event->node,
      message->resumed ? " back" : "");
  sim_feed (world, event->node, event->index);
}

static void
on_numbered (World *world, const Event *event)
{
  Client *client = &world->nodes[event->node].client;

  if (event->value <= client->cursor)
    return;
  if (event->value != client->cursor + 1) {
    sim_violation (world, "%u misses a message of its box", event->node);
    return;
  }
  client->cursor = event->value;
  if (client->cursor >= client->acked + 8) {
    client->acked = client->cursor;
    send_up (world, event->node, (Event) { .what = UP_ACK,
        .value = client->acked });
  }
  sim_feed (world, event->node, event->index);
}

void
sim_client_takes (World *world, const Event *event)
{
  Client *client = &world->nodes[event->node].client;
  Wire *wire = sim_wire (world, event->number);

  if (client->wire != event->number || wire->down_dead)
    return;
  client->heard_at = world->now;
  if (event->what == DOWN_CLOSE || event->what == DOWN_ERROR)
    drop (world, event->node);
  else if (event->what == DOWN_WELCOME && client->state == HELLO)
    on_welcome (world, event);
  else if (event->what == DOWN_SEQ && client->state == ONLINE)
    on_numbered (world, event);
  else if (event->what == DOWN_MID)
    taken (client, event->value);
}

void
sim_client_pulse (World *world, guint index)
{
  Client *client = &world->nodes[index].client;

  if (client->state == ONLINE && client->cursor > client->acked) {
    client->acked = client->cursor;
    send_up (world, index, (Event) { .what = UP_ACK, .value = client->acked });
  }
  if (client->state == ONLINE
          ? world->now >= client->heard_at + MESH_CLIENT_SILENCE_TIMEOUT
          : (client->state == CONNECTING || client->state == HELLO)
              && world->now >= client->since + TIMEOUT)
    drop (world, index);
}
