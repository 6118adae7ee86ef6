/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/timeline.h"

G_BEGIN_DECLS

/* Stands at the entrance of a room. What leaves has times on the room's clock,
 * in one segment, whatever came in: a file that is sought in, a stream whose
 * times start at an hour, buffers without any.
 *
 *   sink → (wait until the room plays; what is not live: for its time) → src
 *
 * An input that is live passes at once while the room plays, and its buffers
 * are not touched where their times are right already; only what comes in a
 * burst is spread (pacer-flow.h). One that is not live, such as a file, waits
 * until the timeline is open, and then for each buffer's time. Long buffers of
 * sound are cut into short ones.
 * The clock goes on behind a flush and behind the end: neither leaves the
 * element.
 *
 * A failure behind the element is told once, and what comes is dropped until
 * the input's format changes: an input that cannot be used ends no pipeline. */

#define MESH_TYPE_PACER (mesh_pacer_get_type ())
G_DECLARE_FINAL_TYPE (MeshPacer, mesh_pacer, MESH, PACER, GstElement)

/* What comes in cannot be used; @result is what came back. Called on the
 * streaming thread, without a lock held. */
typedef void (*MeshPacerRefusal) (GstFlowReturn result, gpointer user_data);

MeshPacer *mesh_pacer_new (MeshTimeline *timeline, GstCaps *accepts,
    MeshPacerRefusal refusal, gpointer user_data);
gboolean mesh_pacer_drain (MeshPacer *pacer);
gboolean mesh_pacer_is_live (MeshPacer *pacer);
gboolean mesh_pacer_get_position (MeshPacer *pacer, gint64 *position);
void mesh_pacer_set_flushing (MeshPacer *pacer, gboolean flushing);

G_END_DECLS
