/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "grid-places.h"

/* The number of members who have left and whose position is remembered. */
#define MAX_ABSENT 32

static void
place_free (gpointer data)
{
  MeshGridPlace *place = data;

  g_free (place->peer);
  g_free (place->name);
  g_free (place);
}

void
mesh_grid_places_init (MeshGridPlaces *self)
{
  self->places = g_ptr_array_new_with_free_func (place_free);
  g_queue_init (&self->absent);
}

void
mesh_grid_places_clear (MeshGridPlaces *self)
{
  g_clear_pointer (&self->places, g_ptr_array_unref);
  g_queue_clear_full (&self->absent, place_free);
}

static MeshGridPlace *
get_place (MeshGridPlaces *self, guint index)
{
  return g_ptr_array_index (self->places, index);
}

/* Whether a member is the one who had a place. A person who comes back has
 * another peer id, and mostly the same name. */
static gboolean
is_same (const char *peer, const char *name, const MeshGridPerson *person)
{
  return (peer && g_strcmp0 (peer, person->peer) == 0)
      || (name && *name && g_strcmp0 (name, person->name) == 0);
}

static void
occupy (MeshGridPlace *place, const MeshGridPerson *person)
{
  place->owner = person->owner;
  place->aspect = person->aspect;
  if (g_strcmp0 (place->peer, person->peer) != 0) {
    g_free (place->peer);
    place->peer = g_strdup (person->peer);
  }
  if (g_strcmp0 (place->name, person->name) != 0) {
    g_free (place->name);
    place->name = g_strdup (person->name);
  }
}

static const MeshGridPerson *
find_person (const MeshGridPerson *people, guint n, gconstpointer owner)
{
  for (guint i = 0; i < n; i++) {
    if (people[i].owner == owner)
      return &people[i];
  }
  return NULL;
}

static gboolean
has_place (MeshGridPlaces *self, gconstpointer owner)
{
  for (guint i = 0; i < self->places->len; i++) {
    if (get_place (self, i)->owner == owner)
      return TRUE;
  }
  return FALSE;
}

/* Finds the member's own place, if it is still free, or else the first free
 * one. */
static MeshGridPlace *
find_free (MeshGridPlaces *self, const MeshGridPerson *person)
{
  MeshGridPlace *first = NULL;

  for (guint i = 0; i < self->places->len; i++) {
    MeshGridPlace *place = get_place (self, i);

    if (place->owner)
      continue;
    if (is_same (place->peer, place->name, person))
      return place;
    if (!first)
      first = place;
  }
  return first;
}

/* Whether the grid has as many rows and columns with the free places, and
 * perhaps with one more picture, as without them. */
static gboolean
is_same_grid (MeshGridPlaces *self, const MeshLayout *layout,
    const double *more)
{
  g_autofree double *all = g_new (double, self->places->len + 1);
  g_autofree double *taken = g_new (double, self->places->len + 1);
  guint n_all = 0, n_taken = 0;
  guint columns[2], rows[2];

  for (guint i = 0; i < self->places->len; i++) {
    MeshGridPlace *place = get_place (self, i);

    all[n_all++] = place->aspect;
    if (place->owner)
      taken[n_taken++] = place->aspect;
  }
  if (more)
    all[n_all++] = *more;
  mesh_layout_get_grid (layout, all, n_all, &columns[0], &rows[0]);
  mesh_layout_get_grid (layout, taken, n_taken, &columns[1], &rows[1]);
  return columns[0] == columns[1] && rows[0] == rows[1];
}

/* Returns the index before all members who came later. That differs from the
 * end only if a member's first picture comes late. */
static guint
find_rank (MeshGridPlaces *self, const MeshGridPerson *person, guint n_later)
{
  guint i = 0;

  while (i < self->places->len
      && !find_person (person + 1, n_later, get_place (self, i)->owner))
    i++;
  return i;
}

/* Returns the index that the member had when the place was closed up, or
 * @otherwise. */
static guint
take_absent (MeshGridPlaces *self, const MeshGridPerson *person,
    guint otherwise)
{
  for (GList *l = self->absent.head; l; l = l->next) {
    MeshGridPlace *absent = l->data;
    guint index = MIN (absent->index, self->places->len);

    if (!is_same (absent->peer, absent->name, person))
      continue;
    g_queue_delete_link (&self->absent, l);
    place_free (absent);
    return index;
  }
  return otherwise;
}

static void
add_place (MeshGridPlaces *self, const MeshLayout *layout,
    const MeshGridPerson *person, guint n_later)
{
  MeshGridPlace *place = g_new0 (MeshGridPlace, 1);
  guint rank = find_rank (self, person, n_later);
  guint index = take_absent (self, person, rank);

  /* the old position is not worth it if other pictures would have to move for
   * it alone */
  if (is_same_grid (self, layout, &person->aspect))
    index = rank;
  occupy (place, person);
  g_ptr_array_insert (self->places, index, place);
}

static void
close_up (MeshGridPlaces *self)
{
  for (guint i = self->places->len; i-- > 0;) {
    MeshGridPlace *place = get_place (self, i);

    if (place->owner)
      continue;
    g_ptr_array_steal_index (self->places, i);
    place->index = i;
    if (place->peer || place->name)
      g_queue_push_head (&self->absent, place);
    else
      place_free (place);
  }
  while (self->absent.length > MAX_ABSENT)
    place_free (g_queue_pop_tail (&self->absent));
}

/**
 * mesh_grid_places_update:
 * @layout: the canvas of the grid
 * @people: (array length=n): the members with a picture, in the order in which
 *   they came
 *
 * Frees the places of members who have left, and finds one for each of the
 * others.
 */
void
mesh_grid_places_update (MeshGridPlaces *self, const MeshLayout *layout,
    const MeshGridPerson *people, guint n)
{
  for (guint i = 0; i < self->places->len; i++) {
    MeshGridPlace *place = get_place (self, i);
    const MeshGridPerson *person = place->owner
        ? find_person (people, n, place->owner) : NULL;

    if (person)
      occupy (place, person);
    else
      place->owner = NULL;
  }
  for (guint i = 0; i < n; i++) {
    MeshGridPlace *place;

    if (has_place (self, people[i].owner))
      continue;
    if ((place = find_free (self, &people[i])))
      occupy (place, &people[i]);
    else
      add_place (self, layout, &people[i], n - i - 1);
  }
  if (!is_same_grid (self, layout, NULL))
    close_up (self);
}
