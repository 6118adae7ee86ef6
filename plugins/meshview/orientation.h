/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

/* The orientation of a stream's pictures, as its tags tell it. */
typedef struct {
  GstVideoOrientationMethod of_stream;
  GstVideoOrientationMethod of_all;     /* of the whole file that the stream is
                                         * a part of */
  gboolean has_of_stream;
} MeshOrientation;

void mesh_orientation_reset (MeshOrientation *orientation);
gboolean mesh_orientation_take_tags (MeshOrientation *orientation,
    GstTagList *tags);
GstVideoOrientationMethod mesh_orientation_get (
    const MeshOrientation *orientation);

gboolean mesh_orientation_swaps_sides (GstVideoOrientationMethod method);
GstBuffer *mesh_orientation_apply (GstVideoFrame *picture,
    GstVideoOrientationMethod method, const GstVideoInfo *info);

G_END_DECLS
