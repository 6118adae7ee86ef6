/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "feeders.h"

/* The source elements that are held: from when they are shut down until their
 * first frame is back. */
typedef struct {
  GstElement *element;          /* the imageswitch; their clock and times are
                                 * its own */
  GMutex lock;                  /* guards everything below */
  GCond cond;                   /* what the release thread waits on */
  gboolean poked;               /* the release thread has something to look
                                 * at */
  gboolean shutting;            /* a flush on sink is our own */
  GPtrArray *list;              /* Held, one a source */
} Holds;

typedef enum {
  OPEN,                         /* as it was found */
  SHUT,
  STARTING,                     /* no frame yet */
  BACK,
} HeldState;

typedef struct _HeldGuard HeldGuard;

typedef struct {
  GstElement *source;
  GstBus *bus;                  /* ours, on the source */
  HeldGuard *guard;             /* the bus's */

  /* under Holds' lock */
  HeldState state;
  gchar *error;                 /* what has failed */
  gint64 retry_at;              /* monotonic µs */
  guint attempts;
} Held;

#define HELD(holds, i) ((Held *) g_ptr_array_index ((holds)->list, (i)))

void imageswitch_holds_init (Holds *holds, GstElement *element);
void imageswitch_holds_clear (Holds *holds);
void imageswitch_holds_poke_locked (Holds *holds);
GPtrArray *imageswitch_holds_copy (Holds *holds);

void imageswitch_held_fail_locked (Holds *holds, Held *held,
    const gchar *error);
void imageswitch_held_take (Holds *holds, GstElement *source, gboolean wait);
void imageswitch_held_lock_unopened (Holds *holds, Held *held);
void imageswitch_held_shut (Holds *holds, Held *held);
void imageswitch_held_start (Holds *holds, Held *held, Feeders *feeders);
gboolean imageswitch_held_catch_up (Holds *holds, Held *held,
    Feeders *feeders);
gint64 imageswitch_held_try_again (Holds *holds, Held *held);
void imageswitch_held_let_go (Holds *holds, Held *held);
