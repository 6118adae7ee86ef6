/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fake-server.h"

#include <libsoup/soup.h>
#include <string.h>

#include "core/json.h"

#define PATIENCE (60 * G_TIME_SPAN_SECOND)

struct _FakeServer {
  GSocketService *service;
  GTlsCertificate *certificate;
  guint16 port;
  int status;
  guint attempts;
  guint upgrades;               /* that were asked for */
  guint sockets;                /* that are not closed yet */
  GPtrArray *held;              /* connections that get no answer */
  SoupWebsocketConnection *client;      /* the latest */
  GIOStream *stream;            /* below it */
  FakePoll *poll;               /* or it polls */
  GQueue frames;                /* JsonObject */
};

static void
take_frame (const char *text, gsize length, gpointer user_data)
{
  FakeServer *self = user_data;
  g_autoptr (GError) error = NULL;
  JsonObject *frame = mesh_json_parse (text, length, &error);

  g_assert_no_error (error);
  g_queue_push_tail (&self->frames, frame);
}

static void
on_message (SoupWebsocketConnection *client, gint type, GBytes *bytes,
    gpointer user_data)
{
  FakeServer *self = user_data;
  gsize length;
  const char *text = g_bytes_get_data (bytes, &length);

  if (self->status != FAKE_SWALLOW)
    take_frame (text, length, self);
}

static void
forget_client (FakeServer *self)
{
  g_clear_pointer (&self->poll, fake_poll_free);
  if (!self->client)
    return;
  g_signal_handlers_disconnect_by_data (self->client, self);
  g_clear_object (&self->client);
  g_clear_object (&self->stream);
}

static void
on_closed (SoupWebsocketConnection *client, gpointer user_data)
{
  forget_client (user_data);
}

static void
start_websocket (FakeServer *self, GIOStream *stream)
{
  g_autoptr (GUri) uri = g_uri_parse ("ws://127.0.0.1/", G_URI_FLAGS_NONE,
      NULL);

  forget_client (self);
  self->stream = g_object_ref (stream);
  self->client = soup_websocket_connection_new (stream, uri,
      SOUP_WEBSOCKET_CONNECTION_SERVER, NULL, NULL, NULL);
  g_signal_connect (self->client, "message", G_CALLBACK (on_message), self);
  g_signal_connect (self->client, "closed", G_CALLBACK (on_closed), self);
}

static char *
make_accept (const char *head)
{
  const char *key = strstr (head, "Sec-WebSocket-Key: ");
  g_autofree char *text = NULL;
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA1);
  guint8 digest[20];
  gsize length = sizeof digest;

  if (!key)
    return NULL;
  key += strlen ("Sec-WebSocket-Key: ");
  text = g_strdup_printf ("%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
  g_checksum_update (checksum, (const guchar *) text, -1);
  g_checksum_get_digest (checksum, digest, &length);
  return g_base64_encode (digest, length);
}

static gboolean
is_upgraded (FakeServer *self)
{
  return self->status == 0 || self->status == FAKE_EARLY_FRAME
         || self->status == FAKE_SWALLOW;
}

static void
write_text (GIOStream *stream, const char *text)
{
  g_output_stream_write_all (g_io_stream_get_output_stream (stream), text,
      strlen (text), NULL, NULL, NULL);
}

static void
answer_upgrade (FakeServer *self, GIOStream *stream, const char *accept)
{
  g_autofree char *text = g_strdup_printf (
      "HTTP/1.1 101 Switching Protocols\r\n"
      "Upgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: %s\r\n%s\r\n%s",
      accept,
      self->status == FAKE_EXTENSION
          ? "Sec-WebSocket-Extensions: permessage-deflate\r\n"
          : "",
      self->status == FAKE_EARLY_FRAME ? "\x81\x05" "early" : "");

  if (self->status == FAKE_WRONG_ACCEPT)
    strstr (text, "Accept: ")[8] ^= 1;
  write_text (stream, text);
  if (is_upgraded (self))
    start_websocket (self, stream);
}

