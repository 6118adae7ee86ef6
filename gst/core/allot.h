/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/bwe/bwe-types.h"

G_BEGIN_DECLS

/* What each peer gets of an uplink that all of them share: sound first, screens
 * next, then pictures, in proportion to how large they are shown. A peer that
 * wants or takes less leaves the rest to the others.
 *
 * Not thread-safe. Times are microseconds of one monotonic clock, from any
 * origin; rates are bits per second. */

/**
 * MeshAllotPeer:
 * @target: what the peer's own path takes
 * @acked: what arrives at it; 0 = not known
 * @state: its path's state
 * @sound: what its sound takes
 * @screen: what would be sent of a screen; 0 = none
 * @picture: what would be sent of a picture
 * @size: how large the picture is shown, in any unit that all peers have alike;
 *   0 = not at all
 * @share: (out): what may be sent to it, with sound
 *
 * A peer, for mesh_allot_divide(), which sets @share. Initialised with zeros,
 * and kept from call to call; the other fields are private.
 */
typedef struct {
  guint64 target;
  guint64 acked;
  MeshBweState state;
  guint64 sound;
  guint64 screen;
  guint64 picture;
  double size;
  guint64 share;
  guint64 last_target;
  gint64 pressed_at;            /* 0 = not of late */
} MeshAllotPeer;

/**
 * MeshAllot:
 *
 * What is known of the uplink. Initialised with zeros, but for @uplink, which
 * may be set at any time; 0 = it is found out. The other fields are its own.
 */
typedef struct {
  guint64 uplink;
  double found;
  double want;
  gint64 found_at;
  gint64 at;
} MeshAllot;

void mesh_allot_divide (MeshAllot *allot, MeshAllotPeer *peers, guint n,
    gint64 now);

G_END_DECLS
