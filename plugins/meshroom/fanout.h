/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Hands one encoded stream to any number of branches, each with a queue and a
 * thread of its own, so that no branch can hold up another or the encoder.
 *
 *            ┌ branch: gate → queue → thread → src_0
 *   sink ────┼ branch: gate → queue → thread → src_1
 *            └ …
 *
 * A branch starts with its gate closed: events pass, buffers do not. */

#define MESH_TYPE_FANOUT (mesh_fanout_get_type ())
G_DECLARE_FINAL_TYPE (MeshFanout, mesh_fanout, MESH, FANOUT, GstElement)

/* A branch has waited @waited microseconds for a key frame, though upstream was
 * asked for one. Called on the streaming thread, once for each wait. */
typedef void (*MeshFanoutStarved) (gint64 waited, gpointer user_data);

MeshFanout *mesh_fanout_new (GstCaps *caps);
void mesh_fanout_set_starved (MeshFanout *fanout, MeshFanoutStarved starved,
    gpointer user_data);
void mesh_fanout_set_muted (MeshFanout *fanout, gboolean muted);

GstPad *mesh_fanout_add_branch (MeshFanout *fanout);
void mesh_fanout_open_branch (MeshFanout *fanout, GstPad *branch);
void mesh_fanout_close_branch (GstPad *branch);
void mesh_fanout_remove_branch (MeshFanout *fanout, GstPad *branch);
guint64 mesh_fanout_branch_dropped (GstPad *branch);

G_END_DECLS
