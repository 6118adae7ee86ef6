/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "input.h"

G_BEGIN_DECLS

/* An `audio_%u` pad: the sound of one member, converted to the mixer's rate and
 * channels on the streaming thread that brings it. */

#define MESH_TYPE_VOICE (mesh_voice_get_type ())
G_DECLARE_FINAL_TYPE (MeshVoice, mesh_voice, MESH, VOICE, MeshInput)

gboolean mesh_voice_mix_locked (MeshVoice *self, guint64 position,
    gboolean audible, float *samples, guint frames);
float mesh_voice_get_level_locked (MeshVoice *self);

G_END_DECLS
