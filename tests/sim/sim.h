/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Rooms of up to eight members and their server, in one thread and in virtual
 * time: the real MeshRoom, the page's real room and the real MeshHub on
 * modelled wires, clocks and WebRTC. Everything comes from a schedule (a seed,
 * and a list of faults with their times), so the same schedule gives the same
 * run.
 *
 *   schedule.c  makes schedules, writes them down, shrinks those that fail
 *   world.c     the clock: events, deadlines, what happens next
 *   faults.c    what goes wrong, and that it ends
 *   server.c    MeshHub, and what carries its frames
 *   client.c    a member's half of the envelope
 *   forward.c   services that only pass messages on
 *   room.c      MeshRoom, or the page's room, which is not C
 *   member.c    a member: its room, and the WebRTC below it
 *   check.c     what must hold: after each step, and once all is quiet */

#include "core/hub.h"
#include "core/room.h"

#define SECOND G_GINT64_CONSTANT (1000000)
#define MS(ms) ((gint64) (ms) * 1000)
#define MAX_NODES 8
#define ROOM MAX_NODES          /* as a recipient */
#define MAX_FAULTS 48
#define UNKNOWN G_MAXUINT

typedef struct _SimRoom SimRoom;

typedef enum {
  MODE_HUB,                     /* our server */
  MODE_FORWARD,                 /* a service that passes messages on */
  MODE_BROADCAST,               /* one that has no addresses either */
  N_MODES
} Mode;

typedef enum {
  FAULT_START,
  FAULT_KILL,
  FAULT_KILL_AFTER,             /* so many actions of its room */
  FAULT_RESTART,
  FAULT_LEAVE,
  FAULT_CUT,                    /* the wire to the server breaks */
  FAULT_CUT_AFTER,              /* so many frames */
  FAULT_PAUSE,                  /* the process is stopped */
  FAULT_SUSPEND,                /* and its clock with it */
  FAULT_OUTAGE,                 /* no network at all */
  FAULT_PARTITION,              /* no media between two groups */
  FAULT_DEAF,                   /* no media one way between two */
  FAULT_ICE,                    /* a connection fails for no reason */
  FAULT_STATE,                  /* mutes, shows the others at another size */
  FAULT_SERVER_KILL,
  FAULT_SERVER_KILL_AFTER,      /* so many frames */
  FAULT_SERVER_PAUSE,
  FAULT_LOSS,                   /* messages are lost, come twice, or late */
  N_FAULTS
} FaultKind;

typedef struct {
  gint64 at;
  FaultKind kind;
  guint node;
  guint other;
  gint64 duration;
  guint how;                    /* a number whose meaning is the kind's */
} Fault;

typedef struct {
  guint64 seed;
  guint n;
  Mode mode;
  gint64 max_delay;
  guint pages;                  /* bits: who is a page */
  gint64 end;                   /* of what goes wrong */
  gboolean to_the_end;          /* does not stop early when all is whole */
  guint n_faults;
  Fault faults[MAX_FAULTS];
} Schedule;

typedef enum {
  EVENT_FAULT,
  EVENT_HEAL,
  EVENT_PULSE,                  /* once a second, each node */
  EVENT_KEEP,                   /* every 4 s, each wire: ping and pong */
  EVENT_OPENED,
  EVENT_RETRY,
  EVENT_OFFLINE,
  EVENT_UP,
  EVENT_DOWN,
  EVENT_GONE,                   /* the server notices that a wire is */
  EVENT_MESSAGE,                /* in services that only pass on */
  EVENT_SDP,
  EVENT_CONNECTED,
  EVENT_SERVER_UP,
  EVENT_CHECK,
} EventKind;

typedef struct {
  gint64 at;
  guint order;
  guint8 kind;
  guint8 node;
  guint8 other;
  guint8 what;
  guint number;
  guint index;
  guint64 value;
} Event;

typedef struct {
  char text[34];
  int caller;                   /* -1: has not begun */
  int callee;
  guint caller_life;
  guint callee_life;
} Sid;

/* One end of one attempt. */
typedef struct {
  guint sid;                    /* 0: none */
  gboolean offerer;
  gboolean have_local;
  gboolean have_remote;
  gboolean connecting;
  gboolean connected;
  gint64 began_at;
  gint64 connected_at;
  gint64 heard_at;
  gboolean shown;               /* what comes by it */
  gboolean aside;               /* another one is to take its place */
  guint other_life;
} Link;

