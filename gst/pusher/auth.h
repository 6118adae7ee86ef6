/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Pusher Channels' rules that both ends share: the names of channels and
 * events, and the signatures (docs/protocol.md, "A server for Pusher's
 * clients"). */

/* Limits that Pusher's own server library has, too. */
#define MESH_PUSHER_MAX_NAME 200
#define MESH_PUSHER_MAX_DATA (10 * 1024)
#define MESH_PUSHER_MAX_CHANNELS 100
#define MESH_PUSHER_MAX_BATCH 10
#define MESH_PUSHER_USER_PREFIX "#server-to-user-"
/* So far the clock of a request's sender may be off, in s. */
#define MESH_PUSHER_MAX_SKEW 600

/**
 * MeshPusherKind:
 * @MESH_PUSHER_INVALID: no channel's name
 * @MESH_PUSHER_PUBLIC: anybody may subscribe
 * @MESH_PUSHER_PRIVATE: whoever has a signature of the application
 * @MESH_PUSHER_ENCRYPTED: the same, and what it carries is encrypted by its
 *   senders, who are servers
 * @MESH_PUSHER_PRESENCE: the same, and its members see each other
 * @MESH_PUSHER_USER: whoever has signed in as the user that it is named after
 */
typedef enum {
  MESH_PUSHER_INVALID,
  MESH_PUSHER_PUBLIC,
  MESH_PUSHER_PRIVATE,
  MESH_PUSHER_ENCRYPTED,
  MESH_PUSHER_PRESENCE,
  MESH_PUSHER_USER,
} MeshPusherKind;

MeshPusherKind mesh_pusher_channel_kind (const char *name);
gboolean mesh_pusher_is_event_name (const char *name);
gboolean mesh_pusher_is_socket_id (const char *text);

char *mesh_pusher_sign_channel (const char *secret, const char *socket_id,
    const char *channel, const char *channel_data);
char *mesh_pusher_sign_request (const char *secret, const char *method,
    const char *path, const char *query);
gboolean mesh_pusher_is_signature (const char *given, const char *expected);

G_END_DECLS
