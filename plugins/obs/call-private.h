/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "call.h"

#include "runner.h"
#include "seats.h"
#include "tap.h"

G_BEGIN_DECLS

/* The call's inside, for its own files: call.c has the pool and what other
 * files may ask for, call-run.c the pipeline, call-people.c who is there and
 * who is shown where, call-programme.c what is sent. */

/* Somebody else, from their first pad on. */
typedef struct {
  guint number;                 /* of the pads */
  char *id;                     /* NULL until the peer's event has named it */
  char *name;
  gboolean muted;
  gboolean hidden;
  MeshObsTap *taps[2];          /* indexed by MeshObsTapKind */
} MeshObsMember;

/* A source that shows somebody. */
typedef struct {
  MeshObsHandle *handle;
  char *guest;
  MeshObsMember *member;        /* NULL while the placeholder is shown */
} MeshObsViewer;

struct _MeshObsCall {
  gatomicrefcount refs;

  /* under the pool's lock */
  guint users;
  gint64 unused_since;

  GMutex applying;              /* held while settings are applied, so that the
                                 * newest settings are applied last */
  GMutex lock;                  /* guards all fields down to sent; taken after
                                 * the pool's lock and applying */
  MeshObsRunner *runner;        /* NULL once the room has been left */
  char *link;                   /* NULL until the server of serve has made a
                                 * room */
  char *serve;                  /* NULL if no server is run */
  char *name;
  gboolean muted;
  gboolean hidden;
  gboolean release_camera;
  guint latency;
  gboolean leave_when_unused;
  char *status;
  gboolean bad;
  GPtrArray *people;            /* MeshObsCallPerson; replaced, not changed */
  GstElement *room;             /* NULL while no pipeline exists */
  GstElement *camera;
  GstElement *sources[2];       /* indexed by MeshObsCallKind */
  GstCaps *caps[2];
  char *programme_name;         /* NULL: the programme is sent under name */
  guint bitrate;                /* 0: the encoders have no limit */
  gboolean sending;             /* OBS' programme is sent into the call */
  gboolean open;                /* frames may be sent: muted and hidden have
                                 * been applied to the pipeline */
  gboolean sent;                /* peers have received frames of the
                                 * programme */

  /* the runner's thread */
  GstElement *pipeline;
  MeshObsSeats *seats;
  GPtrArray *members;
  GPtrArray *viewers;
  GSource *ticker;
  gint64 gathering_until;       /* 0 until the first member comes; -1 once
                                 * members are seated as they come */
  gboolean ready;
  char *trouble;                /* the pipeline's last warning; NULL: none */
  gint64 trouble_at;

  gint generation;              /* atomic; the number of the present pipeline */
};

/* call.c */
MeshObsCall *mesh_obs_call_pool_get (const char *link, const char *serve,
    const MeshObsCallSelf *self, gboolean *made);
void mesh_obs_call_release_now (MeshObsCall *call);
void mesh_obs_call_pool_add_link (MeshObsCall *call, const char *link);
void mesh_obs_call_person_free (gpointer person);

/* call-programme.c */
void mesh_obs_call_watch_encoders (MeshObsCall *call, GstElement *pipeline);
void mesh_obs_call_hear_message (MeshObsCall *call, const GstStructure *s);
void mesh_obs_call_tell_link (MeshObsCall *call);

/* call-run.c */
extern const MeshObsRunnerEvents mesh_obs_call_runner_events;
void mesh_obs_call_apply_self (MeshObsCall *call);

/* call-people.c: the runner's thread */
typedef struct {
  MeshObsCall *call;
  gint generation;
  guint number;
  MeshObsTapKind kind;
  MeshObsTap *tap;
  GstStructure *info;
} MeshObsCallNews;

void mesh_obs_call_post_news (MeshObsCall *call, GSourceFunc func, guint number,
    MeshObsTapKind kind, MeshObsTap *tap, const GstStructure *info);
gboolean mesh_obs_call_on_tap_added (gpointer news);
gboolean mesh_obs_call_on_tap_begun (gpointer news);
gboolean mesh_obs_call_on_tap_removed (gpointer news);
gboolean mesh_obs_call_on_info (gpointer news);
gboolean mesh_obs_call_tick (gpointer call);
void mesh_obs_call_forget_members (MeshObsCall *call);
void mesh_obs_call_set_viewer (MeshObsCall *call, MeshObsHandle *handle,
    const char *guest);
void mesh_obs_call_remove_viewer (MeshObsCall *call, MeshObsHandle *handle);
void mesh_obs_call_set_status (MeshObsCall *call, const char *text,
    gboolean bad);
void mesh_obs_call_tell_viewers (MeshObsCall *call);
void mesh_obs_member_free (gpointer member);
void mesh_obs_viewer_free (gpointer viewer);

G_END_DECLS
