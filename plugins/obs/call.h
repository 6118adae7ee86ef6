/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "source-handle.h"

G_BEGIN_DECLS

/* A participation in a room: one for each link in the process, however many
 * sources show its guests, and whether or not the programme is sent into it.
 *
 * Any thread may call, and none waits for the network. */

typedef struct _MeshObsCall MeshObsCall;

/* Our own side of the call. The settings of the source that set them last are
 * in force. */
typedef struct {
  const char *name;             /* NULL or "": "OBS" */
  gboolean muted;
  gboolean hidden;              /* the placeholder is sent instead of the
                                 * programme */
  gboolean release_camera;      /* no frames are taken from OBS while hidden */
  guint latency;                /* ms; a change makes the call join anew */
  gboolean leave_when_unused;   /* otherwise the call lasts until OBS ends */
} MeshObsCallSelf;

typedef enum {
  MESH_OBS_CALL_VIDEO,
  MESH_OBS_CALL_AUDIO,
} MeshObsCallKind;

typedef struct {
  guint seat;                   /* counted from 1; 0 until the member has sent a
                                 * frame */
  char *name;
  gboolean muted;
  gboolean hidden;
} MeshObsCallPerson;

/* Each mesh_obs_call_get() wants a mesh_obs_call_release(). The room is left
 * some seconds after the last release, so that a scene collection that is
 * loaded anew finds its call still connected. */
MeshObsCall *mesh_obs_call_get (const char *link, const MeshObsCallSelf *self);
MeshObsCall *mesh_obs_call_ref (MeshObsCall *call);
void mesh_obs_call_unref (gpointer call);
void mesh_obs_call_release (MeshObsCall *call);
void mesh_obs_call_leave_all (void);

void mesh_obs_call_set_self (MeshObsCall *call, const MeshObsCallSelf *self);
char *mesh_obs_call_dup_status (MeshObsCall *call, gboolean *bad);
GPtrArray *mesh_obs_call_dup_people (MeshObsCall *call);
char *mesh_obs_call_dup_link (MeshObsCall *call);
void mesh_obs_call_get_peers (MeshObsCall *call, GValue *peers);

void mesh_obs_call_attach (MeshObsCall *call, MeshObsHandle *handle,
    const char *guest);
void mesh_obs_call_detach (MeshObsCall *call, MeshObsHandle *handle);

/* --- the programme --- */

/* What the programme is sent as, into the one call that has this link. */
typedef struct {
  const char *link;             /* NULL or "": the programme goes to the room
                                 * that serve makes */
  const char *serve;            /* ADDR:PORT; NULL or "": no server is run */
  const char *name;             /* NULL or "": the name that the guests' sources
                                 * set */
  guint bitrate;                /* the picture's limit in bit/s; 0: by its
                                 * size */
} MeshObsCallProgramme;

MeshObsCall *mesh_obs_call_open_programme (
    const MeshObsCallProgramme *programme);
void mesh_obs_call_close_programme (MeshObsCall *call);

gboolean mesh_obs_call_send (MeshObsCall *call, MeshObsCallKind kind,
    GstCaps *caps, GstBuffer *buffer);
gboolean mesh_obs_call_wants (MeshObsCall *call, MeshObsCallKind kind);

/* Hears the messages that meshroom posts in the call of the programme; their
 * names come without "meshroom-". Called on any thread. */
typedef void (*MeshObsCallListener) (const char *event,
    const GstStructure *what);

void mesh_obs_call_set_listener (MeshObsCallListener listener);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshObsCall, mesh_obs_call_unref)

G_END_DECLS
