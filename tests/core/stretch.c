/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sound that is made longer or shorter does not click. */

#include "core/stretch.h"

#include <math.h>
#include <string.h>

#define RATE 48000
#define N 960

static void
make_tone (gint16 *samples, gsize n, guint channels, double hz)
{
  for (gsize i = 0; i < n * channels; i++)
    samples[i] = 10000 * sin (2 * G_PI * hz * (i / channels) / RATE);
}

/* Returns: the largest step between two samples of a channel */
static int
get_step (const gint16 *samples, gsize n, guint channels)
{
  int step = 0;

  for (gsize i = channels; i < n * channels; i++)
    step = MAX (step, ABS (samples[i] - samples[i - channels]));
  return step;
}

/* Stretches a chunk in the middle of a tone, and puts what comes out between
 * what is before and after it. */
static void
a_tone_stays_smooth (gconstpointer user_data)
{
  const double tones[] = { 110, 220, 440, 1000, 3000 };
  gint64 change = GPOINTER_TO_INT (user_data);

  for (guint channels = 1; channels <= 2; channels++) {
    for (guint i = 0; i < G_N_ELEMENTS (tones); i++) {
      g_autofree gint16 *in = g_new (gint16, 3 * N * channels);
      g_autofree gint16 *out = g_new (gint16, 4 * N * channels);
      gsize n;

      make_tone (in, 3 * N, channels, tones[i]);
      memcpy (out, in, N * channels * sizeof (gint16));
      n = mesh_stretch (in + N * channels, N, channels, change,
          out + N * channels);
      memcpy (out + (N + n) * channels, in + 2 * N * channels,
          N * channels * sizeof (gint16));
      g_assert_cmpint (change > 0 ? (gint64) n - N : N - (gint64) n, >, 0);
      g_assert_cmpint (ABS ((gint64) n - N), <=, ABS (change));
      /* a fade of 120 frames or more from one peak to the other adds 170 */
      g_assert_cmpint (get_step (out, 2 * N + n, channels), <=,
          get_step (in, 3 * N, channels) + 170);
    }
  }
}

static void
little_changes_and_little_sound_are_left_alone (void)
{
  gint16 in[N], out[MESH_STRETCH_MOST (N)];

  make_tone (in, N, 1, 440);
  for (gint64 change = -100; change <= 100; change += 50) {
    g_assert_cmpuint (mesh_stretch (in, N, 1, change, out), ==, N);
    g_assert_cmpmem (in, sizeof in, out, sizeof in);
  }
  g_assert_cmpuint (mesh_stretch (in, 0, 1, 1000, out), ==, 0);
  g_assert_cmpuint (mesh_stretch (in, 9, 1, 1000, out), ==, 9);
}

static void
silence_changes_too (void)
{
  gint16 in[N] = { 0, }, out[MESH_STRETCH_MOST (N)];

  g_assert_cmpuint (mesh_stretch (in, N, 1, 10000, out), ==,
      MESH_STRETCH_MOST (N));
  g_assert_cmpuint (mesh_stretch (in, N, 1, -10000, out), ==, N / 2);
}

int
main (int argc, char **argv)
{
  const int changes[] = { 480, 200, -200, -480, 5000, -5000 };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (changes); i++) {
    g_autofree char *path = g_strdup_printf ("/stretch/by/%d", changes[i]);

    g_test_add_data_func (path, GINT_TO_POINTER (changes[i]),
        a_tone_stays_smooth);
  }
  g_test_add_func ("/stretch/little",
      little_changes_and_little_sound_are_left_alone);
  g_test_add_func ("/stretch/silence", silence_changes_too);
  return g_test_run ();
}
