/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/peer.h"
#include "meshroom/notifier.h"
#include "meshroom/member-pads.h"

G_BEGIN_DECLS

/* The threads that close connections, and remove the pads of members who have
 * left. Both may block, the first in webrtcbin, the second in elements that the
 * application has linked, so neither is done on the call's thread.
 *
 *   member leaves ─ notifier: after its pads were told of ─ removal thread: EOS
 *     ─ notifier: "pad-removed"
 *
 * Worker only, but for mesh_removals_finish(). */

typedef struct _MeshRemovals MeshRemovals;

MeshRemovals *mesh_removals_new (GstElement *room, MeshNotifier *notifier);
guint mesh_removals_take_number (MeshRemovals *removals);
void mesh_removals_push_peer (MeshRemovals *removals, MeshPeer *peer);
void mesh_removals_push_pads (MeshRemovals *removals,
    MeshMemberPads *member_pads);
void mesh_removals_push_pad (MeshRemovals *removals, GstPad *pad);
void mesh_removals_tell_of_pad (MeshRemovals *removals, GstPad *pad,
    MeshNotifyFunc func, gpointer data, GDestroyNotify destroy);
void mesh_removals_end_pads (MeshRemovals *removals,
    MeshMemberPads *member_pads);
void mesh_removals_finish (MeshRemovals *removals);

G_END_DECLS
