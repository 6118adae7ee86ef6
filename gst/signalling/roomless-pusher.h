/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "signalling/roomless.h"

G_BEGIN_DECLS

/* Rooms over Pusher Channels, and over whatever speaks its protocol. */

#define MESH_TYPE_ROOMLESS_PUSHER (mesh_roomless_pusher_get_type ())
MESH_API
G_DECLARE_FINAL_TYPE (MeshRoomlessPusher, mesh_roomless_pusher, MESH,
    ROOMLESS_PUSHER, MeshRoomless)

MESH_API
MeshTransport *mesh_roomless_pusher_new (const MeshLink *link);

G_END_DECLS
