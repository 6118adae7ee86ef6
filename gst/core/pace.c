/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How many connections are set up at once. Setting one up costs tens of
 * milliseconds of processor at both ends, so a member that meets many at the
 * same time (everybody at the full hour) would be so busy with all of them that
 * none is done before its time is up, and the next attempts would come on top.
 * As with TCP (RFC 5681): few at first, more with each that is quick, few again
 * when one is slow. An attempt that has been under way for a while holds up no
 * other one: its peer may be gone. */

#include <stdlib.h>

#include "core/room-private.h"

static int
latest_first (gconstpointer a, gconstpointer b)
{
  gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

  return x < y ? 1 : x > y ? -1 : 0;
}

/* Returns when one more attempt may begin; a time in the past means now. */
gint64
mesh_pace_free_at (MeshRoom *room)
{
  gint64 began[MAX_MEMBERS];
  guint window = room->pace ? room->pace : PACE_FIRST, n = 0;

  for (guint i = 0; i < room->members->len && n < MAX_MEMBERS; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);

    if (member->phase != MESH_PEER_IDLE
        && member->phase != MESH_PEER_CONNECTED)
      began[n++] = member->began_at;
  }
  if (n < window)
    return G_MININT64;
  qsort (began, n, sizeof *began, latest_first);
  return began[window - 1] + PACE_HOLDS_UP;
}

/* Returns the member whose turn it is to be called, the one that has been due
 * for longest; NULL when nobody is due or the pace allows no call. */
MeshMember *
mesh_pace_next (MeshRoom *room, gint64 now)
{
  MeshMember *longest = NULL;

  if (!room->joined || room->server == SERVER_OFFLINE
      || now < mesh_pace_free_at (room))
    return NULL;
  for (guint i = 0; i < room->members->len; i++) {
    MeshMember *member = g_ptr_array_index (room->members, i);

    if (member->phase == MESH_PEER_IDLE && now >= member->call_at
        && now >= member->barred_until
        && (!longest || member->call_at < longest->call_at))
      longest = member;
  }
  return longest;
}

/* Counts a member's attempt as connected. */
void
mesh_pace_connected (MeshRoom *room, MeshMember *member, gint64 now)
{
  gint64 took = now - member->began_at;

  if (took <= PACE_QUICK)
    room->pace = MIN (MAX (room->pace, PACE_FIRST) + 1, MAX_MEMBERS);
  else if (took > PACE_SLOW)
    room->pace = PACE_FIRST;
}

/* Counts an attempt as not connected within its time. */
void
mesh_pace_failed (MeshRoom *room)
{
  room->pace = PACE_FIRST;
}
