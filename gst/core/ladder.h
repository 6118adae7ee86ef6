/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/bwe/bwe-types.h"

G_BEGIN_DECLS

/* Which of a source's encodings each peer gets, and at what rate each of them
 * runs. A source is encoded at up to three sizes, its rungs, for all peers
 * together; a peer gets one of them, or none, and of it all frames or half of
 * them. These are its steps:
 *
 *     6  rung 0, all frames      the full size
 *     5  rung 0, half of them
 *     4  rung 1, all frames
 *     …
 *     1  rung 2, half of them
 *     0  nothing: the picture stands, and there is sound
 *
 * A peer goes down at once when its share does not do, and up when its share
 * has been enough for a while. To be called some times a second, and when a
 * target, a state or what a peer wants has changed:
 *
 *     mesh_ladder_ask (ladder, peer);             … each peer
 *     mesh_bwe_want (bwe, peer->demand, now);     … and its picture and size
 *                                                 into its MeshAllotPeer
 *     mesh_allot_divide (allot, …);               … the shares back into peers
 *     mesh_ladder_decide (ladder, peers, n, now);
 *
 * Not thread-safe. Times are microseconds of one monotonic clock, above 0;
 * rates are bits per second. */

/**
 * MESH_RUNGS:
 *
 * How many rungs a source has at most. Rung 0 is the full size, and this
 * number stands for no rung at all.
 */
#define MESH_RUNGS 3

/**
 * MeshLadderRung:
 * @width: the width of its picture
 * @height: the height of its picture
 * @framerate: its frames a second
 * @nominal: the rate at which it looks as it should, without headers
 * @layers: 2 where half of the frames can be left out, else 1
 * @fixed: whether its rate cannot be changed. Then @nominal is what it takes
 * @running: whether its encoder runs
 * @failed: whether it cannot be encoded
 * @needed: (out): whether its encoder is to run
 * @rate: (out): what its encoder is to be set to; 0 as long as the rung was
 *   never needed
 *
 * One of a source's encodings. Its other fields are private.
 */
typedef struct {
  guint width;
  guint height;
  double framerate;
  guint64 nominal;
  guint layers;
  gboolean fixed;
  gboolean running;
  gboolean failed;
  gboolean needed;
  guint64 rate;
  gint64 used_at;
  gint64 set_at;
} MeshLadderRung;

/**
 * MeshLadder:
 * @rungs: (array length=n_rungs): from the full size downwards
 * @n_rungs: how many there are: 1 for an input that is already encoded; 0 = the
 *   source has no picture yet
 * @muted: whether the source shows nothing now
 *
 * A source in one codec. Initialised with zeros; the fields may be set anew
 * before each call.
 */
typedef struct {
  MeshLadderRung rungs[MESH_RUNGS];
  guint n_rungs;
  gboolean muted;
} MeshLadder;

/**
 * MeshLadderPeer:
 * @connected: whether the source's picture can be sent to the peer at all
 * @no_feedback: whether the peer sends receiver reports alone
 * @state: its path's state
 * @share: what may be sent to it, of mesh_allot_divide()
 * @proven: what its path was seen to take, with sound; 0 = @share is
 * @sound: what of @share is not for this picture
 * @is_held: whether its share is less than its path takes since the uplink is
 *   not to be used any more than that
 * @want_known: whether the peer has said how large it shows the picture
 * @want_width: how wide it shows it; 0 = not at all
 * @want_height: how high it shows it; 0 = not at all
 * @want_fps: how many frames a second it can use; 0 = any number
 * @rung: (out): the rung that it gets; %MESH_RUNGS = none
 * @layers: (out): 2 = all frames of the rung, 1 = half of them
 * @demand: (out): what mesh_bwe_want() is to be told
 * @picture: (out): what would be sent of the picture, for #MeshAllotPeer
 * @size: (out): how large the picture is shown, for #MeshAllotPeer
 *
 * A peer of a ladder. Initialised with zeros, and kept from call to call; the
 * other fields are private.
 */
typedef struct {
  gboolean connected;
  gboolean no_feedback;
  MeshBweState state;
  guint64 share;
  guint64 proven;
  guint64 sound;
  gboolean is_held;
  gboolean want_known;
  guint want_width;
  guint want_height;
  double want_fps;
  guint rung;
  guint layers;
  guint64 demand;
  guint64 picture;
  double size;
  guint step;
  guint most;                   /* the best step that is of use */
  gboolean seen;
  gint64 good_since;            /* it could go up; 0 = it could not */
  gint64 short_since;           /* 0 = its share does */
  gint64 drags_since;           /* 0 = it costs others nothing */
  gint64 settles_until;
  gint64 eager_until;
  gint64 up_at;                 /* 0 = it has gone down since */
  gint64 down_at;
  gint64 wait;                  /* from then on, before it goes up */
  gint64 back_off;
  guint failed_step;            /* it came down from there; 0 = not lately */
} MeshLadderPeer;

void mesh_ladder_ask (const MeshLadder *ladder, MeshLadderPeer *peer);
void mesh_ladder_decide (MeshLadder *ladder, MeshLadderPeer **peers, guint n,
    gint64 now);

G_END_DECLS
