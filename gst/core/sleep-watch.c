/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/sleep-watch.h"

/**
 * mesh_sleep_watch_beat:
 * @watch: the one that all share who watch
 * @now: the time, by a clock that goes on while the machine sleeps
 * @longest: how far apart two beats are at most while the process runs
 *
 * Returns: how often it stood still so far. Who gets another number than at
 *   its own last beat has slept since; the first beat of each tells it nothing.
 *
 * Since: 0.1
 */
guint
mesh_sleep_watch_beat (MeshSleepWatch *watch, gint64 now, gint64 longest)
{
  if (now > watch->beat_at + longest)
    watch->stops++;
  watch->beat_at = MAX (watch->beat_at, now);
  return watch->stops;
}
