/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who is in the room. The server's word comes first (`welcome`, `joined`,
 * `left`); `roomreply`, `roster` and callers add to it; and where there is no
 * server, or its connection is lost, signs of life decide. */

#include <string.h>

#include "core/json.h"
#include "core/room-private.h"

#define NIL_ROOM "00000000-0000-0000-0000-000000000000"

static const gint64 ask_delays[] = ASK_DELAYS;

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

/* Whether @member has been here longer than the peer with @inc and @id. */
static gboolean
is_older (MeshMember *member, const char *inc, const char *id)
{
  int order = member->inc ? strcmp (member->inc, inc) : 1;

  return order < 0 || (order == 0 && strcmp (member->id, id) < 0);
}

/* Returns the connected member that is here longest; NULL when we are. */
static MeshMember *
find_senior (MeshRoom *room)
{
  MeshMember *senior = NULL;

  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);

    if (member->phase != MESH_PEER_CONNECTED)
      continue;
    /* in mooz the host has the room's id */
    if (g_strcmp0 (member->id, room->room) == 0)
      return member;
    if (is_older (member, senior ? senior->inc : room->inc,
            senior ? senior->id : room->id))
      senior = member;
  }
  return senior;
}

/**
 * mesh_room_hosts:
 *
 * The host is the member that the server names; else the one whose id is the
 * room's, as in mooz; else the one that has been here longest.
 *
 * Returns: whether we are the host, who answers what is sent to the room. Where
 *   a service only passes messages on, its transport listens at the room's
 *   address while this is so.
 */
gboolean
mesh_room_hosts (MeshRoom *room)
{
  return room->host ? are_host (room) : find_senior (room) == NULL;
}

static void
view_changed (MeshRoom *room, gint64 now)
{
  if (!room->host)
    room->roster_at = MIN (room->roster_at, now + ROSTER_INTERVAL);
  else if (are_host (room))
    room->roster_at = MIN (room->roster_at, now + ROSTER_DELAY);
}

/* Returns how long a member waits for our call that nothing else connects with
 * us. */
gint64
mesh_room_repair_delay (MeshRoom *room, MeshMember *member)
{
  return strcmp (room->id, member->id) < 0 ? REPAIR_LOWER : REPAIR_HIGHER;
}

/* Returns the member with @id, which is added if it was not known; NULL when
 * @id is ours, or there are too many. For what the server or the member says. */
MeshMember *
mesh_room_learn (MeshRoom *room, const char *id, gint64 now)
{
  MeshMember *member = mesh_room_find (room, id);
  MeshDeparted *departed;

  if (member)
    return member;
  if (g_str_equal (id, room->id) || room->members->len + 1 >= MAX_MEMBERS)
    return NULL;
  member = g_new0 (MeshMember, 1);
  departed = mesh_room_find_departed (room, id);
  if (departed) {
    /* the member may come back, its earlier calls may not */
    memcpy (member->call_inc, departed->call_inc, sizeof member->call_inc);
    member->last_call = departed->last_call;
    g_ptr_array_remove (room->departed, departed);
  }
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

/* Does the same for what others say: that brings back no member that left. */
static MeshMember *
learn_by_hearsay (MeshRoom *room, const char *id, gint64 now)
{
  MeshMember *member = mesh_room_find (room, id);
  MeshDeparted *departed = member ? NULL : mesh_room_find_departed (room, id);

  if (member || (departed && now < departed->until))
    return member;
  return mesh_room_learn (room, id, now);
}

/* Takes the member from our user's view; the room still knows it. */
void
mesh_room_untile (MeshRoom *room, MeshMember *member, const char *reason)
{
  MeshRoomAction *action;

  mesh_attempt_drop (room, member, reason);
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
  MeshDeparted *departed;

  mesh_attempt_stop (room, member, reason);
  mesh_room_untile (room, member, reason);
  departed = mesh_room_note_departed (room, member->id, now);
  memcpy (departed->call_inc, member->call_inc, sizeof departed->call_inc);
  departed->last_call = member->last_call;
  if (g_str_equal (reason, "left"))
    mesh_departed_end (departed, member->inc);
  g_ptr_array_remove (room->members, member);
  view_changed (room, now);
  /* where no server says who is there, members that lost each other ask */
  if (!room->host && room->joined && room->members->len == 0) {
    room->answered = FALSE;
    room->ask_at = MIN (room->ask_at, now + ROSTER_INTERVAL);
  }
}

/* Whether a server that we can hear says that the member is there. */
gboolean
mesh_room_vouches (MeshRoom *room, MeshMember *member)
{
  return room->server == SERVER_ONLINE && room->lists && member->listed;
}

/* Whether a server that we can hear says that the member is not there. */
gboolean
mesh_room_denies (MeshRoom *room, MeshMember *member)
{
  return room->server == SERVER_ONLINE && room->lists && !member->listed;
}

/* Returns when a member that is shown, but not connected, is taken for gone. */
gint64
mesh_room_ghost_at (MeshRoom *room, MeshMember *member)
{
  if (!member->added || member->phase == MESH_PEER_CONNECTED
      || mesh_room_vouches (room, member))
    return NEVER;
  return MAX (member->seen_at, member->lost_at) + GHOST_TIMEOUT;
}

/* Returns when a member without an attempt is forgotten: without a server, for
 * want of signs of life; while our connection to a server is lost, never. */
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

/* Calls everybody, as the newcomer does. Members that joined after us call us,
 * and where an attempt has failed, the next one has its own time. */
static void
call_everybody (MeshRoom *room, gint64 now)
{
  room->answered = TRUE;
  room->ask_at = NEVER;
  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);

    if (member->newer || member->failures > 0)
      continue;
    /* the others are called as soon as the pace allows */
    if (now >= mesh_pace_free_at (room))
      mesh_attempt_call (room, member, now);
    else
      member->call_at = MIN (member->call_at, now);
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

/* Returns us and the members that we know, except @but. What others say of a
 * member is not passed on, unless the server says it: a rumour would outlive
 * the member. */
static char **
list_members (MeshRoom *room, const char *but)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  g_strv_builder_add (builder, room->id);
  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);

    if (!member->lost && (room->lists || member->spoke)
        && g_strcmp0 (member->id, but) != 0)
      g_strv_builder_add (builder, member->id);
  }
  return g_strv_builder_end (builder);
}

