/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What is told of packets, and of the path that they take. */

/**
 * MESH_BWE_LOST:
 *
 * Stands for the arrival time of a packet that did not arrive.
 */
#define MESH_BWE_LOST G_MININT64

/**
 * MeshBwePacket:
 * @sent_at: when it was sent, by the clock of all calls
 * @arrived_at: when it arrived, by the receiver's clock, from any origin; or
 *   %MESH_BWE_LOST
 * @size: its length with all headers
 * @probe: the probe that it was part of; 0 = none
 *
 * What a transport-wide report tells of one packet.
 */
typedef struct {
  gint64 sent_at;
  gint64 arrived_at;
  guint size;
  guint probe;
} MeshBwePacket;

/**
 * MESH_BWE_PROBE_PACKETS:
 *
 * How many packets a probe has at least (libwebrtc, probe_controller.cc,
 * `min_packets`).
 */
#define MESH_BWE_PROBE_PACKETS 5

/**
 * MeshBweState:
 * @MESH_BWE_CLEAR: nothing speaks against sending more
 * @MESH_BWE_WARNING: a queue may be growing: begin nothing new
 * @MESH_BWE_CONGESTED: a queue stands on the path, or much is lost: send less
 */
typedef enum {
  MESH_BWE_CLEAR,
  MESH_BWE_WARNING,
  MESH_BWE_CONGESTED,
} MeshBweState;

G_END_DECLS
