/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pops what the core (core/room.h) has decided, and carries it out. */

#include "meshroom/call-private.h"

#include "host/random.h"

static void
send_message (MeshCall *self, const MeshMessage *message)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *json = NULL;

  /* a roster may be for a member that has not said anything yet */
  if (self->sealer && !mesh_sealer_reaches (self->sealer, message)) {
    GST_DEBUG_OBJECT (self->config.element, "no %s to %s, who has not spoken",
        mesh_message_type_name (message->type), message->to);
    return;
  }
  json = self->sealer ? mesh_sealer_seal (self->sealer, message, &error)
      : mesh_message_to_json (message);
  if (!json) {
    mesh_call_warn (self, message->to, error->message);
    return;
  }
  GST_DEBUG_OBJECT (self->config.element, "%s to %s",
      mesh_message_type_name (message->type), message->to);
  if (!self->config.send (json, self->config.user_data))
    GST_WARNING_OBJECT (self->config.element, "%s to %s could not be sent",
        mesh_message_type_name (message->type), message->to);
}

/* Takes a later incarnation: the other members know one of our peer id whose
 * clock was ahead of ours. */
static void
reincarnate (MeshCall *self, const char *newest)
{
  g_autofree char *inc = mesh_random_incarnation_after (newest);

  if (!inc) {
    mesh_call_warn (self, NULL, "another life of our peer-id had a clock so "
        "far ahead that nobody takes us for a later one: set another peer-id");
    return;
  }
  if (!mesh_room_reincarnate (self->room, inc, g_get_monotonic_time ()))
    return;
  if (self->sealer)
    mesh_sealer_renew (self->sealer, inc);
  GST_INFO_OBJECT (self->config.element, "our clock is behind that of an "
      "earlier life of this peer-id: we go on as %s", inc);
}

static void
carry_out (MeshCall *self, const MeshRoomAction *action)
{
  Member *member;

  switch (action->type) {
    case MESH_ROOM_SEND:
      send_message (self, action->message);
      break;
    case MESH_ROOM_START:
      mesh_call_start_attempt (self, action);
      break;
    case MESH_ROOM_STOP:
    case MESH_ROOM_RETIRE:
    case MESH_ROOM_BACK:
    case MESH_ROOM_DROP:
      mesh_call_change_attempt (self, action);
      break;
    case MESH_ROOM_REMOTE_SDP:
      mesh_call_take_remote_sdp (self, action);
      break;
    case MESH_ROOM_REMOTE_CANDIDATE:
      member = g_hash_table_lookup (self->members, action->peer);
      if (member && member->peer)
        mesh_peer_remote_candidate (member->peer, action->candidate);
      break;
    case MESH_ROOM_PEER_ADDED:
      mesh_call_get_member (self, action->peer)->added = TRUE;
      mesh_call_refresh_stats (self);
      mesh_call_tell_added (self, action->peer);
      break;
    case MESH_ROOM_PEER_REMOVED:
      /* the event is posted first, so that the member's pads still exist when
       * the application hears of it */
      mesh_call_tell_removed (self, action->peer, action->reason);
      mesh_call_drop_member (self, action->peer);
      mesh_call_refresh_stats (self);
      break;
    case MESH_ROOM_PEER_CHANGED:
      member = mesh_call_get_member (self, action->peer);
      mesh_member_pads_set_name (member->pads, action->name, action->muted,
          action->hidden);
      mesh_call_refresh_stats (self);
      break;
    case MESH_ROOM_CHAT:
      mesh_call_tell_chat (self, action->peer, action->text);
      break;
    case MESH_ROOM_WANTED:
      mesh_call_take_want (self, action);
      break;
    case MESH_ROOM_OUTDATED:
      reincarnate (self, action->text);
      break;
    case MESH_ROOM_WARNING:
      mesh_call_warn_of_peer (self, action->peer, action->text);
      break;
  }
}

/* Carries out the room's actions, and sets the timer to the room's deadline. To
 * be called after every input of the room. */
void
mesh_call_pump (MeshCall *self)
{
  MeshRoomAction action = { 0 };

  while (mesh_room_pop_action (self->room, &action)) {
    carry_out (self, &action);
    mesh_room_action_clear (&action);
  }
  g_source_set_ready_time (self->timer, mesh_room_deadline (self->room));
}
