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
  char *id;                     /* NULL: not yet said */
  char *name;
  gboolean muted;
  gboolean hidden;
  Tap *taps[2];                 /* by TapKind */
} Member;

/* A source that shows somebody. */
typedef struct {
  Outlet *outlet;
  char *guest;
  Member *member;               /* NULL: the placeholder */
} Viewer;

struct _Call {
  gatomicrefcount refs;

  /* under the pool's lock */
  guint users;
  gint64 unused_since;

  GMutex applying;              /* whoever applies last, applies the newest */
  GMutex lock;                  /* guards, after the pool's and applying: */
  Runner *runner;               /* NULL: it is left */
  char *link;                   /* NULL: the room is still to be made */
  char *serve;                  /* NULL: nothing is served */
  char *name;
  gboolean muted;
  gboolean hidden;
  gboolean release_camera;
  guint latency;
  gboolean leave_when_unused;
  char *status;
  gboolean bad;
  GPtrArray *people;            /* CallPerson, never changes: is replaced */
  GstElement *room;             /* NULL: not up */
  GstElement *camera;
  GstElement *sources[2];       /* by CallKind */
  GstCaps *caps[2];
  char *programme_name;         /* NULL: name */
  guint bitrate;                /* 0: no limit */
  gboolean sending;             /* there is a programme */
  gboolean open;                /* what it is to be hidden by is set */
  gboolean sent;                /* the others have seen some of it */

  /* the runner's thread */
  GstElement *pipeline;
  Seats *seats;
  GPtrArray *members;
  GPtrArray *viewers;
  GSource *pulse;
  gint64 gathering_until;       /* 0: nobody has come yet; -1: it is over */
  gboolean ready;
  char *trouble;                /* what was last reported; NULL: none */
  gint64 trouble_at;

  gint generation;              /* atomic; of the pipeline */
};

/* call.c */
Call *call_pool_get (const char *link, const char *serve, const CallSelf *self,
    gboolean *made);
void call_release_now (Call *call);
void call_pool_add_link (Call *call, const char *link);
void call_person_free (gpointer person);

/* call-programme.c */
void call_watch_encoders (Call *call, GstElement *pipeline);
void call_hear_message (Call *call, const GstStructure *s);
void call_tell_link (Call *call);

/* call-run.c */
extern const RunnerEvents call_runner_events;
void call_apply_self (Call *call);

/* call-people.c: the runner's thread */
typedef struct {
  Call *call;
  gint generation;
  guint number;
  TapKind kind;
  Tap *tap;
  GstStructure *info;
} CallNews;

void call_post_news (Call *call, GSourceFunc func, guint number, TapKind kind,
    Tap *tap, const GstStructure *info);
gboolean call_on_tap_added (gpointer news);
gboolean call_on_tap_begun (gpointer news);
gboolean call_on_tap_removed (gpointer news);
gboolean call_on_info (gpointer news);
gboolean call_pulse (gpointer call);
void call_forget_members (Call *call);
void call_set_viewer (Call *call, Outlet *outlet, const char *guest);
void call_remove_viewer (Call *call, Outlet *outlet);
void call_set_status (Call *call, const char *text, gboolean bad);
void call_tell_viewers (Call *call);
void member_free (gpointer member);
void viewer_free (gpointer viewer);

G_END_DECLS
