/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which size of a picture is of use: what we tell a member of its own picture,
 * and what it tells us of ours (docs/protocol.md, "What is seen"). A smaller
 * picture is asked for at once, since it saves the sender's uplink; a larger one
 * after a while, since a window that is being resized passes many sizes. Either
 * waits until the last message is half a second old. Messages are said again
 * together with our state, as any of them may be lost. */

#include "core/room-private.h"

static guint
frames (const MeshWant *want)
{
  return want->fps > 0 ? want->fps : MESH_WANT_MAX_FPS;
}

static gboolean
is_larger (const MeshWant *a, const MeshWant *b)
{
  if (a->width == 0 || b->width == 0)
    return a->width > 0;
  return a->width > b->width || a->height > b->height
         || frames (a) > frames (b);
}

static gboolean
is_equal (const MeshWant *a, const MeshWant *b)
{
  return a->width == b->width && a->height == b->height && a->fps == b->fps;
}

/* Another attempt with @member begins, or an older one goes on: neither end
 * knows what the other one said before. */
void
mesh_want_begin (MeshMember *member)
{
  member->want_said = FALSE;
  member->has_wanted = FALSE;
}

/* Returns when @member is to be told what we can use. An older app is told
 * nothing, since it would not know what a sid is. */
gint64
mesh_want_due_at (MeshRoom *room, MeshMember *member)
{
  if (!member->wants || member->phase != MESH_PEER_CONNECTED || !member->inc
      || room->server == SERVER_OFFLINE)
    return NEVER;
  if (!member->want_said)
    return member->want_free_at;
  if (is_larger (&member->want, &member->said))
    return MAX (member->want_free_at, member->want_larger_at);
  return is_equal (&member->want, &member->said) ? NEVER
                                                 : member->want_free_at;
}

static void
say (MeshRoom *room, MeshMember *member, gint64 now)
{
  MeshMessage *message
      = mesh_room_message (room, MESH_MESSAGE_WANT, member->id);

  message->sid = g_strdup (member->sid);
  message->want = member->want;
  mesh_room_send (room, message);
  member->want_said = TRUE;
  member->said = member->want;
  member->want_free_at = now + WANT_INTERVAL;
}

/**
 * mesh_room_want:
 * @peer: of whose picture
 * @width: how large it is shown, in pixels of the screen; 0 = it is not seen
 * @height: the same
 * @fps: frames per second that can be shown; 0 = as many as there are
 *
 * Tells @peer what our side has a use for, now or once a connection with it
 * stands, and again in each later attempt. Nothing is said of a member for which
 * this was never called, and it sends what its network takes.
 */
void
mesh_room_want (MeshRoom *room, const char *peer, guint width, guint height,
    guint fps, gint64 now)
{
  MeshMember *member = mesh_room_find (room, peer);
  MeshWant want = { MIN (width, MESH_WANT_MAX_SIDE),
    MIN (height, MESH_WANT_MAX_SIDE), MIN (fps, MESH_WANT_MAX_FPS) };

  if (!member)
    return;
  if (want.width == 0 || want.height == 0)
    want = (MeshWant) { 0, };
  /* A picture that goes on growing does not put the message off. */
  if (!is_larger (&member->want, &member->said))
    member->want_larger_at = now + WANT_LARGER;
  member->wants = TRUE;
  member->want = want;
  if (now >= mesh_want_due_at (room, member))
    say (room, member, now);
}

void
mesh_want_say_due (MeshRoom *room, gint64 now)
{
  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);

    if (now >= mesh_want_due_at (room, member))
      say (room, member, now);
  }
}

/* Takes what @member can use of our picture, unless that is about another
 * attempt than the present one. */
void
mesh_want_on_message (MeshRoom *room, MeshMember *member,
    const MeshMessage *message)
{
  MeshRoomAction *action;

  if (member->phase == MESH_PEER_IDLE
      || !g_str_equal (message->sid, member->sid)
      || (member->has_wanted && is_equal (&message->want, &member->wanted)))
    return;
  member->has_wanted = TRUE;
  member->wanted = message->want;
  action = mesh_room_action_new (MESH_ROOM_WANTED, member->id);
  action->sid = g_strdup (member->sid);
  action->want = message->want;
  mesh_room_push (room, action);
}
