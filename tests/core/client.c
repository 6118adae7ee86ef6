/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The frames of a client that is connected: what it sends, keeps, acknowledges
 * and drops. */

#include "client-fixture.h"
#include "core/message.h"

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

/* An unreadable frame is not asked for again: it would come the same. */
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

/* The text of a message is passed on byte for byte. */
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
  TEST ("id-later", id_can_come_later);
  TEST ("foolish-sends", foolish_sends_are_refused);
  TEST ("queue-is-bounded", queue_is_bounded);
  TEST ("leaving", leaving_says_bye);
  return g_test_run ();
}
