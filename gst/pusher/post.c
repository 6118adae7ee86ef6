/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The hub's other HTTP interface, that of mooz: a page sends one message to one
 * person, without a signature. */

#include "pusher/hub-private.h"

#include "core/json.h"

/**
 * mesh_pusher_hub_post:
 * @hub: a hub with an application
 * @name: a channel of the first application, by name
 * @body: JSON
 * @length: its bytes
 *
 * Triggers the event "signal" with @body, as the interface of mooz does. There
 * is no signature: so it is for channels whose name only those know who have
 * been told, UUIDs.
 *
 * The UUID is read in any case, and means the channel in lower case, as peers
 * name themselves. When nobody listens, it waits there for a while.
 *
 * Returns: the status of HTTP: 200, 400, 403, 413 or 429
 */
guint
mesh_pusher_hub_post (MeshPusherHub *hub, const char *name,
    const char *body, gsize length, gint64 now)
{
  static const char *const names[] = { NULL };
  static const MeshJsonSpan event = { "\"signal\"", 8 };
  MeshJsonSpan data = { body, length };
  MeshPusherHubApp *app = g_ptr_array_index (hub->apps, 0);
  g_autoptr (GBytes) frame = NULL;
  g_autofree char *channel = g_ascii_strdown (name, -1);
  MeshPusherHubChannel *there;

  hub->now = MAX (hub->now, now);
  if (!mesh_is_uuid (channel))
    return 403;
  if (length > MESH_PUSHER_MAX_DATA)
    return 413;
  if (!mesh_json_scan (body, length, MESH_PUSHER_HUB_MAX_DEPTH, names, &data))
    return 400;
  there = g_hash_table_lookup (app->channels, channel);
  if (there
      && !mesh_pusher_hub_bucket_take (&there->posts, hub->limits.posts,
          10 * hub->limits.posts, now))
    return 429;
  hub->stats.events++;
  frame = g_string_free_to_bytes (mesh_pusher_hub_frame_event (&event,
          channel, &data, NULL));
  if (there)
    mesh_pusher_hub_publish_bytes (hub, there, frame, NULL);
  else
    mesh_pusher_hub_late_put (hub, app, channel, frame, NULL);
  return 200;
}
