/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/common.h"

G_BEGIN_DECLS

/* The element through which a room's messages go in and out as buffers. It is
 * linked to meshroom's signal pads, or to its own signalsrc and signalsink. */

#define MESH_TYPE_SIGNAL_CHANNEL (mesh_signal_channel_get_type ())
G_DECLARE_FINAL_TYPE (MeshSignalChannel, mesh_signal_channel, MESH,
    SIGNAL_CHANNEL, GstElement)

/* @json is one message, and not NUL-terminated. Called on the streaming
 * thread. */
typedef void (*MeshSignalChannelFunc) (const char *json, gsize length,
    gpointer user_data);

MeshSignalChannel *mesh_signal_channel_new (const char *peer_id,
    MeshSignalChannelFunc received, gpointer user_data);
gboolean mesh_signal_channel_send (MeshSignalChannel *channel,
    const char *json);
void mesh_signal_channel_end (MeshSignalChannel *channel);
void mesh_signal_channel_drain (MeshSignalChannel *channel, gint64 timeout);
void mesh_signal_channel_let_go (MeshSignalChannel *channel);

G_END_DECLS
