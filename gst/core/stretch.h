/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Makes a piece of sound longer or shorter without a click and at the same
 * pitch: a period near its end is repeated, or merged with the one before it
 * (the way of WSOLA, and of WebRTC's NetEq). Samples are interleaved. */

/* The most frames that come out of @n. */
#define MESH_STRETCH_MOST(n) ((n) + (n) / 2)

gsize mesh_stretch (const gint16 *in, gsize n, guint channels, gint64 change,
    gint16 *out);

G_END_DECLS
