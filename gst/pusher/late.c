/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Events that wait for a first subscriber. A page of mooz asks to be let into a
 * room before its own subscription is confirmed, so the answer can come first;
 * Pusher itself loses it, and the page waits for ever.
 *
 * An event for a channel that is named by a UUID, one person's own, and that
 * nobody listens to waits there for a few seconds. The first subscriber gets
 * all that waits, in order, and nobody else does. Channels for many ("news")
 * are left out: nothing there was meant for a late subscriber alone. */

#include "pusher/hub-private.h"

#include <string.h>

#include "core/json.h"

struct _MeshPusherHubLate {
  MeshPusherHubApp *app;
  char *name;                   /* the channel's */
  GQueue events;                /* of Event, the oldest first */
};

typedef struct {
  MeshPusherHubLate *late;
  GBytes *frame;
  char *except;                 /* socket id of the sender; NULL: none */
  gint64 until;
  GList link;                   /* in the hub's, by age */
} Event;

/* Private and presence channels have the same race, and their subscribers have
 * shown the application's signature. Encrypted channels are left out, since
 * their keys change with the members. */
static gboolean
is_ones_own (const char *name)
{
  static const char *const prefixes[] = { "private-", "presence-" };

  for (guint i = 0; i < G_N_ELEMENTS (prefixes); i++)
    if (g_str_has_prefix (name, prefixes[i]))
      return mesh_is_uuid (name + strlen (prefixes[i]));
  return mesh_is_uuid (name);
}

static void
event_free (MeshPusherHub *hub, Event *event)
{
  g_queue_unlink (&hub->late, &event->link);
  hub->late_bytes -= g_bytes_get_size (event->frame);
  event->late->app->n_late--;
  g_bytes_unref (event->frame);
  g_free (event->except);
  g_free (event);
}

/* Drops a channel's oldest event, and with the last one the channel's queue. */
static void
drop_first (MeshPusherHub *hub, MeshPusherHubLate *late)
{
  event_free (hub, g_queue_pop_head (&late->events));
  if (late->events.length == 0)
    g_hash_table_remove (late->app->late, late->name);
}

static MeshPusherHubLate *
oldest_of (MeshPusherHub *hub, MeshPusherHubApp *app)
{
  GList *l = hub->late.head;

  while (((Event *) l->data)->late->app != app)
    l = l->next;
  return ((Event *) l->data)->late;
}

/* Frees a queue that is empty, or whose hub is being freed. */
void
mesh_pusher_hub_late_free (MeshPusherHubLate *late)
{
  Event *event;

  while ((event = g_queue_pop_head (&late->events))) {
    g_bytes_unref (event->frame);
    g_free (event->except);
    g_free (event);
  }
  g_free (late->name);
  g_free (late);
}

/* Makes room for one more event by dropping the oldest ones. */
static void
make_room (MeshPusherHub *hub, MeshPusherHubApp *app, const char *name,
    gsize size)
{
  const MeshPusherHubLimits *limits = &hub->limits;
  MeshPusherHubLate *late = g_hash_table_lookup (app->late, name);

  if (late && late->events.length >= limits->late_channel)
    drop_first (hub, late);
  if (app->n_late >= limits->late_app)
    drop_first (hub, oldest_of (hub, app));
  while (hub->late.length && (hub->late.length >= limits->late
          || hub->late_bytes + size > limits->late_bytes))
    drop_first (hub, ((Event *) hub->late.head->data)->late);
}

/*
 * mesh_pusher_hub_late_put:
 * @name: a channel that nobody listens to
 * @frame: what was sent there
 * @except: (nullable): the socket id of somebody who does not get it
 */
void
mesh_pusher_hub_late_put (MeshPusherHub *hub, MeshPusherHubApp *app,
    const char *name, GBytes *frame, const char *except)
{
  MeshPusherHubLate *late;
  Event *event;

  if (!is_ones_own (name)
      || g_bytes_get_size (frame) > hub->limits.late_bytes
      || !hub->limits.late || !hub->limits.late_app
      || !hub->limits.late_channel)
    return;
  mesh_pusher_hub_late_tick (hub);
  make_room (hub, app, name, g_bytes_get_size (frame));
  late = g_hash_table_lookup (app->late, name);
  if (!late) {
    late = g_new0 (MeshPusherHubLate, 1);
    late->app = app;
    late->name = g_strdup (name);
    g_queue_init (&late->events);
    g_hash_table_insert (app->late, late->name, late);
  }
  event = g_new0 (Event, 1);
  event->late = late;
  event->frame = g_bytes_ref (frame);
  event->except = g_strdup (except);
  event->until = hub->now + hub->limits.late_time;
  event->link.data = event;
  g_queue_push_tail (&late->events, event);
  g_queue_push_tail_link (&hub->late, &event->link);
  hub->late_bytes += g_bytes_get_size (frame);
  app->n_late++;
}

/* Sends a new subscriber, after the confirmation, the events that have waited
 * for it. */
void
mesh_pusher_hub_late_tell (MeshPusherHub *hub,
    MeshPusherHubClient *client, const char *name)
{
  MeshPusherHubLate *late;

  mesh_pusher_hub_late_tick (hub);
  while ((late = g_hash_table_lookup (client->app->late, name))) {
    Event *event = g_queue_peek_head (&late->events);

    if (g_strcmp0 (event->except, client->socket_id) != 0) {
      mesh_pusher_hub_send (hub, client, event->frame);
      hub->stats.delivered++;
    }
    drop_first (hub, late);
  }
}

/* Drops the events that have waited too long. */
void
mesh_pusher_hub_late_tick (MeshPusherHub *hub)
{
  Event *oldest;

  while ((oldest = g_queue_peek_head (&hub->late))
      && oldest->until <= hub->now)
    drop_first (hub, oldest->late);
}
