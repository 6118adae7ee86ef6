/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gst/video/video.h>

#include "clip.h"

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

Picture *picture_new_builtin (void);
Picture *picture_new_from_file (const gchar *location, Clip **clip,
    GCancellable *cancellable, GError **error);
Picture *picture_new_from_frame (GstVideoFrame *frame, GError **error);
Picture *picture_ref (Picture *picture);
void picture_unref (Picture *picture);

GstBuffer *picture_render (Picture *picture, const GstVideoInfo *info,
    GError **error);

GstBuffer *renderer_render (Renderer *renderer, GstBuffer *frame,
    const GstVideoInfo *from, const GstVideoInfo *to, GError **error);
void renderer_clear (Renderer *renderer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Picture, picture_unref)
