/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What is to be kept free for sound on a path: the most that it has taken in
 * any of the last 30 seconds, since silence takes next to nothing (DTX) and
 * speech begins at once. Times are in microseconds, rates bits per second. */

/**
 * MESH_SOUND_RATE_UNKNOWN:
 *
 * What sound is taken for before it was measured: Opus at 64 kbit/s, and its
 * headers fifty times a second.
 */
#define MESH_SOUND_RATE_UNKNOWN 90000

#define MESH_SOUND_RATE_SECONDS 30

typedef struct {
  struct {
    gint64 second;
    double bits;
  } slots[MESH_SOUND_RATE_SECONDS];     /* by second, a ring */
  gint64 first;                 /* the second of the first packet; 0: none */
} MeshSoundRate;

void mesh_sound_rate_add (MeshSoundRate *rate, guint size, gint64 now);
guint64 mesh_sound_rate_get (const MeshSoundRate *rate, gint64 now);

G_END_DECLS
