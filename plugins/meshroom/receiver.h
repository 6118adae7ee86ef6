/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/codec-elements.h"

G_BEGIN_DECLS

/* (transfer full): depayloader and, with decode, decoder in one bin with pads
 * "sink" and "src". What it is given is bounded before it is decoded. */
/* A picture is too large to be decoded. Called on the streaming thread, once
 * for each size in a row. */
typedef void (*MeshReceiverRefused) (int width, int height, gpointer user_data);

GstElement *mesh_receiver_new (const MeshCodec *codec, gboolean decode,
    MeshReceiverRefused refused, gpointer user_data, GError **error);

G_END_DECLS
