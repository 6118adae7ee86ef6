/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "server/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "server/address.h"

/* After so many connections in a row the context's other sources have their
 * turn. */
#define MAX_ACCEPTS 32
/* Without a free file descriptor accepting is tried again after this. */
#define PAUSE_MS 200

/* So many free ports are tried for one that is free in both families. */
#define MAX_PORTS 20

typedef struct {
  MeshListener *owner;
  GSocket *socket;
  GSource *source;              /* accepts, or waits to accept again */
} Door;

struct _MeshListener {
  GMainContext *context;
  GPtrArray *doors;             /* Door */
  char *name;                   /* what @address named; NULL: an address */
  MeshListenerFunc func;
  gpointer user_data;
};

static gboolean accept_cb (GSocket *socket, GIOCondition condition,
    gpointer user_data);
static gboolean resume_cb (gpointer user_data);

static void
set_source (Door *self, GSource *source, GSourceFunc func)
{
  if (self->source) {
    g_source_destroy (self->source);
    g_source_unref (self->source);
  }
  self->source = source;
  g_source_set_callback (source, func, self, NULL);
  g_source_attach (source, self->owner->context);
}

static void
wait_for_clients (Door *self)
{
  set_source (self, g_socket_create_source (self->socket, G_IO_IN, NULL),
      (GSourceFunc) (GCallback) accept_cb);
}

static gboolean
resume_cb (gpointer user_data)
{
  wait_for_clients (user_data);
  return G_SOURCE_REMOVE;
}

static gboolean
accept_cb (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  Door *self = user_data;

  for (guint i = 0; i < MAX_ACCEPTS; i++) {
    g_autoptr (GError) error = NULL;
    GSocket *client = g_socket_accept (socket, NULL, &error);

    if (client) {
      g_socket_set_option (client, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
      self->owner->func (client, self->owner->user_data);
      continue;
    }
    if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
      break;
    g_message ("accepting a connection failed: %s", error->message);
    set_source (self, g_timeout_source_new (PAUSE_MS), resume_cb);
    break;
  }
  return G_SOURCE_CONTINUE;
}

static void
door_free (gpointer data)
{
  Door *door = data;

  if (door->source) {
    g_source_destroy (door->source);
    g_source_unref (door->source);
  }
  if (door->socket)
    g_socket_close (door->socket, NULL);
  g_clear_object (&door->socket);
  g_free (door);
}

/* Returns the advice that is put behind the error. */
static const char *
advise (const GError *error, guint16 port)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE))
    return ": another program listens there; end it, or choose another port (0 "
        "takes any that is free)";
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED)
      && port < 1024)
    return ": ports below 1024 need a privilege; choose a higher one, or allow "
        "it with setcap cap_net_bind_service=+ep, or AmbientCapabilities= of "
        "systemd";
  /* GLib 2.74 knows no name for EADDRNOTAVAIL, later ones call it a refusal. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_FAILED)
      || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED)
      || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return ": is it an address of this machine (see \"ip address\")? *:PORT "
        "listens on all";
  return "";
}

/* Opens one socket. [::] takes IPv4 as well, whatever the system's default
 * is. */
static gboolean
open_door (MeshListener *self, GSocketAddress *where, GError **error)
{
  GSocketFamily family = g_socket_address_get_family (where);
  Door *door = g_new0 (Door, 1);

  door->owner = self;
  door->socket = g_socket_new (family, G_SOCKET_TYPE_STREAM,
      G_SOCKET_PROTOCOL_TCP, error);
  if (door->socket) {
    g_socket_set_blocking (door->socket, FALSE);
    g_socket_set_listen_backlog (door->socket, 512);
    if (family == G_SOCKET_FAMILY_IPV6)
      g_socket_set_option (door->socket, IPPROTO_IPV6, IPV6_V6ONLY, 0, NULL);
    if (g_socket_bind (door->socket, where, TRUE, error)
        && g_socket_listen (door->socket, error)) {
      g_ptr_array_add (self->doors, door);
      return TRUE;
    }
  }
  door_free (door);
  return FALSE;
}

static gboolean
is_any (GSocketAddress *address)
{
  return g_inet_address_get_is_any (g_inet_socket_address_get_address
      (G_INET_SOCKET_ADDRESS (address)));
}

static GInetSocketAddress *
get_bound (Door *door)
{
  return G_INET_SOCKET_ADDRESS (g_socket_get_local_address (door->socket,
          NULL));
}

/* Opens all of @where at one port. @failed is the reason why one of them cannot
 * be opened; a taken port comes before other reasons, as something can be done
 * about it. */
