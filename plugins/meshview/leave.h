/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

void mesh_leave_prepare (void);
gboolean mesh_leave_is_kept (GstPad *pad);
void mesh_leave_soon (GstElement *view, GstPad *pad);

G_END_DECLS
