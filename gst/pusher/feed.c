/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads the frames that the hub's connections send. */

#include "pusher/hub-private.h"

#include <string.h>

static void
refuse (MeshPusherHub *hub, MeshPusherHubClient *client, guint code,
    const char *message)
{
  hub->stats.refused++;
  mesh_pusher_hub_send_text (hub, client,
      mesh_pusher_hub_frame_error (code, message));
}

/* Reads the members of an object inside a frame that was scanned before. */
static gboolean
read_object (const MeshJsonSpan *data, const char *const *names,
    MeshJsonSpan *fields)
{
  return data->length && mesh_json_scan (data->text, data->length,
      MESH_PUSHER_HUB_MAX_DEPTH, names, fields);
}

static void
feed_subscribe (MeshPusherHub *hub, MeshPusherHubClient *client,
    const MeshJsonSpan *data)
{
  static const char *const names[] = { "channel", "auth", "channel_data",
    NULL };
  MeshJsonSpan fields[G_N_ELEMENTS (names) - 1];
  g_autofree char *channel = NULL;
  g_autofree char *auth = NULL;
  g_autofree char *channel_data = NULL;

  if (read_object (data, names, fields))
    channel = mesh_json_span_dup (&fields[0], G_MAXSIZE);
  if (!channel) {
    refuse (hub, client, 0, "Subscription without a channel");
    return;
  }
  auth = mesh_json_span_dup (&fields[1], G_MAXSIZE);
  channel_data = mesh_json_span_dup (&fields[2], G_MAXSIZE);
  mesh_pusher_hub_subscribe (hub, client,
      &(MeshPusherHubTicket) { channel, auth, channel_data });
}

static void
feed_unsubscribe (MeshPusherHub *hub, MeshPusherHubClient *client,
    const MeshJsonSpan *data)
{
  static const char *const names[] = { "channel", NULL };
  MeshPusherHubChannel *channel;
  MeshJsonSpan field;
  g_autofree char *name = NULL;

  if (read_object (data, names, &field))
    name = mesh_json_span_dup (&field, G_MAXSIZE);
  channel = name ? g_hash_table_lookup (client->app->channels, name) : NULL;
  if (channel)
    mesh_pusher_hub_unsubscribe (hub, client, channel);
}

/* Reads a user's id, which becomes the name of a channel and so is bound by the
 * same rules. */
static char *
read_user (const char *user_data, gboolean *watches)
{
  static const char *const names[] = { "id", "watchlist", NULL };
  MeshJsonSpan fields[G_N_ELEMENTS (names) - 1];
  g_autofree char *id = NULL;
  g_autofree char *channel = NULL;

  if (mesh_json_scan (user_data, strlen (user_data),
          MESH_PUSHER_HUB_MAX_DEPTH, names, fields)) {
    id = mesh_json_span_dup (&fields[0], G_MAXSIZE);
    *watches = fields[1].length > strlen ("[]");
  }
  channel = g_strconcat (MESH_PUSHER_USER_PREFIX, id, NULL);
  if (!id || mesh_pusher_channel_kind (channel) != MESH_PUSHER_USER)
    return NULL;
  return g_steal_pointer (&id);
}

static void
feed_signin (MeshPusherHub *hub, MeshPusherHubClient *client,
    const MeshJsonSpan *data)
{
  static const char *const names[] = { "auth", "user_data", NULL };
  MeshJsonSpan fields[G_N_ELEMENTS (names) - 1];
  g_autofree char *auth = NULL;
  g_autofree char *user_data = NULL;
  g_autofree char *what = NULL;
  gboolean watches = FALSE;

  if (read_object (data, names, fields)) {
    auth = mesh_json_span_dup (&fields[0], G_MAXSIZE);
    user_data = mesh_json_span_dup (&fields[1], G_MAXSIZE);
  }
  what = g_strconcat (":user::", user_data, NULL);
  if (!client->user && user_data
      && mesh_pusher_hub_is_auth (client, auth, what, NULL))
    client->user = read_user (user_data, &watches);
  else
    g_clear_pointer (&user_data, g_free);
  if (!user_data || !client->user) {
    mesh_pusher_hub_reject (hub, client->number,
        MESH_PUSHER_HUB_UNAUTHORIZED,
        "Connection not authorized: no valid signature of a user");
    return;
  }
  mesh_pusher_hub_send_text (hub, client,
      mesh_pusher_hub_frame_signed_in (user_data));
  if (watches)
    refuse (hub, client, 0, "Watchlists are not kept here");
}

