/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Installs, sets and gets the element's properties, and makes its signals. */

#include "meshroom/meshroom.h"

#include <string.h>

#include "core/json.h"
#include "core/name.h"
#include "host/random.h"

#define DEFAULT_MAX_PEERS 32
#define DEFAULT_LATENCY 80
#define DEFAULT_VIDEO_CODECS "VP8,H264"

enum {
  PROP_0,
  PROP_LINK,
  PROP_SERVE,
  PROP_PEER_ID,
  PROP_DISPLAY_NAME,
  PROP_MUTED,
  PROP_STUN_SERVER,
  PROP_TURN_SERVERS,
  PROP_ICE_TRANSPORT_POLICY,
  PROP_MAX_PEERS,
  PROP_LATENCY,
  PROP_VIDEO_CODECS,
  PROP_DECODE,
  PROP_VERIFY_FINGERPRINT,
  PROP_CONGESTION_CONTROL,
  PROP_UPLINK_BITRATE,
  PROP_WAIT_FOR_PEERS,
  PROP_STATS,
  PROP_PEERS,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

/* The enumeration's nicks are what gst-launch takes. */
static GType
get_congestion_control_type (void)
{
  static const GEnumValue values[] = {
    {MESH_CONGESTION_CONTROL_GCC, "As much as the path to each peer takes",
        "gcc"},
    {MESH_CONGESTION_CONTROL_DISABLED, "All to everybody", "disabled"},
    {0, NULL, NULL}
  };
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static
        ("MeshCongestionControl", values));
  return type;
}

static void
set_link (MeshMeshroom *self, char **field, const GValue *value)
{
  g_free (*field);
  *field = g_value_dup_string (value);
}

static void
set_peer_id (MeshMeshroom *self, const char *id)
{
  g_autofree char *lower = id ? g_ascii_strdown (id, -1) : NULL;
  g_autofree char *refused = NULL;

  if (!mesh_is_uuid (lower)) {
    refused = g_strdup_printf ("peer-id \"%s\" is not a UUID, and is ignored",
        id ? id : "");
    g_warning ("meshroom: %s", refused);
  }
  g_mutex_lock (&self->lock);
  g_free (self->refused_peer_id);
  self->refused_peer_id = g_steal_pointer (&refused);
  if (!self->refused_peer_id) {
    g_free (self->peer_id);
    self->peer_id = g_steal_pointer (&lower);
  }
  g_mutex_unlock (&self->lock);
}

/* Stores the name in the form in which names are compared, and within the
 * length that may be sent: otherwise other members would reject our
 * messages. */
static void
set_display_name (MeshMeshroom *self, const char *name)
{
  g_free (self->display_name);
  self->display_name = name ? mesh_name_tidy (name) : NULL;
}

static void
set_rate_property_locked (MeshMeshroom *self, guint id, const GValue *value)
{
  if (id == PROP_CONGESTION_CONTROL) {
    self->congestion_control = g_value_get_enum (value);
    return;
  }
  self->uplink_bitrate = g_value_get_uint64 (value);
  if (self->call)
    mesh_call_set_uplink (self->call, self->uplink_bitrate);
}

static void
set_codecs_locked (MeshMeshroom *self, const char *codecs)
{
  g_free (self->video_codecs);
  self->video_codecs = g_strdup (codecs ? codecs : DEFAULT_VIDEO_CODECS);
}

/* Returns: whether it is a property that is set without the lock */
static gboolean
set_unlocked (MeshMeshroom *self, guint id, const GValue *value)
{
  if (id == PROP_MUTED)
    mesh_meshroom_set_muted (self, g_value_get_boolean (value));
  else if (id == PROP_PEER_ID)
    set_peer_id (self, g_value_get_string (value));
  else if (id == PROP_STUN_SERVER || id == PROP_TURN_SERVERS)
    mesh_meshroom_set_ice_property (self, id == PROP_TURN_SERVERS, value);
  else
    return FALSE;
  return TRUE;
}

