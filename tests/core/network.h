/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whole calls in virtual time: up to eight rooms, a small model of the server
 * (mailboxes, leases, the host's role), and a model of WebRTC that connects two
 * rooms when both have each other's descriptions of one attempt. Delays come
 * from a seed. What may never happen is asserted on the way. */

#include "core/room.h"

#define MS(ms) ((gint64) (ms) * 1000)
#define MAX_NODES 8
#define SERVER MAX_NODES        /* its place in the tables of channels */

typedef struct {
  char *sid;                    /* NULL: none */
  gboolean offerer;
  gboolean have_local;
  gboolean have_remote;
  gboolean connected;
} Link;

typedef struct {
  char id[37];
  MeshRoom *room;               /* NULL: not there */
  guint life;                   /* goes up with each start and end, from 1 */
  gboolean online;
  guint connection;             /* goes up with each connect and loss */
  GPtrArray *unsent;            /* JSON, while offline */
  GPtrArray *held;              /* JSON, the mailbox while offline */
  Link links[MAX_NODES];
  Link old[MAX_NODES];          /* set aside for the one in links */
  gboolean shown[MAX_NODES];
} Node;

typedef struct _Sim Sim;
typedef void (*SimFunc) (Sim *sim, guint node);

struct _Sim {
  GRand *rand;
  gint64 now;
  guint64 order;
  GSequence *events;
  guint n;
  Node nodes[MAX_NODES];
  gint64 channels[MAX_NODES + 1][MAX_NODES + 1];        /* last delivery */
  gboolean no_server;           /* messages go straight to all others */
  gboolean loose;               /* in order from each sender only */
  GArray *members;              /* guint, the server's list */
  guint host;
  guint incs;
  gint64 max_delay;
  GHashTable *offerers;         /* sid -> node + 1 */
  guint n_messages;
};

Sim *sim_new (guint32 seed, guint n);
void sim_free (Sim *sim);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Sim, sim_free)

/* What happens, at once or at a time. */
void sim_at (Sim *sim, gint64 at, SimFunc func, guint node);
void sim_start (Sim *sim, guint node);
void sim_kill (Sim *sim, guint node);
void sim_restart (Sim *sim, guint node);
void sim_leave (Sim *sim, guint node);
void sim_lose_connection (Sim *sim, guint node);
void sim_restart_server (Sim *sim, guint unused);

void sim_run (Sim *sim, gint64 until);

/* Every pair of those who are there is connected, once, and nobody is shown who
 * is not. */
gboolean sim_is_whole (Sim *sim);
void sim_assert_whole (Sim *sim);
