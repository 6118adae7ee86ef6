/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What size of picture an encoded frame claims, read before a decoder allocates
 * it. */

gboolean mesh_vp8_read_size (const guint8 *data, gsize size, int *width,
    int *height);

G_END_DECLS
