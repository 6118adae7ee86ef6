/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The front's connections: what they say, and what becomes of them. */

#include "pusher/front-private.h"

#include <string.h>

#include "core/error.h"

#define OLDEST_PROTOCOL 5
#define NEWEST_PROTOCOL 7

/**
 * mesh_pusher_front_limits_init:
 * @limits: (out caller-allocates): set to what a public server can bear
 *
 * Since: 0.1
 */
void
mesh_pusher_front_limits_init (MeshPusherFrontLimits *limits)
{
  *limits = (MeshPusherFrontLimits) {
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
app_free (MeshPusherFrontApp *app)
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
client_free (MeshPusherFrontClient *client)
{
  g_hash_table_unref (client->channels);
  g_free (client->user);
  g_free (client);
}

/**
 * mesh_pusher_front_new:
 * @limits: (nullable): limits; %NULL = those of mesh_pusher_front_limits_init()
 * @seed: a random number, another one for each front: an old one's socket ids,
 *   and what was signed for them, are nothing to a new one
 *
 * Returns: (transfer full): a front without applications
 *
 * Since: 0.1
 */
MeshPusherFront *
mesh_pusher_front_new (const MeshPusherFrontLimits *limits, guint64 seed)
{
  MeshPusherFront *front = g_new0 (MeshPusherFront, 1);

  if (limits)
    front->limits = *limits;
  else
    mesh_pusher_front_limits_init (&front->limits);
  front->prefix = seed ^ seed >> 32;
  front->apps = g_ptr_array_new_with_free_func ((GDestroyNotify) app_free);
  front->clients = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL,
      (GDestroyNotify) client_free);
  g_queue_init (&front->cached);
  g_queue_init (&front->late);
  g_queue_init (&front->actions);
  return front;
}

static void
action_free (MeshPusherFrontAction *action)
{
  mesh_pusher_front_action_clear (action);
  g_free (action);
}

/**
 * mesh_pusher_front_free:
 * @front: (nullable) (transfer full): a front
 *
 * Since: 0.1
 */
void
mesh_pusher_front_free (MeshPusherFront *front)
{
  if (!front)
    return;
  g_hash_table_unref (front->clients);
  g_ptr_array_unref (front->apps);
  g_queue_clear_full (&front->actions, (GDestroyNotify) action_free);
  g_free (front);
}

static gboolean
is_plain (const char *text)
{
  if (!*text)
    return FALSE;
  for (; *text; text++)
    if (!g_ascii_isalnum (*text) && *text != '-' && *text != '_')
      return FALSE;
  return TRUE;
}

static MeshPusherFrontApp *
find_app_by_key (MeshPusherFront *front, const char *key)
{
  for (guint i = 0; i < front->apps->len; i++) {
    MeshPusherFrontApp *app = g_ptr_array_index (front->apps, i);

    if (g_str_equal (app->key, key))
      return app;
  }
  return NULL;
}

/**
 * mesh_pusher_front_add_app:
 * @front: a front
 * @text: "ID:KEY:SECRET", the first two of letters, digits, '-' and '_'
 * @error: return location for a #MESH_ERROR
 *
 * Adds an application. The first one is that of mesh_pusher_front_post().
 *
 * Returns: %FALSE with @error set when @text is none, or was added before
 *
 * Since: 0.1
 */
gboolean
mesh_pusher_front_add_app (MeshPusherFront *front, const char *text,
    GError **error)
{
  g_auto (GStrv) words = g_strsplit (text, ":", 3);
  MeshPusherFrontApp *app;

  if (g_strv_length (words) != 3 || !is_plain (words[0]) || !is_plain (words[1])
      || !*words[2]) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_FAILED,
        "application is not ID:KEY:SECRET");
    return FALSE;
  }
  for (guint i = 0; i < front->apps->len; i++) {
    app = g_ptr_array_index (front->apps, i);
    if (g_str_equal (app->id, words[0]) || g_str_equal (app->key, words[1])) {
      g_set_error (error, MESH_ERROR, MESH_ERROR_FAILED,
          "application \"%s\" has the id or key of another one", words[0]);
      return FALSE;
    }
  }
  app = g_new0 (MeshPusherFrontApp, 1);
  app->id = g_strdup (words[0]);
  app->key = g_strdup (words[1]);
  app->secret = g_strdup (words[2]);
  app->channels = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      (GDestroyNotify) mesh_pusher_front_channel_free);
  app->cached = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      (GDestroyNotify) mesh_pusher_front_cached_free);
  app->late = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      (GDestroyNotify) mesh_pusher_front_late_free);
  g_ptr_array_add (front->apps, app);
  return TRUE;
}

