/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/json-scan.h"
#include "pusher/hub.h"

G_BEGIN_DECLS

/* hub.c has the connections, feed.c reads what they say, channel.c has the
 * channels and who is in them, cache.c the last event of each, late.c events
 * that wait for a first subscriber, frame.c writes what is sent, actions.c
 * queues it for the driver, api.c and post.c are the HTTP interfaces. */

/* The depth of the JSON that an application may have passed on. */
#define MESH_PUSHER_HUB_MAX_DEPTH 32

typedef struct {
  gint64 credit;                /* time saved up; each use costs some */
  gint64 credited;              /* when `credit` was last counted */
} MeshPusherHubBucket;

typedef struct _MeshPusherHubCached MeshPusherHubCached;
typedef struct _MeshPusherHubLate MeshPusherHubLate;

typedef struct {
  char *id;
  char *key;
  char *secret;
  GHashTable *channels;         /* name -> MeshPusherHubChannel, owned */
  GHashTable *cached;           /* name -> MeshPusherHubCached, owned */
  GHashTable *late;             /* name -> MeshPusherHubLate, owned */
  guint n_late;                 /* events in all of these */
} MeshPusherHubApp;

/* One person in a presence channel, on one or more connections. */
typedef struct {
  char *id;
  char *info;                   /* JSON; NULL: nothing was said */
  guint connections;
} MeshPusherHubMember;

typedef struct {
  MeshPusherHubApp *app;
  char *name;
  MeshPusherKind kind;
  GHashTable *subscribers;      /* set of MeshPusherHubClient */
  GHashTable *members;          /* presence: id -> the member, owned */
  MeshPusherHubBucket posts;
} MeshPusherHubChannel;

typedef struct {
  guint64 number;
  char socket_id[32];
  MeshPusherHubApp *app;
  GHashTable *channels;         /* channel -> its member, NULL if it has none */
  char *user;                   /* who signed in; NULL: nobody */
  gint64 heard;
  gboolean asked;               /* a ping was sent since */
  MeshPusherHubBucket frames;
  MeshPusherHubBucket events;
} MeshPusherHubClient;

struct _MeshPusherHub {
  MeshPusherHubLimits limits;
  guint32 prefix;               /* of socket ids */
  GPtrArray *apps;              /* of MeshPusherHubApp, owned */
  GHashTable *clients;          /* number -> MeshPusherHubClient, owned */
  GQueue cached;                /* of MeshPusherHubCached, the oldest first */
  GQueue late;                  /* of events that wait, the oldest first */
  gsize late_bytes;             /* of these */
  gint64 now;                   /* the time that we were last told */
  GQueue actions;               /* of MeshPusherHubAction, owned */
  MeshPusherHubStats stats;
};

/* actions.c */
void mesh_pusher_hub_send (MeshPusherHub *hub, MeshPusherHubClient *client,
    GBytes *frame);
void mesh_pusher_hub_send_text (MeshPusherHub *hub,
    MeshPusherHubClient *client, GString *text);
void mesh_pusher_hub_send_close (MeshPusherHub *hub, guint64 client,
    guint16 code);

/* hub.c */
MeshPusherHubClient *mesh_pusher_hub_find_client (MeshPusherHub *hub,
    guint64 client);
gboolean mesh_pusher_hub_bucket_take (MeshPusherHubBucket *bucket,
    guint rate, guint burst, gint64 now);
void mesh_pusher_hub_close (MeshPusherHub *hub,
    MeshPusherHubClient *client, guint16 code, const char *message);

/* channel.c */
typedef struct {
  char *channel;
  char *auth;
  char *channel_data;
} MeshPusherHubTicket;

void mesh_pusher_hub_subscribe (MeshPusherHub *hub,
    MeshPusherHubClient *client, const MeshPusherHubTicket *ticket);
void mesh_pusher_hub_unsubscribe (MeshPusherHub *hub,
    MeshPusherHubClient *client, MeshPusherHubChannel *channel);
void mesh_pusher_hub_unsubscribe_all (MeshPusherHub *hub,
    MeshPusherHubClient *client);
void mesh_pusher_hub_publish (MeshPusherHub *hub,
    MeshPusherHubChannel *channel, GString *frame, const char *except);
void mesh_pusher_hub_publish_bytes (MeshPusherHub *hub,
    MeshPusherHubChannel *channel, GBytes *frame, const char *except);
void mesh_pusher_hub_channel_free (MeshPusherHubChannel *channel);
gboolean mesh_pusher_hub_is_auth (MeshPusherHubClient *client,
    const char *auth, const char *what, const char *data);

/* cache.c */
void mesh_pusher_hub_cached_free (MeshPusherHubCached *cached);
void mesh_pusher_hub_cache_put (MeshPusherHub *hub,
    MeshPusherHubApp *app, const char *name, GBytes *frame,
    gsize data_length);
void mesh_pusher_hub_cache_tell (MeshPusherHub *hub,
    MeshPusherHubClient *client, const char *name);
void mesh_pusher_hub_cache_append (GString *text, MeshPusherHub *hub,
    MeshPusherHubApp *app, const char *name);
void mesh_pusher_hub_cache_tick (MeshPusherHub *hub);

/* late.c */
void mesh_pusher_hub_late_free (MeshPusherHubLate *late);
void mesh_pusher_hub_late_put (MeshPusherHub *hub,
    MeshPusherHubApp *app, const char *name, GBytes *frame,
    const char *except);
void mesh_pusher_hub_late_tell (MeshPusherHub *hub,
    MeshPusherHubClient *client, const char *name);
void mesh_pusher_hub_late_tick (MeshPusherHub *hub);

/* frame.c */
void mesh_pusher_hub_append_string (GString *out, const char *text,
    gsize length);
GString *mesh_pusher_hub_frame_established (const char *socket_id,
    guint seconds);
GString *mesh_pusher_hub_frame_error (guint code, const char *message);
GString *mesh_pusher_hub_frame_refused (const char *channel, const char *type,
    const char *message, guint status);
GString *mesh_pusher_hub_frame_succeeded (MeshPusherHubChannel *channel);
GString *mesh_pusher_hub_frame_added (MeshPusherHubChannel *channel,
    MeshPusherHubMember *member);
GString *mesh_pusher_hub_frame_removed (MeshPusherHubChannel *channel,
    MeshPusherHubMember *member);
GString *mesh_pusher_hub_frame_event (const MeshJsonSpan *event,
    const char *channel, const MeshJsonSpan *data, const char *user);
GString *mesh_pusher_hub_frame_signed_in (const char *user_data);

G_END_DECLS
