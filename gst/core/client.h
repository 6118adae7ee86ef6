/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A member's half of the envelope (docs/protocol.md, "The envelope"): when to
 * connect and to give up, what to say again, what was heard already. It holds
 * no socket. The driver opens one connection at a time, reports what happens to
 * it, and does what it is told:
 *
 *     mesh_client_feed (client, text, length, now);
 *     while (mesh_client_pop_action (client, &action)) {
 *       carry_out (&action);
 *       mesh_client_action_clear (&action);
 *     }
 *     … and calls mesh_client_tick () at mesh_client_deadline ()
 *
 *            start               opened           welcome
 *     IDLE ────────→ CONNECTING ────────→ HELLO ──────────→ ONLINE
 *                     ↑  │                  │                 │
 *                     │  └────── lost ──────┴─────────────────┘
 *                  backoff       │      final error, leave
 *                     └─── WAITING ────────────────────────────→ OVER
 *
 * Not thread-safe. Times are microseconds of one monotonic clock, from any
 * origin. The random numbers that it needs come from the seed.
 */

typedef struct _MeshClient MeshClient;

/**
 * MeshClientConfig:
 * @server: what to call the server in messages to people
 * @room: the room's id
 * @id: (nullable): our peer id; %NULL = from mesh_client_set_id(), and nothing
 *   is connected before that
 * @token: what proves that the id is ours, 22 characters
 * @seed: a random number
 */
typedef struct {
  const char *server;
  const char *room;
  const char *id;
  const char *token;
  guint32 seed;
} MeshClientConfig;

/**
 * MeshClientActionType:
 * @MESH_CLIENT_CONNECT: open a connection, then call mesh_client_opened() or
 *   mesh_client_closed()
 * @MESH_CLIENT_SEND: send the frame @text
 * @MESH_CLIENT_CLOSE: drop the connection, or the attempt at one, at once;
 *   nothing more is to be reported of it
 * @MESH_CLIENT_FINISH: close the connection once what was sent before is out;
 *   nothing more is to be reported of it
 * @MESH_CLIENT_MESSAGE: hand the message @text to the user
 * @MESH_CLIENT_LOST: the connection was lost for @error; it is tried again
 * @MESH_CLIENT_WARNING: something the user should know, in @error
 * @MESH_CLIENT_FAILED: given up for @error; nothing follows
 */
typedef enum {
  MESH_CLIENT_CONNECT,
  MESH_CLIENT_SEND,
  MESH_CLIENT_CLOSE,
  MESH_CLIENT_FINISH,
  MESH_CLIENT_MESSAGE,
  MESH_CLIENT_LOST,
  MESH_CLIENT_WARNING,
  MESH_CLIENT_FAILED,
} MeshClientActionType;

/**
 * MeshClientAction:
 *
 * One thing to do. Everything in it belongs to it; take a field with
 * g_steal_pointer() to keep it.
 */
typedef struct {
  MeshClientActionType type;
  char *text;
  GError *error;
} MeshClientAction;

MeshClient *mesh_client_new (const MeshClientConfig *config);
void mesh_client_free (MeshClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshClient, mesh_client_free)

/* What the user does. */
void mesh_client_start (MeshClient *client, gint64 now);
gboolean mesh_client_set_id (MeshClient *client, const char *id, gint64 now);
const char *mesh_client_get_id (MeshClient *client);
gboolean mesh_client_send (MeshClient *client, const char *text, gsize length,
    GError **error);
void mesh_client_leave (MeshClient *client);

/* What happens to the connection. */
void mesh_client_opened (MeshClient *client, gint64 now);
void mesh_client_feed (MeshClient *client, const char *text, gsize length,
    gint64 now);
void mesh_client_heard (MeshClient *client, gint64 now);
void mesh_client_closed (MeshClient *client, const GError *error, gint64 now);
void mesh_client_reconnect (MeshClient *client, gboolean moved, gint64 now);

void mesh_client_set_way (MeshClient *client, const char *way);
void mesh_client_tick (MeshClient *client, gint64 now);
gint64 mesh_client_deadline (MeshClient *client);

/* What comes out. */
gboolean mesh_client_pop_action (MeshClient *client, MeshClientAction *action);
void mesh_client_action_clear (MeshClientAction *action);

G_END_DECLS
