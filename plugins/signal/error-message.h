/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Posts errors of the signalling as messages of an element. */

void mesh_signal_post_error (GstElement *element, const GError *error,
    gboolean fatal);

G_END_DECLS
