/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The signalling server's state: its rooms, their members and hosts, and each
 * member's mailbox (docs/protocol.md, "The envelope"). It holds no connection:
 * the driver numbers its clients as it likes, never twice the same, and
 *
 *     mesh_hub_feed (hub, client, text, length, now);
 *     while (mesh_hub_pop_action (hub, &action)) {
 *       carry_out (&action);
 *       mesh_hub_action_clear (&action);
 *     }
 *     … calls mesh_hub_tick () at mesh_hub_deadline ()
 *
 * Not thread-safe. Times are microseconds of one monotonic clock, from any
 * origin.
 */

typedef struct _MeshHub MeshHub;

/**
 * MeshHubLimits:
 * @rooms: how many rooms there may be
 * @members: how many members in all rooms together
 * @room_members: how many members in one room
 * @box_frames: unacknowledged messages for one member
 * @box_bytes: and their bytes
 * @total_bytes: bytes in all mailboxes together
 * @rate: frames a second from one client
 * @burst: how many it may save up
 * @hello: how long a client may take to say hello, in µs
 * @lease: how long a member stays that is not heard of, in µs
 */
typedef struct {
  guint rooms;
  guint members;
  guint room_members;
  guint box_frames;
  gsize box_bytes;
  gsize total_bytes;
  guint rate;
  guint burst;
  gint64 hello;
  gint64 lease;
} MeshHubLimits;

/**
 * MeshHubCode:
 *
 * Why a client is sent away; mesh_hub_code_name() is what it is told.
 */
typedef enum {
  MESH_HUB_BAD_MESSAGE,
  MESH_HUB_REFUSED,
  MESH_HUB_ID_TAKEN,
  MESH_HUB_REPLACED,
  MESH_HUB_ROOM_FULL,
  MESH_HUB_TOO_MANY_ROOMS,
  MESH_HUB_TOO_FAST,
  MESH_HUB_TOO_BIG,
  MESH_HUB_HELLO_TIMEOUT,
  MESH_HUB_SLOW,
  MESH_HUB_GOING_AWAY,
  MESH_HUB_N_CODES
} MeshHubCode;

/**
 * MeshHubStats:
 * @clients: connected now
 * @rooms: now
 * @members: now, in all rooms
 * @box_bytes: waiting in all mailboxes
 * @relayed: messages passed on
 * @relayed_bytes: bytes of their payloads
 * @dropped: messages and events that found a mailbox full
 * @rejected: clients sent away, by #MeshHubCode
 */
typedef struct {
  guint clients;
  guint rooms;
  guint members;
  gsize box_bytes;
  guint64 relayed;
  guint64 relayed_bytes;
  guint64 dropped;
  guint64 rejected[MESH_HUB_N_CODES];
} MeshHubStats;

/**
 * MeshHubActionType:
 * @MESH_HUB_SEND: send @frame to @client
 * @MESH_HUB_CLOSE: close @client's connection with @close_code once what was
 *   sent before is out; the hub has forgotten it already
 * @MESH_HUB_LOG: something for the operator, in @frame; no secrets in it
 */
typedef enum {
  MESH_HUB_SEND,
  MESH_HUB_CLOSE,
  MESH_HUB_LOG,
} MeshHubActionType;

/**
 * MeshHubAction:
 *
 * One thing to do.
 */
typedef struct {
  MeshHubActionType type;
  guint64 client;
  GBytes *frame;                /* a frame in JSON, not NUL-terminated */
  guint16 close_code;
} MeshHubAction;

void mesh_hub_limits_init (MeshHubLimits *limits);
const char *mesh_hub_code_name (MeshHubCode code);

MeshHub *mesh_hub_new (const MeshHubLimits *limits, guint64 seed);
void mesh_hub_free (MeshHub *hub);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshHub, mesh_hub_free)

/* The hub's inputs. A client that is not known is ignored, since it was sent
 * away before. */
void mesh_hub_connected (MeshHub *hub, guint64 client, gint64 now);
void mesh_hub_feed (MeshHub *hub, guint64 client, const char *text,
    gsize length, gint64 now);
void mesh_hub_heard (MeshHub *hub, guint64 client, gint64 now);
void mesh_hub_reject (MeshHub *hub, guint64 client, MeshHubCode code);
void mesh_hub_disconnected (MeshHub *hub, guint64 client);
void mesh_hub_tick (MeshHub *hub, gint64 now);
void mesh_hub_shut_down (MeshHub *hub);

/* The hub's outputs. */
gboolean mesh_hub_pop_action (MeshHub *hub, MeshHubAction *action);
void mesh_hub_action_clear (MeshHubAction *action);
gint64 mesh_hub_deadline (MeshHub *hub);
gboolean mesh_hub_is_member (MeshHub *hub, guint64 client);
const MeshHubStats *mesh_hub_get_stats (MeshHub *hub);

G_END_DECLS
