/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "core/bwe/bwe.h"

G_BEGIN_DECLS

/* What rtpsession tells of the packets of a transport-wide report. Any thread
 * may call. */

void mesh_twcc_read_packets (const GstStructure *report, guint overhead,
    gint64 now, GArray *packets);

G_END_DECLS
