/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/client.h"
#include "core/client-timing.h"
#include "core/json.h"

/* Inside of the client: client.c has the time and the user, client-read.c
 * what the server says. */

typedef enum {
  MESH_CLIENT_IDLE,
  MESH_CLIENT_CONNECTING,
  MESH_CLIENT_HELLO,
  MESH_CLIENT_ONLINE,
  MESH_CLIENT_WAITING,
  MESH_CLIENT_OVER,
} MeshClientState;

typedef struct {
  gint64 mid;
  gsize length;
  char *frame;
} MeshClientOutgoing;

struct _MeshClient {
  char *way;                    /* NULL: straight; see mesh_client_set_way() */
  char *server;
  char *room;
  char *id;
  char *token;
  GRand *rand;
  GQueue actions;               /* MeshClientAction */

  MeshClientState state;
  gboolean wanted;              /* mesh_client_start() was called */
  gboolean welcomed;            /* ever */
  gint64 first_attempt;
  gint64 tried_at;              /* the last connection began, or was lost */
  gint64 until;                 /* CONNECTING, HELLO: or it failed; WAITING */
  gint64 online_since;
  gint64 last_heard;
  gboolean pinged;              /* since then */
  guint failures;
  gboolean taken;               /* our id has another owner, */
  gint64 taken_since;           /* since we first heard of that */
  gint64 next_warning;

  GQueue outgoing;              /* MeshClientOutgoing, until taken */
  gsize outgoing_bytes;
  gint64 last_mid;

  char *epoch;                  /* NULL: nothing to resume */
  gint64 cursor;                /* last seq processed */
  gint64 acked;
  gint64 ack_at;
  guint unreadable;             /* frames since the last seq */
};

void mesh_client_push_action (MeshClient *self, MeshClientActionType type,
    char *text, GError *error);
void mesh_client_warn (MeshClient *self, const GError *error, gint64 now);
void mesh_client_fail (MeshClient *self, GError *error);
void mesh_client_drop (MeshClient *self, gint64 now, const char *reason);
void mesh_client_acknowledge (MeshClient *self);
void mesh_client_taken (MeshClient *self, gint64 mid);

gboolean mesh_client_read_frame (MeshClient *self, const char *text,
    gsize length, gint64 now, GError **error);
