/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/addresses.h"
#include "core/sdp.h"
#include "meshroom/codec-elements.h"
#include "meshroom/figures.h"
#include "meshroom/rate.h"
#include "meshroom/source.h"

G_BEGIN_DECLS

/* One attempt at a connection with one peer: a bin around a webrtcbin of its
 * own.
 *
 *   fan-outs' branches → payloaders → webrtcbin → depayloader → decoder → pads
 *
 * No media passes in either direction before ICE and DTLS are up and the peer's
 * certificate is the one that its session description names.
 *
 * All functions are called from the room's worker, but mesh_peer_close(), which
 * blocks and is called from a thread that may wait. */

#define MESH_TYPE_PEER (mesh_peer_get_type ())
G_DECLARE_FINAL_TYPE (MeshPeer, mesh_peer, MESH, PEER, GstBin)

/* The events of an attempt. They are called on the call's thread, and never
 * after mesh_peer_abandon(). */
typedef struct {
  void (*local_sdp) (MeshPeer *peer, const char *type, const char *sdp,
      gpointer user_data);
  void (*local_candidate) (MeshPeer *peer, const char *candidate, int mline,
      gpointer user_data);
  void (*connected) (MeshPeer *peer, gpointer user_data);
  void (*failed) (MeshPeer *peer, const char *reason, const char *text,
      gpointer user_data);
  /* a warning; the attempt goes on */
  void (*trouble) (MeshPeer *peer, const char *text, gpointer user_data);
  /* what the peer sends is not decoded, since it is too large */
  void (*too_large) (MeshPeer *peer, int width, int height,
      gpointer user_data);
  /* pad: a source pad of the peer; its data is held back by the probe block,
   * which the room is to remove */
  void (*pad) (MeshPeer *peer, MeshKind kind, GstPad *pad, gulong block,
      gpointer user_data);
} MeshPeerEvents;

typedef struct {
  const char *id;
  const char *sid;
  GMainContext *worker;
  const MeshPeerEvents *events;
  gpointer user_data;

  MeshSource *sources[MESH_N_KINDS];    /* NULL if nothing is sent */
  const char *const *video_codecs;
  guint n_attempts;             /* under way, with this one */
  const char *const *addresses; /* our addresses, at which candidates are
                                 * gathered */
  guint n_addresses;            /* that the machine has, chosen or not */
  MeshReach reach;              /* of @addresses */
  const char *stun_server;
  const char *const *turn_servers;
  gboolean relay_only;
  guint latency;                /* of the pads, in ms */
  guint least_delay;            /* of the playout, in ms */
  gboolean decode;
  gboolean verify_fingerprint;
  gboolean congestion_control;
  /* another attempt still shows the peer, so a pad is announced with its first
   * frame */
  gboolean takes_over;
} MeshPeerConfig;

MeshPeer *mesh_peer_new (const MeshPeerConfig *config, GError **error);
const char *mesh_peer_get_id (MeshPeer *peer);
const char *mesh_peer_get_sid (MeshPeer *peer);
const MeshCodec *mesh_peer_get_video_codec (MeshPeer *peer);
gboolean mesh_peer_offer (MeshPeer *peer, const MeshCodec *video,
    GError **error);
gboolean mesh_peer_remote_sdp (MeshPeer *peer, const char *type,
    const char *sdp, GError **error);
gboolean mesh_peer_is_sound_only (MeshPeer *peer);
void mesh_peer_remote_candidate (MeshPeer *peer, const char *candidate);
gboolean mesh_peer_is_connected (MeshPeer *peer);
gboolean mesh_peer_sends (MeshPeer *peer,
    MeshSource *const sources[MESH_N_KINDS]);
gboolean mesh_peer_gets (MeshPeer *peer, MeshKind kind);
gboolean mesh_peer_take_heard (MeshPeer *peer);
const char *mesh_peer_get_path_type (MeshPeer *peer);
char *mesh_peer_dup_local_address (MeshPeer *peer);
gboolean mesh_peer_is_addressless (MeshPeer *peer, gint64 now);
char *mesh_peer_explain (MeshPeer *peer);
gboolean mesh_peer_has_address (MeshPeer *peer, const char *address);
void mesh_peer_set_step (MeshPeer *peer, guint rung, guint layers);
gboolean mesh_peer_gets_reports (MeshPeer *peer);
MeshRate *mesh_peer_get_rate (MeshPeer *peer);
GstStructure *mesh_peer_get_stats (MeshPeer *peer);
void mesh_peer_get_figures (MeshPeer *peer, gint64 now,
    MeshFigures *figures);
void mesh_peer_excuse_gap (MeshPeer *peer);
void mesh_peer_abandon (MeshPeer *peer);
void mesh_peer_let_go (MeshPeer *peer);
void mesh_peer_close (MeshPeer *peer);

G_END_DECLS
