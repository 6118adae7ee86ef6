/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a client joins and loses its connection: which errors end it, and when
 * it tries again. */

#include "client-fixture.h"

static void
lying_welcome_is_no_welcome (void)
{
  static const char *const lies[] = {
    "{\"type\":\"welcome\"}",
    WELCOME ("", "false", "0"),
    WELCOME ("e\\\"1", "false", "0"),
    WELCOME ("e1", "true", "0"),
    WELCOME ("e1", "false", "7"),
    WELCOME ("e1", "false", "-1"),
    WELCOME ("e1", "\"no\"", "0"),
    "{\"type\":\"welcome\",\"id\":\"" BOB "\",\"room\":\"" ROOM
    "\",\"epoch\":\"e\",\"resumed\":false,\"mid\":0,\"host\":\"" BOB
    "\",\"members\":[]}",
    "{\"type\":\"welcome\",\"id\":\"" ALICE "\",\"room\":\"" BOB
    "\",\"epoch\":\"e\",\"resumed\":false,\"mid\":0,\"host\":\"" BOB
    "\",\"members\":[]}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (lies); i++) {
    g_autoptr (MeshClient) client = make_client (ALICE, i);
    gint64 now = 0;

    g_test_message ("%s", lies[i]);
    mesh_client_start (client, now);
    expect (client, MESH_CLIENT_CONNECT, NULL);
    for (;;) {
      MeshClientAction action;

      mesh_client_opened (client, now);
      expect (client, MESH_CLIENT_SEND, HELLO_START "}");
      feed (client, lies[i], now);
      g_assert_true (mesh_client_pop_action (client, &action));
      if (action.type == MESH_CLIENT_WARNING) {
        mesh_client_action_clear (&action);
        g_assert_true (mesh_client_pop_action (client, &action));
      }
      g_assert_cmpint (action.type, ==, MESH_CLIENT_CLOSE);
      if (mesh_client_deadline (client) == G_MAXINT64)
        break;
      now = mesh_client_deadline (client);
      mesh_client_tick (client, now);
      expect (client, MESH_CLIENT_CONNECT, NULL);
    }
    expect_error (client, MESH_CLIENT_FAILED, MESH_ERROR_UNREACHABLE);
    g_assert_cmpint (now, <, 5 * SECOND);
  }
}

static void
final_errors_are_final (void)
{
  static const struct {
    const char *code;
    MeshError error;
  } cases[] = {
    { "bad-message", MESH_ERROR_FAILED },
    { "refused", MESH_ERROR_REFUSED },
    { "replaced", MESH_ERROR_REFUSED },
    { "room-full", MESH_ERROR_REFUSED },
    { "too-many-rooms", MESH_ERROR_REFUSED },
    { "too-big", MESH_ERROR_FAILED },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (MeshClient) client = make_online (0);
    g_autoptr (GError) error = NULL;
    g_autofree char *frame = g_strdup_printf (
        "{\"type\":\"error\",\"code\":\"%s\",\"message\":\"no\"}",
        cases[i].code);

    feed (client, frame, 0);
    expect (client, MESH_CLIENT_CLOSE, NULL);
    expect_error (client, MESH_CLIENT_FAILED, cases[i].error);
    expect_nothing (client);
    g_assert_cmpint (mesh_client_deadline (client), ==, G_MAXINT64);
    g_assert_false (
        mesh_client_send (client, CHAT ("1"), strlen (CHAT ("1")), &error));
    g_assert_error (error, MESH_ERROR, MESH_ERROR_UNREACHABLE);
    mesh_client_closed (client, NULL, 0);
    mesh_client_opened (client, 0);
    mesh_client_start (client, 0);
    mesh_client_leave (client);
    expect_nothing (client);
  }
}

#define ID_TAKEN "{\"type\":\"error\",\"code\":\"id-taken\",\"message\":\"no\"}"

