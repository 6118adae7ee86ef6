/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "signalling/export.h"

G_BEGIN_DECLS

/* One connection to a signalling server, however it is made: frames of
 * docs/protocol.md, "The envelope" go out and come in. A transport is used for
 * one connection, on the thread-default main context of the thread that opens
 * it, and all its signals come from there:
 *
 *   opened ()                 once, at most
 *   frame (GBytes *)          one frame, whole
 *   heard ()                  a sign of life that is no frame
 *   closed (GError *error)    once, and nothing after it.
 *                             MESH_ERROR_UNREACHABLE: it may be there again
 *                             later; other codes: that is no server for us;
 *                             NULL: the server closed in good order
 *
 * After mesh_transport_close() only `closed` comes, and only when it was asked
 * to finish. */

#define MESH_TYPE_TRANSPORT (mesh_transport_get_type ())
MESH_API
G_DECLARE_INTERFACE (MeshTransport, mesh_transport, MESH, TRANSPORT, GObject)

/**
 * MeshTransportInterface:
 * @open: connect
 * @send: send one frame
 * @close: close, after what was sent is out when @finish is set; else at once
 * @dup_way: (nullable): what an error text begins with that tells of a proxy in
 *   between, "through the proxy HOST:PORT: "; %NULL = there is none, as far as
 *   is known
 */
struct _MeshTransportInterface {
  GTypeInterface parent;

  void (*open) (MeshTransport *transport);
  void (*send) (MeshTransport *transport, const char *frame);
  void (*close) (MeshTransport *transport, gboolean finish);
  char *(*dup_way) (MeshTransport *transport);
};

MESH_API
void mesh_transport_open (MeshTransport *transport);
MESH_API
void mesh_transport_send (MeshTransport *transport, const char *frame);
MESH_API
void mesh_transport_close (MeshTransport *transport, gboolean finish);
MESH_API
char *mesh_transport_dup_way (MeshTransport *transport);

/* For those who implement one. */
MESH_API
void mesh_transport_emit_opened (MeshTransport *transport);
MESH_API
void mesh_transport_emit_frame (MeshTransport *transport, GBytes *frame);
MESH_API
void mesh_transport_emit_heard (MeshTransport *transport);
MESH_API
void mesh_transport_emit_closed (MeshTransport *transport,
    const GError *error);

G_END_DECLS
