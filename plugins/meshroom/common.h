/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "core/codec.h"

G_BEGIN_DECLS

GST_DEBUG_CATEGORY_EXTERN (mesh_room_debug);
#define GST_CAT_DEFAULT mesh_room_debug

G_END_DECLS
