/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * MESH_RTCP_MAX_REPORTED:
 *
 * How many packets one transport-wide report may be about: ten times what a
 * second of a picture of 5 Mbit/s has.
 */
#define MESH_RTCP_MAX_REPORTED 5000

gboolean mesh_rtcp_is_whole (const guint8 *data, gsize size);

G_END_DECLS
