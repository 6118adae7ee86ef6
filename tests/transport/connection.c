/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A connection keeps what it promises over each transport, against servers that
 * are slow, that cut and that lie. */

#include "connection-fixture.h"
#include "signalling/longpoll.h"
#include "signalling/websocket.h"

static void
messages_go_both_ways (void)
{
  g_autoptr (FakeServer) server = fake_server_new (NULL);
  g_autoptr (Log) log = log_new ();
  g_autoptr (MeshConnection) connection = connect_to (server, log, FAKE_ALICE);
  g_autoptr (JsonObject) hello = NULL;
  g_autoptr (JsonObject) welcome = NULL;
  g_autoptr (JsonObject) bye = NULL;

  send_text (connection, TO_BOB ("1"));
  hello = fake_server_welcome (server, "e1", FALSE, 0);
  g_assert_cmpstr (json_object_get_string_member (hello, "room"), ==,
      FAKE_ROOM);
  g_assert_cmpuint (strlen (json_object_get_string_member (hello, "token")),
      ==, 22);
  welcome = log_wait_message (log, "welcome");
  g_assert_false (json_object_has_member (welcome, "epoch"));
  g_assert_false (json_object_has_member (welcome, "mid"));
  expect_send (server, 1);
  send_text (connection, TO_BOB ("2"));
  expect_send (server, 2);
  send_chat (server, 1, FAKE_BOB, FAKE_BOB);
  expect_chat (log, 1);
  mesh_connection_stop (connection);
  bye = fake_server_wait_for (server, "type");
  g_assert_cmpstr (json_object_get_string_member (bye, "type"), ==, "bye");
}

static void
resumes_after_a_cut (void)
{
  g_autoptr (FakeServer) server = fake_server_new (NULL);
  g_autoptr (Log) log = log_new ();
  g_autoptr (MeshConnection) connection = connect_to (server, log, FAKE_ALICE);
  g_autoptr (JsonObject) first = fake_server_welcome (server, "e1", FALSE, 0);
  g_autoptr (JsonObject) second = NULL;
  g_autoptr (JsonObject) offline = NULL;
  g_autoptr (GError) lost = NULL;

  json_object_unref (log_wait_message (log, "welcome"));
  send_chat (server, 1, FAKE_BOB, FAKE_BOB);
  expect_chat (log, 1);
  send_text (connection, TO_BOB ("1"));
  send_text (connection, TO_BOB ("2"));
  expect_send (server, 1);
  fake_server_cut (server);
  offline = log_wait_message (log, "offline");
  lost = log_wait_error (log);
  g_assert_error (lost, MESH_ERROR, MESH_ERROR_UNREACHABLE);

  second = fake_server_welcome (server, "e1", TRUE, 1);
  g_assert_cmpstr (json_object_get_string_member (second, "epoch"), ==, "e1");
  g_assert_cmpint (json_object_get_int_member (second, "after"), ==, 1);
  g_assert_cmpstr (json_object_get_string_member (second, "token"), ==,
      json_object_get_string_member (first, "token"));
  json_object_unref (log_wait_message (log, "welcome"));
  expect_send (server, 2);
  send_chat (server, 1, FAKE_BOB, FAKE_BOB);    /* once more */
  send_chat (server, 2, FAKE_BOB, FAKE_BOB);
  expect_chat (log, 2);
}

static void
waits_for_its_id (void)
{
  g_autoptr (FakeServer) server = fake_server_new (NULL);
  g_autoptr (Log) log = log_new ();
  g_autoptr (MeshConnection) connection = connect_to (server, log, NULL);
  g_autoptr (JsonObject) hello = NULL;
  g_autofree char *id = NULL;

  g_assert_null (mesh_connection_dup_peer_id (connection));
  g_assert_false (mesh_connection_set_peer_id (connection, "nobody"));
  g_assert_true (mesh_connection_set_peer_id (connection, FAKE_BOB));
  g_assert_false (mesh_connection_set_peer_id (connection, FAKE_ALICE));
  hello = fake_server_welcome (server, "e1", FALSE, 0);
  g_assert_cmpstr (json_object_get_string_member (hello, "id"), ==, FAKE_BOB);
}

