/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What libsoup reads a WebSocket from: passes bytes on while it follows the
 * frames in them, and ends in an error once the fragments of one message come
 * to more than is allowed. libsoup limits single frames, and keeps fragments
 * without a limit (CVE-2025-32049).
 *
 * Closing it closes the socket at once, without a thread. */

#define MESH_TYPE_WS_STREAM (mesh_ws_stream_get_type ())
G_DECLARE_FINAL_TYPE (MeshWsStream, mesh_ws_stream, MESH, WS_STREAM, GIOStream)

GIOStream *mesh_ws_stream_new (GSocketConnection *base, GBytes *early,
    gsize max_message);

G_END_DECLS
