/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the server promises to clients that behave. */

#include <json-glib/json-glib.h>
#include <sys/socket.h>
#include <string.h>

#include "core/json.h"
#include "core/link.h"
#include "server/certificate.h"
#include "serving.h"

/* A client as docs/protocol.md asks for: keeps its sends until they were taken,
 * its cursor, and reconnects. */
typedef struct {
  Serving *serving;
  SoupSession *session;
  const char *id;
  const char *to;
  SoupWebsocketConnection *ws;
  gboolean connecting;
  gboolean welcome;
  char *epoch;
  guint64 seq;                  /* last one processed */
  guint64 sent;                 /* last mid given out */
  guint64 taken;                /* last mid that the server took */
  guint received;               /* payloads; they are numbered, too */
  guint resumed;
  guint afresh;
  guint close_code;
} Client;

static void
send_one (Client *self, guint64 mid)
{
  g_autofree char *text = g_strdup_printf ("{\"mid\":%" G_GUINT64_FORMAT
      ",\"to\":\"%s\",\"payload\":{\"n\":%" G_GUINT64_FORMAT "}}", mid,
      self->to, mid);

  soup_websocket_connection_send_text (self->ws, text);
}

static void
handle_welcome (Client *self, JsonObject *object)
{
  self->welcome = TRUE;
  if (json_object_get_boolean_member (object, "resumed")) {
    self->resumed++;
  } else {
    self->afresh++;
    self->seq = 0;
    g_free (self->epoch);
    self->epoch = g_strdup (json_object_get_string_member (object, "epoch"));
  }
  self->taken = json_object_get_int_member (object, "mid");
  for (guint64 mid = self->taken + 1; mid <= self->sent; mid++)
    send_one (self, mid);
}

static void
handle_numbered (Client *self, JsonObject *object)
{
  g_autofree char *ack = NULL;
  guint64 seq = json_object_get_int_member (object, "seq");

  g_assert_cmpuint (seq, ==, self->seq + 1);    /* no gap, nothing twice */
  self->seq = seq;
  if (json_object_has_member (object, "payload")) {
    JsonObject *payload = json_object_get_object_member (object, "payload");

    g_assert_cmpstr (json_object_get_string_member (object, "from"), ==,
        self->to);
    g_assert_cmpint (json_object_get_int_member (payload, "n"), ==,
        ++self->received);
  }
  ack = g_strdup_printf ("{\"ack\":%" G_GUINT64_FORMAT "}", seq);
  soup_websocket_connection_send_text (self->ws, ack);
}

static void
on_message (SoupWebsocketConnection *ws, int type, GBytes *message,
    Client *self)
{
  gsize size;
  const char *text = g_bytes_get_data (message, &size);
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) object = mesh_json_parse (text, size, &error);

  g_assert_no_error (error);
  if (ws != self->ws)
    return;
  if (json_object_has_member (object, "seq"))
    handle_numbered (self, object);
  else if (json_object_has_member (object, "mid")
      && !json_object_has_member (object, "type"))
    self->taken = json_object_get_int_member (object, "mid");
  else if (g_str_equal (json_object_get_string_member (object, "type"),
          "welcome"))
    handle_welcome (self, object);
}

static void
on_closed (SoupWebsocketConnection *ws, Client *self)
{
  if (ws != self->ws)
    return;
  self->close_code = soup_websocket_connection_get_close_code (ws);
  self->welcome = FALSE;
  g_clear_object (&self->ws);
}

static void
connected_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Client *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *cursor = NULL;
  g_autofree char *hello = NULL;

  self->connecting = FALSE;
  self->ws = soup_session_websocket_connect_finish (SOUP_SESSION (source),
      result, &error);
  g_assert_no_error (error);
  /* permessage-deflate was offered, and not taken */
  g_assert_null (soup_websocket_connection_get_extensions (self->ws));
  g_signal_connect (self->ws, "message", G_CALLBACK (on_message), self);
  g_signal_connect (self->ws, "closed", G_CALLBACK (on_closed), self);
  cursor = self->epoch ? g_strdup_printf (",\"epoch\":\"%s\",\"after\":%"
      G_GUINT64_FORMAT, self->epoch, self->seq) : g_strdup ("");
  hello = g_strdup_printf ("{\"type\":\"hello\",\"v\":1,\"room\":\"" ROOM_ID
      "\",\"id\":\"%s\",\"token\":\"" TOKEN_A "\"%s}", self->id, cursor);
  soup_websocket_connection_send_text (self->ws, hello);
}

static gboolean
accept_any (SoupMessage *message, GTlsCertificate *certificate,
    GTlsCertificateFlags errors, gpointer user_data)
{
  g_assert_cmpint (errors, ==, G_TLS_CERTIFICATE_UNKNOWN_CA);
  return TRUE;
}

