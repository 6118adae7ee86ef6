/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Finds out about the elements that feed a sink pad. */

gboolean mesh_upstream_is_live (GstPad *sink);
gboolean mesh_upstream_is_handled (GstPad *sink);
GstPad *mesh_upstream_dup_encoder_sink (GstPad *sink);

G_END_DECLS
