/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The transport over Pusher Channels against a service that says, byte for
 * byte, what Pusher's own does, or what it should not. */

#include "signalling/roomless-pusher.h"

#include <libsoup/soup.h>
#include <string.h>

#include "core/error.h"
#include "core/json.h"
#include "pusher/auth.h"
#include "fake-server.h"

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

static void
request_free (Request *request)
{
  g_object_unref (request->message);
  g_free (request->path);
  g_free (request->query);
  g_free (request->body);
  g_free (request);
}

static void
on_said (SoupWebsocketConnection *socket, gint type, GBytes *bytes,
    Fixture *self)
{
  gsize length;
  const char *text = g_bytes_get_data (bytes, &length);

  g_queue_push_tail (&self->said, g_strndup (text, length));
}

static void
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

static void
on_connection (SoupServer *server, SoupServerMessage *message, Fixture *self)
{
  self->connections++;
}

static void
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

static void
on_opened (MeshTransport *transport, Fixture *self)
{
  g_assert_false (self->opened);
  self->opened = TRUE;
}

static void
on_frame (MeshTransport *transport, GBytes *frame, Fixture *self)
{
  gsize length;
  const char *text = g_bytes_get_data (frame, &length);

  g_assert_true (self->opened && !self->closed);
  g_queue_push_tail (&self->frames, g_strndup (text, length));
}

static void
on_closed (MeshTransport *transport, const GError *error, Fixture *self)
{
  g_assert_false (self->closed);
  self->closed = TRUE;
  self->error = error ? g_error_copy (error) : NULL;
}

static int
get_port (Fixture *self)
{
  GSList *uris = soup_server_get_uris (self->server);
  int port = g_uri_get_port (uris->data);

  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);
  return port;
}

/* @query: of the link, or NULL for signed requests */
static void
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

static void
answer (Fixture *self, guint i, guint status, const char *body)
{
  Request *request = g_ptr_array_index (self->requests, i);

  soup_server_message_set_status (request->message, status, NULL);
  soup_server_message_set_response (request->message, "application/json",
      SOUP_MEMORY_COPY, body, strlen (body));
  soup_server_message_unpause (request->message);
}

static gboolean
has_finalised (gpointer data)
{
  return *(gpointer *) data == NULL;
}

/* Fails where something of the transport stays behind. */
static void
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

static gboolean
is_connected (gpointer data)
{
  return ((Fixture *) data)->socket != NULL;
}

static gboolean
is_opened (gpointer data)
{
  return ((Fixture *) data)->opened;
}

static gboolean
is_closed (gpointer data)
{
  return ((Fixture *) data)->closed;
}

static gboolean
has_frame (gpointer data)
{
  return ((Fixture *) data)->frames.length > 0;
}

static gboolean
has_said (gpointer data)
{
  return ((Fixture *) data)->said.length > 0;
}

static void
say (Fixture *self, const char *text)
{
  soup_websocket_connection_send_text (self->socket, text);
}

static void
expect_said (Fixture *self, const char *text)
{
  g_autofree char *said = NULL;

  fake_wait_until (has_said, self);
  said = g_queue_pop_head (&self->said);
  g_assert_cmpstr (said, ==, text);
}

static void
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

static gboolean
has_requests (gpointer data)
{
  Count *count = data;

  return count->fixture->requests->len >= count->n;
}

static Request *
expect_request (Fixture *self, guint n)
{
  Count count = { self, n };

  fake_wait_until (has_requests, &count);
  g_assert_cmpuint (self->requests->len, ==, n);
  return g_ptr_array_index (self->requests, n - 1);
}

static void
establish (Fixture *self)
{
  mesh_transport_open (self->transport);
  fake_wait_until (is_connected, self);
  g_assert_false (self->opened);
  say (self, ESTABLISHED);
  fake_wait_until (is_opened, self);
}

static void
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

static void
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

static void
send (Fixture *self, int mid, const char *to, const char *payload)
{
  g_autofree char *frame = g_strdup_printf (
      "{\"mid\":%d,\"to\":\"%s\",\"payload\":%s}", mid, to, payload);

  mesh_transport_send (self->transport, frame);
}

