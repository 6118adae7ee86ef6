/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The hub's channels: who may subscribe, and who gets which event. */

#include "pusher/hub-private.h"

#include <string.h>

static void
member_free (MeshPusherHubMember *member)
{
  g_free (member->id);
  g_free (member->info);
  g_free (member);
}

static MeshPusherHubChannel *
channel_new (MeshPusherHubApp *app, const char *name, MeshPusherKind kind)
{
  MeshPusherHubChannel *channel = g_new0 (MeshPusherHubChannel, 1);

  channel->app = app;
  channel->name = g_strdup (name);
  channel->kind = kind;
  channel->subscribers = g_hash_table_new (NULL, NULL);
  if (kind == MESH_PUSHER_PRESENCE)
    channel->members = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
        (GDestroyNotify) member_free);
  return channel;
}

void
mesh_pusher_hub_channel_free (MeshPusherHubChannel *channel)
{
  g_free (channel->name);
  g_hash_table_unref (channel->subscribers);
  g_clear_pointer (&channel->members, g_hash_table_unref);
  g_free (channel);
}

/*
 * mesh_pusher_hub_publish_bytes:
 * @frame: what all get
 * @except: (nullable): the socket id of somebody who does not
 */
void
mesh_pusher_hub_publish_bytes (MeshPusherHub *hub,
    MeshPusherHubChannel *channel, GBytes *frame, const char *except)
{
  GHashTableIter iter;
  MeshPusherHubClient *client;

  g_hash_table_iter_init (&iter, channel->subscribers);
  while (g_hash_table_iter_next (&iter, (gpointer *) &client, NULL)) {
    if (except && g_str_equal (client->socket_id, except))
      continue;
    mesh_pusher_hub_send (hub, client, frame);
    hub->stats.delivered++;
  }
}

/* @frame: (transfer full) */
void
mesh_pusher_hub_publish (MeshPusherHub *hub,
    MeshPusherHubChannel *channel, GString *frame, const char *except)
{
  g_autoptr (GBytes) bytes = g_string_free_to_bytes (frame);

  mesh_pusher_hub_publish_bytes (hub, channel, bytes, except);
}

/*
 * mesh_pusher_hub_is_auth:
 * @auth: (nullable): "KEY:SIGNATURE", as somebody has it from the application
 * @what: a channel, or what stands in for one
 * @data: (nullable): what was signed besides
 */
gboolean
mesh_pusher_hub_is_auth (MeshPusherHubClient *client, const char *auth,
    const char *what, const char *data)
{
  gsize length = strlen (client->app->key);
  g_autofree char *expected = NULL;

  if (!auth || strncmp (auth, client->app->key, length) != 0
      || auth[length] != ':')
    return FALSE;
  expected = mesh_pusher_sign_channel (client->app->secret, client->socket_id,
      what, data);
  return mesh_pusher_is_signature (auth + length + 1, expected);
}

static gboolean
may_enter (MeshPusherHubClient *client, const MeshPusherHubTicket *ticket,
    MeshPusherKind kind)
{
  switch (kind) {
    case MESH_PUSHER_PUBLIC:
      return TRUE;
    case MESH_PUSHER_USER:
      return client->user && g_str_equal (client->user,
          ticket->channel + strlen (MESH_PUSHER_USER_PREFIX));
    case MESH_PUSHER_PRESENCE:
      return ticket->channel_data
             && mesh_pusher_hub_is_auth (client, ticket->auth,
                 ticket->channel, ticket->channel_data);
    default:
      return mesh_pusher_hub_is_auth (client, ticket->auth, ticket->channel,
          ticket->channel_data);
  }
}

/* Reads the person that the application has signed:
 * {"user_id":…,"user_info":…}. Ids may be numbers. */
static MeshPusherHubMember *
read_member (const char *channel_data)
{
  static const char *const names[] = { "user_id", "user_info", NULL };
  MeshJsonSpan fields[G_N_ELEMENTS (names) - 1];
  g_autoptr (GString) id = g_string_new (NULL);
  MeshPusherHubMember *member;

  if (!mesh_json_scan (channel_data, strlen (channel_data),
          MESH_PUSHER_HUB_MAX_DEPTH, names, fields)
      || fields[1].length > MESH_PUSHER_HUB_MAX_INFO || fields[0].length == 0)
    return NULL;
  if (g_ascii_isdigit (fields[0].text[0]))
    g_string_append_len (id, fields[0].text, fields[0].length);
  else if (!mesh_json_span_decode (&fields[0], id))
    return NULL;
  if (id->len == 0 || id->len > MESH_PUSHER_HUB_MAX_USER
      || strlen (id->str) != id->len)
    return NULL;
  member = g_new0 (MeshPusherHubMember, 1);
  member->id = g_strdup (id->str);
  if (fields[1].length)
    member->info = g_strndup (fields[1].text, fields[1].length);
  return member;
}

static void
refuse (MeshPusherHub *hub, MeshPusherHubClient *client,
    const char *channel, guint code, const char *message)
{
  gboolean is_auth = code == MESH_PUSHER_HUB_UNAUTHORIZED;

  hub->stats.refused++;
  mesh_pusher_hub_send_text (hub, client,
      mesh_pusher_hub_frame_error (code, message));
  if (channel)
    mesh_pusher_hub_send_text (hub, client,
        mesh_pusher_hub_frame_refused (channel,
            is_auth ? "AuthError" : "LimitReached", message,
            is_auth ? 401 : code ? code : 400));
}

