/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

/* Which way up a stream's pictures are, by its tags. */
typedef struct {
  GstVideoOrientationMethod of_stream;
  GstVideoOrientationMethod of_all;     /* of the file that it is a part of */
  gboolean has_of_stream;
} MeshTurn;

void mesh_turn_reset (MeshTurn *turn);
gboolean mesh_turn_take_tags (MeshTurn *turn, GstTagList *tags);
GstVideoOrientationMethod mesh_turn_get (const MeshTurn *turn);

gboolean mesh_turn_upends (GstVideoOrientationMethod method);
GstBuffer *mesh_turn_picture (GstVideoFrame *picture,
    GstVideoOrientationMethod method, const GstVideoInfo *info);

G_END_DECLS
