/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/link.h"
#include "signalling/transport.h"

G_BEGIN_DECLS

/* Frames in the bodies of HTTP requests, for networks in which WebSockets do
 * not get through. */

#define MESH_TYPE_LONGPOLL (mesh_longpoll_get_type ())
MESH_API
G_DECLARE_FINAL_TYPE (MeshLongpoll, mesh_longpoll, MESH, LONGPOLL, GObject)

MESH_API
MeshTransport *mesh_longpoll_new (const MeshLink *link);

G_END_DECLS
