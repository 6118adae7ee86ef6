/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "scene.h"

G_BEGIN_DECLS

void mesh_keys_watch (GstPad *video, MeshScene *scene);

G_END_DECLS
