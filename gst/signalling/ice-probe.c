/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One server's way:
 *
 *     name ──resolve──→ address ──UDP, TCP or TLS──→ connection
 *     STUN: binding request ──→ any answer: it is there
 *     TURN: allocate ──401──→ allocate with the login ──→ success, or what is
 *                             wrong ──→ refresh of no time, which gives back
 */

#include "signalling/ice-probe.h"

#include <string.h>

#include "core/ice-url.h"
#include "core/stun.h"
#include "host/random.h"
#include "host/timer.h"

#define MAX_SERVERS 9
#define GIVE_UP_MS 10000
/* Over UDP a request is repeated after this, then after twice that, … */
#define REPEAT_MS 500

#define UNAUTHENTICATED 401
#define STALE_NONCE 438
#define QUOTA_REACHED 486
#define NO_CAPACITY 508

typedef struct {
  MeshIceProbe *probe;
  MeshIceUrl *url;
  char *shown;
  GSocket *socket;              /* UDP; NULL: a stream, or nothing yet */
  GIOStream *stream;            /* TCP or TLS */
  GSource *input;
  GSource *repeat;
  GSource *deadline;            /* NULL: func has been called */
  guint8 id[MESH_STUN_ID_BYTES];
  GBytes *request;
  guint delay;                  /* until it is repeated, ms */
  MeshStunAnswer asked;         /* realm and nonce for the login, once known */
  gboolean renewed;             /* a stale nonce was renewed, once */
  gboolean named;               /* the server's name was resolved */
  guint8 buffer[MESH_STUN_MAX_BYTES];
  gsize filled;
} Server;

struct _MeshIceProbe {
  GMainContext *context;
  GCancellable *cancellable;
  MeshIceProbeFunc func;
  gpointer user_data;
  GPtrArray *servers;           /* of Server */
  guint pending;                /* asynchronous calls that are under way */
};

static void
hang_up (Server *self)
{
  mesh_timer_clear (&self->input);
  mesh_timer_clear (&self->repeat);
  if (self->socket)
    g_socket_close (self->socket, NULL);
  if (self->stream)
    g_socket_close (g_socket_connection_get_socket (
            G_SOCKET_CONNECTION (self->stream)), NULL);
}

/* @why: (nullable): what is wrong */
static void
conclude (Server *self, const char *why)
{
  if (!self->deadline)
    return;
  mesh_timer_clear (&self->deadline);
  hang_up (self);
  self->probe->func (self->shown, why, self->probe->user_data);
}

static void
conclude_error (Server *self, const GError *error)
{
  g_autofree char *why = NULL;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    why = g_strdup ("nobody listens there");
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED))
    why = g_strdup ("it hung up");
  else if (error->domain == G_RESOLVER_ERROR)
    why = g_strdup_printf ("its name is not found (%s)", error->message);
  else
    why = g_strdup_printf ("it is not reached: %s", error->message);
  conclude (self, why);
}

/* Notes that an asynchronous call has come back. Returns whether its callback
 * has to go on. */
static gboolean
came_back (Server *self)
{
  self->probe->pending--;
  return !g_cancellable_is_cancelled (self->probe->cancellable)
      && self->deadline;
}

static void
on_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Server *self = user_data;
  g_autoptr (GError) error = NULL;

  g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL,
      &error);
  if (came_back (self) && error)
    conclude_error (self, error);
}

static gboolean
on_repeat (gpointer user_data)
{
  Server *self = user_data;
  gsize size;
  const char *data = g_bytes_get_data (self->request, &size);

  mesh_timer_clear (&self->repeat);
  /* An error here is a full buffer, or an earlier datagram's refusal, which
   * reading tells as well. */
  g_socket_send (self->socket, data, size, NULL, NULL);
  self->repeat = mesh_timer_new (self->probe->context, self->delay, on_repeat,
      self);
  self->delay *= 2;
  return G_SOURCE_REMOVE;
}