typedef enum { OFF, WAITING, CONNECTING, HELLO, ONLINE } ClientState;

typedef struct {
  guint64 mid;
  guint to;
  guint message;
} Unsent;

typedef struct {
  ClientState state;
  guint wire;                   /* 0: none */
  guint attempt;
  guint failures;
  gint64 since;
  gint64 online_since;
  gint64 heard_at;
  GArray *unsent;
  guint64 mid;
  guint64 cursor;
  guint64 acked;
  char epoch[17];
  char token[23];
} Client;

typedef struct {
  guint node;
  guint life;                   /* of the node */
  guint server_life;
  gboolean up_dead;
  gboolean down_dead;
  gboolean closed;              /* at our end */
  gint64 up_last;
  gint64 down_last;
  gint64 stalled_until;         /* its frames wait, none is lost */
  guint cut_after;              /* frames; 0: never */
} Wire;

typedef struct {
  char id[37];
  SimRoom *room;                /* NULL: not there */
  gboolean is_page;             /* in the page's language */
  guint life;                   /* goes up with each start and end */
  gint64 ended_at;
  guint doom;                   /* dies after so many actions */
  gboolean muted;
  gboolean out;                 /* without a network */
  gint64 resume_at;             /* stopped until then; 0: not */
  gint64 base;                  /* its clock */
  gint64 slept;
  double rate;
  gint64 due;                   /* its room's deadline, on our clock */
  gint64 inc;
  Client client;
  Link links[MAX_NODES][2];
  gboolean shown[MAX_NODES];
  guint wants;                  /* how large it shows the others */
  guint wanted[MAX_NODES];      /* and was told that they show it */
  gboolean early[MAX_NODES];    /* dropped before its time; see check.c */
  char gone_inc[MAX_NODES][17]; /* of whoever said goodbye to it */
} Node;

typedef struct {
  const Schedule *schedule;
  GString *trace;               /* NULL: nobody wants it */
  char *violation;              /* NULL: none yet */
  guint64 random;
  gint64 now;
  guint order;
  guint steps;
  GArray *heap;                 /* of Event */
  GPtrArray *messages;          /* MeshMessage, all that were sent */
  GArray *sids;                 /* of Sid, from 1 */
  GHashTable *sid_index;
  guint n;
  Node nodes[MAX_NODES];

  MeshHub *hub;                 /* NULL: down */
  guint server_life;
  guint server_doom;
  gint64 server_resume_at;
  gint64 server_trouble;
  GArray *wires;                /* of Wire, from 1 */

  gboolean lossy;
  guint cut[MAX_NODES][MAX_NODES];      /* media from, to */
  gint64 trouble[MAX_NODES][MAX_NODES]; /* last time, of that path; of the
                                           wire to the server */
  guint whole_checks;
  gboolean over;
} World;

/* world.c */
guint64 sim_random (World *world);
gint64 sim_range (World *world, gint64 from, gint64 to);
gint64 sim_delay (World *world);
void sim_post (World *world, Event event);
gint64 sim_node_now (World *world, const Node *node);
void sim_touch (World *world, guint node);
void sim_tell (World *world, const char *format, ...) G_GNUC_PRINTF (2, 3);
char *sim_run (const Schedule *schedule, GString *trace);

/* faults.c */
const char *sim_fault_name (FaultKind kind);
void sim_fault (World *world, const Fault *fault);
void sim_heal (World *world, const Fault *fault);
void sim_faults_end (World *world);
gboolean sim_is_stopped (World *world, const Node *node);

/* server.c */
void sim_server_start (World *world);
void sim_server_kill (World *world, guint how);
void sim_server_tick (World *world);
void sim_server_takes (World *world, const Event *event);
void sim_server_loses (World *world, guint wire);
guint sim_wire_new (World *world, guint node);
Wire *sim_wire (World *world, guint wire);
void sim_wire_break (World *world, guint wire, guint how);
void sim_keep (World *world, const Event *event);
gboolean sim_wire_survives (World *world, guint wire);

