/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/hub.h"
#include "pusher/hub.h"
#include "server/conn.h"
#include "server/ice.h"
#include "server/listener.h"
#include "server/longpoll.h"
#include "server/server.h"

G_BEGIN_DECLS

/* What tests change to see a limit without waiting for it. */
typedef struct {
  MeshHubLimits hub;
  MeshPusherHubLimits pusher;
  MeshConnTimes times;
  gint64 ping;                  /* between two pings, in µs */
  guint connections;
  guint half_open;              /* of them, those that are not a member's */
} MeshServerLimits;

struct _MeshServer {
  GObject parent;

  MeshServerLimits limits;
  GPtrArray *origins;           /* ends in a NULL */
  GPtrArray *apps;              /* of Pusher, "ID:KEY:SECRET" */
  MeshIce *ice;                 /* for members */

  /* while listening */
  GMainContext *context;
  MeshListener *listener;
  MeshEventLoop *loop;
  MeshCredentials *credentials; /* NULL: plain http */
  GSource *timer;               /* while there is something to time */
  MeshHub *hub;
  MeshPolls *polls;             /* clients of the hub without a WebSocket */
  MeshPusherHub *pusher;       /* for Pusher's clients; NULL: no application */
  GHashTable *clients;          /* number -> Client, owned */
  GQueue half_open;             /* of Client, the oldest first */
  GArray *dirty;                /* numbers of clients to flush */
  guint64 last_number;
  guint max_connections;
  guint64 accepted;
  guint64 refused;
  guint64 requests;
};

void mesh_server_get_limits (MeshServer *server, MeshServerLimits *limits);
/* before mesh_server_listen() */
void mesh_server_set_limits (MeshServer *server,
    const MeshServerLimits *limits);

G_END_DECLS