static void
ask (Server *self, MeshStunMethod method)
{
  const MeshStunLogin login = { self->url->user, self->url->password,
    self->asked.realm, self->asked.nonce
  };
  gsize size;
  const char *data;

  mesh_random_fill (self->id, sizeof self->id);
  g_clear_pointer (&self->request, g_bytes_unref);
  self->request = mesh_stun_request (method, self->id,
      self->asked.realm ? &login : NULL);
  data = g_bytes_get_data (self->request, &size);
  self->filled = 0;
  if (self->socket) {
    self->delay = REPEAT_MS;
    on_repeat (self);
    return;
  }
  self->probe->pending++;
  g_output_stream_write_all_async (
      g_io_stream_get_output_stream (self->stream), data, size,
      G_PRIORITY_DEFAULT, self->probe->cancellable, on_written, self);
}

/* Gives the allocation back: it was only made to see that there is one. */
static void
give_back (Server *self)
{
  gsize size;
  const char *data;
  const MeshStunLogin login = { self->url->user, self->url->password,
    self->asked.realm, self->asked.nonce
  };
  g_autoptr (GBytes) request = NULL;

  if (!self->socket)            /* a closed stream ends its allocation */
    return;
  mesh_random_fill (self->id, sizeof self->id);
  request = mesh_stun_request (MESH_STUN_REFRESH, self->id,
      self->asked.realm ? &login : NULL);
  data = g_bytes_get_data (request, &size);
  g_socket_send (self->socket, data, size, NULL, NULL);
}

static void
conclude_refusal (Server *self, guint code)
{
  g_autofree char *why = NULL;

  if (code == UNAUTHENTICATED || code == STALE_NONCE)
    why = g_strdup ("it rejects the user and password");
  else if (code == QUOTA_REACHED)
    why = g_strdup ("the user has as many relayed connections as it allows "
        "(486)");
  else if (code == NO_CAPACITY)
    why = g_strdup ("it has no room for a further relayed connection (508)");
  else
    why = g_strdup_printf ("it refuses (error %u)", code);
  conclude (self, why);
}

static void
take_answer (Server *self, MeshStunAnswer *answer)
{
  gboolean first = !self->asked.realm;
  gboolean renew = answer->code == STALE_NONCE && !self->renewed;

  if (!self->url->relay) {
    conclude (self, NULL);      /* also with an error: the server is there */
  } else if (answer->code == 0) {
    give_back (self);
    conclude (self, NULL);
  } else if ((answer->code == UNAUTHENTICATED && first) || renew) {
    if (!answer->realm || !answer->nonce) {
      conclude (self, "it asks for a login without saying for what");
      return;
    }
    self->renewed |= renew;
    mesh_stun_answer_clear (&self->asked);
    self->asked = *answer;
    *answer = (MeshStunAnswer) { 0 };
    ask (self, MESH_STUN_ALLOCATE);
  } else {
    conclude_refusal (self, answer->code);
  }
}

static gboolean
on_datagram (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  Server *self = user_data;
  g_autoptr (GError) error = NULL;
  g_auto (MeshStunAnswer) answer = { 0 };
  gssize size = g_socket_receive (socket, (char *) self->buffer,
      sizeof self->buffer, NULL, &error);

  if (size >= 0 && mesh_stun_parse (self->buffer, size, self->id, &answer)) {
    mesh_timer_clear (&self->repeat);
    take_answer (self, &answer);
  } else if (error && !g_error_matches (error, G_IO_ERROR,
          G_IO_ERROR_WOULD_BLOCK)) {
    conclude_error (self, error);
  }
  return self->input ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void read_more (Server *self);

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Server *self = user_data;
  g_autoptr (GError) error = NULL;
  g_auto (MeshStunAnswer) answer = { 0 };
  gssize got = g_input_stream_read_finish (G_INPUT_STREAM (source), result,
      &error);
  gboolean answered = FALSE;
  gssize length;

  if (!came_back (self))
    return;
  if (got < 0) {
    conclude_error (self, error);
    return;
  }
  self->filled += got;
  length = mesh_stun_length (self->buffer, self->filled);
  if (length < 0 || got == 0)
    conclude (self, got ? "it does not speak STUN" : "it hung up");
  else if (length == 0 || (gsize) length > self->filled)
    read_more (self);
  else if (!(answered = mesh_stun_parse (self->buffer, length, self->id,
                 &answer)))
    conclude (self, "it does not speak STUN");
  else
    take_answer (self, &answer);
  if (self->deadline && answered)
    read_more (self);
}

