/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The transport over Pusher Channels, and a service that says, byte for byte,
 * what Pusher's own does, or what it should not. */

#include <libsoup/soup.h>
#include <string.h>

#include "core/error.h"
#include "fake-server.h"
#include "signalling/roomless-pusher.h"

#define KEY "278d425bdf160c739803"
#define SECRET "7ad3773142a6692b25b8"
#define CAROL "cccccccc-0000-4000-8000-000000000000"

#define ESTABLISHED "{\"event\":\"pusher:connection_established\",\"data\":" \
    "\"{\\\"socket_id\\\":\\\"123.456\\\",\\\"activity_timeout\\\":120}\"}"
#define SUBSCRIBED(channel) "{\"event\":" \
    "\"pusher_internal:subscription_succeeded\",\"data\":\"{}\"," \
    "\"channel\":\"" channel "\"}"
#define SUBSCRIBE(channel) "{\"event\":\"pusher:subscribe\",\"data\":" \
    "{\"channel\":\"" channel "\"}}"
#define HELLO "{\"type\":\"hello\",\"v\":1,\"room\":\"" FAKE_ROOM "\"," \
    "\"id\":\"" FAKE_ALICE "\",\"token\":\"AAAAAAAAAAAAAAAAAAAAAA\"}"
#define CHAT(to, text) "{\"type\":\"chat\",\"from\":\"" FAKE_ALICE "\"," \
    "\"to\":\"" to "\",\"text\":\"" text "\"}"

typedef struct {
  SoupServerMessage *message;
  char *path;
  char *query;
  char *body;
} Request;

typedef struct {
  SoupServer *server;
  SoupWebsocketConnection *socket;
  char *asked;                  /* the WebSocket's URL */
  guint connections;            /* with whatever is said on them */
  GQueue said;                  /* char *, by the client */
  GPtrArray *requests;          /* Request, not answered yet are paused */

  MeshTransport *transport;
  gboolean opened;
  gboolean closed;
  GError *error;
  GQueue frames;                /* char * */
} Fixture;

static inline void
request_free (Request *request)
{
  g_object_unref (request->message);
  g_free (request->path);
  g_free (request->query);
  g_free (request->body);
  g_free (request);
}

static inline void
on_said (SoupWebsocketConnection *socket, gint type, GBytes *bytes,
    Fixture *self)
{
  gsize length;
  const char *text = g_bytes_get_data (bytes, &length);

  g_queue_push_tail (&self->said, g_strndup (text, length));
}

static inline void
on_socket (SoupServer *server, SoupServerMessage *message, const char *path,
    SoupWebsocketConnection *socket, gpointer user_data)
{
  Fixture *self = user_data;

  g_free (self->asked);
  self->asked = g_uri_to_string_partial (soup_server_message_get_uri (message),
      G_URI_HIDE_NONE);
  g_set_object (&self->socket, socket);
  g_signal_connect (socket, "message", G_CALLBACK (on_said), self);
}

static inline void
on_connection (SoupServer *server, SoupServerMessage *message, Fixture *self)
{
  self->connections++;
}

static inline void
on_request (SoupServer *server, SoupServerMessage *message, const char *path,
    GHashTable *query, gpointer user_data)
{
  Fixture *self = user_data;
  Request *request = g_new0 (Request, 1);
  SoupMessageBody *body = soup_server_message_get_request_body (message);

  request->message = g_object_ref (message);
  request->path = g_strdup (path);
  request->query = g_strdup (g_uri_get_query (
          soup_server_message_get_uri (message)));
  request->body = g_strndup (body->data, body->length);
  soup_server_message_pause (message);
  g_ptr_array_add (self->requests, request);
}

static inline void
on_opened (MeshTransport *transport, Fixture *self)
{
  g_assert_false (self->opened);
  self->opened = TRUE;
}

static inline void
on_frame (MeshTransport *transport, GBytes *frame, Fixture *self)
{
  gsize length;
  const char *text = g_bytes_get_data (frame, &length);

  g_assert_true (self->opened && !self->closed);
  g_queue_push_tail (&self->frames, g_strndup (text, length));
}

static inline void
on_closed (MeshTransport *transport, const GError *error, Fixture *self)
{
  g_assert_false (self->closed);
  self->closed = TRUE;
  self->error = error ? g_error_copy (error) : NULL;
}

static inline int
get_port (Fixture *self)
{
  GSList *uris = soup_server_get_uris (self->server);
  int port = g_uri_get_port (uris->data);

  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);
  return port;
}

/* @query: of the link, or NULL for signed requests */
static inline void
set_up (Fixture *self, gconstpointer query)
{
  const char *how = query ? query : "app=3&secret=" SECRET;
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshLink) link = NULL;
  g_autoptr (GString) text = NULL;
  g_autofree char *port = NULL;

  self->server = soup_server_new (NULL, NULL);
  self->requests
      = g_ptr_array_new_with_free_func ((GDestroyNotify) request_free);
  soup_server_add_websocket_handler (self->server, "/app/", NULL, NULL,
      on_socket, self, NULL);
  soup_server_add_handler (self->server, "/", on_request, self, NULL);
  g_signal_connect (self->server, "request-started",
      G_CALLBACK (on_connection), self);
  soup_server_listen_local (self->server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY,
      &error);
  g_assert_no_error (error);
  port = g_strdup_printf ("%d", get_port (self));
  text = g_string_new (NULL);
  g_string_printf (text, "pusher://" KEY "@127.0.0.1:%s/" FAKE_ROOM "?%s",
      port, how);
  g_string_replace (text, "PORT", port, 0);
  link = mesh_link_parse (text->str, &error);
  g_assert_no_error (error);
  self->transport = mesh_roomless_pusher_new (link);
  g_signal_connect (self->transport, "opened", G_CALLBACK (on_opened), self);
  g_signal_connect (self->transport, "frame", G_CALLBACK (on_frame), self);
  g_signal_connect (self->transport, "closed", G_CALLBACK (on_closed), self);
}

