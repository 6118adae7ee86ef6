/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "call.h"

#include "runner.h"
#include "seats.h"
#include "tap.h"

G_BEGIN_DECLS

/* The call's inside, for its own files. Each file calls only those that stand
 * before it here:
 *
 *   call.c            the object
 *   call-viewers.c    which source shows which member
 *   call-people.c     the list of members
 *   call-encoders.c   the limit of the bit rate
 *   call-run.c        the pipeline
 *   call-pool.c       one call for each room
 *   call-programme.c  what OBS sends into it */

/* A member of the room, from the first pad on. */
typedef struct {
  guint number;                 /* of the pads */
  char *id;                     /* NULL until the peer's event has named it */
  char *name;
  gboolean muted;
  gboolean hidden;
  MeshObsTap *taps[2];          /* indexed by MeshObsTapKind */
} MeshObsMember;

/* A source that shows a member. */
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
void mesh_obs_call_post (MeshObsCall *call, GSourceFunc func, gpointer data,
    GDestroyNotify destroy);
MeshObsMember *mesh_obs_call_find_member (MeshObsCall *call, const char *id);
guint mesh_obs_call_get_seat (MeshObsCall *call, const MeshObsMember *member);
void mesh_obs_call_person_free (gpointer person);

/* call-viewers.c: the runner's thread */
void mesh_obs_call_update_viewers (MeshObsCall *call, gboolean changed);
void mesh_obs_call_show_tap (MeshObsCall *call, MeshObsMember *member,
    MeshObsTap *tap);
void mesh_obs_call_hide_tap (MeshObsCall *call, MeshObsMember *member,
    MeshObsTapKind kind);
void mesh_obs_call_hide_member (MeshObsCall *call, MeshObsMember *member);
void mesh_obs_call_set_status (MeshObsCall *call, const char *text,
    gboolean bad);
void mesh_obs_call_tell_viewers (MeshObsCall *call);
void mesh_obs_viewer_free (gpointer viewer);

/* call-people.c: the runner's thread, but for mesh_obs_call_post_news() */
void mesh_obs_call_post_news (MeshObsCall *call, GSourceFunc func, guint number,
    MeshObsTapKind kind, MeshObsTap *tap, const GstStructure *info);
gboolean mesh_obs_call_on_tap_added (gpointer news);
gboolean mesh_obs_call_on_tap_begun (gpointer news);
gboolean mesh_obs_call_on_tap_removed (gpointer news);
gboolean mesh_obs_call_on_info (gpointer news);
gboolean mesh_obs_call_tick (gpointer call);
void mesh_obs_call_forget_members (MeshObsCall *call);
void mesh_obs_member_free (gpointer member);

/* call-encoders.c */
void mesh_obs_call_watch_encoders (MeshObsCall *call, GstElement *pipeline);

/* call-run.c */
extern const MeshObsRunnerEvents mesh_obs_call_runner_events;
void mesh_obs_call_apply_self (MeshObsCall *call);
char *mesh_obs_call_dup_room (const char *serve);
void mesh_obs_call_forget_rooms (void);

/* call-pool.c */
MeshObsCall *mesh_obs_call_pool_get (const char *link, const char *serve,
    const MeshObsCallSelf *self, gboolean *made);
void mesh_obs_call_release_now (MeshObsCall *call);

G_END_DECLS
