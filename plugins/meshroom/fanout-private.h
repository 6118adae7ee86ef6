/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/fanout.h"

G_BEGIN_DECLS

/* The fan-out's inside, for its own files: fanout.c has the branches and what
 * flows, fanout-keys.c the key frames that branches need. */

#define MESH_TYPE_BRANCH (mesh_branch_get_type ())
G_DECLARE_FINAL_TYPE (MeshBranch, mesh_branch, MESH, BRANCH, GstPad)

struct _MeshBranch {
  GstPad parent;

  GMutex lock;                  /* guards what follows; nothing is pushed, sent
                                 * or freed under it */
  GCond cond;
  GQueue items;                 /* GstMiniObject: buffers and events */
  guint64 bytes;
  gboolean open;
  gboolean flushing;
  gboolean need_key;            /* video: skip until a key frame comes */
  gboolean busy;                /* its thread is pushing something */
  guint64 dropped;
};

struct _MeshFanout {
  GstElement parent;

  GstPad *sinkpad;
  GstCaps *caps;                /* what we take */
  gboolean is_video;
  MeshFanoutStarved starved;
  gpointer user_data;
  gint key_wanted;              /* atomic */

  GMutex lock;                  /* guards what follows, as a branch's lock does,
                                 * which is taken after it */
  gboolean muted;
  gint64 last_key_request;
  gint64 waiting_since;         /* for a key frame; 0: no branch does */
  GPtrArray *branches;          /* MeshBranch */
  GstEvent *caps_event;         /* the latest of each, for new branches */
  GstEvent *segment;
};

/* fanout-keys.c: any thread, but for note_wait, which the streaming thread
 * calls */
void mesh_fanout_want_key_unit (MeshFanout *fanout);
void mesh_fanout_request_key_unit (MeshFanout *fanout);
gint64 mesh_fanout_note_wait_locked (MeshFanout *fanout, gboolean waits);

G_END_DECLS
