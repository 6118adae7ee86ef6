/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

GST_DEBUG_CATEGORY_EXTERN (mesh_room_debug);
#define GST_CAT_DEFAULT mesh_room_debug

/* The order is that of the m-lines. */
typedef enum {
  MESH_AUDIO,
  MESH_VIDEO,
  MESH_N_KINDS
} MeshKind;

G_END_DECLS
