/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * MeshServer:
 *
 * The signalling server and the page: what `meshroom-server` runs, and what
 * `serve=` of the element `meshroom` embeds.
 *
 * It works in one main context, the thread-default one of the thread that calls
 * [method@Server.listen], and that thread must iterate it. All other calls
 * belong to the same thread.
 *
 * Errors are of [error@Gio.IOErrorEnum] where the system refuses something, such
 * as an address that is taken. Others say in words what is wrong with what was
 * given, and there is nothing for a program in their domain and code.
 *
 * Since: 0.1
 */

#include "server/server-private.h"

#include "core/error.h"
#include "host/random.h"
#include "server/listener.h"

struct _MeshServer {
  GObject parent;

  MeshClientsLimits limits;
  GPtrArray *origins;           /* ends in a NULL */
  GPtrArray *apps;              /* of Pusher: "ID:KEY:SECRET" */
  MeshIce *ice;                 /* for members */
  MeshServerMetricsFunc metrics;        /* NULL: /metrics has the server's
                                         * figures only */
  gpointer metrics_data;
  GDestroyNotify metrics_destroy;

  /* while listening */
  MeshListener *listener;
  MeshClients *clients;
  gboolean https;
};

G_DEFINE_FINAL_TYPE (MeshServer, mesh_server, G_TYPE_OBJECT)

static void
mesh_server_finalize (GObject *object)
{
  MeshServer *self = MESH_SERVER (object);

  mesh_server_stop (self);
  mesh_server_set_metrics_func (self, NULL, NULL, NULL);
  g_ptr_array_unref (self->origins);
  g_ptr_array_unref (self->apps);
  mesh_ice_free (self->ice);
  G_OBJECT_CLASS (mesh_server_parent_class)->finalize (object);
}

static void
mesh_server_class_init (MeshServerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mesh_server_finalize;
}

static void
mesh_server_init (MeshServer *self)
{
  self->limits = (MeshClientsLimits) {
    .times = {
      .request = 10 * G_USEC_PER_SEC,
      .response = 60 * G_USEC_PER_SEC,
      .linger = 2 * G_USEC_PER_SEC,
    },
    .ping = 4 * G_USEC_PER_SEC,
    .connections = 16384,
    .half_open = 4096,
  };
  mesh_hub_limits_init (&self->limits.hub);
  mesh_pusher_hub_limits_init (&self->limits.pusher);
  self->apps = g_ptr_array_new_with_free_func (g_free);
  self->ice = mesh_ice_new ();
  self->origins = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (self->origins, NULL);
}

/**
 * mesh_server_new:
 *
 * Makes a server, to be set up and then started by [method@Server.listen].
 *
 * Returns: (transfer full): a server that does not listen yet
 *
 * Since: 0.1
 */
MeshServer *
mesh_server_new (void)
{
  return g_object_new (MESH_TYPE_SERVER, NULL);
}

void
mesh_server_get_limits (MeshServer *server, MeshClientsLimits *limits)
{
  *limits = server->limits;
}

void
mesh_server_set_limits (MeshServer *server, const MeshClientsLimits *limits)
{
  server->limits = *limits;
}

/* Makes a hub with all applications; NULL when one of them is invalid. */
static MeshPusherHub *
new_pusher_hub (MeshServer *self, GError **error)
{
  guint64 seed = (guint64) g_random_int () << 32 | g_random_int ();
  g_autoptr (MeshPusherHub) pusher =
      mesh_pusher_hub_new (&self->limits.pusher, seed);

  for (guint i = 0; i < self->apps->len; i++)
    if (!mesh_pusher_hub_add_app (pusher, g_ptr_array_index (self->apps, i),
            error))
      return NULL;
  return g_steal_pointer (&pusher);
}

/**
 * mesh_server_add_pusher_app:
 * @server: a server that does not listen yet
 * @app: "ID:KEY:SECRET"
 * @error: return location for an error
 *
 * Serves Pusher's client libraries as well, for those who have the key, and
 * servers that have the secret. At the first application's channels pages can
 * also be reached as those of mooz are, by `POST /api/messages/ID`.
 *
 * Returns: %FALSE with @error set when @app is none, or has the id or key of
 *   another one
 *
 * Since: 0.1
 */
gboolean
mesh_server_add_pusher_app (MeshServer *server, const char *app,
    GError **error)
{
  g_autoptr (MeshPusherHub) pusher = NULL;

  g_return_val_if_fail (MESH_IS_SERVER (server), FALSE);
  g_return_val_if_fail (app, FALSE);
  g_return_val_if_fail (!server->listener, FALSE);

  g_ptr_array_add (server->apps, g_strdup (app));
  pusher = new_pusher_hub (server, error);
  if (!pusher)
    g_ptr_array_set_size (server->apps, server->apps->len - 1);
  return pusher != NULL;
}

