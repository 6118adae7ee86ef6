/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>
#include <gst/webrtc/webrtc.h>

#include "meshroom/call.h"
#include "meshroom/signal-channel.h"
#ifdef HAVE_SERVER
#include "meshroom/serve.h"
#endif

G_BEGIN_DECLS

/* The element's inside, for its own files: meshroom.c has pads and state
 * changes, session.c what happens between READY and PAUSED, inputs.c what
 * the room is to the pipeline that feeds it, properties.c and ice-property.c
 * what can be set, read and heard, tell.c what the room tells, child-errors.c
 * what becomes of errors inside, templates.c the kinds of pads. */

#define MESH_TYPE_MESHROOM (mesh_meshroom_get_type ())
G_DECLARE_FINAL_TYPE (MeshMeshroom, mesh_meshroom, MESH, MESHROOM, GstBin)

typedef enum {
  MESH_CONGESTION_CONTROL_GCC,
  MESH_CONGESTION_CONTROL_DISABLED,
} MeshCongestionControl;

struct _MeshMeshroom {
  GstBin parent;

  /* set up and torn down by state changes */
  MeshNotifier *notifier;       /* set and cleared under lock, too */
  MeshSignalChannel *channel;
  GstElement *signal_elements[2];
  MeshCall *call;               /* cleared under lock, too */
#ifdef HAVE_SERVER
  MeshServe *serve_thread;
#endif

  MeshTimeline *timeline;       /* the timeline of all inputs */

  /* The lock guards what follows, and the settings alone: under it, messages
   * are queued for the notifier and tasks for the call, but no element, pad or
   * handler is called. It is taken after no other, and before a source's. */
  GMutex lock;
  char *link;
  char *serve;
  char *peer_id;
  char *refused_peer_id;        /* the warning about a peer-id that was refused;
                                 * NULL: none was */
  char *display_name;
  gboolean muted;
  gboolean hidden;
  guint32 last_key;             /* seqnum of the last key's event */
  char *stun_server;
  char **turn_servers;
  char **refused_ice[2];        /* the warnings about refused URLs of
                                 * stun-server and turn-servers */
  GstWebRTCICETransportPolicy policy;
  guint max_peers;
  guint latency;
  gboolean latency_is_set;      /* by the application */
  char *video_codecs;
  gboolean decode;
  gboolean verify_fingerprint;
  MeshCongestionControl congestion_control;
  guint64 uplink_bitrate;
  gboolean wait_for_peers;
  char *room_link;              /* the link of the room that serve has made */
  MeshSource *sources[MESH_N_KINDS];
  GstPad *signal_sink;
  GstPad *signal_src;
};

/* tell.c */
void mesh_meshroom_post_error (MeshMeshroom *self, const GError *error);
void mesh_meshroom_tell_message (MeshMeshroom *self, GstMessage *message);
void mesh_meshroom_tell_state_locked (MeshMeshroom *self);
void mesh_meshroom_set_muted (MeshMeshroom *self, gboolean muted);

/* ice-property.c */
void mesh_meshroom_set_ice_property (MeshMeshroom *self, gboolean relay,
    const GValue *value);
void mesh_meshroom_get_ice_property_locked (MeshMeshroom *self, gboolean relay,
    GValue *value);
void mesh_meshroom_warn_of_ice_properties (MeshMeshroom *self);

/* session.c: called by state changes only */
gboolean mesh_meshroom_start (MeshMeshroom *self);
void mesh_meshroom_stop_call (MeshMeshroom *self);
void mesh_meshroom_stop (MeshMeshroom *self);

/* child-errors.c */
gboolean mesh_meshroom_take_child_error (MeshMeshroom *self,
    GstMessage *message);

/* inputs.c */
void mesh_meshroom_input_ended (MeshMeshroom *self, MeshSource *source);
gboolean mesh_meshroom_seek (MeshMeshroom *self, GstEvent *event);
gboolean mesh_meshroom_answer (MeshMeshroom *self, GstQuery *query,
    gboolean *answered);

/* templates.c */
void mesh_meshroom_add_templates (GstElementClass *klass);

/* properties.c */
char **mesh_meshroom_dup_video_codecs_locked (MeshMeshroom *self);
void mesh_meshroom_init_properties (MeshMeshroom *self);
void mesh_meshroom_clear_properties (MeshMeshroom *self);
void mesh_meshroom_install_properties (GObjectClass *klass);

G_END_DECLS
