/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The WebSocket transport. The handshake is ours, the framing libsoup's, and
 * between the two MeshWsStream keeps an eye on the size of messages. */

#include "signalling/websocket.h"

#include <libsoup/soup.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "signalling/describe.h"
#include "signalling/proxy.h"
#include "signalling/ws-handshake.h"
#include "signalling/ws-stream.h"

/* docs/protocol.md, "The envelope": two of these unanswered are a lost
 * connection, which the core decides. */
#define KEEPALIVE_SECONDS 4
/* A frame of ours comes back with a longer head. */
#define MAX_PAYLOAD_BYTES (MESH_JSON_MAX_BYTES + 256)
/* What may wait for a server that does not read: all that the core lets wait,
 * and what it says besides. libsoup itself has no limit. */
#define MAX_UNPROVEN_BYTES (16 * 1024 * 1024)

struct _MeshWebsocket {
  GObject parent;

  char *url;                    /* http or https, for proxies to know */
  char *request;
  char *key;
  GTlsConnection *tls;
  GSocketConnection *connection;        /* until the handshake is done */
  GString *answer;
  SoupWebsocketConnection *socket;
  GProxyResolver *proxies;
  GCancellable *cancellable;
  gsize unproven_bytes;         /* sent since the last pong */
  gushort close_code;           /* 0: none came */
  gint64 reached;               /* the server, or what is in front of it */
  gboolean barred;              /* by a proxy that makes no tunnel */
  gboolean finishing;
  gboolean over;                /* nothing more is emitted */
};

static void transport_init (MeshTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MeshWebsocket, mesh_websocket, G_TYPE_OBJECT,
    G_IMPLEMENT_INTERFACE (MESH_TYPE_TRANSPORT, transport_init))

static gboolean
do_nothing (gpointer user_data)
{
  return G_SOURCE_REMOVE;
}

/* libsoup goes on using a connection after its signals: it must not be gone
 * before they have returned. */
static void
drop_socket (MeshWebsocket *self)
{
  g_autoptr (GSource) source = NULL;

  if (!self->socket)
    return;
  g_signal_handlers_disconnect_by_data (self->socket, self);
  source = g_idle_source_new ();
  g_source_set_callback (source, do_nothing, g_steal_pointer (&self->socket),
      g_object_unref);
  g_source_attach (source, g_main_context_get_thread_default ());
}

/* Said once, and only to those who still want to hear it. */
static void
report_closed (MeshWebsocket *self, const GError *error)
{
  if (self->over)
    return;
  self->over = TRUE;
  mesh_transport_emit_closed (MESH_TRANSPORT (self), error);
}

static void
fail (MeshWebsocket *self, const GError *error)
{
  g_autoptr (GError) reason = NULL;

  self->barred = g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PROXY_FAILED)
      || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PROXY_NOT_ALLOWED);
  if (error->domain != MESH_ERROR)
    reason = mesh_describe_failure (error,
        self->tls ? g_tls_connection_get_peer_certificate_errors (self->tls)
                  : 0);
  else
    reason = g_error_copy (error);
  reason = mesh_proxy_resolver_explain (MESH_PROXY_RESOLVER (self->proxies),
      self->url, g_steal_pointer (&reason));
  report_closed (self, reason);
}

static void
on_message (SoupWebsocketConnection *socket, gint type, GBytes *bytes,
    gpointer user_data)
{
  MeshWebsocket *self = user_data;

  if (type == SOUP_WEBSOCKET_DATA_TEXT && !self->finishing)
    mesh_transport_emit_frame (MESH_TRANSPORT (self), bytes);
}

static void
on_pong (SoupWebsocketConnection *socket, GBytes *bytes, gpointer user_data)
{
  MeshWebsocket *self = user_data;

  self->unproven_bytes = 0;
  if (!self->finishing)
    mesh_transport_emit_heard (MESH_TRANSPORT (self));
}

/* libsoup would now give the server five seconds to close in good order. */
static void
on_error (SoupWebsocketConnection *socket, GError *error, gpointer user_data)
{
  g_autoptr (MeshWebsocket) self = g_object_ref (user_data);
  g_autoptr (GError) reason = g_error_new_literal (MESH_ERROR,
      MESH_ERROR_UNREACHABLE, error->message);

  drop_socket (self);
  report_closed (self, reason);
}

static void
on_closed (SoupWebsocketConnection *socket, gpointer user_data)
{
  g_autoptr (MeshWebsocket) self = g_object_ref (user_data);

  self->close_code = soup_websocket_connection_get_close_code (socket);
  drop_socket (self);
  report_closed (self, NULL);
}