gboolean
mesh_pusher_front_has_apps (MeshPusherFront *front)
{
  return front->apps->len > 0;
}

MeshPusherFrontClient *
mesh_pusher_front_find_client (MeshPusherFront *front, guint64 client)
{
  return g_hash_table_lookup (front->clients, &client);
}

static void
push_action (MeshPusherFront *front, guint64 client, GBytes *frame,
    guint16 code)
{
  MeshPusherFrontAction *action = g_new0 (MeshPusherFrontAction, 1);

  action->client = client;
  action->frame = frame;
  action->close_code = code;
  g_queue_push_tail (&front->actions, action);
}

void
mesh_pusher_front_send (MeshPusherFront *front, MeshPusherFrontClient *client,
    GBytes *frame)
{
  push_action (front, client->number, g_bytes_ref (frame), 0);
}

/* @text: (transfer full) */
void
mesh_pusher_front_send_text (MeshPusherFront *front,
    MeshPusherFrontClient *client, GString *text)
{
  push_action (front, client->number, g_string_free_to_bytes (text), 0);
}

/* @client is freed by it. */
void
mesh_pusher_front_close (MeshPusherFront *front, MeshPusherFrontClient *client,
    guint16 code, const char *message)
{
  guint64 number = client->number;

  mesh_pusher_front_send_text (front, client,
      mesh_pusher_front_frame_error (code, message));
  push_action (front, number, NULL, code);
  mesh_pusher_front_disconnected (front, number);
}

