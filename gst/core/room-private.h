/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/room.h"
#include "core/room-timing.h"

G_BEGIN_DECLS

/* Inside of a room: room.c has the public calls and the clockwork, roster.c
 * knows who is there and departed.c who was, attempt.c runs one pair's attempt,
 * want.c tells which size of a picture is of use, and room-action.c keeps what
 * is to be done. */

#define NEVER G_MAXINT64

typedef struct {
  char *id;
  char *inc;                    /* newest seen; NULL: none, or an older app */
  char *life;                   /* the incarnation last connected with */

  /* who vouches for it */
  gboolean listed;              /* the server: it is in the room */
  gboolean lost;                /* the server: timed out. Its media: not so */
  gboolean newer;               /* it joined after us, so it calls */
  gboolean spoke;               /* it did so itself */
  gint64 seen_at;               /* last message or media of its own */
  gint64 lost_at;               /* its last attempt failed */

  /* what we were told of it, and told our user */
  char *name;
  gboolean muted;
  gboolean hidden;
  gboolean added;

  /* the attempt, unless phase is IDLE */
  MeshPeerPhase phase;
  char *sid;
  gboolean caller;              /* we are */
  gint64 began_at;
  gint64 heard_at;
  gboolean renew;               /* to be made anew, when we can call */
  guint steady;                 /* heard so often without a gap */
  gboolean have_remote;         /* its description is here */
  gboolean have_local;          /* ours is out */
  guint n_remote;               /* candidates so far */
  guint n_local;
  GQueue remote_candidates;     /* MeshRoomAction, wait for its description */
  GQueue local_candidates;      /* MeshMessage, wait for ours */

  gint64 connected_at;
  gboolean shown;               /* what has come by it since */

  /* The connection before it, of which there is one at the most: set aside, it
   * is gone back to when nothing comes of the other attempt; when another one
   * has been connected, it is over, and just lingers. */
  char *old_sid;
  char *over_sid;
  gboolean old_caller;
  gint64 old_heard_at;
  gint64 old_since;             /* its silence counts from here: it was heard,
                                 * or another attempt began; NEVER: none has */

  /* what we can use of its picture, and it of ours */
  gboolean wants;               /* our side has said what it can use */
  MeshWant want;
  gboolean want_said;           /* the member was told `said` in this attempt */
  MeshWant said;
  gint64 want_free_at;          /* the member is told nothing before */
  gint64 want_larger_at;        /* nor before this, if want is the larger */
  gboolean has_wanted;          /* in this attempt */
  MeshWant wanted;

  /* the next attempt */
  char call_inc[17];            /* of the last call accepted, */
  guint64 last_call;            /* and its N */
  guint failures;               /* in a row */
  guint asked;                  /* joinrooms since it was connected */
  gint64 told_until;            /* an older app is not told again before */
  gint64 call_at;
  gint64 barred_until;          /* we don't call */
  gint64 refuse_until;          /* it need not call either */
} MeshMember;

typedef enum {
  SERVER_NONE,                  /* never heard of one */
  SERVER_ONLINE,
  SERVER_OFFLINE,
} MeshServerState;

/* A member that left. Until a time, what others still say of it does not bring
 * it back; and when it does come back, its earlier calls are known. */
typedef struct {
  char *id;
  char *inc;                    /* of its own bye, else NULL */
  char call_inc[17];            /* as MeshMember has them; after a bye, not
                                 * older than that */
  guint64 last_call;
  gint64 until;
} MeshDeparted;

struct _MeshRoom {
  char *id;
  char *room;
  char *inc;
  guint max_peers;
  char **codecs;
  char *name;
  gboolean muted;
  gboolean hidden;

  GQueue actions;               /* MeshRoomAction */
  GPtrArray *members;           /* MeshMember, in the order they came up */
  GPtrArray *departed;          /* MeshDeparted, oldest first */
  guint64 n_calls;
  guint pace;                   /* attempts at once; 0: as at first */
  guint n_reincarnations;
  gint64 tell_outdated_at;      /* nobody is told so before */

  gboolean joined;
  gboolean left;
  MeshServerState server;
  gboolean lists;               /* the server says who is there */
  char *host;
  gint64 roster_at;
  gint64 state_at;
  gint64 awake_at;              /* when we were last told the time */

  gboolean answered;            /* our joinroom was */
  guint n_asked;
  gint64 ask_at;
};

/* room.c */
void mesh_room_wake (MeshRoom *room, gint64 now);

/* room-action.c */
MeshRoomAction *mesh_room_action_new (MeshRoomActionType type,
    const char *peer);
void mesh_room_action_free (MeshRoomAction *action);
void mesh_room_push (MeshRoom *room, MeshRoomAction *action);
MeshMessage *mesh_room_message (MeshRoom *room, MeshMessageType type,
    const char *to);
void mesh_room_send (MeshRoom *room, MeshMessage *message);
void mesh_room_send_bye (MeshRoom *room, const char *to, const char *sid,
    const char *reason);
