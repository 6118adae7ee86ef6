/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * MeshServer:
 *
 * The signalling server and the page: what `meshroom-server` runs, and what
 * `serve=` of the element `meshroom` embeds.
 *
 * It works in one main context, the thread-default one of the thread that calls
 * mesh_server_listen(), and that thread must iterate it. All other calls belong
 * to the same thread.
 *
 * This file carries out what the hub (core/hub.h) decides: it owns the
 * connections and the clock.
 *
 * Since: 0.1
 */

#include "server/server-private.h"

#include <sys/resource.h>

#include "core/error.h"
#include "server/handshake.h"
#include "server/ice.h"
#include "server/io.h"
#include "server/listener.h"
#include "server/metrics.h"
#include "server/page.h"
#include "server/poll.h"
#include "server/pusher.h"

/* How precise leases and timeouts are. */
#define TICK_MS 250
/* Clients that came all at once are not pinged all at once, but in so many
 * turns: nobody waits while thousands are written to. */
#define PING_TURNS 16

typedef struct {
  MeshServer *server;
  MeshConn *conn;
  guint64 number;
  guint64 session;              /* the hub's client that polls on it; 0: none */
  GList *half_open;             /* in the server's list; NULL: a member's */
  gint64 pinged;
  gboolean pusher;              /* the front's, not the hub's */
  gboolean dirty;               /* in the server's list */
} Client;

struct _MeshServer {
  GObject parent;

  MeshServerLimits limits;
  GPtrArray *origins;           /* ends in a NULL */
  GPtrArray *apps;              /* of Pusher, "ID:KEY:SECRET" */
  MeshIce *ice;                 /* for members */

  /* while listening */
  GMainContext *context;
  MeshListener *listener;
  MeshPoller *poller;
  MeshCredentials *credentials; /* NULL: plain http */
  GSource *timer;               /* while there is something to time */
  MeshHub *hub;
  MeshPolls *polls;             /* clients of the hub without a WebSocket */
  MeshPusherFront *front;       /* for Pusher's clients; NULL: no application */
  GHashTable *clients;          /* number -> Client, owned */
  GQueue half_open;             /* of Client, the oldest first */
  GArray *dirty;                /* numbers of clients to flush */
  guint64 last_number;
  guint max_connections;
  guint64 accepted;
  guint64 refused;
  guint64 requests;
};

G_DEFINE_FINAL_TYPE (MeshServer, mesh_server, G_TYPE_OBJECT)

static Client *
find_client (MeshServer *self, guint64 number)
{
  return g_hash_table_lookup (self->clients, &number);
}

static void
client_free (Client *client)
{
  mesh_conn_unref (client->conn);
  g_free (client);
}

static void
mark_dirty (MeshServer *self, Client *client)
{
  if (client->dirty)
    return;
  client->dirty = TRUE;
  g_array_append_val (self->dirty, client->number);
}

static void
send_frame (MeshServer *self, Client *client, GBytes *frame)
{
  if (mesh_conn_send_text (client->conn, frame))
    mark_dirty (self, client);
  else
    mesh_hub_reject (self->hub, client->number, MESH_HUB_SLOW);
}

/* Flushing can end a connection, and so change the table. */
static void
flush_dirty (MeshServer *self)
{
  for (guint i = 0; i < self->dirty->len; i++) {
    Client *client =
        find_client (self, g_array_index (self->dirty, guint64, i));

    if (client) {
      client->dirty = FALSE;
      mesh_conn_flush (client->conn);
    }
  }
  g_array_set_size (self->dirty, 0);
}

static void
carry_out_front (MeshServer *self)
{
  MeshPusherFrontAction action;

  while (mesh_pusher_front_pop_action (self->front, &action)) {
    Client *client = find_client (self, action.client);

    if (client && !action.frame)
      mesh_conn_close (client->conn, action.close_code);
    else if (client && !mesh_conn_send_text (client->conn, action.frame))
      mesh_pusher_front_reject (self->front, client->number,
          MESH_PUSHER_FRONT_OVER_CAPACITY, "Too much is unread");
    if (client)
      mark_dirty (self, client);
    mesh_pusher_front_action_clear (&action);
  }
}