static void
start_socket (MeshWebsocket *self, GBytes *early)
{
  g_autoptr (GIOStream) stream = mesh_ws_stream_new (self->connection, early,
      MAX_PAYLOAD_BYTES);
  g_autoptr (GUri) uri = g_uri_parse (self->url, G_URI_FLAGS_NONE, NULL);

  self->socket = soup_websocket_connection_new (stream, uri,
      SOUP_WEBSOCKET_CONNECTION_CLIENT, NULL, NULL, NULL);
  g_clear_object (&self->connection);
  soup_websocket_connection_set_max_incoming_payload_size (self->socket,
      MAX_PAYLOAD_BYTES);
  soup_websocket_connection_set_keepalive_interval (self->socket,
      KEEPALIVE_SECONDS);
  g_signal_connect (self->socket, "message", G_CALLBACK (on_message), self);
  g_signal_connect (self->socket, "pong", G_CALLBACK (on_pong), self);
  g_signal_connect (self->socket, "error", G_CALLBACK (on_error), self);
  g_signal_connect (self->socket, "closed", G_CALLBACK (on_closed), self);
  mesh_transport_emit_opened (MESH_TRANSPORT (self));
}

static void
take_answer (MeshWebsocket *self, gsize length)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) early = NULL;

  if (!mesh_ws_check_answer (self->answer->str, length, self->key, &error)) {
    fail (self, error);
    return;
  }
  early = g_bytes_new (self->answer->str + length, self->answer->len - length);
  start_socket (self, early);
}

static void read_answer (MeshWebsocket *self);

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (MeshWebsocket) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (
      G_INPUT_STREAM (source), result, &error);
  gssize length;

  if (self->over)
    return;
  if (bytes && g_bytes_get_size (bytes) > 0)
    g_string_append_len (self->answer, g_bytes_get_data (bytes, NULL),
        g_bytes_get_size (bytes));
  else if (bytes)
    error = g_error_new_literal (MESH_ERROR, MESH_ERROR_UNREACHABLE,
        "it hung up");
  length = mesh_ws_answer_length (self->answer->str, self->answer->len);
  if (!error && length < 0 && self->answer->len > MESH_WS_MAX_ANSWER)
    error = g_error_new_literal (MESH_ERROR, MESH_ERROR_FAILED,
        "it is no meshroom server (its answer has no end)");
  if (error)
    fail (self, error);
  else if (length < 0)
    read_answer (self);
  else
    take_answer (self, length);
}

static void
read_answer (MeshWebsocket *self)
{
  GInputStream *input
      = g_io_stream_get_input_stream (G_IO_STREAM (self->connection));

  g_input_stream_read_bytes_async (input, 4096, G_PRIORITY_DEFAULT,
      self->cancellable, on_read, g_object_ref (self));
}

static void
on_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (MeshWebsocket) self = user_data;
  g_autoptr (GError) error = NULL;

  g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL,
      &error);
  if (self->over)
    return;
  if (error)
    fail (self, error);
  else
    read_answer (self);
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (MeshWebsocket) self = user_data;
  g_autoptr (GError) error = NULL;

  self->connection = g_socket_client_connect_finish (G_SOCKET_CLIENT (source),
      result, &error);
  if (self->over)
    return;
  if (!self->connection) {
    fail (self, error);
    return;
  }
  self->reached = g_get_monotonic_time ();
  g_output_stream_write_all_async (
      g_io_stream_get_output_stream (G_IO_STREAM (self->connection)),
      self->request, strlen (self->request), G_PRIORITY_DEFAULT,
      self->cancellable, on_written, g_object_ref (self));
}

/* To say later what was wrong with a certificate. */
static void
on_event (GSocketClient *client, GSocketClientEvent event,
    GSocketConnectable *connectable, GIOStream *stream, gpointer user_data)
{
  MeshWebsocket *self = user_data;

  if (event == G_SOCKET_CLIENT_TLS_HANDSHAKING)
    g_set_object (&self->tls, G_TLS_CONNECTION (stream));
}

static void
mesh_websocket_open (MeshTransport *transport)
{
  MeshWebsocket *self = MESH_WEBSOCKET (transport);
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnectable) address
      = g_network_address_parse_uri (self->url, 0, NULL);

  /* the certificate must be good for the host, and of a known authority */
  g_socket_client_set_proxy_resolver (client, self->proxies);
  g_socket_client_set_tls (client, g_str_has_prefix (self->url, "https:"));
  g_signal_connect_object (client, "event", G_CALLBACK (on_event), self, 0);
  g_socket_client_connect_async (client, address, self->cancellable,
      on_connected, g_object_ref (self));
}

static void
mesh_websocket_send (MeshTransport *transport, const char *frame)
{
  MeshWebsocket *self = MESH_WEBSOCKET (transport);

  if (!self->socket
      || soup_websocket_connection_get_state (self->socket)
             != SOUP_WEBSOCKET_STATE_OPEN)
    return;
  self->unproven_bytes += strlen (frame);
  if (self->unproven_bytes > MAX_UNPROVEN_BYTES) {
    g_autoptr (GError) error = g_error_new_literal (MESH_ERROR,
        MESH_ERROR_UNREACHABLE, "it does not read what we send");

    drop_socket (self);
    report_closed (self, error);
    return;
  }
  soup_websocket_connection_send_text (self->socket, frame);
}

