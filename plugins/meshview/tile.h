/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "frame.h"
#include "input.h"
#include "label.h"

G_BEGIN_DECLS

/* A `video_%u` pad: one person's picture. Frames are scaled where they arrive,
 * on the peer's own thread, to the size of the tile; the canvas only puts
 * them in their places. */

#define MESH_TYPE_TILE (mesh_tile_get_type ())
G_DECLARE_FINAL_TYPE (MeshTile, mesh_tile, MESH, TILE, MeshInput)

/* What the canvas draws of a tile at a moment. */
typedef struct {
  MeshTile *tile;
  MeshFrame *frame;
  MeshRect rect;
  MeshLabel *label;             /* NULL: none, or none yet */
  char *name;                   /* NULL: no label wanted */
  gboolean muted;
} MeshShot;

gboolean mesh_tile_shoot_locked (MeshTile *self, GstClockTime time,
    GstClockTime duration, gboolean labels, MeshShot *shot, GQueue *trash);
void mesh_tile_keep (MeshTile *self, MeshFrame *old, MeshFrame *frame);
void mesh_tile_keep_label (MeshTile *self, MeshLabel *label);
void mesh_shot_clear (MeshShot *shot);

G_END_DECLS
