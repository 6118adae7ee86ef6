/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Drops frames that are the same as the frame before, in front of an encoder:
 * the placeholder of a hidden camera is encoded twice a second, not thirty
 * times. */

typedef struct _MeshRepeatFilter MeshRepeatFilter;

MeshRepeatFilter *mesh_repeat_filter_new (GstPad *sink, GstElement *encoder);
void mesh_repeat_filter_set_active (MeshRepeatFilter *filter, gboolean active);
void mesh_repeat_filter_unref (MeshRepeatFilter *filter);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshRepeatFilter, mesh_repeat_filter_unref)

G_END_DECLS
