/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

GstPad *mesh_output_add (GstBin *bin, GstElement *source,
    GstPadTemplate *templ, const char *const *converters);

G_END_DECLS
