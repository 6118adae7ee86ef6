/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The longest URL, user and password that are read, in bytes. */
#define MESH_ICE_URL_MAX_BYTES 1024
#define MESH_ICE_CREDENTIAL_MAX_BYTES 512

/**
 * MeshIceUrl:
 * @relay: whether it is a TURN server, else a STUN server
 * @tls: whether it speaks TLS: `stuns`, `turns`
 * @host: a name, or an address without brackets
 * @port: 0: none was given
 * @transport: (nullable): "udp" or "tcp", of a TURN server
 * @user: (nullable): of a TURN server, without escapes
 * @password: (nullable): as long as there is a @user
 *
 * One STUN or TURN server, in whatever spelling it was named.
 */
typedef struct {
  gboolean relay;
  gboolean tls;
  char *host;
  guint16 port;
  const char *transport;
  char *user;
  char *password;
} MeshIceUrl;

MeshIceUrl *mesh_ice_url_parse (const char *text, GError **error);
gboolean mesh_ice_url_is_credential (const char *text);
gboolean mesh_ice_url_set_user (MeshIceUrl *url, const char *user,
    const char *password);
guint16 mesh_ice_url_get_port (const MeshIceUrl *url);
char *mesh_ice_url_to_web (const MeshIceUrl *url);
char *mesh_ice_url_to_gst (const MeshIceUrl *url);
char *mesh_ice_url_redact (const char *text);
void mesh_ice_url_free (MeshIceUrl *url);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshIceUrl, mesh_ice_url_free)

G_END_DECLS
