/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/link.h"
#include "core/message.h"
#include "meshroom/figures.h"
#include "meshroom/source.h"
#include "meshroom/notifier.h"

G_BEGIN_DECLS

/* A participation in a room, from READY to PAUSED and back: the thread that
 * owns the room's state, carries out what the core decides, and tells the
 * element and its application.
 *
 * Any thread but the call's own may call. Signals and messages of the element
 * come from the notifier's thread, with no lock held. */

typedef struct _MeshCall MeshCall;

typedef struct {
  GstElement *element;          /* the meshroom, outlives the call */
  MeshNotifier *notifier;       /* outlives the call, which closes it */
  const MeshLink *link;         /* NULL: no server, no key; any room */
  const char *peer_id;
  const char *name;
  gboolean muted;
  MeshSource *sources[MESH_N_KINDS];
  const char *const *video_codecs;
  const char *stun_server;
  const char *const *turn_servers;
  gboolean ask_ice_servers;     /* of link's server; there are none otherwise */
  gboolean relay_only;
  guint max_peers;
  guint latency;
  guint least_delay;
  gboolean decode;
  gboolean verify_fingerprint;
  gboolean congestion_control;
  guint64 uplink;               /* bit/s for all peers; 0: found out */
  /* sends one message; called from the call's thread */
  gboolean (*send) (const char *json, gpointer user_data);
  /* no message follows those that were sent; called from the call's thread.
   * NULL: the messages' way is not the application's, and needs no end */
  void (*end_messages) (gpointer user_data);
  /* a key was pressed in a window downstream; on the event's thread */
  void (*key) (const char *key, GstEvent *event, gpointer user_data);
  /* downstream has said how large it draws a member's picture; the same */
  void (*drawn) (const char *peer_id, const MeshWant *size,
      gpointer user_data);
  gpointer user_data;
} MeshCallConfig;

/* The sums over all peers. */
typedef struct {
  guint peers;                  /* that are known */
  guint connected;
  guint relayed;                /* of those that are connected */
  /* Rates and counts are sums, also over peers that are gone; all others are
   * means over those that are connected. Sizes are not kept. */
  MeshFigures figures;
} MeshCallSums;

MeshCall *mesh_call_new (const MeshCallConfig *config, GError **error);
void mesh_call_join (MeshCall *call);
void mesh_call_receive (MeshCall *call, const char *json, gsize length);
void mesh_call_set_state (MeshCall *call, const char *name, gboolean muted,
    gboolean hidden);
void mesh_call_set_source (MeshCall *call, MeshKind kind,
    MeshSource *source);
void mesh_call_want (MeshCall *call, const char *peer_id,
    const MeshWant *size);
void mesh_call_set_uplink (MeshCall *call, guint64 uplink);
void mesh_call_chat (MeshCall *call, const char *text);
void mesh_call_fill_peers (MeshCall *call, GValue *array);
GstStructure *mesh_call_get_stats (MeshCall *call);
void mesh_call_get_sums (MeshCall *call, MeshCallSums *sums);
void mesh_call_end_streams (MeshCall *call);
void mesh_call_stop (MeshCall *call);

G_END_DECLS
