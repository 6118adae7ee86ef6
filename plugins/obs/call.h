/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "outlet.h"

G_BEGIN_DECLS

/* A participation in a room: one for each link in the process, however many
 * sources show its guests, and whether or not the programme is sent into it.
 *
 * Any thread may call, and none waits for the network. */

typedef struct _Call Call;

/* Our own side of it. Whoever sets it last has it. */
typedef struct {
  const char *name;             /* NULL or "": "OBS" */
  gboolean muted;
  gboolean hidden;              /* a picture is sent in its place */
  gboolean release_camera;      /* while hidden, the programme is not taken */
  guint latency;                /* ms; another one means to join anew */
  gboolean leave_when_unused;   /* else the call lasts as long as OBS */
} CallSelf;

typedef enum {
  CALL_VIDEO,
  CALL_AUDIO,
} CallKind;

typedef struct {
  guint seat;                   /* 1, 2, …; 0: has sent nothing yet */
  char *name;
  gboolean muted;
  gboolean hidden;
} CallPerson;

/* Each call_get() wants a call_release(). The room is left some seconds after
 * the last of them, so that a collection that is loaded anew finds itself in
 * the call still. */
Call *call_get (const char *link, const CallSelf *self);
Call *call_ref (Call *call);
void call_unref (gpointer call);
void call_release (Call *call);
void call_leave_all (void);

void call_set_self (Call *call, const CallSelf *self);
char *call_dup_status (Call *call, gboolean *bad);
GPtrArray *call_dup_people (Call *call);

/* guest: "1", "2", … the seat, or a display name */
void call_attach (Call *call, Outlet *outlet, const char *guest);
void call_detach (Call *call, Outlet *outlet);

/* --- the programme, call-programme.c --- */

/* What it is sent as, into the one call with that link. */
typedef struct {
  const char *link;             /* NULL or "": of the room that serve makes */
  const char *serve;            /* ADDR:PORT; NULL or "": nothing is served */
  const char *name;             /* NULL or "": as the guests' sources say */
  guint bitrate;                /* bit/s of the picture, at most; 0: by size */
} CallProgramme;

Call *call_open_programme (const CallProgramme *programme);
void call_close_programme (Call *call);

/* Sends raw video or audio into the room; the buffer's (transfer full) PTS is
 * CLOCK_MONOTONIC's in ns, which is also OBS'. FALSE: the call does not take it
 * now, for its pipeline is not up, or it is hidden or muted; that is no
 * error. */
gboolean call_send (Call *call, CallKind kind, GstCaps *caps,
    GstBuffer *buffer);
gboolean call_wants (Call *call, CallKind kind);

char *call_dup_link (Call *call);
/* As meshroom's property of that name. */
void call_get_peers (Call *call, GValue *peers);

/* What happens in the call that the programme is in: meshroom's messages,
 * without "meshroom-" in their names. On any thread. */
typedef void (*CallListener) (const char *event, const GstStructure *what);

void call_set_listener (CallListener listener);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Call, call_unref)

G_END_DECLS
