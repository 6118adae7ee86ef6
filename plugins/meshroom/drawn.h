/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "core/message.h"

G_BEGIN_DECLS

/* How large the picture of one pad is drawn downstream, by all that have said so
 * with an event `meshroom/drawn`. The largest counts: behind a tee there may be
 * several. Not thread-safe. */
typedef struct {
  GArray *viewers;              /* Viewer; NULL before the first event */
} MeshDrawn;

void mesh_drawn_clear (MeshDrawn *drawn);
gboolean mesh_drawn_take (MeshDrawn *drawn, GstEvent *event);
gboolean mesh_drawn_forget (MeshDrawn *drawn);
void mesh_drawn_get_largest (const MeshDrawn *drawn, MeshWant *largest);

G_END_DECLS