static void
mesh_websocket_close (MeshTransport *transport, gboolean finish)
{
  MeshWebsocket *self = MESH_WEBSOCKET (transport);

  if (finish && self->socket
      && soup_websocket_connection_get_state (self->socket)
             == SOUP_WEBSOCKET_STATE_OPEN) {
    self->finishing = TRUE;
    soup_websocket_connection_close (self->socket,
        SOUP_WEBSOCKET_CLOSE_NORMAL, NULL);
    return;
  }
  if (finish) {
    report_closed (self, NULL);
    return;
  }
  self->over = TRUE;
  g_cancellable_cancel (self->cancellable);
  drop_socket (self);
}

static char *
mesh_websocket_dup_way (MeshTransport *transport)
{
  MeshWebsocket *self = MESH_WEBSOCKET (transport);

  return mesh_proxy_resolver_dup_way (MESH_PROXY_RESOLVER (self->proxies),
      self->url);
}

static void
transport_init (MeshTransportInterface *iface)
{
  iface->open = mesh_websocket_open;
  iface->send = mesh_websocket_send;
  iface->close = mesh_websocket_close;
  iface->dup_way = mesh_websocket_dup_way;
}

static void
mesh_websocket_dispose (GObject *object)
{
  MeshWebsocket *self = MESH_WEBSOCKET (object);

  self->over = TRUE;
  drop_socket (self);
  g_clear_object (&self->connection);
  g_clear_object (&self->tls);
  G_OBJECT_CLASS (mesh_websocket_parent_class)->dispose (object);
}

static void
mesh_websocket_finalize (GObject *object)
{
  MeshWebsocket *self = MESH_WEBSOCKET (object);

  g_object_unref (self->cancellable);
  g_string_free (self->answer, TRUE);
  g_free (self->request);
  g_free (self->key);
  g_free (self->url);
  g_object_unref (self->proxies);
  G_OBJECT_CLASS (mesh_websocket_parent_class)->finalize (object);
}

static void
mesh_websocket_class_init (MeshWebsocketClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = mesh_websocket_dispose;
  object_class->finalize = mesh_websocket_finalize;
}

static void
mesh_websocket_init (MeshWebsocket *self)
{
  self->cancellable = g_cancellable_new ();
  self->answer = g_string_new (NULL);
  self->proxies = mesh_proxy_resolver_new (NULL);
}

/**
 * mesh_websocket_new:
 * @link: a room's link
 *
 * Returns: (transfer full): a transport to the server of @link
 *
 * Since: 0.1
 */
MeshTransport *
mesh_websocket_new (const MeshLink *link)
{
  return mesh_websocket_new_at (link, "/v1/socket", link->tls);
}

/*
 * mesh_websocket_new_at:
 * @link: a room's link, for its host and port
 * @path: with a query, if there is one
 * @tls: whether to use it
 *
 * Returns: (transfer full): a transport to the server of @link
 */
MeshTransport *
mesh_websocket_new_at (const MeshLink *link, const char *path, gboolean tls)
{
  MeshWebsocket *self = g_object_new (MESH_TYPE_WEBSOCKET, NULL);

  self->url = g_uri_join (G_URI_FLAGS_NONE, tls ? "https" : "http", NULL,
      link->host, link->port, "/", NULL, NULL);
  self->key = mesh_ws_make_key ();
  self->request = mesh_ws_make_request (link, path, self->key);
  return MESH_TRANSPORT (self);
}

/*
 * mesh_websocket_get_close_code:
 * @websocket: a transport that has closed
 *
 * Returns: what the server closed it with, 0 where it said nothing
 */
gushort
mesh_websocket_get_close_code (MeshWebsocket *websocket)
{
  return websocket->close_code;
}

/**
 * mesh_websocket_is_barred:
 * @websocket: a transport that has closed
 *
 * Returns: whether a proxy made no tunnel for it (many do so for port 443
 *   alone), which says nothing about plain requests through the same proxy
 *
 * Since: 0.1
 */
gboolean
mesh_websocket_is_barred (MeshWebsocket *websocket)
{
  return websocket->barred;
}

/**
 * mesh_websocket_get_reached:
 * @websocket: a transport
 *
 * Returns: when something took the connection, TLS included; 0 = not yet. What
 *   went wrong after that, a WebSocket may be the reason of
 *
 * Since: 0.1
 */
gint64
mesh_websocket_get_reached (MeshWebsocket *websocket)
{
  return websocket->reached;
}
