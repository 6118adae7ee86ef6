/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Many sockets in one context: all that are ready are told, each in its turn,
 * and nobody that was removed meanwhile. */

#include "server/event-loop.h"

#include <sys/socket.h>
#include <unistd.h>

/* More than the loop dispatches in one turn. */
#define PAIRS 200

typedef struct _Fixture Fixture;

typedef struct {
  Fixture *fixture;
  MeshEventWatch watch;
  int ends[2];
  guint told;
  void (*then) (Fixture *f, guint number);
} Pair;

struct _Fixture {
  MeshEventLoop *loop;
  Pair pairs[PAIRS];
  guint told;
};

static void
on_ready (gpointer user_data)
{
  Pair *pair = user_data;
  char byte;

  pair->told++;
  pair->fixture->told++;
  if (pair->watch.condition & G_IO_IN)
    (void) !recv (pair->ends[0], &byte, 1, MSG_DONTWAIT);
  if (pair->then)
    pair->then (pair->fixture, pair - pair->fixture->pairs);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  f->loop = mesh_event_loop_new (g_main_context_default (), &error);
  g_assert_no_error (error);
  for (guint i = 0; i < PAIRS; i++) {
    Pair *pair = &f->pairs[i];

    pair->fixture = f;
    g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM, 0, pair->ends), ==, 0);
    g_assert_true (mesh_event_loop_add (f->loop, &pair->watch, pair->ends[0],
            G_IO_IN, on_ready, pair));
  }
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  for (guint i = 0; i < PAIRS; i++) {
    mesh_event_watch_remove (&f->pairs[i].watch);
    close (f->pairs[i].ends[0]);
    close (f->pairs[i].ends[1]);
  }
  mesh_event_loop_free (f->loop);
}

static void
write_all (Fixture *f)
{
  for (guint i = 0; i < PAIRS; i++)
    g_assert_cmpint (write (f->pairs[i].ends[1], "x", 1), ==, 1);
}

static void
run_until_quiet (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

static void
all_are_told (Fixture *f, gconstpointer data)
{
  run_until_quiet ();
  g_assert_cmpuint (f->told, ==, 0);
  write_all (f);
  run_until_quiet ();
  for (guint i = 0; i < PAIRS; i++)
    g_assert_cmpuint (f->pairs[i].told, ==, 1);
}

static void
remove_all_others (Fixture *f, guint number)
{
  for (guint i = 0; i < PAIRS; i++)
    if (i != number)
      mesh_event_watch_remove (&f->pairs[i].watch);
}

static void
removed_ones_are_not (Fixture *f, gconstpointer data)
{
  for (guint i = 0; i < PAIRS; i++) {
    f->pairs[i].then = remove_all_others;
    mesh_event_watch_set_again (&f->pairs[i].watch);
  }
  write_all (f);
  run_until_quiet ();
  g_assert_cmpuint (f->told, ==, 1);
}

static void
again_while_others_wait (Fixture *f, guint number)
{
  if (f->pairs[number].told < 3)
    mesh_event_watch_set_again (&f->pairs[number].watch);
}

/* Told again though its socket has nothing more to say, and not before the
 * others had their turn. */
static void
again_is_again (Fixture *f, gconstpointer data)
{
  f->pairs[7].then = again_while_others_wait;
  write_all (f);
  run_until_quiet ();
  g_assert_cmpuint (f->pairs[7].told, ==, 3);
  g_assert_cmpuint (f->told, ==, PAIRS + 2);
}

static void
stop_writing (Fixture *f, guint number)
{
  mesh_event_watch_set_condition (&f->pairs[number].watch, G_IO_IN);
}

static void
conditions_change (Fixture *f, gconstpointer data)
{
  f->pairs[3].then = stop_writing;
  mesh_event_watch_set_condition (&f->pairs[3].watch, G_IO_OUT);
  run_until_quiet ();
  g_assert_cmpuint (f->told, ==, 1);
  close (f->pairs[4].ends[1]);
  f->pairs[4].ends[1] = -1;
  g_main_context_iteration (NULL, FALSE);
  g_assert_cmpuint (f->pairs[4].told, >=, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(test) g_test_add ("/event-loop/" #test, Fixture, NULL, set_up, test, \
      tear_down)
  ADD (all_are_told);
  ADD (removed_ones_are_not);
  ADD (again_is_again);
  ADD (conditions_change);
  return g_test_run ();
}
