/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstpushsrc.h>

#include "scene.h"

G_BEGIN_DECLS

/* The source element of the view's sound: the sum of all voices, and silence
 * without any. */

#define MESH_TYPE_MIXER (mesh_mixer_get_type ())
G_DECLARE_FINAL_TYPE (MeshMixer, mesh_mixer, MESH, MIXER, GstPushSrc)

GstElement *mesh_mixer_new (MeshScene *scene);

G_END_DECLS
