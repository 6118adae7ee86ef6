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
 * @now: the time, above 0
 */
void
mesh_sound_rate_add (MeshSoundRate *rate, guint size, gint64 now)
{
  gint64 second = now / G_USEC_PER_SEC;
  guint i = (guint) (second % MESH_SOUND_RATE_SECONDS);

  if (rate->first == 0)
    rate->first = second;
  if (rate->slots[i].second != second) {
    rate->slots[i].second = second;
    rate->slots[i].bits = 0;
  }
  rate->slots[i].bits += size * 8.;
}

/**
 * mesh_sound_rate_get:
 * @now: the time
 *
 * Returns: what sound takes
 */
guint64
mesh_sound_rate_get (const MeshSoundRate *rate, gint64 now)
{
  gint64 second = now / G_USEC_PER_SEC;
  double most = LEAST;

  /* The first second and the present one are not whole. */
  if (rate->first == 0 || second < rate->first + 2)
    return MESH_SOUND_RATE_UNKNOWN;
  for (guint i = 0; i < MESH_SOUND_RATE_SECONDS; i++) {
    gint64 of = rate->slots[i].second;

    if (of > rate->first && of < second
        && of >= second - MESH_SOUND_RATE_SECONDS)
      most = MAX (most, rate->slots[i].bits);
  }
  return (guint64) (SPARE * most);
}
