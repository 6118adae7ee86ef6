/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who is in the room. The server's word comes first (`welcome`, `joined`,
 * `left`); `roomreply`, `roster` and callers add to it; and where there is no
 * server, or its connection is lost, signs of life decide. */

#include <string.h>

#include "core/json.h"
#include "core/room-private.h"

#define NIL_ROOM "00000000-0000-0000-0000-000000000000"

static const gint64 ask_delays[]
    = { MS (500), MS (1000), MS (2000), MS (4000), MS (8000) };

void
mesh_member_free (MeshMember *member)
{
  g_free (member->id);
  g_free (member->inc);
  g_free (member->name);
  g_free (member->sid);
  g_queue_clear_full (&member->remote_candidates,
      (GDestroyNotify) mesh_room_action_free);
  g_queue_clear_full (&member->local_candidates,
      (GDestroyNotify) mesh_message_free);
  g_free (member);
}

void
mesh_departed_free (MeshDeparted *departed)
{
  g_free (departed->id);
  g_free (departed->inc);
  g_free (departed);
}

MeshMember *
mesh_room_find (MeshRoom *room, const char *id)
{
  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);

    if (g_strcmp0 (member->id, id) == 0)
      return member;
  }
  return NULL;
}

static gboolean
are_host (MeshRoom *room)
{
  return g_strcmp0 (room->host, room->id) == 0;
}

static void
view_changed (MeshRoom *room, gint64 now)
{
  if (are_host (room))
    room->roster_at = MIN (room->roster_at, now + ROSTER_DELAY);
}

static MeshDeparted *
find_departed (MeshRoom *room, const char *id, gint64 now)
{
  while (room->departed->len > 0) {
    MeshDeparted *oldest = g_ptr_array_index (room->departed, 0);

    if (oldest->until > now)
      break;
    g_ptr_array_remove_index (room->departed, 0);
  }
  for (guint i = 0; i < room->departed->len; i++) {
    MeshDeparted *departed = g_ptr_array_index (room->departed, i);

    if (g_strcmp0 (departed->id, id) == 0)
      return departed;
  }
  return NULL;
}

static void
note_departed (MeshRoom *room, MeshMember *member, gboolean said_so,
    gint64 now)
{
  MeshDeparted *departed = find_departed (room, member->id, now);

  if (departed)
    g_ptr_array_remove (room->departed, departed);
  if (room->departed->len >= MAX_MEMBERS)
    g_ptr_array_remove_index (room->departed, 0);
  departed = g_new0 (MeshDeparted, 1);
  departed->id = g_strdup (member->id);
  departed->inc = said_so ? g_strdup (member->inc) : NULL;
  departed->until = now + NO_SIGN_TIMEOUT;
  g_ptr_array_add (room->departed, departed);
}

/* Whether this incarnation has said that it leaves. */
gboolean
mesh_room_is_over (MeshRoom *room, const char *id, const char *inc, gint64 now)
{
  MeshDeparted *departed = find_departed (room, id, now);

  return departed && departed->inc && inc && strcmp (inc, departed->inc) <= 0;
}

/* When we call somebody whom nothing else brings together with us. */
gint64
mesh_room_repair_delay (MeshRoom *room, MeshMember *member)
{
  return strcmp (room->id, member->id) < 0 ? REPAIR_LOWER : REPAIR_HIGHER;
}

/* The member called @id, from now on if it was not known. NULL: it's us, or
 * there are too many. For when the server or @id itself says so. */
MeshMember *
mesh_room_learn (MeshRoom *room, const char *id, gint64 now)
{
  MeshMember *member = mesh_room_find (room, id);
  MeshDeparted *departed;

  if (member)
    return member;
  if (g_str_equal (id, room->id) || room->members->len + 1 >= MAX_MEMBERS)
    return NULL;
  departed = find_departed (room, id, now);
  if (departed)
    g_ptr_array_remove (room->departed, departed);
  member = g_new0 (MeshMember, 1);
  member->id = g_strdup (id);
  member->seen_at = now;
  member->lost_at = now;
  member->call_at = now + mesh_room_repair_delay (room, member);
  g_queue_init (&member->remote_candidates);
  g_queue_init (&member->local_candidates);
  g_ptr_array_add (room->members, member);
  view_changed (room, now);
  return member;
}

