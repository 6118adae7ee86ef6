/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One attempt at a connection with one member (docs/protocol.md, "One
 * attempt"):
 *
 *              we call              its offer            connected
 *       IDLE ----------> CALLING ------------> ANSWERING ----------+
 *        | it calls, also in any other phase                       v
 *        +-------------> OFFERING ---------------------------> CONNECTED
 *                                      connected
 *
 * Every phase but IDLE has a timeout, and leads back to IDLE through
 * mesh_attempt_failed(), which sets when to call again. */

#include <string.h>

#include "core/room-private.h"

#define WARN_AFTER 3            /* failures in a row */

static const gint64 retry_delays[]
    = { MS (500), MS (1000), MS (2000), MS (4000), MS (8000), MS (15000) };

static guint
count_attempts (MeshRoom *room)
{
  guint n = 0;

  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);

    n += member->phase != MESH_PEER_IDLE;
  }
  return n;
}

/* Takes @sid. */
static void
begin (MeshRoom *room, MeshMember *member, char *sid, MeshPeerPhase phase,
    char **codecs, gint64 now)
{
  MeshRoomAction *action;

  member->phase = phase;
  member->sid = sid;
  member->caller = phase == MESH_PEER_CALLING;
  member->began_at = now;
  member->have_remote = member->have_local = FALSE;
  member->n_remote = member->n_local = 0;

  action = mesh_room_action_new (MESH_ROOM_START, member->id);
  action->sid = g_strdup (sid);
  action->offerer = !member->caller;
  if (action->offerer) {
    const char *const fallback[] = { "VP8", NULL };

    action->codecs
        = g_strdupv (codecs && *codecs ? codecs : (char **) fallback);
  }
  mesh_room_push (room, action);
}

static char *
next_sid (MeshRoom *room)
{
  return g_strdup_printf ("%s-%" G_GUINT64_FORMAT, room->inc, ++room->n_calls);
}

/* Calls @member, unless something is under way or stands against it. */
void
mesh_attempt_call (MeshRoom *room, MeshMember *member, gint64 now)
{
  MeshMessage *message;
  char *sid;

  if (member->phase != MESH_PEER_IDLE || now < member->barred_until
      || room->server == SERVER_OFFLINE)
    return;
  if (count_attempts (room) >= room->max_peers) {
    member->call_at = now + OTHER_SIDE_LATER;
    return;
  }
  sid = next_sid (room);
  message = mesh_room_message (room, MESH_MESSAGE_CALL, member->id);
  message->sid = g_strdup (sid);
  message->codecs = g_strdupv (room->codecs);
  mesh_room_send (room, message);
  begin (room, member, sid, MESH_PEER_CALLING, NULL, now);
}

/* Ends the attempt, if there is one, and sets no other. */
void
mesh_attempt_stop (MeshRoom *room, MeshMember *member, const char *reason)
{
  MeshRoomAction *action;

  if (member->phase == MESH_PEER_IDLE)
    return;
  action = mesh_room_action_new (MESH_ROOM_STOP, member->id);
  action->sid = g_steal_pointer (&member->sid);
  action->reason = g_strdup (reason);
  mesh_room_push (room, action);
  member->phase = MESH_PEER_IDLE;
  member->renew = FALSE;
  g_queue_clear_full (&member->remote_candidates,
      (GDestroyNotify) mesh_room_action_free);
  g_queue_clear_full (&member->local_candidates,
      (GDestroyNotify) mesh_message_free);
}

/* The attempt has failed: tells the other side with @bye unless that is NULL,
 * and sets when to call again. May forget @member. */
void
mesh_attempt_failed (MeshRoom *room, MeshMember *member, const char *reason,
    const char *bye, gint64 now)
{
  guint i = MIN (member->failures, G_N_ELEMENTS (retry_delays) - 1);

  if (bye)
    mesh_room_send_bye (room, member->id, member->sid, bye);
  mesh_attempt_stop (room, member, reason);
  member->lost_at = now;
  if (member->lost || mesh_room_denies (room, member)
      || now >= mesh_room_forget_at (room, member)) {
    mesh_room_forget (room, member, "timeout", now);
    return;
  }
  member->call_at = now + retry_delays[i];
  if (!member->caller)
    member->call_at += OTHER_SIDE_LATER;
  if (++member->failures == WARN_AFTER)
    mesh_room_warn (room, member->id, "no connection after %d attempts; "
        "trying on", WARN_AFTER);
}

