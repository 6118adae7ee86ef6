/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* What webrtcbin 1.22 needs before it is closed, so as to leave nothing
 * behind. */

GThread *mesh_webrtcbin_settle (GstElement *webrtcbin);
void mesh_webrtcbin_stop_listening (GstElement *webrtcbin);

G_END_DECLS