static inline void
answer (Fixture *self, guint i, guint status, const char *body)
{
  Request *request = g_ptr_array_index (self->requests, i);

  soup_server_message_set_status (request->message, status, NULL);
  soup_server_message_set_response (request->message, "application/json",
      SOUP_MEMORY_COPY, body, strlen (body));
  soup_server_message_unpause (request->message);
}

static inline gboolean
has_finalised (gpointer data)
{
  return *(gpointer *) data == NULL;
}

/* Fails where something of the transport stays behind. */
static inline void
tear_down (Fixture *self, gconstpointer data)
{
  gpointer transport = self->transport;

  g_object_add_weak_pointer (transport, &transport);
  mesh_transport_close (self->transport, FALSE);
  g_object_unref (self->transport);
  fake_wait_until (has_finalised, &transport);
  soup_server_disconnect (self->server);
  /* what the server was in the middle of ends in the main loop */
  while (g_main_context_iteration (NULL, FALSE));
  g_ptr_array_unref (self->requests);
  g_clear_object (&self->socket);
  g_object_unref (self->server);
  g_clear_error (&self->error);
  g_free (self->asked);
  g_queue_clear_full (&self->said, g_free);
  g_queue_clear_full (&self->frames, g_free);
}

static inline gboolean
is_connected (gpointer data)
{
  return ((Fixture *) data)->socket != NULL;
}

static inline gboolean
is_opened (gpointer data)
{
  return ((Fixture *) data)->opened;
}

static inline gboolean
is_closed (gpointer data)
{
  return ((Fixture *) data)->closed;
}

static inline gboolean
has_frame (gpointer data)
{
  return ((Fixture *) data)->frames.length > 0;
}

static inline gboolean
has_said (gpointer data)
{
  return ((Fixture *) data)->said.length > 0;
}

static inline void
say (Fixture *self, const char *text)
{
  soup_websocket_connection_send_text (self->socket, text);
}

static inline void
expect_said (Fixture *self, const char *text)
{
  g_autofree char *said = NULL;

  fake_wait_until (has_said, self);
  said = g_queue_pop_head (&self->said);
  g_assert_cmpstr (said, ==, text);
}

static inline void
expect_frame (Fixture *self, const char *text)
{
  g_autofree char *frame = NULL;

  fake_wait_until (has_frame, self);
  frame = g_queue_pop_head (&self->frames);
  g_assert_cmpstr (frame, ==, text);
}

typedef struct {
  Fixture *fixture;
  guint n;
} Count;

static inline gboolean
has_requests (gpointer data)
{
  Count *count = data;

  return count->fixture->requests->len >= count->n;
}

static inline Request *
expect_request (Fixture *self, guint n)
{
  Count count = { self, n };

  fake_wait_until (has_requests, &count);
  g_assert_cmpuint (self->requests->len, ==, n);
  return g_ptr_array_index (self->requests, n - 1);
}

static inline void
establish (Fixture *self)
{
  mesh_transport_open (self->transport);
  fake_wait_until (is_connected, self);
  g_assert_false (self->opened);
  say (self, ESTABLISHED);
  fake_wait_until (is_opened, self);
}

static inline void
expect_welcome (Fixture *self)
{
  g_autofree char *frame = NULL;

  fake_wait_until (has_frame, self);
  frame = g_queue_pop_head (&self->frames);
  g_assert_true (g_str_has_prefix (frame, "{\"type\":\"welcome\",\"id\":\""
          FAKE_ALICE "\",\"room\":\"" FAKE_ROOM "\",\"epoch\":\""));
  g_assert_true (g_str_has_suffix (frame,
          "\",\"resumed\":false,\"mid\":0}"));
}

static inline void
join (Fixture *self)
{
  establish (self);
  mesh_transport_send (self->transport, HELLO);
  expect_said (self, SUBSCRIBE (FAKE_ALICE));
  expect_said (self, SUBSCRIBE (FAKE_ROOM));
  say (self, SUBSCRIBED (FAKE_ALICE));
  say (self, SUBSCRIBED (FAKE_ROOM));
  expect_welcome (self);
}

static inline void
send (Fixture *self, int mid, const char *to, const char *payload)
{
  g_autofree char *frame = g_strdup_printf (
      "{\"mid\":%d,\"to\":\"%s\",\"payload\":%s}", mid, to, payload);

  mesh_transport_send (self->transport, frame);
}

#define TEST(name, query, func) \
  g_test_add ("/pusher/" name, Fixture, query, set_up, func, tear_down)
