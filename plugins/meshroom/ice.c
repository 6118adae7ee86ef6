/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Configures webrtcbin's ICE agent (libnice's) before it gathers candidates. */

#include "meshroom/peer-private.h"

#include "host/libnice.h"

/* Milliseconds between two connectivity checks: the least that RFC 8445 §14.2
 * allows, and that for all attempts together. A mesh has few candidates a peer,
 * and every check that finds a path late is a picture that comes late. But
 * libnice wakes up as often whether there is a check to send or not, which for
 * many attempts at once was a fifth of all that they cost. */
#define STUN_PACING 5
#define STUN_PACING_MAX 20

/* How often a check is sent, half a second after the first and then each time
 * twice as late. libnice's three are over in two seconds: too few where one
 * packet in ten is lost each way, and too soon across a satellite. But it
 * nominates no pair while a better one is being checked, and an address in
 * somebody's home never answers: with five the other end had given up
 * (ICE_PATIENCE) before the way that was found was taken. */
#define STUN_TRANSMISSIONS 4

/* Milliseconds for which an end that has nothing more to check waits for the
 * other one to choose. */
#define ICE_PATIENCE 10000

/* The most pairs of candidates that are checked. What both ends announce is
 * bounded (core/addresses.h, core/candidates.h) so that host candidates come to
 * about libnice's own limit of 100; relayed ones of several TURN servers come
 * on top, and would be the first to be left out. */
#define MAX_CHECKS 256

/**
 * mesh_peer_set_if_there:
 * @object: (nullable): an object
 * @name: a property that one version of it has and another has not
 * @value: its value
 */
void
mesh_peer_set_if_there (gpointer object, const char *name, int value)
{
  if (object && g_object_class_find_property (G_OBJECT_GET_CLASS (object),
          name))
    g_object_set (object, name, value, NULL);
}

/* Called on libnice's thread. */
static void
on_selected_pair (GObject *agent, guint stream, guint component,
    const char *local, const char *remote, gpointer user_data)
{
  MeshPeer *self = user_data;

  mesh_selected_pair_set (self->selected_pair, local, remote);
}

/* Which addresses to gather candidates at. On a machine with so many addresses
 * that libnice's ranking of them fails it must not be told: it asks for the
 * list itself, and gets the same one (host/libnice.h). */
static void
set_addresses (MeshPeer *self, const MeshPeerConfig *config)
{
  if (!self->ice || !config->addresses
      || config->n_addresses > MESH_LIBNICE_MAX_ADDRESSES
      || !g_signal_lookup ("add-local-ip-address", G_OBJECT_TYPE (self->ice)))
    return;
  for (guint i = 0; config->addresses[i]; i++) {
    gboolean added = FALSE;

    g_signal_emit_by_name (self->ice, "add-local-ip-address",
        config->addresses[i], &added);
    if (!added)
      GST_WARNING_OBJECT (self, "libnice does not take the address %s",
          config->addresses[i]);
  }
}

static void
set_servers (MeshPeer *self, const MeshPeerConfig *config)
{
  if (config->stun_server)
    g_object_set (self->webrtc, "stun-server", config->stun_server, NULL);
  for (guint i = 0; config->turn_servers && config->turn_servers[i]; i++) {
    gboolean added = FALSE;

    g_signal_emit_by_name (self->webrtc, "add-turn-server",
        config->turn_servers[i], &added);
  }
  if (config->relay_only)
    g_object_set (self->webrtc, "ice-transport-policy",
        GST_WEBRTC_ICE_TRANSPORT_POLICY_RELAY, NULL);
}

/**
 * mesh_peer_set_up_ice:
 * @peer: a new attempt with its webrtcbin, which has not begun to negotiate
 * @config: what it was made with
 *
 * UPnP opens an HTTP server and sockets for each agent, ICE-TCP one more
 * listener for each address; neither is wanted unasked.
 */
void
mesh_peer_set_up_ice (MeshPeer *peer, const MeshPeerConfig *config)
{
  g_object_get (peer->webrtc, "ice-agent", &peer->ice, NULL);
  mesh_peer_set_if_there (peer->ice, "ice-tcp", FALSE);
  if (peer->ice && g_object_class_find_property
      (G_OBJECT_GET_CLASS (peer->ice), "agent"))
    g_object_get (peer->ice, "agent", &peer->agent, NULL);
  mesh_peer_set_if_there (peer->agent, "upnp", FALSE);
  mesh_peer_set_if_there (peer->agent, "stun-pacing-timer",
      CLAMP (config->n_attempts * STUN_PACING, STUN_PACING, STUN_PACING_MAX));
  mesh_peer_set_if_there (peer->agent, "stun-max-retransmissions",
      STUN_TRANSMISSIONS);
  mesh_peer_set_if_there (peer->agent, "idle-timeout", ICE_PATIENCE);
  mesh_peer_set_if_there (peer->agent, "max-connectivity-checks", MAX_CHECKS);
  if (peer->agent && g_signal_lookup ("new-selected-pair",
          G_OBJECT_TYPE (peer->agent)))
    peer->pair_selected = g_signal_connect (peer->agent, "new-selected-pair",
        G_CALLBACK (on_selected_pair), peer);
  set_addresses (peer, config);
  set_servers (peer, config);
}
