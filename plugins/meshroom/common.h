/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "core/codec.h"

G_BEGIN_DECLS

/* What all files of the folder share: the debug category, and the names of the
 * kinds of media in pads, stream ids and session descriptions. */

GST_DEBUG_CATEGORY_EXTERN (mesh_room_debug);
#define GST_CAT_DEFAULT mesh_room_debug

extern const char *const mesh_kind_names[MESH_N_KINDS];

G_END_DECLS