static void
carry_out (MeshServer *self)
{
  MeshHubAction action;

  while (mesh_hub_pop_action (self->hub, &action)) {
    Client *client = find_client (self, action.client);

    switch (action.type) {
      case MESH_HUB_SEND:
        if (client)
          send_frame (self, client, action.frame);
        else
          mesh_polls_send (self->polls, action.client, action.frame);
        break;
      case MESH_HUB_CLOSE:
        if (client) {
          mesh_conn_close (client->conn, action.close_code);
          mark_dirty (self, client);
        } else {
          mesh_polls_close (self->polls, action.client, action.close_code,
              g_get_monotonic_time ());
        }
        break;
      case MESH_HUB_LOG:
        g_debug ("%s", (const char *) g_bytes_get_data (action.frame, NULL));
        break;
    }
    mesh_hub_action_clear (&action);
  }
  if (self->front)
    carry_out_front (self);
  flush_dirty (self);
  mesh_polls_flush (self->polls);
}

static void
leave_half_open (MeshServer *self, Client *client)
{
  if (client->half_open)
    g_queue_delete_link (&self->half_open,
        g_steal_pointer (&client->half_open));
}

static void
answer_metrics (MeshServer *self, MeshHttpResponse *response)
{
  MeshServerStats stats = {
    .connections = g_hash_table_size (self->clients),
    .half_open = self->half_open.length,
    .accepted = self->accepted,
    .refused = self->refused,
    .requests = self->requests,
    .sessions = mesh_polls_count (self->polls),
  };
  char *text = mesh_metrics_to_text (&stats, mesh_hub_get_stats (self->hub),
      self->front ? mesh_pusher_front_get_stats (self->front) : NULL);

  response->status = 200;
  response->type = "text/plain; version=0.0.4; charset=utf-8";
  response->body = g_bytes_new_take (text, strlen (text));
}

/* Numbers are given out once, to connections and sessions alike. */
static void
answer_poll (Client *client, const MeshHttpRequest *request,
    MeshHttpResponse *response)
{
  MeshServer *self = client->server;

  client->session = mesh_polls_request (self->polls, client->conn, request,
      ++self->last_number, response, g_get_monotonic_time ());
}

static gsize
on_body_limit (MeshConn *conn, const MeshHttpRequest *request,
    gpointer user_data)
{
  Client *client = user_data;

  if (mesh_polls_is_path (request->path))
    return MESH_POLL_MAX_BODY;
  return client->server->front
      ? mesh_server_pusher_body_limit (client->server->front, request) : 0;
}

static void
route (Client *client, const MeshHttpRequest *request,
    MeshHttpResponse *response)
{
  MeshServer *self = client->server;

  if (g_str_equal (request->path, "/v1/socket")) {
    mesh_handshake_answer (request, (char **) self->origins->pdata, response);
  } else if (mesh_polls_is_path (request->path)) {
    answer_poll (client, request, response);
  } else if (self->front && mesh_server_pusher_is_path (request->path)) {
    mesh_server_pusher_answer (self->front, request,
        (char **) self->origins->pdata, response, g_get_monotonic_time ());
  } else if (!g_str_equal (request->method, "GET")
      && !g_str_equal (request->method, "HEAD")) {
    response->status = 405;
    mesh_http_response_add (response, "Allow", "GET, HEAD");
  } else if (g_str_equal (request->path, "/healthz")) {
    response->status = 200;
    response->body = g_bytes_new_static ("ok\n", 3);
  } else if (g_str_equal (request->path, "/metrics")) {
    answer_metrics (self, response);
  } else if (g_str_equal (request->path, "/v1/ice")) {
    mesh_ice_answer (self->ice, request, (char **) self->origins->pdata,
        response, g_get_real_time () / G_USEC_PER_SEC);
  } else {
    mesh_page_answer (request, response);
  }
}

