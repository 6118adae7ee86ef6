/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean mesh_opus_packet_is_valid (const guint8 *data, gsize size);

G_END_DECLS
