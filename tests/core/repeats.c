/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is repeated since a peer asks for it. */

#include "core/repeats.h"

#define MS(ms) ((gint64) (ms) * 1000)
#define RATE 800000

typedef struct {
  MeshRepeats repeats;
  MeshBweFigures path;
  gint64 now;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->now = MS (1000000);
  f->path.rtt = MS (100);
  mesh_repeats_init (&f->repeats, f->now);
}

static gboolean
may (Fixture *f, guint16 seqnum)
{
  return mesh_repeats_may (&f->repeats, seqnum, RATE, &f->path, f->now);
}

static void
once_a_round_trip (Fixture *f, gconstpointer data)
{
  g_assert_true (may (f, 7));
  g_assert_true (may (f, 8));
  f->now += MS (70);
  g_assert_false (may (f, 7));
  f->now += MS (10);
  g_assert_true (may (f, 7));
}

/* A quarter of the rate, and eight packets at once. */
static void
within_a_share (Fixture *f, gconstpointer data)
{
  guint n = 0;

  for (guint16 i = 0; i < 1000; i++)
    n += may (f, i);
  g_assert_cmpuint (n, >=, 8);
  g_assert_cmpuint (n, <=, 13);
  for (n = 0, f->path.rtt = 0; f->now < MS (1010000); f->now += MS (1))
    n += may (f, (guint16) (f->now / 1000));
  g_assert_cmpuint (n, >=, 225);
  g_assert_cmpuint (n, <=, 230);
}

static gboolean
plan (Fixture *f, guint16 seqnum)
{
  return mesh_repeats_plan_copy (&f->repeats, seqnum, RATE, &f->path, f->now);
}

static void
twice_where_packets_are_lost (Fixture *f, gconstpointer data)
{
  gint64 next = G_MAXINT64;
  guint16 seqnum = 0;

  g_assert_false (plan (f, 1));
  f->path.loss = .02;
  f->path.state = MESH_BWE_WARNING;
  g_assert_false (plan (f, 1));
  f->path.state = MESH_BWE_CLEAR;
  g_assert_true (plan (f, 1));
  /* It is waited for already. */
  g_assert_false (plan (f, 2));
  g_assert_false (mesh_repeats_take_copy (&f->repeats, &seqnum, f->now, &next));
  g_assert_cmpint (next, ==, f->now + MS (15));
  g_assert_true (mesh_repeats_take_copy (&f->repeats, &seqnum, next, &next));
  g_assert_cmpuint (seqnum, ==, 1);
  g_assert_true (mesh_repeats_take_copy (&f->repeats, &seqnum, next, &next));
  g_assert_cmpuint (seqnum, ==, 2);
  g_assert_false (mesh_repeats_take_copy (&f->repeats, &seqnum, next, &next));
}

#define TEST(path, function) \
    g_test_add ("/repeats/" path, Fixture, NULL, set_up, function, NULL)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  TEST ("round-trip", once_a_round_trip);
  TEST ("share", within_a_share);
  TEST ("twice", twice_where_packets_are_lost);
  return g_test_run ();
}
