/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/sdp/sdp.h>

#include "core/codec.h"

G_BEGIN_DECLS

/* What webrtcbin leaves out of our session descriptions. Any thread may call
 * these functions. */

void mesh_description_promise_reports (GstSDPMessage *answer,
    const int twcc_ids[MESH_N_KINDS]);
char *mesh_description_dup_text (const GstSDPMessage *description);

G_END_DECLS
