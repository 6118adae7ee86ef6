/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How the playout delay follows what the network does. */

#include "core/playout-delay.h"

#define MS G_TIME_SPAN_MILLISECOND
#define SECOND G_TIME_SPAN_SECOND

typedef struct {
  MeshPlayoutDelay delay;
  MeshKind kind;
  gint64 now;
} Sound;

static Sound
sound_new (gint64 least)
{
  Sound sound = { .now = 1000 * SECOND };

  mesh_playout_delay_init (&sound.delay, least);
  return sound;
}

/* Lets packets of 20 ms come for @time, every @every-th of them @late and the
 * others @usual. Returns: the delay at the end */
static gint64
pass (Sound *sound, gint64 time, gint64 usual, guint every, gint64 late)
{
  gint64 end = sound->now + time;
  gint64 delay = 0;

  for (guint i = 1; sound->now < end; i++) {
    sound->now += 20 * MS;
    mesh_playout_delay_take_late (&sound->delay, sound->kind,
        every && i % every == 0 ? late : usual, sound->now);
    delay = mesh_playout_delay_get (&sound->delay, sound->now);
  }
  return delay;
}

static void
it_is_near_zero_where_nothing_is_late (void)
{
  Sound sound = sound_new (0);

  g_assert_cmpint (pass (&sound, 5 * SECOND, 500, 0, 0), <=, 4 * MS);
}

static void
it_grows_within_a_second (void)
{
  Sound sound = sound_new (0);
  gint64 delay;

  pass (&sound, 20 * SECOND, 1 * MS, 0, 0);
  delay = pass (&sound, SECOND, 1 * MS, 4, 90 * MS);
  g_assert_cmpint (delay, >=, 90 * MS);
  g_assert_cmpint (delay, <=, 95 * MS);
}

static void
it_covers_what_is_lost_and_repeated (void)
{
  Sound sound = sound_new (0);

  /* two packets in a second */
  g_assert_cmpint (pass (&sound, 10 * SECOND, 1 * MS, 25, 130 * MS), >=,
      130 * MS);
  for (guint i = 0; i < 60; i++)
    g_assert_cmpint (pass (&sound, SECOND, 1 * MS, 25, 130 * MS), >=,
        130 * MS);
}

static void
repairs_count_but_not_those_that_take_long (void)
{
  Sound sound = sound_new (0);

  pass (&sound, 20 * SECOND, 1 * MS, 0, 0);
  mesh_playout_delay_take_repair (&sound.delay, 130 * MS, sound.now);
  g_assert_cmpint (pass (&sound, SECOND, 1 * MS, 0, 0), <=, 5 * MS);
  pass (&sound, 5 * SECOND, 1 * MS, 0, 0);
  /* many in the moment in which a path becomes too narrow */
  for (guint i = 0; i < 10; i++) {
    mesh_playout_delay_take_repair (&sound.delay, 600 * MS, sound.now);
    pass (&sound, 40 * MS, 1 * MS, 0, 0);
  }
  g_assert_cmpint (pass (&sound, 10 * SECOND, 1 * MS, 0, 0), <=, 5 * MS);
  for (guint i = 0; i < 100; i++) {
    mesh_playout_delay_take_repair (&sound.delay, i % 5 ? 130 * MS : 280 * MS,
        sound.now);
    pass (&sound, 200 * MS, 1 * MS, 0, 0);
    if (i >= 10) {
      g_assert_cmpint (sound.delay.delay, >=, 130 * MS);
      g_assert_cmpint (sound.delay.delay, <=, 140 * MS);
    }
  }
  pass (&sound, 18 * SECOND, 1 * MS, 0, 0);
  g_assert_cmpint (pass (&sound, 1 * SECOND, 1 * MS, 0, 0), <=, 5 * MS);
}

static void
a_hiccup_is_no_reason (void)
{
  Sound sound = sound_new (0);

  pass (&sound, 20 * SECOND, 1 * MS, 0, 0);
  pass (&sound, 100 * MS, 200 * MS, 0, 0);
  g_assert_cmpint (pass (&sound, SECOND, 1 * MS, 0, 0), <=, 5 * MS);
}