/**
 * mesh_server_set_turn_secret:
 * @server: a server
 * @secret: what TURN servers share with it ("static-auth-secret" of coturn)
 * @error: return location for an error
 *
 * TURN servers that are added after this without user and password have
 * credentials made for them, good for some hours, for whoever asks `GET
 * /v1/ice`.
 *
 * Returns: %FALSE with @error set when @secret is no line of text
 *
 * Since: 0.1
 */
gboolean
mesh_server_set_turn_secret (MeshServer *server, const char *secret,
    GError **error)
{
  g_return_val_if_fail (MESH_IS_SERVER (server), FALSE);
  g_return_val_if_fail (secret, FALSE);

  return mesh_ice_set_secret (server->ice, secret, error);
}

/**
 * mesh_server_add_ice_server:
 * @server: a server
 * @uri: "stun:HOST[:PORT]" or "turn:USER:PASSWORD@HOST[:PORT][?transport=tcp]",
 *   also with "//" behind the scheme, and "turns:" for TURN over TLS. User and
 *   password may be left out after [method@Server.set_turn_secret]
 * @error: return location for an error
 *
 * Tells members of a STUN or TURN server (`GET /v1/ice`), so that those in
 * other networks can be reached. User and password become known to whoever
 * asks.
 *
 * Returns: %FALSE with @error set when @uri is none, or there are too many
 *
 * Since: 0.1
 */
gboolean
mesh_server_add_ice_server (MeshServer *server, const char *uri,
    GError **error)
{
  g_return_val_if_fail (MESH_IS_SERVER (server), FALSE);
  g_return_val_if_fail (uri, FALSE);

  return mesh_ice_add (server->ice, uri, error);
}

/**
 * MeshServerMetricsFunc:
 * @server: the server that is asked for `/metrics`
 * @user_data: what was given with the function
 *
 * Writes figures of the program that embeds the server. It is called for every
 * request, on the server's thread, which waits for it.
 *
 * Returns: (transfer full): lines in Prometheus' text format, version 0.0.4,
 *   each with its end. Anybody who reaches the server can read them
 *
 * Since: 0.1
 */

/**
 * mesh_server_set_metrics_func:
 * @server: a server
 * @func: (nullable) (scope notified) (closure user_data) (destroy destroy):
 *   what to call for further figures; %NULL = there are none
 * @user_data: for @func
 * @destroy: (nullable): called with @user_data when @func is not called any
 *   more
 *
 * Has `/metrics` end with figures of the program that embeds the server. Their
 * names must not be those of the server's own.
 *
 * Since: 0.1
 */
void
mesh_server_set_metrics_func (MeshServer *server, MeshServerMetricsFunc func,
    gpointer user_data, GDestroyNotify destroy)
{
  g_return_if_fail (MESH_IS_SERVER (server));

  if (server->metrics_destroy)
    server->metrics_destroy (server->metrics_data);
  server->metrics = func;
  server->metrics_data = user_data;
  server->metrics_destroy = destroy;
}

/* Implements MeshClientsMetrics. */
static char *
write_metrics (gpointer user_data)
{
  MeshServer *self = user_data;

  return self->metrics ? self->metrics (self, self->metrics_data) : NULL;
}

/**
 * mesh_server_listen:
 * @server: a server
 * @address: "ADDR:PORT"; port 0 = any free one. ADDR is an IPv4 address, an
 *   IPv6 address in brackets, a name (all its addresses, in both families), the
 *   name of a network interface, or "*" for all addresses; a port alone is one
 *   of 127.0.0.1
 * @certificate: (nullable): a certificate with its private key, for https;
 *   %NULL = plain http
 * @error: return location for an error
 *
 * Starts to serve, in the thread-default main context. When this returns,
 * connections are accepted.
 *
 * Returns: %FALSE with @error set when it cannot
 *
 * Since: 0.1
 */
gboolean
mesh_server_listen (MeshServer *server, const char *address,
    GTlsCertificate *certificate, GError **error)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();

  g_return_val_if_fail (MESH_IS_SERVER (server), FALSE);
  g_return_val_if_fail (address, FALSE);
  g_return_val_if_fail (!server->listener, FALSE);

  server->https = certificate != NULL;
  server->clients = mesh_clients_new (context, &server->limits,
      server->origins, server->ice, error);
  if (server->clients)
    mesh_clients_set_metrics (server->clients, write_metrics, server);
  if (server->clients && (!certificate
          || mesh_clients_set_certificate (server->clients, certificate,
              error))) {
    if (server->apps->len)
      mesh_clients_set_pusher (server->clients, new_pusher_hub (server, NULL));
    server->listener = mesh_listener_new (address, context,
        mesh_clients_accept, server->clients, error);
  }
  if (!server->listener)
    mesh_server_stop (server);
  return server->listener != NULL;
}

