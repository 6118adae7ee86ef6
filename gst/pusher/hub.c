/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The hub's applications and connections, and their silence. */

#include "pusher/hub-private.h"

#include <string.h>

#include "core/base64url.h"
#include "core/error.h"

#define OLDEST_PROTOCOL 5
#define NEWEST_PROTOCOL 7

/**
 * mesh_pusher_hub_limits_init:
 * @limits: (out caller-allocates): set to what a public server can bear
 */
void
mesh_pusher_hub_limits_init (MeshPusherHubLimits *limits)
{
  *limits = (MeshPusherHubLimits) {
    .channels = 10000,
    .subscriptions = 65536,
    .client_channels = 100,
    .members = 100,
    .cached = 1000,
    .late_channel = 32,
    .late_app = 1000,
    .late = 4000,
    .late_bytes = 8 * 1024 * 1024,
    .late_time = 5 * G_USEC_PER_SEC,
    .rate = 100,
    .burst = 500,
    .events = 10,
    .posts = 200,
    .activity = 30 * G_USEC_PER_SEC,
    .pong = 30 * G_USEC_PER_SEC,
  };
}

static void
app_free (MeshPusherHubApp *app)
{
  g_free (app->id);
  g_free (app->key);
  g_free (app->secret);
  g_hash_table_unref (app->channels);
  g_hash_table_unref (app->cached);
  g_hash_table_unref (app->late);
  g_free (app);
}

static void
client_free (MeshPusherHubClient *client)
{
  g_hash_table_unref (client->channels);
  g_free (client->user);
  g_free (client);
}

/**
 * mesh_pusher_hub_new:
 * @limits: (nullable): limits; %NULL = those of mesh_pusher_hub_limits_init()
 * @seed: a random number, another one for each hub: an old one's socket ids,
 *   and what was signed for them, are nothing to a new one
 *
 * Returns: (transfer full): a hub without applications
 */
MeshPusherHub *
mesh_pusher_hub_new (const MeshPusherHubLimits *limits, guint64 seed)
{
  MeshPusherHub *hub = g_new0 (MeshPusherHub, 1);

  if (limits)
    hub->limits = *limits;
  else
    mesh_pusher_hub_limits_init (&hub->limits);
  hub->prefix = seed ^ seed >> 32;
  hub->apps = g_ptr_array_new_with_free_func ((GDestroyNotify) app_free);
  hub->clients = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL,
      (GDestroyNotify) client_free);
  g_queue_init (&hub->cached);
  g_queue_init (&hub->late);
  g_queue_init (&hub->actions);
  return hub;
}

/**
 * mesh_pusher_hub_free:
 * @hub: (nullable) (transfer full): a hub
 */
void
mesh_pusher_hub_free (MeshPusherHub *hub)
{
  MeshPusherHubAction action;

  if (!hub)
    return;
  g_hash_table_unref (hub->clients);
  g_ptr_array_unref (hub->apps);
  while (mesh_pusher_hub_pop_action (hub, &action))
    mesh_pusher_hub_action_clear (&action);
  g_free (hub);
}

static MeshPusherHubApp *
find_app_by_key (MeshPusherHub *hub, const char *key)
{
  for (guint i = 0; i < hub->apps->len; i++) {
    MeshPusherHubApp *app = g_ptr_array_index (hub->apps, i);

    if (g_str_equal (app->key, key))
      return app;
  }
  return NULL;
}

/**
 * mesh_pusher_hub_add_app:
 * @text: "ID:KEY:SECRET", the first two of letters, digits, '-' and '_'
 * @error: return location for a #MESH_ERROR
 *
 * Adds an application. The first one is that of mesh_pusher_hub_post().
 *
 * Returns: %FALSE with @error set when @text is none, or was added before
 */
