/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Senders and receivers around modelled links, in one thread and in virtual
 * time: the real estimator and the real pacer, with a source, a network and
 * receivers that are made up. The same scenario gives the same run.
 *
 *   world.c      the clock: what happens next
 *   source.c     an encoder and a microphone
 *   flow.c       a sender: estimator, pacer, probes
 *   receiver.c   what arrives, and what is reported of it
 *   caller.c     a source with rungs, for many peers: ladder and budget
 *   tcp.c        somebody else's download
 *   measure.c    what came of it
 *   scenarios-*  the table, and main.c, which runs it */

#include "core/allot.h"
#include "core/bwe/bwe.h"
#include "core/bwe/pace.h"
#include "core/ladder.h"
#include "net/link.h"

#define SECOND G_GINT64_CONSTANT (1000000)
#define MS(ms) ((gint64) (ms) * 1000)
#define MBIT(mbit) ((mbit) * 1e6)
#define KBIT(kbit) ((kbit) * 1e3)

/* world.c */
typedef struct _World World;
typedef void (*WorldFunc) (gpointer data, guint number);

World *world_new (void);
void world_free (World *world);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (World, world_free)
gint64 world_now (World *world);
void world_at (World *world, gint64 at, WorldFunc func, gpointer data,
    guint number);
void world_run (World *world, gint64 until);
Link *world_link (World *world, const LinkProfile *profile,
    const LinkStep *steps, guint n_steps);
guint32 world_seed (World *world);
void world_own (World *world, gpointer thing, GDestroyNotify destroy);

/* source.c */
typedef struct {
  GRand *rand;
  double debt;                  /* bytes of key frames, to be saved again */
  gint64 key_at;
} Source;

#define FRAME_TIME (SECOND / 30)
#define SOUND_TIME MS (20)
#define HEADERS 58              /* IP, UDP, RTP, its extensions, SRTP's tag */
#define SOUND_BYTES (80 + HEADERS)
#define PACKET_BYTES (1200 + HEADERS)
#define SOUND_RATE (SOUND_BYTES * 8. * SECOND / SOUND_TIME)
#define KEY_INTERVAL (10 * SECOND)

guint source_next (Source *source, double rate, gint64 now);

/* flow.c, receiver.c */
typedef enum {
  PACKET_SOUND,
  PACKET_VIDEO,
  PACKET_PADDING,
} PacketKind;

typedef struct {
  PacketKind kind;
  guint frame;
  guint size;
  guint probe;
  gint64 sent_at;
  gint64 arrived_at;            /* MESH_BWE_LOST: not, or not yet */
  gint64 queued;                /* how long it waits at the bottleneck */
} Packet;

typedef struct {
  gint64 captured_at;
  guint missing;                /* packets that have not arrived */
  gint64 arrived_at;            /* all of it; 0 = not */
} Frame;

/* What a report tells of. */
typedef struct {
  guint from;                   /* numbers of packets */
  guint to;
  guint lost;                   /* of them */
} Report;

/* What a flow did in a tenth of a second. */
typedef struct {
  double sent;                  /* bytes */
  double probes;                /* bytes of padding sent */
  double media;                 /* bytes of media that arrived */
  guint lost;                   /* of the packets of media sent */
  guint packets;                /* of media sent */
  double target;                /* at its end */
  MeshBweState state;           /* at its end */
} Tenth;

#define TENTH MS (100)

typedef struct {
  Link *forward;                /* shared with whoever uses it too */
  Link *back;
  Link *second;                 /* behind the forward one, or NULL */
  gint64 extra;                 /* delay of its own, each way */
  double start;                 /* bit/s */
  double most;                  /* what its source gives at most, with sound */
  gint64 from;
  gint64 until;                 /* 0 = to the end */
  gboolean no_feedback;         /* receiver reports alone */
  /* Called where something may have changed; then frames come by
   * flow_add_frame(). NULL = the flow has a source of its own. */
  void (*changed) (gpointer owner);
  gpointer owner;
} FlowConfig;

