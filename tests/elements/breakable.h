/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Encoders that fail when a test says so: the real elements, but with an
 * ERROR message and flow return instead of the next frame. */

/* Replaces the element @name, an encoder of video, in this process. */
void breakable_replace (const char *name);
void breakable_set_broken (const char *name, gboolean broken);
/* Only what is in @bin fails; NULL: nothing does. */
void breakable_set_victim (GstObject *bin);

G_END_DECLS
