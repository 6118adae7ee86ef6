/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages over Pusher Channels: how they are asked for, sent and taken. */

#include "pusher-fixture.h"

#include "pusher/auth.h"

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

/* Events of strangers, and those for somebody else, are dropped. */
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
  return g_test_run ();
}
