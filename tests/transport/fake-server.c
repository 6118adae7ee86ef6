/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fake-server.h"

#include <libsoup/soup.h>
#include <string.h>

#include "core/json.h"

#define PATIENCE (20 * G_TIME_SPAN_SECOND)

struct _FakeServer {
  SoupServer *server;
  GSocketService *mute;         /* takes connections and says nothing */
  GPtrArray *held;
  guint16 port;
  gboolean tls;
  int status;
  guint attempts;
  SoupWebsocketConnection *client;      /* the latest */
  GQueue frames;                /* JsonObject */
};

static void
on_message (SoupWebsocketConnection *client, gint type, GBytes *bytes,
    gpointer user_data)
{
  FakeServer *self = user_data;
  g_autoptr (GError) error = NULL;
  gsize length;
  const char *text = g_bytes_get_data (bytes, &length);
  JsonObject *frame = mesh_json_parse (text, length, &error);

  g_assert_no_error (error);
  g_queue_push_tail (&self->frames, frame);
}

static void
forget_client (FakeServer *self)
{
  if (!self->client)
    return;
  g_signal_handlers_disconnect_by_data (self->client, self);
  g_clear_object (&self->client);
}

static void
on_closed (SoupWebsocketConnection *client, gpointer user_data)
{
  forget_client (user_data);
}

static void
on_websocket (SoupServer *server, SoupServerMessage *message, const char *path,
    SoupWebsocketConnection *client, gpointer user_data)
{
  FakeServer *self = user_data;

  forget_client (self);
  self->client = g_object_ref (client);
  g_signal_connect (client, "message", G_CALLBACK (on_message), self);
  g_signal_connect (client, "closed", G_CALLBACK (on_closed), self);
}

static void
on_started (SoupServer *server, SoupServerMessage *message,
    gpointer user_data)
{
  ((FakeServer *) user_data)->attempts++;
}

static void
on_request (SoupServer *server, SoupServerMessage *message, const char *path,
    GHashTable *query, gpointer user_data)
{
  soup_server_message_set_status (message, ((FakeServer *) user_data)->status,
      NULL);
}

static gboolean
on_incoming (GSocketService *service, GSocketConnection *connection,
    GObject *source, gpointer user_data)
{
  FakeServer *self = user_data;

  self->attempts++;
  if (self->status == -1)
    g_ptr_array_add (self->held, g_object_ref (connection));
  else
    g_io_stream_close (G_IO_STREAM (connection), NULL, NULL);
  return TRUE;
}

FakeServer *
fake_server_new (GTlsCertificate *certificate)
{
  FakeServer *self = g_new0 (FakeServer, 1);
  g_autoptr (GInetAddress) loopback
      = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (loopback, 0);
  g_autoslist (GUri) uris = NULL;
  g_autoptr (GError) error = NULL;

  g_queue_init (&self->frames);
  self->held = g_ptr_array_new_with_free_func (g_object_unref);
  self->server = soup_server_new (NULL, NULL);
  if (certificate)
    soup_server_set_tls_certificate (self->server, certificate);
  g_signal_connect (self->server, "request-started", G_CALLBACK (on_started),
      self);
  soup_server_add_websocket_handler (self->server, "/v1/socket", NULL, NULL,
      on_websocket, self, NULL);
  soup_server_listen (self->server, address,
      certificate ? SOUP_SERVER_LISTEN_HTTPS : 0, &error);
  g_assert_no_error (error);
  uris = soup_server_get_uris (self->server);
  self->port = g_uri_get_port (uris->data);
  self->tls = certificate != NULL;
  return self;
}

void
fake_server_free (FakeServer *self)
{
  forget_client (self);
  g_clear_object (&self->server);
  if (self->mute) {
    g_socket_service_stop (self->mute);
    g_socket_listener_close (G_SOCKET_LISTENER (self->mute));
    g_clear_object (&self->mute);
  }
  g_ptr_array_unref (self->held);
  g_queue_clear_full (&self->frames, (GDestroyNotify) json_object_unref);
  g_free (self);
}

char *
fake_server_dup_link (FakeServer *self)
{
  return g_strdup_printf ("%s://127.0.0.1:%u/room/" FAKE_ROOM,
      self->tls ? "https" : "http", self->port);
}

void
fake_server_answer_with (FakeServer *self, int status)
{
  self->status = status;
  soup_server_remove_handler (self->server, "/v1/socket");
  if (status > 0)
    soup_server_add_handler (self->server, NULL, on_request, self, NULL);
  if (status >= 0 || self->mute)
    return;
  self->mute = g_socket_service_new ();
  self->port = g_socket_listener_add_any_inet_port (
      G_SOCKET_LISTENER (self->mute), NULL, NULL);
  g_signal_connect (self->mute, "incoming", G_CALLBACK (on_incoming), self);
}

guint
fake_server_count_attempts (FakeServer *self)
{
  return self->attempts;
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
  return ((FakeServer *) data)->client == NULL;
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
}

void
fake_server_send_raw (FakeServer *self, gconstpointer data, gsize size)
{
  GIOStream *stream = soup_websocket_connection_get_io_stream (self->client);

  /* fails where the client has had enough, as it should */
  g_output_stream_write_all (g_io_stream_get_output_stream (stream), data,
      size, NULL, NULL, NULL);
}

void
fake_server_close (FakeServer *self, gushort code)
{
  if (self->client)
    soup_websocket_connection_close (self->client, code, NULL);
}

void
fake_server_cut (FakeServer *self)
{
  if (!self->client)
    return;
  g_io_stream_close (soup_websocket_connection_get_io_stream (self->client),
      NULL, NULL);
  forget_client (self);
}

void
fake_server_block (FakeServer *self)
{
  g_signal_handlers_disconnect_by_data (self->client, self);
}
