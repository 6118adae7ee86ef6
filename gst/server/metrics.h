/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/hub.h"
#include "pusher/hub.h"

G_BEGIN_DECLS

typedef struct {
  guint connections;
  guint half_open;
  guint64 accepted;
  guint64 refused;              /* for want of room */
  guint64 requests;
  guint sessions;               /* clients that poll */
} MeshServerStats;

char *mesh_metrics_to_text (const MeshServerStats *server,
    const MeshHubStats *hub, const MeshPusherHubStats *pusher);

G_END_DECLS
