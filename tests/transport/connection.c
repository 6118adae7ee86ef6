/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A connection keeps what it promises against servers that are slow, that cut,
 * that lie and that are none. */

#include <string.h>

#include "core/error.h"
#include "fake-server.h"
#include "signalling/connection.h"
#include "signalling/longpoll.h"
#include "signalling/websocket.h"

#define TO_BOB(text) \
  "{\"type\":\"chat\",\"from\":\"" FAKE_ALICE "\",\"to\":\"" FAKE_BOB \
  "\",\"text\":\"" text "\"}"

/* What a connection told us; written by its thread. */
typedef struct {
  GMutex lock;
  GQueue messages;              /* JsonObject */
  GQueue errors;                /* GError, not fatal */
  GError *fatal;
} Log;

static void
on_message (MeshConnection *connection, const char *json, gpointer user_data)
{
  Log *log = user_data;
  g_autoptr (JsonNode) node = json_from_string (json, NULL);

  g_mutex_lock (&log->lock);
  g_queue_push_tail (&log->messages, json_node_dup_object (node));
  g_mutex_unlock (&log->lock);
  g_main_context_wakeup (NULL);
}

static void
on_error (MeshConnection *connection, const GError *error, gboolean fatal,
    gpointer user_data)
{
  Log *log = user_data;

  g_mutex_lock (&log->lock);
  if (fatal) {
    g_assert_null (log->fatal);
    log->fatal = g_error_copy (error);
  } else {
    g_queue_push_tail (&log->errors, g_error_copy (error));
  }
  g_mutex_unlock (&log->lock);
  g_main_context_wakeup (NULL);
}

static Log *
log_new (void)
{
  Log *log = g_new0 (Log, 1);

  g_mutex_init (&log->lock);
  g_queue_init (&log->messages);
  g_queue_init (&log->errors);
  return log;
}

static void
log_free (Log *log)
{
  g_queue_clear_full (&log->messages, (GDestroyNotify) json_object_unref);
  g_queue_clear_full (&log->errors, (GDestroyNotify) g_error_free);
  g_clear_error (&log->fatal);
  g_mutex_clear (&log->lock);
  g_free (log);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Log, log_free)

static gboolean
has_message (gpointer data)
{
  Log *log = data;
  gboolean has;

  g_mutex_lock (&log->lock);
  has = log->messages.length > 0;
  g_mutex_unlock (&log->lock);
  return has;
}

static JsonObject *
log_wait_message (Log *log, const char *type)
{
  JsonObject *message;

  fake_wait_until (has_message, log);
  g_mutex_lock (&log->lock);
  message = g_queue_pop_head (&log->messages);
  g_mutex_unlock (&log->lock);
  g_assert_cmpstr (json_object_get_string_member (message, "type"), ==, type);
  return message;
}

static gboolean
has_fatal (gpointer data)
{
  Log *log = data;
  gboolean has;

  g_mutex_lock (&log->lock);
  has = log->fatal != NULL;
  g_mutex_unlock (&log->lock);
  return has;
}

static gboolean
has_error (gpointer data)
{
  Log *log = data;
  gboolean has;

  g_mutex_lock (&log->lock);
  has = log->errors.length > 0;
  g_mutex_unlock (&log->lock);
  return has;
}

static GError *
log_wait_error (Log *log)
{
  GError *error;

  fake_wait_until (has_error, log);
  g_mutex_lock (&log->lock);
  error = g_queue_pop_head (&log->errors);
  g_mutex_unlock (&log->lock);
  return error;
}

/* Which transport the tests go over; NULL: the one that the link asks for. */
static MeshTransport *(*make_transport) (const MeshLink *link);

static MeshTransport *
make_for_link (gpointer link)
{
  return make_transport (link);
}

static MeshConnection *
new_connection (FakeServer *server, const char *peer_id)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *link = fake_server_dup_link (server);
  MeshConnection *connection = mesh_connection_new (link, peer_id, &error);

  g_assert_no_error (error);
  if (make_transport)
    mesh_connection_set_transport (connection, make_for_link,
        mesh_link_parse (link, NULL), (GDestroyNotify) mesh_link_free);
  return connection;
}

static MeshConnection *
connect_to (FakeServer *server, Log *log, const char *peer_id)
{
  MeshConnection *connection = new_connection (server, peer_id);

  mesh_connection_set_callbacks (connection, on_message, on_error, log, NULL);
  mesh_connection_start (connection);
  return connection;
}

static void
send_text (MeshConnection *connection, const char *json)
{
  g_autoptr (GError) error = NULL;

  mesh_connection_send (connection, json, -1, &error);
  g_assert_no_error (error);
}

static void
expect_send (FakeServer *server, gint64 mid)
{
  g_autoptr (JsonObject) frame = fake_server_wait_for (server, "mid");

  g_assert_cmpint (json_object_get_int_member (frame, "mid"), ==, mid);
  g_assert_cmpstr (json_object_get_string_member (frame, "to"), ==, FAKE_BOB);
}

static void
send_chat (FakeServer *server, guint seq, const char *from, const char *stamp)
{
  fake_server_send (server,
      "{\"seq\":%u,\"from\":\"%s\",\"payload\":{\"type\":\"chat\","
      "\"from\":\"%s\",\"to\":\"" FAKE_ALICE "\",\"text\":\"%u\"}}",
      seq, stamp, from, seq);
}

static void
expect_chat (Log *log, guint seq)
{
  g_autoptr (JsonObject) message = log_wait_message (log, "chat");
  g_autofree char *text = g_strdup_printf ("%u", seq);

  g_assert_cmpstr (json_object_get_string_member (message, "text"), ==, text);
}

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

/* Of an answer that is not whole nothing counts, and it is asked for again. */
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

/* What stands between us and the server lets no WebSocket through. */
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
  add ("link", NULL, "http-errors", http_errors_say_what_is_wrong);
  add ("link", NULL, "foolish", foolish_links_and_ids_are_refused);
  add ("link", NULL, "falls-back", falls_back_to_polling);
  add ("link", NULL, "falls-back-later", falls_back_when_cut_again_and_again);
  add ("link", NULL, "stays", stays_with_what_works);
  return g_test_run ();
}
