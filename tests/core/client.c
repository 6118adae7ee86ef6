/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The client's half of the envelope, without a network and in made-up time. */

#include "core/client.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "core/error.h"
#include "core/message.h"

#define ROOM "5c8fd5c8-2c4c-4d3e-9f0a-1b2c3d4e5f60"
#define ALICE "aaaaaaaa-0000-4000-8000-000000000000"
#define BOB "bbbbbbbb-0000-4000-8000-000000000000"
#define SECOND G_GINT64_CONSTANT (1000000)

#define CHAT(text) \
  "{\"type\":\"chat\",\"from\":\"" ALICE "\",\"to\":\"" BOB "\",\"text\":\"" \
  text "\"}"
#define WELCOME(epoch, resumed, mid) \
  "{\"type\":\"welcome\",\"id\":\"" ALICE "\",\"room\":\"" ROOM \
  "\",\"epoch\":\"" epoch "\",\"resumed\":" resumed ",\"mid\":" mid \
  ",\"host\":\"" ALICE "\",\"members\":[\"" ALICE "\"]}"
#define HELLO_START \
  "{\"type\":\"hello\",\"v\":1,\"room\":\"" ROOM "\",\"id\":\"" ALICE \
  "\",\"token\":\"AAAAAAAAAAAAAAAAAAAAAA\""

static MeshClient *
make_client (const char *id, guint32 seed)
{
  MeshClientConfig config = {
    .server = "the server",
    .room = ROOM,
    .id = id,
    .token = "AAAAAAAAAAAAAAAAAAAAAA",
    .seed = seed,
  };

  return mesh_client_new (&config);
}

static void
expect (MeshClient *client, MeshClientActionType type, const char *text)
{
  MeshClientAction action;

  if (!mesh_client_pop_action (client, &action))
    g_error ("no action where %d (%s) is due", type, text ? text : "");
  if (action.type != type || (text && g_strcmp0 (action.text, text) != 0))
    g_error ("action %d (%s%s) where %d (%s) is due", action.type,
        action.text ? action.text : "",
        action.error ? action.error->message : "", type, text ? text : "");
  mesh_client_action_clear (&action);
}

static void
expect_error (MeshClient *client, MeshClientActionType type, MeshError code)
{
  MeshClientAction action;

  g_assert_true (mesh_client_pop_action (client, &action));
  g_assert_cmpint (action.type, ==, type);
  g_assert_error (action.error, MESH_ERROR, (int) code);
  mesh_client_action_clear (&action);
}

static void
expect_nothing (MeshClient *client)
{
  MeshClientAction action;

  if (mesh_client_pop_action (client, &action))
    g_error ("action %d (%s%s) where none is due", action.type,
        action.text ? action.text : "",
        action.error ? action.error->message : "");
}

static void
feed (MeshClient *client, const char *text, gint64 now)
{
  mesh_client_feed (client, text, strlen (text), now);
}

static void
send_text (MeshClient *client, const char *text)
{
  g_autoptr (GError) error = NULL;

  mesh_client_send (client, text, strlen (text), &error);
  g_assert_no_error (error);
}

static MeshClient *
make_online (gint64 now)
{
  MeshClient *client = make_client (ALICE, 1);

  mesh_client_start (client, now);
  expect (client, MESH_CLIENT_CONNECT, NULL);
  mesh_client_opened (client, now);
  expect (client, MESH_CLIENT_SEND, HELLO_START "}");
  feed (client, WELCOME ("e1", "false", "0"), now);
  expect (client, MESH_CLIENT_MESSAGE,
      "{\"type\":\"welcome\",\"id\":\"" ALICE "\",\"room\":\"" ROOM
      "\",\"resumed\":false,\"host\":\"" ALICE "\",\"members\":[\"" ALICE
      "\"]}");
  expect_nothing (client);
  return client;
}

static void
lose (MeshClient *client, gint64 now)
{
  mesh_client_closed (client, NULL, now);
  expect (client, MESH_CLIENT_MESSAGE, "{\"type\":\"offline\"}");
  expect_error (client, MESH_CLIENT_LOST, MESH_ERROR_UNREACHABLE);
  expect_nothing (client);
}