/* A hello after a second, until the patience is over. */
static guint
ask_for_the_id (MeshClient *client, gint64 *now)
{
  guint n = 0;

  for (;; n++) {
    MeshClientAction action;
    gboolean closed;

    feed (client, ID_TAKEN, *now);
    g_assert_true (mesh_client_pop_action (client, &action));
    if (action.type == MESH_CLIENT_WARNING) {
      g_assert_cmpuint (n, ==, 0);
      g_assert_nonnull (strstr (action.error->message, "trying again"));
      mesh_client_action_clear (&action);
      g_assert_true (mesh_client_pop_action (client, &action));
    }
    closed = action.type == MESH_CLIENT_CLOSE;
    mesh_client_action_clear (&action);
    g_assert_true (closed);
    if (mesh_client_deadline (client) == G_MAXINT64)
      return n;
    expect_nothing (client);
    g_assert_cmpint (mesh_client_deadline (client), ==, *now + SECOND);
    *now = reconnect (client);
    expect (client, MESH_CLIENT_SEND, HELLO_START "}");
  }
}

static void
owner_that_lives_keeps_the_id (void)
{
  g_autoptr (MeshClient) client = make_client (ALICE, 1);
  gint64 now = 0;

  mesh_client_start (client, now);
  expect (client, MESH_CLIENT_CONNECT, NULL);
  mesh_client_opened (client, now);
  expect (client, MESH_CLIENT_SEND, HELLO_START "}");
  g_assert_cmpuint (ask_for_the_id (client, &now), ==, 16);
  expect_error (client, MESH_CLIENT_FAILED, MESH_ERROR_REFUSED);
  expect_nothing (client);
}

/* Killed, and started again before the lease of its former life had ended. */
static void
id_is_had_when_the_lease_ends (void)
{
  g_autoptr (MeshClient) client = make_client (ALICE, 1);
  gint64 now = 0;

  send_text (client, CHAT ("1"));
  mesh_client_start (client, now);
  expect (client, MESH_CLIENT_CONNECT, NULL);
  mesh_client_opened (client, now);
  expect (client, MESH_CLIENT_SEND, NULL);
  feed (client, ID_TAKEN, now);
  expect_error (client, MESH_CLIENT_WARNING, MESH_ERROR_REFUSED);
  expect (client, MESH_CLIENT_CLOSE, NULL);
  expect_nothing (client);
  /* a server that starts anew in between is none that cannot be reached */
  now = mesh_client_deadline (client);
  mesh_client_tick (client, now);
  expect (client, MESH_CLIENT_CONNECT, NULL);
  mesh_client_closed (client, NULL, now);
  expect_nothing (client);
  now = reconnect (client);
  expect (client, MESH_CLIENT_SEND, HELLO_START "}");
  feed (client, WELCOME ("e1", "false", "0"), now);
  expect (client, MESH_CLIENT_MESSAGE, NULL);
  expect (client, MESH_CLIENT_SEND, NULL);      /* what was said meanwhile */
  expect_nothing (client);
}

/* A client that was away for longer than its lease may find its id taken. */
static void
id_that_was_taken_meanwhile_is_asked_for_again (void)
{
  g_autoptr (MeshClient) client = make_online (0);
  gint64 now;

  lose (client, 20 * SECOND);
  now = reconnect (client);
  expect (client, MESH_CLIENT_SEND, NULL);
  feed (client, ID_TAKEN, now);
  expect_error (client, MESH_CLIENT_WARNING, MESH_ERROR_REFUSED);
  expect (client, MESH_CLIENT_CLOSE, NULL);
  expect_nothing (client);
  now = reconnect (client);
  expect (client, MESH_CLIENT_SEND, NULL);
  feed (client, WELCOME ("e2", "false", "0"), now);
  expect (client, MESH_CLIENT_MESSAGE, NULL);
  expect_nothing (client);
}

static void
other_errors_are_not (void)
{
  static const char *const codes[] = { "too-fast", "hello-timeout", "slow",
    "going-away", "later" };

  for (guint i = 0; i < G_N_ELEMENTS (codes); i++) {
    g_autoptr (MeshClient) client = make_online (0);
    g_autofree char *frame = g_strdup_printf (
        "{\"type\":\"error\",\"code\":\"%s\",\"message\":\"no\"}", codes[i]);

    feed (client, frame, 0);
    expect (client, MESH_CLIENT_CLOSE, NULL);
    expect (client, MESH_CLIENT_MESSAGE, "{\"type\":\"offline\"}");
    expect_error (client, MESH_CLIENT_LOST, MESH_ERROR_UNREACHABLE);
    reconnect (client);
    expect (client, MESH_CLIENT_SEND, NULL);
  }
}

