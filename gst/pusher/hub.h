/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "pusher/auth.h"

G_BEGIN_DECLS

/* The server's hub for Pusher's client libraries, without its sockets: the
 * applications, their channels, who listens to which, and the HTTP interface
 * that triggers events (docs/protocol.md, "A server for Pusher's clients"). As
 * with the hub of our own clients (core/hub.h), the driver has the connections
 * and numbers them:
 *
 *     mesh_pusher_hub_feed (hub, client, text, length, now);
 *     while (mesh_pusher_hub_pop_action (hub, &action)) {
 *       carry_out (&action);
 *       mesh_pusher_hub_action_clear (&action);
 *     }
 *
 * A channel is there as long as somebody listens to it. For those who come
 * later nothing is kept, but for the last event on "cache-" channels: that is
 * how Pusher is. Beyond Pusher, an event for a channel that is named by a UUID
 * and that nobody listens to waits some seconds for its first subscriber.
 *
 * Not thread-safe. Times are microseconds of one monotonic clock.
 */

typedef struct _MeshPusherHub MeshPusherHub;

/**
 * MeshPusherHubLimits:
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
} MeshPusherHubLimits;

/* The longest user_info, user_id and bodies, in bytes. */
#define MESH_PUSHER_HUB_MAX_INFO 1024
#define MESH_PUSHER_HUB_MAX_USER 128
#define MESH_PUSHER_HUB_MAX_BODY (256 * 1024)
/* A body without a signature holds data, with as much again for its escapes. */
#define MESH_PUSHER_HUB_MAX_POST (2 * MESH_PUSHER_MAX_DATA)

/* Codes of errors and closes: 4000 to 4099 are final; after 4100 to 4199 a
 * client comes back later, after 4200 to 4299 at once; after 43xx it stays. */
#define MESH_PUSHER_HUB_NO_APP 4001
#define MESH_PUSHER_HUB_BAD_VERSION 4006
#define MESH_PUSHER_HUB_OLD_PROTOCOL 4007
#define MESH_PUSHER_HUB_NO_PROTOCOL 4008
#define MESH_PUSHER_HUB_UNAUTHORIZED 4009
#define MESH_PUSHER_HUB_OVER_CAPACITY 4100
#define MESH_PUSHER_HUB_COME_BACK 4200
#define MESH_PUSHER_HUB_NO_PONG 4201
#define MESH_PUSHER_HUB_TOO_MANY_EVENTS 4301

/**
 * MeshPusherHubAction:
 * @client: who it is about
 * @frame: (nullable): to send to it; %NULL = close it once that is out
 * @close_code: why
 */
typedef struct {
  guint64 client;
  GBytes *frame;
  guint16 close_code;
} MeshPusherHubAction;

/**
 * MeshPusherHubStats:
 * @clients: connected now
 * @channels: now
 * @subscriptions: now
 * @events: accepted from servers and clients
 * @delivered: handed to subscribers
 * @refused: requests and frames that were not
 */
typedef struct {
  guint clients;
  guint channels;
  guint subscriptions;
  guint64 events;
  guint64 delivered;
  guint64 refused;
} MeshPusherHubStats;

/**
 * MeshPusherHubRequest:
 * @method: of HTTP
 * @path: as it was sent
 * @query: (nullable): as it was sent
 * @body: (nullable): what came with it
 * @length: of @body
 * @now: the time
 * @unix_now: what time it is, in s since 1970
 */
typedef struct {
  const char *method;
  const char *path;
  const char *query;
  const char *body;
  gsize length;
  gint64 now;
  gint64 unix_now;
} MeshPusherHubRequest;

void mesh_pusher_hub_limits_init (MeshPusherHubLimits *limits);
MeshPusherHub *mesh_pusher_hub_new (const MeshPusherHubLimits *limits,
    guint64 seed);
void mesh_pusher_hub_free (MeshPusherHub *hub);
gboolean mesh_pusher_hub_add_app (MeshPusherHub *hub, const char *text,
    GError **error);
gboolean mesh_pusher_hub_has_apps (MeshPusherHub *hub);

void mesh_pusher_hub_connected (MeshPusherHub *hub, guint64 client,
    const char *key, const char *query, gint64 now);
void mesh_pusher_hub_disconnected (MeshPusherHub *hub, guint64 client);
void mesh_pusher_hub_feed (MeshPusherHub *hub, guint64 client,
    const char *text, gsize length, gint64 now);
void mesh_pusher_hub_heard (MeshPusherHub *hub, guint64 client, gint64 now);
void mesh_pusher_hub_reject (MeshPusherHub *hub, guint64 client,
    guint16 code, const char *message);
gboolean mesh_pusher_hub_is_subscribed (MeshPusherHub *hub, guint64 client);
void mesh_pusher_hub_tick (MeshPusherHub *hub, gint64 now);
gboolean mesh_pusher_hub_waits (MeshPusherHub *hub);
void mesh_pusher_hub_shut_down (MeshPusherHub *hub);
gboolean mesh_pusher_hub_pop_action (MeshPusherHub *hub,
    MeshPusherHubAction *action);
void mesh_pusher_hub_action_clear (MeshPusherHubAction *action);
const MeshPusherHubStats *mesh_pusher_hub_get_stats (MeshPusherHub *hub);

gboolean mesh_pusher_hub_is_signed (MeshPusherHub *hub,
    const MeshPusherHubRequest *request);
guint mesh_pusher_hub_request (MeshPusherHub *hub,
    const MeshPusherHubRequest *request, GString *text);
guint mesh_pusher_hub_post (MeshPusherHub *hub, const char *name,
    const char *body, gsize length, gint64 now);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshPusherHub, mesh_pusher_hub_free)

G_END_DECLS
