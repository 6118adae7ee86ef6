/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* One member's connection to a room's signalling, shared by the signalsrc and
 * the signalsink of that member. The two elements find each other through a
 * GstContext of this type, which is passed from bin to bin. So elements of two
 * pipelines never share a connection, and several members in one pipeline each
 * have their own peer id and connection. */

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
