/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "server/clients.h"

#include <sys/resource.h>

#include "server/handshake.h"
#include "server/longpoll.h"
#include "server/metrics.h"
#include "server/page.h"
#include "server/pusher.h"

/* Leases and timeouts are as precise as this. */
#define TICK_MS 250
/* Clients that came all at once are pinged in so many turns, so that nobody
 * waits while thousands are written to. */
#define PING_TURNS 16

typedef struct {
  MeshClients *clients;
  MeshConn *conn;
  guint64 number;
  guint64 session;              /* the hub's client that polls on it; 0: none */
  GList *half_open;             /* its place there; NULL: a member's */
  gint64 pinged;
  gboolean pusher;              /* of the Pusher hub, not of the hub */
  gboolean dirty;               /* in the list of the same name */
} Client;

struct _MeshClients {
  MeshClientsLimits limits;     /* bound by what the system allows */
  GPtrArray *origins;
  MeshIce *ice;
  MeshClientsMetrics write_metrics;     /* of the program that embeds it */
  gpointer metrics_data;
  GMainContext *context;
  MeshEventLoop *loop;
  MeshCredentials *credentials; /* NULL: plain http */
  GSource *timer;               /* while there is something to time */
  MeshHub *hub;
  MeshPolls *polls;             /* clients of the hub without a WebSocket */
  MeshPusherHub *pusher;        /* for Pusher's clients; NULL: no application */
  GHashTable *by_number;        /* number -> Client, owned */
  GQueue half_open;             /* of Client, the oldest first */
  GArray *dirty;                /* numbers of clients to flush */
  guint64 last_number;
  guint64 accepted;
  guint64 refused;
  guint64 requests;
};

static Client *
find_client (MeshClients *self, guint64 number)
{
  return g_hash_table_lookup (self->by_number, &number);
}

static void
client_free (Client *client)
{
  mesh_conn_unref (client->conn);
  g_free (client);
}

static void
mark_dirty (MeshClients *self, Client *client)
{
  if (client->dirty)
    return;
  client->dirty = TRUE;
  g_array_append_val (self->dirty, client->number);
}

static void
send_frame (MeshClients *self, Client *client, GBytes *frame)
{
  if (mesh_conn_send_text (client->conn, frame))
    mark_dirty (self, client);
  else
    mesh_hub_reject (self->hub, client->number, MESH_HUB_SLOW);
}

/* Looks each client up, since flushing can end connections and so change the
 * table. */
static void
flush_dirty (MeshClients *self)
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
carry_out_pusher (MeshClients *self)
{
  MeshPusherHubAction action;

  while (mesh_pusher_hub_pop_action (self->pusher, &action)) {
    Client *client = find_client (self, action.client);

    if (client && !action.frame)
      mesh_conn_close (client->conn, action.close_code);
    else if (client && !mesh_conn_send_text (client->conn, action.frame))
      mesh_pusher_hub_reject (self->pusher, client->number,
          MESH_PUSHER_HUB_OVER_CAPACITY, "Too much is unread");
    if (client)
      mark_dirty (self, client);
    mesh_pusher_hub_action_clear (&action);
  }
}

static void
carry_out (MeshClients *self)
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
  if (self->pusher)
    carry_out_pusher (self);
  flush_dirty (self);
  mesh_polls_flush (self->polls);
}

static void
leave_half_open (MeshClients *self, Client *client)
{
  if (client->half_open)
    g_queue_delete_link (&self->half_open,
        g_steal_pointer (&client->half_open));
}

static void
answer_metrics (MeshClients *self, MeshHttpResponse *response)
{
  MeshServerStats stats = {
    .connections = g_hash_table_size (self->by_number),
    .half_open = self->half_open.length,
    .accepted = self->accepted,
    .refused = self->refused,
    .requests = self->requests,
    .sessions = mesh_polls_count (self->polls),
  };
  g_autofree char *own = mesh_metrics_to_text (&stats,
      mesh_hub_get_stats (self->hub),
      self->pusher ? mesh_pusher_hub_get_stats (self->pusher) : NULL);
  g_autofree char *more = self->write_metrics (self->metrics_data);
  char *text = g_strconcat (own, more, NULL);

  response->status = 200;
  response->type = "text/plain; version=0.0.4; charset=utf-8";
  response->body = g_bytes_new_take (text, strlen (text));
}

/* Connections and sessions share one sequence of numbers. */
static void
answer_poll (Client *client, const MeshHttpRequest *request,
    MeshHttpResponse *response)
{
  MeshClients *self = client->clients;

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
  return client->clients->pusher
      ? mesh_server_pusher_body_limit (client->clients->pusher, request) : 0;
}

