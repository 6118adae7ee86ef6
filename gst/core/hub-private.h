/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/envelope.h"
#include "core/hub.h"
#include "core/mailbox.h"

G_BEGIN_DECLS

/* hub.c has the clients and their frames, hub-room.c the rooms and members,
 * hub-lease.c the time that each of them has to be heard in. */

typedef struct _MeshHubRoom MeshHubRoom;
typedef struct _MeshHubMember MeshHubMember;
typedef struct _MeshHubClient MeshHubClient;

struct _MeshHub {
  MeshHubLimits limits;
  guint64 random;
  GHashTable *clients;          /* number -> MeshHubClient, owned */
  GHashTable *rooms;            /* id -> MeshHubRoom, owned */
  GArray *actions;              /* of MeshHubAction, from next_action on */
  guint next_action;
  GPtrArray *taken;             /* clients whose sends want a "mid" */
  gint64 deadline;              /* no later than the first lease to run out */
  MeshHubStats stats;
};

struct _MeshHubRoom {
  char id[MESH_UUID_LENGTH + 1];
  GPtrArray *members;           /* in the order they joined */
  MeshHubMember *host;
};

struct _MeshHubMember {
  MeshHubRoom *room;
  char id[MESH_UUID_LENGTH + 1];
  guint8 token[32];             /* its SHA-256 */
  MeshMailbox *box;
  guint64 mid;                  /* last one taken */
  gint64 heard;
  MeshHubClient *client;        /* NULL while it has no connection */
};

struct _MeshHubClient {
  guint64 number;
  MeshHubMember *member;        /* NULL before hello */
  gint64 since;
  gint64 credit;                /* time saved up, each frame costs some */
  gint64 credited;              /* until when */
  gboolean owes_mid;
};

void mesh_hub_push_frame (MeshHub *hub, MeshHubClient *client, GBytes *frame);
void mesh_hub_push_log (MeshHub *hub, const char *format, ...)
    G_GNUC_PRINTF (2, 3);
void mesh_hub_drop (MeshHub *hub, MeshHubClient *client, MeshHubCode code,
    const char *text);

MeshHubRoom *mesh_hub_room_new (MeshHub *hub, const char *id);
void mesh_hub_room_free (MeshHubRoom *room);
MeshHubMember *mesh_hub_room_find (MeshHubRoom *room, const char *id);
MeshHubMember *mesh_hub_room_add (MeshHub *hub, MeshHubRoom *room,
    const char *id, const guint8 token[32], gint64 now);
void mesh_hub_member_leave (MeshHub *hub, MeshHubMember *member,
    const char *reason);
void mesh_hub_member_new_box (MeshHub *hub, MeshHubMember *member);
void mesh_hub_member_ack (MeshHub *hub, MeshHubMember *member, guint64 seq);
void mesh_hub_member_welcome (MeshHub *hub, MeshHubMember *member,
    gboolean resumed);
void mesh_hub_member_relay (MeshHub *hub, MeshHubMember *from,
    const MeshEnvelope *envelope);

G_END_DECLS