static void
on_request (MeshConn *conn, const MeshHttpRequest *request,
    MeshHttpResponse *response, gpointer user_data)
{
  Client *client = user_data;
  MeshServer *self = client->server;
  gint64 now;

  self->requests++;
  mesh_http_response_add_general (response);
  route (client, request, response);
  if (response->status != 101)
    return;
  now = g_get_monotonic_time ();
  client->pinged = now
      - self->limits.ping * (client->number % PING_TURNS) / PING_TURNS;
  client->pusher = self->front && mesh_server_pusher_is_path (request->path);
  if (client->pusher)
    mesh_server_pusher_connected (self->front, client->number, request, now);
  else
    mesh_hub_connected (self->hub, client->number, now);
}

static void
on_text (MeshConn *conn, const char *text, gsize length, gpointer user_data)
{
  Client *client = user_data;
  gint64 now = g_get_monotonic_time ();

  if (client->pusher)
    mesh_pusher_front_feed (client->server->front, client->number, text, length,
        now);
  else
    mesh_hub_feed (client->server->hub, client->number, text, length, now);
}

static void
on_heard (MeshConn *conn, gpointer user_data)
{
  Client *client = user_data;
  gint64 now = g_get_monotonic_time ();

  if (client->pusher)
    mesh_pusher_front_heard (client->server->front, client->number, now);
  else
    mesh_hub_heard (client->server->hub, client->number, now);
}

static void
on_offence (MeshConn *conn, gboolean too_big, gpointer user_data)
{
  Client *client = user_data;

  if (client->pusher)
    mesh_pusher_front_disconnected (client->server->front, client->number);
  else
    mesh_hub_reject (client->server->hub, client->number,
        too_big ? MESH_HUB_TOO_BIG : MESH_HUB_BAD_MESSAGE);
  carry_out (client->server);
}

static void
on_done (MeshConn *conn, gpointer user_data)
{
  Client *client = user_data;
  MeshServer *self = client->server;

  if (client->half_open && (client->pusher
          ? mesh_pusher_front_is_subscribed (self->front, client->number)
          : mesh_hub_is_member (self->hub,
              client->session ? client->session : client->number)))
    leave_half_open (self, client);
  carry_out (self);
}

static void
on_closed (MeshConn *conn, gpointer user_data)
{
  Client *client = user_data;
  MeshServer *self = client->server;

  mesh_hub_disconnected (self->hub, client->number);
  if (client->pusher)
    mesh_pusher_front_disconnected (self->front, client->number);
  mesh_polls_conn_gone (self->polls, conn);
  leave_half_open (self, client);
  g_hash_table_remove (self->clients, &client->number);
}

static const MeshConnFuncs conn_funcs = {
  on_body_limit, on_request, on_text, on_heard, on_offence, on_done, on_closed
};

static gboolean
timer_cb (gpointer user_data)
{
  MeshServer *self = user_data;
  g_autoptr (GList) clients = g_hash_table_get_values (self->clients);
  gint64 now = g_get_monotonic_time ();

  mesh_hub_tick (self->hub, now);
  mesh_polls_tick (self->polls, now);
  if (self->front)
    mesh_pusher_front_tick (self->front, now);
  for (GList *l = clients; l; l = l->next) {
    Client *client = l->data;

    if (mesh_conn_is_overdue (client->conn, now)) {
      mesh_conn_kill (client->conn);
    } else if (mesh_conn_is_websocket (client->conn)
        && now - client->pinged >= self->limits.ping) {
      client->pinged = now;
      mesh_conn_ping (client->conn);
      mark_dirty (self, client);
    }
  }
  carry_out (self);
  if (g_hash_table_size (self->clients) || mesh_polls_count (self->polls)
      || mesh_hub_deadline (self->hub) != G_MAXINT64
      || (self->front && mesh_pusher_front_waits (self->front)))
    return G_SOURCE_CONTINUE;
  g_clear_pointer (&self->timer, g_source_unref);
  return G_SOURCE_REMOVE;
}