static void
forged_sender_is_dropped (void)
{
  g_autoptr (FakeServer) server = fake_server_new (NULL);
  g_autoptr (Log) log = log_new ();
  g_autoptr (MeshConnection) connection = connect_to (server, log, FAKE_ALICE);
  g_autoptr (GError) error = NULL;

  json_object_unref (fake_server_welcome (server, "e1", FALSE, 0));
  json_object_unref (log_wait_message (log, "welcome"));
  send_chat (server, 1, FAKE_ALICE, FAKE_BOB);
  send_chat (server, 2, FAKE_BOB, FAKE_BOB);
  expect_chat (log, 2);
  error = log_wait_error (log);
  g_assert_error (error, MESH_ERROR, MESH_ERROR_BAD_MESSAGE);
  g_assert_nonnull (strstr (error->message, FAKE_BOB));
}

static void
refused_for_good (void)
{
  static const struct {
    const char *code;
    MeshError error;
  } cases[] = {
    { "refused", MESH_ERROR_REFUSED },
    { "room-full", MESH_ERROR_REFUSED },
    { "bad-message", MESH_ERROR_FAILED },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (FakeServer) server = fake_server_new (NULL);
    g_autoptr (Log) log = log_new ();
    g_autoptr (MeshConnection) connection
        = connect_to (server, log, FAKE_ALICE);
    g_autoptr (GError) error = NULL;

    json_object_unref (fake_server_wait (server));
    fake_server_send (server,
        "{\"type\":\"error\",\"code\":\"%s\",\"message\":\"no \\u001b[31m\"}",
        cases[i].code);
    fake_wait_until (has_fatal, log);
    g_assert_error (log->fatal, MESH_ERROR, (int) cases[i].error);
    g_assert_nonnull (strstr (log->fatal->message, cases[i].code));
    g_assert_null (strchr (log->fatal->message, '\033'));
    g_assert_false (
        mesh_connection_send (connection, TO_BOB ("1"), -1, &error));
    g_assert_nonnull (error);
  }
}

static void
stop_is_quick (void)
{
  g_autoptr (FakeServer) server = fake_server_new (NULL);
  g_autoptr (Log) log = log_new ();
  g_autoptr (MeshConnection) connection = NULL;
  gint64 begin;

  fake_server_answer_with (server, FAKE_NO_ANSWER);
  connection = connect_to (server, log, FAKE_ALICE);
  fake_server_wait_attempts (server, 1);
  begin = g_get_monotonic_time ();
  mesh_connection_stop (connection);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, G_TIME_SPAN_SECOND);
}

static void
lying_server_is_asked_again (void)
{
  g_autoptr (FakeServer) server = fake_server_new (NULL);
  g_autoptr (Log) log = log_new ();
  g_autoptr (MeshConnection) connection = connect_to (server, log, FAKE_ALICE);
  g_autoptr (JsonObject) hello = NULL;
  g_autofree char *huge = g_strnfill (100 * 1024, 'x');

  json_object_unref (fake_server_welcome (server, "e1", FALSE, 0));
  json_object_unref (log_wait_message (log, "welcome"));
  send_chat (server, 1, FAKE_BOB, FAKE_BOB);
  expect_chat (log, 1);
  send_chat (server, 3, FAKE_BOB, FAKE_BOB);    /* where is 2? */
  json_object_unref (log_wait_message (log, "offline"));
  hello = fake_server_welcome (server, "e1", TRUE, 0);
  g_assert_cmpint (json_object_get_int_member (hello, "after"), ==, 1);
  json_object_unref (log_wait_message (log, "welcome"));
  send_chat (server, 2, FAKE_BOB, FAKE_BOB);
  expect_chat (log, 2);

  fake_server_send (server, "%s", huge);
  json_object_unref (log_wait_message (log, "offline"));
  json_object_unref (fake_server_welcome (server, "e1", TRUE, 0));
  json_object_unref (log_wait_message (log, "welcome"));
  send_chat (server, 3, FAKE_BOB, FAKE_BOB);
  expect_chat (log, 3);
}

static void
messages_wait_for_a_receiver (void)
{
  g_autoptr (FakeServer) server = fake_server_new (NULL);
  g_autoptr (Log) log = log_new ();
  g_autoptr (MeshConnection) connection = new_connection (server, FAKE_ALICE);
  g_autoptr (JsonObject) ack = NULL;

  mesh_connection_start (connection);
  json_object_unref (fake_server_welcome (server, "e1", FALSE, 0));
  send_chat (server, 1, FAKE_BOB, FAKE_BOB);
  ack = fake_server_wait_for (server, "ack");
  mesh_connection_set_callbacks (connection, on_message, on_error, log, NULL);
  json_object_unref (log_wait_message (log, "welcome"));
  expect_chat (log, 1);
}

