/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "core/pusher-auth.h"

G_BEGIN_DECLS

/* The mind of the server's front for Pusher's client libraries: applications,
 * their channels, who listens to which, and the HTTP interface that triggers
 * events (docs/protocol.md, "A server for Pusher's clients"). As with the hub
 * (core/hub.h), the driver has the connections and numbers them:
 *
 *     mesh_front_feed (front, client, text, length, now);
 *     while (mesh_front_pop_action (front, &action)) {
 *       carry_out (&action);
 *       mesh_front_action_clear (&action);
 *     }
 *
 * A channel is there as long as somebody listens to it. For those who come
 * later nothing is kept, but for the last event on "cache-" channels: that is
 * how Pusher is. Beyond Pusher, an event for a channel that is named by a UUID
 * and that nobody listens to waits some seconds for its first subscriber.
 *
 * Not thread-safe. Times are microseconds of one monotonic clock.
 */

typedef struct _MeshFront MeshFront;

/**
 * MeshFrontLimits:
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
} MeshFrontLimits;

#define MESH_FRONT_MAX_INFO 1024        /* what one says of oneself, in bytes */
#define MESH_FRONT_MAX_USER 128
#define MESH_FRONT_MAX_BODY (256 * 1024)
/* A body without a signature: data, with as much again for its escapes. */
#define MESH_FRONT_MAX_POST (2 * MESH_PUSHER_MAX_DATA)

/* Codes of errors, and of closes: 4000 to 4099 are final, after 4100 to 4199 a
 * client comes back later, after 4200 to 4299 at once; with a 43xx it stays. */
#define MESH_FRONT_NO_APP 4001
#define MESH_FRONT_BAD_VERSION 4006
#define MESH_FRONT_OLD_PROTOCOL 4007
#define MESH_FRONT_NO_PROTOCOL 4008
#define MESH_FRONT_UNAUTHORIZED 4009
#define MESH_FRONT_OVER_CAPACITY 4100
#define MESH_FRONT_COME_BACK 4200
#define MESH_FRONT_NO_PONG 4201
#define MESH_FRONT_TOO_MANY_EVENTS 4301

/**
 * MeshFrontAction:
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
} MeshFrontAction;

/**
 * MeshFrontStats:
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
} MeshFrontStats;

/**
 * MeshFrontRequest:
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
} MeshFrontRequest;

void mesh_front_limits_init (MeshFrontLimits *limits);
MeshFront *mesh_front_new (const MeshFrontLimits *limits, guint64 seed);
void mesh_front_free (MeshFront *front);
gboolean mesh_front_add_app (MeshFront *front, const char *text,
    GError **error);
gboolean mesh_front_has_apps (MeshFront *front);

void mesh_front_connected (MeshFront *front, guint64 client, const char *key,
    const char *query, gint64 now);
void mesh_front_disconnected (MeshFront *front, guint64 client);
void mesh_front_feed (MeshFront *front, guint64 client, const char *text,
    gsize length, gint64 now);
void mesh_front_heard (MeshFront *front, guint64 client, gint64 now);
void mesh_front_reject (MeshFront *front, guint64 client, guint16 code,
    const char *message);
gboolean mesh_front_is_subscribed (MeshFront *front, guint64 client);
void mesh_front_tick (MeshFront *front, gint64 now);
gboolean mesh_front_waits (MeshFront *front);
void mesh_front_shut_down (MeshFront *front);
gboolean mesh_front_pop_action (MeshFront *front, MeshFrontAction *action);
void mesh_front_action_clear (MeshFrontAction *action);
const MeshFrontStats *mesh_front_get_stats (MeshFront *front);

gboolean mesh_front_is_signed (MeshFront *front,
    const MeshFrontRequest *request);
guint mesh_front_request (MeshFront *front, const MeshFrontRequest *request,
    GString *text);
guint mesh_front_post (MeshFront *front, const char *name, const char *body,
    gsize length, gint64 now);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshFront, mesh_front_free)

G_END_DECLS
