/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "signalling/export.h"
#include "signalling/transport.h"

G_BEGIN_DECLS

/* One participation's connection to the signalling of a room: it runs the
 * transport that the link asks for on a thread of its own, and hands messages
 * over in the form of docs/protocol.md, "On the signal pads". signalsrc and
 * signalsink share one.
 *
 * May be called from any thread. Callbacks run on the connection's thread,
 * with no lock held; they must not block. */

#define MESH_TYPE_CONNECTION (mesh_connection_get_type ())
MESH_API
G_DECLARE_FINAL_TYPE (MeshConnection, mesh_connection, MESH, CONNECTION,
    GObject)

/* json: NUL-terminated, one message */
typedef void (*MeshConnectionMessageFunc) (MeshConnection *connection,
    const char *json, gpointer user_data);
/* error: MESH_ERROR; fatal: the connection has given up. When it has not,
 * MESH_ERROR_UNREACHABLE says that the server was lost and is looked for, and
 * any other code that something it sent was no good */
typedef void (*MeshConnectionErrorFunc) (MeshConnection *connection,
    const GError *error, gboolean fatal, gpointer user_data);

/* (transfer full): a transport for one connection to a server; called on the
 * connection's thread */
typedef MeshTransport *(*MeshTransportFunc) (gpointer user_data);

/* A NULL peer_id is set by mesh_connection_set_peer_id() before it connects. */
MESH_API
MeshConnection *mesh_connection_new (const char *link, const char *peer_id,
    GError **error);
MESH_API
gboolean mesh_connection_set_peer_id (MeshConnection *connection,
    const char *peer_id);
MESH_API
char *mesh_connection_dup_peer_id (MeshConnection *connection);
/* Sets what makes transports instead of the link; before it starts. */
MESH_API
void mesh_connection_set_transport (MeshConnection *connection,
    MeshTransportFunc func, gpointer user_data, GDestroyNotify destroy);
/* There is one receiver at a time; earlier messages wait for it. */
MESH_API
void mesh_connection_set_callbacks (MeshConnection *connection,
    MeshConnectionMessageFunc message, MeshConnectionErrorFunc error,
    gpointer user_data, GDestroyNotify destroy);
MESH_API
void mesh_connection_start (MeshConnection *connection);
/* json is one message with "to"; it waits until the connection is up. */
MESH_API
gboolean mesh_connection_send (MeshConnection *connection, const char *json,
    gssize length, GError **error);
/* Says bye, waits at most a second for it to go out, and ends the thread. */
MESH_API
void mesh_connection_stop (MeshConnection *connection);

G_END_DECLS