static void
mesh_meshroom_set_property (GObject *object, guint id, const GValue *value,
    GParamSpec *pspec)
{
  MeshMeshroom *self = (MeshMeshroom *) object;

  if (set_unlocked (self, id, value))
    return;
  g_mutex_lock (&self->lock);
  switch (id) {
    case PROP_LINK:
      set_link (self, &self->link, value);
      break;
    case PROP_SERVE:
      set_link (self, &self->serve, value);
      break;
    case PROP_DISPLAY_NAME:
      set_display_name (self, g_value_get_string (value));
      mesh_meshroom_tell_state_locked (self);
      break;
    case PROP_ICE_TRANSPORT_POLICY:
      self->policy = g_value_get_enum (value);
      break;
    case PROP_MAX_PEERS:
      self->max_peers = g_value_get_uint (value);
      break;
    case PROP_LATENCY:
      self->latency = g_value_get_uint (value);
      self->latency_is_set = TRUE;
      break;
    case PROP_VIDEO_CODECS:
      set_codecs_locked (self, g_value_get_string (value));
      break;
    case PROP_CONGESTION_CONTROL:
    case PROP_UPLINK_BITRATE:
      set_rate_property_locked (self, id, value);
      break;
    case PROP_DECODE:
      self->decode = g_value_get_boolean (value);
      break;
    case PROP_VERIFY_FINGERPRINT:
      self->verify_fingerprint = g_value_get_boolean (value);
      break;
    case PROP_WAIT_FOR_PEERS:
      self->wait_for_peers = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  g_mutex_unlock (&self->lock);
}

/* Without a call there are no figures and no peers. */
static void
get_from_call (MeshMeshroom *self, guint id, GValue *value)
{
  if (id == PROP_STATS)
    g_value_take_boxed (value, self->call ? mesh_call_get_stats (self->call)
        : gst_structure_new_empty ("meshroom-stats"));
  else if (self->call)
    mesh_call_fill_peers (self->call, value);
}

static void
get_path_property_locked (MeshMeshroom *self, guint id, GValue *value)
{
  if (id == PROP_ICE_TRANSPORT_POLICY)
    g_value_set_enum (value, self->policy);
  else if (id == PROP_VERIFY_FINGERPRINT)
    g_value_set_boolean (value, self->verify_fingerprint);
  else if (id == PROP_CONGESTION_CONTROL)
    g_value_set_enum (value, self->congestion_control);
  else
    g_value_set_uint64 (value, self->uplink_bitrate);
}

static void
mesh_meshroom_get_property (GObject *object, guint id, GValue *value,
    GParamSpec *pspec)
{
  MeshMeshroom *self = (MeshMeshroom *) object;

  g_mutex_lock (&self->lock);
  switch (id) {
    case PROP_LINK:
      g_value_set_string (value, self->link ? self->link : self->room_link);
      break;
    case PROP_SERVE:
      g_value_set_string (value, self->serve);
      break;
    case PROP_PEER_ID:
      g_value_set_string (value, self->peer_id);
      break;
    case PROP_DISPLAY_NAME:
      g_value_set_string (value, self->display_name);
      break;
    case PROP_MUTED:
      g_value_set_boolean (value, self->muted);
      break;
    case PROP_STUN_SERVER:
    case PROP_TURN_SERVERS:
      mesh_meshroom_get_ice_property_locked (self, id == PROP_TURN_SERVERS,
          value);
      break;
    case PROP_MAX_PEERS:
      g_value_set_uint (value, self->max_peers);
      break;
    case PROP_LATENCY:
      g_value_set_uint (value, self->latency);
      break;
    case PROP_VIDEO_CODECS:
      g_value_set_string (value, self->video_codecs);
      break;
    case PROP_VERIFY_FINGERPRINT:
    case PROP_ICE_TRANSPORT_POLICY:
    case PROP_CONGESTION_CONTROL:
    case PROP_UPLINK_BITRATE:
      get_path_property_locked (self, id, value);
      break;
    case PROP_DECODE:
      g_value_set_boolean (value, self->decode);
      break;
    case PROP_WAIT_FOR_PEERS:
      g_value_set_boolean (value, self->wait_for_peers);
      break;
    case PROP_STATS:
    case PROP_PEERS:
      get_from_call (self, id, value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  g_mutex_unlock (&self->lock);
}

static void
mesh_meshroom_send_message (MeshMeshroom *self, const char *text)
{
  g_mutex_lock (&self->lock);
  if (self->call && text)
    mesh_call_chat (self->call, text);
  g_mutex_unlock (&self->lock);
}

static char *
default_name (void)
{
  const char *name = g_get_real_name ();

  if (!name || !*name || g_str_equal (name, "Unknown"))
    name = g_get_host_name ();
  return mesh_name_tidy (name);
}

/* Returns: (transfer full): the codecs that video-codecs names */
char **
mesh_meshroom_dup_video_codecs_locked (MeshMeshroom *self)
{
  char **names = g_strsplit (self->video_codecs, ",", -1);

  for (guint i = 0; names[i]; i++)
    g_strstrip (names[i]);
  return names;
}

void
mesh_meshroom_init_properties (MeshMeshroom *self)
{
  self->peer_id = mesh_random_uuid ();
  self->display_name = default_name ();
  self->video_codecs = g_strdup (DEFAULT_VIDEO_CODECS);
  self->max_peers = DEFAULT_MAX_PEERS;
  self->latency = DEFAULT_LATENCY;
  self->policy = GST_WEBRTC_ICE_TRANSPORT_POLICY_ALL;
  self->decode = TRUE;
  self->verify_fingerprint = TRUE;
  self->wait_for_peers = TRUE;
}

void
mesh_meshroom_clear_properties (MeshMeshroom *self)
{
  g_free (self->link);
  g_free (self->serve);
  g_free (self->peer_id);
  g_free (self->refused_peer_id);
  g_free (self->display_name);
  g_free (self->stun_server);
  g_free (self->video_codecs);
  g_free (self->room_link);
  g_strfreev (self->turn_servers);
  for (guint i = 0; i < G_N_ELEMENTS (self->refused_ice); i++)
    g_strfreev (self->refused_ice[i]);
}

#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS)

static void
install_room_properties (GObjectClass *klass)
{
  properties[PROP_LINK] = g_param_spec_string ("link", "Link",
      "The room's link, SCHEME://HOST[:PORT]/room/ROOM-ID#KEY, the same that a "
      "browser opens, or a text with that link in it; with serve alone it reads "
      "as the link of the room made",
      NULL, FLAGS | GST_PARAM_MUTABLE_READY);
  properties[PROP_SERVE] = g_param_spec_string ("serve", "Serve",
      "ADDR:PORT on which to run the signalling server and the page, and make "
      "a room; port 0 takes any free one, and * as ADDR all addresses", NULL,
      FLAGS | GST_PARAM_MUTABLE_READY);
  properties[PROP_PEER_ID] = g_param_spec_string ("peer-id", "Peer id",
      "Who we are, a UUID; a fresh one unless set. One that a killed process "
      "still holds is waited for, with a warning; one that somebody else has, "
      "who is alive, is an error after 16 s", NULL,
      FLAGS | GST_PARAM_MUTABLE_READY);
  properties[PROP_DISPLAY_NAME] = g_param_spec_string ("display-name",
      "Display name", "The name that the others see, in one form however it "
      "is typed (one line, NFC, at most 256 bytes); the user's real name, "
      "else the host's, unless set", NULL, FLAGS | GST_PARAM_MUTABLE_PLAYING);
  properties[PROP_MUTED] = g_param_spec_boolean ("muted", "Muted",
      "Whether nothing of audio_sink is sent; once set, nothing more goes out",
      FALSE, FLAGS | GST_PARAM_MUTABLE_PLAYING);
  properties[PROP_MAX_PEERS] = g_param_spec_uint ("max-peers", "Max peers",
      "How many others to connect to; further ones are told that the room is "
      "full", 1, 64, DEFAULT_MAX_PEERS, FLAGS | GST_PARAM_MUTABLE_READY);
}

/**
 * meshroom:stats:
 *
 * Figures of the call, at most a second old. Reading them waits for nobody.
 *
 * * `peers`, `connected` (guint): how many others are known, and how many of
 *   them are connected
 *
 * Each peer has a field named by its id, a #GstStructure:
 *
 * * `state` (string): "idle", "calling", "connecting" or "connected"
 * * `path` (string): "direct", or "relay" through a TURN server; "" before
 *   there is one
 * * `estimate` (guint64): bit/s that the path to it takes; 0 = not known
 * * `sent-bitrate`, `received-bitrate` (guint64): bit/s of the last second or
 *   two, of RTP with its headers and all retransmissions
 * * `rtt` (guint64): the round trip in ns, measured by what is sent; 0 = not
 *   known
 * * `loss-sent`, `loss-received` (double): which part of the packets of the
 *   last two seconds was lost on the way, 0 to 1, whether it was
 *   retransmitted or not
 * * `sent-width`, `sent-height` (gint), `sent-framerate` (double): of the
 *   picture that it is sent; 0 where there is none
 * * `received-width`, `received-height` (gint), `received-framerate`
 *   (double): of its picture
 * * `freezes`, `frozen-time` (guint64): how often its picture stood still
 *   that should have moved, and for how many ns altogether
 * * `playout-delay` (guint64): for how many ns what it sends is held, to even
 *   out its arrival
 * * `key-frames-asked`, `key-frames-sent` (guint64): how many it has asked us
 *   for, and how many it was sent
 *
 * Counts begin with the peer's first connection and go on when it is
 * replaced. While there is an attempt at a connection, the structure has
 * further fields for whoever looks for a fault: `sid`, `offerer`,
 * `connection-state`, `ice-connection-state`, `verified`, `audio-dropped`,
 * `video-dropped`. These may change.
 *
 * Since: 0.1
 */
static void
install_figures (GObjectClass *klass)
{
  properties[PROP_STATS] = g_param_spec_boxed ("stats", "Stats",
      "Figures of the call and, in a field named by its id, of each peer "
      "(state, path, estimate, bit rates, rtt, losses, pictures, freezes, key "
      "frames); "
      "refreshed every second", GST_TYPE_STRUCTURE,
      G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  properties[PROP_PEERS] = gst_param_spec_array ("peers", "Peers",
      "Who is known to be in the room: structures with peer-id, name, number "
      "(of its pads), state (idle, calling, connecting, connected), path "
      "(host, prflx, srflx, relay, or empty), silence (ms since anything came "
      "from it, missing before that), muted, hidden",
      g_param_spec_boxed ("peer", "Peer", "One member",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS),
      G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
}

static void
install_network_properties (GObjectClass *klass)
{
  properties[PROP_STUN_SERVER] = g_param_spec_string ("stun-server",
      "STUN server", "stun:HOST[:PORT] that tells us our public address, with "
      "or without //; what is none is refused with a warning; none = what the "
      "link's server says, if turn-servers has none either", NULL,
      FLAGS | GST_PARAM_MUTABLE_READY);
  properties[PROP_TURN_SERVERS] = gst_param_spec_array ("turn-servers",
      "TURN servers", "turn:USER:PASSWORD@HOST[:PORT][?transport=udp|tcp] of "
      "relays, with or without //, turns: for TLS, for networks that let no "
      "direct connection through; what is none is refused with a warning; none "
      "= what the link's server says, if there is no stun-server either",
      g_param_spec_string ("uri", "URI", "One relay", NULL, FLAGS),
      FLAGS | GST_PARAM_MUTABLE_READY);
  properties[PROP_ICE_TRANSPORT_POLICY] =
      g_param_spec_enum ("ice-transport-policy", "ICE transport policy",
      "relay = connect through turn-servers only, so that peers do not learn "
      "our addresses", GST_TYPE_WEBRTC_ICE_TRANSPORT_POLICY,
      GST_WEBRTC_ICE_TRANSPORT_POLICY_ALL, FLAGS | GST_PARAM_MUTABLE_READY);
  /**
   * meshroom:congestion-control:
   *
   * `gcc`: each peer gets what the path to it takes, by what it reports of the
   * packets that arrive. `disabled`: everybody gets everything, on a network
   * that is known to carry it.
   *
   * Since: 0.1
   */
  properties[PROP_CONGESTION_CONTROL] =
      g_param_spec_enum ("congestion-control", "Congestion control",
      "Whether each peer is sent what the path to it takes (gcc), or everything "
      "(disabled), as in a network that is known to carry it",
      get_congestion_control_type (), MESH_CONGESTION_CONTROL_GCC,
      FLAGS | GST_PARAM_MUTABLE_READY);
  /**
   * meshroom:uplink-bitrate:
   *
   * What all peers together are sent at most, in bits per second of whole IP
   * packets; 0 = it is found out. Sound comes first, then pictures by the size
   * at which they are shown. May be set at any time.
   *
   * Since: 0.1
   */
  properties[PROP_UPLINK_BITRATE] = g_param_spec_uint64 ("uplink-bitrate",
      "Uplink bit rate", "Bits a second for all peers together, 0 = find out",
      0, G_MAXUINT64, 0, FLAGS | GST_PARAM_MUTABLE_PLAYING);
}

static void
install_media_properties (GObjectClass *klass)
{
  properties[PROP_LATENCY] = g_param_spec_uint ("latency", "Latency",
      "Milliseconds of latency that the source pads declare. The delay of what "
      "peers send follows the network, from near zero on; once this is set, "
      "it is the least", 0, 10000, DEFAULT_LATENCY,
      FLAGS | GST_PARAM_MUTABLE_READY);
  properties[PROP_VIDEO_CODECS] = g_param_spec_string ("video-codecs",
      "Video codecs", "Video codecs to use, best first, comma between (VP8, "
      "H264, VP9, AV1)", DEFAULT_VIDEO_CODECS, FLAGS | GST_PARAM_MUTABLE_READY);
  properties[PROP_DECODE] = g_param_spec_boolean ("decode", "Decode",
      "Whether the source pads carry raw streams; else they carry what the "
      "peers sent, encoded", TRUE, FLAGS | GST_PARAM_MUTABLE_READY);
  properties[PROP_VERIFY_FINGERPRINT] =
      g_param_spec_boolean ("verify-fingerprint", "Verify fingerprint",
      "Whether to refuse a peer whose certificate is not the one that its "
      "session description names; turn off for tests only", TRUE,
      FLAGS | GST_PARAM_MUTABLE_READY);
  /**
   * meshroom:wait-for-peers:
   *
   * Whether an input that is not live, such as a file, waits with its first
   * frame until somebody is connected who gets it. Otherwise it is played from
   * the moment the room plays. Live inputs never wait.
   *
   * Since: 0.1
   */
  properties[PROP_WAIT_FOR_PEERS] = g_param_spec_boolean ("wait-for-peers",
      "Wait for peers", "Whether an input that is not live, such as a file, "
      "begins when somebody is connected; else it begins at once", TRUE,
      FLAGS | GST_PARAM_MUTABLE_READY);
}

static void
install_peer_signals (GType type)
{
  /**
   * meshroom::peer-added:
   * @room: the element
   * @peer_id: who
   *
   * Somebody is connected; the pads follow. Emitted on a thread of the room's
   * on which everything may be done.
   *
   * Since: 0.1
   */
  g_signal_new ("peer-added", type,
      G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
  /**
   * meshroom::peer-removed:
   * @room: the element
   * @peer_id: who
   * @reason: "left", "timeout", "full" or "refused"
   *
   * Somebody who was added is gone. The pads are still there; each gives EOS
   * and is removed after this. Emitted as #meshroom::peer-added.
   *
   * Since: 0.1
   */
  g_signal_new ("peer-removed", type,
      G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 2, G_TYPE_STRING,
      G_TYPE_STRING);
  /**
   * meshroom::link-ready:
   * @room: the element
   * @link: the link to send to people
   *
   * The room of #meshroom:serve can be joined. Emitted as
   * #meshroom::peer-added.
   *
   * Since: 0.1
   */
  g_signal_new ("link-ready", type,
      G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
install_chat_signals (GType type)
{
  /**
   * meshroom::message-received:
   * @room: the element
   * @peer_id: who
   * @text: what they say
   *
   * A chat message has come. Emitted as #meshroom::peer-added.
   *
   * Since: 0.1
   */
  g_signal_new ("message-received",
      type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
      2, G_TYPE_STRING, G_TYPE_STRING);
  /**
   * meshroom::send-message:
   * @room: the element
   * @text: at most 4,096 characters
   *
   * Sends a chat message to all members of the room. Any thread.
   *
   * Since: 0.1
   */
  g_signal_new_class_handler ("send-message",
      type, G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION,
      G_CALLBACK (mesh_meshroom_send_message), NULL, NULL, NULL, G_TYPE_NONE,
      1, G_TYPE_STRING);
}

void
mesh_meshroom_install_properties (GObjectClass *klass)
{
  klass->set_property = mesh_meshroom_set_property;
  klass->get_property = mesh_meshroom_get_property;
  install_room_properties (klass);
  install_figures (klass);
  install_network_properties (klass);
  install_media_properties (klass);
  g_object_class_install_properties (klass, N_PROPERTIES, properties);
  install_peer_signals (G_TYPE_FROM_CLASS (klass));
  install_chat_signals (G_TYPE_FROM_CLASS (klass));
}