/* As recorded from Pusher's own client and server libraries, and mooz. */
static void
the_reference_exchange (Fixture *self, gconstpointer data)
{
  g_autofree char *signature = NULL, *query = NULL;
  Request *request;
  char *at;

  join (self);
  g_assert_true (g_str_has_suffix (self->asked,
          "/app/" KEY "?protocol=7&client=meshroom&version=0.1"));
  say (self, "{\"event\":\"pusher:ping\",\"data\":{}}");
  expect_said (self, "{\"event\":\"pusher:pong\",\"data\":{}}");
  say (self, "{\"event\":\"signal\",\"channel\":\"" FAKE_ALICE "\",\"data\":"
      "\"{\\\"type\\\":\\\"call\\\",\\\"from\\\":\\\"" FAKE_BOB "\\\"}\"}");
  expect_frame (self, "{\"seq\":1,\"from\":\"" FAKE_BOB "\",\"payload\":"
      "{\"to\":\"" FAKE_ALICE "\",\"type\":\"call\",\"from\":\"" FAKE_BOB
      "\"}}");
  say (self, "{\"event\":\"signal\",\"channel\":\"" FAKE_ROOM "\",\"data\":"
      "\"{\\\"type\\\":\\\"joinroom\\\",\\\"from\\\":\\\"" FAKE_BOB
      "\\\"}\"}");
  expect_frame (self, "{\"seq\":2,\"from\":\"" FAKE_BOB "\",\"payload\":"
      "{\"to\":\"" FAKE_ROOM "\",\"type\":\"joinroom\",\"from\":\"" FAKE_BOB
      "\"}}");

  send (self, 1, FAKE_ROOM, "{\"type\":\"joinroom\"}");
  request = expect_request (self, 1);
  g_assert_cmpstr (request->path, ==, "/apps/3/events");
  g_assert_cmpstr (request->body, ==, "{\"name\":\"signal\",\"data\":"
      "\"{\\\"type\\\":\\\"joinroom\\\"}\",\"channels\":[\"" FAKE_ROOM
      "\"],\"socket_id\":\"123.456\"}");
  query = g_strdup (request->query);
  at = strstr (query, "&auth_signature=");
  g_assert_nonnull (at);
  *at = '\0';
  signature = mesh_pusher_sign_request (SECRET, "POST", request->path, query);
  g_assert_cmpstr (at + strlen ("&auth_signature="), ==, signature);
  answer (self, 0, 200, "{}");
  expect_frame (self, "{\"mid\":1}");

  mesh_transport_send (self->transport, "{\"type\":\"ping\"}");
  expect_said (self, "{\"event\":\"pusher:ping\",\"data\":{}}");
  say (self, "{\"event\":\"pusher:pong\",\"data\":{}}");
  expect_frame (self, "{\"type\":\"pong\"}");
}

static void
an_app_posts_for_us (Fixture *self, gconstpointer data)
{
  Request *request;

  join (self);
  send (self, 1, FAKE_BOB, CHAT (FAKE_BOB, "x"));
  request = expect_request (self, 1);
  g_assert_cmpstr (request->path, ==, "/api/messages/" FAKE_BOB);
  g_assert_null (request->query);
  g_assert_cmpstr (request->body, ==, CHAT (FAKE_BOB, "x"));
  answer (self, 0, 200, "{\"message\":\"ok\"}");
  expect_frame (self, "{\"mid\":1}");
}

/* A candidate must not come before its description; but nobody waits for
 * somebody else's messages. */
static void
nothing_overtakes_to_one_recipient (Fixture *self, gconstpointer data)
{
  Request *request;

  join (self);
  send (self, 1, FAKE_BOB, CHAT (FAKE_BOB, "1"));
  expect_request (self, 1);
  send (self, 2, FAKE_BOB, CHAT (FAKE_BOB, "2"));
  send (self, 3, CAROL, CHAT (CAROL, "3"));
  request = expect_request (self, 2);
  g_assert_nonnull (strstr (request->body, "\"text\\\":\\\"3"));
  answer (self, 1, 200, "{}");
  answer (self, 0, 200, "{}");
  request = expect_request (self, 3);
  g_assert_nonnull (strstr (request->body, "\"text\\\":\\\"2"));
  answer (self, 2, 200, "{}");
  expect_frame (self, "{\"mid\":1}");
  expect_frame (self, "{\"mid\":3}");
}

