/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define MESH_MAX_TAIL 6

/* Reads the size of the picture from an encoded frame, before a decoder
 * allocates memory for it. */

gboolean mesh_vp8_read_size (const guint8 *data, gsize size, int *width,
    int *height);
gboolean mesh_vp9_read_size (const guint8 *data, gsize size, int *width,
    int *height);
gsize mesh_vp9_make_tail (const guint8 *data, gsize size,
    guint8 tail[MESH_MAX_TAIL]);

G_END_DECLS