/* Returns what is wrong, or NULL. */
static const char *
check_event (MeshPusherHubClient *client, const char *event,
    MeshPusherHubChannel *channel, gsize length)
{
  if (!channel || !g_hash_table_contains (channel->subscribers, client))
    return "Client event to a channel without subscription";
  if (channel->kind != MESH_PUSHER_PRIVATE
      && channel->kind != MESH_PUSHER_PRESENCE)
    return "Client events are for private and presence channels";
  if (!mesh_pusher_is_event_name (event))
    return "Event name too long";
  if (length > MESH_PUSHER_MAX_DATA)
    return "Client event too large";
  return NULL;
}

static void
feed_event (MeshPusherHub *hub, MeshPusherHubClient *client,
    const char *event, const MeshJsonSpan *fields, gint64 now)
{
  g_autofree char *name = mesh_json_span_dup (&fields[1], G_MAXSIZE);
  MeshPusherHubChannel *channel =
      name ? g_hash_table_lookup (client->app->channels, name) : NULL;
  const char *wrong = check_event (client, event, channel, fields[2].length);
  MeshPusherHubMember *member;

  if (wrong) {
    refuse (hub, client, 0, wrong);
    return;
  }
  if (!mesh_pusher_hub_bucket_take (&client->events, hub->limits.events,
          hub->limits.events, now)) {
    refuse (hub, client, MESH_PUSHER_HUB_TOO_MANY_EVENTS,
        "Client event rejected: over the rate limit");
    return;
  }
  member = g_hash_table_lookup (client->channels, channel);
  hub->stats.events++;
  mesh_pusher_hub_publish (hub, channel,
      mesh_pusher_hub_frame_event (&fields[0], name, &fields[2],
          member ? member->id : NULL),
      client->socket_id);
}

static void
feed_frame (MeshPusherHub *hub, MeshPusherHubClient *client,
    const MeshJsonSpan *fields, gint64 now)
{
  g_autofree char *event = mesh_json_span_dup (&fields[0], G_MAXSIZE);

  if (!event)
    refuse (hub, client, 0, "Message without an event");
  else if (g_str_equal (event, "pusher:ping"))
    mesh_pusher_hub_send_text (hub, client,
        g_string_new ("{\"event\":\"pusher:pong\",\"data\":\"{}\"}"));
  else if (g_str_equal (event, "pusher:subscribe"))
    feed_subscribe (hub, client, &fields[2]);
  else if (g_str_equal (event, "pusher:unsubscribe"))
    feed_unsubscribe (hub, client, &fields[2]);
  else if (g_str_equal (event, "pusher:signin"))
    feed_signin (hub, client, &fields[2]);
  else if (g_str_has_prefix (event, "client-"))
    feed_event (hub, client, event, fields, now);
}

/**
 * mesh_pusher_hub_feed:
 * @client: who has sent it
 * @length: its bytes
 *
 * Events that are not known are ignored.
 */
void
mesh_pusher_hub_feed (MeshPusherHub *hub, guint64 client,
    const char *text, gsize length, gint64 now)
{
  static const char *const names[] = { "event", "channel", "data", NULL };
  MeshJsonSpan fields[G_N_ELEMENTS (names) - 1];
  MeshPusherHubClient *self;

  hub->now = MAX (hub->now, now);
  mesh_pusher_hub_heard (hub, client, now);
  self = mesh_pusher_hub_find_client (hub, client);
  if (!self)
    return;
  if (mesh_json_scan (text, length, MESH_PUSHER_HUB_MAX_DEPTH, names, fields))
    feed_frame (hub, self, fields, now);
  else
    refuse (hub, self, 0, "Message is not JSON");
}