/* client.c */
enum { UP_HELLO, UP_SEND, UP_ACK, UP_BYE };
enum { DOWN_WELCOME, DOWN_SEQ, DOWN_MID, DOWN_ERROR, DOWN_CLOSE };
void sim_client_start (World *world, guint node);
void sim_client_send (World *world, guint node, guint to, guint message);
void sim_client_leave (World *world, guint node);
void sim_client_opened (World *world, const Event *event);
void sim_client_retry (World *world, const Event *event);
void sim_client_takes (World *world, const Event *event);
void sim_client_pulse (World *world, guint node);
void sim_client_lost (World *world, guint node);

/* forward.c */
void sim_forward_start (World *world, guint node);
void sim_forward_send (World *world, guint node, guint to, guint message);
void sim_forward_takes (World *world, const Event *event);
void sim_forward_cut (World *world, guint node);
void sim_forward_back (World *world, guint node);

/* room.c */
const char *sim_room_action_name (MeshRoomActionType type);
void sim_page_break (const char *mutant);
SimRoom *sim_room_new (World *world, const MeshRoomConfig *config,
    gboolean is_page);
void sim_room_free (SimRoom *room);
gboolean sim_room_pop_action (SimRoom *room, MeshRoomAction *action);
gint64 sim_room_deadline (SimRoom *room);
gboolean sim_room_hosts (SimRoom *room);
void sim_room_foreach_peer (SimRoom *room, MeshPeerFunc func,
    gpointer user_data);
void sim_room_join (SimRoom *room, gint64 now);
void sim_room_feed (SimRoom *room, const MeshMessage *message, gint64 now);
void sim_room_tick (SimRoom *room, gint64 now);
void sim_room_leave (SimRoom *room, gint64 now);
void sim_room_set_muted (SimRoom *room, const char *name, gboolean muted,
    gint64 now);
void sim_room_want (SimRoom *room, const char *peer, guint size, gint64 now);
gboolean sim_room_reincarnate (SimRoom *room, const char *inc, gint64 now);
void sim_room_local (SimRoom *room, const char *peer, const char *sid,
    const char *type, const char *sdp, gint64 now);
void sim_room_connected (SimRoom *room, const char *peer, const char *sid,
    gint64 now);
void sim_room_heard (SimRoom *room, const char *peer, const char *sid,
    gint64 now);
void sim_room_shown (SimRoom *room, const char *peer, const char *sid,
    gint64 now);
void sim_room_failed (SimRoom *room, const char *peer, const char *sid,
    gint64 now);
void sim_room_hurry (SimRoom *room, gint64 now);
void sim_room_renew (SimRoom *room, const char *peer, const char *sid,
    gint64 now);

/* member.c */
guint sim_message (World *world, MeshMessage *message);
int sim_node_of (World *world, const char *id);
void sim_start (World *world, guint node, gboolean other_token);
void sim_kill (World *world, guint node, guint how);
void sim_leave (World *world, guint node);
void sim_feed (World *world, guint node, guint message);
void sim_feed_offline (World *world, guint node);
void sim_member_tick (World *world, guint node);
void sim_pulse (World *world, guint node);
void sim_run_actions (World *world, guint node);
void sim_on_sdp (World *world, const Event *event);
void sim_on_connected (World *world, const Event *event);
Link *sim_link (Node *node, guint other, guint sid);
Link *sim_other_link (Node *node, guint other, const Link *link);

/* check.c */
void sim_violation (World *world, const char *format, ...)
    G_GNUC_PRINTF (2, 3);
void sim_check_start (World *world, guint node, guint other,
    const MeshRoomAction *action, guint sid);
void sim_check_retire (World *world, guint node, guint other,
    const Link *link);
void sim_check_back (World *world, guint node, guint other, const Link *link);
void sim_check_drop (World *world, guint node, guint other,
    const MeshRoomAction *action, const Link *link);
void sim_check_stop (World *world, guint node, guint other, Link *link,
    const char *reason);
void sim_check_step (World *world, guint node);
void sim_check_ghosts (World *world);
char *sim_why_not_whole (World *world);

/* schedule.c */
void sim_schedule (Schedule *schedule, guint64 seed, gboolean pages);
void sim_schedule_print (const Schedule *schedule, GString *to);
gboolean sim_schedule_read (Schedule *schedule, const char *text);
void sim_shrink (Schedule *schedule);
