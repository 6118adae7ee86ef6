/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether a process stood still (its machine slept, it was stopped) can only be
 * seen afterwards: nothing of it ran for a while. A single thread that has not
 * run tells nothing, it may have been held up by itself. So all that watch
 * share one watch: whoever runs lets it beat. */

/**
 * MeshSleepWatch:
 *
 * To begin with, all zero. Not locked: that is up to whoever shares it.
 *
 * Since: 0.1
 */
typedef struct {
  gint64 beat_at;
  guint stops;
} MeshSleepWatch;

guint mesh_sleep_watch_beat (MeshSleepWatch *watch, gint64 now, gint64 longest);

G_END_DECLS