static void
client_connect (Client *self)
{
  g_autofree char *url = g_strconcat (self->serving->url, "/v1/socket", NULL);
  g_autoptr (SoupMessage) message = NULL;

  if (self->ws || self->connecting)
    return;
  message = soup_message_new ("GET", url);
  g_signal_connect (message, "accept-certificate", G_CALLBACK (accept_any),
      NULL);
  self->connecting = TRUE;
  soup_session_websocket_connect_async (self->session, message, NULL, NULL,
      G_PRIORITY_DEFAULT, NULL, connected_cb, self);
}

/* As if a cable were cut: unsent bytes are gone, and a reset goes out. */
static void
client_cut (Client *self)
{
  g_autoptr (GSocketConnection) base = NULL;
  struct linger linger = { 1, 0 };

  if (!self->ws)
    return;
  g_object_get (soup_websocket_connection_get_io_stream (self->ws),
      "base-iostream", &base, NULL);
  setsockopt (g_socket_get_fd (g_socket_connection_get_socket (base)),
      SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  g_signal_handlers_disconnect_by_data (self->ws, self);
  g_clear_object (&self->ws);
  self->welcome = FALSE;
}

static void
client_send (Client *self)
{
  self->sent++;
  if (self->welcome)
    send_one (self, self->sent);
}

static void
client_clear (Client *self)
{
  if (self->ws)
    g_signal_handlers_disconnect_by_data (self->ws, self);
  g_clear_object (&self->ws);
  g_clear_pointer (&self->epoch, g_free);
}

typedef struct {
  Serving serving;
  SoupSession *session;
  Client a;
  Client b;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  serving_set_up (&f->serving, data);
  f->session = soup_session_new ();
  f->a = (Client) { &f->serving, f->session, ID_A, ID_B };
  f->b = (Client) { &f->serving, f->session, ID_B, ID_A };
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  client_clear (&f->a);
  client_clear (&f->b);
  soup_session_abort (f->session);
  g_clear_object (&f->session);
  serving_tear_down (&f->serving, data);
}

static void
meet (Fixture *f)
{
  client_connect (&f->a);
  wait_until (f->a.welcome);
  client_connect (&f->b);
  wait_until (f->b.welcome && f->a.seq == 1);
}

static void
messages_arrive (Fixture *f, gconstpointer data)
{
  serving_start (&f->serving);
  meet (f);
  client_send (&f->a);
  client_send (&f->b);
  wait_until (f->a.received == 1 && f->b.received == 1 && f->a.taken == 1
      && f->b.taken == 1);
}

static void
tls_by_a_certificate_made_at_start (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  f->serving.certificate = mesh_certificate_new_self_signed (
      (const char *[]) { "localhost", "127.0.0.1", NULL }, &error);
  g_assert_no_error (error);
  serving_start (&f->serving);
  g_assert_true (g_str_has_prefix (f->serving.url, "https://127.0.0.1:"));
  meet (f);
  for (guint i = 0; i < 50; i++)
    client_send (&f->a);
  wait_until (f->b.received == 50);
}

/* What both sides have received is what the time is measured in here. */
static guint
progress (Fixture *f)
{
  return f->a.received + f->b.received;
}

static gboolean
all_arrived (Fixture *f, guint total)
{
  return progress (f) == 2 * total && f->a.taken == total
      && f->b.taken == total;
}

static void
send_some (Client *self, Client *to, guint total)
{
  if (self->sent < total && self->sent - to->received < 30)
    client_send (self);
}

/* Both sides send all the time, and both are cut again and again, wherever they
 * happen to be: amid a handshake, a frame, a replay. */
static void
cut_connections_lose_and_double_nothing (Fixture *f, gconstpointer data)
{
  const guint total = 500, cuts = 80;
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  guint next_cut = 0, n = 0;

  f->serving.limits.hub.rate = f->serving.limits.hub.burst = 1000000;
  serving_start (&f->serving);
  meet (f);
  while (!all_arrived (f, total)) {
    send_some (&f->a, &f->b, total);
    send_some (&f->b, &f->a, total);
    g_main_context_iteration (NULL, TRUE);
    if (progress (f) >= next_cut && n < cuts) {
      client_cut (g_rand_boolean (rand) ? &f->a : &f->b);
      next_cut += g_rand_int_range (rand, 0, 2 * 2 * total / cuts);
      n++;
    }
    client_connect (&f->a);
    client_connect (&f->b);
  }
  g_assert_cmpuint (f->a.afresh, ==, 1);
  g_assert_cmpuint (f->b.afresh, ==, 1);
  g_assert_cmpuint (f->a.resumed + f->b.resumed, >, 10);
}

static void
a_second_connection_replaces_the_first (Fixture *f, gconstpointer data)
{
  serving_start (&f->serving);
  f->b.id = f->a.id;
  client_connect (&f->a);
  wait_until (f->a.welcome);
  client_connect (&f->b);
  wait_until (f->b.welcome && !f->a.ws);
  g_assert_cmpuint (f->a.close_code, ==, 4409);
}

static void
a_silent_member_leaves (Fixture *f, gconstpointer data)
{
  f->serving.limits.hub.lease = G_USEC_PER_SEC / 2;
  f->serving.limits.ping = G_USEC_PER_SEC / 10;
  serving_start (&f->serving);
  meet (f);
  client_cut (&f->b);
  /* A is silent too, but answers pings */
  wait_until (f->a.seq == 2);
  g_assert_true (f->a.welcome);
}

static void
stopping_says_so_and_lets_everything_go (Fixture *f, gconstpointer data)
{
  serving_start (&f->serving);
  meet (f);
  serving_stop (&f->serving);
  wait_until (!f->a.ws && !f->b.ws);
  g_assert_cmpuint (f->a.close_code, ==, 1001);
  g_assert_cmpuint (f->b.close_code, ==, 1001);
}

static void
it_may_listen_again (void)
{
  g_autoptr (MeshServer) server = mesh_server_new ();

  for (guint i = 0; i < 3; i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *url = NULL;

    g_assert_null (mesh_server_dup_url (server));
    g_assert_true (mesh_server_listen (server, "127.0.0.1:0", NULL, &error));
    g_assert_no_error (error);
    url = mesh_server_dup_url (server);
    g_assert_true (g_str_has_prefix (url, "http://127.0.0.1:"));
    mesh_server_stop (server);
  }
}

static void
each_link_is_to_a_room_of_its_own (void)
{
  g_autoptr (MeshServer) server = mesh_server_new ();
  MeshLink *links[2];
  g_autofree char *url = NULL;

  g_assert_null (mesh_server_make_link (server));
  g_assert_true (mesh_server_listen (server, "127.0.0.1:0", NULL, NULL));
  url = mesh_server_dup_url (server);
  for (guint i = 0; i < 2; i++) {
    g_autofree char *text = mesh_server_make_link (server);

    g_assert_true (g_str_has_prefix (text, url));
    links[i] = mesh_link_parse (text, NULL);
    g_assert_true (links[i] && links[i]->has_key);
  }
  g_assert_cmpstr (links[0]->room, !=, links[1]->room);
  g_assert_cmpint (memcmp (links[0]->key, links[1]->key,
          sizeof links[0]->key), !=, 0);
  mesh_server_stop (server);
  g_assert_null (mesh_server_make_link (server));
  for (guint i = 0; i < 2; i++)
    mesh_link_free (links[i]);
}

static void
addresses (void)
{
  static const struct {
    const char *address;
    const char *prefix;         /* NULL: refused */
  } cases[] = {
    { "127.0.0.1:0", "http://127.0.0.1:" },
    { "[::1]:0", "http://[::1]:" },
    { "localhost:0", "http://localhost:" },
    { "0.0.0.0:0", "http://" },
    { ":0", "http://" }, { "*:0", "http://" }, { "0", "http://127.0.0.1:" },
    { "127.0.0.1", NULL }, { "", NULL }, { "127.0.0.1:", NULL },
    { "127.0.0.1:65536", NULL }, { "127.0.0.1:x", NULL },
    { "192.0.2.1:0", NULL },    /* not ours */
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (MeshServer) server = mesh_server_new ();
    g_autoptr (GError) error = NULL;
    gboolean ok =
        mesh_server_listen (server, cases[i].address, NULL, &error);
    g_autofree char *url = mesh_server_dup_url (server);
    g_autofree char *link = mesh_server_make_link (server);

    g_test_message ("%s: %s", cases[i].address, ok ? url : error->message);
    if (i == 1 && !ok)          /* a machine without IPv6 */
      continue;
    g_assert_cmpint (ok, ==, cases[i].prefix != NULL);
    if (!ok)
      continue;
    g_assert_true (g_str_has_prefix (url, cases[i].prefix));
    g_assert_null (strstr (url, "0.0.0.0"));
    g_assert_nonnull (link);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) \
  g_test_add ("/server/" #name, Fixture, NULL, set_up, name, tear_down)
  g_test_add_func ("/server/it_may_listen_again", it_may_listen_again);
  g_test_add_func ("/server/each_link_is_to_a_room_of_its_own",
      each_link_is_to_a_room_of_its_own);
  g_test_add_func ("/server/addresses", addresses);
  ADD (messages_arrive);
  ADD (tls_by_a_certificate_made_at_start);
  ADD (cut_connections_lose_and_double_nothing);
  ADD (a_second_connection_replaces_the_first);
  ADD (a_silent_member_leaves);
  ADD (stopping_says_so_and_lets_everything_go);
  return g_test_run ();
}
