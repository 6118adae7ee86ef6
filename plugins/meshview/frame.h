/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

/* One colour space for everything, the one that most cameras in calls come
 * with: a tile in it is scaled plane by plane, which costs a third of what
 * converting it does. */
#define MESH_FRAME_COLORIMETRY "bt601"

/* A refcounted picture on its way from an input to the canvas. */
typedef struct {
  GstClockTime time;            /* running time at which it is shown; 0 = at
                                 * once */
  GstBuffer *buffer;
  GstVideoInfo info;
  GstVideoOrientationMethod turn;       /* the rotation that is still to be
                                         * applied */
} MeshFrame;

void mesh_frame_init_info (GstVideoInfo *info, int width, int height);
MeshFrame *mesh_frame_new (GstBuffer *buffer, const GstVideoInfo *info,
    GstClockTime time);
MeshFrame *mesh_frame_ref (MeshFrame *frame);
void mesh_frame_unref (MeshFrame *frame);
gboolean mesh_frame_fits (const MeshFrame *frame, int width, int height);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshFrame, mesh_frame_unref)

/* Converts frames to the canvas's format and a given size. The converter and
 * the buffer pool are kept from one frame to the next. Not thread-safe. */
typedef struct {
  GstVideoConverter *converter;
  GstVideoInfo in;
  GstVideoInfo out;             /* the format before the rotation */
  GstBufferPool *pool;
} MeshScaler;

MeshFrame *mesh_scaler_scale (MeshScaler *scaler, MeshFrame *frame, int width,
    int height);
void mesh_scaler_clear (MeshScaler *scaler);

G_END_DECLS
