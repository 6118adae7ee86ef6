/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A model of the signalling server: who is there, who hosts, and a mailbox for
 * each. */

#include <string.h>

#include "network-private.h"

static int
member_index (Sim *sim, guint node)
{
  for (guint i = 0; i < sim->members->len; i++) {
    if (g_array_index (sim->members, guint, i) == node)
      return i;
  }
  return -1;
}

/* Takes @json. */
static void
deliver (Sim *sim, guint from, guint to, char *json)
{
  Node *node = &sim->nodes[to];
  Event *event;

  if (!node->online) {
    g_ptr_array_add (node->held, json);
    return;
  }
  event = sim_add_event (sim, TO_NODE, to,
      sim_channel_time (sim, sim->loose ? from : SERVER, to));
  event->text = json;
  event->number = node->connection;
}

static void
tell_all (Sim *sim, const char *json)
{
  for (guint i = 0; i < sim->members->len; i++)
    deliver (sim, SERVER, g_array_index (sim->members, guint, i),
        g_strdup (json));
}

void
sim_server_drops (Sim *sim, guint node, const char *reason)
{
  int i = member_index (sim, node);
  g_autofree char *left = NULL;

  if (i < 0)
    return;
  g_array_remove_index (sim->members, i);
  g_ptr_array_set_size (sim->nodes[node].held, 0);
  left = g_strdup_printf (
      "{\"type\":\"left\",\"id\":\"%s\",\"reason\":\"%s\"}",
      sim->nodes[node].id, reason);
  tell_all (sim, left);
  if (sim->host == node && sim->members->len > 0) {
    g_autofree char *host = NULL;

    sim->host = g_array_index (sim->members, guint, 0);
    host = g_strdup_printf ("{\"type\":\"host\",\"id\":\"%s\"}",
        sim->nodes[sim->host].id);
    tell_all (sim, host);
  }
}

static char *
new_welcome (Sim *sim, guint index, gboolean resumed)
{
  GString *welcome = g_string_new (NULL);

  g_string_printf (welcome,
      "{\"type\":\"welcome\",\"id\":\"%s\",\"room\":\"" ROOM_ID
      "\",\"resumed\":%s,\"host\":\"%s\",\"members\":[",
      sim->nodes[index].id, resumed ? "true" : "false",
      sim->nodes[sim->host].id);
  for (guint i = 0; i < sim->members->len; i++)
    g_string_append_printf (welcome, "%s\"%s\"", i ? "," : "",
        sim->nodes[g_array_index (sim->members, guint, i)].id);
  g_string_append (welcome, "]}");
  return g_string_free (welcome, FALSE);
}

/* A hello. @resume: the client has a cursor. */
void
sim_connect (Sim *sim, guint index, gboolean resume)
{
  Node *node = &sim->nodes[index];
  gboolean is_new = member_index (sim, index) < 0;
  g_autoptr (GPtrArray) held = g_steal_pointer (&node->held);

  node->held = g_ptr_array_new_with_free_func (g_free);
  node->online = TRUE;
  node->connection++;
  resume = resume && !is_new;
  if (is_new) {
    g_autofree char *joined
        = g_strdup_printf ("{\"type\":\"joined\",\"id\":\"%s\"}", node->id);

    tell_all (sim, joined);
    if (sim->members->len == 0)
      sim->host = index;
    g_array_append_val (sim->members, index);
  }
  deliver (sim, SERVER, index, new_welcome (sim, index, resume));
  for (guint i = 0; resume && i < held->len; i++)
    deliver (sim, SERVER, index, g_strdup (g_ptr_array_index (held, i)));
}

void
sim_server_takes (Sim *sim, guint from, const char *json)
{
  g_autoptr (MeshMessage) message
      = mesh_message_parse (json, strlen (json), NULL);
  guint to = MAX_NODES;

  if (member_index (sim, from) < 0)
    return;
  if (g_strcmp0 (message->to, ROOM_ID) == 0)
    to = sim->host;
  for (guint i = 0; i < sim->n; i++) {
    if (g_strcmp0 (message->to, sim->nodes[i].id) == 0)
      to = i;
  }
  if (to < MAX_NODES && member_index (sim, to) >= 0)
    deliver (sim, from, to, g_strdup (json));
  else
    deliver (sim, SERVER, from,
        g_strdup_printf ("{\"type\":\"undeliverable\",\"to\":\"%s\","
            "\"reason\":\"gone\"}", message->to));
}
