/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an attempt's connection on our side reports. It runs on its own, so it
 * may speak of an attempt that has ended: then nothing happens. */

#include "core/room-private.h"

static MeshMember *
find_current (MeshRoom *room, const char *peer, const char *sid)
{
  MeshMember *member = mesh_room_find (room, peer);

  if (!member || member->phase == MESH_PEER_IDLE
      || g_strcmp0 (member->sid, sid) != 0)
    return NULL;
  return member;
}

static MeshMessage *
new_signal (MeshRoom *room, MeshMember *member)
{
  MeshMessage *message
      = mesh_room_message (room, MESH_MESSAGE_SIGNAL, member->id);

  message->sid = g_strdup (member->sid);
  return message;
}

/**
 * mesh_room_local_sdp:
 * @peer: of whose connection
 * @sid: and which attempt
 * @sdp_type: "offer" or "answer"
 * @sdp: our description
 */
void
mesh_room_local_sdp (MeshRoom *room, const char *peer, const char *sid,
    const char *sdp_type, const char *sdp, gint64 now)
{
  MeshMember *member = find_current (room, peer, sid);
  MeshMessage *message;

  if (!member || member->have_local
      || (g_str_equal (sdp_type, "offer")
              ? member->phase != MESH_PEER_OFFERING
              : member->phase != MESH_PEER_ANSWERING))
    return;
  member->have_local = TRUE;
  mesh_room_send_state (room, member->id);
  message = new_signal (room, member);
  message->sdp_type = g_strdup (sdp_type);
  message->sdp = g_strdup (sdp);
  mesh_room_send (room, message);
  while ((message = g_queue_pop_head (&member->local_candidates)))
    mesh_room_send (room, message);
}

/**
 * mesh_room_local_candidate:
 * @peer: of whose connection
 * @sid: and which attempt
 * @candidate: a candidate line, or "" when there are no more
 * @mline: its m-line, or -1
 * @mid: (nullable): its mid
 *
 * May come before the description, which goes out first all the same.
 */
void
mesh_room_local_candidate (MeshRoom *room, const char *peer, const char *sid,
    const char *candidate, int mline, const char *mid, gint64 now)
{
  MeshMember *member = find_current (room, peer, sid);
  MeshMessage *message;

  if (!member || member->n_local >= MAX_CANDIDATES)
    return;
  member->n_local++;
  message = new_signal (room, member);
  message->candidate = g_strdup (candidate);
  message->mline = mline;
  message->mid = g_strdup (mid);
  if (member->have_local)
    mesh_room_send (room, message);
  else
    g_queue_push_tail (&member->local_candidates, message);
}

/**
 * mesh_room_connected:
 * @peer: with whom
 * @sid: which attempt
 *
 * ICE and DTLS are done, and the certificate is the one that the description
 * promised.
 */
void
mesh_room_connected (MeshRoom *room, const char *peer, const char *sid,
    gint64 now)
{
  MeshMember *member = find_current (room, peer, sid);

  if (!member || !member->have_remote || !member->have_local
      || member->phase == MESH_PEER_CONNECTED)
    return;
  mesh_pace_connected (room, member, now);
  member->phase = MESH_PEER_CONNECTED;
  g_free (member->life);
  member->life = g_strdup (member->inc);
  member->heard_at = member->seen_at = member->connected_at = now;
  member->shown = FALSE;
  member->steady = 0;
  member->failures = 0;
  member->asked = 0;
  room->state_at = MIN (room->state_at, mesh_room_next_state (room, now));
  mesh_attempt_replace (member);
  /* an answer that comes all the same is still one */
  room->ask_at = NEVER;
  if (!member->added) {
    member->added = TRUE;
    mesh_room_push (room,
        mesh_room_action_new (MESH_ROOM_PEER_ADDED, member->id));
  }
}

/**
 * mesh_room_heard:
 * @peer: from whom
 * @sid: which attempt
 * @now: when
 *
 * Media or RTCP arrived. Once or twice a second is often enough.
 */
void
mesh_room_heard (MeshRoom *room, const char *peer, const char *sid, gint64 now)
{
  MeshMember *member = mesh_room_find (room, peer);

  if (!member)
    return;
  mesh_room_wake (room, now);
  if (g_strcmp0 (member->old_sid, sid) == 0) {
    member->old_heard_at = member->seen_at = now;
    if (member->old_since != NEVER)
      member->old_since = now;
    mesh_attempt_go_back (room, member, now);
  } else if (g_strcmp0 (member->over_sid, sid) == 0) {
    member->old_since = now;
  } else if (member->phase == MESH_PEER_CONNECTED
             && g_strcmp0 (member->sid, sid) == 0) {
    member->steady = now - member->heard_at <= STEADY_GAP
        ? MIN (member->steady + 1, STEADY_AFTER) : 0;
    member->heard_at = member->seen_at = now;
  }
}

/**
 * mesh_room_shown:
 * @peer: of whom
 * @sid: which attempt
 *
 * What comes by this attempt is shown now, in place of what came by the one
 * before it: that one is needed no more.
 */
void
mesh_room_shown (MeshRoom *room, const char *peer, const char *sid, gint64 now)
{
  MeshMember *member = find_current (room, peer, sid);

  if (member)
    member->shown = TRUE;
}

/**
 * mesh_room_failed:
 * @peer: with whom
 * @sid: which attempt
 * @reason: (nullable): "refused" when @peer is not who it says it is, so that
 *   it is left alone for a while; anything else: the connection failed
 */
void
mesh_room_failed (MeshRoom *room, const char *peer, const char *sid,
    const char *reason, gint64 now)
{
  MeshMember *member = mesh_room_find (room, peer);

  if (member && g_strcmp0 (member->old_sid, sid) == 0) {
    mesh_room_send_bye (room, member->id, sid, "failed");
    mesh_attempt_drop (room, member, "failed");
    return;
  }
  member = find_current (room, peer, sid);
  if (!member)
    return;
  if (g_strcmp0 (reason, "refused") == 0) {
    mesh_room_send_bye (room, member->id, member->sid, "refused");
    mesh_attempt_barred (room, member, "refused", now);
    member->refuse_until = now + BARRED_TIME;
  } else {
    mesh_attempt_failed (room, member, "failed", "failed", now);
  }
}

/**
 * mesh_room_renew:
 * @peer: with whom
 * @sid: which attempt
 *
 * The path of this attempt may be no good any more, since our own addresses
 * have changed: another attempt takes its place, as soon as we can reach
 * @peer through the server.
 */
void
mesh_room_renew (MeshRoom *room, const char *peer, const char *sid, gint64 now)
{
  MeshMember *member = find_current (room, peer, sid);

  if (!member)
    return;
  if (room->server == SERVER_OFFLINE)
    member->renew = TRUE;
  else
    mesh_attempt_renew (room, member, now);
}

/**
 * mesh_room_hurry:
 *
 * What kept connections from being made may be over, since our own addresses
 * have changed: whoever waits for another attempt is called at once, and
 * failures are counted anew. A peer that was refused, or refused us, is left
 * alone as before.
 */
void
mesh_room_hurry (MeshRoom *room, gint64 now)
{
  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);

    if (member->failures == 0)
      continue;
    member->failures = 0;
    if (member->phase == MESH_PEER_IDLE)
      member->call_at = MIN (member->call_at, now);
  }
}
