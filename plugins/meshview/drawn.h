/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "scene.h"

G_BEGIN_DECLS

/* Tells the elements upstream how large each picture is drawn, by an upstream
 * event `meshroom/drawn` on the tile's pad, so that nothing larger needs to be
 * sent and decoded. */

void mesh_drawn_tell (MeshScene *scene, GstElement *element);

G_END_DECLS
