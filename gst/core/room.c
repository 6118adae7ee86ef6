/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The public face of a room, and its clockwork: what is fed in goes to
 * roster.c (who is there) or attempt.c (one pair), and each of their timers
 * is part of mesh_room_deadline() and has its moment in mesh_room_tick(). */

#include "core/room.h"

#include "core/name.h"
#include "core/room-private.h"

static void
member_free (MeshMember *member)
{
  g_free (member->id);
  g_free (member->inc);
  g_free (member->life);
  g_free (member->name);
  g_free (member->sid);
  g_free (member->old_sid);
  g_free (member->over_sid);
  g_queue_clear_full (&member->remote_candidates,
      (GDestroyNotify) mesh_room_action_free);
  g_queue_clear_full (&member->local_candidates,
      (GDestroyNotify) mesh_message_free);
  g_free (member);
}

/**
 * mesh_room_new:
 * @config: who we are
 *
 * Returns: (transfer full): a room that knows nobody yet. One participation: a
 *   room that was left is not joined again.
 */
MeshRoom *
mesh_room_new (const MeshRoomConfig *config)
{
  MeshRoom *room = g_new0 (MeshRoom, 1);

  room->id = g_strdup (config->id);
  room->room = g_strdup (config->room);
  room->inc = g_strdup (config->inc);
  room->max_peers = config->max_peers;
  room->name = g_strdup (config->name);
  room->muted = config->muted;
  room->hidden = config->hidden;
  room->members
      = g_ptr_array_new_with_free_func ((GDestroyNotify) member_free);
  room->departed
      = g_ptr_array_new_with_free_func ((GDestroyNotify) mesh_departed_free);
  room->roster_at = NEVER;
  room->state_at = NEVER;
  room->awake_at = NEVER;
  room->ask_at = NEVER;
  g_queue_init (&room->actions);
  mesh_room_set_codecs (room, config->codecs);
  return room;
}

/**
 * mesh_room_free:
 * @room: (nullable) (transfer full): a room
 */
void
mesh_room_free (MeshRoom *room)
{
  if (!room)
    return;
  g_queue_clear_full (&room->actions, (GDestroyNotify) mesh_room_action_free);
  g_ptr_array_unref (room->members);
  g_ptr_array_unref (room->departed);
  g_strfreev (room->codecs);
  g_free (room->id);
  g_free (room->room);
  g_free (room->inc);
  g_free (room->name);
  g_free (room->host);
  g_free (room);
}

/**
 * mesh_room_join:
 *
 * Joins: asks who is there, and calls them. Where the room's id is known, there
 * ought to be a server to ask through, so the first `joinroom` goes out when
 * it welcomes us, or after the first retry's time if no server speaks.
 * Otherwise it goes out at once.
 */
void
mesh_room_join (MeshRoom *room, gint64 now)
{
  if (room->joined || room->left)
    return;
  room->joined = TRUE;
  if (room->server != SERVER_NONE || !room->room)
    mesh_room_start_asking (room, now);
  else
    room->ask_at = now + ASK_WITHOUT_WELCOME;
}

/* What the others said while we slept is not read yet, so nobody is judged by
 * that time. */
static void
forgive (MeshRoom *room, gint64 late, gint64 now)
{
  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);

    member->seen_at = MIN (now, member->seen_at + late);
    member->lost_at = MIN (now, member->lost_at + late);
    member->began_at = MIN (now, member->began_at + late);
    member->heard_at = MIN (now, member->heard_at + late);
    member->connected_at = MIN (now, member->connected_at + late);
    if (member->old_since != NEVER)
      member->old_since = MIN (now, member->old_since + late);
  }
}

/* Finds out whether our driver was asleep; to be called first in every function
 * that is told the time. */
void
mesh_room_wake (MeshRoom *room, gint64 now)
{
  gint64 since = room->awake_at;

  room->awake_at = now;
  if (since == NEVER || now - since <= LATE)
    return;
  since = MAX (since, mesh_room_deadline (room));
  if (now - since > LATE)
    forgive (room, now - since, now);
}

static gboolean
is_for_us (MeshRoom *room, const MeshMessage *message)
{
  if (!message->from || g_str_equal (message->from, room->id))
    return FALSE;
  /* to the room: roster.c sees whether that is us */
  if (message->type == MESH_MESSAGE_JOINROOM)
    return TRUE;
  return !message->to || g_str_equal (message->to, room->id);
}

