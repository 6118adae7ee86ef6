/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* What the receivers of one attempt share: the path's round-trip time, and what
 * is counted of the peer's streams. Any thread may call. */

typedef struct _MeshPlayout MeshPlayout;

typedef struct {
  GstClockTime delay;           /* from a packet's earliest arrival to its
                                 * playout */
  guint64 freezes;
  GstClockTime frozen;
  guint64 key_frames_asked;
} MeshPlayoutStats;

MeshPlayout *mesh_playout_new (void);
MeshPlayout *mesh_playout_ref (MeshPlayout *playout);
void mesh_playout_unref (MeshPlayout *playout);
void mesh_playout_set_rtt (MeshPlayout *playout, GstClockTime rtt);
GstClockTime mesh_playout_get_rtt (MeshPlayout *playout);
void mesh_playout_note_picture (MeshPlayout *playout);
void mesh_playout_note_request (MeshPlayout *playout);
void mesh_playout_get_stats (MeshPlayout *playout, MeshPlayoutStats *stats);

G_END_DECLS
