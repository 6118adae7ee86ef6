/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

/* A decoded picture. Never changes once made, so that any thread may render
 * it; transparency is already laid over the background. */
typedef struct _Picture Picture;

/* Renders frames that are all of one kind: by one thread at a time. Starts as
 * all zeros. */
typedef struct _Renderer Renderer;
struct _Renderer {
  GstVideoInfo from, to;
  GstVideoConverter *converter;
  Renderer *second;             /* where it takes two steps */
  gboolean fast;                /* for pictures that move */
};

/* Why a file cannot be shown. The words are what people get to see. */
#define picture_error(error, ...) \
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE, __VA_ARGS__)

Picture *imageswitch_picture_new_builtin (void);
Picture *imageswitch_picture_new_from_frame (GstVideoFrame *frame,
    GError **error);
Picture *imageswitch_picture_ref (Picture *picture);
void imageswitch_picture_unref (Picture *picture);

GstBuffer *imageswitch_picture_render (Picture *picture,
    const GstVideoInfo *info, GError **error);
GstBuffer *imageswitch_renderer_render (Renderer *renderer, GstBuffer *frame,
    const GstVideoInfo *from, const GstVideoInfo *to, GError **error);
void imageswitch_renderer_clear (Renderer *renderer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Picture, imageswitch_picture_unref)
