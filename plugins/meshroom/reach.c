/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What becomes of attempts when this machine's addresses change. */

#include "meshroom/call-private.h"

#include "host/addresses.h"

/**
 * mesh_call_keep_reason:
 * @call: the call
 * @member: a member whose attempt is about to end
 *
 * An attempt that is given up before its agent has found out that there is no
 * path ends without a word; what it knew is kept for the room's warning, which
 * follows, and by when the member may be gone.
 *
 * Since: 0.1
 */
void
mesh_call_keep_reason (MeshCall *call, Member *member)
{
  g_clear_pointer (&call->reason, g_free);
  g_clear_pointer (&call->reason_of, g_free);
  if (!member->peer || member->connected_at)
    return;
  call->reason = mesh_peer_explain (member->peer);
  call->reason_of = g_strdup (mesh_peer_get_id (member->peer));
}

/**
 * mesh_call_warn_of_peer:
 * @call: the call
 * @peer: (nullable): a peer
 * @text: what the room has to say of it
 *
 * Warns; where it is that no connection comes about, with the reason that the
 * last attempt had.
 *
 * Since: 0.1
 */
void
mesh_call_warn_of_peer (MeshCall *call, const char *peer, const char *text)
{
  g_autofree char *both = NULL;

  if (call->reason && g_strcmp0 (peer, call->reason_of) == 0
      && g_str_has_prefix (text, "no connection"))
    both = g_strdup_printf ("%s: %s", text, call->reason);
  mesh_call_warn (call, peer, both ? both : text);
}

/**
 * mesh_call_tell_addressless:
 * @call: the call
 * @id: a member's id
 * @member: the member
 *
 * Warns once of a peer that names no address to be reached at: attempts go on,
 * but it is the person there who has to do something.
 *
 * Since: 0.1
 */
void
mesh_call_tell_addressless (MeshCall *call, const char *id, Member *member)
{
  g_autofree char *why = NULL;
  g_autofree char *text = NULL;

  if (member->connected_at)
    member->addressless = FALSE;
  if (!member->peer || member->addressless || call->alone
      || !mesh_peer_is_addressless (member->peer, mesh_call_now ()))
    return;
  member->addressless = TRUE;
  why = mesh_peer_explain (member->peer);
  text = g_strdup_printf ("no connection so far: %s", why);
  mesh_call_warn (call, id, text);
}

/**
 * mesh_call_tell_reach:
 * @call: the call
 * @reach: how far the addresses reach that an attempt begins with
 *
 * Warns once, and again when it was better meanwhile, that nobody on another
 * machine can be reached: an attempt would find that out only after many
 * seconds.
 *
 * Since: 0.1
 */
void
mesh_call_tell_reach (MeshCall *call, MeshReach reach)
{
  gboolean alone = reach <= MESH_REACH_MACHINE;

  if (alone && !call->alone)
    mesh_call_warn (call, NULL, reach == MESH_REACH_MACHINE
        ? "this machine has no network address but those of its own bridges: "
        "only peers on this machine can be reached until it has one"
        : "this machine has no network address but loopback: only peers on "
        "this machine can be reached until it has one");
  call->alone = alone;
}

/* Whether an attempt that is not connected could do better with the addresses
 * that there are now. */
static gboolean
misses_address (MeshPeer *peer, char **addresses)
{
  for (char **address = addresses; *address; address++) {
    if (!mesh_peer_has_address (peer, *address))
      return TRUE;
  }
  return FALSE;
}

static gboolean
should_renew (MeshCall *self, Member *member, MeshNetworkChange change,
    char **addresses)
{
  g_autofree char *address = NULL;

  if (!member->peer)
    return FALSE;
  if (change == MESH_NETWORK_WOKE)
    return TRUE;
  if (!member->connected_at)
    return misses_address (member->peer, addresses);
  if (change != MESH_NETWORK_MOVED)
    return FALSE;
  address = mesh_peer_dup_local_address (member->peer);
  return !address || !mesh_network_has (self->network, address);
}

/**
 * mesh_call_renew_attempts:
 * @call: the call
 * @change: what has happened to this machine's addresses
 *
 * Begins anew whatever may have used an address that is gone, or could use one
 * that has come and is not connected yet; libnice gathers only once. After a
 * sleep all begin anew. Whoever waits for another attempt waits no longer.
 *
 * Since: 0.1
 */
void
mesh_call_renew_attempts (MeshCall *call, MeshNetworkChange change)
{
  MeshReach reach;
  g_auto (GStrv) addresses = mesh_host_choose_addresses (&reach, NULL);
  GHashTableIter iter;
  gpointer id, value;

  g_hash_table_iter_init (&iter, call->members);
  while (g_hash_table_iter_next (&iter, &id, &value)) {
    Member *member = value;

    if (should_renew (call, member, change, addresses))
      mesh_room_renew (call->room, id, mesh_peer_get_sid (member->peer),
          mesh_call_now ());
  }
  mesh_room_hurry (call->room, mesh_call_now ());
}
