/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gst/video/video.h>

/* A decoded picture. Never changes once made, so that any thread may render
 * it; transparency is already laid over the background. */
typedef struct _Picture Picture;

/* No side of a picture file may be longer, and no more pixels in all: what a
 * file can make us allocate while it is decoded. */
#define PICTURE_MAX_SIDE 8192
#define PICTURE_MAX_PIXELS (32 * 1024 * 1024)

Picture *picture_new_builtin (void);
Picture *picture_new_from_file (const gchar *location,
    GCancellable *cancellable, GError **error);
Picture *picture_new_from_frame (GstVideoFrame *frame, GError **error);
Picture *picture_ref (Picture *picture);
void picture_unref (Picture *picture);

GstBuffer *picture_render (Picture *picture, const GstVideoInfo *info,
    GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Picture, picture_unref)
