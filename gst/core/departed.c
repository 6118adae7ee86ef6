/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The members that have left: what is still said of them, or arrives late, does
 * not bring them back. */

#include <string.h>

#include "core/room-private.h"

void
mesh_departed_free (MeshDeparted *departed)
{
  g_free (departed->id);
  g_free (departed->inc);
  g_free (departed);
}

MeshDeparted *
mesh_room_find_departed (MeshRoom *room, const char *id)
{
  for (guint i = 0; i < room->departed->len; i++) {
    MeshDeparted *departed = g_ptr_array_index (room->departed, i);

    if (g_strcmp0 (departed->id, id) == 0)
      return departed;
  }
  return NULL;
}

MeshDeparted *
mesh_room_note_departed (MeshRoom *room, const char *id, gint64 now)
{
  MeshDeparted *departed = mesh_room_find_departed (room, id);

  if (departed)
    g_ptr_array_remove (room->departed, departed);
  if (room->departed->len >= MAX_MEMBERS)
    g_ptr_array_remove_index (room->departed, 0);
  departed = g_new0 (MeshDeparted, 1);
  departed->id = g_strdup (id);
  departed->until = now + NO_SIGN_TIMEOUT;
  g_ptr_array_add (room->departed, departed);
  return departed;
}

/* The incarnation @inc has said goodbye, and no older one counts any more. */
void
mesh_departed_end (MeshDeparted *departed, const char *inc)
{
  departed->inc = g_strdup (inc);
  if (!inc || strcmp (inc, departed->call_inc) <= 0)
    return;
  g_strlcpy (departed->call_inc, inc, sizeof departed->call_inc);
  departed->last_call = 0;
}

/* Notes that a member left that we did not know: its earlier messages may yet
 * come. */
void
mesh_room_note_bye (MeshRoom *room, const MeshMessage *message, gint64 now)
{
  if (!message->sid && g_strcmp0 (message->reason, "left") == 0)
    mesh_departed_end (mesh_room_note_departed (room, message->from, now),
        message->inc);
}

/* Whether this incarnation has said that it leaves. */
gboolean
mesh_room_is_over (MeshRoom *room, const char *id, const char *inc, gint64 now)
{
  MeshDeparted *departed = mesh_room_find_departed (room, id);

  return departed && now < departed->until && departed->inc && inc
      && strcmp (inc, departed->inc) <= 0;
}
