/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/call.h"

#include "core/allot.h"
#include "core/ladder.h"
#include "core/room.h"
#include "meshroom/peer.h"
#include "meshroom/removal.h"
#include "meshroom/member-pads.h"
#include "signalling/ice-client.h"
#include "signalling/ice-probe.h"
#include "signalling/network.h"
#include "signalling/seal.h"

G_BEGIN_DECLS

/* The call's inside, for its own files: call.c has its life, call-pump.c pops
 * what the core has decided, call-actions.c carries it out for members and
 * connections, attempt-events.c takes what connections tell, codecs.c has the
 * codecs of our video, exchange.c makes connections anew when what is sent
 * changes, call-media.c divides the uplink, reachability.c renews connections when this machine's addresses
 * change, ice-report.c warns of ICE servers, inbox.c takes what comes from other
 * threads, call-stats.c keeps what stats and peers show, call-events.c tells the
 * application.
 *
 * All is called on the call's thread. */

/* One member, from its first attempt or pad on. */
typedef struct {
  MeshMemberPads *pads;
  MeshPeer *peer;               /* NULL without an attempt */
  MeshPeer *old;                /* set aside, while peer replaces it */
  gint64 heard_at;              /* when data last came, by any attempt; 0:
                                 * never */
  gint64 connected_at;          /* when the present attempt was connected; 0:
                                 * not yet */
  gint64 exchange_at;           /* the earliest time of the next attempt that
                                 * changes what is sent */
  gboolean added;
  gboolean addressless;         /* the peer has no usable address, and a warning
                                 * was posted */
  /* Our video cannot be encoded in this codec, and an attempt that was made
   * later is in it as well: there is no other that both ends speak. */
  const MeshCodec *only_codec;
  gboolean excused;             /* the member was told that it is not shown us */
  MeshCounts ended;             /* of attempts that have ended */
  gboolean was_hidden;          /* at the last refresh of the figures */
  MeshCounts counted;           /* then, all that was counted */
  MeshCounts placeholders;      /* freezes of the placeholder */

  /* The largest size of our picture that the member has a use for, in the
   * present attempt: 0x0 = it does not see it; 0 fps = any. */
  gboolean want_known;          /* FALSE: it has not said, as older apps */
  guint want_width;
  guint want_height;
  guint want_fps;
  gboolean unseen;              /* the member was told that we do not see its
                                 * picture */
  MeshLadderPeer ladder;
  MeshAllotPeer share;
  gint64 reported_at;           /* when its receiver reports were read; 0:
                                 * never */
} Member;

struct _MeshCall {
  MeshCallConfig config;
  char *peer_id;
  char **video_codecs;
  char *stun_server;
  char **turn_servers;

  GThread *thread;
  GMainContext *context;
  GMainLoop *loop;
  MeshRemovals *removals;
  const MeshPeerEvents *peer_events;    /* of all attempts */

  MeshRoom *room;
  MeshSealer *sealer;           /* NULL: a link without a key */
  GHashTable *members;          /* peer id -> Member */
  GSource *timer;
  GSource *ticker;
  GSource *divider;
  MeshAllot allot;
  GPtrArray *ladders;           /* of call-media.c */
  MeshNetwork *network;
  char *reason;                 /* why the last attempt failed */
  char *reason_of;              /* the peer of that attempt */
  gboolean alone;               /* nobody but this machine can be reached */
  gboolean relayless;           /* only relayed candidates are allowed, and
                                 * there is no TURN server */
  MeshIceClient *ice_client;    /* NULL if no server is asked for ICE servers */
  MeshIceProbe *ice_probe;      /* NULL: no servers */
  GQueue *held;                 /* messages that wait for the answer of
                                 * ice_client; NULL otherwise */
  char *last_warning;
  gboolean streams_ended;       /* all pads have given EOS */
  guint warnings_left;
  gint64 last_warning_refill;

  GMutex lock;                  /* guards what follows; readers are on any
                                 * thread */
  GHashTable *stats;            /* peer id -> GstStructure */
  GPtrArray *peers;             /* GstStructure */
  MeshCallSums sums;
  MeshCounts ended;             /* of members who are gone; the call's thread
                                 * alone */

  gint waiting;                 /* messages not yet read; atomic */
};

/* call-pump.c */
void mesh_call_pump (MeshCall *call);

/* call-events.c */
#define MESH_CALL_WARNINGS 10   /* the most that are posted at once */
void mesh_call_warn (MeshCall *call, const char *peer, const char *what);
void mesh_call_tell_added (MeshCall *call, const char *peer);
void mesh_call_tell_removed (MeshCall *call, const char *peer,
    const char *reason);
void mesh_call_tell_chat (MeshCall *call, const char *peer, const char *text);

/* call-actions.c */
Member *mesh_call_get_member (MeshCall *call, const char *id);
void mesh_call_drop_member (MeshCall *call, const char *id);
guint mesh_call_count_attempts (MeshCall *call);
void mesh_call_start_attempt (MeshCall *call, const MeshRoomAction *action);
void mesh_call_change_attempt (MeshCall *call, const MeshRoomAction *action);
void mesh_call_say_want (MeshCall *call, const char *id, const MeshWant *want);
void mesh_call_take_want (MeshCall *call, const MeshRoomAction *action);
void mesh_call_take_remote_sdp (MeshCall *call, const MeshRoomAction *action);
void mesh_call_listen (MeshCall *call);

/* attempt-events.c */
extern const MeshPeerEvents mesh_call_peer_events;

/* reachability.c */
void mesh_call_check_relays (MeshCall *call);
void mesh_call_look_around (MeshCall *call);
void mesh_call_keep_reason (MeshCall *call, Member *member);
void mesh_call_warn_of_peer (MeshCall *call, const char *peer,
    const char *text);
void mesh_call_tell_addressless (MeshCall *call, const char *id,
    Member *member);
void mesh_call_tell_reach (MeshCall *call, MeshReach reach);
void mesh_call_renew_attempts (MeshCall *call, MeshNetworkChange change);

/* exchange.c */
void mesh_call_take_source (MeshCall *call, MeshKind kind, MeshSource *source);
void mesh_call_exchange (MeshCall *call);
void mesh_call_end_what_stopped (MeshCall *call, Member *member);

/* codecs.c */
char **mesh_call_usable_codecs (MeshCall *call);
char *mesh_call_explain_codecs (MeshCall *call);
const MeshCodec *mesh_call_choose_codec (MeshCall *call, const char *peer,
    char **wanted);
void mesh_call_review_codecs (MeshCall *call);
void mesh_call_review_picture (MeshCall *call, Member *member);
void mesh_call_note_codec (MeshCall *call, Member *member);

/* inbox.c */
void mesh_call_read_held (MeshCall *call);
void mesh_call_post (MeshCall *call, GSourceFunc func);

/* ice-report.c */
void mesh_call_probe_ice_servers (MeshCall *call);

/* call-media.c */
void mesh_call_start_media (MeshCall *call);
void mesh_call_stop_media (MeshCall *call);
void mesh_call_media_changed (MeshCall *call);

/* call-stats.c */
void mesh_call_refresh_stats (MeshCall *call);
void mesh_call_keep_counts (Member *member, MeshPeer *peer);
void mesh_call_keep_member_counts (MeshCall *call, Member *member);

G_END_DECLS