/* The same for when others say so: who left does not come back by that. */
static MeshMember *
learn_by_hearsay (MeshRoom *room, const char *id, gint64 now)
{
  MeshMember *member = mesh_room_find (room, id);

  if (member || find_departed (room, id, now))
    return member;
  return mesh_room_learn (room, id, now);
}

/* Takes the member from our user's view; the room still knows it. */
void
mesh_room_untile (MeshRoom *room, MeshMember *member, const char *reason)
{
  MeshRoomAction *action;

  if (!member->added)
    return;
  member->added = FALSE;
  g_clear_pointer (&member->name, g_free);
  member->muted = member->hidden = FALSE;
  action = mesh_room_action_new (MESH_ROOM_PEER_REMOVED, member->id);
  action->reason = g_strdup (reason);
  mesh_room_push (room, action);
}

/* Frees @member. */
void
mesh_room_forget (MeshRoom *room, MeshMember *member, const char *reason,
    gint64 now)
{
  mesh_attempt_stop (room, member, reason);
  mesh_room_untile (room, member, reason);
  note_departed (room, member, g_str_equal (reason, "left"), now);
  g_ptr_array_remove (room->members, member);
  view_changed (room, now);
}

/* Whether a server that we can hear says that the member is there. */
gboolean
mesh_room_vouches (MeshRoom *room, MeshMember *member)
{
  return room->server == SERVER_ONLINE && room->lists && member->listed;
}

/* Whether it says that the member is not. */
gboolean
mesh_room_denies (MeshRoom *room, MeshMember *member)
{
  return room->server == SERVER_ONLINE && room->lists && !member->listed;
}

/* When a member whom we show, but who is not connected, is taken for gone. */
gint64
mesh_room_ghost_at (MeshRoom *room, MeshMember *member)
{
  if (!member->added || member->phase == MESH_PEER_CONNECTED
      || member->seen_at > member->lost_at || mesh_room_vouches (room, member))
    return NEVER;
  return member->lost_at + GHOST_TIMEOUT;
}

/* When one with whom nothing is under way is forgotten. Without a server for
 * want of signs; when our connection to it is lost, not at all. */
gint64
mesh_room_forget_at (MeshRoom *room, MeshMember *member)
{
  if (member->phase != MESH_PEER_IDLE || room->server == SERVER_OFFLINE
      || (room->server == SERVER_ONLINE && room->lists))
    return NEVER;
  return member->seen_at + NO_SIGN_TIMEOUT;
}

/* Sends joinroom, and sets when to do it again. */
void
mesh_room_ask (MeshRoom *room, gint64 now)
{
  guint i = MIN (room->n_asked, G_N_ELEMENTS (ask_delays) - 1);

  mesh_room_send (room, mesh_room_message (room, MESH_MESSAGE_JOINROOM,
          room->room ? room->room : NIL_ROOM));
  room->n_asked++;
  room->ask_at = now + ask_delays[i];
}

/* We know who is there: the newcomer calls. Those who joined after us call us,
 * and where attempts have failed the next one has its time. */
static void
call_everybody (MeshRoom *room, gint64 now)
{
  room->answered = TRUE;
  room->ask_at = NEVER;
  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);

    if (!member->newer && member->failures == 0)
      mesh_attempt_call (room, member, now);
  }
}

void
mesh_room_start_asking (MeshRoom *room, gint64 now)
{
  room->answered = FALSE;
  room->n_asked = 0;
  /* the host has nobody to ask */
  if (are_host (room))
    call_everybody (room, now);
  else
    mesh_room_ask (room, now);
}

