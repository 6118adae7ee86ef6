/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An encoder: frames whose size varies, and now and then a key frame that is
 * eight times as large, which it saves again over the next ones. */

#include "sim.h"

#include <math.h>

#define DEVIATION .2
#define KEY_FACTOR 8
#define SAVING .2
/* An encoder gives nothing that is worth showing below this. */
#define LEAST_RATE KBIT (25)

/* Returns how many bytes the next frame has, with headers, at a rate of the
 * picture alone; 0: there is none. */
guint
source_next (Source *self, double rate, gint64 now)
{
  double mean = rate / 8 * FRAME_TIME / SECOND, size, saved;
  double u = 1 - g_rand_double (self->rand), v = g_rand_double (self->rand);
  double normal = sqrt (-2 * log (u)) * cos (2 * G_PI * v);

  if (rate < LEAST_RATE)
    return 0;
  if (now >= self->key_at) {
    self->key_at = now + (gint64) (KEY_INTERVAL
        * (.5 + g_rand_double (self->rand)));
    self->debt += (KEY_FACTOR - 1) * mean;
    return (guint) (KEY_FACTOR * mean);
  }
  size = mean * exp (DEVIATION * normal - DEVIATION * DEVIATION / 2);
  saved = MIN (self->debt, SAVING * size);
  self->debt -= saved;
  return (guint) MAX (size - saved, HEADERS + 1);
}
