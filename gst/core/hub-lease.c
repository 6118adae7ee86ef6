/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The hub's patience: how long a client may take to say hello, and how long a
 * member that is not heard of stays. */

#include "core/hub-private.h"

/* A driver that calls later than this was itself asleep (stopped, or starved),
 * and whatever its clients sent in that time lies unread. */
#define LATE_US G_USEC_PER_SEC

/* Nobody was heard while we slept: gives everybody half a lease to speak. */
static void
forgive (MeshHub *hub, gint64 late, gint64 now)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, hub->clients);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    MeshHubClient *client = value;

    client->since = MIN (now, client->since + late);
  }
  g_hash_table_iter_init (&iter, hub->rooms);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    GPtrArray *members = ((MeshHubRoom *) value)->members;

    for (guint i = 0; i < members->len; i++) {
      MeshHubMember *member = g_ptr_array_index (members, i);

      member->heard = MIN (now, member->heard + late);
    }
  }
}

/* Collects the overdue clients and members, since acting on one changes the
 * tables. */
static GPtrArray *
find_overdue (MeshHub *hub, gint64 now, GPtrArray *overdue_members)
{
  GPtrArray *overdue_clients = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer value;

  hub->deadline = G_MAXINT64;
  g_hash_table_iter_init (&iter, hub->clients);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    MeshHubClient *client = value;

    if (client->member)
      continue;
    if (client->since + hub->limits.hello <= now)
      g_ptr_array_add (overdue_clients, client);
    else
      hub->deadline = MIN (hub->deadline, client->since + hub->limits.hello);
  }
  g_hash_table_iter_init (&iter, hub->rooms);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    GPtrArray *members = ((MeshHubRoom *) value)->members;

    for (guint i = 0; i < members->len; i++) {
      MeshHubMember *member = g_ptr_array_index (members, i);

      if (member->heard + hub->limits.lease <= now)
        g_ptr_array_add (overdue_members, member);
      else
        hub->deadline = MIN (hub->deadline,
            member->heard + hub->limits.lease);
    }
  }
  return overdue_clients;
}

/**
 * mesh_hub_tick:
 *
 * Sends away the clients that did not say hello, and ends the leases that have
 * run out.
 */
void
mesh_hub_tick (MeshHub *hub, gint64 now)
{
  g_autoptr (GPtrArray) members = NULL;
  g_autoptr (GPtrArray) clients = NULL;

  if (now < hub->deadline)
    return;
  if (now - hub->deadline > LATE_US)
    forgive (hub, now - hub->deadline + hub->limits.lease / 2, now);
  members = g_ptr_array_new ();
  clients = find_overdue (hub, now, members);
  for (guint i = 0; i < clients->len; i++)
    mesh_hub_drop (hub, g_ptr_array_index (clients, i),
        MESH_HUB_HELLO_TIMEOUT, "no hello");
  for (guint i = 0; i < members->len; i++) {
    MeshHubMember *member = g_ptr_array_index (members, i);

    if (member->client)
      mesh_hub_drop (hub, member->client, MESH_HUB_SLOW, "nothing was heard");
    mesh_hub_member_leave (hub, member, "timeout");
  }
}

/**
 * mesh_hub_deadline:
 * Returns: when to call mesh_hub_tick(), %G_MAXINT64 = never
 */
gint64
mesh_hub_deadline (MeshHub *hub)
{
  return hub->deadline;
}
