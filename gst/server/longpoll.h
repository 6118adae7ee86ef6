/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/hub.h"
#include "server/conn.h"

G_BEGIN_DECLS

/* Clients of the hub that come by HTTP requests instead of a WebSocket
 * (docs/protocol.md, "Long polling"). A session stands for the connection, and
 * is kept between requests: frames both ways are numbered, and kept until the
 * other side has said that they came.
 *
 *     send     ──→ frames after the last that came ──→ hub
 *     receive  ──→ waits here ←── frames not yet fetched ←── hub
 */

typedef struct _MeshPolls MeshPolls;

typedef struct {
  guint sessions;
  guint half_open;              /* of them, those that are not a member's */
  gint64 wait;                  /* how long a request may wait, in µs */
  gint64 linger;                /* how long last frames are kept, in µs */
} MeshPollLimits;

#define MESH_POLL_MAX_BODY (128 * 1024)

MeshPolls *mesh_polls_new (MeshHub *hub, const MeshPollLimits *limits,
    GPtrArray *origins);
void mesh_polls_free (MeshPolls *polls);

gboolean mesh_polls_is_path (const char *path);
guint64 mesh_polls_request (MeshPolls *polls, MeshConn *conn,
    const MeshHttpRequest *request, guint64 number, MeshHttpResponse *response,
    gint64 now);
void mesh_polls_conn_gone (MeshPolls *polls, MeshConn *conn);

gboolean mesh_polls_send (MeshPolls *polls, guint64 client, GBytes *frame);
void mesh_polls_close (MeshPolls *polls, guint64 client, guint16 code,
    gint64 now);
void mesh_polls_flush (MeshPolls *polls);
void mesh_polls_tick (MeshPolls *polls, gint64 now);
guint mesh_polls_count (MeshPolls *polls);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshPolls, mesh_polls_free)

G_END_DECLS