static void
route (Client *client, const MeshHttpRequest *request,
    MeshHttpResponse *response)
{
  MeshClients *self = client->clients;

  if (g_str_equal (request->path, "/v1/socket")) {
    mesh_handshake_answer (request, (char **) self->origins->pdata, response);
  } else if (mesh_polls_is_path (request->path)) {
    answer_poll (client, request, response);
  } else if (self->pusher && mesh_server_pusher_is_path (request->path)) {
    mesh_server_pusher_answer (self->pusher, request,
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
  MeshClients *self = client->clients;
  gint64 now;

  self->requests++;
  mesh_http_response_add_general (response);
  route (client, request, response);
  if (response->status != 101)
    return;
  now = g_get_monotonic_time ();
  client->pinged = now
      - self->limits.ping * (client->number % PING_TURNS) / PING_TURNS;
  client->pusher = self->pusher && mesh_server_pusher_is_path (request->path);
  if (client->pusher)
    mesh_server_pusher_connected (self->pusher, client->number, request, now);
  else
    mesh_hub_connected (self->hub, client->number, now);
}

static void
on_text (MeshConn *conn, const char *text, gsize length, gpointer user_data)
{
  Client *client = user_data;
  gint64 now = g_get_monotonic_time ();

  if (client->pusher)
    mesh_pusher_hub_feed (client->clients->pusher, client->number, text, length,
        now);
  else
    mesh_hub_feed (client->clients->hub, client->number, text, length, now);
}

static void
on_heard (MeshConn *conn, gpointer user_data)
{
  Client *client = user_data;
  gint64 now = g_get_monotonic_time ();

  if (client->pusher)
    mesh_pusher_hub_heard (client->clients->pusher, client->number, now);
  else
    mesh_hub_heard (client->clients->hub, client->number, now);
}

static void
on_offence (MeshConn *conn, gboolean too_big, gpointer user_data)
{
  Client *client = user_data;

  if (client->pusher)
    mesh_pusher_hub_disconnected (client->clients->pusher, client->number);
  else
    mesh_hub_reject (client->clients->hub, client->number,
        too_big ? MESH_HUB_TOO_BIG : MESH_HUB_BAD_MESSAGE);
  carry_out (client->clients);
}

static void
on_done (MeshConn *conn, gpointer user_data)
{
  Client *client = user_data;
  MeshClients *self = client->clients;

  if (client->half_open && (client->pusher
          ? mesh_pusher_hub_is_subscribed (self->pusher, client->number)
          : mesh_hub_is_member (self->hub,
              client->session ? client->session : client->number)))
    leave_half_open (self, client);
  carry_out (self);
}

static void
on_closed (MeshConn *conn, gpointer user_data)
{
  Client *client = user_data;
  MeshClients *self = client->clients;

  mesh_hub_disconnected (self->hub, client->number);
  if (client->pusher)
    mesh_pusher_hub_disconnected (self->pusher, client->number);
  mesh_polls_conn_gone (self->polls, conn);
  leave_half_open (self, client);
  g_hash_table_remove (self->by_number, &client->number);
}

static const MeshConnFuncs conn_funcs = {
  on_body_limit, on_request, on_text, on_heard, on_offence, on_done, on_closed
};

static gboolean
timer_cb (gpointer user_data)
{
  MeshClients *self = user_data;
  g_autoptr (GList) clients = g_hash_table_get_values (self->by_number);
  gint64 now = g_get_monotonic_time ();

  mesh_hub_tick (self->hub, now);
  mesh_polls_tick (self->polls, now);
  if (self->pusher)
    mesh_pusher_hub_tick (self->pusher, now);
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
  if (g_hash_table_size (self->by_number) || mesh_polls_count (self->polls)
      || mesh_hub_deadline (self->hub) != G_MAXINT64
      || (self->pusher && mesh_pusher_hub_waits (self->pusher)))
    return G_SOURCE_CONTINUE;
  g_clear_pointer (&self->timer, g_source_unref);
  return G_SOURCE_REMOVE;
}

static void
start_timer (MeshClients *self)
{
  if (self->timer)
    return;
  self->timer = g_timeout_source_new (TICK_MS);
  g_source_set_callback (self->timer, timer_cb, self, NULL);
  g_source_attach (self->timer, self->context);
}

/* Drops the connection that has been outside of a room for longest, so that
 * nobody is kept out by connections that are only held open. */
static void
make_way (MeshClients *self)
{
  Client *oldest = g_queue_peek_head (&self->half_open);

  self->refused++;
  mesh_conn_kill (oldest->conn);
}

/* Implements MeshListenerFunc. */
void
mesh_clients_accept (GSocket *socket, gpointer clients)
{
  MeshClients *self = clients;
  Client *client;

  if (self->half_open.length >= self->limits.half_open
      || (g_hash_table_size (self->by_number) >= self->limits.connections
          && self->half_open.length))
    make_way (self);
  if (g_hash_table_size (self->by_number) >= self->limits.connections) {
    self->refused++;
    g_socket_close (socket, NULL);
    g_object_unref (socket);
    return;
  }
  client = g_new0 (Client, 1);
  client->clients = self;
  client->number = ++self->last_number;
  client->conn = mesh_conn_new (client->number, socket, self->credentials,
      self->loop, &self->limits.times, &conn_funcs, client);
  if (!client->conn) {
    self->refused++;
    g_free (client);
    return;
  }
  g_queue_push_tail (&self->half_open, client);
  client->half_open = self->half_open.tail;
  g_hash_table_insert (self->by_number, &client->number, client);
  self->accepted++;
  start_timer (self);
}

/* Half of the process's descriptors are left for other things. */
static guint
bound_connections (guint wanted)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0
      || limit.rlim_cur == RLIM_INFINITY)
    return wanted;
  return MIN (wanted, MAX (1, limit.rlim_cur / 2));
}