static void
what_fails_is_sent_again (Fixture *self, gconstpointer data)
{
  static const guint statuses[] = { 500, 429, 503, 200 };

  join (self);
  send (self, 1, FAKE_BOB, CHAT (FAKE_BOB, "1"));
  for (guint i = 0; i < G_N_ELEMENTS (statuses); i++) {
    Request *request = expect_request (self, i + 1);

    g_assert_nonnull (strstr (request->body, "\"text\\\":\\\"1"));
    answer (self, i, statuses[i], "{}");
  }
  expect_frame (self, "{\"mid\":1}");
}

static void
what_is_never_taken_is_undeliverable (Fixture *self, gconstpointer data)
{
  g_autofree char *text = g_strnfill (11000, 'x');
  g_autofree char *chat = g_strdup_printf ("{\"type\":\"chat\",\"from\":\""
      FAKE_ALICE "\",\"to\":\"" FAKE_BOB "\",\"text\":\"%s\"}", text);

  join (self);
  send (self, 1, FAKE_BOB, CHAT (FAKE_BOB, "1"));
  expect_request (self, 1);
  answer (self, 0, 413, "{}");
  expect_frame (self, "{\"seq\":1,\"event\":{\"type\":\"undeliverable\","
      "\"to\":\"" FAKE_BOB "\",\"reason\":\"gone\"}}");
  expect_frame (self, "{\"mid\":1}");
  send (self, 2, FAKE_BOB, chat);
  expect_frame (self, "{\"seq\":2,\"event\":{\"type\":\"undeliverable\","
      "\"to\":\"" FAKE_BOB "\",\"reason\":\"gone\"}}");
  expect_frame (self, "{\"mid\":2}");
  g_assert_cmpuint (self->requests->len, ==, 1);
}

static void
a_wrong_secret_is_final (Fixture *self, gconstpointer data)
{
  join (self);
  send (self, 1, FAKE_BOB, CHAT (FAKE_BOB, "1"));
  expect_request (self, 1);
  answer (self, 0, 401, "Invalid signature");
  expect_frame (self, "{\"type\":\"error\",\"code\":\"refused\",\"message\":"
      "\"our messages are not taken there (HTTP status 401)\"}");
  fake_wait_until (is_closed, self);
}

/* The goodbyes of one who leaves are requests, too. */
static void
what_was_said_last_gets_out (Fixture *self, gconstpointer data)
{
  join (self);
  send (self, 1, FAKE_BOB, CHAT (FAKE_BOB, "1"));
  send (self, 2, FAKE_BOB, CHAT (FAKE_BOB, "2"));
  mesh_transport_close (self->transport, TRUE);
  expect_request (self, 1);
  answer (self, 0, 200, "{}");
  expect_request (self, 2);
  g_assert_false (self->closed);
  answer (self, 1, 200, "{}");
  fake_wait_until (is_closed, self);
  g_assert_no_error (self->error);
}