/* Calls anew whom we are, or were about to be, connected with: our addresses
 * have changed. One that the server has lost, or an older app, would not
 * answer; then the attempt we have is all that there is. */
void
mesh_attempt_renew (MeshRoom *room, MeshMember *member, gint64 now)
{
  member->renew = FALSE;
  if (member->phase == MESH_PEER_OFFERING) {
    /* its call stands until it hears otherwise */
    mesh_attempt_failed (room, member, "failed", "failed", now);
    return;
  }
  if (member->lost || !member->inc || mesh_room_denies (room, member))
    return;
  mesh_attempt_stop (room, member, "replaced");
  mesh_attempt_call (room, member, now);
}

/* One of the two does not want the other, or has no room for it. */
void
mesh_attempt_barred (MeshRoom *room, MeshMember *member, const char *reason,
    gint64 now)
{
  mesh_attempt_stop (room, member, reason);
  mesh_room_untile (room, member, reason);
  member->lost_at = now;
  member->barred_until = now + BARRED_TIME;
  member->call_at = member->barred_until;
  if (!member->caller)
    member->call_at += OTHER_SIDE_LATER;
}

/* When the attempt fails of itself. */
gint64
mesh_attempt_timeout (MeshMember *member)
{
  switch (member->phase) {
    case MESH_PEER_CALLING:
      return member->began_at + CALL_TIMEOUT;
    case MESH_PEER_ANSWERING:
    case MESH_PEER_OFFERING:
      return member->began_at + CONNECT_TIMEOUT;
    case MESH_PEER_CONNECTED:
      return member->heard_at
             + (member->lost ? LOST_SILENCE_TIMEOUT : SILENCE_TIMEOUT);
    case MESH_PEER_IDLE:
    default:
      return NEVER;
  }
}

void
mesh_attempt_on_timeout (MeshRoom *room, MeshMember *member, gint64 now)
{
  gboolean silent = member->phase == MESH_PEER_CONNECTED;

  mesh_attempt_failed (room, member, silent ? "silent" : "failed", "failed",
      now);
}

/* Both have called, and ours is still without an offer: the lower id's call
 * stands. An older app knows no such rule, and keeps to its own call, so we
 * keep to ours, which it answers. */
static gboolean
ours_stands (MeshRoom *room, MeshMember *member, const MeshMessage *message)
{
  return member->phase == MESH_PEER_CALLING
         && (!message->sid || strcmp (room->id, member->id) < 0);
}

/* The member started anew: what was under way with its old incarnation ends.
 * When both have called each other we can't know which of the two got our
 * call; where ours is the one that stands, another one takes its place, and
 * replaces it also where it did arrive. */
static void
start_anew (MeshRoom *room, MeshMember *member, const MeshMessage *message,
    gint64 now)
{
  gboolean call_again = message->type == MESH_MESSAGE_CALL
                        && ours_stands (room, member, message);

  mesh_attempt_stop (room, member, "replaced");
  member->lost_at = now;
  member->failures = 0;
  member->barred_until = 0;
  member->call_at = now + mesh_room_repair_delay (room, member);
  if (call_again)
    mesh_attempt_call (room, member, now);
}

/* FALSE: @message is of an incarnation that is over. */
gboolean
mesh_attempt_accept_inc (MeshRoom *room, MeshMember *member,
    const MeshMessage *message, gint64 now)
{
  gboolean got_our_call;

  if (!message->inc || g_strcmp0 (message->inc, member->inc) == 0)
    return TRUE;
  if (member->inc && strcmp (message->inc, member->inc) < 0)
    return FALSE;
  got_our_call = message->type == MESH_MESSAGE_SIGNAL
                 && member->phase == MESH_PEER_CALLING
                 && g_strcmp0 (message->sid, member->sid) == 0;
  if (member->inc && !got_our_call)
    start_anew (room, member, message, now);
  if (member->inc)
    member->last_call = 0;
  g_free (member->inc);
  member->inc = g_strdup (message->inc);
  return TRUE;
}

