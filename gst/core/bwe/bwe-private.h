/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The parts that an estimator is made of. Each is a plain structure that begins
 * as zeros, or with its own _init (), and knows none of the others. Rates are
 * bits per second as doubles. */

#include "core/bwe/bwe-types.h"

G_BEGIN_DECLS

#define MS(ms) ((gint64) (ms) * 1000)
#define SECONDS(duration) ((double) (duration) / G_USEC_PER_SEC)

/* group.c: packets that were sent in one go count as one */
typedef struct {
  gint64 first_sent;
  gint64 last_sent;
  gint64 first_arrived;
  gint64 last_arrived;
} MeshBweGroup;

typedef struct {
  MeshBweGroup groups[2];       /* the complete one, and that which grows */
  guint n;
} MeshBweGroups;

typedef struct {
  double sent_ms;               /* between the last packets of two groups */
  double arrived_ms;
} MeshBweDelta;

gboolean mesh_bwe_groups_add (MeshBweGroups *self, gint64 sent, gint64 arrived,
    MeshBweDelta *delta);

/* trend.c: whether a queue grows */
typedef enum {
  MESH_BWE_NORMAL,
  MESH_BWE_OVERUSE,
  MESH_BWE_UNDERUSE,
} MeshBweUsage;

#define MESH_BWE_TREND_POINTS 20

typedef struct {
  double x[MESH_BWE_TREND_POINTS];      /* arrival, ms */
  double y[MESH_BWE_TREND_POINTS];      /* smoothed delay, ms */
  guint deltas;
  double delay_ms;
  double smooth_ms;
  double slope;
  double threshold;
  gint64 threshold_at;
  double over_ms;
  guint over_count;
  MeshBweUsage usage;
} MeshBweTrend;

void mesh_bwe_trend_init (MeshBweTrend *self);
void mesh_bwe_trend_add (MeshBweTrend *self, const MeshBweDelta *delta,
    gint64 arrived);

/* queue.c: how long packets wait */
#define MESH_BWE_LEASTS 3
#define MESH_BWE_FLATS 8

typedef struct {
  gint64 base[2];               /* least delay of this period and the last */
  gint64 base_began;
  guint periods;                /* with packets: 0, 1 or 2 */
  gint64 least[MESH_BWE_LEASTS];        /* of the last reports */
  gint64 flat[MESH_BWE_FLATS];  /* of the last periods, the latest first */
  gint64 flat_began;
  guint n_flat;
  gint64 report_least;          /* of the report that is being read */
  gint64 sum;
  guint n;
  gint64 delay;                 /* in the mean, of the last report */
  gint64 standing;
} MeshBweQueue;

void mesh_bwe_queue_add (MeshBweQueue *self, gint64 sent, gint64 arrived);
void mesh_bwe_queue_update (MeshBweQueue *self);
gboolean mesh_bwe_queue_is_flat (const MeshBweQueue *self);
void mesh_bwe_queue_rebase (MeshBweQueue *self);

/* acked.c: the rate that arrives */
#define MESH_BWE_BUCKETS 8

typedef struct {
  double buckets[MESH_BWE_BUCKETS];     /* bits */
  double latest;                /* the rate of the last 150 ms */
  gint64 began;                 /* the latest one */
  guint n;                      /* buckets so far */
  double rate;                  /* 0 = not known */
} MeshBweAcked;

void mesh_bwe_acked_add (MeshBweAcked *self, guint size, gint64 arrived);

/* aimd.c: the rate that keeps the queue short */
typedef enum {
  MESH_BWE_HOLD,
  MESH_BWE_INCREASE,
} MeshBweAimdState;

typedef struct {
  double rate;
  MeshBweAimdState state;
  gint64 changed_at;
  gint64 decreased_at;
  gint64 probed_at;
  gint64 crowded_since;         /* a queue stands; 0 = it does not */
  gint64 empty_since;           /* none does; 0 = one does */
  guint crowded_decreases;      /* since then */
  gboolean competing;           /* others fill the queue */
} MeshBweAimd;