/* What strangers send, and what is for somebody else, goes no further. */
static void
what_is_not_for_us_is_dropped (Fixture *self, gconstpointer data)
{
  static const char *const cases[] = {
    "junk", "{}", "[]", "{\"event\":7}",
    "{\"event\":\"signal\",\"channel\":\"" FAKE_ALICE "\",\"data\":\"x\"}",
    "{\"event\":\"signal\",\"channel\":\"" FAKE_ALICE "\",\"data\":{}}",
    "{\"event\":\"signal\",\"channel\":\"" FAKE_ALICE
    "\",\"data\":{\"type\":\"call\"}}",
    "{\"event\":\"signal\",\"channel\":\"" FAKE_ALICE
    "\",\"data\":{\"type\":\"call\",\"from\":\"bob\"}}",
    "{\"event\":\"signal\",\"channel\":\"" FAKE_ALICE
    "\",\"data\":{\"type\":\"call\",\"from\":\"" FAKE_ALICE "\"}}",
    "{\"event\":\"signal\",\"channel\":\"" FAKE_ALICE
    "\",\"data\":{\"type\":\"call\",\"from\":\"" FAKE_BOB "\",\"to\":\""
    FAKE_ROOM "\"}}",
    "{\"event\":\"signal\",\"channel\":\"" FAKE_ROOM
    "\",\"data\":{\"type\":\"call\",\"from\":\"" FAKE_BOB "\"}}",
    "{\"event\":\"signal\",\"channel\":\"" CAROL
    "\",\"data\":{\"type\":\"call\",\"from\":\"" FAKE_BOB "\"}}",
    "{\"event\":\"signal\",\"channel\":\"" FAKE_ALICE
    "\",\"data\":{\"type\":\"welcome\",\"from\":\"" FAKE_BOB "\"}}",
    "{\"event\":\"signal\",\"channel\":\"" FAKE_ALICE
    "\",\"data\":{\"type\":\"left\",\"id\":\"" FAKE_BOB "\"}}",
    "{\"event\":\"client-signal\",\"channel\":\"" FAKE_ALICE
    "\",\"data\":{\"type\":\"call\",\"from\":\"" FAKE_BOB "\"}}",
    "{\"event\":\"pusher:error\",\"data\":{\"code\":4301,\"message\":\"\"}}",
    "{\"event\":\"pusher:error\",\"data\":{\"code\":null}}",
    ESTABLISHED, SUBSCRIBED (FAKE_ALICE), SUBSCRIBED (CAROL),
  };

  join (self);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    say (self, cases[i]);
  say (self, "{\"event\":\"signal\",\"channel\":\"" FAKE_ALICE
      "\",\"data\":{\"type\":\"call\",\"from\":\"" FAKE_BOB "\"}}");
  expect_frame (self, "{\"seq\":1,\"from\":\"" FAKE_BOB "\",\"payload\":"
      "{\"to\":\"" FAKE_ALICE "\",\"type\":\"call\",\"from\":\"" FAKE_BOB
      "\"}}");
  g_assert_false (self->closed);
}

static void
codes_that_are_final (Fixture *self, gconstpointer data)
{
  join (self);
  say (self, "{\"event\":\"pusher:error\",\"data\":{\"code\":4001,"
      "\"message\":\"no such app\"}}");
  expect_frame (self, "{\"type\":\"error\",\"code\":\"refused\",\"message\":"
      "\"no such app (4001)\"}");
  fake_wait_until (is_closed, self);
}

static void
an_unknown_app_is_final_before_it_begins (Fixture *self, gconstpointer data)
{
  mesh_transport_open (self->transport);
  fake_wait_until (is_connected, self);
  soup_websocket_connection_close (self->socket, 4001, NULL);
  fake_wait_until (is_closed, self);
  g_assert_error (self->error, MESH_ERROR, MESH_ERROR_REFUSED);
}

/* 4200: again, at once; 4100: later. Either way the client counts the tries. */
static void
codes_that_are_for_the_moment (Fixture *self, gconstpointer data)
{
  join (self);
  soup_websocket_connection_close (self->socket, GPOINTER_TO_UINT (data),
      NULL);
  fake_wait_until (is_closed, self);
  g_assert_error (self->error, MESH_ERROR, MESH_ERROR_UNREACHABLE);
  g_assert_true (g_queue_is_empty (&self->frames));
}

static void
again (Fixture *self, gconstpointer data)
{
  codes_that_are_for_the_moment (self, GUINT_TO_POINTER (4200));
}

static void
later (Fixture *self, gconstpointer data)
{
  gint64 since = g_get_monotonic_time ();

  codes_that_are_for_the_moment (self, GUINT_TO_POINTER (4100));
  g_assert_cmpint (g_get_monotonic_time () - since, >=, G_USEC_PER_SEC);
}

static gboolean
is_connected_again (gpointer data)
{
  return ((Fixture *) data)->connections == 2;
}

/* The same place, then, by TLS, which this server does not understand. */
static void
one_that_wants_tls_gets_it (Fixture *self, gconstpointer data)
{
  mesh_transport_open (self->transport);
  fake_wait_until (is_connected, self);
  soup_websocket_connection_close (self->socket, 4000, NULL);
  fake_wait_until (is_connected_again, self);
  g_assert_false (self->opened);
  g_assert_false (self->closed);
}

