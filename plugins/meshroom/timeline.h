/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* How the times of what an application feeds into a room relate to the room's
 * clock. A file's first frame has the running time 0 whenever it is played, so
 * each input (a track) is given an offset:
 *
 *   time on the room's clock = running time of the buffer + offset
 *
 * Tracks whose running times belong together, as the picture and the sound of
 * one file do, share an offset (a line), so that they stay in sync when one of
 * them is late and the offset grows.
 *
 * The timeline also knows whether playing has begun: inputs that can wait do
 * so until somebody is there to see them.
 *
 * There is one timeline a room. Functions that end in _locked are called with
 * its lock held; all others take it. */

typedef struct _MeshTimeline MeshTimeline;
typedef struct _MeshTrack MeshTrack;

/* What to do with a buffer that has been placed. */
typedef enum {
  MESH_PLACE_PLAY,              /* the buffer is pushed when it is due */
  MESH_PLACE_DROP               /* the buffer is late, and the other track is
                                 * not */
} MeshPlace;

MeshTimeline *mesh_timeline_new (void);
MeshTimeline *mesh_timeline_ref (MeshTimeline *timeline);
void mesh_timeline_unref (MeshTimeline *timeline);
void mesh_timeline_lock (MeshTimeline *timeline);
void mesh_timeline_unlock (MeshTimeline *timeline);
void mesh_timeline_set_open (MeshTimeline *timeline, gboolean open);
gboolean mesh_timeline_is_open_locked (MeshTimeline *timeline);
void mesh_timeline_wait_locked (MeshTimeline *timeline, gint64 patience);
void mesh_timeline_wake_locked (MeshTimeline *timeline);

MeshTrack *mesh_track_new (MeshTimeline *timeline);
void mesh_track_free (MeshTrack *track);
void mesh_track_forget_locked (MeshTrack *track);
MeshPlace mesh_track_place_locked (MeshTrack *track, gint64 time, gint64 now,
    gboolean may_drop, GstClockTime *out);
void mesh_track_place_live_locked (MeshTrack *track, gint64 time, gint64 now,
    GstClockTime *out);
void mesh_track_restart_locked (MeshTrack *track);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshTimeline, mesh_timeline_unref)

G_END_DECLS
