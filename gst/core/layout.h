/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MeshLayoutMode:
 * @MESH_LAYOUT_GRID: everybody alike
 * @MESH_LAYOUT_SPEAKER: one large, the others in a strip below
 * @MESH_LAYOUT_SOLO: one alone, the others not at all
 */
typedef enum {
  MESH_LAYOUT_GRID,
  MESH_LAYOUT_SPEAKER,
  MESH_LAYOUT_SOLO,
} MeshLayoutMode;

/**
 * MeshRect:
 *
 * Where a picture goes, in pixels; of no size when it is not to be seen.
 */
typedef struct {
  int x;
  int y;
  int width;
  int height;
} MeshRect;

/**
 * MeshLayout:
 * @mode: how the canvas is shared out
 * @width: of the canvas
 * @height: of the canvas
 * @gap: pixels between pictures; rounded down to an even number
 * @focus: which picture the speaker or solo layout is about; -1 = none
 */
typedef struct {
  MeshLayoutMode mode;
  int width;
  int height;
  int gap;
  int focus;
} MeshLayout;

void mesh_layout_get_grid (const MeshLayout *layout, const double *aspects,
    guint n, guint *columns, guint *rows);
void mesh_layout_arrange (const MeshLayout *layout, const double *aspects,
    guint n, MeshRect *rects);

G_END_DECLS
