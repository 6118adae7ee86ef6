/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/sleep-watch.h"

/**
 * mesh_sleep_watch_beat:
 * @watch: the watch that all threads share
 * @now: the time, by a clock that goes on while the machine sleeps
 * @longest: the longest time between two calls while the process runs
 *
 * Returns: the number of times that the process has stood still so far. If a
 *   caller gets another number than at its own last call, the process has slept
 *   since. The first call of each tells nothing.
 */
guint
mesh_sleep_watch_beat (MeshSleepWatch *watch, gint64 now, gint64 longest)
{
  if (now > watch->beat_at + longest)
    watch->stops++;
  watch->beat_at = MAX (watch->beat_at, now);
  return watch->stops;
}
