/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/codec-elements.h"
#include "meshroom/playout.h"

G_BEGIN_DECLS

/* Receives one stream of a peer: depayloader and, if wanted, decoder in one bin
 * with pads "sink" and "src". The size of each picture is checked before it is
 * decoded. */

/* Called on the streaming thread when a picture is too large to be decoded,
 * once for consecutive pictures of the same size. */
typedef void (*MeshReceiverRefused) (int width, int height, gpointer user_data);

GstElement *mesh_receiver_new (const MeshCodec *codec, gboolean decode,
    MeshPlayout *playout, MeshReceiverRefused refused, gpointer user_data,
    GError **error);

G_END_DECLS
