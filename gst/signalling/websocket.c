/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The WebSocket transport: a handshake, and then frames (core/ws-frame.h) until
 * one side closes. One read and one write are under way at a time. */

#include "signalling/websocket.h"

#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "core/ws-frame.h"
#include "host/random.h"
#include "host/timer.h"
#include "signalling/connect-error.h"
#include "signalling/proxy.h"
#include "signalling/ws-handshake.h"

/* docs/protocol.md, "The envelope": two of these unanswered are a lost
 * connection, which the core decides. */
#define KEEPALIVE_MS 4000
/* So long the server may take to close as well, once both have said all. */
#define CLOSE_PATIENCE_MS 5000
#define READ_BYTES (16 * 1024)
#define CLOSE_NORMAL 1000
#define CLOSE_PROTOCOL 1002
#define CLOSE_TOO_BIG 1009
/* The server puts a longer head on a frame than we did. */
#define MAX_PAYLOAD_BYTES (MESH_JSON_MAX_BYTES + 256)
/* So much may wait for a server that does not read: more than the core lets
 * wait. */
#define MAX_UNPROVEN_BYTES (16 * 1024 * 1024)

struct _MeshWebsocket {
  GObject parent;

  char *url;                    /* http or https, to look its proxy up */
  char *request;
  char *key;
  GTlsConnection *tls;
  GSocketConnection *connection;
  GString *answer;
  MeshWsParser *parser;         /* NULL: the handshake is not done */
  GByteArray *out;              /* to be written next */
  GByteArray *on_its_way;       /* being written; NULL: nothing is */
  gboolean reading;
  GSource *timer;               /* of pings, or of waiting for a close */
  GProxyResolver *proxies;
  GCancellable *cancellable;
  gsize unproven_bytes;         /* sent since the last pong */
  gushort close_code;           /* 0: none came */
  gint64 reached;               /* when a server or proxy was reached */
  gboolean barred;              /* a proxy refuses to make a tunnel */
  gboolean finishing;
  gboolean over;                /* nothing more is emitted */
};

static void transport_init (MeshTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MeshWebsocket, mesh_websocket, G_TYPE_OBJECT,
    G_IMPLEMENT_INTERFACE (MESH_TYPE_TRANSPORT, transport_init))

/* Closes the socket at once, without the thread in which GIO would close it,
 * and once nothing waits for it any more. */
static void
hang_up_if_idle (MeshWebsocket *self)
{
  if (self->connection && self->over && !self->reading && !self->on_its_way)
    g_socket_close (g_socket_connection_get_socket (self->connection), NULL);
}

static void
stop (MeshWebsocket *self)
{
  self->over = TRUE;
  mesh_timer_clear (&self->timer);
  g_cancellable_cancel (self->cancellable);
  hang_up_if_idle (self);
}

/* Reports the end once, and only where it is still listened for. */
static void
report_closed (MeshWebsocket *self, const GError *error)
{
  if (self->over)
    return;
  stop (self);
  mesh_transport_emit_closed (MESH_TRANSPORT (self), error);
}

static void
fail (MeshWebsocket *self, const GError *error)
{
  g_autoptr (GError) reason = NULL;

  self->barred = g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PROXY_FAILED)
      || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PROXY_NOT_ALLOWED);
  if (error->domain != MESH_ERROR)
    reason = mesh_connect_error_from_cause (error,
        self->tls ? g_tls_connection_get_peer_certificate_errors (self->tls)
                  : 0);
  else
    reason = g_error_copy (error);
  reason = mesh_proxy_resolver_explain (MESH_PROXY_RESOLVER (self->proxies),
      self->url, g_steal_pointer (&reason));
  report_closed (self, reason);
}

static void
fail_with (MeshWebsocket *self, const char *text)
{
  g_autoptr (GError) error = g_error_new_literal (MESH_ERROR,
      MESH_ERROR_UNREACHABLE, text);

  report_closed (self, error);
}

static void
lose (MeshWebsocket *self, const GError *error)
{
  if (self->parser)
    fail_with (self, error->message);
  else
    fail (self, error);
}


static void write_out (MeshWebsocket *self);

static void
on_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (MeshWebsocket) self = user_data;
  g_autoptr (GError) error = NULL;

  g_clear_pointer (&self->on_its_way, g_byte_array_unref);
  if (!g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL,
          &error) && !self->over)
    lose (self, error);
  hang_up_if_idle (self);
  write_out (self);
}

