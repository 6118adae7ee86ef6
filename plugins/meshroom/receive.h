/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/codec.h"

G_BEGIN_DECLS

/* (transfer full): depayloader and, with decode, decoder in one bin with pads
 * "sink" and "src". What it is given is bounded before it is decoded. */
GstElement *mesh_receive_new (const MeshCodec *codec, gboolean decode,
    GError **error);

G_END_DECLS
