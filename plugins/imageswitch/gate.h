/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

/* The gate decides whether a frame of the camera may leave: right before the
 * frame is pushed, and once more in a probe on the pad that it is pushed into.
 * Closing the gate takes the same lock as both decisions, so a frame that has
 * not passed by then never does. */
typedef struct _Gate Gate;

Gate *imageswitch_gate_new (void);
void imageswitch_gate_unref (Gate *gate);
void imageswitch_gate_set_running (Gate *gate, gboolean running);
void imageswitch_gate_keep (Gate *gate, GstPad *srcpad);
void imageswitch_gate_set_closed (Gate *gate, gboolean closed);
void imageswitch_gate_wait (Gate *gate);
gboolean imageswitch_gate_enter (Gate *gate);
gboolean imageswitch_gate_leave (Gate *gate);
