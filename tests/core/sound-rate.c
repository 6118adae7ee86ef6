/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is kept free for sound. */

#include "core/sound-rate.h"

#define SECOND G_USEC_PER_SEC

/* Sends a packet of @size bytes every 20 ms for @seconds. */
static void
send (MeshSoundRate *rate, guint size, guint seconds, gint64 *now)
{
  for (guint i = 0; i < 50 * seconds; i++, *now += SECOND / 50)
    mesh_sound_rate_add (rate, size, *now);
}

static void
it_is_what_was_sent (void)
{
  MeshSoundRate rate = { 0 };
  gint64 now = 1000 * SECOND;

  g_assert_cmpuint (mesh_sound_rate_get (&rate, now), ==,
      MESH_SOUND_RATE_UNKNOWN);
  send (&rate, 175, 1, &now);
  g_assert_cmpuint (mesh_sound_rate_get (&rate, now), ==,
      MESH_SOUND_RATE_UNKNOWN);
  send (&rate, 175, 1, &now);
  g_assert_cmpuint (mesh_sound_rate_get (&rate, now), ==, 73500);
}

static void
silence_keeps_the_place_of_speech (void)
{
  MeshSoundRate rate = { 0 };
  gint64 now = 1000 * SECOND;

  send (&rate, 175, 3, &now);
  for (guint i = 0; i < 28; i++, now += SECOND)
    mesh_sound_rate_add (&rate, 50, now);
  g_assert_cmpuint (mesh_sound_rate_get (&rate, now), ==, 73500);
  for (guint i = 0; i < 10; i++, now += SECOND)
    mesh_sound_rate_add (&rate, 50, now);
  g_assert_cmpuint (mesh_sound_rate_get (&rate, now), ==, 42000);
  send (&rate, 175, 2, &now);
  g_assert_cmpuint (mesh_sound_rate_get (&rate, now), ==, 73500);
}

/* Nothing at all is sent while the microphone is muted. */
static void
what_was_long_ago_is_forgotten (void)
{
  MeshSoundRate rate = { 0 };
  gint64 now = 1000 * SECOND;

  send (&rate, 350, 3, &now);
  g_assert_cmpuint (mesh_sound_rate_get (&rate, now), ==, 147000);
  now += 31 * SECOND;
  g_assert_cmpuint (mesh_sound_rate_get (&rate, now), ==, 42000);
  send (&rate, 175, 2, &now);
  g_assert_cmpuint (mesh_sound_rate_get (&rate, now), ==, 73500);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sound-rate/sent", it_is_what_was_sent);
  g_test_add_func ("/sound-rate/silence", silence_keeps_the_place_of_speech);
  g_test_add_func ("/sound-rate/forgotten", what_was_long_ago_is_forgotten);
  return g_test_run ();
}
