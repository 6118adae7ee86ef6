/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "source-handle.h"

G_BEGIN_DECLS

/* A participation in a room: one for each link in the process, however many
 * sources show its guests, and whether or not the programme is sent into it.
 *
 * Any thread may call, and none waits for the network. */

typedef struct _MeshObsCall MeshObsCall;

/* Our own side of it. Whoever sets it last has it. */
typedef struct {
  const char *name;             /* NULL or "": "OBS" */
  gboolean muted;
  gboolean hidden;              /* a picture is sent in its place */
  gboolean release_camera;      /* while hidden, the programme is not taken */
  guint latency;                /* ms; another one means to join anew */
  gboolean leave_when_unused;   /* else the call lasts as long as OBS */
} MeshObsCallSelf;

typedef enum {
  MESH_OBS_CALL_VIDEO,
  MESH_OBS_CALL_AUDIO,
} MeshObsCallKind;

typedef struct {
  guint seat;                   /* 1, 2, …; 0: has sent nothing yet */
  char *name;
  gboolean muted;
  gboolean hidden;
} MeshObsCallPerson;

/* Each mesh_obs_call_get() wants a mesh_obs_call_release(). The room is left
 * some seconds after the last of them, so that a collection that is loaded anew
 * finds itself in the call still. */
MeshObsCall *mesh_obs_call_get (const char *link, const MeshObsCallSelf *self);
MeshObsCall *mesh_obs_call_ref (MeshObsCall *call);
void mesh_obs_call_unref (gpointer call);
void mesh_obs_call_release (MeshObsCall *call);
void mesh_obs_call_leave_all (void);

void mesh_obs_call_set_self (MeshObsCall *call, const MeshObsCallSelf *self);
char *mesh_obs_call_dup_status (MeshObsCall *call, gboolean *bad);
GPtrArray *mesh_obs_call_dup_people (MeshObsCall *call);

/* guest: "1", "2", … the seat, or a display name */
void mesh_obs_call_attach (MeshObsCall *call, MeshObsHandle *handle,
    const char *guest);
void mesh_obs_call_detach (MeshObsCall *call, MeshObsHandle *handle);

/* --- the programme, call-programme.c --- */

/* What it is sent as, into the one call with that link. */
typedef struct {
  const char *link;             /* NULL or "": of the room that serve makes */
  const char *serve;            /* ADDR:PORT; NULL or "": nothing is served */
  const char *name;             /* NULL or "": as the guests' sources say */
  guint bitrate;                /* bit/s of the picture, at most; 0: by size */
} MeshObsCallProgramme;

MeshObsCall *mesh_obs_call_open_programme (
    const MeshObsCallProgramme *programme);
void mesh_obs_call_close_programme (MeshObsCall *call);

/* Sends raw video or audio into the room; the buffer's (transfer full) PTS is
 * CLOCK_MONOTONIC's in ns, which is also OBS'. FALSE: the call does not take it
 * now, for its pipeline is not up, or it is hidden or muted; that is no
 * error. */
gboolean mesh_obs_call_send (MeshObsCall *call, MeshObsCallKind kind,
    GstCaps *caps, GstBuffer *buffer);
gboolean mesh_obs_call_wants (MeshObsCall *call, MeshObsCallKind kind);

char *mesh_obs_call_dup_link (MeshObsCall *call);
/* As meshroom's property of that name. */
void mesh_obs_call_get_peers (MeshObsCall *call, GValue *peers);

/* What happens in the call that the programme is in: meshroom's messages,
 * without "meshroom-" in their names. On any thread. */
typedef void (*MeshObsCallListener) (const char *event,
    const GstStructure *what);

void mesh_obs_call_set_listener (MeshObsCallListener listener);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshObsCall, mesh_obs_call_unref)

G_END_DECLS
