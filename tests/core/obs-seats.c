/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* plugins/obs/seats.c: who sits where in OBS. */

#include "obs/seats.h"

#define S G_TIME_SPAN_SECOND

static void
order_is_that_of_coming (void)
{
  g_autoptr (MeshObsSeats) seats = mesh_obs_seats_new ();

  g_assert_cmpuint (mesh_obs_seats_come (seats, "a", "Ann", 0), ==, 1);
  g_assert_cmpuint (mesh_obs_seats_come (seats, "b", "Bob", 0), ==, 2);
  g_assert_cmpuint (mesh_obs_seats_come (seats, "c", "", 0), ==, 3);
  g_assert_cmpuint (mesh_obs_seats_come (seats, "a", "Ann", 0), ==, 1);
  g_assert_cmpstr (mesh_obs_seats_find (seats, "2", 0), ==, "b");
  g_assert_cmpstr (mesh_obs_seats_find (seats, " ann ", 0), ==, "a");
  g_assert_null (mesh_obs_seats_find (seats, "4", 0));
  g_assert_null (mesh_obs_seats_find (seats, "999999999999", 0));
  g_assert_null (mesh_obs_seats_find (seats, "", 0));
  g_assert_null (mesh_obs_seats_find (seats, NULL, 0));
}

static void
who_stays_keeps_the_seat (void)
{
  g_autoptr (MeshObsSeats) seats = mesh_obs_seats_new ();

  mesh_obs_seats_come (seats, "a", "Ann", 0);
  mesh_obs_seats_come (seats, "b", "Bob", 0);
  mesh_obs_seats_go (seats, "a");
  g_assert_null (mesh_obs_seats_find (seats, "1", 0));
  g_assert_cmpuint (mesh_obs_seats_get_number (seats, "b"), ==, 2);
  mesh_obs_seats_go (seats, "nobody");
}

static void
who_returns_gets_it_back (void)
{
  g_autoptr (MeshObsSeats) seats = mesh_obs_seats_new ();

  mesh_obs_seats_come (seats, "a", "Ann", 0);
  mesh_obs_seats_come (seats, "b", "Bob", 0);
  mesh_obs_seats_go (seats, "a");
  mesh_obs_seats_go (seats, "b");
  g_assert_cmpuint (mesh_obs_seats_come (seats, "b2", "Bob", 0), ==, 2);
  g_assert_cmpuint (mesh_obs_seats_come (seats, "c", "Carl", 0), ==, 1);
  g_assert_cmpuint (mesh_obs_seats_come (seats, "a2", "Ann", 0), ==, 3);
}

/* Also when it is we who were away. */
static void
names_outlive_the_call (void)
{
  g_autoptr (MeshObsSeats) seats = mesh_obs_seats_new ();

  mesh_obs_seats_come (seats, "a", "Ann", 0);
  mesh_obs_seats_come (seats, "b", "Bob", 0);
  mesh_obs_seats_empty (seats);
  g_assert_null (mesh_obs_seats_find (seats, "Bob", 0));
  g_assert_cmpuint (mesh_obs_seats_come (seats, "b", "Bob", 0), ==, 2);
  g_assert_cmpuint (mesh_obs_seats_come (seats, "a", "Ann", 0), ==, 1);
}

/* A crash: the old connection is not known to be dead yet. */
static void
silence_gives_way_to_the_same_name (void)
{
  g_autoptr (MeshObsSeats) seats = mesh_obs_seats_new ();

  mesh_obs_seats_come (seats, "b", "Bob", 0);
  g_assert_cmpuint (mesh_obs_seats_come (seats, "b2", "Bob", S), ==, 2);
  g_assert_cmpstr (mesh_obs_seats_find (seats, "Bob", S), ==, "b");
  mesh_obs_seats_hear (seats, "b2", 2 * S);
  g_assert_cmpstr (mesh_obs_seats_find (seats, "Bob", 2 * S), ==, "b2");
  g_assert_true (mesh_obs_seats_settle (seats, 2 * S));
  g_assert_cmpstr (mesh_obs_seats_find (seats, "1", 2 * S), ==, "b2");
  mesh_obs_seats_go (seats, "b");
  g_assert_cmpuint (mesh_obs_seats_get_number (seats, "b2"), ==, 1);
}