static GOutputStream *
get_output (MeshWebsocket *self)
{
  return g_io_stream_get_output_stream (G_IO_STREAM (self->connection));
}

static void
write_out (MeshWebsocket *self)
{
  if (self->on_its_way || self->over || self->out->len == 0)
    return;
  self->on_its_way = self->out;
  self->out = g_byte_array_new ();
  g_output_stream_write_all_async (get_output (self), self->on_its_way->data,
      self->on_its_way->len, G_PRIORITY_DEFAULT, self->cancellable, on_written,
      g_object_ref (self));
}

static void
push_frame (MeshWebsocket *self, guint8 opcode, gconstpointer data,
    gsize length)
{
  gsize before = self->out->len;
  guint8 mask[4];

  mesh_random_fill (mask, sizeof mask);
  mesh_ws_append_frame (self->out, opcode, data, length, mask);
  self->unproven_bytes += self->out->len - before;
  if (self->unproven_bytes > MAX_UNPROVEN_BYTES)
    fail_with (self, "it does not read what we send");
  else
    write_out (self);
}

/* Writes the close frame, if that can be done at once. */
static void
say_close (MeshWebsocket *self, guint16 code)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  guint8 mask[4];

  if (self->on_its_way)
    return;
  mesh_random_fill (mask, sizeof mask);
  mesh_ws_append_close (bytes, code, mask);
  g_pollable_output_stream_write_nonblocking (
      G_POLLABLE_OUTPUT_STREAM (get_output (self)), bytes->data, bytes->len,
      NULL, NULL);
}

static gboolean
on_keepalive (gpointer user_data)
{
  push_frame (user_data, MESH_WS_OPCODE_PING, NULL, 0);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_patience_over (gpointer user_data)
{
  report_closed (user_data, NULL);
  return G_SOURCE_REMOVE;
}

static void
set_timer (MeshWebsocket *self, guint ms, GSourceFunc func)
{
  mesh_timer_clear (&self->timer);
  self->timer = mesh_timer_new (g_main_context_get_thread_default (), ms, func,
      self);
}


static void
take_message (MeshWebsocket *self, const char *text, gsize length)
{
  g_autoptr (GBytes) frame = g_bytes_new (text, length);

  if (!self->finishing)
    mesh_transport_emit_frame (MESH_TRANSPORT (self), frame);
}

static void
take_close (MeshWebsocket *self, const char *text, gsize length)
{
  if (length >= 2)
    self->close_code = (guint8) text[0] << 8 | (guint8) text[1];
  if (!self->finishing)
    say_close (self, self->close_code ? self->close_code : CLOSE_NORMAL);
  report_closed (self, NULL);
}

static void
take_event (MeshWebsocket *self, MeshWsEvent event, const char *text,
    gsize length)
{
  switch (event) {
    case MESH_WS_TEXT:
      take_message (self, text, length);
      break;
    case MESH_WS_PING:
      push_frame (self, MESH_WS_OPCODE_PONG, text, length);
      break;
    case MESH_WS_PONG:
      self->unproven_bytes = 0;
      if (!self->finishing)
        mesh_transport_emit_heard (MESH_TRANSPORT (self));
      break;
    case MESH_WS_CLOSE:
      take_close (self, text, length);
      break;
    case MESH_WS_TOO_BIG:
      say_close (self, CLOSE_TOO_BIG);
      fail_with (self, "message is too large");
      break;
    case MESH_WS_BAD:
    default:
      say_close (self, CLOSE_PROTOCOL);
      fail_with (self, "what it sends is no WebSocket");
      break;
  }
}

static void
take_bytes (MeshWebsocket *self, const guint8 *data, gsize length)
{
  while (!self->over) {
    const char *text = NULL;
    gsize text_length = 0;
    MeshWsEvent event = mesh_ws_parser_next (self->parser, &data, &length,
        &text, &text_length);

    if (event == MESH_WS_MORE)
      break;
    take_event (self, event, text, text_length);
  }
}

static void
start_frames (MeshWebsocket *self, GString *early, gsize begin)
{
  self->parser = mesh_ws_parser_new (FALSE, MAX_PAYLOAD_BYTES);
  set_timer (self, KEEPALIVE_MS, on_keepalive);
  mesh_transport_emit_opened (MESH_TRANSPORT (self));
  take_bytes (self, (const guint8 *) early->str + begin, early->len - begin);
}


static void
take_answer (MeshWebsocket *self)
{
  gssize length = mesh_ws_answer_length (self->answer->str, self->answer->len);
  g_autoptr (GError) error = NULL;

  if (length < 0 && self->answer->len <= MESH_WS_MAX_ANSWER)
    return;
  if (length < 0)
    error = g_error_new_literal (MESH_ERROR, MESH_ERROR_FAILED,
        "it is no meshroom server (its answer has no end)");
  else
    mesh_ws_check_answer (self->answer->str, length, self->key, &error);
  if (error)
    fail (self, error);
  else
    start_frames (self, self->answer, length);
}

static void
take_end (MeshWebsocket *self, const GError *error)
{
  g_autoptr (GError) hung_up = NULL;

  if (error) {
    lose (self, error);
  } else if (self->parser) {
    report_closed (self, NULL);
  } else {
    hung_up = g_error_new_literal (MESH_ERROR, MESH_ERROR_UNREACHABLE,
        "it hung up");
    fail (self, hung_up);
  }
}

static void read_on (MeshWebsocket *self);

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (MeshWebsocket) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (
      G_INPUT_STREAM (source), result, &error);
  gsize length = 0;
  const guint8 *data = bytes ? g_bytes_get_data (bytes, &length) : NULL;

  self->reading = FALSE;
  if (self->over) {
    /* the transport was closed meanwhile */
  } else if (length == 0) {
    take_end (self, error);
  } else if (self->parser) {
    take_bytes (self, data, length);
  } else {
    g_string_append_len (self->answer, (const char *) data, length);
    take_answer (self);
  }
  hang_up_if_idle (self);
  read_on (self);
}