typedef struct {
  GMutex lock;
  gboolean gone;
} Flag;

static gboolean
is_gone (gpointer data)
{
  Flag *flag = data;
  gboolean gone;

  g_mutex_lock (&flag->lock);
  gone = flag->gone;
  g_mutex_unlock (&flag->lock);
  return gone;
}

static void
on_gone (gpointer data)
{
  Flag *flag = data;

  g_mutex_lock (&flag->lock);
  flag->gone = TRUE;
  g_mutex_unlock (&flag->lock);
  g_main_context_wakeup (NULL);
}

static void
stop_on_message (MeshConnection *connection, const char *json,
    gpointer user_data)
{
  mesh_connection_stop (connection);
  g_object_unref (connection);
}

/* A thread cannot wait for itself, and goes all the same. */
static void
callback_may_drop_the_last_reference (void)
{
  g_autoptr (FakeServer) server = fake_server_new (NULL);
  MeshConnection *connection = new_connection (server, FAKE_ALICE);
  g_autoptr (JsonObject) bye = NULL;
  Flag flag = { 0 };

  g_mutex_init (&flag.lock);
  mesh_connection_set_callbacks (connection, stop_on_message, NULL, &flag,
      on_gone);
  mesh_connection_start (connection);
  json_object_unref (fake_server_welcome (server, "e1", FALSE, 0));
  bye = fake_server_wait_for (server, "type");
  g_assert_cmpstr (json_object_get_string_member (bye, "type"), ==, "bye");
  fake_wait_until (is_gone, &flag);
  g_mutex_clear (&flag.lock);
}

/* An answer that is not whole is dropped as a whole, and asked for again. */
static void
lies_are_not_believed (void)
{
  g_autoptr (FakeServer) server = fake_server_new (NULL);
  g_autoptr (Log) log = log_new ();
  g_autoptr (MeshConnection) connection = connect_to (server, log, FAKE_ALICE);
  guint seq = 0;

  json_object_unref (fake_server_welcome (server, "e1", FALSE, 0));
  json_object_unref (log_wait_message (log, "welcome"));
  for (guint lie = FAKE_GAP; lie <= FAKE_ERROR; lie++) {
    fake_server_lie (server, lie);
    send_chat (server, ++seq, FAKE_BOB, FAKE_BOB);
    send_chat (server, ++seq, FAKE_BOB, FAKE_BOB);
    expect_chat (log, seq - 1);
    expect_chat (log, seq);
  }
  g_assert_cmpuint (log->errors.length, ==, 0);
}

typedef struct {
  MeshTransport *(*make) (const MeshLink *link);
  void (*func) (void);
} Case;

static void
run_case (gconstpointer data)
{
  const Case *test = data;

  make_transport = test->make;
  test->func ();
  make_transport = NULL;
}

static void
add (const char *kind, MeshTransport *(*make) (const MeshLink *link),
    const char *name, void (*func) (void))
{
  g_autofree char *path = g_strdup_printf ("/connection/%s/%s", kind, name);
  Case *test = g_new (Case, 1);

  *test = (Case) { make, func };
  g_test_add_data_func_full (path, test, run_case, g_free);
}

static void
add_kind (const char *kind, MeshTransport *(*make) (const MeshLink *link))
{
  add (kind, make, "both-ways", messages_go_both_ways);
  add (kind, make, "resumes", resumes_after_a_cut);
  add (kind, make, "waits-for-id", waits_for_its_id);
  add (kind, make, "forged-sender", forged_sender_is_dropped);
  add (kind, make, "refused", refused_for_good);
  add (kind, make, "stop-is-quick", stop_is_quick);
  add (kind, make, "lying-server", lying_server_is_asked_again);
  add (kind, make, "waits-for-receiver", messages_wait_for_a_receiver);
  add (kind, make, "last-reference", callback_may_drop_the_last_reference);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_kind ("websocket", mesh_websocket_new);
  add_kind ("longpoll", mesh_longpoll_new);
  add ("longpoll", mesh_longpoll_new, "lies", lies_are_not_believed);
  return g_test_run ();
}