void
mesh_attempt_on_call (MeshRoom *room, const MeshMessage *message, gint64 now)
{
  MeshMember *member = mesh_room_learn (room, message->from, now);
  char inc[17];
  guint64 n = 0;

  if (message->sid) {
    if (!mesh_sid_parse (message->sid, inc, &n)
        || (message->inc && !g_str_equal (message->inc, inc)))
      return;
    if (member && n <= member->last_call)
      return;
  }
  if (!member || (member->phase == MESH_PEER_IDLE
          && count_attempts (room) >= room->max_peers)) {
    mesh_room_send_bye (room, message->from, message->sid, "full");
    return;
  }
  if (now < member->refuse_until) {
    mesh_room_send_bye (room, member->id, message->sid, "refused");
    return;
  }
  if (ours_stands (room, member, message))
    return;
  mesh_attempt_stop (room, member, "replaced");
  if (message->sid)
    member->last_call = n;
  begin (room, member,
      message->sid ? g_strdup (message->sid) : next_sid (room),
      MESH_PEER_OFFERING, message->codecs, now);
}

/* Older apps name no session: what they say is of the current one. */
static gboolean
is_current (MeshMember *member, const char *sid)
{
  if (member->phase == MESH_PEER_IDLE)
    return FALSE;
  if (!sid)
    return !member->inc;
  return g_str_equal (sid, member->sid);
}

static void
take_sdp (MeshRoom *room, MeshMember *member, const MeshMessage *message)
{
  MeshRoomAction *action;
  gboolean offer = g_str_equal (message->sdp_type, "offer");

  /* who called never offers, and nobody does twice */
  if (member->have_remote || offer != member->caller
      || (!offer && !member->have_local))
    return;
  if (offer)
    member->phase = MESH_PEER_ANSWERING;
  member->have_remote = TRUE;
  action = mesh_room_action_new (MESH_ROOM_REMOTE_SDP, member->id);
  action->sid = g_strdup (member->sid);
  action->sdp_type = g_strdup (message->sdp_type);
  action->sdp = g_strdup (message->sdp);
  mesh_room_push (room, action);
  while ((action = g_queue_pop_head (&member->remote_candidates)))
    mesh_room_push (room, action);
}

static void
take_candidate (MeshRoom *room, MeshMember *member, const MeshMessage *message)
{
  MeshRoomAction *action;

  if (member->n_remote >= MAX_CANDIDATES)
    return;
  member->n_remote++;
  action = mesh_room_action_new (MESH_ROOM_REMOTE_CANDIDATE, member->id);
  action->sid = g_strdup (member->sid);
  action->candidate = g_strdup (message->candidate);
  action->mline = message->mline;
  action->mid = g_strdup (message->mid);
  if (member->have_remote)
    mesh_room_push (room, action);
  else
    g_queue_push_tail (&member->remote_candidates, action);
}

void
mesh_attempt_on_signal (MeshRoom *room, MeshMember *member,
    const MeshMessage *message)
{
  if (!is_current (member, message->sid))
    return;
  if (message->sdp)
    take_sdp (room, member, message);
  if (message->candidate)
    take_candidate (room, member, message);
}

void
mesh_attempt_on_bye (MeshRoom *room, MeshMember *member,
    const MeshMessage *message, gint64 now)
{
  if (g_strcmp0 (message->reason, "left") == 0) {
    mesh_room_forget (room, member, "left", now);
    return;
  }
  if (!message->sid || !is_current (member, message->sid))
    return;
  if (g_strcmp0 (message->reason, "full") == 0
      || g_strcmp0 (message->reason, "refused") == 0) {
    mesh_room_warn (room, member->id, "does not take our call: %s",
        message->reason);
    mesh_attempt_barred (room, member, message->reason, now);
  } else {
    mesh_attempt_failed (room, member, "failed", NULL, now);
  }
}
