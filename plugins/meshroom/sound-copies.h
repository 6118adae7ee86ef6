/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "meshroom/rate.h"

G_BEGIN_DECLS

/* Sends each packet of sound twice, 40 ms apart, while the path loses packets
 * at random (mesh_rate_copies_sound()): Opus at 64 kbit/s has no forward error
 * correction to speak of, and a request would take a round trip. A burst of
 * losses is seldom as long as that.
 *
 * The copy is the same packet, of the same number, made after the RTP session:
 * whoever has the first one drops it as a repetition (RFC 3711, 3.3.2).
 * Transport-wide reports tell of one of the two. */

void mesh_sound_copies_attach (GstElement *rtpbin, guint32 ssrc,
    MeshRate *rate);

G_END_DECLS