static void
backoff_doubles_with_full_jitter (void)
{
  static const gint64 limits[] = { 250000, 500000, 1000000, 2000000, 4000000,
    4000000, 4000000 };
  gint64 least[G_N_ELEMENTS (limits)];
  gint64 most[G_N_ELEMENTS (limits)] = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    least[i] = G_MAXINT64;
  for (guint seed = 0; seed < 60; seed++) {
    g_autoptr (MeshClient) client = make_client (ALICE, seed);
    gint64 now = 0;

    mesh_client_start (client, now);
    expect (client, MESH_CLIENT_CONNECT, NULL);
    mesh_client_opened (client, now);
    expect (client, MESH_CLIENT_SEND, NULL);
    feed (client, WELCOME ("e1", "false", "0"), now);
    expect (client, MESH_CLIENT_MESSAGE, NULL);
    lose (client, now);
    for (guint i = 0; i < G_N_ELEMENTS (limits); i++) {
      gint64 wait = mesh_client_deadline (client) - now;

      g_assert_cmpint (wait, >=, 0);
      g_assert_cmpint (wait, <=, limits[i]);
      least[i] = MIN (least[i], wait);
      most[i] = MAX (most[i], wait);
      now += wait;
      mesh_client_tick (client, now);
      expect (client, MESH_CLIENT_CONNECT, NULL);
      mesh_client_closed (client, NULL, now);
      expect_nothing (client);  /* once connected, it tries for ever */
    }
  }
  for (guint i = 0; i < G_N_ELEMENTS (limits); i++) {
    g_assert_cmpint (least[i], <, limits[i] / 5);
    g_assert_cmpint (most[i], >, limits[i] * 4 / 5);
  }
}

/* A server that lets us in and throws us out is no better than one that is
 * not there. */
static void
backoff_starts_again_when_it_held (void)
{
  for (guint held = 0; held < 2; held++) {
    g_autoptr (MeshClient) client = make_online (0);
    gint64 now = 0;
    gint64 longest = 0;

    for (guint i = 0; i < 40; i++) {
      if (held) {
        now += 6 * SECOND;
        mesh_client_heard (client, now);
      }
      lose (client, now);
      longest = MAX (longest, mesh_client_deadline (client) - now);
      now = reconnect (client);
      expect (client, MESH_CLIENT_SEND, NULL);
      feed (client, WELCOME ("e1", "true", "0"), now);
      expect (client, MESH_CLIENT_MESSAGE, NULL);
    }
    if (held)
      g_assert_cmpint (longest, <=, 250000);
    else
      g_assert_cmpint (longest, >, 2 * SECOND);
  }
}

static void
server_that_never_was_is_given_up (void)
{
  g_autoptr (MeshClient) client = make_client (ALICE, 3);
  MeshClientAction action;
  gint64 now = 0;
  guint tries = 0;

  mesh_client_start (client, now);
  for (;;) {
    g_assert_true (mesh_client_pop_action (client, &action));
    if (action.type != MESH_CLIENT_CONNECT)
      break;
    tries++;
    mesh_client_closed (client, NULL, now);
    if (mesh_client_deadline (client) != G_MAXINT64) {
      now = mesh_client_deadline (client);
      mesh_client_tick (client, now);
    }
  }
  g_assert_cmpint (action.type, ==, MESH_CLIENT_FAILED);
  g_assert_error (action.error, MESH_ERROR, MESH_ERROR_UNREACHABLE);
  g_assert_nonnull (strstr (action.error->message, "the server"));
  mesh_client_action_clear (&action);
  g_assert_cmpuint (tries, >=, 3);
  g_assert_cmpint (now, <=, 5 * SECOND);
}

static void
server_that_never_answers_is_given_up (void)
{
  for (guint opened = 0; opened < 2; opened++) {
    g_autoptr (MeshClient) client = make_client (ALICE, 3);

    mesh_client_start (client, 0);
    expect (client, MESH_CLIENT_CONNECT, NULL);
    if (opened) {
      mesh_client_opened (client, 0);
      expect (client, MESH_CLIENT_SEND, NULL);
    }
    g_assert_cmpint (mesh_client_deadline (client), ==,
        (opened ? 10 : 8) * SECOND);
    mesh_client_tick (client, mesh_client_deadline (client));
    expect (client, MESH_CLIENT_CLOSE, NULL);
    expect_error (client, MESH_CLIENT_FAILED, MESH_ERROR_UNREACHABLE);
    expect_nothing (client);
  }
}