static void
answer (FakeServer *self, GIOStream *stream, const char *request)
{
  g_autofree char *accept = make_accept (request);
  g_autofree char *refusal = g_strdup_printf (
      "HTTP/1.1 %d Status\r\nContent-Length: 0\r\n"
      "Connection: close\r\n\r\n",
      self->status > 0 ? self->status
      : self->status == FAKE_NO_UPGRADE ? 400 : 404);

  if (accept)
    self->upgrades++;
  if (self->status > 0 || (accept && self->status == FAKE_NO_UPGRADE)
      || (!accept && (self->status == FAKE_WRONG_ACCEPT
                         || self->status == FAKE_EXTENSION))) {
    write_text (stream, refusal);
  } else if (accept) {
    answer_upgrade (self, stream, accept);
  } else {
    if (strstr (request, "/v1/poll/open "))
      forget_client (self);
    if (!self->poll)
      self->poll = fake_poll_new (take_frame, self);
    fake_poll_answer (self->poll, stream, request);
  }
}

typedef struct {
  FakeServer *server;
  GIOStream *stream;
  GString *head;
} Request;

static void
request_free (Request *request)
{
  g_object_unref (request->stream);
  g_string_free (request->head, TRUE);
  g_free (request);
}

static void read_request (Request *request);

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Request *request = user_data;
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (
      G_INPUT_STREAM (source), result, NULL);

  if (bytes && g_bytes_get_size (bytes) > 0) {
    g_string_append_len (request->head, g_bytes_get_data (bytes, NULL),
        g_bytes_get_size (bytes));
    if (!fake_poll_is_whole (request->head->str)) {
      read_request (request);
      return;
    }
    answer (request->server, request->stream, request->head->str);
  }
  request_free (request);
}

static void
read_request (Request *request)
{
  g_input_stream_read_bytes_async (
      g_io_stream_get_input_stream (request->stream), 4096,
      G_PRIORITY_DEFAULT, NULL, on_read, request);
}

static void
on_socket_gone (gpointer user_data, GObject *socket)
{
  ((FakeServer *) user_data)->sockets--;
}

static gboolean
on_incoming (GSocketService *service, GSocketConnection *connection,
    GObject *source, gpointer user_data)
{
  FakeServer *self = user_data;
  GIOStream *stream = G_IO_STREAM (g_object_ref (connection));
  Request *request;

  self->attempts++;
  self->sockets++;
  g_object_weak_ref (G_OBJECT (g_socket_connection_get_socket (connection)),
      on_socket_gone, self);
  if (self->status == FAKE_NO_ANSWER) {
    g_ptr_array_add (self->held, stream);
    return TRUE;
  }
  if (self->status == FAKE_HANG_UP) {
    g_object_unref (stream);
    return TRUE;
  }
  if (self->certificate) {
    GIOStream *tls = g_tls_server_connection_new (stream, self->certificate,
        NULL);

    g_object_unref (stream);
    stream = tls;
  }
  request = g_new0 (Request, 1);
  request->server = self;
  request->stream = stream;
  request->head = g_string_new (NULL);
  read_request (request);
  return TRUE;
}

FakeServer *
fake_server_new (GTlsCertificate *certificate)
{
  FakeServer *self = g_new0 (FakeServer, 1);
  g_autoptr (GInetAddress) loopback
      = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GError) error = NULL;

  g_queue_init (&self->frames);
  self->held = g_ptr_array_new_with_free_func (g_object_unref);
  g_set_object (&self->certificate, certificate);
  self->service = g_socket_service_new ();
  g_socket_listener_add_address (G_SOCKET_LISTENER (self->service), address,
      G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, &bound, &error);
  g_assert_no_error (error);
  self->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound));
  g_signal_connect (self->service, "incoming", G_CALLBACK (on_incoming), self);
  return self;
}

static gboolean
has_closed (gpointer data)
{
  return ((FakeServer *) data)->sockets == 0;
}

void
fake_server_free (FakeServer *self)
{
  g_socket_service_stop (self->service);
  g_socket_listener_close (G_SOCKET_LISTENER (self->service));
  g_clear_object (&self->service);
  forget_client (self);
  g_ptr_array_set_size (self->held, 0);
  fake_wait_until (has_closed, self);
  /* a request that came meanwhile has begun another session */
  forget_client (self);
  g_ptr_array_unref (self->held);
  g_clear_object (&self->certificate);
  g_queue_clear_full (&self->frames, (GDestroyNotify) json_object_unref);
  g_free (self);
}

