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
 * mesh_attempt_failed(), which sets when to call again. A connection that has
 * fallen silent, or that the other side gives up, is set aside: it ends soon
 * after another one is there, and is gone back to when it is heard and the other
 * attempt came to nothing. */

#include <string.h>

#include "core/room-private.h"

static const gint64 retry_delays[] = RETRY_DELAYS;

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
  if (member->old_since == NEVER)
    member->old_since = now;
  mesh_want_begin (member);

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

static void
send_call (MeshRoom *room, MeshMember *member, const char *sid)
{
  MeshMessage *message =
      mesh_room_message (room, MESH_MESSAGE_CALL, member->id);

  message->sid = g_strdup (sid);
  message->codecs = g_strdupv (room->codecs);
  mesh_room_send (room, message);
}

/* Calls @member, unless something is under way or stands against it. */
void
mesh_attempt_call (MeshRoom *room, MeshMember *member, gint64 now)
{
  char *sid;

  if (member->phase != MESH_PEER_IDLE || now < member->barred_until
      || room->server == SERVER_OFFLINE)
    return;
  if (count_attempts (room) >= room->max_peers) {
    member->call_at = now + OTHER_SIDE_LATER;
    return;
  }
  sid = next_sid (room);
  send_call (room, member, sid);
  begin (room, member, sid, MESH_PEER_CALLING, NULL, now);
}

/* Queues an action about the attempt @sid, which it takes. */
static void
push (MeshRoom *room, MeshRoomActionType type, MeshMember *member, char *sid,
    const char *reason)
{
  MeshRoomAction *action = mesh_room_action_new (type, member->id);

  action->sid = sid;
  action->reason = g_strdup (reason);
  mesh_room_push (room, action);
}

static void
become_idle (MeshMember *member)
{
  member->phase = MESH_PEER_IDLE;
  member->renew = FALSE;
  g_clear_pointer (&member->sid, g_free);
  g_queue_clear_full (&member->remote_candidates,
      (GDestroyNotify) mesh_room_action_free);
  g_queue_clear_full (&member->local_candidates,
      (GDestroyNotify) mesh_message_free);
}

/* Ends the attempt, but not the connection that was there before it. */
static void
end_attempt (MeshRoom *room, MeshMember *member, const char *reason)
{
  if (member->phase == MESH_PEER_IDLE)
    return;
  push (room, MESH_ROOM_STOP, member, g_steal_pointer (&member->sid), reason);
  become_idle (member);
}

/* Ends the connection that was there before the attempt. */
void
mesh_attempt_drop (MeshRoom *room, MeshMember *member, const char *reason)
{
  char **sid = member->old_sid ? &member->old_sid : &member->over_sid;

  if (*sid)
    push (room, MESH_ROOM_DROP, member, g_steal_pointer (sid), reason);
}

/* Marks the connection that was set aside as over: another one has taken its
 * place. */
void
mesh_attempt_replace (MeshMember *member)
{
  if (member->old_sid)
    member->over_sid = g_steal_pointer (&member->old_sid);
}

/* Returns when the connection that was there before the attempt will have been
 * silent beside it for too long. */
gint64
mesh_attempt_silent_at (MeshMember *member)
{
  return member->old_since == NEVER ? NEVER
                                    : member->old_since + OLD_SILENCE;
}

/* Returns when that connection ends of itself. */
gint64
mesh_attempt_drop_at (MeshMember *member)
{
  gint64 at = mesh_attempt_silent_at (member);

  if (!member->old_sid && !member->over_sid)
    return NEVER;
  if (member->over_sid && member->phase == MESH_PEER_CONNECTED)
    at = MIN (at, member->connected_at
        + (member->shown ? OLD_LINGERS : OLD_STAYS));
  return at;
}

/* Ends everything with @member, and sets nothing new. */
void
mesh_attempt_stop (MeshRoom *room, MeshMember *member, const char *reason)
{
  end_attempt (room, member, reason);
  mesh_attempt_drop (room, member, reason);
}

/* A connection gives way to another attempt, and stays until that is connected:
 * maybe it is good one way, or will be again. */
static void
set_aside (MeshRoom *room, MeshMember *member, const char *reason, gint64 now)
{
  mesh_attempt_drop (room, member, "replaced");
  push (room, MESH_ROOM_RETIRE, member, g_strdup (member->sid), reason);
  member->old_sid = g_steal_pointer (&member->sid);
  member->old_caller = member->caller;
  member->old_heard_at = member->heard_at;
  member->old_since = NEVER;
  member->lost_at = now;
  become_idle (member);
}

