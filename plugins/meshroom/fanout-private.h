/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/fanout.h"

G_BEGIN_DECLS

/* The fan-out's inside, for its own files: fanout.c has the element and what
 * flows into it, fanout-branch.c what a branch takes of that, fanout-keys.c the
 * key frames that branches need. */

#define MESH_TYPE_BRANCH (mesh_branch_get_type ())
G_DECLARE_FINAL_TYPE (MeshBranch, mesh_branch, MESH, BRANCH, GstPad)

struct _MeshBranch {
  GstPad parent;

  gboolean is_video;
  GMutex lock;                  /* guards what follows; nothing is pushed, sent
                                 * or freed under it */
  GCond cond;
  GQueue items;                 /* GstMiniObject: buffers and events */
  guint64 bytes;
  gboolean open;
  gboolean flushing;
  gboolean busy;                /* its thread is pushing something */
  guint busy_with;              /* of which rung */
  gboolean busy_with_key;       /* which is a key frame */
  gboolean outdated;            /* which is of a rung that has been left for a
                                 * smaller one meanwhile */
  gint64 key_sent_at;           /* when the last one had been pushed; 0: none */
  gint64 rtt;                   /* of the path, in us; 0: not known */
  guint wanted;                 /* the rung to take; MESH_RUNGS: none */
  guint rung;                   /* the rung whose frames pass; MESH_RUNGS: none
                                 * do, before a key frame of the wanted one */
  guint layers;                 /* of a layered stream: 1 = the lowest one, 2 =
                                 * all */
  guint top;                    /* the highest layer that can be decoded with
                                 * the frames that have passed */
  GstEvent *caps;               /* the last of each that was queued */
  GstEvent *segment;
  GstSegment now;               /* of what is pushed */
  GstClockTime newest;          /* running time of the last buffer that was
                                 * pushed */
  GstClockTime floor;           /* frames up to this running time have been
                                 * pushed, of another rung; NONE: of this rung
                                 * alone */
  guint64 dropped;
};

/* A frame on its way to the branches. */
typedef struct {
  GstBuffer *buffer;
  guint rung;
  GstClockTime time;            /* running time */
  gboolean delta;               /* it needs frames before it */
  guint layer;                  /* temporal, 0 is the lowest */
  gboolean sync;                /* of the layers above the lowest, the frame
                                 * needs none */
} MeshFrame;

/* One rung's stream, which comes in by one of the sink pads. */
typedef struct {
  GstPad *pad;
  GstEvent *caps;               /* the latest of each, for branches that come to
                                 * the rung */
  GstEvent *segment;
  gboolean key_wanted;          /* a peer has asked for a key frame */
  gboolean asked;               /* upstream has been asked for a key frame */
  GstClockTime asked_at;        /* the PTS that had come then; NONE: none had */
  GstClockTime newest;          /* the PTS that came last */
  guint layers;                 /* that have been seen */
  guint64 bits;                 /* bit/s, mean of the last seconds */
  GstClockTime since;           /* the PTS that the present second began with */
  guint64 bytes;                /* that have come in it */
  gint64 waiting_since;         /* branches wait for a key frame; 0: none does */
} MeshInlet;

struct _MeshFanout {
  GstElement parent;

  GstCaps *caps;                /* what we take */
  gboolean is_video;
  MeshFanoutStarved starved;
  gpointer user_data;

  GMutex lock;                  /* guards what follows, as a branch's lock does,
                                 * which is taken after it */
  gboolean muted;
  GPtrArray *branches;          /* MeshBranch */
  MeshInlet inlets[MESH_RUNGS];
};

/* fanout-branch.c: any thread; the fan-out's lock is held where an inlet is
 * passed, the branch's where the name says so */
MeshBranch *mesh_branch_new (gboolean is_video);
void mesh_branch_begin (MeshBranch *branch, const MeshInlet *inlets);
void mesh_branch_take_events (MeshBranch *branch, const MeshInlet *inlet,
    guint rung);
gboolean mesh_branch_take_frame (MeshBranch *branch, const MeshInlet *inlet,
    const MeshFrame *frame, GQueue *doomed);
void mesh_branch_empty_locked (MeshBranch *branch, GQueue *doomed);
void mesh_branch_drop_layers_locked (MeshBranch *branch, GQueue *doomed);
guint mesh_frame_read_layer (GstBuffer *buffer, gboolean *sync);
void mesh_fanout_answer_caps (MeshFanout *fanout, GstQuery *query);
void mesh_fanout_free_items (GQueue *doomed);

/* fanout-keys.c: any thread, but for the last two, which the streaming thread
 * calls */
void mesh_fanout_want_key_unit (MeshFanout *fanout, guint rung);
void mesh_fanout_request_key_unit (MeshFanout *fanout, guint rung);
gboolean mesh_inlet_note_frame_locked (MeshInlet *inlet,
    const MeshFrame *frame, gboolean muted);
gint64 mesh_inlet_note_wait_locked (MeshInlet *inlet, gboolean waits);

G_END_DECLS
