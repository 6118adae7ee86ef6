/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "core/ladder.h"

G_BEGIN_DECLS

/* Hands one stream, encoded in up to MESH_RUNGS qualities, to any number of
 * branches, each with a queue and a thread of its own, so that no branch can
 * hold up another or an encoder.
 *
 *   sink_0 (full size) ─┐   ┌ branch: gate → rung, layers → queue → thread → src
 *   sink_1 ─────────────┼───┼ branch: gate → rung, layers → queue → thread → src
 *   sink_2 (smallest) ──┘   └ …
 *
 * A branch starts with its gate closed: events pass, buffers do not. It takes
 * rung 0 with all layers unless it is told otherwise. Sound has one rung. */

#define MESH_TYPE_FANOUT (mesh_fanout_get_type ())
G_DECLARE_FINAL_TYPE (MeshFanout, mesh_fanout, MESH, FANOUT, GstElement)

/* A branch has waited @waited microseconds for a key frame, though upstream was
 * asked for one. Called on the streaming thread, once for each wait. */
typedef void (*MeshFanoutStarved) (gint64 waited, gpointer user_data);

MeshFanout *mesh_fanout_new (GstCaps *caps);
GstPad *mesh_fanout_get_sink (MeshFanout *fanout, guint rung);
void mesh_fanout_set_starved (MeshFanout *fanout, MeshFanoutStarved starved,
    gpointer user_data);
void mesh_fanout_set_muted (MeshFanout *fanout, gboolean muted);
void mesh_fanout_measure (MeshFanout *fanout, guint rung, guint *bits,
    guint *layers);

GstPad *mesh_fanout_add_branch (MeshFanout *fanout);
void mesh_fanout_open_branch (MeshFanout *fanout, GstPad *branch);
gboolean mesh_fanout_is_outdated (GstPad *branch);
void mesh_fanout_set_rtt (GstPad *branch, gint64 rtt);
void mesh_fanout_set_step (MeshFanout *fanout, GstPad *branch, guint rung,
    guint layers);
guint mesh_fanout_get_rung (GstPad *branch);
void mesh_fanout_close_branch (GstPad *branch);
void mesh_fanout_remove_branch (MeshFanout *fanout, GstPad *branch);
guint64 mesh_fanout_branch_dropped (GstPad *branch);

G_END_DECLS
