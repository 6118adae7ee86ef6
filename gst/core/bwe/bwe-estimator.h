/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/bwe/bwe-private.h"
#include "core/bwe/bwe.h"

G_BEGIN_DECLS

/* The estimator: bwe.c has its public functions, probing.c decides when the
 * path is asked for more. Times are counted from one second before it began, so
 * that 0 can stand for a time that never was; those of packets are as given. */

struct _MeshBwe {
  MeshBweConfig config;
  gint64 origin;
  GArray *actions;              /* of MeshBweAction */
  double target;
  guint64 told_target;
  MeshBweState told_state;
  gint64 rtt;                   /* 0 = not known */

  MeshBweGroups groups;
  MeshBweTrend trend;
  MeshBweAcked acked;
  MeshBweAimd aimd;
  MeshBweLoss loss;
  MeshBweAlr alr;
  MeshBweProber prober;
  MeshBweQueue queue;
  MeshBweGate gate;
  MeshBweReports reports;
  gboolean report_lost;         /* a packet of the report being read */

  gint64 sent_at;               /* the last packet */
  gint64 waiting_since;         /* a packet is out of which no report came */
  gint64 fed_at;
  guint silence;                /* steps that were taken for want of reports */
  gint64 quiet_since;           /* the last of them */
  double before_silence;        /* the target then */
  double proven;                /* see MeshBweFigures */
  gint64 resumed_at;

  double want;                  /* 0 = no more than is sent */
  gboolean want_rose;           /* and the path was not asked for it yet */
  gboolean started;             /* the first probes were asked for */
  gint64 considered_at;
  double recover;               /* the rate to ask for first; 0 = none */
  gint64 recover_until;
  gboolean spare_only;          /* the probe that is out asks for that alone */
  double climb;                 /* the next rate to ask for; 0 = none */
};

void mesh_bwe_ask_probe (MeshBwe *self, double rate, gint64 now);

/* probing.c */
void mesh_bwe_consider_probe (MeshBwe *self, gint64 now);
void mesh_bwe_take_result (MeshBwe *self, double result, double probed,
    gboolean saturated, gint64 now);
void mesh_bwe_expect_recovery (MeshBwe *self, double rate, gint64 now);
gint64 mesh_bwe_probe_deadline (MeshBwe *self);

G_END_DECLS
