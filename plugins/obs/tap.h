/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "outlet.h"

G_BEGIN_DECLS

/* Takes what arrives at an appsink to any number of outlets, on the thread on
 * which it arrives. */

typedef struct _Tap Tap;

typedef enum {
  TAP_VIDEO,
  TAP_AUDIO,
} TapKind;

typedef struct {
  /* the first frame has come; streaming thread */
  void (*begun) (Tap *tap, gpointer user_data);
  /* there will be no other */
  void (*ended) (Tap *tap, gpointer user_data);
} TapEvents;

Tap *tap_new (TapKind kind, GstElement *appsink, const TapEvents *events,
    gpointer user_data);
Tap *tap_ref (Tap *tap);
void tap_unref (gpointer tap);
void tap_set_timing (Tap *tap, gboolean use_timestamps, GstClockTime extra);
void tap_add_outlet (Tap *tap, Outlet *outlet);
void tap_remove_outlet (Tap *tap, Outlet *outlet);
gboolean tap_has_begun (Tap *tap);
gboolean tap_has_ended (Tap *tap);
gint64 tap_get_heard_at (Tap *tap);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Tap, tap_unref)

G_END_DECLS
