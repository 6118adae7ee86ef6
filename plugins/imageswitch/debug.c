/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/gst.h>

/* The debug category of the element and its rooms. */
GST_DEBUG_CATEGORY (imageswitch_debug);
