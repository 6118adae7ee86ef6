/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/hub.h"
#include "pusher/front.h"
#include "server/conn.h"
#include "server/server.h"

G_BEGIN_DECLS

/* What tests change to see a limit without waiting for it. */
typedef struct {
  MeshHubLimits hub;
  MeshPusherFrontLimits front;
  MeshConnTimes times;
  gint64 ping;                  /* between two pings, in µs */
  guint connections;
  guint half_open;              /* of them, those that are not a member's */
} MeshServerLimits;

void mesh_server_get_limits (MeshServer *server, MeshServerLimits *limits);
/* before mesh_server_listen() */
void mesh_server_set_limits (MeshServer *server,
    const MeshServerLimits *limits);

G_END_DECLS
