/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/message.h"

G_BEGIN_DECLS

/* One member's view of a room: who is in it, and which attempt at a connection
 * each pair is at. It decides everything and does nothing: messages, events
 * and the time go in, actions come out.
 *
 *     mesh_room_feed (room, message, now);
 *     while (mesh_room_pop_action (room, &action)) {
 *       carry_out (&action);
 *       mesh_room_action_clear (&action);
 *     }
 *     … call mesh_room_tick () at mesh_room_deadline ()
 *
 * Not thread-safe: one thread owns a room. Times are microseconds of one
 * monotonic clock, from any origin. Nothing is random: a room given the same
 * calls gives the same actions.
 */

typedef struct _MeshRoom MeshRoom;

/**
 * MeshRoomConfig:
 * @id: our peer id
 * @room: (nullable): the room's id; %NULL = taken from the first `welcome`, or
 *   the nil UUID where no server speaks
 * @inc: our incarnation, 16 hex digits (docs/protocol.md, "Identifiers")
 * @max_peers: how many members we connect to; further calls get `bye` "full"
 * @codecs: (nullable) (array zero-terminated=1): video codecs that we can send
 *   and receive, best first; %NULL = {"VP8"}
 * @name: our display name
 * @muted: whether we start muted
 * @hidden: whether we start hidden
 */
typedef struct {
  const char *id;
  const char *room;
  const char *inc;
  guint max_peers;
  const char *const *codecs;
  const char *name;
  gboolean muted;
  gboolean hidden;
} MeshRoomConfig;

/**
 * MeshRoomActionType:
 * @MESH_ROOM_SEND: send @message to its `to`
 * @MESH_ROOM_PEER_ADDED: @peer is connected for the first time; comes after the
 *   @MESH_ROOM_PEER_CHANGED that names it, when its name is known by then
 * @MESH_ROOM_PEER_REMOVED: @peer is gone for good, for @reason ("left",
 *   "timeout", "full", "refused"); only after @MESH_ROOM_PEER_ADDED
 * @MESH_ROOM_PEER_CHANGED: @peer's @name, @muted or @hidden are now these
 * @MESH_ROOM_START: start attempt @sid with @peer: as the offerer when @offerer
 *   is set, then with the first codec of @codecs that we can send; else wait
 *   for its offer. There is no other attempt with @peer, but for one connection
 *   that was set aside
 * @MESH_ROOM_STOP: attempt @sid with @peer has ended, for @reason ("left",
 *   "timeout", "failed", "replaced", "silent", "refused", "full"): close its
 *   connection
 * @MESH_ROOM_RETIRE: the connection of @sid with @peer is set aside, for
 *   @reason ("silent", "replaced"): it goes on, with its tile, beside the
 *   attempt that is to take its place, and mesh_room_heard() and
 *   mesh_room_failed() tell of it too
 * @MESH_ROOM_BACK: @sid, which was set aside, is the present attempt with @peer
 *   again: nothing has come of the other one, which has ended
 * @MESH_ROOM_DROP: @sid, which was set aside, has ended, for @reason (as with
 *   @MESH_ROOM_STOP): close its connection
 * @MESH_ROOM_REMOTE_SDP: @peer's offer or answer for attempt @sid: @sdp_type,
 *   @sdp
 * @MESH_ROOM_REMOTE_CANDIDATE: @peer's @candidate for attempt @sid, never
 *   before its SDP, with @mline (-1 = unknown) and @mid (may be %NULL)
 * @MESH_ROOM_CHAT: @peer says @text
 * @MESH_ROOM_WANTED: @peer, at the other end of attempt @sid, has a use for
 *   @want of our picture from now on. Before the first of an attempt nothing is
 *   known, also after @MESH_ROOM_BACK
 * @MESH_ROOM_OUTDATED: the others know a later life of ours, with the
 *   incarnation @text: our clock has gone back. Take an incarnation above it
 *   and call mesh_room_reincarnate(), or nobody listens to us
 * @MESH_ROOM_WARNING: something a person should know, in @text; @peer may be
 *   %NULL
 */
