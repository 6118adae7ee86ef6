/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* The steps that webrtcbin 1.22 needs before it is closed, so that it leaks
 * neither memory nor descriptors. */

GThread *mesh_webrtcbin_settle (GstElement *webrtcbin);
void mesh_webrtcbin_stop_listening (GstElement *webrtcbin);

G_END_DECLS