/* Its packets come one after the other, and are due at the same time. */
static void
a_large_picture_is_no_reason (void)
{
  Sound sound = sound_new (0);

  sound.kind = MESH_VIDEO;
  for (guint i = 0; i < 20; i++) {
    pass (&sound, SECOND, 1 * MS, 0, 0);
    for (gint64 late = 0; late < 700 * MS; late += 20 * MS)
      mesh_playout_delay_take_late (&sound.delay, MESH_VIDEO, late,
          sound.now + late);
    sound.now += 700 * MS;
  }
  g_assert_cmpint (mesh_playout_delay_get (&sound.delay, sound.now), <=,
      5 * MS);
}

/* Where all pictures are late, they are played later. */
static void
late_pictures_count (void)
{
  Sound sound = sound_new (0);

  sound.kind = MESH_VIDEO;
  g_assert_cmpint (pass (&sound, 2 * SECOND, 200 * MS, 0, 0), >=, 200 * MS);
}

static void
it_shrinks_slowly (void)
{
  Sound sound = sound_new (0);
  gint64 before, after;

  pass (&sound, 5 * SECOND, 100 * MS, 0, 0);
  g_assert_cmpint (pass (&sound, 2 * SECOND, 1 * MS, 0, 0), >=, 100 * MS);
  before = pass (&sound, 2 * SECOND, 1 * MS, 0, 0);
  after = pass (&sound, SECOND, 1 * MS, 0, 0);
  g_assert_cmpint (before - after, >=, 15 * MS);
  g_assert_cmpint (before - after, <=, 25 * MS);
  g_assert_cmpint (pass (&sound, 10 * SECOND, 1 * MS, 0, 0), <=, 5 * MS);
}

static void
much_delay_is_not_kept_for_long (void)
{
  Sound sound = sound_new (0);

  pass (&sound, 5 * SECOND, 800 * MS, 0, 0);
  g_assert_cmpint (pass (&sound, 10 * SECOND, 1 * MS, 0, 0), <=, 200 * MS);
}

static void
the_least_is_kept (void)
{
  Sound sound = sound_new (200 * MS);

  g_assert_cmpint (pass (&sound, 60 * SECOND, 0, 0, 0), ==, 200 * MS);
  g_assert_cmpint (pass (&sound, 60 * SECOND, 300 * MS, 0, 0), >, 300 * MS);
  g_assert_cmpint (pass (&sound, 60 * SECOND, 0, 0, 0), ==, 200 * MS);
}

static void
it_has_a_bound (void)
{
  Sound sound = sound_new (0);

  g_assert_cmpint (pass (&sound, 60 * SECOND, 5 * SECOND, 0, 0), <=, SECOND);
}

static void
decoding_takes_its_time_too (void)
{
  Sound sound = sound_new (0);

  for (guint i = 0; i < 100; i++) {
    mesh_playout_delay_take_work (&sound.delay, 15 * MS, sound.now);
    pass (&sound, 100 * MS, 10 * MS, 0, 0);
  }
  g_assert_cmpint (mesh_playout_delay_get (&sound.delay, sound.now), >=,
      25 * MS);
  g_assert_cmpint (mesh_playout_delay_get (&sound.delay, sound.now), <=,
      30 * MS);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/playout-delay/near-zero",
      it_is_near_zero_where_nothing_is_late);
  g_test_add_func ("/playout-delay/grows", it_grows_within_a_second);
  g_test_add_func ("/playout-delay/repeated",
      it_covers_what_is_lost_and_repeated);
  g_test_add_func ("/playout-delay/repairs",
      repairs_count_but_not_those_that_take_long);
  g_test_add_func ("/playout-delay/hiccup", a_hiccup_is_no_reason);
  g_test_add_func ("/playout-delay/large-picture",
      a_large_picture_is_no_reason);
  g_test_add_func ("/playout-delay/late-pictures", late_pictures_count);
  g_test_add_func ("/playout-delay/shrinks", it_shrinks_slowly);
  g_test_add_func ("/playout-delay/much", much_delay_is_not_kept_for_long);
  g_test_add_func ("/playout-delay/least", the_least_is_kept);
  g_test_add_func ("/playout-delay/bound", it_has_a_bound);
  g_test_add_func ("/playout-delay/work", decoding_takes_its_time_too);
  return g_test_run ();
}
