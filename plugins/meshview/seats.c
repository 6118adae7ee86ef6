/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "seats.h"

/* Of so many that have left is known where they were. */
#define MAX_ABSENT 32

/* Someone whose place is no more. */
typedef struct {
  char *peer;
  char *name;
  guint index;
} Absent;

static void
absent_free (gpointer data)
{
  Absent *absent = data;

  g_free (absent->peer);
  g_free (absent->name);
  g_free (absent);
}

static void
seat_free (gpointer data)
{
  MeshSeat *seat = data;

  g_free (seat->peer);
  g_free (seat->name);
  g_free (seat);
}

void
mesh_seats_init (MeshSeats *self)
{
  self->seats = g_ptr_array_new_with_free_func (seat_free);
  g_queue_init (&self->absent);
}

void
mesh_seats_clear (MeshSeats *self)
{
  g_clear_pointer (&self->seats, g_ptr_array_unref);
  g_queue_clear_full (&self->absent, absent_free);
}

static MeshSeat *
get_seat (MeshSeats *self, guint index)
{
  return g_ptr_array_index (self->seats, index);
}

/* A person who comes back has another peer id, and mostly the same name. */
static gboolean
is_same (const char *peer, const char *name, const MeshGuest *guest)
{
  return (peer && g_strcmp0 (peer, guest->peer) == 0)
      || (name && *name && g_strcmp0 (name, guest->name) == 0);
}

static void
sit (MeshSeat *seat, const MeshGuest *guest)
{
  seat->person = guest->person;
  seat->aspect = guest->aspect;
  if (g_strcmp0 (seat->peer, guest->peer) != 0) {
    g_free (seat->peer);
    seat->peer = g_strdup (guest->peer);
  }
  if (g_strcmp0 (seat->name, guest->name) != 0) {
    g_free (seat->name);
    seat->name = g_strdup (guest->name);
  }
}

static const MeshGuest *
find_guest (const MeshGuest *guests, guint n, gconstpointer person)
{
  for (guint i = 0; i < n; i++) {
    if (guests[i].person == person)
      return &guests[i];
  }
  return NULL;
}

static gboolean
is_seated (MeshSeats *self, gconstpointer person)
{
  for (guint i = 0; i < self->seats->len; i++) {
    if (get_seat (self, i)->person == person)
      return TRUE;
  }
  return FALSE;
}

/* Their own, if it is still free, or else the first. */
static MeshSeat *
find_free (MeshSeats *self, const MeshGuest *guest)
{
  MeshSeat *first = NULL;

  for (guint i = 0; i < self->seats->len; i++) {
    MeshSeat *seat = get_seat (self, i);

    if (seat->person)
      continue;
    if (is_same (seat->peer, seat->name, guest))
      return seat;
    if (!first)
      first = seat;
  }
  return first;
}

/* Whether the grid of those who are there, with or without the free places,
 * and perhaps with one more, is the same. */
static gboolean
is_same_grid (MeshSeats *self, const MeshLayout *layout, const double *more)
{
  g_autofree double *all = g_new (double, self->seats->len + 1);
  g_autofree double *taken = g_new (double, self->seats->len + 1);
  guint n_all = 0, n_taken = 0;
  guint columns[2], rows[2];

  for (guint i = 0; i < self->seats->len; i++) {
    MeshSeat *seat = get_seat (self, i);

    all[n_all++] = seat->aspect;
    if (seat->person)
      taken[n_taken++] = seat->aspect;
  }
  if (more)
    all[n_all++] = *more;
  mesh_layout_get_grid (layout, all, n_all, &columns[0], &rows[0]);
  mesh_layout_get_grid (layout, taken, n_taken, &columns[1], &rows[1]);
  return columns[0] == columns[1] && rows[0] == rows[1];
}

/* Before those who came later, which only makes a difference where somebody's
 * picture is long in coming. */
static guint
find_rank (MeshSeats *self, const MeshGuest *guest, guint n_later)
{
  guint i = 0;

  while (i < self->seats->len
      && !find_guest (guest + 1, n_later, get_seat (self, i)->person))
    i++;
  return i;
}

/* Returns where they were when their place went, or @otherwise. */
static guint
take_absent (MeshSeats *self, const MeshGuest *guest, guint otherwise)
{
  for (GList *l = self->absent.head; l; l = l->next) {
    Absent *absent = l->data;
    guint index = MIN (absent->index, self->seats->len);

    if (!is_same (absent->peer, absent->name, guest))
      continue;
    g_queue_delete_link (&self->absent, l);
    absent_free (absent);
    return index;
  }
  return otherwise;
}

static void
add_seat (MeshSeats *self, const MeshLayout *layout, const MeshGuest *guest,
    guint n_later)
{
  MeshSeat *seat = g_new0 (MeshSeat, 1);
  guint rank = find_rank (self, guest, n_later);
  guint index = take_absent (self, guest, rank);

  /* not at the cost of those who would not have to move */
  if (is_same_grid (self, layout, &guest->aspect))
    index = rank;
  sit (seat, guest);
  g_ptr_array_insert (self->seats, index, seat);
}

static void
close_up (MeshSeats *self)
{
  for (guint i = self->seats->len; i-- > 0;) {
    MeshSeat *seat = get_seat (self, i);
    Absent *absent;

    if (seat->person)
      continue;
    if (seat->peer || seat->name) {
      absent = g_new0 (Absent, 1);
      absent->peer = g_steal_pointer (&seat->peer);
      absent->name = g_steal_pointer (&seat->name);
      absent->index = i;
      g_queue_push_head (&self->absent, absent);
    }
    g_ptr_array_remove_index (self->seats, i);
  }
  while (self->absent.length > MAX_ABSENT)
    absent_free (g_queue_pop_tail (&self->absent));
}

/**
 * mesh_seats_update:
 * @layout: the canvas of the grid
 * @guests: (array length=n): everybody who is to be seen, in the order they
 *   came
 *
 * Frees the places of those who have gone, and finds one for everybody else.
 */
void
mesh_seats_update (MeshSeats *self, const MeshLayout *layout,
    const MeshGuest *guests, guint n)
{
  for (guint i = 0; i < self->seats->len; i++) {
    MeshSeat *seat = get_seat (self, i);
    const MeshGuest *guest = seat->person
        ? find_guest (guests, n, seat->person) : NULL;

    if (guest)
      sit (seat, guest);
    else
      seat->person = NULL;
  }
  for (guint i = 0; i < n; i++) {
    MeshSeat *seat;

    if (is_seated (self, guests[i].person))
      continue;
    if ((seat = find_free (self, &guests[i])))
      sit (seat, &guests[i]);
    else
      add_seat (self, layout, &guests[i], n - i - 1);
  }
  if (!is_same_grid (self, layout, NULL))
    close_up (self);
}
