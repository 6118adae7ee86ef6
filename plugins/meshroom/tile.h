/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/outlet.h"

G_BEGIN_DECLS

/* What the application sees of one member: its pads on meshroom. They stay
 * while one attempt at a connection takes the place of another, so that
 * downstream sees a gap, not a new person.
 *
 * The tile is the worker's until it is handed over to be removed
 * (removal.h). */

typedef struct _MeshTile MeshTile;

MeshTile *mesh_tile_new (const MeshOutletConfig *config);
guint mesh_tile_get_number (MeshTile *tile);
gboolean mesh_tile_has_pads (MeshTile *tile);
void mesh_tile_set_name (MeshTile *tile, const char *name, gboolean muted,
    gboolean hidden);
GstPad *mesh_tile_connect (MeshTile *tile, MeshKind kind, GstPad *pad);
GstPad *mesh_tile_take_pad (MeshTile *tile, MeshKind kind);
void mesh_tile_discard (GstPad *pad);
void mesh_tile_foreach_pad (MeshTile *tile, void (*func) (GstPad *pad,
        gpointer user_data), gpointer user_data);
gboolean mesh_tile_shows (MeshTile *tile, GstElement *peer);
void mesh_tile_disconnect (MeshTile *tile, GstElement *peer);
void mesh_tile_free (MeshTile *tile);

G_END_DECLS
