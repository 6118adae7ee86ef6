/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/json-scan.h"
#include "core/pusher-front.h"

G_BEGIN_DECLS

/* pusher-front.c has the connections, pusher-feed.c what they say,
 * pusher-channel.c the channels and who is in them, pusher-cache.c what is kept
 * of them, pusher-late.c what waits for somebody who is about to listen,
 * pusher-frame.c the frames that are sent, pusher-api.c the HTTP interface. */

/* What an application may nest in what is passed on for it. */
#define MESH_FRONT_MAX_DEPTH 32

typedef struct {
  gint64 credit;                /* time saved up, each use costs some */
  gint64 credited;              /* until when */
} MeshFrontBucket;

typedef struct _MeshFrontCached MeshFrontCached;
typedef struct _MeshFrontLate MeshFrontLate;

typedef struct {
  char *id;
  char *key;
  char *secret;
  GHashTable *channels;         /* name -> MeshFrontChannel, owned */
  GHashTable *cached;           /* name -> MeshFrontCached, owned */
  GHashTable *late;             /* name -> MeshFrontLate, owned */
  guint n_late;                 /* events in all of these */
} MeshFrontApp;

/* One person in a presence channel, with however many connections. */
typedef struct {
  char *id;
  char *info;                   /* JSON; NULL: nothing was said */
  guint connections;
} MeshFrontMember;

typedef struct {
  MeshFrontApp *app;
  char *name;
  MeshPusherKind kind;
  GHashTable *subscribers;      /* set of MeshFrontClient */
  GHashTable *members;          /* presence: id -> MeshFrontMember, owned */
  MeshFrontBucket posts;
} MeshFrontChannel;

typedef struct {
  guint64 number;
  char socket_id[32];
  MeshFrontApp *app;
  GHashTable *channels;         /* MeshFrontChannel to MeshFrontMember, NULL */
  char *user;                   /* who signed in; NULL: nobody */
  gint64 heard;
  gboolean asked;               /* for a sign of life, since */
  MeshFrontBucket frames;
  MeshFrontBucket events;
} MeshFrontClient;

struct _MeshFront {
  MeshFrontLimits limits;
  guint32 prefix;               /* of socket ids */
  GPtrArray *apps;              /* of MeshFrontApp, owned */
  GHashTable *clients;          /* number -> MeshFrontClient, owned */
  GQueue cached;                /* of MeshFrontCached, the oldest first */
  GQueue late;                  /* of events that wait, the oldest first */
  gsize late_bytes;             /* of these */
  gint64 now;                   /* when we were last told the time */
  GQueue actions;               /* of MeshFrontAction, owned */
  MeshFrontStats stats;
};

/* pusher-front.c */
MeshFrontClient *mesh_front_find_client (MeshFront *front, guint64 client);
gboolean mesh_front_bucket_take (MeshFrontBucket *bucket, guint rate,
    guint burst, gint64 now);
void mesh_front_send (MeshFront *front, MeshFrontClient *client,
    GBytes *frame);
void mesh_front_send_text (MeshFront *front, MeshFrontClient *client,
    GString *text);
void mesh_front_close (MeshFront *front, MeshFrontClient *client, guint16 code,
    const char *message);

/* pusher-channel.c */
typedef struct {
  char *channel;
  char *auth;
  char *channel_data;
} MeshFrontTicket;

void mesh_front_subscribe (MeshFront *front, MeshFrontClient *client,
    const MeshFrontTicket *ticket);
void mesh_front_unsubscribe (MeshFront *front, MeshFrontClient *client,
    MeshFrontChannel *channel);
void mesh_front_unsubscribe_all (MeshFront *front, MeshFrontClient *client);
void mesh_front_publish (MeshFront *front, MeshFrontChannel *channel,
    GString *frame, const char *except);
void mesh_front_publish_bytes (MeshFront *front, MeshFrontChannel *channel,
    GBytes *frame, const char *except);
void mesh_front_channel_free (MeshFrontChannel *channel);
gboolean mesh_front_is_auth (MeshFrontClient *client, const char *auth,
    const char *what, const char *data);

/* pusher-cache.c */
void mesh_front_cached_free (MeshFrontCached *cached);
void mesh_front_cache_put (MeshFront *front, MeshFrontApp *app,
    const char *name, GBytes *frame, gsize data_length);
void mesh_front_cache_tell (MeshFront *front, MeshFrontClient *client,
    const char *name);
void mesh_front_cache_append (GString *text, MeshFront *front,
    MeshFrontApp *app, const char *name);
void mesh_front_cache_tick (MeshFront *front);

/* pusher-late.c */
void mesh_front_late_free (MeshFrontLate *late);
void mesh_front_late_put (MeshFront *front, MeshFrontApp *app,
    const char *name, GBytes *frame, const char *except);
void mesh_front_late_tell (MeshFront *front, MeshFrontClient *client,
    const char *name);
void mesh_front_late_tick (MeshFront *front);

/* pusher-frame.c */
void mesh_front_append_string (GString *out, const char *text, gsize length);
GString *mesh_front_frame_established (const char *socket_id, guint seconds);
GString *mesh_front_frame_error (guint code, const char *message);
GString *mesh_front_frame_refused (const char *channel, const char *type,
    const char *message, guint status);
GString *mesh_front_frame_succeeded (MeshFrontChannel *channel);
GString *mesh_front_frame_added (MeshFrontChannel *channel,
    MeshFrontMember *member);
GString *mesh_front_frame_removed (MeshFrontChannel *channel,
    MeshFrontMember *member);
GString *mesh_front_frame_event (const MeshJsonSpan *event,
    const char *channel, const MeshJsonSpan *data, const char *user);
GString *mesh_front_frame_signed_in (const char *user_data);

G_END_DECLS
