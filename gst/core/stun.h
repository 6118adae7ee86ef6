/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* As much of STUN (RFC 8489) and TURN (RFC 8656) as it takes to ask a server
 * whether it serves us. Connections themselves are the ICE agent's. */

#define MESH_STUN_ID_BYTES 12
#define MESH_STUN_HEAD_BYTES 20
/* The longest answer that is accepted; every expected answer fits into a
 * datagram. */
#define MESH_STUN_MAX_BYTES 1500
/* Of realm and nonce, in bytes (RFC 8489, sections 14.9 and 14.10) */
#define MESH_STUN_MAX_TEXT 763

typedef enum {
  MESH_STUN_BINDING = 0x001,
  MESH_STUN_ALLOCATE = 0x003,
  MESH_STUN_REFRESH = 0x004,
} MeshStunMethod;

/**
 * MeshStunLogin:
 * @user: the user's name
 * @password: its password
 * @realm: the realm that the server named
 * @nonce: the nonce that the server gave
 *
 * Long-term credentials (RFC 8489, section 9.2).
 */
typedef struct {
  const char *user;
  const char *password;
  const char *realm;
  const char *nonce;
} MeshStunLogin;

/**
 * MeshStunAnswer:
 * @method: what is answered
 * @code: 0: success; else of the error, 300 to 699
 * @realm: (nullable): the realm that the login is for
 * @nonce: (nullable): the nonce that the next request has to contain
 */
typedef struct {
  MeshStunMethod method;
  guint code;
  char *realm;
  char *nonce;
} MeshStunAnswer;

GBytes *mesh_stun_request (MeshStunMethod method,
    const guint8 id[MESH_STUN_ID_BYTES], const MeshStunLogin *login);
gssize mesh_stun_length (const guint8 *data, gsize size);
gboolean mesh_stun_parse (const guint8 *data, gsize size,
    const guint8 id[MESH_STUN_ID_BYTES], MeshStunAnswer *answer);
void mesh_stun_answer_clear (MeshStunAnswer *answer);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MeshStunAnswer, mesh_stun_answer_clear)

G_END_DECLS
