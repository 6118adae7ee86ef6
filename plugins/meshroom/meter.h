/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

#include "core/codec.h"
#include "meshroom/figures.h"

G_BEGIN_DECLS

/* Counts what one connection sends and receives, by probes on its rtpbin and on
 * the pads of its pictures. A packet or frame costs a few atomic additions; all
 * else is done when the figures are read. */

typedef struct _MeshMeter MeshMeter;

MeshMeter *mesh_meter_new (GstElement *rtpbin);
void mesh_meter_watch_sent (MeshMeter *meter, GstPad *pad,
    const MeshCodec *codec);
void mesh_meter_watch_received (MeshMeter *meter, GstPad *pad,
    const MeshCodec *codec);
void mesh_meter_read (MeshMeter *meter, gint64 now, MeshFigures *figures);
void mesh_meter_unref (MeshMeter *meter);

G_END_DECLS