static void
on_state (MeshRoom *room, MeshMember *member, const MeshMessage *message)
{
  g_autofree char *name = mesh_name_tidy (message->name ? message->name : "");
  MeshRoomAction *action;

  if (g_strcmp0 (member->name, name) == 0 && member->muted == message->muted
      && member->hidden == message->hidden)
    return;
  g_free (member->name);
  member->name = g_steal_pointer (&name);
  member->muted = message->muted;
  member->hidden = message->hidden;
  action = mesh_room_action_new (MESH_ROOM_PEER_CHANGED, member->id);
  action->name = g_strdup (member->name);
  action->muted = member->muted;
  action->hidden = member->hidden;
  mesh_room_push (room, action);
}

/* @member is NULL while the sender is not known. */
static void
dispatch (MeshRoom *room, MeshMember *member, const MeshMessage *message,
    gint64 now)
{
  MeshRoomAction *action;

  switch (message->type) {
    case MESH_MESSAGE_JOINROOM:
      mesh_room_on_joinroom (room, message, now);
      break;
    case MESH_MESSAGE_ROOMREPLY:
      mesh_room_on_roomreply (room, message, now);
      break;
    case MESH_MESSAGE_ROSTER:
      mesh_room_on_roster (room, message, now);
      break;
    case MESH_MESSAGE_CALL:
      mesh_attempt_on_call (room, message, now);
      break;
    case MESH_MESSAGE_SIGNAL:
      if (member)
        mesh_attempt_on_signal (room, member, message);
      break;
    case MESH_MESSAGE_STATE:
      if (member)
        on_state (room, member, message);
      break;
    case MESH_MESSAGE_WANT:
      if (member)
        mesh_want_on_message (room, member, message);
      break;
    case MESH_MESSAGE_OUTDATED:
      mesh_outdated_on_message (room, message);
      break;
    case MESH_MESSAGE_CHAT:
      if (!member)
        break;
      action = mesh_room_action_new (MESH_ROOM_CHAT, member->id);
      action->text = g_strdup (message->text);
      mesh_room_push (room, action);
      break;
    case MESH_MESSAGE_BYE:
      if (member)
        mesh_attempt_on_bye (room, member, message, now);
      else
        mesh_room_note_bye (room, message, now);
      break;
    default:
      break;
  }
}

/**
 * mesh_room_feed:
 * @message: what came in, opened if it was sealed
 */
void
mesh_room_feed (MeshRoom *room, const MeshMessage *message, gint64 now)
{
  MeshMember *member;

  if (room->left)
    return;
  mesh_room_wake (room, now);
  if (message->type >= MESH_MESSAGE_WELCOME) {
    mesh_room_server_says (room, message, now);
    return;
  }
  if (!is_for_us (room, message)
      || mesh_outdated_refuses (room, message, now)
      || mesh_room_is_over (room, message->from, message->inc, now))
    return;
  member = mesh_room_find (room, message->from);
  if (member) {
    if (!mesh_attempt_accept_inc (room, member, message, now))
      return;
    member->seen_at = now;
    member->spoke = TRUE;
  }
  dispatch (room, member, message, now);
  if (!member && (member = mesh_room_find (room, message->from))) {
    mesh_attempt_accept_inc (room, member, message, now);
    member->spoke = TRUE;
  }
}

static gint64
member_deadline (MeshRoom *room, MeshMember *member, gint64 free_at)
{
  gint64 at = MIN (
      MIN (mesh_attempt_timeout (member), mesh_attempt_drop_at (member)),
      MIN (mesh_room_ghost_at (room, member),
          mesh_room_forget_at (room, member)));

  at = MIN (at, mesh_want_due_at (room, member));
  if (member->renew && room->server != SERVER_OFFLINE)
    at = 0;
  if (member->phase == MESH_PEER_IDLE && room->joined
      && room->server != SERVER_OFFLINE)
    at = MIN (at,
        MAX (free_at, MAX (member->call_at, member->barred_until)));
  return at;
}

/* May forget @member. */
static void
tick_member (MeshRoom *room, MeshMember *member, gint64 now)
{
  if (now >= mesh_room_forget_at (room, member)) {
    mesh_room_forget (room, member, "timeout", now);
    return;
  }
  if (now >= mesh_room_ghost_at (room, member))
    mesh_room_untile (room, member, "timeout");
  if (now >= mesh_attempt_drop_at (member))
    mesh_attempt_drop (room, member,
        now >= mesh_attempt_silent_at (member) ? "silent" : "replaced");
  if (member->renew && room->server != SERVER_OFFLINE)
    mesh_attempt_renew (room, member, now);
  else if (now >= mesh_attempt_timeout (member))
    mesh_attempt_on_timeout (room, member, now);
}

