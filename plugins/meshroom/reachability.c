/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Warns the user when this machine's addresses and TURN servers cannot reach
 * peers, and renews attempts when the addresses change. */

#include "meshroom/call-private.h"

#include "host/addresses.h"
#include "host/libnice.h"

#define NO_RELAY "ice-transport-policy is relay, but there is no TURN server"

/* Returns: (transfer full): why there is no connection with @peer. If this end
 * can have no candidates, that is the reason, whatever the peer has */
static char *
explain (MeshCall *self, MeshPeer *peer)
{
  return self->relayless ? g_strdup (NO_RELAY) : mesh_peer_explain (peer);
}

/**
 * mesh_call_check_relays:
 * @call: a call whose STUN and TURN servers are known
 *
 * Warns, once a call, when only relayed candidates are allowed and no TURN
 * server could give one: each attempt would fail, after many seconds.
 */
void
mesh_call_check_relays (MeshCall *call)
{
  if (call->relayless || !call->config.relay_only
      || (call->turn_servers && call->turn_servers[0]))
    return;
  call->relayless = TRUE;
  mesh_call_warn (call, NULL, NO_RELAY ": set turn-servers, or have the server "
      "name one (--turn); nobody can be reached");
}

/**
 * mesh_call_keep_reason:
 * @member: the member whose attempt is about to end
 *
 * Keeps the reason for the room's warning, which follows later, when the member
 * may be gone already. An attempt that is given up before its ICE agent has
 * failed gives no reason of its own.
 */
void
mesh_call_keep_reason (MeshCall *call, Member *member)
{
  g_clear_pointer (&call->reason, g_free);
  g_clear_pointer (&call->reason_of, g_free);
  if (!member->peer || member->connected_at)
    return;
  call->reason = explain (call, member->peer);
  call->reason_of = g_strdup (mesh_peer_get_id (member->peer));
}

/**
 * mesh_call_warn_of_peer:
 * @peer: (nullable): a peer
 * @text: the room's warning
 *
 * Posts the warning. If it tells that no connection was made, the reason of the
 * last attempt is added.
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
 * @id: a member's id
 *
 * Warns once of a peer that has announced no usable address. Attempts go on,
 * but only the user at the peer's machine can change that.
 */
void
mesh_call_tell_addressless (MeshCall *call, const char *id, Member *member)
{
  g_autofree char *why = NULL;
  g_autofree char *text = NULL;

  if (member->connected_at)
    member->addressless = FALSE;
  if (!member->peer || member->addressless || call->alone
      || call->relayless
      || !mesh_peer_is_addressless (member->peer, g_get_monotonic_time ()))
    return;
  member->addressless = TRUE;
  why = explain (call, member->peer);
  text = g_strdup_printf ("no connection so far: %s", why);
  mesh_call_warn (call, id, text);
}

/**
 * mesh_call_tell_reach:
 * @reach: how far this machine's addresses reach
 *
 * Warns that no peer on another machine can be reached, which an attempt would
 * find out only after many seconds. It warns once, and again after addresses
 * have come and gone.
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

/**
 * mesh_call_look_around:
 * @call: a call that begins
 *
 * Warns before there is any peer if this machine's addresses reach no other
 * machine: the first member of a room would otherwise wait without a warning.
 * It also replaces libnice's list of addresses, which is faulty on machines
 * with many interfaces.
 */
void
mesh_call_look_around (MeshCall *call)
{
  MeshReach reach;
  g_auto (GStrv) addresses = mesh_host_choose_addresses (&reach, NULL);

  mesh_libnice_replace_list ();
  mesh_call_tell_reach (call, reach);
}

/* Whether an attempt that is not connected lacks one of this machine's present
 * addresses. */
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
 * @change: what has happened to this machine's addresses
 *
 * Renews the connections whose address is gone, and the attempts that are not
 * connected yet and lack a new address, since libnice gathers candidates only
 * once. After a sleep all are renewed. Members that wait for their next attempt
 * get it at once.
 */
void
mesh_call_renew_attempts (MeshCall *call, MeshNetworkChange change)
{
  MeshReach reach;
  g_auto (GStrv) addresses = mesh_host_choose_addresses (&reach, NULL);
  GHashTableIter iter;
  gpointer id, value;

  mesh_call_tell_reach (call, reach);
  g_hash_table_iter_init (&iter, call->members);
  while (g_hash_table_iter_next (&iter, &id, &value)) {
    Member *member = value;

    if (should_renew (call, member, change, addresses))
      mesh_room_renew (call->room, id, mesh_peer_get_sid (member->peer),
          g_get_monotonic_time ());
  }
  mesh_room_hurry (call->room, g_get_monotonic_time ());
}
