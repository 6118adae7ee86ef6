/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a room wants done, in a queue; and the messages it sends. */

#include "core/room-private.h"

MeshRoomAction *
mesh_room_action_new (MeshRoomActionType type, const char *peer)
{
  MeshRoomAction *action = g_new0 (MeshRoomAction, 1);

  action->type = type;
  action->peer = g_strdup (peer);
  action->mline = -1;
  return action;
}

void
mesh_room_action_free (MeshRoomAction *action)
{
  if (!action)
    return;
  mesh_room_action_clear (action);
  g_free (action);
}

/* Takes @action. */
void
mesh_room_push (MeshRoom *room, MeshRoomAction *action)
{
  g_queue_push_tail (&room->actions, action);
}

/* A message of ours, its common fields filled in. */
MeshMessage *
mesh_room_message (MeshRoom *room, MeshMessageType type, const char *to)
{
  MeshMessage *message = mesh_message_new (type);

  message->from = g_strdup (room->id);
  message->to = g_strdup (to);
  message->inc = g_strdup (room->inc);
  return message;
}

/* Takes @message. */
void
mesh_room_send (MeshRoom *room, MeshMessage *message)
{
  MeshRoomAction *action = mesh_room_action_new (MESH_ROOM_SEND, message->to);

  action->message = message;
  mesh_room_push (room, action);
}

void
mesh_room_send_bye (MeshRoom *room, const char *to, const char *sid,
    const char *reason)
{
  MeshMessage *message = mesh_room_message (room, MESH_MESSAGE_BYE, to);

  message->sid = g_strdup (sid);
  message->reason = g_strdup (reason);
  mesh_room_send (room, message);
}

void
mesh_room_send_state (MeshRoom *room, const char *to)
{
  MeshMessage *message = mesh_room_message (room, MESH_MESSAGE_STATE, to);

  message->name = g_strdup (room->name);
  message->muted = room->muted;
  message->hidden = room->hidden;
  mesh_room_send (room, message);
}

/* Sends our state, and what we can use of its picture, to every member that has
 * had it before, and sets when to do so again. */
void
mesh_room_send_states (MeshRoom *room, gint64 now)
{
  room->state_at = NEVER;
  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);

    if (member->phase == MESH_PEER_IDLE && !member->old_sid)
      continue;
    mesh_room_send_state (room, member->id);
    member->want_said = FALSE;
    room->state_at = mesh_room_next_state (room, now);
  }
}

gint64
mesh_room_next_state (MeshRoom *room, gint64 now)
{
  return now + (room->lists ? STATE_INTERVAL_LISTED : STATE_INTERVAL);
}

void
mesh_room_warn (MeshRoom *room, const char *peer, const char *format, ...)
{
  MeshRoomAction *action = mesh_room_action_new (MESH_ROOM_WARNING, peer);
  va_list args;

  va_start (args, format);
  action->text = g_strdup_vprintf (format, args);
  va_end (args);
  mesh_room_push (room, action);
}

/**
 * mesh_room_pop_action:
 * @action: (out caller-allocates): what to do; clear it after with
 *   mesh_room_action_clear()
 *
 * Returns: %FALSE when there is nothing to do
 */
gboolean
mesh_room_pop_action (MeshRoom *room, MeshRoomAction *action)
{
  g_autofree MeshRoomAction *next = g_queue_pop_head (&room->actions);

  if (!next)
    return FALSE;
  *action = *next;
  return TRUE;
}

/**
 * mesh_room_action_clear:
 *
 * Frees what is in @action, and leaves it empty.
 */
void
mesh_room_action_clear (MeshRoomAction *action)
{
  g_clear_pointer (&action->peer, g_free);
  g_clear_pointer (&action->sid, g_free);
  g_clear_pointer (&action->reason, g_free);
  g_clear_pointer (&action->text, g_free);
  g_clear_pointer (&action->name, g_free);
  g_clear_pointer (&action->codecs, g_strfreev);
  g_clear_pointer (&action->sdp_type, g_free);
  g_clear_pointer (&action->sdp, g_free);
  g_clear_pointer (&action->candidate, g_free);
  g_clear_pointer (&action->mid, g_free);
  g_clear_pointer (&action->message, mesh_message_free);
}
