/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* One participation in a room, and the signalsrc and the signalsink that use
 * it. They find each other through a GstContext of this type, which goes from
 * bin to bin as contexts do. So two pipelines never share, nor do two
 * participations in one pipeline: each has a peer id of its own. */

#define MESH_SIGNAL_CONTEXT "meshroom.signalling"
#define MESH_SIGNAL_CAPS "application/x-mesh-signal"

typedef struct _MeshShare MeshShare;

typedef enum {
  MESH_SHARE_SRC,
  MESH_SHARE_SINK,
} MeshShareRole;

MeshShare *mesh_share_acquire (GstElement *element, MeshShareRole role,
    const char *link, const char *peer_id, GError **error);
void mesh_share_release (MeshShare *share, MeshShareRole role);
void mesh_share_start (MeshShare *share, MeshShareRole role);

gboolean mesh_share_has_peer_id (MeshShare *share);
gboolean mesh_share_set_peer_id (MeshShare *share, const char *peer_id);

gboolean mesh_share_send (MeshShare *share, const char *json, gsize length,
    GError **error);
char *mesh_share_pop (MeshShare *share);
void mesh_share_set_flushing (MeshShare *share, gboolean flushing);

G_END_DECLS
