/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "core/codec.h"

G_BEGIN_DECLS

/* When an attempt's streams are played: both with the same delay, which follows
 * what the network does (core/playout-delay.h), and so that sound and picture
 * stay together. Any thread may call.
 *
 *   packet → jitterbuffer → depayloader → decoder → pad
 *            playout-buffer.c: when    playout-output.c:
 *            a packet is given up      when it is played
 *
 * The pads declare a constant latency, so that members who come and go never
 * change the pipeline's. The delay is in the timestamps: a sink plays them later
 * by the latency that it was told, so they are early by that much, and late by
 * the delay. */

typedef struct _MeshPlayout MeshPlayout;

typedef struct {
  GstClockTime declared;        /* the latency of the pads */
  GstClockTime least;           /* delay */
  gboolean fixed;               /* the timestamps do not follow the delay, since
                                 * what is encoded cannot be stretched */
} MeshPlayoutConfig;

typedef struct {
  GstClockTime delay;
  guint64 freezes;
  GstClockTime frozen;
  guint64 key_frames_asked;
} MeshPlayoutStats;

MeshPlayout *mesh_playout_new (const MeshPlayoutConfig *config);
MeshPlayout *mesh_playout_ref (MeshPlayout *playout);
void mesh_playout_unref (MeshPlayout *playout);
void mesh_playout_set_rtt (MeshPlayout *playout, GstClockTime rtt);
GstClockTime mesh_playout_get_rtt (MeshPlayout *playout);
void mesh_playout_take_late (MeshPlayout *playout, MeshKind kind,
    GstClockTimeDiff late, gboolean repaired);
void mesh_playout_take_answer (MeshPlayout *playout, GstClockTime time);
void mesh_playout_take_work (MeshPlayout *playout, GstClockTimeDiff work);
void mesh_playout_take_sync (MeshPlayout *playout, MeshKind kind,
    GstClockTimeDiff transit);
GstClockTime mesh_playout_get_wait (MeshPlayout *playout, MeshKind kind);
GstClockTimeDiff mesh_playout_get_shift (MeshPlayout *playout, MeshKind kind);
void mesh_playout_note_picture (MeshPlayout *playout, GstClockTime time,
    GstClockTime now);
void mesh_playout_excuse_gap (MeshPlayout *playout);
void mesh_playout_note_request (MeshPlayout *playout);
void mesh_playout_get_stats (MeshPlayout *playout, MeshPlayoutStats *stats);

/* playout-buffer.c */
void mesh_playout_watch_buffer (MeshPlayout *playout, MeshKind kind,
    GstElement *jitterbuffer);

/* playout-output.c */
void mesh_playout_time_output (MeshPlayout *playout, MeshKind kind,
    GstElement *receiver, GstPad *in, GstPad *out);

G_END_DECLS