/* Up to the hello, which is not looked at. */
static gint64
reconnect (MeshClient *client)
{
  gint64 now = mesh_client_deadline (client);

  mesh_client_tick (client, now);
  expect (client, MESH_CLIENT_CONNECT, NULL);
  mesh_client_opened (client, now);
  return now;
}

static void
chat_frame (MeshClient *client, guint seq, gint64 now)
{
  g_autofree char *frame = g_strdup_printf (
      "{\"seq\":%u,\"from\":\"" BOB "\",\"payload\":{\"type\":\"chat\","
      "\"from\":\"" BOB "\",\"text\":\"%u\"}}",
      seq, seq);

  feed (client, frame, now);
}

static void
expect_chat (MeshClient *client, guint seq)
{
  g_autofree char *text = g_strdup_printf (
      "{\"type\":\"chat\",\"from\":\"" BOB "\",\"text\":\"%u\"}", seq);

  expect (client, MESH_CLIENT_MESSAGE, text);
}

static void
sends_are_kept_until_taken (void)
{
  g_autoptr (MeshClient) client = make_client (ALICE, 1);
  gint64 now = 0;

  send_text (client, CHAT ("1"));
  expect_nothing (client);
  mesh_client_start (client, now);
  expect (client, MESH_CLIENT_CONNECT, NULL);
  mesh_client_opened (client, now);
  expect (client, MESH_CLIENT_SEND, HELLO_START "}");
  send_text (client, CHAT ("2"));
  expect_nothing (client);
  feed (client, WELCOME ("e1", "false", "0"), now);
  expect (client, MESH_CLIENT_MESSAGE, NULL);
  expect (client, MESH_CLIENT_SEND,
      "{\"mid\":1,\"to\":\"" BOB "\",\"payload\":" CHAT ("1") "}");
  expect (client, MESH_CLIENT_SEND,
      "{\"mid\":2,\"to\":\"" BOB "\",\"payload\":" CHAT ("2") "}");
  send_text (client, CHAT ("3"));
  expect (client, MESH_CLIENT_SEND,
      "{\"mid\":3,\"to\":\"" BOB "\",\"payload\":" CHAT ("3") "}");
  feed (client, "{\"mid\":1}", now);
  expect_nothing (client);

  /* the server has taken 2 as well, and could not say so */
  lose (client, now);
  now = reconnect (client);
  expect (client, MESH_CLIENT_SEND,
      HELLO_START ",\"epoch\":\"e1\",\"after\":0}");
  feed (client, WELCOME ("e1", "true", "2"), now);
  expect (client, MESH_CLIENT_MESSAGE, NULL);
  expect (client, MESH_CLIENT_SEND,
      "{\"mid\":3,\"to\":\"" BOB "\",\"payload\":" CHAT ("3") "}");
  expect_nothing (client);

  /* it has forgotten everything: the same number again */
  lose (client, now);
  now = reconnect (client);
  expect (client, MESH_CLIENT_SEND, NULL);
  feed (client, WELCOME ("e2", "false", "0"), now);
  expect (client, MESH_CLIENT_MESSAGE, NULL);
  expect (client, MESH_CLIENT_SEND,
      "{\"mid\":3,\"to\":\"" BOB "\",\"payload\":" CHAT ("3") "}");
  expect_nothing (client);
}

static void
repeated_frames_are_dropped (void)
{
  g_autoptr (MeshClient) client = make_online (0);
  gint64 now;

  chat_frame (client, 1, 0);
  chat_frame (client, 1, 0);
  chat_frame (client, 2, 0);
  chat_frame (client, 1, 0);
  expect_chat (client, 1);
  expect_chat (client, 2);
  expect_nothing (client);
  lose (client, 0);
  now = reconnect (client);
  expect (client, MESH_CLIENT_SEND,
      HELLO_START ",\"epoch\":\"e1\",\"after\":2}");
  feed (client, WELCOME ("e1", "true", "0"), now);
  expect (client, MESH_CLIENT_MESSAGE, NULL);
  chat_frame (client, 2, now);
  chat_frame (client, 3, now);
  expect_chat (client, 3);
  expect_nothing (client);

  /* a new box counts from 1 */
  lose (client, now);
  now = reconnect (client);
  expect (client, MESH_CLIENT_SEND, NULL);
  feed (client, WELCOME ("e2", "false", "0"), now);
  expect (client, MESH_CLIENT_MESSAGE, NULL);
  chat_frame (client, 1, now);
  expect_chat (client, 1);
}

