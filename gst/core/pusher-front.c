/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The front's connections: what they say, and what becomes of them. */

#include "core/pusher-front-private.h"

#include <string.h>

#include "core/error.h"

#define OLDEST_PROTOCOL 5
#define NEWEST_PROTOCOL 7

/**
 * mesh_front_limits_init:
 * @limits: (out caller-allocates): set to what a public server can bear
 *
 * Since: 0.1
 */
void
mesh_front_limits_init (MeshFrontLimits *limits)
{
  *limits = (MeshFrontLimits) {
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
app_free (MeshFrontApp *app)
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
client_free (MeshFrontClient *client)
{
  g_hash_table_unref (client->channels);
  g_free (client->user);
  g_free (client);
}

/**
 * mesh_front_new:
 * @limits: (nullable): limits; %NULL = those of mesh_front_limits_init()
 * @seed: a random number, another one for each front: an old one's socket ids,
 *   and what was signed for them, are nothing to a new one
 *
 * Returns: (transfer full): a front without applications
 *
 * Since: 0.1
 */
MeshFront *
mesh_front_new (const MeshFrontLimits *limits, guint64 seed)
{
  MeshFront *front = g_new0 (MeshFront, 1);

  if (limits)
    front->limits = *limits;
  else
    mesh_front_limits_init (&front->limits);
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
action_free (MeshFrontAction *action)
{
  mesh_front_action_clear (action);
  g_free (action);
}

/**
 * mesh_front_free:
 * @front: (nullable) (transfer full): a front
 *
 * Since: 0.1
 */
void
mesh_front_free (MeshFront *front)
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

static MeshFrontApp *
find_app_by_key (MeshFront *front, const char *key)
{
  for (guint i = 0; i < front->apps->len; i++) {
    MeshFrontApp *app = g_ptr_array_index (front->apps, i);

    if (g_str_equal (app->key, key))
      return app;
  }
  return NULL;
}

/**
 * mesh_front_add_app:
 * @front: a front
 * @text: "ID:KEY:SECRET", the first two of letters, digits, '-' and '_'
 * @error: return location for a #MESH_ERROR
 *
 * Adds an application. The first one is that of mesh_front_post().
 *
 * Returns: %FALSE with @error set when @text is none, or was added before
 *
 * Since: 0.1
 */
gboolean
mesh_front_add_app (MeshFront *front, const char *text, GError **error)
{
  g_auto (GStrv) words = g_strsplit (text, ":", 3);
  MeshFrontApp *app;

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
  app = g_new0 (MeshFrontApp, 1);
  app->id = g_strdup (words[0]);
  app->key = g_strdup (words[1]);
  app->secret = g_strdup (words[2]);
  app->channels = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      (GDestroyNotify) mesh_front_channel_free);
  app->cached = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      (GDestroyNotify) mesh_front_cached_free);
  app->late = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      (GDestroyNotify) mesh_front_late_free);
  g_ptr_array_add (front->apps, app);
  return TRUE;
}

gboolean
mesh_front_has_apps (MeshFront *front)
{
  return front->apps->len > 0;
}

MeshFrontClient *
mesh_front_find_client (MeshFront *front, guint64 client)
{
  return g_hash_table_lookup (front->clients, &client);
}

static void
push_action (MeshFront *front, guint64 client, GBytes *frame, guint16 code)
{
  MeshFrontAction *action = g_new0 (MeshFrontAction, 1);

  action->client = client;
  action->frame = frame;
  action->close_code = code;
  g_queue_push_tail (&front->actions, action);
}

void
mesh_front_send (MeshFront *front, MeshFrontClient *client, GBytes *frame)
{
  push_action (front, client->number, g_bytes_ref (frame), 0);
}

/* @text: (transfer full) */
void
mesh_front_send_text (MeshFront *front, MeshFrontClient *client,
    GString *text)
{
  push_action (front, client->number, g_string_free_to_bytes (text), 0);
}

/* @client is freed by it. */
void
mesh_front_close (MeshFront *front, MeshFrontClient *client, guint16 code,
    const char *message)
{
  guint64 number = client->number;

  mesh_front_send_text (front, client, mesh_front_frame_error (code, message));
  push_action (front, number, NULL, code);
  mesh_front_disconnected (front, number);
}

/* Whether there is enough left for one more. */
gboolean
mesh_front_bucket_take (MeshFrontBucket *bucket, guint rate, guint burst,
    gint64 now)
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
check_protocol (MeshFront *front, MeshFrontClient *client, const char *query)
{
  int protocol = read_protocol (query);

  if (protocol == 0)
    mesh_front_close (front, client, MESH_FRONT_NO_PROTOCOL,
        "No protocol version supplied");
  else if (protocol < 0)
    mesh_front_close (front, client, MESH_FRONT_BAD_VERSION,
        "Invalid version string format");
  else if (protocol < OLDEST_PROTOCOL || protocol > NEWEST_PROTOCOL)
    mesh_front_close (front, client, MESH_FRONT_OLD_PROTOCOL,
        "Unsupported protocol version");
  else
    return TRUE;
  return FALSE;
}

/**
 * mesh_front_connected:
 * @front: a front
 * @client: the driver's number for a new connection, never used before
 * @key: of the application that it asked for
 * @query: (nullable): what it said of itself, "protocol=7&…"
 * @now: the time
 *
 * Since: 0.1
 */
