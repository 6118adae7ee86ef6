/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/pulse.h"

/**
 * mesh_pulse_beat:
 * @pulse: the pulse of all who watch
 * @now: the time, by a clock that goes on while the machine sleeps
 * @longest: how far apart two beats are at most while the process runs
 *
 * Returns: how often it stood still so far. Who gets another number than at
 *   its own last beat has slept since; the first beat of each tells it nothing.
 *
 * Since: 0.1
 */
guint
mesh_pulse_beat (MeshPulse *pulse, gint64 now, gint64 longest)
{
  if (now > pulse->beat_at + longest)
    pulse->stops++;
  pulse->beat_at = MAX (pulse->beat_at, now);
  return pulse->stops;
}
