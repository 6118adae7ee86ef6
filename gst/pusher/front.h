/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "pusher/auth.h"

G_BEGIN_DECLS

/* The mind of the server's front for Pusher's client libraries: applications,
 * their channels, who listens to which, and the HTTP interface that triggers
 * events (docs/protocol.md, "A server for Pusher's clients"). As with the hub
 * (core/hub.h), the driver has the connections and numbers them:
 *
 *     mesh_pusher_front_feed (front, client, text, length, now);
 *     while (mesh_pusher_front_pop_action (front, &action)) {
 *       carry_out (&action);
 *       mesh_pusher_front_action_clear (&action);
 *     }
 *
 * A channel is there as long as somebody listens to it. For those who come
 * later nothing is kept, but for the last event on "cache-" channels: that is
 * how Pusher is. Beyond Pusher, an event for a channel that is named by a UUID
 * and that nobody listens to waits some seconds for its first subscriber.
 *
 * Not thread-safe. Times are microseconds of one monotonic clock.
 */

typedef struct _MeshPusherFront MeshPusherFront;

/**
 * MeshPusherFrontLimits:
 * @channels: how many there may be
 * @subscriptions: to all channels together
 * @client_channels: how many one connection may listen to
 * @members: people in one presence channel
 * @cached: last events that are kept for those who come later
 * @late_channel: events that wait for a channel's first subscriber
 * @late_app: such events of one application
 * @late: such events altogether; the oldest are dropped first
 * @late_bytes: what they may hold together
 * @late_time: for how long they wait, in µs
 * @rate: frames a second from one connection
 * @burst: how many it may save up
 * @events: client events a second from one connection
 * @posts: messages a second for one channel from senders without a signature
 * @activity: silence after which a connection is asked for a sign, in µs
 * @pong: how long that may take, in µs
 *
 * Since: 0.1
 */
typedef struct {
  guint channels;
  guint subscriptions;
  guint client_channels;
  guint members;
  guint cached;
  guint late_channel;
  guint late_app;
  guint late;
  gsize late_bytes;
  gint64 late_time;
  guint rate;
  guint burst;
  guint events;
  guint posts;
  gint64 activity;
  gint64 pong;
} MeshPusherFrontLimits;

/* What one says of oneself, in bytes. */
#define MESH_PUSHER_FRONT_MAX_INFO 1024
#define MESH_PUSHER_FRONT_MAX_USER 128
#define MESH_PUSHER_FRONT_MAX_BODY (256 * 1024)
/* A body without a signature: data, with as much again for its escapes. */
#define MESH_PUSHER_FRONT_MAX_POST (2 * MESH_PUSHER_MAX_DATA)

/* Codes of errors, and of closes: 4000 to 4099 are final, after 4100 to 4199 a
 * client comes back later, after 4200 to 4299 at once; with a 43xx it stays. */
#define MESH_PUSHER_FRONT_NO_APP 4001
#define MESH_PUSHER_FRONT_BAD_VERSION 4006
#define MESH_PUSHER_FRONT_OLD_PROTOCOL 4007
#define MESH_PUSHER_FRONT_NO_PROTOCOL 4008
#define MESH_PUSHER_FRONT_UNAUTHORIZED 4009
#define MESH_PUSHER_FRONT_OVER_CAPACITY 4100
#define MESH_PUSHER_FRONT_COME_BACK 4200
#define MESH_PUSHER_FRONT_NO_PONG 4201
#define MESH_PUSHER_FRONT_TOO_MANY_EVENTS 4301

/**
 * MeshPusherFrontAction:
 * @client: who it is about
 * @frame: (nullable): to send to it; %NULL = close it once that is out
 * @close_code: why
 *
 * Since: 0.1
 */
typedef struct {
  guint64 client;
  GBytes *frame;
  guint16 close_code;
} MeshPusherFrontAction;

/**
 * MeshPusherFrontStats:
 * @clients: connected now
 * @channels: now
 * @subscriptions: now
 * @events: accepted from servers and clients
 * @delivered: handed to subscribers
 * @refused: requests and frames that were not
 *
 * Since: 0.1
 */
typedef struct {
  guint clients;
  guint channels;
  guint subscriptions;
  guint64 events;
  guint64 delivered;
  guint64 refused;
} MeshPusherFrontStats;

/**
 * MeshPusherFrontRequest:
 * @method: of HTTP
 * @path: as it was sent
 * @query: (nullable): as it was sent
 * @body: (nullable): what came with it
 * @length: of @body
 * @now: the time
 * @unix_now: what time it is, in s since 1970
 *
 * Since: 0.1
 */
typedef struct {
  const char *method;
  const char *path;
  const char *query;
  const char *body;
  gsize length;
  gint64 now;
  gint64 unix_now;
} MeshPusherFrontRequest;

void mesh_pusher_front_limits_init (MeshPusherFrontLimits *limits);
MeshPusherFront *mesh_pusher_front_new (const MeshPusherFrontLimits *limits,
    guint64 seed);
void mesh_pusher_front_free (MeshPusherFront *front);
gboolean mesh_pusher_front_add_app (MeshPusherFront *front, const char *text,
    GError **error);
gboolean mesh_pusher_front_has_apps (MeshPusherFront *front);

void mesh_pusher_front_connected (MeshPusherFront *front, guint64 client,
    const char *key, const char *query, gint64 now);
void mesh_pusher_front_disconnected (MeshPusherFront *front, guint64 client);
void mesh_pusher_front_feed (MeshPusherFront *front, guint64 client,
    const char *text, gsize length, gint64 now);
void mesh_pusher_front_heard (MeshPusherFront *front, guint64 client,
    gint64 now);
void mesh_pusher_front_reject (MeshPusherFront *front, guint64 client,
    guint16 code, const char *message);
gboolean mesh_pusher_front_is_subscribed (MeshPusherFront *front,
    guint64 client);
void mesh_pusher_front_tick (MeshPusherFront *front, gint64 now);
gboolean mesh_pusher_front_waits (MeshPusherFront *front);
void mesh_pusher_front_shut_down (MeshPusherFront *front);
gboolean mesh_pusher_front_pop_action (MeshPusherFront *front,
    MeshPusherFrontAction *action);
void mesh_pusher_front_action_clear (MeshPusherFrontAction *action);
const MeshPusherFrontStats *mesh_pusher_front_get_stats (
    MeshPusherFront *front);

gboolean mesh_pusher_front_is_signed (MeshPusherFront *front,
    const MeshPusherFrontRequest *request);
guint mesh_pusher_front_request (MeshPusherFront *front,
    const MeshPusherFrontRequest *request, GString *text);
guint mesh_pusher_front_post (MeshPusherFront *front, const char *name,
    const char *body, gsize length, gint64 now);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshPusherFront, mesh_pusher_front_free)

G_END_DECLS