static void
acknowledges_every_32_or_after_200_ms (void)
{
  g_autoptr (MeshClient) client = make_online (0);

  for (guint seq = 1; seq <= 31; seq++) {
    chat_frame (client, seq, 0);
    expect_chat (client, seq);
  }
  expect_nothing (client);
  chat_frame (client, 32, 1000);
  expect (client, MESH_CLIENT_SEND, "{\"ack\":32}");
  expect_chat (client, 32);
  chat_frame (client, 33, 5000);
  expect_chat (client, 33);
  chat_frame (client, 34, 9000);
  expect_chat (client, 34);
  g_assert_cmpint (mesh_client_deadline (client), ==, 205000);
  mesh_client_tick (client, 204999);
  expect_nothing (client);
  mesh_client_tick (client, 205000);
  expect (client, MESH_CLIENT_SEND, "{\"ack\":34}");
  expect_nothing (client);
  g_assert_cmpint (mesh_client_deadline (client), >, SECOND);
}

static void
gap_means_to_ask_again (void)
{
  g_autoptr (MeshClient) client = make_online (0);

  chat_frame (client, 1, 0);
  expect_chat (client, 1);
  chat_frame (client, 3, 0);
  expect (client, MESH_CLIENT_CLOSE, NULL);
  expect (client, MESH_CLIENT_MESSAGE, "{\"type\":\"offline\"}");
  expect_error (client, MESH_CLIENT_LOST, MESH_ERROR_UNREACHABLE);
  reconnect (client);
  expect (client, MESH_CLIENT_SEND,
      HELLO_START ",\"epoch\":\"e1\",\"after\":1}");
  expect_nothing (client);
}

/* What could not be read once will not be readable the next time. */
static void
unreadable_frame_is_no_gap (void)
{
  g_autoptr (MeshClient) client = make_online (0);

  chat_frame (client, 1, 0);
  expect_chat (client, 1);
  feed (client, "[[[[[[[[[[[[", 0);
  expect_error (client, MESH_CLIENT_WARNING, MESH_ERROR_BAD_MESSAGE);
  chat_frame (client, 3, 0);
  expect_chat (client, 3);
  expect_nothing (client);
}

static void
junk_is_a_warning (void)
{
  static const char *const junk[] = {
    "", "x", "[]", "{\"type\":7}", "{\"seq\":\"1\"}", "{\"seq\":-1}",
    "{\"seq\":1.5}", "{\"mid\":1}", "{\"mid\":true}", "{\"mid\":-1}",
    "{\"seq\":1}", "{\"seq\":1,\"from\":7,\"payload\":{}}",
    "{\"seq\":1,\"from\":\"" BOB "\",\"payload\":[]}",
    "{\"seq\":1,\"from\":\"" BOB "\",\"payload\":{\"from\":\"" BOB "\"}}",
    "{\"seq\":1,\"from\":\"x\",\"payload\":{\"from\":\"x\",\"type\":\"y\"}}",
    "{\"seq\":1,\"from\":\"" BOB "\",\"payload\":{\"from\":\"" ALICE
    "\",\"type\":\"chat\"}}",
    "{\"seq\":1,\"from\":\"" BOB "\",\"payload\":{\"type\":\"welcome\"}}",
    "{\"seq\":1,\"event\":{}}", "{\"seq\":1,\"event\":{\"type\":\"left\"}}",
    "{\"seq\":1,\"event\":{\"type\":\"chat\",\"from\":\"" BOB
    "\",\"text\":\"\"}}",
    "{\"seq\":1,\"event\":{\"type\":\"welcome\"}}",
    "{\"seq\":1,\"event\":{\"type\":\"offline\"}}",
    "{\"type\":\"error\",\"code\":7}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (junk); i++) {
    g_autoptr (MeshClient) client = make_online (0);
    MeshClientAction action;

    g_test_message ("%s", junk[i]);
    feed (client, junk[i], 0);
    g_assert_true (mesh_client_pop_action (client, &action));
    g_assert_cmpint (action.type, ==, MESH_CLIENT_WARNING);
    mesh_client_action_clear (&action);
    expect_nothing (client);
    chat_frame (client, 2, 0);
    chat_frame (client, 1, 0);
  }
}