void
mesh_front_connected (MeshFront *front, guint64 client, const char *key,
    const char *query, gint64 now)
{
  MeshFrontClient *self = g_new0 (MeshFrontClient, 1);

  front->now = MAX (front->now, now);
  self->number = client;
  self->heard = now;
  self->channels = g_hash_table_new (NULL, NULL);
  self->app = find_app_by_key (front, key);
  g_snprintf (self->socket_id, sizeof self->socket_id,
      "%" G_GUINT32_FORMAT ".%" G_GUINT64_FORMAT, front->prefix, client);
  g_hash_table_insert (front->clients, &self->number, self);
  if (!self->app)
    mesh_front_close (front, self, MESH_FRONT_NO_APP,
        "App key is not known here");
  else if (check_protocol (front, self, query))
    mesh_front_send_text (front, self, mesh_front_frame_established (
            self->socket_id, front->limits.activity / G_USEC_PER_SEC));
}

/**
 * mesh_front_disconnected:
 * @front: a front
 * @client: whose connection is gone
 *
 * Since: 0.1
 */
void
mesh_front_disconnected (MeshFront *front, guint64 client)
{
  MeshFrontClient *self = mesh_front_find_client (front, client);

  if (!self)
    return;
  mesh_front_unsubscribe_all (front, self);
  g_hash_table_remove (front->clients, &client);
}

/**
 * mesh_front_reject:
 * @front: a front
 * @client: who is to go
 * @code: why
 * @message: the same in words
 *
 * Since: 0.1
 */
void
mesh_front_reject (MeshFront *front, guint64 client, guint16 code,
    const char *message)
{
  MeshFrontClient *self = mesh_front_find_client (front, client);

  if (!self)
    return;
  front->stats.refused++;
  mesh_front_close (front, self, code, message);
}

/**
 * mesh_front_heard:
 * @front: a front
 * @client: who has given a sign of life
 * @now: the time
 *
 * Each sign counts: too many of them end the connection.
 *
 * Since: 0.1
 */
void
mesh_front_heard (MeshFront *front, guint64 client, gint64 now)
{
  MeshFrontClient *self = mesh_front_find_client (front, client);

  if (!self)
    return;
  self->heard = now;
  self->asked = FALSE;
  if (!mesh_front_bucket_take (&self->frames, front->limits.rate,
          front->limits.burst, now))
    mesh_front_reject (front, client, MESH_FRONT_OVER_CAPACITY,
        "Too many messages");
}

gboolean
mesh_front_is_subscribed (MeshFront *front, guint64 client)
{
  MeshFrontClient *self = mesh_front_find_client (front, client);

  return self && g_hash_table_size (self->channels);
}

static void
check_silence (MeshFront *front, MeshFrontClient *client, gint64 now)
{
  gint64 silent = now - client->heard;

  if (silent >= front->limits.activity + front->limits.pong) {
    mesh_front_close (front, client, MESH_FRONT_NO_PONG,
        "Pong reply not received");
  } else if (silent >= front->limits.activity && !client->asked) {
    client->asked = TRUE;
    mesh_front_send_text (front, client,
        g_string_new ("{\"event\":\"pusher:ping\",\"data\":\"{}\"}"));
  }
}

/**
 * mesh_front_tick:
 * @front: a front
 * @now: the time
 *
 * Looks after those who are silent; to be called every second or so.
 *
 * Since: 0.1
 */
void
mesh_front_tick (MeshFront *front, gint64 now)
{
  g_autoptr (GList) clients = g_hash_table_get_values (front->clients);

  front->now = now;
  mesh_front_cache_tick (front);
  mesh_front_late_tick (front);
  for (GList *l = clients; l; l = l->next)
    check_silence (front, l->data, now);
}

/**
 * mesh_front_waits:
 * @front: a front
 *
 * Returns: whether something is kept that ends with time alone, so that
 *   mesh_front_tick() is to be called although nobody is connected
 *
 * Since: 0.1
 */
gboolean
mesh_front_waits (MeshFront *front)
{
  return front->late.length > 0;
}

/**
 * mesh_front_shut_down:
 * @front: a front
 *
 * Sends everybody away, to come back at once.
 *
 * Since: 0.1
 */
void
mesh_front_shut_down (MeshFront *front)
{
  g_autoptr (GList) clients = g_hash_table_get_values (front->clients);

  for (GList *l = clients; l; l = l->next)
    mesh_front_unsubscribe_all (front, l->data);
  for (GList *l = clients; l; l = l->next)
    mesh_front_close (front, l->data, MESH_FRONT_COME_BACK,
        "Server goes away, please reconnect");
}

/**
 * mesh_front_pop_action:
 * @front: a front
 * @action: (out caller-allocates): what to do; to be cleared
 *
 * Returns: %FALSE when there is nothing to do
 *
 * Since: 0.1
 */
gboolean
mesh_front_pop_action (MeshFront *front, MeshFrontAction *action)
{
  g_autofree MeshFrontAction *next = g_queue_pop_head (&front->actions);

  if (!next)
    return FALSE;
  *action = *next;
  return TRUE;
}

void
mesh_front_action_clear (MeshFrontAction *action)
{
  g_clear_pointer (&action->frame, g_bytes_unref);
}

const MeshFrontStats *
mesh_front_get_stats (MeshFront *front)
{
  front->stats.clients = g_hash_table_size (front->clients);
  return &front->stats;
}
