/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Tells RTP sessions the caps of what they send ahead of the first packet. */

void mesh_rtpbin_announce_senders (GstElement *rtpbin);

G_END_DECLS
