/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "seats.h"

#include <string.h>

#include "core/name.h"

/* More seats than a room has members; a member beyond these gets none. */
#define MAX_SEATS 256

/* A member from whom no frame has come for SILENT may have lost the connection,
 * so a member who comes under the same name is taken for the same person. That
 * holds only for one who came within NEWCOMER: two people of one name whose
 * networks stutter must not exchange their seats. */
#define SILENT (1500 * G_TIME_SPAN_MILLISECOND)
#define NEWCOMER (20 * G_TIME_SPAN_SECOND)

typedef struct {
  char *id;
  char *name;
  guint seat;
  guint order;                  /* counts up, so that it tells who came first */
  gint64 came_at;
  gint64 heard_at;
} Person;

typedef struct {
  Person *person;               /* NULL while the seat is free */
  char *name;                   /* the name of the member who has, or had, the
                                 * seat */
} Seat;

struct _MeshObsSeats {
  GPtrArray *people;
  GArray *seats;
  guint n_came;
};

static void
person_free (gpointer data)
{
  Person *person = data;

  g_free (person->id);
  g_free (person->name);
  g_free (person);
}

static void
seat_clear (gpointer data)
{
  g_free (((Seat *) data)->name);
}

MeshObsSeats *
mesh_obs_seats_new (void)
{
  MeshObsSeats *self = g_new0 (MeshObsSeats, 1);

  self->people = g_ptr_array_new_with_free_func (person_free);
  self->seats = g_array_new (FALSE, TRUE, sizeof (Seat));
  g_array_set_clear_func (self->seats, seat_clear);
  return self;
}

void
mesh_obs_seats_free (MeshObsSeats *seats)
{
  if (!seats)
    return;
  g_array_unref (seats->seats);
  g_ptr_array_unref (seats->people);
  g_free (seats);
}

static Person *
find_person (MeshObsSeats *self, const char *id)
{
  for (guint i = 0; i < self->people->len; i++) {
    Person *person = g_ptr_array_index (self->people, i);

    if (g_str_equal (person->id, id))
      return person;
  }
  return NULL;
}

static Seat *
get_seat (MeshObsSeats *self, guint number)
{
  return &g_array_index (self->seats, Seat, number - 1);
}

/* Returns the name as it is compared, without regard to case. Case folding can
 * decompose a letter, so the result is composed again. */
static char *
fold (const char *text)
{
  g_autofree char *name = mesh_name_tidy (text);
  g_autofree char *folded = g_utf8_casefold (name, -1);

  return g_utf8_normalize (folded, -1, G_NORMALIZE_NFC);
}

/* Compares names without regard to case, since users type names otherwise than
 * their owners do. */
static gboolean
is_name (const char *a, const char *b)
{
  g_autofree char *folded_a = a ? fold (a) : NULL;
  g_autofree char *folded_b = b ? fold (b) : NULL;

  return folded_a && *folded_a && g_strcmp0 (folded_a, folded_b) == 0;
}

static void
sit_down (MeshObsSeats *self, Person *person, guint number)
{
  Seat *seat = get_seat (self, number);

  seat->person = person;
  person->seat = number;
  if (person->name && *person->name) {
    g_free (seat->name);
    seat->name = g_strdup (person->name);
  }
}

static guint
choose (MeshObsSeats *self, const char *name)
{
  for (guint i = 1; i <= self->seats->len; i++) {
    if (!get_seat (self, i)->person && is_name (get_seat (self, i)->name, name))
      return i;
  }
  for (guint i = 1; i <= self->seats->len; i++) {
    if (!get_seat (self, i)->person)
      return i;
  }
  if (self->seats->len >= MAX_SEATS)
    return 0;
  g_array_set_size (self->seats, self->seats->len + 1);
  return self->seats->len;
}

static gboolean
is_silent (const Person *person, gint64 now)
{
  return now - person->heard_at >= SILENT;
}

/**
 * mesh_obs_seats_come:
 * @id: who came
 * @name: (nullable): the display name
 * @now: when
 *
 * Returns: the seat; 0 if there are too many members already
 */
guint
mesh_obs_seats_come (MeshObsSeats *seats, const char *id, const char *name,
    gint64 now)
{
  Person *person = find_person (seats, id);
  guint seat;

  if (person) {
    mesh_obs_seats_rename (seats, id, name);
    return person->seat;
  }
  seat = choose (seats, name);
  if (seat == 0)
    return 0;
  person = g_new0 (Person, 1);
  person->id = g_strdup (id);
  person->name = g_strdup (name);
  person->order = seats->n_came++;
  person->came_at = person->heard_at = now;
  g_ptr_array_add (seats->people, person);
  sit_down (seats, person, seat);
  mesh_obs_seats_settle (seats, now);
  return person->seat;
}

