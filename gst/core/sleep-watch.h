/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Detects that the process did not run for a while, since its machine slept or
 * it was stopped. A single thread cannot tell, since it may have been delayed
 * alone. So all threads share one watch, and each of them reports regularly
 * that it runs. */

/**
 * MeshSleepWatch:
 *
 * Initialised with zeros. Has no lock: whoever shares the watch provides one.
 */
typedef struct {
  gint64 beat_at;
  guint stops;
} MeshSleepWatch;

guint mesh_sleep_watch_beat (MeshSleepWatch *watch, gint64 now, gint64 longest);

G_END_DECLS
