/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "imageswitch.h"
#include "upstream.h"

G_BEGIN_DECLS

typedef enum {
  OPEN,                         /* as it was found */
  SHUT,
  STARTING,                     /* no frame yet */
  BACK,
} HeldState;

typedef struct {
  GstElement *source;
  GstBus *bus;                  /* ours, on the source */

  /* under the element's lock */
  HeldState state;
  gchar *error;                 /* what has failed */
  gint64 retry_at;              /* monotonic µs */
  guint attempts;
} Held;

Held *held_find_locked (ImageSwitch *self, GstElement *source, GstBus *bus);
HeldState held_get_state (ImageSwitch *self, Held *held);
void held_fail_locked (ImageSwitch *self, Held *held, const gchar *error);
gpointer held_ref (gconstpointer held, gpointer data);
void held_unref (gpointer held);
void held_take (ImageSwitch *self, GstElement *source, gboolean wait);
void held_lock_unopened (ImageSwitch *self, Held *held);
void held_shut (ImageSwitch *self, Held *held);
void held_start (ImageSwitch *self, Held *held, Upstream *upstream);
gboolean held_catch_up (ImageSwitch *self, Held *held, Upstream *upstream);
gint64 held_try_again (ImageSwitch *self, Held *held);
void held_let_go (ImageSwitch *self, Held *held);

G_END_DECLS