/* Returns the channel if it is there or may be made. */
static MeshPusherHubChannel *
open_channel (MeshPusherHub *hub, MeshPusherHubClient *client,
    const char *name, MeshPusherKind kind)
{
  MeshPusherHubChannel *channel =
      g_hash_table_lookup (client->app->channels, name);

  if (g_hash_table_size (client->channels) >= hub->limits.client_channels
      || hub->stats.subscriptions >= hub->limits.subscriptions
      || (!channel && hub->stats.channels >= hub->limits.channels)) {
    refuse (hub, client, name, MESH_PUSHER_HUB_OVER_CAPACITY,
        "Too many channels");
    return NULL;
  }
  if (channel)
    return channel;
  channel = channel_new (client->app, name, kind);
  g_hash_table_insert (client->app->channels, channel->name, channel);
  hub->stats.channels++;
  return channel;
}

static void
close_if_empty (MeshPusherHub *hub, MeshPusherHubChannel *channel)
{
  if (g_hash_table_size (channel->subscribers))
    return;
  hub->stats.channels--;
  g_hash_table_remove (channel->app->channels, channel->name);
}

/* @member: (transfer full) (nullable). A person who is there already, with
 * another connection, is not announced again. */
static MeshPusherHubMember *
add_member (MeshPusherHub *hub, MeshPusherHubChannel *channel,
    MeshPusherHubMember *member)
{
  MeshPusherHubMember *there =
      member ? g_hash_table_lookup (channel->members, member->id) : NULL;

  if (there) {
    there->connections++;
    member_free (member);
    return there;
  }
  if (member) {
    member->connections = 1;
    mesh_pusher_hub_publish (hub, channel,
        mesh_pusher_hub_frame_added (channel, member), NULL);
    g_hash_table_insert (channel->members, member->id, member);
  }
  return member;
}

/* @member: (transfer full) (nullable) */
static void
enter (MeshPusherHub *hub, MeshPusherHubClient *client, const char *name,
    MeshPusherKind kind, MeshPusherHubMember *member)
{
  MeshPusherHubChannel *channel = open_channel (hub, client, name, kind);

  if (channel && member
      && g_hash_table_size (channel->members) >= hub->limits.members
      && !g_hash_table_contains (channel->members, member->id)) {
    refuse (hub, client, name, MESH_PUSHER_HUB_OVER_CAPACITY,
        "Too many members");
    close_if_empty (hub, channel);
    channel = NULL;
  }
  if (!channel) {
    g_clear_pointer (&member, member_free);
    return;
  }
  member = add_member (hub, channel, member);
  g_hash_table_add (channel->subscribers, client);
  g_hash_table_insert (client->channels, channel, member);
  hub->stats.subscriptions++;
  mesh_pusher_hub_send_text (hub, client,
      mesh_pusher_hub_frame_succeeded (channel));
  mesh_pusher_hub_cache_tell (hub, client, name);
  mesh_pusher_hub_late_tell (hub, client, name);
}

void
mesh_pusher_hub_subscribe (MeshPusherHub *hub,
    MeshPusherHubClient *client, const MeshPusherHubTicket *ticket)
{
  MeshPusherKind kind = mesh_pusher_channel_kind (ticket->channel);
  MeshPusherHubChannel *channel =
      g_hash_table_lookup (client->app->channels, ticket->channel);
  MeshPusherHubMember *member = NULL;

  if (kind == MESH_PUSHER_INVALID) {
    refuse (hub, client, NULL, 0, "Invalid channel name");
    return;
  }
  if (channel && g_hash_table_contains (channel->subscribers, client)) {
    refuse (hub, client, NULL, 0, "Existing subscription to the channel");
    return;
  }
  if (!may_enter (client, ticket, kind)) {
    refuse (hub, client, ticket->channel, MESH_PUSHER_HUB_UNAUTHORIZED,
        "Connection not authorized: the signature is not right");
    return;
  }
  if (kind == MESH_PUSHER_PRESENCE) {
    member = read_member (ticket->channel_data);
    if (!member) {
      refuse (hub, client, ticket->channel, 0, "Invalid channel_data");
      return;
    }
  }
  enter (hub, client, ticket->channel, kind, member);
}

/* The channel may be freed by this. */
void
mesh_pusher_hub_unsubscribe (MeshPusherHub *hub,
    MeshPusherHubClient *client, MeshPusherHubChannel *channel)
{
  MeshPusherHubMember *member =
      g_hash_table_lookup (client->channels, channel);

  if (!g_hash_table_remove (client->channels, channel))
    return;
  g_hash_table_remove (channel->subscribers, client);
  hub->stats.subscriptions--;
  if (member && --member->connections == 0) {
    mesh_pusher_hub_publish (hub, channel,
        mesh_pusher_hub_frame_removed (channel, member), NULL);
    g_hash_table_remove (channel->members, member->id);
  }
  close_if_empty (hub, channel);
}

void
mesh_pusher_hub_unsubscribe_all (MeshPusherHub *hub,
    MeshPusherHubClient *client)
{
  g_autoptr (GList) channels = g_hash_table_get_keys (client->channels);

  for (GList *l = channels; l; l = l->next)
    mesh_pusher_hub_unsubscribe (hub, client, l->data);
}