static void
start_timer (MeshServer *self)
{
  if (self->timer)
    return;
  self->timer = g_timeout_source_new (TICK_MS);
  g_source_set_callback (self->timer, timer_cb, self, NULL);
  g_source_attach (self->timer, self->context);
}

/* Who is not in a room makes way, the one that has been at it longest first:
 * so nobody is kept out by connections that are only held open. */
static void
make_way (MeshServer *self)
{
  Client *oldest = g_queue_peek_head (&self->half_open);

  self->refused++;
  mesh_conn_kill (oldest->conn);
}

static void
on_accept (GSocket *socket, gpointer user_data)
{
  MeshServer *self = user_data;
  Client *client;

  if (self->half_open.length >= self->limits.half_open
      || (g_hash_table_size (self->clients) >= self->max_connections
          && self->half_open.length))
    make_way (self);
  if (g_hash_table_size (self->clients) >= self->max_connections) {
    self->refused++;
    g_socket_close (socket, NULL);
    g_object_unref (socket);
    return;
  }
  client = g_new0 (Client, 1);
  client->server = self;
  client->number = ++self->last_number;
  client->conn = mesh_conn_new (client->number, socket, self->credentials,
      self->poller, &self->limits.times, &conn_funcs, client);
  if (!client->conn) {
    self->refused++;
    g_free (client);
    return;
  }
  g_queue_push_tail (&self->half_open, client);
  client->half_open = self->half_open.tail;
  g_hash_table_insert (self->clients, &client->number, client);
  self->accepted++;
  start_timer (self);
}

static void
mesh_server_finalize (GObject *object)
{
  MeshServer *self = MESH_SERVER (object);

  mesh_server_stop (self);
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
  self->limits = (MeshServerLimits) {
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
  mesh_pusher_front_limits_init (&self->limits.front);
  self->apps = g_ptr_array_new_with_free_func (g_free);
  self->ice = mesh_ice_new ();
  self->origins = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (self->origins, NULL);
}

/**
 * mesh_server_new:
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
mesh_server_get_limits (MeshServer *server, MeshServerLimits *limits)
{
  *limits = server->limits;
}

void
mesh_server_set_limits (MeshServer *server, const MeshServerLimits *limits)
{
  server->limits = *limits;
}

/* The process needs descriptors for other things, too. */
static guint
bound_connections (guint wanted)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0
      || limit.rlim_cur == RLIM_INFINITY)
    return wanted;
  return MIN (wanted, MAX (1, limit.rlim_cur / 2));
}

/* A request waits as long as there is between two pings, and a session's last
 * words as long as a member that is gone. */
static MeshPolls *
new_polls (MeshServer *self)
{
  MeshPollLimits limits = {
    .sessions = self->limits.connections,
    .half_open = self->limits.half_open,
    .wait = self->limits.ping,
    .linger = self->limits.hub.lease,
  };

  return mesh_polls_new (self->hub, &limits, self->origins);
}

