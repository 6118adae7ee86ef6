/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A client's half of Pusher Channels (protocol 7), as text: events on the
 * WebSocket, and the signed requests by which messages are sent. */

/* The name of the event in which mooz and we send everything. */
#define MESH_PUSHER_EVENT_NAME "signal"

/**
 * MeshPusherEventType:
 * @MESH_PUSHER_OTHER: nothing that we know
 * @MESH_PUSHER_ESTABLISHED: the connection is, with @socket_id and
 *   @activity_timeout
 * @MESH_PUSHER_SUBSCRIBED: we hear @channel from now on
 * @MESH_PUSHER_NOT_SUBSCRIBED: we are not let into @channel
 * @MESH_PUSHER_MESSAGE: @data was sent to @channel, in an event of our name
 * @MESH_PUSHER_PING: to be answered
 * @MESH_PUSHER_PONG: an answer
 * @MESH_PUSHER_ERROR: @code, 0 where there is none, and @text
 */
typedef enum {
  MESH_PUSHER_OTHER,
  MESH_PUSHER_ESTABLISHED,
  MESH_PUSHER_SUBSCRIBED,
  MESH_PUSHER_NOT_SUBSCRIBED,
  MESH_PUSHER_MESSAGE,
  MESH_PUSHER_PING,
  MESH_PUSHER_PONG,
  MESH_PUSHER_ERROR,
} MeshPusherEventType;

/**
 * MeshPusherEvent:
 *
 * One event, read and checked. What an event of its @type does not have is
 * %NULL or 0.
 */
typedef struct {
  MeshPusherEventType type;
  char *channel;
  char *data;                   /* JSON of an object */
  char *socket_id;
  guint activity_timeout;       /* seconds */
  guint code;
  char *text;
} MeshPusherEvent;

/**
 * MeshPusherVerdict:
 * @MESH_PUSHER_STOP: trying again is no use
 * @MESH_PUSHER_USE_TLS: try again with TLS
 * @MESH_PUSHER_LATER: try again, after a second at least
 * @MESH_PUSHER_AGAIN: try again
 * @MESH_PUSHER_GO_ON: it is no reason to close
 *
 * What a code of the service asks for.
 */
typedef enum {
  MESH_PUSHER_STOP,
  MESH_PUSHER_USE_TLS,
  MESH_PUSHER_LATER,
  MESH_PUSHER_AGAIN,
  MESH_PUSHER_GO_ON,
} MeshPusherVerdict;

MeshPusherEvent *mesh_pusher_event_parse (const char *text, gsize length,
    GError **error);
void mesh_pusher_event_free (MeshPusherEvent *event);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshPusherEvent, mesh_pusher_event_free)

MeshPusherVerdict mesh_pusher_judge (guint code);
char *mesh_pusher_path (const char *app_key);
char *mesh_pusher_subscribe (const char *channel, const char *auth,
    const char *channel_data);
char *mesh_pusher_authorise (const char *app_key, const char *secret,
    const char *socket_id, const char *channel, const char *channel_data);
char *mesh_pusher_trigger_body (const char *channel, const char *data,
    const char *socket_id);
char *mesh_pusher_trigger_path (const char *app, const char *app_key,
    const char *secret, const char *body, gint64 unix_time);

G_END_DECLS
