/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

/* The frames of the request pad `image_sink`, which take the place of the
 * picture while there are any. A lock of its own guards them. */
typedef struct _Live Live;

/* @get_clock: the clock that the element goes by, and when its running time
 * began */
Live *imageswitch_live_new (GstElement *element,
    GstClock *(*get_clock) (GstElement *element, GstClockTime *base));
void imageswitch_live_free (Live *live);
GstPad *imageswitch_live_request_pad (Live *live, GstPadTemplate *template);
void imageswitch_live_release_pad (Live *live);
void imageswitch_live_set_playing (Live *live, gboolean playing);
void imageswitch_live_set_caps (Live *live, GstCaps *caps);
GstBuffer *imageswitch_live_take (Live *live, const GstVideoInfo *out);
