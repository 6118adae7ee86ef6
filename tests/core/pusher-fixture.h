/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <string.h>

#include "pusher/hub.h"

/* A hub in virtual time, its clients and its application's server. */

#define APP "app:key:secret"
#define UUID "00000000-0000-4000-8000-00000000000a"

typedef struct {
  MeshPusherHubLimits limits;
  MeshPusherHub *hub;
  gint64 now;
  GString *log;                 /* what was done: "NUMBER<frame" or "!code" */
} Fixture;

G_GNUC_UNUSED static void
start (Fixture *f)
{
  f->hub = mesh_pusher_hub_new (&f->limits, 7);
  g_assert_true (mesh_pusher_hub_add_app (f->hub, APP, NULL));
}

G_GNUC_UNUSED static void
set_up (Fixture *f, gconstpointer data)
{
  mesh_pusher_hub_limits_init (&f->limits);
  f->now = 1;
  f->log = g_string_new (NULL);
}

G_GNUC_UNUSED static void
tear_down (Fixture *f, gconstpointer data)
{
  mesh_pusher_hub_free (f->hub);
  g_string_free (f->log, TRUE);
}

/* All that is to be done, in words. */
G_GNUC_UNUSED static const char *
drain (Fixture *f)
{
  MeshPusherHubAction action;

  g_string_truncate (f->log, 0);
  while (mesh_pusher_hub_pop_action (f->hub, &action)) {
    g_string_append_printf (f->log, "%" G_GUINT64_FORMAT, action.client);
    if (action.frame) {
      gsize size;
      const char *text = g_bytes_get_data (action.frame, &size);

      g_string_append_printf (f->log, "<%.*s\n", (int) size, text);
    } else {
      g_string_append_printf (f->log, "!%u\n", action.close_code);
    }
    mesh_pusher_hub_action_clear (&action);
  }
  return f->log->str;
}

G_GNUC_UNUSED static void
connect_client (Fixture *f, guint64 client)
{
  mesh_pusher_hub_connected (f->hub, client, "key", "protocol=7", f->now);
  g_assert_nonnull (strstr (drain (f), "pusher:connection_established"));
}

G_GNUC_UNUSED static const char *
say (Fixture *f, guint64 client, const char *text)
{
  mesh_pusher_hub_feed (f->hub, client, text, strlen (text), f->now);
  return drain (f);
}

/* With the signature that it takes. */
G_GNUC_UNUSED static const char *
enter (Fixture *f, guint64 client, const char *channel, const char *user)
{
  g_autofree char *socket_id = g_strdup_printf ("7.%" G_GUINT64_FORMAT, client);
  g_autofree char *data = user
      ? g_strdup_printf ("{\"user_id\":\"%s\"}", user) : NULL;
  g_autofree char *auth = mesh_pusher_sign_channel ("secret", socket_id,
      channel, data);
  g_autofree char *escaped = g_strescape (data ? data : "", NULL);
  g_autofree char *text = g_strdup_printf ("{\"event\":\"pusher:subscribe\","
      "\"data\":{\"channel\":\"%s\",\"auth\":\"key:%s\"%s%s%s}}", channel, auth,
      data ? ",\"channel_data\":\"" : "", escaped, data ? "\"" : "");

  return say (f, client, text);
}

G_GNUC_UNUSED static void
assert_entered (const char *log)
{
  g_assert_nonnull (strstr (log, "pusher_internal:subscription_succeeded"));
}

/* As the application's server asks, with its signature. */
G_GNUC_UNUSED static guint
ask (Fixture *f, const char *method, const char *path, const char *info,
    const char *body, GString *answer)
{
  g_autofree char *md5 = body
      ? g_compute_checksum_for_string (G_CHECKSUM_MD5, body, -1) : NULL;
  g_autofree char *query = g_strdup_printf ("auth_key=key&auth_timestamp=1"
      "&auth_version=1.0%s%s%s%s", md5 ? "&body_md5=" : "", md5 ? md5 : "",
      info ? "&info=" : "", info ? info : "");
  g_autofree char *signature = mesh_pusher_sign_request ("secret", method,
      path, query);
  g_autofree char *whole = g_strconcat (query, "&auth_signature=", signature,
      NULL);
  MeshPusherHubRequest request = { method, path, whole, body,
    body ? strlen (body) : 0, f->now, 1 };

  return mesh_pusher_hub_request (f->hub, &request, answer);
}

G_GNUC_UNUSED static void
trigger (Fixture *f, const char *channel, const char *words)
{
  g_autofree char *body = g_strdup_printf ("{\"name\":\"e\",\"data\":\"%s\","
      "\"channels\":[\"%s\"]}", words, channel);
  g_autoptr (GString) answer = g_string_new (NULL);

  g_assert_cmpuint (ask (f, "POST", "/apps/app/events", NULL, body, answer),
      ==, 200);
}

/* Subscribes a client, and returns what it is told besides. */
G_GNUC_UNUSED static char *
look_into (Fixture *f, guint64 client, const char *channel)
{
  const char *log, *more;

  connect_client (f, client);
  log = enter (f, client, channel, g_str_has_prefix (channel, "presence-")
      ? "a" : NULL);
  assert_entered (log);
  more = strchr (log, '<');
  more = strchr (more + 1, '<');
  return g_strdup (more ? more + 1 : "");
}
