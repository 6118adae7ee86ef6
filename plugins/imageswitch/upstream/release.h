/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

/* Shuts the camera's source elements down, and starts them again. It has a lock
 * of its own, so all of this may be called under the element's. */
typedef struct _Release Release;

Release *imageswitch_release_new (GstElement *element, GstPad *sinkpad);
void imageswitch_release_free (Release *release);
void imageswitch_release_start (Release *release);
void imageswitch_release_stop (Release *release);
void imageswitch_release_set_enabled (Release *release, gboolean enabled);
gboolean imageswitch_release_is_enabled (Release *release);
void imageswitch_release_set_hidden (Release *release, gboolean hidden);

/* Camera threads that may be downstream, or waiting to get there: the camera
 * cannot be shut down before they are back. */
gboolean imageswitch_release_enter (Release *release);
gboolean imageswitch_release_leave (Release *release);
gboolean imageswitch_release_is_entered (Release *release);

gboolean imageswitch_release_is_shutting (Release *release);
gboolean imageswitch_release_is_awaiting (Release *release);
void imageswitch_release_saw_frame (Release *release);
gboolean imageswitch_release_take_eos (Release *release);
