/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/json-scan.h"
#include "pusher/front.h"

G_BEGIN_DECLS

/* front.c has the connections, feed.c what they say, channel.c the channels and
 * who is in them, cache.c what is kept of them, late.c what waits for somebody
 * who is about to listen, frame.c the frames that are sent, api.c the HTTP
 * interface. */

/* What an application may nest in what is passed on for it. */
#define MESH_PUSHER_FRONT_MAX_DEPTH 32

typedef struct {
  gint64 credit;                /* time saved up, each use costs some */
  gint64 credited;              /* until when */
} MeshPusherFrontBucket;

typedef struct _MeshPusherFrontCached MeshPusherFrontCached;
typedef struct _MeshPusherFrontLate MeshPusherFrontLate;

typedef struct {
  char *id;
  char *key;
  char *secret;
  GHashTable *channels;         /* name -> MeshPusherFrontChannel, owned */
  GHashTable *cached;           /* name -> MeshPusherFrontCached, owned */
  GHashTable *late;             /* name -> MeshPusherFrontLate, owned */
  guint n_late;                 /* events in all of these */
} MeshPusherFrontApp;

/* One person in a presence channel, with however many connections. */
typedef struct {
  char *id;
  char *info;                   /* JSON; NULL: nothing was said */
  guint connections;
} MeshPusherFrontMember;

typedef struct {
  MeshPusherFrontApp *app;
  char *name;
  MeshPusherKind kind;
  GHashTable *subscribers;      /* set of MeshPusherFrontClient */
  GHashTable *members;          /* presence: id -> the member, owned */
  MeshPusherFrontBucket posts;
} MeshPusherFrontChannel;

typedef struct {
  guint64 number;
  char socket_id[32];
  MeshPusherFrontApp *app;
  GHashTable *channels;         /* channel -> its member, NULL if it has none */
  char *user;                   /* who signed in; NULL: nobody */
  gint64 heard;
  gboolean asked;               /* for a sign of life, since */
  MeshPusherFrontBucket frames;
  MeshPusherFrontBucket events;
} MeshPusherFrontClient;

struct _MeshPusherFront {
  MeshPusherFrontLimits limits;
  guint32 prefix;               /* of socket ids */
  GPtrArray *apps;              /* of MeshPusherFrontApp, owned */
  GHashTable *clients;          /* number -> MeshPusherFrontClient, owned */
  GQueue cached;                /* of MeshPusherFrontCached, the oldest first */
  GQueue late;                  /* of events that wait, the oldest first */
  gsize late_bytes;             /* of these */
  gint64 now;                   /* when we were last told the time */
  GQueue actions;               /* of MeshPusherFrontAction, owned */
  MeshPusherFrontStats stats;
};

/* front.c */
MeshPusherFrontClient *mesh_pusher_front_find_client (MeshPusherFront *front,
    guint64 client);
gboolean mesh_pusher_front_bucket_take (MeshPusherFrontBucket *bucket,
    guint rate, guint burst, gint64 now);
void mesh_pusher_front_send (MeshPusherFront *front,
    MeshPusherFrontClient *client, GBytes *frame);
void mesh_pusher_front_send_text (MeshPusherFront *front,
    MeshPusherFrontClient *client, GString *text);
void mesh_pusher_front_close (MeshPusherFront *front,
    MeshPusherFrontClient *client, guint16 code, const char *message);

/* channel.c */
typedef struct {
  char *channel;
  char *auth;
  char *channel_data;
} MeshPusherFrontTicket;

void mesh_pusher_front_subscribe (MeshPusherFront *front,
    MeshPusherFrontClient *client, const MeshPusherFrontTicket *ticket);
void mesh_pusher_front_unsubscribe (MeshPusherFront *front,
    MeshPusherFrontClient *client, MeshPusherFrontChannel *channel);
void mesh_pusher_front_unsubscribe_all (MeshPusherFront *front,
    MeshPusherFrontClient *client);
void mesh_pusher_front_publish (MeshPusherFront *front,
    MeshPusherFrontChannel *channel, GString *frame, const char *except);
void mesh_pusher_front_publish_bytes (MeshPusherFront *front,
    MeshPusherFrontChannel *channel, GBytes *frame, const char *except);
void mesh_pusher_front_channel_free (MeshPusherFrontChannel *channel);
gboolean mesh_pusher_front_is_auth (MeshPusherFrontClient *client,
    const char *auth, const char *what, const char *data);

/* cache.c */
void mesh_pusher_front_cached_free (MeshPusherFrontCached *cached);
void mesh_pusher_front_cache_put (MeshPusherFront *front,
    MeshPusherFrontApp *app, const char *name, GBytes *frame,
    gsize data_length);
void mesh_pusher_front_cache_tell (MeshPusherFront *front,
    MeshPusherFrontClient *client, const char *name);
void mesh_pusher_front_cache_append (GString *text, MeshPusherFront *front,
    MeshPusherFrontApp *app, const char *name);
void mesh_pusher_front_cache_tick (MeshPusherFront *front);

/* late.c */
void mesh_pusher_front_late_free (MeshPusherFrontLate *late);
void mesh_pusher_front_late_put (MeshPusherFront *front,
    MeshPusherFrontApp *app, const char *name, GBytes *frame,
    const char *except);
void mesh_pusher_front_late_tell (MeshPusherFront *front,
    MeshPusherFrontClient *client, const char *name);
void mesh_pusher_front_late_tick (MeshPusherFront *front);

/* frame.c */
void mesh_pusher_front_append_string (GString *out, const char *text,
    gsize length);
GString *mesh_pusher_front_frame_established (const char *socket_id,
    guint seconds);
GString *mesh_pusher_front_frame_error (guint code, const char *message);
GString *mesh_pusher_front_frame_refused (const char *channel, const char *type,
    const char *message, guint status);
GString *mesh_pusher_front_frame_succeeded (MeshPusherFrontChannel *channel);
GString *mesh_pusher_front_frame_added (MeshPusherFrontChannel *channel,
    MeshPusherFrontMember *member);
GString *mesh_pusher_front_frame_removed (MeshPusherFrontChannel *channel,
    MeshPusherFrontMember *member);
GString *mesh_pusher_front_frame_event (const MeshJsonSpan *event,
    const char *channel, const MeshJsonSpan *data, const char *user);
GString *mesh_pusher_front_frame_signed_in (const char *user_data);

G_END_DECLS