/* The member's attempt gives way to another one: a connection is set aside,
 * whatever is less than that ends. */
void
mesh_attempt_give_way (MeshRoom *room, MeshMember *member, gint64 now)
{
  if (member->phase == MESH_PEER_CONNECTED)
    set_aside (room, member, "replaced", now);
  else
    end_attempt (room, member, "replaced");
}

/* Returns how long a connection may be silent. A peer that sends only reports
 * does so every few seconds (RFC 3550, 6.2); one that sent media all the time
 * would go on. */
static gint64
patience (MeshMember *member)
{
  if (member->lost)
    return LOST_SILENCE_TIMEOUT;
  return member->steady >= STEADY_AFTER ? STEADY_SILENCE_TIMEOUT
                                        : SILENCE_TIMEOUT;
}

/* Goes back to the connection that was set aside, if it lives and no other
 * attempt is under way. */
gboolean
mesh_attempt_go_back (MeshRoom *room, MeshMember *member, gint64 now)
{
  if (!member->old_sid || member->phase != MESH_PEER_IDLE
      || now >= member->old_heard_at + patience (member))
    return FALSE;
  member->phase = MESH_PEER_CONNECTED;
  member->sid = g_steal_pointer (&member->old_sid);
  member->caller = member->old_caller;
  member->heard_at = member->old_heard_at;
  member->have_remote = member->have_local = TRUE;
  mesh_want_begin (member);
  push (room, MESH_ROOM_BACK, member, g_strdup (member->sid), NULL);
  return TRUE;
}

/* Ends an attempt that is not connected: what was sent for it may be lost. */
void
mesh_attempt_abandon (MeshRoom *room, MeshMember *member, gint64 now)
{
  if (member->phase == MESH_PEER_IDLE || member->phase == MESH_PEER_CONNECTED)
    return;
  mesh_room_send_bye (room, member->id, member->sid, "failed");
  end_attempt (room, member, "failed");
  if (!mesh_attempt_go_back (room, member, now))
    member->call_at = now + mesh_room_repair_delay (room, member);
}

/* The attempt has failed: tells the other side with @bye unless that is NULL,
 * and sets when to call again. May forget @member. */
void
mesh_attempt_failed (MeshRoom *room, MeshMember *member, const char *reason,
    const char *bye, gint64 now)
{
  guint i = MIN (member->failures, G_N_ELEMENTS (retry_delays) - 1);
  gboolean was_connected = member->phase == MESH_PEER_CONNECTED;

  if (bye)
    mesh_room_send_bye (room, member->id, member->sid, bye);
  end_attempt (room, member, reason);
  if (mesh_attempt_go_back (room, member, now))
    return;
  if (was_connected)
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

/* Replaces the attempt, since our addresses have changed. A member that the
 * server has lost, or an older app, would not answer another call: there the
 * present attempt goes on. */
void
mesh_attempt_renew (MeshRoom *room, MeshMember *member, gint64 now)
{
  member->renew = FALSE;
  if (member->phase == MESH_PEER_OFFERING) {
    /* the member's call stands until a bye reaches the member */
    mesh_attempt_failed (room, member, "failed", "failed", now);
    return;
  }
  if (member->lost || !member->inc || mesh_room_denies (room, member))
    return;
  mesh_attempt_give_way (room, member, now);
  mesh_attempt_call (room, member, now);
}

/* Ends everything with a member that refuses us, or that we refuse. */
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

/* Returns when the attempt fails of itself. An older app that is called a
 * second time begins a second connection, and gives it the answer to the offer
 * of the first: a slow one is not called again before it has had time for all
 * of it. */
gint64
mesh_attempt_timeout (MeshMember *member)
{
  gboolean is_older_app = member->spoke && !member->inc;

  switch (member->phase) {
    case MESH_PEER_CALLING:
      return member->began_at + (is_older_app ? CONNECT_TIMEOUT : CALL_TIMEOUT);
    case MESH_PEER_ANSWERING:
    case MESH_PEER_OFFERING:
      return member->began_at + CONNECT_TIMEOUT;
    case MESH_PEER_CONNECTED:
      return member->heard_at + patience (member);
    case MESH_PEER_IDLE:
    default:
      return NEVER;
  }
}

/* Nothing is heard on the connection. It may be that only we do not hear, so
 * the member gets no bye, and another attempt begins beside the connection. */
static void
on_silence (MeshRoom *room, MeshMember *member, gint64 now)
{
  set_aside (room, member, "silent", now);
  member->call_at = now;
  mesh_attempt_call (room, member, now);
}

void
mesh_attempt_on_timeout (MeshRoom *room, MeshMember *member, gint64 now)
{
  if (member->phase != MESH_PEER_CONNECTED) {
    mesh_pace_failed (room);
    mesh_attempt_failed (room, member, "failed", "failed", now);
  } else if (member->lost || mesh_room_denies (room, member)) {
    mesh_attempt_failed (room, member, "silent", "failed", now);
  } else {
    on_silence (room, member, now);
  }
}

/* Whether our call stands against that of @message: where both have called, and
 * ours is still without an offer, the lower id's call stands. An older app
 * knows no such rule, and keeps to its own call, so we keep to ours, which it
 * answers. */
static gboolean
ours_stands (MeshRoom *room, MeshMember *member, const MeshMessage *message)
{
  return member->phase == MESH_PEER_CALLING
         && (!message->sid || strcmp (room->id, member->id) < 0);
}

/* The member started anew: what was under way with its old incarnation ends. A
 * connection that there is only gives way, since the message may be a late one,
 * or a recording, of a life whose clock was ahead of the living one's. When
 * both have called each other, nothing tells which of the two lives got our
 * call; where our call is the one that stands, another call takes its place,
 * also where the first did arrive. */
static void
start_anew (MeshRoom *room, MeshMember *member, const MeshMessage *message,
    gint64 now)
{
  gboolean call_again = message->type == MESH_MESSAGE_CALL
                        && ours_stands (room, member, message);

  mesh_attempt_give_way (room, member, now);
  member->lost_at = now;
  member->failures = 0;
  member->barred_until = 0;
  member->call_at = now + mesh_room_repair_delay (room, member);
  if (call_again)
    mesh_attempt_call (room, member, now);
}

/* Returns FALSE when @message is of an incarnation that is over. */
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
  g_free (member->inc);
  member->inc = g_strdup (message->inc);
  return TRUE;
}