void
mesh_room_send_rosters (MeshRoom *room, gint64 now)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) ids = NULL;

  room->roster_at = room->members->len > 0 ? now + ROSTER_INTERVAL : NEVER;
  g_strv_builder_add (builder, room->id);
  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);

    if (!member->lost)
      g_strv_builder_add (builder, member->id);
  }
  ids = g_strv_builder_end (builder);
  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);
    MeshMessage *message
        = mesh_room_message (room, MESH_MESSAGE_ROSTER, member->id);

    message->ids = g_strdupv (ids);
    mesh_room_send (room, message);
  }
}

static void
set_host (MeshRoom *room, const char *id, gint64 now)
{
  if (!id || g_strcmp0 (room->host, id) == 0)
    return;
  g_free (room->host);
  room->host = g_strdup (id);
  room->roster_at = NEVER;
  if (room->members->len > 0)
    view_changed (room, now);
}

/* The list is the whole truth, but for those whose media we still have. The
 * list has the order of joining; but to a member that has only just started
 * everybody is older, also where its id has stood in the list before. */
static void
read_members (MeshRoom *room, char **ids, gboolean first, gint64 now)
{
  gboolean newer = FALSE;

  for (guint i = 0; ids[i]; i++) {
    MeshMember *member = mesh_room_learn (room, ids[i], now);

    if (g_str_equal (ids[i], room->id))
      newer = !first;
    if (!member)
      continue;
    member->listed = TRUE;
    member->lost = FALSE;
    member->newer = newer;
  }
  for (guint i = room->members->len; i > 0; i--) {
    MeshMember *member = g_ptr_array_index (room->members, i - 1);

    if (g_strv_contains ((const char *const *) ids, member->id))
      continue;
    member->listed = FALSE;
    if (member->phase == MESH_PEER_IDLE)
      mesh_room_forget (room, member, "timeout", now);
  }
}

/* The old mailbox is gone, with whatever lay in it: attempts under way would
 * wait for it until they time out. */
static void
start_afresh (MeshRoom *room, gint64 now)
{
  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);

    member->failures = 0;
    if (member->phase == MESH_PEER_IDLE
        || member->phase == MESH_PEER_CONNECTED)
      continue;
    mesh_room_send_bye (room, member->id, member->sid, "failed");
    mesh_attempt_stop (room, member, "failed");
    member->lost_at = now;
    member->call_at = now + mesh_room_repair_delay (room, member);
  }
}

static void
on_welcome (MeshRoom *room, const MeshMessage *message, gint64 now)
{
  gboolean first = room->server == SERVER_NONE;

  room->server = SERVER_ONLINE;
  if (!room->room)
    room->room = g_strdup (message->room);
  set_host (room, message->host, now);
  /* what we missed follows */
  if (message->resumed && !first)
    return;
  if (!first)
    start_afresh (room, now);
  room->lists = message->ids != NULL;
  if (message->ids)
    read_members (room, message->ids, first, now);
  if (room->joined)
    mesh_room_start_asking (room, now);
}

static void
on_joined (MeshRoom *room, const MeshMessage *message, gint64 now)
{
  MeshMember *member = mesh_room_learn (room, message->id, now);

  if (!member)
    return;
  if (!member->listed && member->phase == MESH_PEER_IDLE) {
    member->newer = TRUE;
    member->call_at = now + mesh_room_repair_delay (room, member);
  }
  member->listed = TRUE;
  member->lost = FALSE;
}

static void
on_left (MeshRoom *room, const MeshMessage *message, gint64 now)
{
  MeshMember *member = mesh_room_find (room, message->id);

  if (!member)
    return;
  member->listed = FALSE;
  if (g_strcmp0 (message->reason, "bye") == 0)
    mesh_room_forget (room, member, "left", now);
  else if (member->phase == MESH_PEER_CONNECTED
           && now < member->heard_at + LOST_SILENCE_TIMEOUT)
    member->lost = TRUE;
  else
    mesh_room_forget (room, member, "timeout", now);
}

