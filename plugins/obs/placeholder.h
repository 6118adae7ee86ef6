/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* The picture that a source shows while its guest is absent: the built-in one
 * of imageswitch, as for a guest whose camera is hidden. */

GstSample *mesh_obs_placeholder_get (int width, int height);
void mesh_obs_placeholder_forget (void);

G_END_DECLS
