/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstpushsrc.h>
#include <gst/video/video.h>

#include "scene.h"

G_BEGIN_DECLS

/* The source element of the view's picture. It paints the scene, frame by
 * frame, in time with the pipeline's clock. */

#define MESH_TYPE_CANVAS (mesh_canvas_get_type ())
G_DECLARE_FINAL_TYPE (MeshCanvas, mesh_canvas, MESH, CANVAS, GstPushSrc)

GstElement *mesh_canvas_new (MeshScene *scene);
void mesh_canvas_renegotiate (MeshCanvas *self);

G_END_DECLS