static void
read_more (Server *self)
{
  gsize at = self->filled;

  self->probe->pending++;
  g_input_stream_read_async (g_io_stream_get_input_stream (self->stream),
      self->buffer + at, sizeof self->buffer - at, G_PRIORITY_DEFAULT,
      self->probe->cancellable, on_read, self);
}

static void
begin (Server *self)
{
  ask (self, self->url->relay ? MESH_STUN_ALLOCATE : MESH_STUN_BINDING);
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Server *self = user_data;
  g_autoptr (GError) error = NULL;
  GSocketConnection *connection = g_socket_client_connect_to_host_finish (
      G_SOCKET_CLIENT (source), result, &error);

  self->stream = (GIOStream *) connection;
  if (!came_back (self))
    return;
  if (!connection) {
    conclude_error (self, error);
    return;
  }
  begin (self);
  read_more (self);
}

/* Accepts any certificate, as the ICE agent does. */
static gboolean
on_accept_certificate (GTlsConnection *tls, GTlsCertificate *certificate,
    GTlsCertificateFlags errors, gpointer user_data)
{
  return TRUE;
}

static void
on_event (GSocketClient *client, GSocketClientEvent event,
    GSocketConnectable *connectable, GIOStream *stream, gpointer user_data)
{
  Server *self = user_data;

  self->named |= event == G_SOCKET_CLIENT_RESOLVED;
  if (event == G_SOCKET_CLIENT_TLS_HANDSHAKING)
    g_signal_connect (stream, "accept-certificate",
        G_CALLBACK (on_accept_certificate), NULL);
}

static void
connect_stream (Server *self)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();

  /* no proxy, since media goes through none either */
  g_socket_client_set_enable_proxy (client, FALSE);
  g_socket_client_set_tls (client, self->url->tls);
  g_signal_connect (client, "event", G_CALLBACK (on_event), self);
  self->probe->pending++;
  g_socket_client_connect_to_host_async (client, self->url->host,
      mesh_ice_url_get_port (self->url), self->probe->cancellable,
      on_connected, self);
}

/* Returns: (nullable): a socket that has a route there */
static GSocket *
open_socket (Server *self, GInetAddress *address, GError **error)
{
  g_autoptr (GSocketAddress) place = g_inet_socket_address_new (address,
      mesh_ice_url_get_port (self->url));
  g_autoptr (GSocket) socket = g_socket_new (
      g_inet_address_get_family (address), G_SOCKET_TYPE_DATAGRAM,
      G_SOCKET_PROTOCOL_UDP, error);

  if (!socket)
    return NULL;
  g_socket_set_blocking (socket, FALSE);
  return g_socket_connect (socket, place, NULL, error)
      ? g_steal_pointer (&socket) : NULL;
}

static void
on_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Server *self = user_data;
  g_autoptr (GError) error = NULL;
  GList *addresses = g_resolver_lookup_by_name_finish (G_RESOLVER (source),
      result, &error);

  if (came_back (self) && !addresses)
    conclude_error (self, error);
  for (GList *l = addresses; l && self->deadline && !self->socket
      && !g_cancellable_is_cancelled (self->probe->cancellable); l = l->next) {
    g_clear_error (&error);
    self->socket = open_socket (self, l->data, &error);
  }
  self->named = addresses != NULL;
  g_resolver_free_addresses (addresses);
  if (g_cancellable_is_cancelled (self->probe->cancellable)
      || !self->deadline)
    return;
  if (!self->socket) {
    conclude_error (self, error);
    return;
  }
  self->input = g_socket_create_source (self->socket, G_IO_IN, NULL);
  g_source_set_callback (self->input, G_SOURCE_FUNC (on_datagram), self, NULL);
  g_source_attach (self->input, self->probe->context);
  begin (self);
}