/* With all applications; NULL when one of them is none. */
static MeshPusherFront *
new_front (MeshServer *self, GError **error)
{
  guint64 seed = (guint64) g_random_int () << 32 | g_random_int ();
  g_autoptr (MeshPusherFront) front =
      mesh_pusher_front_new (&self->limits.front, seed);

  for (guint i = 0; i < self->apps->len; i++)
    if (!mesh_pusher_front_add_app (front, g_ptr_array_index (self->apps, i),
            error))
      return NULL;
  return g_steal_pointer (&front);
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
  g_autoptr (MeshPusherFront) front = NULL;

  g_return_val_if_fail (MESH_IS_SERVER (server), FALSE);
  g_return_val_if_fail (app, FALSE);
  g_return_val_if_fail (!server->listener, FALSE);

  g_ptr_array_add (server->apps, g_strdup (app));
  front = new_front (server, error);
  if (!front)
    g_ptr_array_set_size (server->apps, server->apps->len - 1);
  return front != NULL;
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
 *   password may be left out after mesh_server_set_turn_secret()
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
  guint64 seed = (guint64) g_random_int () << 32 | g_random_int ();

  g_return_val_if_fail (MESH_IS_SERVER (server), FALSE);
  g_return_val_if_fail (address, FALSE);
  g_return_val_if_fail (!server->listener, FALSE);

  if (certificate) {
    server->credentials = mesh_credentials_new (certificate, error);
    if (!server->credentials)
      return FALSE;
  }
  server->context = g_main_context_ref_thread_default ();
  server->hub = mesh_hub_new (&server->limits.hub, seed);
  server->polls = new_polls (server);
  if (server->apps->len)
    server->front = new_front (server, NULL);
  server->clients = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL,
      (GDestroyNotify) client_free);
  server->dirty = g_array_new (FALSE, FALSE, sizeof (guint64));
  server->max_connections = bound_connections (server->limits.connections);
  server->poller = mesh_poller_new (server->context, error);
  if (server->poller)
    server->listener = mesh_listener_new (address, server->context, on_accept,
        server, error);
  if (!server->listener) {
    mesh_server_stop (server);
    return FALSE;
  }
  return TRUE;
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
  MeshCredentials *credentials;

  g_return_val_if_fail (MESH_IS_SERVER (server), FALSE);
  g_return_val_if_fail (G_IS_TLS_CERTIFICATE (certificate), FALSE);

  if (!server->credentials) {
    g_set_error_literal (error, MESH_ERROR, MESH_ERROR_FAILED,
        "the server does not speak https");
    return FALSE;
  }
  credentials = mesh_credentials_new (certificate, error);
  if (!credentials)
    return FALSE;
  mesh_credentials_unref (server->credentials);
  server->credentials = credentials;
  return TRUE;
}

/**
 * mesh_server_dup_urls:
 * @server: a server
 *
 * Returns: (transfer full) (array zero-terminated=1): "http://ADDR:PORT" or
 *   "https://ADDR:PORT", as others reach it, the best first: where it listens
 *   on all addresses, ADDR is what the default route sends from, then this
 *   machine's other addresses, and 127.0.0.1 when it has none. Empty when the
 *   server does not listen
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
        server->credentials ? "https" : "http", *host,
        mesh_listener_get_port (server->listener));

    g_strv_builder_add (urls, url);
  }
  return g_strv_builder_end (urls);
}

/**
 * mesh_server_dup_url:
 * @server: a server
 *
 * Returns: (transfer full) (nullable): the first of mesh_server_dup_urls(),
 *   %NULL when the server does not listen
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

static void
kill_all (MeshServer *self)
{
  g_autoptr (GList) clients = g_hash_table_get_values (self->clients);

  for (GList *l = clients; l; l = l->next)
    mesh_conn_kill (((Client *) l->data)->conn);
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
  if (server->hub) {
    mesh_hub_shut_down (server->hub);
    if (server->front)
      mesh_pusher_front_shut_down (server->front);
    carry_out (server);
    kill_all (server);
  }
  if (server->timer) {
    g_source_destroy (server->timer);
    g_clear_pointer (&server->timer, g_source_unref);
  }
  g_clear_pointer (&server->clients, g_hash_table_unref);
  g_clear_pointer (&server->polls, mesh_polls_free);
  g_clear_pointer (&server->poller, mesh_poller_free);
  g_clear_pointer (&server->dirty, g_array_unref);
  g_clear_pointer (&server->hub, mesh_hub_free);
  g_clear_pointer (&server->front, mesh_pusher_front_free);
  g_clear_pointer (&server->credentials, mesh_credentials_unref);
  g_clear_pointer (&server->context, g_main_context_unref);
}
