/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Writes what /metrics answers, in Prometheus' text format, version 0.0.4. */

#include "server/metrics.h"

static void
add (GString *text, const char *name, const char *type, const char *help,
    guint64 value)
{
  g_string_append_printf (text, "# HELP meshroom_%s %s\n"
      "# TYPE meshroom_%s %s\n"
      "meshroom_%s %" G_GUINT64_FORMAT "\n", name, help, name, type, name,
      value);
}

static void
add_rejected (GString *text, const MeshHubStats *hub)
{
  g_string_append (text, "# HELP meshroom_rejected_total Clients sent away, by "
      "the code they were told.\n# TYPE meshroom_rejected_total counter\n");
  for (guint i = 0; i < MESH_HUB_N_CODES; i++)
    g_string_append_printf (text, "meshroom_rejected_total{code=\"%s\"} %"
        G_GUINT64_FORMAT "\n", mesh_hub_code_name (i), hub->rejected[i]);
}

static void
add_pusher (GString *text, const MeshPusherHubStats *pusher)
{
  add (text, "pusher_connections", "gauge",
      "Connections of Pusher's client libraries.", pusher->clients);
  add (text, "pusher_channels", "gauge", "Channels somebody listens to.",
      pusher->channels);
  add (text, "pusher_subscriptions", "gauge",
      "Subscriptions to all channels together.", pusher->subscriptions);
  add (text, "pusher_events_total", "counter", "Events accepted.",
      pusher->events);
  add (text, "pusher_delivered_total", "counter",
      "Events handed to subscribers.", pusher->delivered);
  add (text, "pusher_refused_total", "counter",
      "Requests and messages refused.", pusher->refused);
}

/*
 * mesh_metrics_to_text:
 * @pusher: (nullable): %NULL = there is none
 */
char *
mesh_metrics_to_text (const MeshServerStats *server, const MeshHubStats *hub,
    const MeshPusherHubStats *pusher)
{
  GString *text = g_string_new (NULL);

  add (text, "connections", "gauge", "Open connections of any kind.",
      server->connections);
  add (text, "connections_half_open", "gauge",
      "Connections that are not a member's.", server->half_open);
  add (text, "connections_accepted_total", "counter", "Connections accepted.",
      server->accepted);
  add (text, "connections_refused_total", "counter",
      "Connections closed to make room for others.", server->refused);
  add (text, "http_requests_total", "counter", "HTTP requests answered.",
      server->requests);
  add (text, "clients", "gauge", "Clients connected, however they are.",
      hub->clients);
  add (text, "poll_sessions", "gauge", "Clients that poll.",
      server->sessions);
  add (text, "rooms", "gauge", "Rooms.", hub->rooms);
  add (text, "members", "gauge", "Members of all rooms together.",
      hub->members);
  add (text, "mailbox_bytes", "gauge", "Bytes waiting in mailboxes.",
      hub->box_bytes);
  add (text, "messages_relayed_total", "counter", "Messages passed on.",
      hub->relayed);
  add (text, "bytes_relayed_total", "counter", "Bytes of their payloads.",
      hub->relayed_bytes);
  add (text, "mailbox_dropped_total", "counter",
      "Messages and events that found a mailbox full.", hub->dropped);
  add_rejected (text, hub);
  if (pusher)
    add_pusher (text, pusher);
  return g_string_free (text, FALSE);
}
