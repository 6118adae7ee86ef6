/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* When the buffers of a live input go out. Most inputs deliver each buffer when
 * it has been captured, and nothing is to be done. Others deliver ten frames at
 * once, or a second of sound, and whatever is behind them would drop most of
 * it. Such a burst is spread by the times of its buffers:
 *
 *   due = time of the buffer + hold
 *
 * The hold is the delay of the most belated buffer of the last seconds, so a
 * buffer waits only where an earlier one has come that late, and it shrinks
 * when no buffer comes late any more.
 *
 * Pure: all times are arguments, on the room's clock. */

typedef struct {
  gint64 hold;
  gint64 late_at; /* when a buffer was last as late as the hold */
  gint64 seen_at; /* when a buffer was last asked about */
  gint64 spacing; /* between frames that come at once; 0: not
                   * known yet */
  gint64 idle_at; /* when a frame came that was not too close */
  gint64 lead;    /* the least overlap of sound since lead_at */
  gint64 lead_at;
} MeshPacerFlow;

void mesh_pacer_flow_reset (MeshPacerFlow *flow);
gint64 mesh_pacer_flow_get_due (
    MeshPacerFlow *flow, gint64 time, gint64 now, gboolean is_part);
gint64 mesh_pacer_flow_space (
    MeshPacerFlow *flow, gint64 last, gint64 time, gint64 duration, gint64 now);
gint64 mesh_pacer_flow_join (
    MeshPacerFlow *flow, gint64 end, gint64 time, gint64 gap, gint64 now);
gint64 mesh_pacer_flow_tolerate (gint64 time, gboolean is_part);

G_END_DECLS