static void
private_channels_are_signed_for (Fixture *self, gconstpointer data)
{
  g_autofree char *own = mesh_pusher_sign_channel (SECRET, "123.456",
      "private-" FAKE_ALICE, NULL);
  g_autofree char *expected = g_strdup_printf ("{\"event\":"
      "\"pusher:subscribe\",\"data\":{\"channel\":\"private-" FAKE_ALICE
      "\",\"auth\":\"" KEY ":%s\"}}", own);

  establish (self);
  mesh_transport_send (self->transport, HELLO);
  expect_said (self, expected);
  fake_wait_until (has_said, self);
  say (self, SUBSCRIBED ("private-" FAKE_ALICE));
  say (self, SUBSCRIBED ("private-" FAKE_ROOM));
  expect_welcome (self);
  say (self, "{\"event\":\"signal\",\"channel\":\"private-" FAKE_ALICE
      "\",\"data\":{\"type\":\"call\",\"from\":\"" FAKE_BOB "\"}}");
  expect_frame (self, "{\"seq\":1,\"from\":\"" FAKE_BOB "\",\"payload\":"
      "{\"to\":\"" FAKE_ALICE "\",\"type\":\"call\",\"from\":\"" FAKE_BOB
      "\"}}");
}

static void
an_app_lets_us_into_presence_channels (Fixture *self, gconstpointer data)
{
  Request *request;

  establish (self);
  mesh_transport_send (self->transport, HELLO);
  request = expect_request (self, 2);
  request = g_ptr_array_index (self->requests, 0);
  g_assert_cmpstr (request->path, ==, "/auth");
  g_assert_cmpstr (request->body, ==, "socket_id=123.456&channel_name="
      "presence-" FAKE_ALICE);
  answer (self, 0, 200, "{\"auth\":\"K:S\",\"channel_data\":\"{}\"}");
  expect_said (self, "{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":"
      "\"presence-" FAKE_ALICE "\",\"auth\":\"K:S\",\"channel_data\":\"{}\"}}");
  answer (self, 1, 403, "no");
  expect_frame (self, "{\"type\":\"error\",\"code\":\"refused\",\"message\":"
      "\"nobody lets us into the room's channels\"}");
  fake_wait_until (is_closed, self);
}

#define TEST(name, query, func) \
  g_test_add ("/pusher/" name, Fixture, query, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  TEST ("the-reference-exchange", NULL, the_reference_exchange);
  TEST ("an-app-posts-for-us", "api=http://127.0.0.1:PORT/",
      an_app_posts_for_us);
  TEST ("an-app-posts-for-us-at-its-route",
      "api=http://127.0.0.1:PORT/api/messages", an_app_posts_for_us);
  TEST ("nothing-overtakes-to-one-recipient", NULL,
      nothing_overtakes_to_one_recipient);
  TEST ("what-fails-is-sent-again", NULL, what_fails_is_sent_again);
  TEST ("what-is-never-taken-is-undeliverable", NULL,
      what_is_never_taken_is_undeliverable);
  TEST ("a-wrong-secret-is-final", NULL, a_wrong_secret_is_final);
  TEST ("what-was-said-last-gets-out", NULL, what_was_said_last_gets_out);
  TEST ("what-is-not-for-us-is-dropped", NULL, what_is_not_for_us_is_dropped);
  TEST ("codes/final", NULL, codes_that_are_final);
  TEST ("codes/final-at-once", NULL, an_unknown_app_is_final_before_it_begins);
  TEST ("codes/again", NULL, again);
  TEST ("codes/later", NULL, later);
  TEST ("codes/tls", NULL, one_that_wants_tls_gets_it);
  TEST ("private", "app=3&secret=" SECRET "&prefix=private-",
      private_channels_are_signed_for);
  TEST ("presence-by-an-app", "api=http://127.0.0.1:PORT&prefix=presence-"
      "&auth=http://127.0.0.1:PORT/auth",
      an_app_lets_us_into_presence_channels);
  return g_test_run ();
}
