/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/codec.h"
#include "meshroom/playout.h"

G_BEGIN_DECLS

/* Guards a depayloader of video against losses: a picture freezes until the
 * next key frame rather than being smeared, unless nothing refers to what is
 * lost, and requests for that key frame are merged and repeated. */

void mesh_picture_repair_add (GstElement *depayloader, const MeshCodec *codec,
    MeshPlayout *playout);

G_END_DECLS