static void
read_on (MeshWebsocket *self)
{
  if (self->over)
    return;
  self->reading = TRUE;
  g_input_stream_read_bytes_async (
      g_io_stream_get_input_stream (G_IO_STREAM (self->connection)), READ_BYTES,
      G_PRIORITY_DEFAULT, self->cancellable, on_read, g_object_ref (self));
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (MeshWebsocket) self = user_data;
  g_autoptr (GError) error = NULL;

  self->connection = g_socket_client_connect_finish (G_SOCKET_CLIENT (source),
      result, &error);
  hang_up_if_idle (self);
  if (self->over)
    return;
  if (!self->connection) {
    fail (self, error);
    return;
  }
  self->reached = g_get_monotonic_time ();
  g_byte_array_append (self->out, (const guint8 *) self->request,
      strlen (self->request));
  write_out (self);
  read_on (self);
}

/* Keeps what is wrong with a certificate for the error text. */
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

  if (self->parser && !self->over && !self->finishing)
    push_frame (self, MESH_WS_OPCODE_TEXT, frame, strlen (frame));
}

static void
mesh_websocket_close (MeshTransport *transport, gboolean finish)
{
  static const guint8 code[] = { CLOSE_NORMAL >> 8, CLOSE_NORMAL & 0xff };
  MeshWebsocket *self = MESH_WEBSOCKET (transport);

  if (!finish) {
    stop (self);
  } else if (!self->parser) {
    report_closed (self, NULL);
  } else if (!self->over && !self->finishing) {
    self->finishing = TRUE;
    set_timer (self, CLOSE_PATIENCE_MS, on_patience_over);
    push_frame (self, MESH_WS_OPCODE_CLOSE, code, sizeof code);
  }
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

  stop (self);
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
  g_byte_array_unref (self->out);
  mesh_ws_parser_free (self->parser);
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
  self->out = g_byte_array_new ();
  self->proxies = mesh_proxy_resolver_new (NULL);
}

/**
 * mesh_websocket_new:
 * @link: a room's link
 *
 * Returns: (transfer full): a transport to the server of @link
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
 */
gboolean
mesh_websocket_is_barred (MeshWebsocket *websocket)
{
  return websocket->barred;
}

/**
 * mesh_websocket_get_reached:
 * Returns: when something took the connection, TLS included; 0 = not yet. What
 *   went wrong after that, a WebSocket may be the reason of
 */
gint64
mesh_websocket_get_reached (MeshWebsocket *websocket)
{
  return websocket->reached;
}
