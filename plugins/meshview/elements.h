/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* The element, and the debug category of all its parts. */

GST_DEBUG_CATEGORY_EXTERN (mesh_view_debug);
#define GST_CAT_DEFAULT mesh_view_debug

GST_ELEMENT_REGISTER_DECLARE (meshview);

G_END_DECLS
