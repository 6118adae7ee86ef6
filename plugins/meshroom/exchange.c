/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Exchanges the sources that are sent in mid-call: a sink pad was requested,
 * and its input is known, or one was released. webrtcbin 1.22 does not
 * renegotiate, so each peer gets another attempt with the other m-line, beside
 * the one that there is, whose streams go over when the new one has a frame of
 * each. */

#include "meshroom/call-private.h"

/* The most attempts at the same time, as at a start (docs/protocol.md, "One
 * attempt"); the others follow when these are connected. */
#define MAX_AT_ONCE 4

/* How long to wait after an attempt that failed. */
#define EXCHANGE_INTERVAL (5 * G_TIME_SPAN_SECOND)

/* An attempt that is not connected yet is not replaced; that is done when it is
 * connected. */
static gboolean
is_due (MeshCall *self, Member *member, gint64 now)
{
  return member->peer && mesh_peer_is_connected (member->peer)
         && !mesh_peer_sends (member->peer, self->config.sources)
         && now >= member->exchange_at;
}

/* Renews the attempts that do not send exactly the present sources. */
void
mesh_call_exchange (MeshCall *self)
{
  guint n = mesh_call_count_attempts (self);
  gint64 now = g_get_monotonic_time ();
  GHashTableIter iter;
  gpointer id, value;

  g_hash_table_iter_init (&iter, self->members);
  while (n < MAX_AT_ONCE && g_hash_table_iter_next (&iter, &id, &value)) {
    Member *member = value;

    if (!is_due (self, member, now))
      continue;
    n++;
    member->exchange_at = now + EXCHANGE_INTERVAL;
    GST_DEBUG_OBJECT (self->config.element, "a new attempt with %s, since what "
        "is sent has changed", (char *) id);
    mesh_room_renew (self->room, id, mesh_peer_get_sid (member->peer), now);
  }
}

/* Ends the pads of streams that the member does not send any more by its new
 * connection, such as the picture of a camera that was turned off. Without an
 * EOS the last frame would stay. */
void
mesh_call_end_what_stopped (MeshCall *self, Member *member)
{
  for (MeshKind kind = 0; kind < MESH_N_KINDS; kind++) {
    GstPad *pad = mesh_peer_gets (member->peer, kind) ? NULL
        : mesh_member_pads_take (member->pads, kind);

    if (pad)
      mesh_removals_push_pad (self->removals, pad);
  }
}

/* Lets attempts that send the former sources be replaced at once. */
static void
forget_intervals (MeshCall *self)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->members);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    ((Member *) value)->exchange_at = 0;
}

/* Takes the source of @kind that is sent from now on. @source: (nullable) */
void
mesh_call_take_source (MeshCall *self, MeshKind kind, MeshSource *source)
{
  MeshSource *old = self->config.sources[kind];

  if (source == old)
    return;
  self->config.sources[kind] = source ? mesh_source_ref (source) : NULL;
  mesh_source_unref (old);
  forget_intervals (self);
}