/* Whether this call of the member, or a later one, was here before. */
static gboolean
is_stale_call (MeshMember *member, const char *inc, guint64 n)
{
  int order = strcmp (inc, member->call_inc);

  return order < 0 || (order == 0 && n <= member->last_call);
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
    if (member && is_stale_call (member, inc, n))
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
  if (ours_stands (room, member, message)) {
    /* Our call may have been lost, where messages are. A member that has it
     * drops the second one; an older app would not. */
    if (message->sid && !room->lists)
      send_call (room, member, member->sid);
    return;
  }
  if (message->sid) {
    mesh_attempt_give_way (room, member, now);
    memcpy (member->call_inc, inc, sizeof inc);
    member->last_call = n;
  } else {
    end_attempt (room, member, "replaced");
    mesh_attempt_replace (member);
  }
  begin (room, member,
      message->sid ? g_strdup (message->sid) : next_sid (room),
      MESH_PEER_OFFERING, message->codecs, now);
}

/* Older apps name no session: their messages are about the current one. */
static gboolean
is_current (MeshMember *member, const char *sid)
{
  if (member->phase == MESH_PEER_IDLE)
    return FALSE;
  return sid ? g_str_equal (sid, member->sid) : !member->inc;
}

static void
take_sdp (MeshRoom *room, MeshMember *member, const MeshMessage *message)
{
  MeshRoomAction *action;
  gboolean offer = g_str_equal (message->sdp_type, "offer");

  /* the caller never offers, and each side describes itself once */
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

/* Whether the member offers by a call that came after we had given it up. */
static gboolean
is_offer_too_late (MeshRoom *room, MeshMember *member,
    const MeshMessage *message)
{
  return message->sid && g_strcmp0 (message->sdp_type, "offer") == 0
         && strncmp (message->sid, room->inc, strlen (room->inc)) == 0
         && g_strcmp0 (message->sid, member->old_sid) != 0;
}

void
mesh_attempt_on_signal (MeshRoom *room, MeshMember *member,
    const MeshMessage *message)
{
  if (!is_current (member, message->sid)) {
    if (is_offer_too_late (room, member, message))
      mesh_room_send_bye (room, member->id, message->sid, "failed");
    return;
  }
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
  if (message->sid && g_strcmp0 (message->sid, member->old_sid) == 0) {
    mesh_attempt_drop (room, member, "failed");
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
