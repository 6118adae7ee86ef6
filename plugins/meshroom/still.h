/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Spares an encoder frames that are the same as the one before: a picture in
 * place of a camera is encoded twice a second, not thirty times. */

typedef struct _MeshStill MeshStill;

MeshStill *mesh_still_new (GstPad *sink, GstElement *encoder);
void mesh_still_set_active (MeshStill *still, gboolean active);
void mesh_still_unref (MeshStill *still);

G_END_DECLS
