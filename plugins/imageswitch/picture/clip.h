/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gst/video/video.h>

/* A moving picture, that is played over and over.
 *
 *   file ─► Reader ─► pending ─► Renderer ─┬─► head: its first frames, for good
 *           (load thread, clip_step)       └─► tail: what comes next
 *
 *   output thread, clip_take: out of the head, then out of the tail, again
 *
 * A short clip is all head, and is decoded once. Of a longer one the head gives
 * the reader time to start anew, at a loop and when the camera is hidden. */
typedef struct _Clip Clip;

Clip *imageswitch_clip_new (const gchar *location);
Clip *imageswitch_clip_ref (Clip *clip);
void imageswitch_clip_unref (Clip *clip);
void imageswitch_clip_set_info (Clip *clip, const GstVideoInfo *info);
gboolean imageswitch_clip_wants_step (Clip *clip, gboolean shown);
gboolean imageswitch_clip_step (Clip *clip, GCancellable *cancellable,
    GError **error);
GstBuffer *imageswitch_clip_take (Clip *clip, GstClockTime time,
    gboolean restart);