/* Only the first time: later it may be a proxy whose server restarts. */
static void
no_server_for_us_is_final_at_first (void)
{
  g_autoptr (GError) error = g_error_new_literal (MESH_ERROR,
      MESH_ERROR_FAILED, "not found");
  g_autoptr (MeshClient) fresh = make_client (ALICE, 1);
  g_autoptr (MeshClient) client = make_online (0);
  gint64 now;

  mesh_client_start (fresh, 0);
  expect (fresh, MESH_CLIENT_CONNECT, NULL);
  mesh_client_closed (fresh, error, 0);
  expect_error (fresh, MESH_CLIENT_FAILED, MESH_ERROR_FAILED);

  lose (client, 0);
  now = mesh_client_deadline (client);
  mesh_client_tick (client, now);
  expect (client, MESH_CLIENT_CONNECT, NULL);
  mesh_client_closed (client, error, now);
  expect_nothing (client);
  reconnect (client);
}

static void
silence_is_noticed (void)
{
  g_autoptr (MeshClient) client = make_online (0);

  mesh_client_heard (client, SECOND);
  g_assert_cmpint (mesh_client_deadline (client), ==, 7 * SECOND);
  mesh_client_tick (client, 7 * SECOND);
  expect (client, MESH_CLIENT_SEND, "{\"type\":\"ping\"}");
  expect_nothing (client);
  feed (client, "{\"type\":\"pong\"}", 8 * SECOND);
  mesh_client_tick (client, 14 * SECOND);
  expect (client, MESH_CLIENT_SEND, "{\"type\":\"ping\"}");
  g_assert_cmpint (mesh_client_deadline (client), ==, 16 * SECOND);
  mesh_client_tick (client, 16 * SECOND);
  expect (client, MESH_CLIENT_CLOSE, NULL);
  expect (client, MESH_CLIENT_MESSAGE, "{\"type\":\"offline\"}");
  expect_error (client, MESH_CLIENT_LOST, MESH_ERROR_UNREACHABLE);
}

static void
changed_network_is_no_wait (void)
{
  MeshClient *client = make_online (0);
  gint64 now = SECOND;

  /* more addresses: the connection that there is will do */
  mesh_client_reconnect (client, FALSE, now);
  expect_nothing (client);
  mesh_client_reconnect (client, TRUE, now);
  expect (client, MESH_CLIENT_CLOSE, NULL);
  expect (client, MESH_CLIENT_MESSAGE, "{\"type\":\"offline\"}");
  expect_error (client, MESH_CLIENT_LOST, MESH_ERROR_UNREACHABLE);
  expect (client, MESH_CLIENT_CONNECT, NULL);
  expect_nothing (client);
  /* whoever waits, does so no longer */
  mesh_client_closed (client, NULL, now);
  mesh_client_reconnect (client, FALSE, now);
  expect (client, MESH_CLIENT_CONNECT, NULL);
  expect_nothing (client);
  mesh_client_free (client);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define TEST(name, func) g_test_add_func ("/client/" name, func)
  TEST ("lying-welcome", lying_welcome_is_no_welcome);
  TEST ("final-errors", final_errors_are_final);
  TEST ("owner-lives", owner_that_lives_keeps_the_id);
  TEST ("lease-ends", id_is_had_when_the_lease_ends);
  TEST ("taken-meanwhile", id_that_was_taken_meanwhile_is_asked_for_again);
  TEST ("other-errors", other_errors_are_not);
  TEST ("backoff", backoff_doubles_with_full_jitter);
  TEST ("backoff-starts-again", backoff_starts_again_when_it_held);
  TEST ("never-was", server_that_never_was_is_given_up);
  TEST ("never-answers", server_that_never_answers_is_given_up);
  TEST ("no-server-for-us", no_server_for_us_is_final_at_first);
  TEST ("silence", silence_is_noticed);
  TEST ("changed-network", changed_network_is_no_wait);
  return g_test_run ();
}
