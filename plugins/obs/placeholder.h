/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* The picture for a place where nobody is: that of imageswitch, so that it
 * looks like somebody who hides. */

GstSample *mesh_obs_placeholder_get (int width, int height);
void mesh_obs_placeholder_forget (void);

G_END_DECLS