/* A request waits as long as there is between two pings, and the last frames of
 * a closed session are kept as long as the mailbox of a lost member. */
static MeshPolls *
new_polls (MeshClients *self)
{
  MeshPollLimits limits = {
    .sessions = self->limits.connections,
    .half_open = self->limits.half_open,
    .wait = self->limits.ping,
    .linger = self->limits.hub.lease,
  };

  return mesh_polls_new (self->hub, &limits, self->origins);
}

/*
 * mesh_clients_new:
 * @context: in which they are served
 * @origins: whose pages may connect, ending in a %NULL; outlives them
 * @ice: the servers that they are told of; outlives them
 *
 * Returns: (transfer full) (nullable): nobody yet; %NULL with @error set where
 *   there are no descriptors left
 */
MeshClients *
mesh_clients_new (GMainContext *context, const MeshClientsLimits *limits,
    GPtrArray *origins, MeshIce *ice, GError **error)
{
  guint64 seed = (guint64) g_random_int () << 32 | g_random_int ();
  MeshEventLoop *loop = mesh_event_loop_new (context, error);
  MeshClients *self;

  if (!loop)
    return NULL;
  self = g_new0 (MeshClients, 1);
  self->limits = *limits;
  self->origins = origins;
  self->ice = ice;
  self->context = g_main_context_ref (context);
  self->loop = loop;
  self->hub = mesh_hub_new (&limits->hub, seed);
  self->polls = new_polls (self);
  self->limits.connections = bound_connections (limits->connections);
  self->by_number = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL,
      (GDestroyNotify) client_free);
  g_queue_init (&self->half_open);
  self->dirty = g_array_new (FALSE, FALSE, sizeof (guint64));
  return self;
}

/* Sends what the hubs have to say last, and closes all sockets. */
void
mesh_clients_free (MeshClients *clients)
{
  g_autoptr (GList) all = NULL;

  mesh_hub_shut_down (clients->hub);
  if (clients->pusher)
    mesh_pusher_hub_shut_down (clients->pusher);
  carry_out (clients);
  all = g_hash_table_get_values (clients->by_number);
  for (GList *l = all; l; l = l->next)
    mesh_conn_kill (((Client *) l->data)->conn);
  if (clients->timer) {
    g_source_destroy (clients->timer);
    g_source_unref (clients->timer);
  }
  g_hash_table_unref (clients->by_number);
  mesh_polls_free (clients->polls);
  mesh_event_loop_free (clients->loop);
  g_array_unref (clients->dirty);
  mesh_hub_free (clients->hub);
  mesh_pusher_hub_free (clients->pusher);
  g_clear_pointer (&clients->credentials, mesh_credentials_unref);
  g_main_context_unref (clients->context);
  g_free (clients);
}

/* Gives the certificate to connections that are accepted from now on. */
gboolean
mesh_clients_set_certificate (MeshClients *clients,
    GTlsCertificate *certificate, GError **error)
{
  MeshCredentials *credentials = mesh_credentials_new (certificate, error);

  if (!credentials)
    return FALSE;
  g_clear_pointer (&clients->credentials, mesh_credentials_unref);
  clients->credentials = credentials;
  return TRUE;
}

/* @pusher: (transfer full): the hub for Pusher's client libraries */
void
mesh_clients_set_pusher (MeshClients *clients, MeshPusherHub *pusher)
{
  clients->pusher = pusher;
}

/* To be called before a client is accepted. @write: what to call for figures of
 * the program that embeds the server */
void
mesh_clients_set_metrics (MeshClients *clients, MeshClientsMetrics write,
    gpointer user_data)
{
  clients->write_metrics = write;
  clients->metrics_data = user_data;
}
