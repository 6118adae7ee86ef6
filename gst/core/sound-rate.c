/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/sound-rate.h"

/* Ours: speech is seldom away for longer than the slots remember, and goes up
 * and down by a few percent from one second to the next. */
#define SPARE 1.05
/* Ours: sound that has only been silent so far is not believed to stay so. */
#define LEAST 40000

/**
 * mesh_sound_rate_add:
 * @rate: initialised with zeros
 * @size: the bytes of a packet of sound that is sent, with all headers
 */
void
mesh_sound_rate_add (MeshSoundRate *rate, guint size, gint64 now)
{
  gint64 passed = now - rate->since;

  if (rate->since == 0) {
    rate->since = now;
  } else if (passed >= G_USEC_PER_SEC) {
    rate->most[rate->n++ % MESH_SOUND_RATE_SLOTS] =
        rate->bits * G_USEC_PER_SEC / (double) passed;
    rate->since = now;
    rate->bits = 0;
  }
  rate->bits += size * 8.;
}

/**
 * mesh_sound_rate_get:
 * Returns: what sound takes
 */
guint64
mesh_sound_rate_get (const MeshSoundRate *rate)
{
  guint n = MIN (rate->n, MESH_SOUND_RATE_SLOTS);
  double most = LEAST;

  if (n == 0)
    return MESH_SOUND_RATE_UNKNOWN;
  for (guint i = 0; i < n; i++)
    most = MAX (most, rate->most[i]);
  return (guint64) (SPARE * most);
}
