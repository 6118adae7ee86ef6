/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A member asks its server for STUN and TURN servers: it hears something in any
 * case, and soon. */

#include "signalling/ice-client.h"

#include "core/error.h"
#include "serving.h"

#define ROOM "/room/5c8fd5c8-2c4c-4d3e-9f0a-1b2c3d4e5f60"
#define WATCHDOG_S 60

typedef struct {
  GMainContext *context;
  guint calls;
  char *stun;
  char *turn;
  GError *error;
  gboolean known;
} Asker;

static void
on_servers (const MeshIceServers *servers, const GError *error,
    gpointer user_data)
{
  Asker *self = user_data;

  self->calls++;
  self->known = servers != NULL;
  if (servers) {
    self->stun = g_strdup (servers->stun_server);
    self->turn = g_strjoinv (" ", servers->turn_servers
        ? servers->turn_servers : (char *[]) { NULL });
  }
  if (error)
    self->error = g_error_copy (error);
}

static gboolean
set_flag (gpointer flag)
{
  *(gboolean *) flag = TRUE;
  return G_SOURCE_REMOVE;
}

/* Asks at @url, until something is heard. */
static void
ask (Asker *self, const char *url)
{
  g_autofree char *text = g_strconcat (url, ROOM, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (MeshLink) link = mesh_link_parse (text, &error);
  g_autoptr (GSource) watchdog = g_timeout_source_new_seconds (WATCHDOG_S);
  MeshIceClient *client;
  gboolean late = FALSE;

  g_assert_no_error (error);
  *self = (Asker) { g_main_context_new () };
  g_source_set_callback (watchdog, set_flag, &late, NULL);
  g_source_attach (watchdog, self->context);
  g_main_context_push_thread_default (self->context);
  client = mesh_ice_client_new (self->context, link, on_servers, self);
  while (self->calls == 0 && !late)
    g_main_context_iteration (self->context, TRUE);
  g_main_context_pop_thread_default (self->context);
  mesh_ice_client_free (client);
  g_source_destroy (watchdog);
  g_assert_cmpuint (self->calls, ==, 1);
}

static void
asker_clear (Asker *self)
{
  g_main_context_unref (self->context);
  g_free (self->stun);
  g_free (self->turn);
  g_clear_error (&self->error);
}

static void
a_server_says_what_it_has (Serving *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  Asker asker;

  mesh_server_add_ice_server (f->server, "stun:s.example:3478", &error);
  g_assert_no_error (error);
  mesh_server_add_ice_server (f->server, "turn:us%3Aer:p%40ss@t.example",
      &error);
  g_assert_no_error (error);
  serving_start (f);
  ask (&asker, f->url);
  g_assert_no_error (asker.error);
  g_assert_cmpstr (asker.stun, ==, "stun://s.example:3478");
  g_assert_cmpstr (asker.turn, ==, "turn://us%3Aer:p%40ss@t.example:3478");
  asker_clear (&asker);
}

static void
a_server_may_have_none (Serving *f, gconstpointer data)
{
  Asker asker;

  serving_start (f);
  ask (&asker, f->url);
  g_assert_no_error (asker.error);
  g_assert_true (asker.known);
  g_assert_null (asker.stun);
  g_assert_cmpstr (asker.turn, ==, "");
  asker_clear (&asker);
}

/* @listening: and never answers; else nobody does */
static void
ask_a_mute_one (gboolean listening, Asker *asker)
{
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_IPV4,
      G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);
  g_autoptr (GInetAddress) loopback =
      g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *url = NULL;

  g_socket_bind (socket, any, TRUE, &error);
  g_assert_no_error (error);
  if (listening)
    g_socket_listen (socket, &error);
  g_assert_no_error (error);
  bound = g_socket_get_local_address (socket, &error);
  g_assert_no_error (error);
  url = g_strdup_printf ("http://127.0.0.1:%u", g_inet_socket_address_get_port
      (G_INET_SOCKET_ADDRESS (bound)));
  ask (asker, url);
}

static void
nobody_is_not_waited_for (void)
{
  Asker asker;

  ask_a_mute_one (FALSE, &asker);
  g_assert_nonnull (asker.error);
  g_assert_true (asker.error->domain == MESH_ERROR);
  g_assert_false (asker.known);
  asker_clear (&asker);
}

static void
one_that_is_mute_is_not_waited_for (void)
{
  Asker asker;

  ask_a_mute_one (TRUE, &asker);
  g_assert_no_error (asker.error);
  g_assert_false (asker.known);
  asker_clear (&asker);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ice-client/nobody", nobody_is_not_waited_for);
  g_test_add ("/ice-client/some", Serving, NULL, serving_set_up,
      a_server_says_what_it_has, serving_tear_down);
  g_test_add ("/ice-client/none", Serving, NULL, serving_set_up,
      a_server_may_have_none, serving_tear_down);
  g_test_add_func ("/ice-client/mute", one_that_is_mute_is_not_waited_for);
  return g_test_run ();
}