static void
open_all (MeshListener *self, GPtrArray *where, guint16 port,
    gboolean *port_taken, GError **failed)
{
  *port_taken = FALSE;
  for (guint i = 0; i < where->len; i++) {
    g_autoptr (GError) reason = NULL;
    g_autoptr (GSocketAddress) address = mesh_address_with_port
        (g_ptr_array_index (where, i),
        self->doors->len ? mesh_listener_get_port (self) : port);

    if (!open_door (self, address, &reason)) {
      gboolean taken = g_error_matches (reason, G_IO_ERROR,
          G_IO_ERROR_ADDRESS_IN_USE);

      if (!*failed || (taken && !*port_taken)) {
        g_clear_error (failed);
        *failed = g_steal_pointer (&reason);
      }
      *port_taken |= taken;
    } else if (is_any (address)) {
      /* [::] includes 0.0.0.0; where [::] has failed, there is no IPv6 */
      g_clear_error (failed);
      return;
    }
  }
}

/* Warns when a server on all addresses can be reached from nowhere else. */
static void
tell_loopback (MeshListener *self)
{
  g_autoptr (GInetSocketAddress) bound =
      get_bound (g_ptr_array_index (self->doors, 0));
  g_auto (GStrv) hosts = mesh_listener_list_hosts (self);
  gboolean ipv4 = g_socket_address_get_family (G_SOCKET_ADDRESS (bound))
      == G_SOCKET_FAMILY_IPV4;

  if (is_any (G_SOCKET_ADDRESS (bound)) && strcmp (hosts[0], "127.0.0.1") == 0)
    g_message ("this machine has no %saddress that others can reach: the "
        "server can be opened on this machine only%s", ipv4 ? "IPv4 " : "",
        ipv4 ? " (*:PORT listens on IPv6, too)" : "");
}

/* Opens the sockets; a port that is free in one family need not be so in the
 * other. If only some can be opened, the others' reason is a message; if none
 * can, it is the error. */
static gboolean
open_doors (MeshListener *self, const char *host, guint16 port,
    GError **error)
{
  g_autoptr (GPtrArray) where = mesh_address_resolve (host, port, error);
  g_autoptr (GError) failed = NULL;
  gboolean taken = FALSE;

  if (!where)
    return FALSE;
  for (guint i = 0; i < MAX_PORTS; i++) {
    g_ptr_array_set_size (self->doors, 0);
    g_clear_error (&failed);
    open_all (self, where, port, &taken, &failed);
    if (port != 0 || !taken)
      break;
  }
  if (self->doors->len == 0) {
    g_propagate_error (error, g_error_new (failed->domain, failed->code,
            "%s%s", failed->message, advise (failed, port)));
    return FALSE;
  }
  if (failed)
    g_message ("listening on a part of %s only: %s", host, failed->message);
  tell_loopback (self);
  /* a link with the name would lead to the program that has the other part */
  if (mesh_address_is_name (host) && !taken)
    self->name = g_strdup (host);
  return TRUE;
}

/*
 * mesh_listener_new:
 * @address: as for mesh_address_parse(); a name stands for all its addresses
 * @context: where @func is called
 */
MeshListener *
mesh_listener_new (const char *address, GMainContext *context,
    MeshListenerFunc func, gpointer user_data, GError **error)
{
  g_autoptr (MeshListener) self = g_new0 (MeshListener, 1);
  g_autofree char *host = NULL;
  guint16 port;

  self->context = g_main_context_ref (context);
  self->doors = g_ptr_array_new_with_free_func (door_free);
  self->func = func;
  self->user_data = user_data;
  if (!mesh_address_parse (address, &host, &port, error))
    return NULL;
  if (!open_doors (self, host, port, error)) {
    g_prefix_error (error, "cannot listen on %s: ", address);
    return NULL;
  }
  for (guint i = 0; i < self->doors->len; i++)
    wait_for_clients (g_ptr_array_index (self->doors, i));
  return g_steal_pointer (&self);
}

void
mesh_listener_free (MeshListener *listener)
{
  if (!listener)
    return;
  g_ptr_array_unref (listener->doors);
  g_main_context_unref (listener->context);
  g_free (listener->name);
  g_free (listener);
}

/* Returns the hosts as URLs have them, the best first. */
char **
mesh_listener_list_hosts (MeshListener *listener)
{
  g_autoptr (GPtrArray) bound = g_ptr_array_new_with_free_func
      (g_object_unref);

  if (listener->name) {
    g_autoptr (GStrvBuilder) hosts = g_strv_builder_new ();

    g_strv_builder_add (hosts, listener->name);
    return g_strv_builder_end (hosts);
  }
  for (guint i = 0; i < listener->doors->len; i++)
    g_ptr_array_add (bound, get_bound (g_ptr_array_index (listener->doors,
                i)));
  return mesh_address_list_hosts (bound);
}

guint16
mesh_listener_get_port (MeshListener *listener)
{
  g_autoptr (GInetSocketAddress) bound =
      get_bound (g_ptr_array_index (listener->doors, 0));

  return g_inet_socket_address_get_port (bound);
}
