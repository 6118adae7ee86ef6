/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/rate.h"

G_BEGIN_DECLS

/* Stands between a peer's video payloader and webrtcbin, and lets the packets
 * of a picture go one by one where the peer's rate asks for it, so that a key
 * frame does not fill the queue of the path, in which sound would wait. It
 * waits on the streaming thread of the peer's branch; sound does not pass here.
 */

#define MESH_TYPE_SPREADER (mesh_spreader_get_type ())
G_DECLARE_FINAL_TYPE (MeshSpreader, mesh_spreader, MESH, SPREADER, GstElement)

/* Whether the picture that is being sent is of no use any more, asked on the
 * streaming thread, without a lock held. */
typedef gboolean (*MeshSpreaderOutdated) (gpointer user_data);

MeshSpreader *mesh_spreader_new (MeshRate *rate);
void mesh_spreader_set_outdated (MeshSpreader *spreader,
    MeshSpreaderOutdated outdated, gpointer user_data);
void mesh_spreader_stop (MeshSpreader *spreader);

G_END_DECLS