/* Whatever stands in a message is for those whom it is for. */
static void
messages_pass_as_they_are_written (void)
{
  static const char ours[] = " { \"to\" : \"" BOB "\",\"from\":\"" ALICE
      "\",\"x\":[1.50,\"\\u00e4\\/\"]} ";
  static const char theirs[] = "{ \"x\" :1e2, \"type\":\"c\\u0068at\","
      "\"from\":\"" BOB "\",\"y\":\"\\u00e4\\/\"}";
  g_autoptr (MeshClient) client = make_online (0);
  g_autofree char *frame = g_strdup_printf (
      "{\"payload\": %s ,\"from\":\"" BOB "\",\"seq\":1}", theirs);
  g_autofree char *sent = g_strdup_printf (
      "{\"mid\":1,\"to\":\"" BOB "\",\"payload\":%s}", ours);

  g_assert_true (mesh_client_send (client, ours, strlen (ours), NULL));
  expect (client, MESH_CLIENT_SEND, sent);
  feed (client, frame, 0);
  expect (client, MESH_CLIENT_MESSAGE, theirs);
}

/* A reader behind us could take the other one. */
static void
two_senders_are_none (void)
{
  g_autoptr (MeshClient) client = make_online (0);
  const char *text = "{\"from\":\"" ALICE "\",\"from\":\"" ALICE
      "\",\"to\":\"" BOB "\"}";

  feed (client, "{\"seq\":1,\"from\":\"" BOB "\",\"payload\":{\"from\":\""
      ALICE "\",\"type\":\"chat\",\"from\":\"" BOB "\"}}", 0);
  expect_error (client, MESH_CLIENT_WARNING, MESH_ERROR_BAD_MESSAGE);
  g_assert_false (mesh_client_send (client, text, strlen (text), NULL));
  expect_nothing (client);
}

static void
unknown_frames_are_ignored (void)
{
  static const char *const frames[] = {
    "{}", "{\"type\":\"later\"}", "{\"type\":\"pong\"}",
    "{\"seq\":1,\"event\":{\"type\":\"later\"}}",
    WELCOME ("e9", "false", "0"),
  };

  for (guint i = 0; i < G_N_ELEMENTS (frames); i++) {
    g_autoptr (MeshClient) client = make_online (0);

    feed (client, frames[i], 0);
    expect_nothing (client);
  }
}

static void
warnings_are_rationed (void)
{
  g_autoptr (MeshClient) client = make_online (0);

  for (guint i = 0; i < 1000; i++)
    feed (client, "junk", i);
  expect_error (client, MESH_CLIENT_WARNING, MESH_ERROR_BAD_MESSAGE);
  expect_nothing (client);
  feed (client, "junk", SECOND);
  expect_error (client, MESH_CLIENT_WARNING, MESH_ERROR_BAD_MESSAGE);
}

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

/* It was away for longer than the lease, and somebody else has come. */
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

static void
id_can_come_later (void)
{
  g_autoptr (MeshClient) client = make_client (NULL, 1);
  g_autoptr (GError) error = NULL;

  mesh_client_start (client, 0);
  expect_nothing (client);
  g_assert_false (
      mesh_client_send (client, CHAT ("1"), strlen (CHAT ("1")), &error));
  g_assert_error (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE);
  g_assert_false (mesh_client_set_id (client, "x\",\"y\":\"", 0));
  g_assert_false (mesh_client_set_id (client, NULL, 0));
  g_assert_true (mesh_client_set_id (client, ALICE, 7 * SECOND));
  g_assert_true (mesh_client_set_id (client, ALICE, 7 * SECOND));
  g_assert_false (mesh_client_set_id (client, BOB, 7 * SECOND));
  expect (client, MESH_CLIENT_CONNECT, NULL);
  expect_nothing (client);
  g_assert_cmpint (mesh_client_deadline (client), ==, 15 * SECOND);
}

