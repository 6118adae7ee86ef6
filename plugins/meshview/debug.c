/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/gst.h>

/* The debug category of the view and its parts. */
GST_DEBUG_CATEGORY (mesh_view_debug);
