/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A member whose clock was wrong at one of its starts (docs/protocol.md, "A
 * clock that went back"). Incarnations order the lives of a peer id by the
 * clock, and what an older one says is never acted upon, or a recording could
 * take the place of a member. So the life that looks older is told which one is
 * the newest, and takes an incarnation above that. */

#include <string.h>

#include "core/message.h"
#include "core/room-private.h"

static const char *
newer (const char *a, const char *b)
{
  if (!a || !b)
    return a ? a : b;
  return strcmp (a, b) < 0 ? b : a;
}

/* Returns the newest incarnation of @id that any message has named; NULL or ""
 * if there is none. */
static const char *
newest_of (MeshRoom *room, const char *id)
{
  const MeshMember *member = mesh_room_find (room, id);
  const MeshDeparted *departed;

  if (member)
    return newer (member->inc, member->call_inc);
  departed = mesh_room_find_departed (room, id);
  return departed ? newer (departed->inc, departed->call_inc) : NULL;
}

/* Without a server that assigns ids, the incarnation that we are connected with
 * is taken for the real one, until its media falls silent. */
static gboolean
is_beside_the_living (MeshRoom *room, const MeshMessage *message)
{
  const MeshMember *member = mesh_room_find (room, message->from);

  return !room->lists && member && member->phase == MESH_PEER_CONNECTED
         && g_strcmp0 (member->life, message->inc) != 0;
}

static void
tell (MeshRoom *room, const MeshMessage *message, const char *newest,
    gint64 now)
{
  MeshMessage *answer;

  if (message->type == MESH_MESSAGE_BYE
      || message->type == MESH_MESSAGE_OUTDATED
      || now < room->tell_outdated_at || is_beside_the_living (room, message))
    return;
  room->tell_outdated_at = now + TELL_OUTDATED_INTERVAL;
  answer = mesh_room_message (room, MESH_MESSAGE_OUTDATED, message->from);
  answer->yours = g_strdup (message->inc);
  answer->newest = g_strdup (newest);
  mesh_room_send (room, answer);
}

/* Whether @message comes from an incarnation of its sender that is older than a
 * known one. Such a message is ignored, and the sender is told so. */
gboolean
mesh_outdated_refuses (MeshRoom *room, const MeshMessage *message, gint64 now)
{
  const char *newest;

  if (!message->inc)
    return FALSE;
  newest = newer (message->type == MESH_MESSAGE_OUTDATED ? NULL
      : message->newest, newest_of (room, message->from));
  if (!newest || strcmp (message->inc, newest) >= 0)
    return FALSE;
  tell (room, message, newest, now);
  return TRUE;
}

/* A member knows an incarnation of ours that is later by its clock. */
void
mesh_outdated_on_message (MeshRoom *room, const MeshMessage *message)
{
  MeshRoomAction *action;

  if (g_strcmp0 (message->yours, room->inc) != 0
      || strcmp (message->newest, room->inc) <= 0
      || room->n_reincarnations >= MAX_REINCARNATIONS)
    return;
  action = mesh_room_action_new (MESH_ROOM_OUTDATED, NULL);
  action->text = g_strdup (message->newest);
  mesh_room_push (room, action);
}

/**
 * mesh_room_reincarnate:
 * @inc: our incarnation from now on, newer than the one before
 *
 * For after a %MESH_ROOM_OUTDATED. Everybody is called as if we had just
 * started; the connections that there are go on until new ones are there.
 *
 * Returns: %FALSE when @inc is not newer than ours, or no incarnation; then
 *   nothing has changed
 */
gboolean
mesh_room_reincarnate (MeshRoom *room, const char *inc, gint64 now)
{
  if (room->left || !mesh_is_inc (inc) || strcmp (inc, room->inc) <= 0)
    return FALSE;
  mesh_room_wake (room, now);
  g_free (room->inc);
  room->inc = g_strdup (inc);
  room->n_reincarnations++;
  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);

    mesh_attempt_give_way (room, member, now);
    member->lost_at = now;
    member->failures = 0;
    member->barred_until = 0;
    member->newer = FALSE;
    member->call_at = now + mesh_room_repair_delay (room, member);
  }
  if (room->joined)
    mesh_room_start_asking (room, now);
  return TRUE;
}