/* The host whom we asked is gone: ask the next one at once. */
static void
on_host (MeshRoom *room, const MeshMessage *message, gint64 now)
{
  gboolean changed = g_strcmp0 (room->host, message->id) != 0;

  set_host (room, message->id, now);
  if (changed && room->joined && !room->answered)
    mesh_room_start_asking (room, now);
}

static void
on_undeliverable (MeshRoom *room, const MeshMessage *message, gint64 now)
{
  MeshMember *member = mesh_room_find (room, message->to);

  /* no bye: it would not get there either */
  if (member && member->phase != MESH_PEER_IDLE
      && member->phase != MESH_PEER_CONNECTED)
    mesh_attempt_failed (room, member, "failed", NULL, now);
}

void
mesh_room_server_says (MeshRoom *room, const MeshMessage *message, gint64 now)
{
  switch (message->type) {
    case MESH_MESSAGE_WELCOME:
      on_welcome (room, message, now);
      break;
    case MESH_MESSAGE_JOINED:
      on_joined (room, message, now);
      break;
    case MESH_MESSAGE_LEFT:
      on_left (room, message, now);
      break;
    case MESH_MESSAGE_HOST:
      on_host (room, message, now);
      break;
    case MESH_MESSAGE_UNDELIVERABLE:
      on_undeliverable (room, message, now);
      break;
    case MESH_MESSAGE_OFFLINE:
      room->server = SERVER_OFFLINE;
      break;
    default:
      break;
  }
}

/* To us, or to the room while we are its host or nobody is known to be. */
static gboolean
is_asked_of_us (MeshRoom *room, const char *to)
{
  if (!to || g_str_equal (to, room->id))
    return TRUE;
  if (!room->room && !g_str_equal (to, NIL_ROOM))
    room->room = g_strdup (to);
  if (g_strcmp0 (to, room->room) != 0 && !g_str_equal (to, NIL_ROOM))
    return FALSE;
  return !room->host || are_host (room);
}

void
mesh_room_on_joinroom (MeshRoom *room, const MeshMessage *message, gint64 now)
{
  g_autoptr (GStrvBuilder) builder = NULL;
  MeshMessage *reply;

  if (!is_asked_of_us (room, message->to))
    return;
  /* known at once, so that two who ask at the same time hear of each other */
  mesh_room_learn (room, message->from, now);
  builder = g_strv_builder_new ();
  g_strv_builder_add (builder, room->id);
  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);

    if (!g_str_equal (member->id, message->from) && !member->lost)
      g_strv_builder_add (builder, member->id);
  }
  reply = mesh_room_message (room, MESH_MESSAGE_ROOMREPLY, message->from);
  reply->ids = g_strv_builder_end (builder);
  mesh_room_send (room, reply);
}

/* Where there is a host, only it speaks for the room. */
static gboolean
speaks_for_room (MeshRoom *room, const char *id)
{
  return !room->host || g_str_equal (room->host, id);
}

void
mesh_room_on_roomreply (MeshRoom *room, const MeshMessage *message, gint64 now)
{
  /* without a host everybody answers, each for those that it knows */
  gboolean call = room->joined && (!room->answered || !room->host);

  if (!speaks_for_room (room, message->from))
    return;
  mesh_room_learn (room, message->from, now);
  for (guint i = 0; message->ids && message->ids[i]; i++)
    learn_by_hearsay (room, message->ids[i], now);
  if (call)
    call_everybody (room, now);
}

void
mesh_room_on_roster (MeshRoom *room, const MeshMessage *message, gint64 now)
{
  if (!speaks_for_room (room, message->from))
    return;
  for (guint i = 0; message->ids && message->ids[i]; i++)
    learn_by_hearsay (room, message->ids[i], now);
}
