/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/common.h"

GST_DEBUG_CATEGORY (mesh_room_debug);

const char *const mesh_kind_names[MESH_N_KINDS] = { "audio", "video" };
