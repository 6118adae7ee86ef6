/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Spares an encoder frames that are the same as the one before: a picture in
 * place of a camera is encoded twice a second, not thirty times. */

typedef struct _MeshRepeatFilter MeshRepeatFilter;

MeshRepeatFilter *mesh_repeat_filter_new (GstPad *sink, GstElement *encoder);
void mesh_repeat_filter_set_active (MeshRepeatFilter *filter, gboolean active);
void mesh_repeat_filter_unref (MeshRepeatFilter *filter);

G_END_DECLS
