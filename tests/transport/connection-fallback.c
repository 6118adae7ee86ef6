/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A connection that chooses its transport: which links and servers it gives up,
 * and when it polls because no WebSocket gets through. */

#include "connection-fixture.h"

static void
http_errors_say_what_is_wrong (void)
{
  static const struct {
    int status;
    MeshError error;
    const char *text;
  } cases[] = {
    { 403, MESH_ERROR_REFUSED, "403" },
    { 404, MESH_ERROR_FAILED, "no meshroom server" },
    { 200, MESH_ERROR_FAILED, "no meshroom server" },
    { 503, MESH_ERROR_UNREACHABLE, "503" },
    { FAKE_WRONG_ACCEPT, MESH_ERROR_FAILED, "handshake" },
    { FAKE_EXTENSION, MESH_ERROR_FAILED, "handshake" },
    { FAKE_HANG_UP, MESH_ERROR_UNREACHABLE, "could not reach" },
    { FAKE_NO_ANSWER, MESH_ERROR_UNREACHABLE, "no answer" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (FakeServer) server = fake_server_new (NULL);
    g_autoptr (Log) log = log_new ();
    g_autoptr (MeshConnection) connection = NULL;

    fake_server_answer_with (server, cases[i].status);
    connection = connect_to (server, log, FAKE_ALICE);
    fake_wait_until (has_fatal, log);
    g_test_message ("%d: %s", cases[i].status, log->fatal->message);
    g_assert_error (log->fatal, MESH_ERROR, (int) cases[i].error);
    g_assert_nonnull (strstr (log->fatal->message, cases[i].text));
  }
}

static void
foolish_links_and_ids_are_refused (void)
{
  static const char *const cases[][2] = {
    { "x", NULL },
    { "http://127.0.0.1/", FAKE_ALICE },
    { "http://127.0.0.1/room/" FAKE_ROOM, "alice" },
    { "http://127.0.0.1/room/" FAKE_ROOM, "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (mesh_connection_new (cases[i][0], cases[i][1], &error));
    g_assert_true (error && error->domain == MESH_ERROR);
  }
}

/* A client polls where no WebSocket gets through to the server. */
static void
falls_back_to_polling (void)
{
  static const int obstacles[] = { FAKE_NO_UPGRADE, FAKE_CUT, FAKE_SWALLOW };

  for (guint i = 0; i < G_N_ELEMENTS (obstacles); i++) {
    g_autoptr (FakeServer) server = fake_server_new (NULL);
    g_autoptr (Log) log = log_new ();
    g_autoptr (MeshConnection) connection = NULL;
    guint attempts;

    g_test_message ("obstacle %u", i);
    fake_server_answer_with (server, obstacles[i]);
    connection = connect_to (server, log, FAKE_ALICE);
    send_text (connection, TO_BOB ("1"));
    json_object_unref (fake_server_welcome (server, "e1", FALSE, 0));
    json_object_unref (log_wait_message (log, "welcome"));
    expect_send (server, 1);
    send_chat (server, 1, FAKE_BOB, FAKE_BOB);
    expect_chat (log, 1);
    g_assert_cmpuint (log->errors.length, ==, 0);

    /* and does not try the WebSocket again, as long as it can do without */
    attempts = fake_server_count_upgrades (server);
    g_assert_cmpuint (attempts, ==, 1);
    fake_server_cut (server);
    json_object_unref (log_wait_message (log, "offline"));
    json_object_unref (fake_server_welcome (server, "e1", TRUE, 1));
    json_object_unref (log_wait_message (log, "welcome"));
    g_assert_cmpuint (fake_server_count_upgrades (server), ==, attempts);
    mesh_connection_stop (connection);
  }
}

/* Each WebSocket says its welcome, and is cut then. */
static void
falls_back_when_cut_again_and_again (void)
{
  g_autoptr (FakeServer) server = fake_server_new (NULL);
  g_autoptr (Log) log = log_new ();
  g_autoptr (MeshConnection) connection = connect_to (server, log, FAKE_ALICE);

  json_object_unref (fake_server_welcome (server, "e1", FALSE, 0));
  json_object_unref (log_wait_message (log, "welcome"));
  for (guint i = 1; i <= 3; i++) {
    fake_server_cut (server);
    json_object_unref (log_wait_message (log, "offline"));
    json_object_unref (fake_server_welcome (server, "e1", TRUE, 0));
    json_object_unref (log_wait_message (log, "welcome"));
  }
  g_assert_cmpuint (fake_server_count_upgrades (server), ==, 2);
}

/* A server that goes away and says so is not taken for a proxy's doing. */
static void
stays_with_what_works (void)
{
  g_autoptr (FakeServer) server = fake_server_new (NULL);
  g_autoptr (Log) log = log_new ();
  g_autoptr (MeshConnection) connection = connect_to (server, log, FAKE_ALICE);

  json_object_unref (fake_server_welcome (server, "e1", FALSE, 0));
  json_object_unref (log_wait_message (log, "welcome"));
  for (guint i = 1; i <= 3; i++) {
    fake_server_send (server, "{\"type\":\"error\",\"code\":\"going-away\","
        "\"message\":\"\"}");
    json_object_unref (log_wait_message (log, "offline"));
    json_object_unref (fake_server_welcome (server, "e1", TRUE, 0));
    json_object_unref (log_wait_message (log, "welcome"));
  }
  g_assert_cmpuint (fake_server_count_upgrades (server), ==, 4);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define TEST(name, func) g_test_add_func ("/connection/link/" name, func)
  TEST ("http-errors", http_errors_say_what_is_wrong);
  TEST ("foolish", foolish_links_and_ids_are_refused);
  TEST ("falls-back", falls_back_to_polling);
  TEST ("falls-back-later", falls_back_when_cut_again_and_again);
  TEST ("stays", stays_with_what_works);
  return g_test_run ();
}
