/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/hub.h"
#include "pusher/hub.h"
#include "server/conn.h"
#include "server/ice.h"

G_BEGIN_DECLS

/* The connections of a listening server, and the clock: carries out what the
 * hubs (core/hub.h, pusher/hub.h) decide. */

typedef struct _MeshClients MeshClients;

/* Tests change these to see a limit without waiting for it. */
typedef struct {
  MeshHubLimits hub;
  MeshPusherHubLimits pusher;
  MeshConnTimes times;
  gint64 ping;                  /* between two pings, in µs */
  guint connections;
  guint half_open;              /* of them, those that are not a member's */
} MeshClientsLimits;

/* Returns: (transfer full) (nullable): lines that /metrics ends with */
typedef char *(*MeshClientsMetrics) (gpointer user_data);

MeshClients *mesh_clients_new (GMainContext *context,
    const MeshClientsLimits *limits, GPtrArray *origins, MeshIce *ice,
    GError **error);
void mesh_clients_free (MeshClients *clients);
gboolean mesh_clients_set_certificate (MeshClients *clients,
    GTlsCertificate *certificate, GError **error);
void mesh_clients_set_pusher (MeshClients *clients, MeshPusherHub *pusher);
void mesh_clients_set_metrics (MeshClients *clients,
    MeshClientsMetrics write, gpointer user_data);
void mesh_clients_accept (GSocket *socket, gpointer clients);

G_END_DECLS