/* Whether there is enough left for one more. */
gboolean
mesh_pusher_front_bucket_take (MeshPusherFrontBucket *bucket, guint rate,
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

/* The number after "protocol=": 0 where there is none, -1 where it is none. */
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
check_protocol (MeshPusherFront *front, MeshPusherFrontClient *client,
    const char *query)
{
  int protocol = read_protocol (query);

  if (protocol == 0)
    mesh_pusher_front_close (front, client, MESH_PUSHER_FRONT_NO_PROTOCOL,
        "No protocol version supplied");
  else if (protocol < 0)
    mesh_pusher_front_close (front, client, MESH_PUSHER_FRONT_BAD_VERSION,
        "Invalid version string format");
  else if (protocol < OLDEST_PROTOCOL || protocol > NEWEST_PROTOCOL)
    mesh_pusher_front_close (front, client, MESH_PUSHER_FRONT_OLD_PROTOCOL,
        "Unsupported protocol version");
  else
    return TRUE;
  return FALSE;
}

/**
 * mesh_pusher_front_connected:
 * @front: a front
 * @client: the driver's number for a new connection, never used before
 * @key: of the application that it asked for
 * @query: (nullable): what it said of itself, "protocol=7&…"
 * @now: the time
 *
 * Since: 0.1
 */
void
mesh_pusher_front_connected (MeshPusherFront *front, guint64 client,
    const char *key, const char *query, gint64 now)
{
  MeshPusherFrontClient *self = g_new0 (MeshPusherFrontClient, 1);

  front->now = MAX (front->now, now);
  self->number = client;
  self->heard = now;
  self->channels = g_hash_table_new (NULL, NULL);
  self->app = find_app_by_key (front, key);
  g_snprintf (self->socket_id, sizeof self->socket_id,
      "%" G_GUINT32_FORMAT ".%" G_GUINT64_FORMAT, front->prefix, client);
  g_hash_table_insert (front->clients, &self->number, self);
  if (!self->app)
    mesh_pusher_front_close (front, self, MESH_PUSHER_FRONT_NO_APP,
        "App key is not known here");
  else if (check_protocol (front, self, query))
    mesh_pusher_front_send_text (front, self,
        mesh_pusher_front_frame_established (self->socket_id,
            front->limits.activity / G_USEC_PER_SEC));
}

/**
 * mesh_pusher_front_disconnected:
 * @front: a front
 * @client: whose connection is gone
 *
 * Since: 0.1
 */
void
mesh_pusher_front_disconnected (MeshPusherFront *front, guint64 client)
{
  MeshPusherFrontClient *self = mesh_pusher_front_find_client (front, client);

  if (!self)
    return;
  mesh_pusher_front_unsubscribe_all (front, self);
  g_hash_table_remove (front->clients, &client);
}

/**
 * mesh_pusher_front_reject:
 * @front: a front
 * @client: who is to go
 * @code: why
 * @message: the same in words
 *
 * Since: 0.1
 */
void
mesh_pusher_front_reject (MeshPusherFront *front, guint64 client, guint16 code,
    const char *message)
{
  MeshPusherFrontClient *self = mesh_pusher_front_find_client (front, client);

  if (!self)
    return;
  front->stats.refused++;
  mesh_pusher_front_close (front, self, code, message);
}

/**
 * mesh_pusher_front_heard:
 * @front: a front
 * @client: who has given a sign of life
 * @now: the time
 *
 * Each sign counts: too many of them end the connection.
 *
 * Since: 0.1
 */
void
mesh_pusher_front_heard (MeshPusherFront *front, guint64 client, gint64 now)
{
  MeshPusherFrontClient *self = mesh_pusher_front_find_client (front, client);

  if (!self)
    return;
  self->heard = now;
  self->asked = FALSE;
  if (!mesh_pusher_front_bucket_take (&self->frames, front->limits.rate,
          front->limits.burst, now))
    mesh_pusher_front_reject (front, client, MESH_PUSHER_FRONT_OVER_CAPACITY,
        "Too many messages");
}

gboolean
mesh_pusher_front_is_subscribed (MeshPusherFront *front, guint64 client)
{
  MeshPusherFrontClient *self = mesh_pusher_front_find_client (front, client);

  return self && g_hash_table_size (self->channels);
}

static void
check_silence (MeshPusherFront *front, MeshPusherFrontClient *client,
    gint64 now)
{
  gint64 silent = now - client->heard;

  if (silent >= front->limits.activity + front->limits.pong) {
    mesh_pusher_front_close (front, client, MESH_PUSHER_FRONT_NO_PONG,
        "Pong reply not received");
  } else if (silent >= front->limits.activity && !client->asked) {
    client->asked = TRUE;
    mesh_pusher_front_send_text (front, client,
        g_string_new ("{\"event\":\"pusher:ping\",\"data\":\"{}\"}"));
  }
}

/**
 * mesh_pusher_front_tick:
 * @front: a front
 * @now: the time
 *
 * Looks after those who are silent; to be called every second or so.
 *
 * Since: 0.1
 */
void
mesh_pusher_front_tick (MeshPusherFront *front, gint64 now)
{
  g_autoptr (GList) clients = g_hash_table_get_values (front->clients);

  front->now = now;
  mesh_pusher_front_cache_tick (front);
  mesh_pusher_front_late_tick (front);
  for (GList *l = clients; l; l = l->next)
    check_silence (front, l->data, now);
}

/**
 * mesh_pusher_front_waits:
 * @front: a front
 *
 * Returns: whether something is kept that ends with time alone, so that
 *   mesh_pusher_front_tick() is to be called although nobody is connected
 *
 * Since: 0.1
 */
gboolean
mesh_pusher_front_waits (MeshPusherFront *front)
{
  return front->late.length > 0;
}

/**
 * mesh_pusher_front_shut_down:
 * @front: a front
 *
 * Sends everybody away, to come back at once.
 *
 * Since: 0.1
 */
void
mesh_pusher_front_shut_down (MeshPusherFront *front)
{
  g_autoptr (GList) clients = g_hash_table_get_values (front->clients);

  for (GList *l = clients; l; l = l->next)
    mesh_pusher_front_unsubscribe_all (front, l->data);
  for (GList *l = clients; l; l = l->next)
    mesh_pusher_front_close (front, l->data, MESH_PUSHER_FRONT_COME_BACK,
        "Server goes away, please reconnect");
}

/**
 * mesh_pusher_front_pop_action:
 * @front: a front
 * @action: (out caller-allocates): what to do; to be cleared
 *
 * Returns: %FALSE when there is nothing to do
 *
 * Since: 0.1
 */
gboolean
mesh_pusher_front_pop_action (MeshPusherFront *front,
    MeshPusherFrontAction *action)
{
  g_autofree MeshPusherFrontAction *next = g_queue_pop_head (&front->actions);

  if (!next)
    return FALSE;
  *action = *next;
  return TRUE;
}

void
mesh_pusher_front_action_clear (MeshPusherFrontAction *action)
{
  g_clear_pointer (&action->frame, g_bytes_unref);
}

const MeshPusherFrontStats *
mesh_pusher_front_get_stats (MeshPusherFront *front)
{
  front->stats.clients = g_hash_table_size (front->clients);
  return &front->stats;
}
