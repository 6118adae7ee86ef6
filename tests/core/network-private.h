/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "network.h"

enum { TO_SERVER, TO_NODE, SDP, CONNECT, HEARD, LEASE_END, RETURN, CALL_FUNC };

typedef struct {
  gint64 at;
  guint64 order;
  int what;
  guint node;
  guint life;                   /* of the node; 0: whichever */
  guint other;
  char *text;                   /* JSON; NULL: bye; or sid */
  guint number;
  SimFunc func;
} Event;

#define ROOM_ID "99999999-0000-4000-8000-000000000000"

/* network.c */
Event *sim_add_event (Sim *sim, int what, guint node, gint64 at);
void sim_event_free (Event *event);
gint64 sim_some_delay (Sim *sim);
gint64 sim_channel_time (Sim *sim, guint from, guint to);

/* network-server.c */
void sim_connect (Sim *sim, guint index, gboolean resume);
void sim_server_drops (Sim *sim, guint node, const char *reason);
void sim_server_takes (Sim *sim, guint from, const char *json);

/* network-node.c */
void sim_run_actions (Sim *sim, guint index);
void sim_clear_node (Node *node);
void sim_on_sdp (Sim *sim, Event *event);
void sim_on_connect (Sim *sim, Event *event);
void sim_on_heard (Sim *sim, Event *event);
void sim_on_to_node (Sim *sim, Event *event);
