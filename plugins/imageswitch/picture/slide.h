/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

/* The picture of `location`, ready to be sent: read from its file by a thread
 * of its own, and rendered once for the caps in use. It has a lock of its own,
 * so all of this may be called under the element's. */
typedef struct _Slide Slide;

typedef enum {
  SLIDE_STALE,                  /* to be rendered */
  SLIDE_READY,
  SLIDE_UNSHOWABLE,             /* not as these caps */
} SlideState;

/* @changed: called without a lock when the output thread is to look again */
Slide *imageswitch_slide_new (GstElement *element,
    void (*changed) (GstElement *element));
void imageswitch_slide_free (Slide *slide);
void imageswitch_slide_start (Slide *slide);
void imageswitch_slide_stop (Slide *slide);
void imageswitch_slide_set_location (Slide *slide, const gchar *location);
gchar *imageswitch_slide_get_location (Slide *slide);
void imageswitch_slide_set_shown (Slide *slide, gboolean shown);
gboolean imageswitch_slide_is_loading (Slide *slide);
SlideState imageswitch_slide_get_state (Slide *slide,
    const GstVideoInfo *info);
void imageswitch_slide_render (Slide *slide, const GstVideoInfo *info);
GstBuffer *imageswitch_slide_take (Slide *slide, const GstVideoInfo *info,
    GstClockTime time, gboolean restart);
