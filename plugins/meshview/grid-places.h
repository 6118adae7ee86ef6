/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "core/layout.h"

G_BEGIN_DECLS

/* The place of each member's picture in the grid. The place of a member who has
 * left stays free for as long as the grid has as many rows and columns without
 * it:
 *
 *   A B         A .         A B
 *   C D  ─────> C D  ─────> C D
 *        B goes      B is back
 *
 * When the number of rows or columns changes, every picture moves anyway. Then
 * the free places are closed up, and a member who comes back is inserted at the
 * old position:
 *
 *   A B C         A C          A B C
 *    D E   ─────> D E  ─────>   D E
 *          B goes      B is back
 */

typedef struct {
  gconstpointer owner;          /* NULL while the place is free */
  char *peer;                   /* the member who has the place, or had it
                                 * last */
  char *name;
  double aspect;
  guint index;                  /* where the place was when it was closed up */
} MeshGridPlace;

/* A member who needs a place, and the present aspect ratio of the picture. */
typedef struct {
  gpointer owner;
  const char *peer;
  const char *name;
  double aspect;
} MeshGridPerson;

typedef struct {
  GPtrArray *places;            /* MeshGridPlace */
  GQueue absent;                /* MeshGridPlace that have been closed up, the
                                 * latest first */
} MeshGridPlaces;

void mesh_grid_places_init (MeshGridPlaces *self);
void mesh_grid_places_clear (MeshGridPlaces *self);
void mesh_grid_places_update (MeshGridPlaces *self, const MeshLayout *layout,
    const MeshGridPerson *people, guint n);

G_END_DECLS
