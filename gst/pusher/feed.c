/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the front's connections say. */

#include "pusher/front-private.h"

#include <string.h>

static void
refuse (MeshPusherFront *front, MeshPusherFrontClient *client, guint code,
    const char *message)
{
  front->stats.refused++;
  mesh_pusher_front_send_text (front, client,
      mesh_pusher_front_frame_error (code, message));
}

/* Notes the members of an object in a frame, which was scanned with it. */
static gboolean
read_object (const MeshJsonSpan *data, const char *const *names,
    MeshJsonSpan *fields)
{
  return data->length && mesh_json_scan (data->text, data->length,
      MESH_PUSHER_FRONT_MAX_DEPTH, names, fields);
}

static void
feed_subscribe (MeshPusherFront *front, MeshPusherFrontClient *client,
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
    refuse (front, client, 0, "Subscription without a channel");
    return;
  }
  auth = mesh_json_span_dup (&fields[1], G_MAXSIZE);
  channel_data = mesh_json_span_dup (&fields[2], G_MAXSIZE);
  mesh_pusher_front_subscribe (front, client,
      &(MeshPusherFrontTicket) { channel, auth, channel_data });
}

static void
feed_unsubscribe (MeshPusherFront *front, MeshPusherFrontClient *client,
    const MeshJsonSpan *data)
{
  static const char *const names[] = { "channel", NULL };
  MeshPusherFrontChannel *channel;
  MeshJsonSpan field;
  g_autofree char *name = NULL;

  if (read_object (data, names, &field))
    name = mesh_json_span_dup (&field, G_MAXSIZE);
  channel = name ? g_hash_table_lookup (client->app->channels, name) : NULL;
  if (channel)
    mesh_pusher_front_unsubscribe (front, client, channel);
}

/* A user's id becomes the name of a channel, and is made of the same. */
static char *
read_user (const char *user_data, gboolean *watches)
{
  static const char *const names[] = { "id", "watchlist", NULL };
  MeshJsonSpan fields[G_N_ELEMENTS (names) - 1];
  g_autofree char *id = NULL;
  g_autofree char *channel = NULL;

  if (mesh_json_scan (user_data, strlen (user_data),
          MESH_PUSHER_FRONT_MAX_DEPTH, names, fields)) {
    id = mesh_json_span_dup (&fields[0], G_MAXSIZE);
    *watches = fields[1].length > strlen ("[]");
  }
  channel = g_strconcat (MESH_PUSHER_USER_PREFIX, id, NULL);
  if (!id || mesh_pusher_channel_kind (channel) != MESH_PUSHER_USER)
    return NULL;
  return g_steal_pointer (&id);
}

static void
feed_signin (MeshPusherFront *front, MeshPusherFrontClient *client,
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
      && mesh_pusher_front_is_auth (client, auth, what, NULL))
    client->user = read_user (user_data, &watches);
  else
    g_clear_pointer (&user_data, g_free);
  if (!user_data || !client->user) {
    mesh_pusher_front_reject (front, client->number,
        MESH_PUSHER_FRONT_UNAUTHORIZED,
        "Connection not authorized: no valid signature of a user");
    return;
  }
  mesh_pusher_front_send_text (front, client,
      mesh_pusher_front_frame_signed_in (user_data));
  if (watches)
    refuse (front, client, 0, "Watchlists are not kept here");
}

/* Returns what is wrong, or NULL. */
static const char *
check_event (MeshPusherFrontClient *client, const char *event,
    MeshPusherFrontChannel *channel, gsize length)
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
feed_event (MeshPusherFront *front, MeshPusherFrontClient *client,
    const char *event, const MeshJsonSpan *fields, gint64 now)
{
  g_autofree char *name = mesh_json_span_dup (&fields[1], G_MAXSIZE);
  MeshPusherFrontChannel *channel =
      name ? g_hash_table_lookup (client->app->channels, name) : NULL;
  const char *wrong = check_event (client, event, channel, fields[2].length);
  MeshPusherFrontMember *member;

  if (wrong) {
    refuse (front, client, 0, wrong);
    return;
  }
  if (!mesh_pusher_front_bucket_take (&client->events, front->limits.events,
          front->limits.events, now)) {
    refuse (front, client, MESH_PUSHER_FRONT_TOO_MANY_EVENTS,
        "Client event rejected: over the rate limit");
    return;
  }
  member = g_hash_table_lookup (client->channels, channel);
  front->stats.events++;
  mesh_pusher_front_publish (front, channel,
      mesh_pusher_front_frame_event (&fields[0], name, &fields[2],
          member ? member->id : NULL),
      client->socket_id);
}

static void
feed_frame (MeshPusherFront *front, MeshPusherFrontClient *client,
    const MeshJsonSpan *fields, gint64 now)
{
  g_autofree char *event = mesh_json_span_dup (&fields[0], G_MAXSIZE);

  if (!event)
    refuse (front, client, 0, "Message without an event");
  else if (g_str_equal (event, "pusher:ping"))
    mesh_pusher_front_send_text (front, client,
        g_string_new ("{\"event\":\"pusher:pong\",\"data\":\"{}\"}"));
  else if (g_str_equal (event, "pusher:subscribe"))
    feed_subscribe (front, client, &fields[2]);
  else if (g_str_equal (event, "pusher:unsubscribe"))
    feed_unsubscribe (front, client, &fields[2]);
  else if (g_str_equal (event, "pusher:signin"))
    feed_signin (front, client, &fields[2]);
  else if (g_str_has_prefix (event, "client-"))
    feed_event (front, client, event, fields, now);
}

/**
 * mesh_pusher_front_feed:
 * @front: a front
 * @client: who has sent it
 * @text: a frame
 * @length: its bytes
 * @now: the time
 *
 * Events that are not known are ignored.
 *
 * Since: 0.1
 */
void
mesh_pusher_front_feed (MeshPusherFront *front, guint64 client,
    const char *text, gsize length, gint64 now)
{
  static const char *const names[] = { "event", "channel", "data", NULL };
  MeshJsonSpan fields[G_N_ELEMENTS (names) - 1];
  MeshPusherFrontClient *self;

  front->now = MAX (front->now, now);
  mesh_pusher_front_heard (front, client, now);
  self = mesh_pusher_front_find_client (front, client);
  if (!self)
    return;
  if (mesh_json_scan (text, length, MESH_PUSHER_FRONT_MAX_DEPTH, names, fields))
    feed_frame (front, self, fields, now);
  else
    refuse (front, self, 0, "Message is not JSON");
}