gboolean
mesh_pusher_hub_add_app (MeshPusherHub *hub, const char *text, GError **error)
{
  g_auto (GStrv) words = g_strsplit (text, ":", 3);
  MeshPusherHubApp *app;

  if (g_strv_length (words) != 3 || !mesh_is_base64url (words[0])
      || !mesh_is_base64url (words[1]) || !*words[2]) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_FAILED,
        "application is not ID:KEY:SECRET");
    return FALSE;
  }
  for (guint i = 0; i < hub->apps->len; i++) {
    app = g_ptr_array_index (hub->apps, i);
    if (g_str_equal (app->id, words[0]) || g_str_equal (app->key, words[1])) {
      g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED,
          "application \"%s\" has the id or key of another one", words[0]);
      return FALSE;
    }
  }
  app = g_new0 (MeshPusherHubApp, 1);
  app->id = g_strdup (words[0]);
  app->key = g_strdup (words[1]);
  app->secret = g_strdup (words[2]);
  app->channels = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      (GDestroyNotify) mesh_pusher_hub_channel_free);
  app->cached = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      (GDestroyNotify) mesh_pusher_hub_cached_free);
  app->late = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      (GDestroyNotify) mesh_pusher_hub_late_free);
  g_ptr_array_add (hub->apps, app);
  return TRUE;
}

gboolean
mesh_pusher_hub_has_apps (MeshPusherHub *hub)
{
  return hub->apps->len > 0;
}

MeshPusherHubClient *
mesh_pusher_hub_find_client (MeshPusherHub *hub, guint64 client)
{
  return g_hash_table_lookup (hub->clients, &client);
}

/* Frees @client. */
void
mesh_pusher_hub_close (MeshPusherHub *hub, MeshPusherHubClient *client,
    guint16 code, const char *message)
{
  guint64 number = client->number;

  mesh_pusher_hub_send_text (hub, client,
      mesh_pusher_hub_frame_error (code, message));
  mesh_pusher_hub_send_close (hub, number, code);
  mesh_pusher_hub_disconnected (hub, number);
}

/* Takes one use from the bucket. Returns FALSE when it is empty. */
gboolean
mesh_pusher_hub_bucket_take (MeshPusherHubBucket *bucket, guint rate,
    guint burst, gint64 now)
{
  gint64 cost = G_USEC_PER_SEC / MAX (rate, 1);

  if (!bucket->credited)
    bucket->credit = cost * burst;
  else
    bucket->credit = MIN (bucket->credit + now - bucket->credited,
        cost * burst);
  bucket->credited = now;
  if (bucket->credit < cost)
    return FALSE;
  bucket->credit -= cost;
  return TRUE;
}

/* Returns the number after "protocol=": 0 where there is none, -1 where it is
 * not a number. */
static int
read_protocol (const char *query)
{
  g_auto (GStrv) items = g_strsplit (query ? query : "", "&", -1);

  for (char **item = items; *item; item++) {
    guint64 value;

    if (!g_str_has_prefix (*item, "protocol="))
      continue;
    if (!g_ascii_string_to_unsigned (*item + strlen ("protocol="), 10, 1,
            G_MAXINT, &value, NULL))
      return -1;
    return value;
  }
  return 0;
}

static gboolean
check_protocol (MeshPusherHub *hub, MeshPusherHubClient *client,
    const char *query)
{
  int protocol = read_protocol (query);

  if (protocol == 0)
    mesh_pusher_hub_close (hub, client, MESH_PUSHER_HUB_NO_PROTOCOL,
        "No protocol version supplied");
  else if (protocol < 0)
    mesh_pusher_hub_close (hub, client, MESH_PUSHER_HUB_BAD_VERSION,
        "Invalid version string format");
  else if (protocol < OLDEST_PROTOCOL || protocol > NEWEST_PROTOCOL)
    mesh_pusher_hub_close (hub, client, MESH_PUSHER_HUB_OLD_PROTOCOL,
        "Unsupported protocol version");
  else
    return TRUE;
  return FALSE;
}

/**
 * mesh_pusher_hub_connected:
 * @client: the driver's number for a new connection, never used before
 * @key: of the application that it asked for
 * @query: (nullable): what it said of itself, "protocol=7&…"
 */
void
mesh_pusher_hub_connected (MeshPusherHub *hub, guint64 client,
    const char *key, const char *query, gint64 now)
{
  MeshPusherHubClient *self = g_new0 (MeshPusherHubClient, 1);

  hub->now = MAX (hub->now, now);
  self->number = client;
  self->heard = now;
  self->channels = g_hash_table_new (NULL, NULL);
  self->app = find_app_by_key (hub, key);
  g_snprintf (self->socket_id, sizeof self->socket_id,
      "%" G_GUINT32_FORMAT ".%" G_GUINT64_FORMAT, hub->prefix, client);
  g_hash_table_insert (hub->clients, &self->number, self);
  if (!self->app)
    mesh_pusher_hub_close (hub, self, MESH_PUSHER_HUB_NO_APP,
        "App key is not known here");
  else if (check_protocol (hub, self, query))
    mesh_pusher_hub_send_text (hub, self,
        mesh_pusher_hub_frame_established (self->socket_id,
            hub->limits.activity / G_USEC_PER_SEC));
}

