/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libsoup/soup.h>

#include "server/server-private.h"

G_BEGIN_DECLS

/* What the tests of the server share: a server on a thread of its own, as an
 * application would embed it; clients that speak to it by hand, one byte at a
 * time if need be; and clients by libsoup. */

#define ROOM_ID "00000000-0000-4000-8000-00000000000f"
#define TOKEN_A "AAAAAAAAAAAAAAAAAAAAAA"
#define ID_A "00000000-0000-4000-8000-00000000000a"
#define ID_B "00000000-0000-4000-8000-00000000000b"

typedef struct {
  MeshClientsLimits limits;      /* to be changed before serving_start() */
  GTlsCertificate *certificate;
  char **origins;
  const char *pusher_app;       /* NULL: none */
  MeshServerMetricsFunc metrics;        /* NULL: none */

  GThread *thread;
  GMainContext *context;
  GMainLoop *loop;
  MeshServer *server;
  char *url;
  guint16 port;
  guint fds;                    /* that were open before */
} Serving;

void serving_set_up (Serving *self, gconstpointer data);
void serving_start (Serving *self);
void serving_stop (Serving *self);
void serving_tear_down (Serving *self, gconstpointer data);

/* A plain connection. Reading blocks, until a watchdog ends the test. */
GIOStream *raw_connect (Serving *self);
GIOStream *raw_connect_narrow (Serving *self);
void raw_send (GIOStream *raw, gconstpointer data, gssize size);
gboolean raw_try_send (GIOStream *raw, gconstpointer data, gsize size);
char *raw_read_head (GIOStream *raw);
char *raw_read_all (GIOStream *raw);
char *raw_request (Serving *self, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* A WebSocket on one. */
GIOStream *raw_websocket (Serving *self);
void raw_upgrade (GIOStream *raw);
void raw_send_frame (GIOStream *raw, guint8 first, const char *text);
char *raw_read_frame (GIOStream *raw, guint8 *opcode);
char *raw_read_text (GIOStream *raw);
guint raw_read_close (GIOStream *raw);
void raw_hello (GIOStream *raw, const char *id);

/* Iterates the main context until it is so. */
#define wait_until(condition) \
  G_STMT_START { \
    while (!(condition)) \
      g_main_context_iteration (NULL, TRUE); \
  } G_STMT_END

G_END_DECLS
