/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/stretch.h"

#include <math.h>
#include <string.h>

/* Periods are looked for in steps of this many frames, and compared by every
 * second one of their frames: the fade hides what that misses. */
#define STEP 4
#define SKIP 2

/* Returns: how alike the last @period frames and those before them are, from -1
 * to 1 */
static double
compare (const gint16 *in, gsize n, guint channels, gsize period)
{
  const gint16 *a = in + (n - 2 * period) * channels;
  const gint16 *b = in + (n - period) * channels;
  double product = 0, power_a = 1, power_b = 1;

  for (gsize i = 0; i < period * channels; i += SKIP * channels) {
    product += (double) a[i] * b[i];
    power_a += (double) a[i] * a[i];
    power_b += (double) b[i] * b[i];
  }
  return product / sqrt (power_a * power_b);
}

static gsize
find_period (const gint16 *in, gsize n, guint channels, gsize least, gsize most)
{
  gsize best = most;
  double alike = -2;

  for (gsize period = most; period >= least; period -= STEP) {
    double value = compare (in, n, channels, period);

    if (value > alike) {
      alike = value;
      best = period;
    }
  }
  return best;
}

static void
fade (const gint16 *from, const gint16 *to, gsize n, guint channels,
    gint16 *out)
{
  for (gsize i = 0; i < n * channels; i++) {
    gsize frame = i / channels;

    out[i] = (from[i] * (gint64) (n - frame) + to[i] * (gint64) frame)
        / (gint64) n;
  }
}

/**
 * mesh_stretch:
 * @in: (array): sound
 * @n: its frames
 * @channels: how many samples a frame has
 * @change: how many frames are to be added, or taken away if it is negative
 * @out: (out caller-allocates): MESH_STRETCH_MOST (@n) frames
 *
 * Comes as near to @change as a period and half of @n allow, and never goes
 * beyond it.
 *
 * Returns: the frames in @out
 */
gsize
mesh_stretch (const gint16 *in, gsize n, guint channels, gint64 change,
    gint16 *out)
{
  gsize least = n / 8, most = MIN (n / 2, (gsize) ABS (change));
  const gsize frame = channels * sizeof (gint16);
  gsize period, kept;

  if (least < STEP || most < least) {
    memcpy (out, in, n * frame);
    return n;
  }
  period = find_period (in, n, channels, least, most);
  kept = change > 0 ? n - period : n - 2 * period;
  memcpy (out, in, kept * frame);
  if (change > 0) {
    fade (in + (n - period) * channels, in + (n - 2 * period) * channels,
        period, channels, out + kept * channels);
    memcpy (out + n * channels, in + (n - period) * channels, period * frame);
    return n + period;
  }
  fade (in + (n - 2 * period) * channels, in + (n - period) * channels, period,
      channels, out + kept * channels);
  return n - period;
}
