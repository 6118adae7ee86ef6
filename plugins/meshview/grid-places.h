/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "core/layout.h"

G_BEGIN_DECLS

/* Who sits where in the grid. A place whose person has gone stays free for as
 * long as the grid has as many rows and columns without it:
 *
 *   A B         A .         A B
 *   C D  ─────> C D  ─────> C D
 *        B goes      B is back
 *
 * When the grid changes everybody moves anyway. Then the others close up, and
 * who comes back is let in between them again:
 *
 *   A B C         A C          A B C
 *    D E   ─────> D E  ─────>   D E
 *          B goes      B is back
 */

typedef struct {
  gconstpointer owner;          /* NULL: free */
  char *peer;                   /* of whoever has it, or had it last */
  char *name;
  double aspect;
} MeshGridPlace;

/* One to be seated, as they are now. */
typedef struct {
  gpointer owner;
  const char *peer;
  const char *name;
  double aspect;
} MeshGridPerson;

typedef struct {
  GPtrArray *places;            /* MeshGridPlace */
  GQueue absent;                /* those whose place has gone, latest first */
} MeshGridPlaces;

void mesh_grid_places_init (MeshGridPlaces *self);
void mesh_grid_places_clear (MeshGridPlaces *self);
void mesh_grid_places_update (MeshGridPlaces *self, const MeshLayout *layout,
    const MeshGridPerson *people, guint n);

G_END_DECLS
