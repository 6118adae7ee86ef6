/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/bwe/bwe-types.h"

G_BEGIN_DECLS

/* How much the path to one peer takes, found out from what its receiver reports
 * of the packets that were sent to it. Reports and the time go in; targets,
 * probes and the state of the path come out:
 *
 *     mesh_bwe_sent (bwe, bytes, now);          … whatever goes to the peer
 *     mesh_bwe_feed (bwe, packets, n, 0, now);  … each transport-wide report
 *     while (mesh_bwe_pop (bwe, &action))
 *       carry_out (&action);
 *     … and mesh_bwe_tick () at mesh_bwe_deadline ()
 *
 *     reports ─→ groups ─→ trend ─→ aimd ──┐
 *           ├──→ acked ────────────↑       ├─→ target
 *           ├──→ loss ─────────────────────┤
 *           ├──→ probe ────────────────────┘
 *           └──→ gate ───────────────────────→ clear, warning, congested
 *
 * Not thread-safe: one thread owns an estimator. Times are microseconds of one
 * monotonic clock, from any origin, and so are durations; rates are bits per
 * second and sizes bytes, of whole IP packets. Nothing is random. */

typedef struct _MeshBwe MeshBwe;

/**
 * MeshBweConfig:
 * @start: the rate to begin with, above 0
 * @floor: the least target that is given, above 0 and at most @start
 * @ceiling: the greatest target that is given, at least @start
 * @feedback: whether the peer sends transport-wide reports, for
 *   mesh_bwe_feed(); else there are only receiver reports, for
 *   mesh_bwe_report()
 */
typedef struct {
  guint64 start;
  guint64 floor;
  guint64 ceiling;
  gboolean feedback;
} MeshBweConfig;

/**
 * MeshBweActionType:
 * @MESH_BWE_TARGET: send at most @bits from now on, sound and all else together
 * @MESH_BWE_PROBE: send at @bits for @duration, and at least
 *   %MESH_BWE_PROBE_PACKETS packets, marked with @probe
 * @MESH_BWE_STATE: the path is now @state
 */
typedef enum {
  MESH_BWE_TARGET,
  MESH_BWE_PROBE,
  MESH_BWE_STATE,
} MeshBweActionType;

/**
 * MeshBweAction:
 * @type: what is to be done, and which of the other fields are set
 * @bits: a rate
 * @duration: how long a probe lasts
 * @probe: a probe's number, never 0
 * @state: the path's state
 */
typedef struct {
  MeshBweActionType type;
  guint64 bits;
  gint64 duration;
  guint probe;
  MeshBweState state;
} MeshBweAction;

/**
 * MeshBweFigures:
 * @target: the target that was given last
 * @proven: the greatest rate that has arrived, or that a probe has shown, since
 *   it was last too much; @target grows to half above what is sent
 * @acked: the rate that arrives, or of a peer without `feedback` the highest
 *   that did; 0 = not known
 * @loss: the share of packets that is lost, 0 to 1, over the last seconds
 * @rtt: round-trip time; 0 = not known
 * @queue_delay: how long packets wait on the path
 * @state: the path's state
 * @limited_by_source: whether less is sent than the path would take
 */
typedef struct {
  guint64 target;
  guint64 proven;
  guint64 acked;
  double loss;
  gint64 rtt;
  gint64 queue_delay;
  MeshBweState state;
  gboolean limited_by_source;
} MeshBweFigures;

MeshBwe *mesh_bwe_new (const MeshBweConfig *config, gint64 now);
void mesh_bwe_free (MeshBwe *bwe);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshBwe, mesh_bwe_free)

/* What comes in. */
void mesh_bwe_sent (MeshBwe *bwe, guint size, gint64 now);
void mesh_bwe_feed (MeshBwe *bwe, const MeshBwePacket *packets, guint n,
    gint64 rtt, gint64 now);
void mesh_bwe_report (MeshBwe *bwe, double loss, gint64 rtt, gint64 now);
void mesh_bwe_want (MeshBwe *bwe, guint64 bits, gint64 now);
void mesh_bwe_reset_path (MeshBwe *bwe, gint64 now);
void mesh_bwe_tick (MeshBwe *bwe, gint64 now);

/* What comes out. */
gint64 mesh_bwe_deadline (MeshBwe *bwe);
gboolean mesh_bwe_pop (MeshBwe *bwe, MeshBweAction *action);
void mesh_bwe_get_figures (MeshBwe *bwe, MeshBweFigures *figures);

G_END_DECLS
