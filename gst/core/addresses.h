/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Which of a machine's addresses are worth announcing to peers. A machine may
 * have hundreds (container bridges, virtual machines, VPNs), and every one of
 * ours is tried against every one of the peer's: libnice's 100 checks are used
 * up before the address that leads out is reached. */

/* Each chosen address is tried against at most 16 candidates of the peer's
 * family (core/candidates.h). */
#define MESH_ADDRESSES_MAX_IPV4 6
#define MESH_ADDRESSES_MAX_IPV6 4

/**
 * MeshAddressFlags:
 * @MESH_ADDRESS_LOOPBACK: its interface is the loopback interface
 * @MESH_ADDRESS_DOWN: its interface is down, or has no carrier
 * @MESH_ADDRESS_BRIDGE: its interface is a bridge
 * @MESH_ADDRESS_HAS_PORTS: the bridge has interfaces in it
 * @MESH_ADDRESS_IS_PORT: its interface belongs to a bridge or bond, which has
 *   the address that counts
 * @MESH_ADDRESS_TEMPORARY: an IPv6 privacy address (RFC 8981)
 * @MESH_ADDRESS_UNUSABLE: deprecated, or not yet known to be unique
 *   (RFC 4862)
 * @MESH_ADDRESS_SECONDARY: an IPv4 alias in the subnet of another address
 * @MESH_ADDRESS_PREFERRED: what the kernel sends from by the default route
 */
typedef enum {
  MESH_ADDRESS_LOOPBACK = 1 << 0,
  MESH_ADDRESS_DOWN = 1 << 1,
  MESH_ADDRESS_BRIDGE = 1 << 2,
  MESH_ADDRESS_HAS_PORTS = 1 << 3,
  MESH_ADDRESS_IS_PORT = 1 << 4,
  MESH_ADDRESS_TEMPORARY = 1 << 5,
  MESH_ADDRESS_UNUSABLE = 1 << 6,
  MESH_ADDRESS_SECONDARY = 1 << 7,
  MESH_ADDRESS_PREFERRED = 1 << 8,
} MeshAddressFlags;

#define MESH_ADDRESS_NO_ROUTE G_MAXUINT

/**
 * MeshAddress:
 * @text: the address in the notation of inet_ntop(), without a zone
 * @interface: the kernel's number of its interface
 * @flags: #MeshAddressFlags
 * @metric: of the best default route through that interface in the address'
 *   family, or %MESH_ADDRESS_NO_ROUTE
 */
typedef struct {
  char text[46];
  guint interface;
  guint flags;
  guint metric;
} MeshAddress;

/**
 * MeshReach:
 * @MESH_REACH_NOTHING: there is no address at all
 * @MESH_REACH_LOOPBACK: there are loopback addresses only: peers on this
 *   machine
 * @MESH_REACH_MACHINE: the addresses are those of empty bridges and the like:
 *   peers on this machine
 * @MESH_REACH_LINK: there are link-local addresses only: peers on the same
 *   cable
 * @MESH_REACH_NETWORK: there is an address that others can have a route to
 *
 * How far the best of a machine's addresses reach, in rising order.
 */
typedef enum {
  MESH_REACH_NOTHING,
  MESH_REACH_LOOPBACK,
  MESH_REACH_MACHINE,
  MESH_REACH_LINK,
  MESH_REACH_NETWORK,
} MeshReach;

char **mesh_addresses_choose (const MeshAddress *addresses, guint n,
    MeshReach *reach);

G_END_DECLS