char *
fake_server_dup_link (FakeServer *self)
{
  return g_strdup_printf ("%s://127.0.0.1:%u/room/" FAKE_ROOM,
      self->certificate ? "https" : "http", self->port);
}

void
fake_server_answer_with (FakeServer *self, int status)
{
  self->status = status;
}

guint
fake_server_count_attempts (FakeServer *self)
{
  return self->attempts;
}

guint
fake_server_count_upgrades (FakeServer *self)
{
  return self->upgrades;
}

static gboolean
set_flag (gpointer data)
{
  *(gboolean *) data = TRUE;
  return G_SOURCE_CONTINUE;
}

void
fake_wait_until (gboolean (*condition) (gpointer data), gpointer data)
{
  gboolean late = FALSE;
  guint watchdog = g_timeout_add (PATIENCE / 1000, set_flag, &late);

  while (!condition (data)) {
    if (late)
      g_error ("nothing came");
    g_main_context_iteration (NULL, TRUE);
  }
  g_source_remove (watchdog);
}

static gboolean
has_frame (gpointer data)
{
  FakeServer *self = data;

  return self->frames.length > 0;
}

JsonObject *
fake_server_wait (FakeServer *self)
{
  fake_wait_until (has_frame, self);
  return g_queue_pop_head (&self->frames);
}

JsonObject *
fake_server_wait_for (FakeServer *self, const char *member)
{
  for (;;) {
    JsonObject *frame = fake_server_wait (self);

    if (json_object_has_member (frame, member))
      return frame;
    json_object_unref (frame);
  }
}

JsonObject *
fake_server_welcome (FakeServer *self, const char *epoch, gboolean resumed,
    gint64 mid)
{
  JsonObject *hello = fake_server_wait_for (self, "token");
  const char *id = json_object_get_string_member (hello, "id");

  fake_server_send (self,
      "{\"type\":\"welcome\",\"id\":\"%s\",\"room\":\"" FAKE_ROOM
      "\",\"epoch\":\"%s\",\"resumed\":%s,\"mid\":%" G_GINT64_FORMAT
      ",\"host\":\"%s\",\"members\":[\"%s\"]}",
      id, epoch, resumed ? "true" : "false", mid, id, id);
  return hello;
}

static gboolean
is_closed (gpointer data)
{
  FakeServer *self = data;

  return self->client == NULL && self->poll == NULL;
}

void
fake_server_wait_closed (FakeServer *self)
{
  fake_wait_until (is_closed, self);
}

typedef struct {
  FakeServer *server;
  guint attempts;
} Attempts;

static gboolean
has_attempts (gpointer data)
{
  Attempts *wanted = data;

  return wanted->server->attempts >= wanted->attempts;
}

void
fake_server_wait_attempts (FakeServer *self, guint attempts)
{
  Attempts wanted = { self, attempts };

  fake_wait_until (has_attempts, &wanted);
}

void
fake_server_send (FakeServer *self, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  if (self->client)
    soup_websocket_connection_send_text (self->client, text);
  else if (self->poll)
    fake_poll_send (self->poll, text);
}

gboolean
fake_server_send_raw (FakeServer *self, gconstpointer data, gsize size)
{
  return self->stream
         && g_output_stream_write_all (
             g_io_stream_get_output_stream (self->stream), data, size, NULL,
             NULL, NULL);
}

void
fake_server_close (FakeServer *self, gushort code)
{
  if (self->client)
    soup_websocket_connection_close (self->client, code, NULL);
  else if (self->poll)
    fake_poll_close (self->poll, code);
}

void
fake_server_lie (FakeServer *self, FakeLie lie)
{
  fake_poll_lie (self->poll, lie);
}

void
fake_server_cut (FakeServer *self)
{
  if (self->client)
    g_io_stream_close (self->stream, NULL, NULL);
  forget_client (self);
}