/* Two people of one name, whose networks stutter in turn. */
static void
namesakes_do_not_change_places (void)
{
  g_autoptr (MeshObsSeats) seats = mesh_obs_seats_new ();

  mesh_obs_seats_come (seats, "b", "Bob", 0);
  mesh_obs_seats_come (seats, "b2", "Bob", 0);
  for (gint64 now = 0; now < 60 * S; now += S / 2) {
    gboolean first_stutters = now >= 30 * S && now < 40 * S;

    mesh_obs_seats_hear (seats, first_stutters ? "b2" : "b", now);
    mesh_obs_seats_hear (seats, "b2", now);
    g_assert_false (mesh_obs_seats_settle (seats, now));
  }
  g_assert_cmpuint (mesh_obs_seats_get_number (seats, "b"), ==, 1);
}

static void
a_new_name_is_found (void)
{
  g_autoptr (MeshObsSeats) seats = mesh_obs_seats_new ();

  mesh_obs_seats_come (seats, "a", NULL, 0);
  mesh_obs_seats_rename (seats, "a", "Ann");
  g_assert_cmpstr (mesh_obs_seats_find (seats, "Ann", 0), ==, "a");
  mesh_obs_seats_rename (seats, "a", NULL);
  g_assert_null (mesh_obs_seats_find (seats, "Ann", 0));
  mesh_obs_seats_rename (seats, "nobody", "X");
}

/* Typed composed or decomposed, small or large, with blanks or without. */
static void
a_name_is_found_however_it_is_typed (void)
{
  static const char *const zoe[] = { "Zo\xc3\xab", "Zoe\xcc\x88", "ZOE\xcc\x88",
    "zo\xc3\x8b", " Zo\xc3\xab\xc2\xa0", "Zo\xe2\x80\x8b\xc3\xab" };
  static const char *const others[] = { "Zoe", "", " ", "\xe2\x80\x8b", "Z" };

  for (guint i = 0; i < G_N_ELEMENTS (zoe); i++) {
    g_autoptr (MeshObsSeats) seats = mesh_obs_seats_new ();

    mesh_obs_seats_come (seats, "a", zoe[i], 0);
    mesh_obs_seats_come (seats, "b", "", 0);
    for (guint k = 0; k < G_N_ELEMENTS (zoe); k++)
      g_assert_cmpstr (mesh_obs_seats_find (seats, zoe[k], 0), ==, "a");
    for (guint k = 0; k < G_N_ELEMENTS (others); k++)
      g_assert_null (mesh_obs_seats_find (seats, others[k], 0));
  }
}

static void
a_flood_is_not_kept (void)
{
  g_autoptr (MeshObsSeats) seats = mesh_obs_seats_new ();

  for (guint i = 0; i < 1000; i++) {
    g_autofree char *id = g_strdup_printf ("%u", i);

    mesh_obs_seats_come (seats, id, "Flood", 0);
  }
  g_assert_cmpuint (mesh_obs_seats_come (seats, "x", "Ann", 0), ==, 0);
  mesh_obs_seats_go (seats, "7");
  g_assert_cmpuint (mesh_obs_seats_come (seats, "x", "Ann", 0), ==, 8);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/seats/order", order_is_that_of_coming);
  g_test_add_func ("/seats/stay", who_stays_keeps_the_seat);
  g_test_add_func ("/seats/return", who_returns_gets_it_back);
  g_test_add_func ("/seats/names-however-typed",
      a_name_is_found_however_it_is_typed);
  g_test_add_func ("/seats/names", names_outlive_the_call);
  g_test_add_func ("/seats/silence", silence_gives_way_to_the_same_name);
  g_test_add_func ("/seats/namesakes", namesakes_do_not_change_places);
  g_test_add_func ("/seats/rename", a_new_name_is_found);
  g_test_add_func ("/seats/flood", a_flood_is_not_kept);
  return g_test_run ();
}