/**
 * mesh_server_set_certificate:
 * @server: a server that listens with a certificate
 * @certificate: another one, with its private key
 * @error: return location for an error
 *
 * Presents @certificate to whoever connects from now on. Connections that there
 * are stay as they are.
 *
 * Returns: %FALSE with @error set when @certificate cannot be used, or the
 *   server speaks no https: all stays as it was
 *
 * Since: 0.1
 */
gboolean
mesh_server_set_certificate (MeshServer *server, GTlsCertificate *certificate,
    GError **error)
{
  g_return_val_if_fail (MESH_IS_SERVER (server), FALSE);
  g_return_val_if_fail (G_IS_TLS_CERTIFICATE (certificate), FALSE);

  if (!server->https) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_FAILED,
        "the server does not speak https");
    return FALSE;
  }
  return mesh_clients_set_certificate (server->clients, certificate, error);
}

/**
 * mesh_server_dup_urls:
 * @server: a server
 *
 * Lists the URLs by which others reach the server, the best first. Where it
 * listens on all addresses, that is the one with the address that the default
 * route sends from; those with this machine's other addresses follow, or
 * 127.0.0.1 when it has none.
 *
 * Returns: (transfer full) (array zero-terminated=1): "http://ADDR:PORT" or
 *   "https://ADDR:PORT" each; empty when the server does not listen
 *
 * Since: 0.1
 */
char **
mesh_server_dup_urls (MeshServer *server)
{
  g_autoptr (GStrvBuilder) urls = g_strv_builder_new ();
  g_auto (GStrv) hosts = NULL;

  g_return_val_if_fail (MESH_IS_SERVER (server), NULL);

  hosts = server->listener ? mesh_listener_list_hosts (server->listener) : NULL;
  for (char **host = hosts; host && *host; host++) {
    g_autofree char *url = g_strdup_printf ("%s://%s:%u",
        server->https ? "https" : "http", *host,
        mesh_listener_get_port (server->listener));

    g_strv_builder_add (urls, url);
  }
  return g_strv_builder_end (urls);
}

/**
 * mesh_server_dup_url:
 * @server: a server
 *
 * Tells the first of [method@Server.dup_urls].
 *
 * Returns: (transfer full) (nullable): a URL, %NULL when the server does not
 *   listen
 *
 * Since: 0.1
 */
char *
mesh_server_dup_url (MeshServer *server)
{
  g_auto (GStrv) urls = mesh_server_dup_urls (server);

  return urls ? g_strdup (urls[0]) : NULL;
}

/**
 * mesh_server_make_link:
 * @server: a server that listens
 *
 * Makes up a room on this server: a link with a new id and a new key. Nothing
 * is kept of it. Whoever opens the link first hosts the room, which is there as
 * long as somebody is in it, and the key, with which members seal what they say
 * to each other, does not reach the server.
 *
 * Returns: (transfer full) (nullable): a link for browsers and for the property
 *   `link` of the element `meshroom`, %NULL when the server does not listen
 *
 * Since: 0.1
 */
char *
mesh_server_make_link (MeshServer *server)
{
  g_autofree char *url = NULL;
  g_autoptr (MeshLink) link = NULL;

  g_return_val_if_fail (MESH_IS_SERVER (server), NULL);

  url = mesh_server_dup_url (server);
  link = url ? mesh_random_link (url, NULL) : NULL;
  return link ? mesh_link_to_string (link) : NULL;
}

/**
 * mesh_server_allow_origin:
 * @server: a server
 * @origin: such as "https://example.org", as browsers send it
 *
 * Lets pages of another origin open WebSockets to this server. Its own page,
 * and clients that are no browsers, always may.
 *
 * Since: 0.1
 */
void
mesh_server_allow_origin (MeshServer *server, const char *origin)
{
  g_return_if_fail (MESH_IS_SERVER (server));
  g_return_if_fail (origin);

  g_ptr_array_insert (server->origins, server->origins->len - 1,
      g_strdup (origin));
}

/**
 * mesh_server_stop:
 * @server: a server
 *
 * Tells everybody that it goes, and closes all sockets. The rooms are
 * forgotten. It may listen again after this.
 *
 * Since: 0.1
 */
void
mesh_server_stop (MeshServer *server)
{
  g_return_if_fail (MESH_IS_SERVER (server));

  g_clear_pointer (&server->listener, mesh_listener_free);
  g_clear_pointer (&server->clients, mesh_clients_free);
  server->https = FALSE;
}
