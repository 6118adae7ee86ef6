/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The longest answer of a server that is read. */
#define MESH_ICE_SERVERS_MAX_BYTES (16 * 1024)

/**
 * MeshIceServers:
 * @stun_server: (nullable): `stun://HOST:PORT`
 * @turn_servers: `turn(s)://USER:PASSWORD@HOST:PORT[?transport=…]`, user and
 *   password escaped; ends with %NULL
 * @ttl: the number of seconds for which the credentials are valid; 0: without
 *   limit
 *
 * The STUN and TURN servers that a room's server offers to its members.
 */
typedef struct {
  char *stun_server;
  char **turn_servers;
  gint64 ttl;
} MeshIceServers;

MeshIceServers *mesh_ice_servers_parse (const char *text, gsize length,
    GError **error);
void mesh_ice_servers_free (MeshIceServers *servers);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshIceServers, mesh_ice_servers_free)

G_END_DECLS
