/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/common.h"

G_BEGIN_DECLS

/* Where a room's messages go in and out as buffers: the inner side of
 * meshroom's signal pads, and of its own signalsrc and signalsink. */

#define MESH_TYPE_PORT (mesh_port_get_type ())
G_DECLARE_FINAL_TYPE (MeshPort, mesh_port, MESH, PORT, GstElement)

/* json: one message, not NUL-terminated. On the streaming thread. */
typedef void (*MeshPortFunc) (const char *json, gsize length,
    gpointer user_data);

MeshPort *mesh_port_new (const char *peer_id, MeshPortFunc received,
    gpointer user_data);
gboolean mesh_port_send (MeshPort *port, const char *json);
void mesh_port_end (MeshPort *port);
void mesh_port_drain (MeshPort *port, gint64 timeout);
void mesh_port_let_go (MeshPort *port);

G_END_DECLS