void
mesh_obs_seats_rename (MeshObsSeats *seats, const char *id, const char *name)
{
  Person *person = find_person (seats, id);

  if (!person || g_strcmp0 (person->name, name) == 0)
    return;
  g_free (person->name);
  person->name = g_strdup (name);
  sit_down (seats, person, person->seat);
}

void
mesh_obs_seats_hear (MeshObsSeats *seats, const char *id, gint64 now)
{
  Person *person = find_person (seats, id);

  if (person)
    person->heard_at = MAX (person->heard_at, now);
}

void
mesh_obs_seats_go (MeshObsSeats *seats, const char *id)
{
  Person *person = find_person (seats, id);

  if (!person)
    return;
  get_seat (seats, person->seat)->person = NULL;
  g_ptr_array_remove (seats->people, person);
}

/* Frees all seats, since we have left the room. Names are kept, so that members
 * get their seats back. */
void
mesh_obs_seats_empty (MeshObsSeats *seats)
{
  for (guint i = 1; i <= seats->seats->len; i++)
    get_seat (seats, i)->person = NULL;
  g_ptr_array_set_size (seats->people, 0);
}

static gboolean
takes_over (const Person *newer, const Person *older, gint64 now)
{
  return newer->order > older->order && newer->seat > older->seat
      && is_name (newer->name, older->name)
      && now - newer->came_at < NEWCOMER && !is_silent (newer, now)
      && is_silent (older, now);
}

/**
 * mesh_obs_seats_settle:
 *
 * To be called regularly. Gives the seat of a member who has fallen silent to a
 * newcomer of the same name, who is likely to be the same person with a new
 * connection.
 *
 * Returns: whether any seat has changed hands
 */
gboolean
mesh_obs_seats_settle (MeshObsSeats *seats, gint64 now)
{
  gboolean changed = FALSE;

  for (guint i = 0; i < seats->people->len; i++) {
    for (guint j = 0; j < seats->people->len; j++) {
      Person *newer = g_ptr_array_index (seats->people, i);
      Person *older = g_ptr_array_index (seats->people, j);
      guint seat = newer->seat;

      if (!takes_over (newer, older, now))
        continue;
      sit_down (seats, newer, older->seat);
      sit_down (seats, older, seat);
      changed = TRUE;
    }
  }
  return changed;
}

/**
 * mesh_obs_seats_get_number:
 * @id: who
 *
 * Returns: the member's seat; 0 if there is none
 */
guint
mesh_obs_seats_get_number (MeshObsSeats *seats, const char *id)
{
  const Person *person = find_person (seats, id);

  return person ? person->seat : 0;
}

/**
 * mesh_obs_seats_is_number:
 * @guest: the guest that the user has chosen
 * @number: (out) (optional): the seat
 *
 * Returns: whether @guest is the number of a seat, and not a name
 */
gboolean
mesh_obs_seats_is_number (const char *guest, guint *number)
{
  guint64 value = 0;

  if (!guest || !g_ascii_string_to_unsigned (guest, 10, 1, MAX_SEATS, &value,
          NULL))
    return FALSE;
  if (number)
    *number = value;
  return TRUE;
}

/* Of several members with one name, finds the one who came first, unless that
 * one has fallen silent and another has not. */
static const Person *
find_by_name (MeshObsSeats *self, const char *name, gint64 now)
{
  const Person *found = NULL;

  for (guint i = 0; i < self->people->len; i++) {
    const Person *person = g_ptr_array_index (self->people, i);

    if (is_name (person->name, name) && (!found
            || (is_silent (found, now) && !is_silent (person, now))))
      found = person;
  }
  return found;
}

/**
 * mesh_obs_seats_find:
 * @guest: (nullable): a seat's number, or a display name
 *
 * Returns: (nullable): the id of the member who has the seat or the name
 */
const char *
mesh_obs_seats_find (MeshObsSeats *seats, const char *guest, gint64 now)
{
  const Person *person = NULL;
  guint number;

  if (!guest || !*guest)
    return NULL;
  if (!mesh_obs_seats_is_number (guest, &number))
    person = find_by_name (seats, guest, now);
  else if (number <= seats->seats->len)
    person = get_seat (seats, number)->person;
  return person ? person->id : NULL;
}