/**
 * mesh_room_tick:
 *
 * Does what is due.
 */
void
mesh_room_tick (MeshRoom *room, gint64 now)
{
  MeshMember *member;
  guint i = 0;

  if (room->left)
    return;
  mesh_room_wake (room, now);
  while (i < room->members->len) {
    member = g_ptr_array_index (room->members, i);
    tick_member (room, member, now);
    if (i < room->members->len
        && member == g_ptr_array_index (room->members, i))
      i++;
  }
  while ((member = mesh_pace_next (room, now)))
    mesh_attempt_call (room, member, now);
  if (now >= room->ask_at && room->server != SERVER_OFFLINE)
    mesh_room_ask (room, now);
  if (now >= room->roster_at)
    mesh_room_send_rosters (room, now);
  if (now >= room->state_at && room->server != SERVER_OFFLINE)
    mesh_room_send_states (room, now);
  mesh_want_say_due (room, now);
}

/**
 * mesh_room_deadline:
 * Returns: when to call mesh_room_tick() next; %G_MAXINT64 when nothing is due
 */
gint64
mesh_room_deadline (MeshRoom *room)
{
  gint64 at = room->roster_at, free_at = mesh_pace_free_at (room);

  if (room->left)
    return NEVER;
  if (room->server != SERVER_OFFLINE)
    at = MIN (at, MIN (room->ask_at, room->state_at));
  for (guint i = 0; i < room->members->len; i++)
    at = MIN (at,
        member_deadline (room, g_ptr_array_index (room->members, i), free_at));
  return at;
}

/**
 * mesh_room_leave:
 *
 * Says goodbye to everybody, and ends everything. Nothing comes from the room
 * after the actions that this gives.
 */
void
mesh_room_leave (MeshRoom *room, gint64 now)
{
  if (room->left)
    return;
  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);

    mesh_room_send_bye (room, member->id, NULL, "left");
    mesh_attempt_stop (room, member, "left");
    mesh_room_untile (room, member, "left");
  }
  g_ptr_array_set_size (room->members, 0);
  room->left = TRUE;
}

/**
 * mesh_room_set_state:
 * @name: our display name
 * @muted: whether we are muted
 * @hidden: whether our camera is hidden
 *
 * Tells everybody, if it is news.
 */
void
mesh_room_set_state (MeshRoom *room, const char *name, gboolean muted,
    gboolean hidden, gint64 now)
{
  if (g_strcmp0 (room->name, name) == 0 && room->muted == muted
      && room->hidden == hidden)
    return;
  g_free (room->name);
  room->name = g_strdup (name);
  room->muted = muted;
  room->hidden = hidden;
  mesh_room_send_states (room, now);
}

/**
 * mesh_room_set_codecs:
 * @codecs: (nullable) (array zero-terminated=1): video codecs, best first
 *
 * What our next calls name.
 */
void
mesh_room_set_codecs (MeshRoom *room, const char *const *codecs)
{
  const char *const fallback[] = { "VP8", NULL };

  g_strfreev (room->codecs);
  room->codecs = g_strdupv ((char **) (codecs ? codecs : fallback));
}

static void
send_chat (MeshRoom *room, const char *to, const char *text)
{
  MeshMessage *message = mesh_room_message (room, MESH_MESSAGE_CHAT, to);

  message->text = g_strdup (text);
  mesh_room_send (room, message);
}

/**
 * mesh_room_chat:
 * @text: what to say to everybody
 */
void
mesh_room_chat (MeshRoom *room, const char *text, gint64 now)
{
  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);

    send_chat (room, member->id, text);
  }
}

/**
 * mesh_room_tell:
 * @peer: whom
 * @text: what to say to @peer alone
 */
void
mesh_room_tell (MeshRoom *room, const char *peer, const char *text,
    gint64 now)
{
  if (mesh_room_find (room, peer))
    send_chat (room, peer, text);
}

/**
 * mesh_room_foreach_peer:
 * @func: (scope call): called for every member that we know
 * @user_data: for @func
 */
void
mesh_room_foreach_peer (MeshRoom *room, MeshPeerFunc func, gpointer user_data)
{
  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);
    MeshPeerInfo info = {
      .id = member->id,
      .name = member->name,
      .sid = member->sid,
      .phase = member->phase,
      .muted = member->muted,
      .hidden = member->hidden,
      .was_added = member->added,
    };

    func (&info, user_data);
  }
}