static void
foolish_sends_are_refused (void)
{
  g_autofree char *long_text = g_strnfill (64 * 1024 - 160, 'x');
  g_autofree char *too_big = g_strdup_printf (
      "{\"type\":\"chat\",\"from\":\"" ALICE "\",\"to\":\"" BOB
      "\",\"text\":\"%s\"}",
      long_text);
  const char *const foolish[] = {
    "", "x", "[]", "{}",
    "{\"type\":\"chat\",\"from\":\"" ALICE "\"}",
    "{\"type\":\"chat\",\"from\":\"" BOB "\",\"to\":\"" BOB "\"}",
    "{\"type\":\"chat\",\"to\":\"" BOB "\"}",
    "{\"type\":\"chat\",\"from\":\"" ALICE "\",\"to\":\"x\"}",
    "{\"type\":\"chat\",\"from\":\"" ALICE "\",\"to\":\"" BOB
    "\",\"x\":[[[[[[[1]]]]]]]}",
    too_big,
  };
  g_autoptr (MeshClient) client = make_online (0);

  for (guint i = 0; i < G_N_ELEMENTS (foolish); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (mesh_client_send (client, foolish[i], strlen (foolish[i]),
        &error));
    g_assert_true (error && error->domain == MESH_ERROR);
    expect_nothing (client);
  }
  send_text (client, CHAT ("1"));       /* they have used up no number */
  expect (client, MESH_CLIENT_SEND,
      "{\"mid\":1,\"to\":\"" BOB "\",\"payload\":" CHAT ("1") "}");
}

static void
queue_is_bounded (void)
{
  g_autoptr (MeshClient) client = make_client (ALICE, 1);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = g_strnfill (32 * 1024, 'x');
  g_autofree char *big = g_strdup_printf (
      "{\"type\":\"chat\",\"from\":\"" ALICE "\",\"to\":\"" BOB
      "\",\"text\":\"%s\"}",
      text);
  guint sent = 0;

  for (guint i = 0; i < MESH_MESSAGE_MAX_WAITING; i++)
    send_text (client, CHAT ("1"));
  g_assert_false (
      mesh_client_send (client, CHAT ("1"), strlen (CHAT ("1")), &error));
  g_assert_error (error, MESH_ERROR, MESH_ERROR_TOO_BIG);

  mesh_client_free (client);
  client = make_client (ALICE, 1);
  while (mesh_client_send (client, big, strlen (big), NULL))
    sent++;
  g_assert_cmpuint (sent * strlen (big), <=, MESH_MESSAGE_MAX_WAITING_BYTES);
  g_assert_cmpuint (sent, >, 100);
}

static void
leaving_says_bye (void)
{
  g_autoptr (MeshClient) online = make_online (0);
  g_autoptr (MeshClient) connecting = make_client (ALICE, 1);
  g_autoptr (MeshClient) idle = make_client (ALICE, 1);

  mesh_client_leave (online);
  expect (online, MESH_CLIENT_SEND, "{\"type\":\"bye\"}");
  expect (online, MESH_CLIENT_FINISH, NULL);
  feed (online, "{\"mid\":0}", 0);
  mesh_client_closed (online, NULL, 0);
  expect_nothing (online);
  g_assert_cmpint (mesh_client_deadline (online), ==, G_MAXINT64);

  mesh_client_start (connecting, 0);
  expect (connecting, MESH_CLIENT_CONNECT, NULL);
  mesh_client_leave (connecting);
  expect (connecting, MESH_CLIENT_CLOSE, NULL);
  expect_nothing (connecting);

  mesh_client_leave (idle);
  mesh_client_start (idle, 0);
  expect_nothing (idle);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define TEST(name, func) g_test_add_func ("/client/" name, func)
  TEST ("sends-are-kept", sends_are_kept_until_taken);
  TEST ("repeated-frames", repeated_frames_are_dropped);
  TEST ("acks", acknowledges_every_32_or_after_200_ms);
  TEST ("gap", gap_means_to_ask_again);
  TEST ("unreadable-is-no-gap", unreadable_frame_is_no_gap);
  TEST ("as-written", messages_pass_as_they_are_written);
  TEST ("two-senders", two_senders_are_none);
  TEST ("junk", junk_is_a_warning);
  TEST ("unknown-frames", unknown_frames_are_ignored);
  TEST ("warnings-rationed", warnings_are_rationed);
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
  TEST ("id-later", id_can_come_later);
  TEST ("foolish-sends", foolish_sends_are_refused);
  TEST ("queue-is-bounded", queue_is_bounded);
  TEST ("leaving", leaving_says_bye);
  return g_test_run ();
}