static void
send_roster (MeshRoom *room, MeshMember *member)
{
  MeshMessage *message
      = mesh_room_message (room, MESH_MESSAGE_ROSTER, member->id);

  message->ids = list_members (room, NULL);
  mesh_room_send (room, message);
}

/* Sends the host's roster to everybody. Where no server names the host, the
 * others send it theirs, and it asks whether there is another host. */
void
mesh_room_send_rosters (MeshRoom *room, gint64 now)
{
  MeshMember *senior = find_senior (room);

  room->roster_at = room->members->len > 0 ? now + ROSTER_INTERVAL : NEVER;
  if (!room->host && senior) {
    send_roster (room, senior);
    return;
  }
  if (!mesh_room_hosts (room))
    return;
  if (!room->host && room->joined)
    mesh_room_send (room, mesh_room_message (room, MESH_MESSAGE_JOINROOM,
            room->room ? room->room : NIL_ROOM));
  for (guint i = 0; i < room->members->len; i++)
    send_roster (room, g_ptr_array_index (room->members, i));
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

/* Takes over the server's list of members, in the order of joining. A member
 * that is not in it is forgotten, unless an attempt with it is under way. To
 * us, when we have only just started, everybody is older, also where our id has
 * stood in the list before. */
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

/* The old mailbox is gone, with the messages in it: attempts under way would
 * wait for these until they time out. */
static void
start_afresh (MeshRoom *room, gint64 now)
{
  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);

    member->failures = 0;
    mesh_attempt_abandon (room, member, now);
  }
  mesh_room_send_states (room, now);
}

static void
on_welcome (MeshRoom *room, const MeshMessage *message, gint64 now)
{
  gboolean first = room->server == SERVER_NONE;

  room->server = SERVER_ONLINE;
  if (!room->room)
    room->room = g_strdup (message->room);
  set_host (room, message->host, now);
  /* the messages that we missed follow */
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

static gboolean
is_heard (MeshMember *member, gint64 now)
{
  gint64 heard_at = member->phase == MESH_PEER_CONNECTED ? member->heard_at
      : member->old_sid ? member->old_heard_at : G_MININT64 / 2;

  return now < heard_at + LOST_SILENCE_TIMEOUT;
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
  else if (is_heard (member, now))
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

  /* a bye would not get there either */
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

static gboolean
is_for_the_room (MeshRoom *room, const char *to)
{
  if (!room->room && !g_str_equal (to, NIL_ROOM))
    room->room = g_strdup (to);
  return g_strcmp0 (to, room->room) == 0 || g_str_equal (to, NIL_ROOM);
}

/* Whether a joinroom is for us: it is sent to us, or to the room while we host.
 * Where no server names the host, everybody answers a member that asks again,
 * since the host may be gone. */
static gboolean
is_asked_of_us (MeshRoom *room, const MeshMessage *message)
{
  MeshMember *member = mesh_room_find (room, message->from);

  if (!message->to || g_str_equal (message->to, room->id))
    return TRUE;
  if (!is_for_the_room (room, message->to))
    return FALSE;
  if (mesh_room_hosts (room))
    return TRUE;
  return !room->host && member && member->phase != MESH_PEER_CONNECTED
         && member->asked++ > 0;
}

/* Whether it may turn out that another member hosts. */
static gboolean
may_have_senior (MeshRoom *room)
{
  if (!room->answered && room->n_asked < ASKED_ENOUGH)
    return TRUE;
  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);

    if (member->phase != MESH_PEER_IDLE
        && (g_strcmp0 (member->id, room->room) == 0
            || is_older (member, room->inc, room->id)))
      return TRUE;
  }
  return FALSE;
}

/* An older app calls everybody again whenever it is told who is there, and then
 * cannot tell the answers apart: so it is told once, and not by us while we do
 * not know yet whether there is another host. A member that it does not call
 * calls it. */
static gboolean
may_tell (MeshRoom *room, MeshMember *member, const MeshMessage *message,
    gint64 now)
{
  gboolean is_ours = !message->to || g_str_equal (message->to, room->id);

  if (message->inc || !member)
    return TRUE;
  if (now < member->told_until || (!is_ours && may_have_senior (room)))
    return FALSE;
  member->told_until = now + TELL_AGAIN;
  return TRUE;
}

void
mesh_room_on_joinroom (MeshRoom *room, const MeshMessage *message, gint64 now)
{
  MeshMember *member;
  MeshMessage *reply;

  if (!is_asked_of_us (room, message)) {
    if (!room->host)
      mesh_room_learn (room, message->from, now);
    return;
  }
  /* known at once, so that two that ask at the same time hear of each other */
  member = mesh_room_learn (room, message->from, now);
  if (!may_tell (room, member, message, now))
    return;
  reply = mesh_room_message (room, MESH_MESSAGE_ROOMREPLY, message->from);
  reply->ids = list_members (room, message->from);
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
