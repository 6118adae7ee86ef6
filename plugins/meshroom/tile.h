/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/common.h"

G_BEGIN_DECLS

/* What the application sees of one member: its pads on meshroom. They stay
 * while one attempt at a connection takes the place of another, so that
 * downstream sees a gap, not a new person.
 *
 * Worker only, but for mesh_tile_free(), which may block. */

typedef struct _MeshTile MeshTile;

/* key: a key was pressed in a window downstream. On the thread of the event. */
typedef void (*MeshTileKeyFunc) (const char *key, GstEvent *event,
    gpointer user_data);

MeshTile *mesh_tile_new (GstElement *room, const char *peer_id, guint number,
    guint latency, MeshTileKeyFunc key, gpointer user_data);
guint mesh_tile_get_number (MeshTile *tile);
gboolean mesh_tile_has_pads (MeshTile *tile);
void mesh_tile_set_name (MeshTile *tile, const char *name, gboolean muted,
    gboolean hidden);
void mesh_tile_connect (MeshTile *tile, MeshKind kind, GstPad *pad);
gboolean mesh_tile_shows (MeshTile *tile, GstElement *peer);
void mesh_tile_disconnect (MeshTile *tile, GstElement *peer);
void mesh_tile_free (MeshTile *tile);

G_END_DECLS