void mesh_room_send_state (MeshRoom *room, const char *to);
void mesh_room_send_states (MeshRoom *room, gint64 now);
gint64 mesh_room_next_state (MeshRoom *room, gint64 now);
void mesh_room_warn (MeshRoom *room, const char *peer, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* roster.c */
MeshMember *mesh_room_find (MeshRoom *room, const char *id);
MeshMember *mesh_room_learn (MeshRoom *room, const char *id, gint64 now);
void mesh_room_forget (MeshRoom *room, MeshMember *member, const char *reason,
    gint64 now);
void mesh_room_untile (MeshRoom *room, MeshMember *member, const char *reason);
gint64 mesh_room_repair_delay (MeshRoom *room, MeshMember *member);
gboolean mesh_room_vouches (MeshRoom *room, MeshMember *member);
gboolean mesh_room_denies (MeshRoom *room, MeshMember *member);
gint64 mesh_room_ghost_at (MeshRoom *room, MeshMember *member);
gint64 mesh_room_forget_at (MeshRoom *room, MeshMember *member);
void mesh_room_ask (MeshRoom *room, gint64 now);
void mesh_room_start_asking (MeshRoom *room, gint64 now);
void mesh_room_send_rosters (MeshRoom *room, gint64 now);
void mesh_room_server_says (MeshRoom *room, const MeshMessage *message,
    gint64 now);
void mesh_room_on_joinroom (MeshRoom *room, const MeshMessage *message,
    gint64 now);
void mesh_room_on_roomreply (MeshRoom *room, const MeshMessage *message,
    gint64 now);
void mesh_room_on_roster (MeshRoom *room, const MeshMessage *message,
    gint64 now);

/* departed.c */
MeshDeparted *mesh_room_find_departed (MeshRoom *room, const char *id);
MeshDeparted *mesh_room_note_departed (MeshRoom *room, const char *id,
    gint64 now);
void mesh_room_note_bye (MeshRoom *room, const MeshMessage *message,
    gint64 now);
gboolean mesh_room_is_over (MeshRoom *room, const char *id, const char *inc,
    gint64 now);
void mesh_departed_end (MeshDeparted *departed, const char *inc);
void mesh_departed_free (MeshDeparted *departed);

/* attempt.c */
gboolean mesh_attempt_accept_inc (MeshRoom *room, MeshMember *member,
    const MeshMessage *message, gint64 now);
void mesh_attempt_call (MeshRoom *room, MeshMember *member, gint64 now);
void mesh_attempt_renew (MeshRoom *room, MeshMember *member, gint64 now);
void mesh_attempt_give_way (MeshRoom *room, MeshMember *member, gint64 now);
void mesh_attempt_stop (MeshRoom *room, MeshMember *member,
    const char *reason);
void mesh_attempt_drop (MeshRoom *room, MeshMember *member,
    const char *reason);
void mesh_attempt_replace (MeshMember *member);
gint64 mesh_attempt_silent_at (MeshMember *member);
gint64 mesh_attempt_drop_at (MeshMember *member);
gboolean mesh_attempt_go_back (MeshRoom *room, MeshMember *member,
    gint64 now);
void mesh_attempt_abandon (MeshRoom *room, MeshMember *member, gint64 now);
void mesh_attempt_failed (MeshRoom *room, MeshMember *member,
    const char *reason, const char *bye, gint64 now);
void mesh_attempt_barred (MeshRoom *room, MeshMember *member,
    const char *reason, gint64 now);
gint64 mesh_attempt_timeout (MeshMember *member);
void mesh_attempt_on_timeout (MeshRoom *room, MeshMember *member, gint64 now);
void mesh_attempt_on_call (MeshRoom *room, const MeshMessage *message,
    gint64 now);
void mesh_attempt_on_signal (MeshRoom *room, MeshMember *member,
    const MeshMessage *message);
void mesh_attempt_on_bye (MeshRoom *room, MeshMember *member,
    const MeshMessage *message, gint64 now);

/* want.c */
void mesh_want_begin (MeshMember *member);
gint64 mesh_want_due_at (MeshRoom *room, MeshMember *member);
void mesh_want_say_due (MeshRoom *room, gint64 now);
void mesh_want_on_message (MeshRoom *room, MeshMember *member,
    const MeshMessage *message);

/* outdated.c */
gboolean mesh_outdated_refuses (MeshRoom *room, const MeshMessage *message,
    gint64 now);
void mesh_outdated_on_message (MeshRoom *room, const MeshMessage *message);

/* pace.c */
gint64 mesh_pace_free_at (MeshRoom *room);
MeshMember *mesh_pace_next (MeshRoom *room, gint64 now);
void mesh_pace_connected (MeshRoom *room, MeshMember *member, gint64 now);
void mesh_pace_failed (MeshRoom *room);

G_END_DECLS
