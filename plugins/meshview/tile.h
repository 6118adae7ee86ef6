/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "frame.h"
#include "input.h"
#include "label.h"

G_BEGIN_DECLS

/* A `video_%u` pad: the picture of one member. Frames are scaled to the size of
 * the tile on the streaming thread that brings them; the canvas only copies
 * them to their places. */

#define MESH_TYPE_TILE (mesh_tile_get_type ())
G_DECLARE_FINAL_TYPE (MeshTile, mesh_tile, MESH, TILE, MeshInput)

/* What the canvas draws of a tile for one frame. */
typedef struct {
  MeshTile *tile;
  MeshFrame *frame;
  MeshRect rect;
  MeshLabel *label;             /* NULL if there is none, or it is not rendered
                                 * yet */
  char *name;                   /* NULL if no label is wanted */
  gboolean muted;
} MeshShot;

gboolean mesh_tile_shoot_locked (MeshTile *self, GstClockTime time,
    GstClockTime duration, gboolean labels, MeshShot *shot, GQueue *trash);
gboolean mesh_tile_is_told_locked (MeshTile *self);
GstEvent *mesh_tile_tell_locked (MeshTile *self);
void mesh_tile_say_unseen (MeshTile *self, GstPad *upstream);
void mesh_tile_keep (MeshTile *self, MeshFrame *old, MeshFrame *frame);
void mesh_tile_keep_label (MeshTile *self, MeshLabel *label);
void mesh_shot_clear (MeshShot *shot);

G_END_DECLS
