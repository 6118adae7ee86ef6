/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The last event of each channel whose name asks for it ("cache-news"), kept
 * for those who subscribe later. */

#include "pusher/hub-private.h"

/* Pusher's own lifetime, in µs. */
#define CACHE_LIFETIME (30 * 60 * G_USEC_PER_SEC)

struct _MeshPusherHubCached {
  MeshPusherHubApp *app;
  char *name;                   /* the channel's */
  GBytes *frame;
  gsize data_length;            /* of the data, before the last '}' */
  gint64 until;
  GList link;                   /* in the hub's, by age */
};

void
mesh_pusher_hub_cached_free (MeshPusherHubCached *cached)
{
  g_free (cached->name);
  g_bytes_unref (cached->frame);
  g_free (cached);
}

/* Returns whether a channel is cached, which the beginning of its name
 * tells. */
static gboolean
is_kept (const char *name)
{
  static const char *const prefixes[] = { "cache-", "private-cache-",
    "private-encrypted-cache-", "presence-cache-", NULL };

  for (guint i = 0; prefixes[i]; i++)
    if (g_str_has_prefix (name, prefixes[i]))
      return TRUE;
  return FALSE;
}

static void
forget (MeshPusherHub *hub, MeshPusherHubCached *cached)
{
  g_queue_unlink (&hub->cached, &cached->link);
  g_hash_table_remove (cached->app->cached, cached->name);
}

static MeshPusherHubCached *
find (MeshPusherHub *hub, MeshPusherHubApp *app, const char *name)
{
  MeshPusherHubCached *cached = g_hash_table_lookup (app->cached, name);

  return cached && cached->until > hub->now ? cached : NULL;
}

/*
 * mesh_pusher_hub_cache_put:
 * @name: any channel
 * @frame: what was sent there, and nobody's in particular
 * @data_length: bytes of what it carries, a string
 *
 * Where there are too many, those that were heard of longest ago are forgotten.
 */
void
mesh_pusher_hub_cache_put (MeshPusherHub *hub, MeshPusherHubApp *app,
    const char *name, GBytes *frame, gsize data_length)
{
  MeshPusherHubCached *cached = g_hash_table_lookup (app->cached, name);

  if (!is_kept (name))
    return;
  if (cached)
    forget (hub, cached);
  cached = g_new0 (MeshPusherHubCached, 1);
  cached->app = app;
  cached->name = g_strdup (name);
  cached->frame = g_bytes_ref (frame);
  cached->data_length = data_length;
  cached->until = hub->now + CACHE_LIFETIME;
  cached->link.data = cached;
  g_hash_table_insert (app->cached, cached->name, cached);
  g_queue_push_tail_link (&hub->cached, &cached->link);
  while (hub->cached.length > hub->limits.cached)
    forget (hub, hub->cached.head->data);
}

/* Sends the last event to a new subscriber, or tells it that there is none. */
void
mesh_pusher_hub_cache_tell (MeshPusherHub *hub,
    MeshPusherHubClient *client, const char *name)
{
  MeshPusherHubCached *cached = find (hub, client->app, name);

  if (cached) {
    mesh_pusher_hub_send (hub, client, cached->frame);
  } else if (is_kept (name)) {
    GString *frame = g_string_new (NULL);

    g_string_printf (frame,
        "{\"event\":\"pusher:cache_miss\",\"channel\":\"%s\"}", name);
    mesh_pusher_hub_send_text (hub, client, frame);
  }
}

/* Appends the channel's `cache` for the HTTP interface; null where there is
 * none. */
void
mesh_pusher_hub_cache_append (GString *text, MeshPusherHub *hub,
    MeshPusherHubApp *app, const char *name)
{
  MeshPusherHubCached *cached = find (hub, app, name);
  gsize size;
  const char *frame;

  if (!cached) {
    g_string_append (text, "\"cache\":null");
    return;
  }
  frame = g_bytes_get_data (cached->frame, &size);
  g_string_append (text, "\"cache\":{\"data\":");
  g_string_append_len (text, frame + size - 1 - cached->data_length,
      cached->data_length);
  g_string_append_printf (text, ",\"ttl\":%" G_GINT64_FORMAT "}",
      (cached->until - hub->now) / G_USEC_PER_SEC);
}

void
mesh_pusher_hub_cache_tick (MeshPusherHub *hub)
{
  MeshPusherHubCached *oldest;

  while ((oldest = g_queue_peek_head (&hub->cached))
      && oldest->until <= hub->now)
    forget (hub, oldest);
}
