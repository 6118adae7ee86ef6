/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who is let in by Pusher Channels, and what follows when a connection is
 * closed with a code. */

#include "pusher-fixture.h"

#include "pusher/auth.h"

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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
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