static gboolean
on_deadline (gpointer user_data)
{
  Server *self = user_data;

  conclude (self, self->named ? "no answer within 10 s"
      : "its name is not found within 10 s");
  return G_SOURCE_REMOVE;
}

/* Starts on the context's thread. */
static gboolean
start (gpointer user_data)
{
  Server *self = user_data;
  g_autoptr (GResolver) resolver = NULL;

  mesh_timer_clear (&self->repeat);
  mesh_timer_clear (&self->deadline);
  self->deadline = mesh_timer_new (self->probe->context, GIVE_UP_MS,
      on_deadline, self);
  if (self->url->tls || g_strcmp0 (self->url->transport, "tcp") == 0) {
    connect_stream (self);
    return G_SOURCE_REMOVE;
  }
  resolver = g_resolver_get_default ();
  self->probe->pending++;
  g_resolver_lookup_by_name_async (resolver, self->url->host,
      self->probe->cancellable, on_resolved, self);
  return G_SOURCE_REMOVE;
}

static void
server_free (Server *self)
{
  hang_up (self);
  mesh_timer_clear (&self->deadline);
  g_clear_object (&self->socket);
  g_clear_object (&self->stream);
  g_clear_pointer (&self->request, g_bytes_unref);
  mesh_stun_answer_clear (&self->asked);
  mesh_ice_url_free (self->url);
  g_free (self->shown);
  g_free (self);
}

static void
add (MeshIceProbe *self, const char *text)
{
  g_autoptr (MeshIceUrl) url = mesh_ice_url_parse (text, NULL);
  Server *server;

  if (!url || self->servers->len >= MAX_SERVERS || (url->relay && !url->user))
    return;
  server = g_new0 (Server, 1);
  server->probe = self;
  server->shown = mesh_ice_url_to_web (url);
  server->url = g_steal_pointer (&url);
  g_ptr_array_add (self->servers, server);
  server->repeat = mesh_timer_new (self->context, 0, start, server);
}

/**
 * mesh_ice_probe_new:
 * @context: where @func is called
 * @stun_server: (nullable): as mesh_ice_url_parse() takes it
 * @turn_servers: (nullable) (array zero-terminated=1): the same, with users
 * @func: called once for each server
 * @user_data: for @func
 *
 * An allocation at a TURN server is given back at once.
 *
 * Returns: (transfer full): for mesh_ice_probe_free()
 */
MeshIceProbe *
mesh_ice_probe_new (GMainContext *context, const char *stun_server,
    const char *const *turn_servers, MeshIceProbeFunc func,
    gpointer user_data)
{
  MeshIceProbe *self = g_new0 (MeshIceProbe, 1);

  self->context = g_main_context_ref (context);
  self->cancellable = g_cancellable_new ();
  self->func = func;
  self->user_data = user_data;
  self->servers
      = g_ptr_array_new_with_free_func ((GDestroyNotify) server_free);
  if (stun_server)
    add (self, stun_server);
  for (guint i = 0; turn_servers && turn_servers[i]; i++)
    add (self, turn_servers[i]);
  return self;
}

/**
 * mesh_ice_probe_free:
 * @probe: (nullable): one whose context nobody runs any more
 *
 * Waits for what is under way to be given up. Nothing is called.
 */
void
mesh_ice_probe_free (MeshIceProbe *probe)
{
  if (!probe)
    return;
  g_cancellable_cancel (probe->cancellable);
  for (guint i = 0; i < probe->servers->len; i++) {
    Server *server = probe->servers->pdata[i];

    hang_up (server);
    mesh_timer_clear (&server->deadline);
  }
  g_main_context_push_thread_default (probe->context);
  while (probe->pending)
    g_main_context_iteration (probe->context, TRUE);
  g_ptr_array_unref (probe->servers);
  while (g_main_context_iteration (probe->context, FALSE));
  g_main_context_pop_thread_default (probe->context);
  g_object_unref (probe->cancellable);
  g_main_context_unref (probe->context);
  g_free (probe);
}