/**
 * mesh_pusher_hub_disconnected:
 * @client: whose connection is gone
 */
void
mesh_pusher_hub_disconnected (MeshPusherHub *hub, guint64 client)
{
  MeshPusherHubClient *self = mesh_pusher_hub_find_client (hub, client);

  if (!self)
    return;
  mesh_pusher_hub_unsubscribe_all (hub, self);
  g_hash_table_remove (hub->clients, &client);
}

/**
 * mesh_pusher_hub_reject:
 * @client: who is to go
 * @code: why
 * @message: the same in words
 */
void
mesh_pusher_hub_reject (MeshPusherHub *hub, guint64 client, guint16 code,
    const char *message)
{
  MeshPusherHubClient *self = mesh_pusher_hub_find_client (hub, client);

  if (!self)
    return;
  hub->stats.refused++;
  mesh_pusher_hub_close (hub, self, code, message);
}

/**
 * mesh_pusher_hub_heard:
 * @client: who has given a sign of life
 *
 * Each sign counts: too many of them end the connection.
 */
void
mesh_pusher_hub_heard (MeshPusherHub *hub, guint64 client, gint64 now)
{
  MeshPusherHubClient *self = mesh_pusher_hub_find_client (hub, client);

  if (!self)
    return;
  self->heard = now;
  self->asked = FALSE;
  if (!mesh_pusher_hub_bucket_take (&self->frames, hub->limits.rate,
          hub->limits.burst, now))
    mesh_pusher_hub_reject (hub, client, MESH_PUSHER_HUB_OVER_CAPACITY,
        "Too many messages");
}

gboolean
mesh_pusher_hub_is_subscribed (MeshPusherHub *hub, guint64 client)
{
  MeshPusherHubClient *self = mesh_pusher_hub_find_client (hub, client);

  return self && g_hash_table_size (self->channels);
}

static void
check_silence (MeshPusherHub *hub, MeshPusherHubClient *client, gint64 now)
{
  gint64 silent = now - client->heard;

  if (silent >= hub->limits.activity + hub->limits.pong) {
    mesh_pusher_hub_close (hub, client, MESH_PUSHER_HUB_NO_PONG,
        "Pong reply not received");
  } else if (silent >= hub->limits.activity && !client->asked) {
    client->asked = TRUE;
    mesh_pusher_hub_send_text (hub, client,
        g_string_new ("{\"event\":\"pusher:ping\",\"data\":\"{}\"}"));
  }
}

/**
 * mesh_pusher_hub_tick:
 *
 * Looks after those who are silent; to be called every second or so.
 */
void
mesh_pusher_hub_tick (MeshPusherHub *hub, gint64 now)
{
  g_autoptr (GList) clients = g_hash_table_get_values (hub->clients);

  hub->now = now;
  mesh_pusher_hub_cache_tick (hub);
  mesh_pusher_hub_late_tick (hub);
  for (GList *l = clients; l; l = l->next)
    check_silence (hub, l->data, now);
}

/**
 * mesh_pusher_hub_waits:
 * Returns: whether something is kept that ends with time alone, so that
 *   mesh_pusher_hub_tick() is to be called although nobody is connected
 */
gboolean
mesh_pusher_hub_waits (MeshPusherHub *hub)
{
  return hub->late.length > 0;
}

/**
 * mesh_pusher_hub_shut_down:
 *
 * Sends everybody away, to come back at once.
 */
void
mesh_pusher_hub_shut_down (MeshPusherHub *hub)
{
  g_autoptr (GList) clients = g_hash_table_get_values (hub->clients);

  for (GList *l = clients; l; l = l->next)
    mesh_pusher_hub_unsubscribe_all (hub, l->data);
  for (GList *l = clients; l; l = l->next)
    mesh_pusher_hub_close (hub, l->data, MESH_PUSHER_HUB_COME_BACK,
        "Server goes away, please reconnect");
}

const MeshPusherHubStats *
mesh_pusher_hub_get_stats (MeshPusherHub *hub)
{
  hub->stats.clients = g_hash_table_size (hub->clients);
  return &hub->stats;
}
