/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "server/credentials.h"
#include "server/http.h"
#include "server/event-loop.h"

G_BEGIN_DECLS

/* One accepted connection: it answers requests, at once or later, until one of
 * them makes a WebSocket of it. Everything it keeps is bounded: a request's
 * head and body, one message, and MESH_CONN_MAX_OUT bytes that the client has
 * not read yet.
 *
 *     HTTP ──upgrade──→ WEBSOCKET
 *       └──────┬────────────┘
 *           CLOSING   what is left goes out, what comes in is thrown away
 *              ↓
 *            gone     closed() is called, the socket is closed
 */

typedef struct _MeshConn MeshConn;

#define MESH_CONN_MAX_OUT (2 * 1024 * 1024)

/* All of these are called from the loop's source, none after closed(). */
typedef struct {
  /* returns the largest body of the request; 0: its body is not read */
  gsize (*body_limit) (MeshConn *conn, const MeshHttpRequest *request,
      gpointer user_data);
  /* fills in an answer; status 101 makes it a WebSocket, and 0 says that
   * mesh_conn_answer() follows */
  void (*request) (MeshConn *conn, const MeshHttpRequest *request,
      MeshHttpResponse *response, gpointer user_data);
  void (*text) (MeshConn *conn, const char *text, gsize length,
      gpointer user_data);
  /* a WebSocket ping or pong came */
  void (*heard) (MeshConn *conn, gpointer user_data);
  /* a frame came that breaks the protocol, or is too big */
  void (*offence) (MeshConn *conn, gboolean too_big, gpointer user_data);
  /* everything that had come was handed over: a good moment to flush */
  void (*done) (MeshConn *conn, gpointer user_data);
  void (*closed) (MeshConn *conn, gpointer user_data);
} MeshConnFuncs;

typedef struct {
  gint64 request;               /* until a whole request has come, in µs */
  gint64 response;              /* until the client has read the answer */
  gint64 linger;                /* until the client closes as well */
} MeshConnTimes;

MeshConn *mesh_conn_new (guint64 number, GSocket *socket,
    MeshCredentials *credentials, MeshEventLoop *loop,
    const MeshConnTimes *times, const MeshConnFuncs *funcs,
    gpointer user_data);
void mesh_conn_unref (MeshConn *conn);

guint64 mesh_conn_get_number (MeshConn *conn);
gboolean mesh_conn_is_websocket (MeshConn *conn);
void mesh_conn_answer (MeshConn *conn, const MeshHttpResponse *response);
gboolean mesh_conn_send_text (MeshConn *conn, GBytes *text);
void mesh_conn_ping (MeshConn *conn);
void mesh_conn_flush (MeshConn *conn);
void mesh_conn_close (MeshConn *conn, guint16 code);
void mesh_conn_kill (MeshConn *conn);
gboolean mesh_conn_is_overdue (MeshConn *conn, gint64 now);

G_END_DECLS
