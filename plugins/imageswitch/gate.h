/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

/* May a frame of the camera leave? Decided twice under one lock: right before
 * it is pushed, and once more by a probe on the very pad that it is pushed
 * into. Whoever closes the gate takes the same lock, so a frame that has not
 * come through by then never will. */
typedef struct _Gate Gate;

Gate *imageswitch_gate_new (void);
void imageswitch_gate_unref (Gate *gate);
void imageswitch_gate_set_running (Gate *gate, gboolean running);
void imageswitch_gate_keep (Gate *gate, GstPad *srcpad);
void imageswitch_gate_set_closed (Gate *gate, gboolean closed);
void imageswitch_gate_wait (Gate *gate);
gboolean imageswitch_gate_enter (Gate *gate);
gboolean imageswitch_gate_leave (Gate *gate);