typedef enum {
  MESH_ROOM_SEND,
  MESH_ROOM_PEER_ADDED,
  MESH_ROOM_PEER_REMOVED,
  MESH_ROOM_PEER_CHANGED,
  MESH_ROOM_START,
  MESH_ROOM_STOP,
  MESH_ROOM_RETIRE,
  MESH_ROOM_BACK,
  MESH_ROOM_DROP,
  MESH_ROOM_REMOTE_SDP,
  MESH_ROOM_REMOTE_CANDIDATE,
  MESH_ROOM_CHAT,
  MESH_ROOM_WANTED,
  MESH_ROOM_OUTDATED,
  MESH_ROOM_WARNING,
} MeshRoomActionType;

/**
 * MeshRoomAction:
 *
 * One thing to do. Everything in it belongs to it; take a field with
 * g_steal_pointer() to keep it.
 */
typedef struct {
  MeshRoomActionType type;
  char *peer;
  char *sid;
  char *reason;
  char *text;
  char *name;
  gboolean muted;
  gboolean hidden;
  gboolean offerer;
  char **codecs;
  char *sdp_type;
  char *sdp;
  char *candidate;
  int mline;
  char *mid;
  MeshWant want;
  MeshMessage *message;
} MeshRoomAction;

/**
 * MeshPeerPhase:
 *
 * Where the pair with a member stands.
 */
typedef enum {
  MESH_PEER_IDLE,               /* known; no attempt under way */
  MESH_PEER_CALLING,            /* we called, no offer yet */
  MESH_PEER_ANSWERING,          /* its offer is here */
  MESH_PEER_OFFERING,           /* it called, we offer */
  MESH_PEER_CONNECTED,
} MeshPeerPhase;

/**
 * MeshPeerInfo:
 *
 * What the room knows of a member. The strings belong to the room and stay
 * valid until its next call.
 */
typedef struct {
  const char *id;
  const char *name;             /* NULL until it told us */
  const char *sid;              /* NULL when idle */
  MeshPeerPhase phase;
  gboolean muted;
  gboolean hidden;
  gboolean was_added;           /* MESH_ROOM_PEER_ADDED was given */
} MeshPeerInfo;

typedef void (*MeshPeerFunc) (const MeshPeerInfo *info, gpointer user_data);

MeshRoom *mesh_room_new (const MeshRoomConfig *config);
void mesh_room_free (MeshRoom *room);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MeshRoom, mesh_room_free)

/* What comes in. */
void mesh_room_join (MeshRoom *room, gint64 now);
void mesh_room_feed (MeshRoom *room, const MeshMessage *message, gint64 now);
void mesh_room_tick (MeshRoom *room, gint64 now);
void mesh_room_leave (MeshRoom *room, gint64 now);
void mesh_room_set_state (MeshRoom *room, const char *name, gboolean muted,
    gboolean hidden, gint64 now);
void mesh_room_set_codecs (MeshRoom *room, const char *const *codecs);
void mesh_room_chat (MeshRoom *room, const char *text, gint64 now);
gboolean mesh_room_reincarnate (MeshRoom *room, const char *inc, gint64 now);
void mesh_room_tell (MeshRoom *room, const char *peer, const char *text,
    gint64 now);
void mesh_room_want (MeshRoom *room, const char *peer, guint width,
    guint height, guint fps, gint64 now);

/* What the connection of an attempt reports; an unknown sid is ignored. */
void mesh_room_local_sdp (MeshRoom *room, const char *peer, const char *sid,
    const char *sdp_type, const char *sdp, gint64 now);
void mesh_room_local_candidate (MeshRoom *room, const char *peer,
    const char *sid, const char *candidate, int mline, const char *mid,
    gint64 now);
void mesh_room_connected (MeshRoom *room, const char *peer, const char *sid,
    gint64 now);
void mesh_room_heard (MeshRoom *room, const char *peer, const char *sid,
    gint64 now);
void mesh_room_shown (MeshRoom *room, const char *peer, const char *sid,
    gint64 now);
void mesh_room_failed (MeshRoom *room, const char *peer, const char *sid,
    const char *reason, gint64 now);
void mesh_room_hurry (MeshRoom *room, gint64 now);
void mesh_room_renew (MeshRoom *room, const char *peer, const char *sid,
    gint64 now);

/* What comes out. */
gboolean mesh_room_pop_action (MeshRoom *room, MeshRoomAction *action);
void mesh_room_action_clear (MeshRoomAction *action);
gint64 mesh_room_deadline (MeshRoom *room);
gboolean mesh_room_hosts (MeshRoom *room);
void mesh_room_foreach_peer (MeshRoom *room, MeshPeerFunc func,
    gpointer user_data);

G_END_DECLS
