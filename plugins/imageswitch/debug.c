/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "debug.h"

/* The debug category of the element and its parts. */
GST_DEBUG_CATEGORY (imageswitch_debug);