/* What a report tells of the path. */
typedef struct {
  MeshBweUsage usage;
  double acked;                 /* 0 = not known */
  double latest;                /* the same, of the last 150 ms */
  gint64 standing;              /* queue */
  gboolean lost;                /* a packet of this report */
  gboolean by_source;           /* the source limits what is sent */
  gint64 rtt;                   /* 0 = not known */
} MeshBweSigns;

void mesh_bwe_aimd_update (MeshBweAimd *self, const MeshBweSigns *signs,
    gint64 now);
void mesh_bwe_aimd_probed (MeshBweAimd *self, double rate, gint64 now);

/* loss.c: the rate that keeps losses low */
#define MESH_BWE_LOSS_WINDOWS 20

typedef struct {
  double rate;                  /* that was sent */
  double sent;                  /* packets */
  double lost;
} MeshBweLossWindow;

typedef struct {
  MeshBweLossWindow windows[MESH_BWE_LOSS_WINDOWS];
  guint n;
  MeshBweLossWindow current;    /* its rate is bits so far */
  gint64 began_sent;            /* sending time of the current window's first */
  guint judged;                 /* windows of which the limit knows */
  double inherent;              /* share that is lost at any rate */
  double start;                 /* below which nothing is lowered on a guess */
  double limit;                 /* G_MAXDOUBLE = none */
  gint64 limited_at;            /* when it was set or raised last */
  double loss;                  /* of late, 0 to 1 */
} MeshBweLoss;

void mesh_bwe_loss_init (MeshBweLoss *self, double start);
void mesh_bwe_loss_add (MeshBweLoss *self, const MeshBwePacket *packet);
void mesh_bwe_loss_update (MeshBweLoss *self, double rate, gboolean queued,
    gint64 rtt, gint64 now);

/* alr.c: whether the source sends less than it may */
typedef struct {
  double budget;                /* bytes that might have been sent more */
  gint64 at;
  gboolean limited;
  gint64 since;
} MeshBweAlr;

void mesh_bwe_alr_sent (MeshBweAlr *self, guint size, double rate, gint64 now);

/* probe.c: short bursts that ask the path for more */
#define MESH_BWE_PROBES 4
/* libwebrtc, probe_controller.cc: min_probe_duration */
#define MESH_BWE_PROBE_LENGTH MS (15)

typedef struct {
  guint id;                     /* 0 = none */
  double rate;
  gint64 asked_at;
  guint bytes;                  /* that arrived */
  guint packets;
  guint lost;
  guint first_size;
  guint last_size;
  gint64 first_sent;
  gint64 last_sent;
  gint64 first_arrived;
  gint64 last_arrived;
} MeshBweProbe;

typedef struct {
  MeshBweProbe probes[MESH_BWE_PROBES];
  guint last_id;
  gint64 asked_at;              /* the last one */
} MeshBweProber;

guint mesh_bwe_prober_ask (MeshBweProber *self, double rate, gint64 now);
void mesh_bwe_prober_add (MeshBweProber *self, const MeshBwePacket *packet);
double mesh_bwe_prober_result (MeshBweProber *self, gint64 now,
    double *probed, gboolean *saturated);
gboolean mesh_bwe_prober_is_waiting (MeshBweProber *self);

/* gate.c: clear, warning or congested */
typedef struct {
  MeshBweState state;
  gint64 bad_since;             /* 0 = it is not bad */
  gint64 good_since;
} MeshBweGate;

void mesh_bwe_gate_update (MeshBweGate *self, const MeshBweQueue *queue,
    MeshBweUsage usage, double loss, gint64 now);

/* report.c: peers that send nothing but receiver reports */
typedef struct {
  double rate;
  double shown;                 /* the highest that was sent without trouble */
  gint64 clean_since;           /* 0 = the last report was not clean */
  gint64 reported_at;
  gint64 reduced_at;
  gint64 least_rtt;
  double bits;                  /* sent since the last report */
} MeshBweReports;

void mesh_bwe_reports_add (MeshBweReports *self, double loss, gint64 rtt,
    gint64 now);
MeshBweState mesh_bwe_reports_state (const MeshBweReports *self);

G_END_DECLS
