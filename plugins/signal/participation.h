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

typedef struct _MeshParticipation MeshParticipation;

typedef enum {
  MESH_PARTICIPATION_SRC,
  MESH_PARTICIPATION_SINK,
} MeshParticipationRole;

MeshParticipation *mesh_participation_acquire (GstElement *element,
    MeshParticipationRole role, const char *link, const char *peer_id,
    GError **error);
void mesh_participation_release (MeshParticipation *participation,
    MeshParticipationRole role);
void mesh_participation_start (MeshParticipation *participation,
    MeshParticipationRole role);

gboolean mesh_participation_has_peer_id (MeshParticipation *participation);
gboolean mesh_participation_set_peer_id (MeshParticipation *participation,
    const char *peer_id);

gboolean mesh_participation_send (MeshParticipation *participation,
    const char *json, gsize length, GError **error);
char *mesh_participation_pop (MeshParticipation *participation);
void mesh_participation_set_flushing (MeshParticipation *participation,
    gboolean flushing);

G_END_DECLS
