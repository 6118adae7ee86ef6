/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is sent to whom: as much of our picture as the path to each peer takes.
 * The estimators (rate.h) are asked ten times a second while somebody is
 * connected. */

#include "meshroom/call-private.h"

#include "host/timer.h"

/* How often the uplink is divided anew. A full path is noticed after some
 * 200 ms. */
#define INTERVAL_MS 100

/* What a picture and its sound take at most. */
#define MOST_WANTED 3000000

static gboolean
tend (MeshCall *self, Member *member)
{
  MeshRate *rate = member->peer && mesh_peer_is_connected (member->peer)
      ? mesh_peer_get_rate (member->peer) : NULL;

  if (!rate)
    return FALSE;
  mesh_rate_tick (rate);
  mesh_rate_want (rate, MOST_WANTED);
  return TRUE;
}

static gboolean
divide (gpointer user_data)
{
  MeshCall *self = user_data;
  GHashTableIter iter;
  gboolean any = FALSE;
  gpointer value;

  g_hash_table_iter_init (&iter, self->members);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    any = tend (self, value) || any;
  g_source_set_ready_time (self->divider, any
      ? g_get_monotonic_time () + INTERVAL_MS * 1000 : -1);
  return G_SOURCE_CONTINUE;
}

/**
 * mesh_call_start_media:
 *
 * Makes the source that divides the uplink among the peers.
 */
void
mesh_call_start_media (MeshCall *self)
{
  self->divider = mesh_timer_new_unset (self->context, divide, self);
}

/**
 * mesh_call_media_changed:
 *
 * Has the uplink divided anew at once, since a peer is connected, or wants
 * something else.
 */
void
mesh_call_media_changed (MeshCall *self)
{
  g_source_set_ready_time (self->divider, 0);
}
