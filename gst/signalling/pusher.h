/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "signalling/roomless.h"

G_BEGIN_DECLS

/* Rooms over Pusher Channels, and over whatever speaks its protocol. */

#define MESH_TYPE_PUSHER (mesh_pusher_get_type ())
MESH_API
G_DECLARE_FINAL_TYPE (MeshPusher, mesh_pusher, MESH, PUSHER, MeshRoomless)

MESH_API
MeshTransport *mesh_pusher_new (const MeshLink *link);

G_END_DECLS