typedef struct {
  World *world;
  FlowConfig config;
  Source source;
  MeshBwe *bwe;
  MeshPace pace;
  double target;
  double most;
  double cap;                   /* by the room; 0 = none */
  MeshBweState state;
  gboolean paused;
  GArray *packets;              /* of Packet */
  GArray *frames;               /* of Frame */
  GArray *tenths;               /* of Tenth */
  GArray *reports;              /* of Report: all that were sent */
  GQueue waiting;               /* for the pacer */
  guint waiting_bytes;
  gint64 pump_at;               /* the wake-up that is set */
  gint64 tick_at;
  guint highest;                /* packet that has arrived, and 1 */
  guint reported;               /* packets that reports have told of */
} Flow;

Flow *flow_new (World *world, const FlowConfig *config);
void flow_add_frame (Flow *flow, guint size);
void flow_want (Flow *flow, double bits);
void flow_pause (Flow *flow, gboolean paused);
void flow_set_most (Flow *flow, double bits);
void flow_cap (Flow *flow, double bits);
void flow_feed (Flow *flow, guint from, guint to);
void flow_report (Flow *flow, double loss);
Tenth *flow_tenth (Flow *flow, gint64 at);
void receiver_start (Flow *flow);
void receiver_take (gpointer flow, guint number);

/* caller.c */
typedef struct _Caller Caller;

typedef struct {
  Flow *flow;
  MeshLadderPeer ladder;
  MeshAllotPeer allot;
  guint64 demand;               /* that the estimator was told */
  guint rung;                   /* what it is sent, rather than what it should */
  guint layers;
  guint changes;                /* of its step */
  guint keys;                   /* frames that began a rung for it */
} Callee;

#define MESH_MAX_CALLEES 8

Caller *caller_new (World *world);
Callee *caller_add (Caller *caller, const FlowConfig *config);
MeshLadder *caller_ladder (Caller *caller);
void caller_use_one_rung (Caller *caller, double rate, guint layers);
void caller_trace (Caller *caller, const char *name);

/* tcp.c */
typedef struct _Tcp Tcp;

Tcp *tcp_new (World *world, Link *forward, gint64 delay, gboolean cubic,
    gint64 from, gint64 until);
double tcp_rate (Tcp *tcp, gint64 from, gint64 to);

/* measure.c */
typedef gboolean (*SpanFilter) (gint64 at);

double flow_rate (Flow *flow, gint64 from, gint64 to);
double flow_loss (Flow *flow, gint64 from, gint64 to);
guint flow_sounds_lost (Flow *flow, gint64 from, gint64 to);
double flow_probe_share (Flow *flow, gint64 from, gint64 to);
double flow_target (Flow *flow, gint64 at);
double flow_reaches (Flow *flow, double bits, gint64 from, gint64 span);
double flow_gap_ms (Flow *flow, gint64 from, gint64 to);
double flow_frame_ms (Flow *flow, gint64 from, gint64 to);
double flow_frozen_ms (Flow *flow, gint64 from, gint64 to);
double flow_delay_ms (Flow *flow, double percentile, gint64 from, gint64 to);
double queue_ms (Flow **flows, guint n, double percentile, gint64 from,
    gint64 to);
double jain (const double *values, guint n);
void flow_trace (Flow *flow, const char *name, gint64 to);

/* main.c */
void scenario_row (const char *what, double found, double low, double high,
    const char *unit);
extern gboolean scenario_trace;
extern int scenario_seed;

#define NO_BOUND G_MAXDOUBLE
#define AT_LEAST(value) (value), NO_BOUND
#define AT_MOST(value) 0, (value)

typedef struct {
  const char *name;
  const char *what;
  void (*run) (void);
} Scenario;

extern const Scenario scenarios_alone[];
extern const Scenario scenarios_shared[];
extern const Scenario scenarios_rough[];
extern const Scenario scenarios_room[];
extern const Scenario scenarios_ladder[];
