/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "server/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "server/address.h"

/* After so many in a row the others have their turn. */
#define MAX_ACCEPTS 32
/* Without a free file descriptor there is no point in trying again at once. */
#define PAUSE_MS 200

struct _MeshListener {
  GMainContext *context;
  GSocket *socket;
  GSource *source;              /* accepts, or waits to accept again */
  char *name;                   /* as we were told, NULL: an address */
  MeshListenerFunc func;
  gpointer user_data;
};

static gboolean accept_cb (GSocket *socket, GIOCondition condition,
    gpointer user_data);
static gboolean resume_cb (gpointer user_data);

static void
set_source (MeshListener *self, GSource *source, GSourceFunc func)
{
  if (self->source) {
    g_source_destroy (self->source);
    g_source_unref (self->source);
  }
  self->source = source;
  g_source_set_callback (source, func, self, NULL);
  g_source_attach (source, self->context);
}

static void
wait_for_clients (MeshListener *self)
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
  MeshListener *self = user_data;

  for (guint i = 0; i < MAX_ACCEPTS; i++) {
    g_autoptr (GError) error = NULL;
    GSocket *client = g_socket_accept (socket, NULL, &error);

    if (client) {
      g_socket_set_option (client, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
      self->func (client, self->user_data);
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

static gboolean
open_socket (MeshListener *self, GInetAddress *address, guint16 port,
    GError **error)
{
  g_autoptr (GSocketAddress) where =
      g_inet_socket_address_new (address, port);

  self->socket = g_socket_new (g_inet_address_get_family (address),
      G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);
  if (!self->socket)
    return FALSE;
  g_socket_set_blocking (self->socket, FALSE);
  g_socket_set_listen_backlog (self->socket, 512);
  return g_socket_bind (self->socket, where, TRUE, error)
      && g_socket_listen (self->socket, error);
}

/*
 * mesh_listener_new:
 * @address: "HOST:PORT"
 * @context: where @func is called
 */
MeshListener *
mesh_listener_new (const char *address, GMainContext *context,
    MeshListenerFunc func, gpointer user_data, GError **error)
{
  g_autoptr (MeshListener) self = g_new0 (MeshListener, 1);
  g_autoptr (GInetAddress) inet = NULL;
  g_autofree char *host = NULL;
  guint16 port;

  self->context = g_main_context_ref (context);
  self->func = func;
  self->user_data = user_data;
  if (!mesh_address_parse (address, &host, &port, error))
    return NULL;
  inet = mesh_address_resolve (host, error);
  if (!inet || !open_socket (self, inet, port, error)) {
    g_prefix_error (error, "cannot listen on %s: ", address);
    return NULL;
  }
  if (!g_hostname_is_ip_address (host))
    self->name = g_steal_pointer (&host);
  wait_for_clients (self);
  return g_steal_pointer (&self);
}

void
mesh_listener_free (MeshListener *listener)
{
  if (!listener)
    return;
  if (listener->source) {
    g_source_destroy (listener->source);
    g_source_unref (listener->source);
  }
  if (listener->socket)
    g_socket_close (listener->socket, NULL);
  g_clear_object (&listener->socket);
  g_main_context_unref (listener->context);
  g_free (listener->name);
  g_free (listener);
}

static GInetSocketAddress *
get_bound (MeshListener *self)
{
  return G_INET_SOCKET_ADDRESS (g_socket_get_local_address (self->socket,
      NULL));
}

/* As it is written in a URL. */
char *
mesh_listener_dup_host (MeshListener *listener)
{
  g_autoptr (GInetSocketAddress) bound = NULL;

  if (listener->name)
    return g_strdup (listener->name);
  bound = get_bound (listener);
  return mesh_address_guess_host (g_inet_socket_address_get_address (bound));
}

guint16
mesh_listener_get_port (MeshListener *listener)
{
  g_autoptr (GInetSocketAddress) bound = get_bound (listener);

  return g_inet_socket_address_get_port (bound);
}
