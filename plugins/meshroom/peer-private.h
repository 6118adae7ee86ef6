/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "meshroom/peer.h"

#include <gst/webrtc/webrtc.h>

#include "core/candidates.h"
#include "meshroom/meter.h"
#include "meshroom/playout.h"
#include "meshroom/selected-pair.h"
#include "meshroom/spreader.h"
#include "meshroom/verify.h"

G_BEGIN_DECLS

/* The attempt's inside, for its own files: peer.c has its life and what can be
 * asked of it, ice.c the settings of its ICE agent, peer-events.c what it tells
 * the room, peer-task.c the tasks in which it does, failure.c what goes wrong,
 * peer-stats.c its figures, negotiate.c the session descriptions, peer-rate.c how
 * fast it is sent to, peer-streams.c what the peer sends. */

/* One stream to the peer: a branch of a fan-out, linked to a payloader. */
typedef struct {
  const MeshCodec *codec;
  MeshFanout *fanout;
  GstPad *branch;
  GstElement *payloader;        /* no reference */
} Sender;

struct _MeshPeer {
  GstBin parent;

  char *id;
  char *sid;
  GMainContext *worker;
  const MeshPeerEvents *events;
  gpointer user_data;
  char **video_codecs;
  MeshSource *sources[MESH_N_KINDS];
  gboolean decode;
  gboolean takes_over;
  gboolean congestion_control;
  MeshRate *rate;               /* NULL: nothing is sent, or without control;
                                 * made before anything is sent */
  MeshSpreader *spreader;       /* of our picture; no reference */
  GstPad *reported_on;          /* whose reports are taken; no reference */

  GstElement *webrtc;
  GObject *ice;
  GObject *agent;               /* libnice's; NULL: another implementation */
  gulong pair_selected;
  MeshSelectedPair *selected_pair;
  char **addresses;             /* that we announce */
  MeshVerifier *verifier;
  MeshMeter *meter;
  MeshPlayout *playout;

  /* worker only */
  MeshCandidates *candidates;   /* the peer's */
  Sender senders[MESH_N_KINDS];
  gboolean gets[MESH_N_KINDS];  /* what the peer's description promises */
  int twcc_ids[MESH_N_KINDS];   /* of the extension in it; 0: none */
  gboolean reports;             /* transport-wide, on what it gets */
  gboolean offerer;
  gboolean described;           /* the peer's description is set */
  gint64 described_at;
  gboolean sound_only;          /* the offer has none of our video codecs */
  gboolean connected;
  gboolean failed;
  GSource *padding;             /* sends it; NULL: none yet */

  gint abandoned;               /* atomic */
  gint has_left;                /* atomic: is out of the room's bin */
  gint told_of_input;           /* atomic: a warning of broken frames was
                                 * posted */
  gint audio_ssrc;              /* atomic: of what the peer sends */
  GMutex lock;                  /* guards what follows */
  GstElement *receivers[MESH_N_KINDS];
  gboolean arrived[MESH_N_KINDS];
  GstPad *repeater;             /* the source pad of the element that sends
                                 * packets once more */
};

/* peer-events.c: the worker */
void mesh_peer_set_up_events (MeshPeer *peer, gboolean verify_fingerprint);
/* peer-task.c: any thread */
void mesh_peer_post (MeshPeer *peer, void (*func) (MeshPeer *, gpointer),
    gpointer data, GDestroyNotify destroy);

/* peer-rate.c: the worker */
gboolean mesh_peer_link_payloader (MeshPeer *peer, GstElement *payloader,
    GstPad *webrtc_pad, MeshKind kind);
void mesh_peer_stop_sending (MeshPeer *peer);

/* failure.c: any thread */
void mesh_peer_fail (MeshPeer *peer, const char *reason, const char *text);
void mesh_peer_handle_message (GstBin *bin, GstMessage *message);

/* ice.c: the worker */
void mesh_peer_set_up_ice (MeshPeer *peer, const MeshPeerConfig *config);
void mesh_peer_set_if_there (gpointer object, const char *name, int value);

/* peer-streams.c: webrtcbin's threads */
void mesh_peer_on_jitterbuffer (GstElement *rtpbin, GObject *jitterbuffer,
    guint session, guint ssrc, gpointer user_data);
void mesh_peer_on_stream (GstElement *webrtc, GstPad *pad,
    gpointer user_data);

G_END_DECLS
