/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* signalsrc and signalsink, as pipelines use them: against the real server, and
 * against one that is not to be relied on. */

#include <gst/app/app.h>
#include <gst/check/gstcheck.h>
#include <json-glib/json-glib.h>
#include <libsoup/soup.h>
#include <stdio.h>

#include "../transport/fake-server.h"
#include "../transport/serving.h"
#include "traces.h"

#define ROOM_URL(serving) make_link (serving, FAKE_ROOM)
#define OTHER_ROOM "5c8fd5c8-2c4c-4d3e-9f0a-1b2c3d4e5f61"
#define PATIENCE (60 * GST_SECOND)

static Serving serving;

static void
start_server (void)
{
  memset (&serving, 0, sizeof serving);
  serving_set_up (&serving, NULL);
  serving_start (&serving);
}

static void
stop_server (void)
{
  serving_tear_down (&serving, NULL);
}

static char *
make_link (Serving *server, const char *room)
{
  return g_strdup_printf ("%s/room/%s", server->url, room);
}

static GstElement *
launch (const char *format, ...)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  GstElement *pipeline;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  pipeline = gst_parse_launch (text, &error);
  g_assert_no_error (error);
  return pipeline;
}

static void
play (GstElement *pipeline)
{
  fail_if (gst_element_set_state (pipeline, GST_STATE_PLAYING)
           == GST_STATE_CHANGE_FAILURE);
}

static void
stop (GstElement *pipeline)
{
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

/* (transfer full): the next message out of the appsink of this name */
static JsonObject *
pull (GstElement *pipeline, const char *name)
{
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), name);
  g_autoptr (GstSample) sample
      = gst_app_sink_try_pull_sample (GST_APP_SINK (sink), PATIENCE);
  g_autofree char *text = NULL;
  g_autoptr (JsonNode) node = NULL;
  GstBuffer *buffer;
  gsize size;

  fail_unless (sample, "no message came out of %s", name);
  buffer = gst_sample_get_buffer (sample);
  size = gst_buffer_get_size (buffer);
  text = g_malloc0 (size + 1);
  gst_buffer_extract (buffer, 0, text, size);
  fail_unless_equals_int (strlen (text), size);
  fail_unless (GST_BUFFER_PTS_IS_VALID (buffer));
  node = json_from_string (text, NULL);
  return json_node_dup_object (node);
}

static JsonObject *
pull_type (GstElement *pipeline, const char *name, const char *type)
{
  JsonObject *message = pull (pipeline, name);

  fail_unless_equals_string (json_object_get_string_member (message, "type"),
      type);
  return message;
}

static void
expect (GstElement *pipeline, const char *name, const char *type,
    const char *member, const char *value)
{
  g_autoptr (JsonObject) message = pull_type (pipeline, name, type);

  fail_unless_equals_string (json_object_get_string_member (message, member),
      value);
}

static void
push (GstElement *pipeline, const char *name, const char *text)
{
  g_autoptr (GstElement) src = gst_bin_get_by_name (GST_BIN (pipeline), name);

  gst_app_src_push_buffer (GST_APP_SRC (src),
      gst_buffer_new_memdup (text, strlen (text)));
}

static void
push_chat (GstElement *pipeline, const char *name, const char *from,
    const char *to, const char *text)
{
  g_autofree char *json = g_strdup_printf (
      "{\"type\":\"chat\",\"from\":\"%s\",\"to\":\"%s\",\"text\":\"%s\"}",
      from, to, text);

  push (pipeline, name, json);
}

/* (transfer full): a message of the kind, which must be the first of the
 * ERROR, WARNING and INFO messages */
static GstMessage *
wait_message (GstElement *pipeline, GstMessageType type)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  GstMessage *message = gst_bus_timed_pop_filtered (bus, PATIENCE,
      GST_MESSAGE_ERROR | GST_MESSAGE_WARNING | GST_MESSAGE_INFO);

  fail_unless (message, "no message on the bus");
  fail_unless (GST_MESSAGE_TYPE (message) == type, "%s came instead",
      GST_MESSAGE_TYPE_NAME (message));
  return message;
}

static void
expect_one_error (GstElement *pipeline, GstResourceError code,
    const char *text)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = wait_message (pipeline, GST_MESSAGE_ERROR);
  g_autoptr (GstMessage) further = NULL;
  g_autoptr (GError) error = NULL;

  gst_message_parse_error (message, &error, NULL);
  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR, code),
      "it is %s", error->message);
  fail_unless (strstr (error->message, text), "it is %s", error->message);
  gst_element_set_state (pipeline, GST_STATE_READY);
  further = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
  fail_if (further);
}

#define PAIR(name, id) \
  "signalsrc link=%s " id " ! appsink name=" name "_out sync=false " \
  "appsrc name=" name "_in caps=application/x-mesh-signal ! " \
  "signalsink link=%s "
#define ALICE "peer-id=" FAKE_ALICE
#define BOB "peer-id=" FAKE_BOB

GST_START_TEST (messages_go_both_ways)
{
  g_autofree char *link = ROOM_URL (&serving);
  GstElement *alice = launch (PAIR ("a", ALICE), link, link);
  GstElement *bob = launch (PAIR ("b", BOB), link, link);

  play (alice);
  expect (alice, "a_out", "welcome", "host", FAKE_ALICE);
  play (bob);
  expect (bob, "b_out", "welcome", "host", FAKE_ALICE);
  expect (alice, "a_out", "joined", "id", FAKE_BOB);
  push_chat (alice, "a_in", FAKE_ALICE, FAKE_BOB, "hello");
  expect (bob, "b_out", "chat", "text", "hello");
  push_chat (bob, "b_in", FAKE_BOB, FAKE_ROOM, "to the host");
  expect (alice, "a_out", "chat", "text", "to the host");
  stop (bob);
  {
    g_autoptr (JsonObject) left = pull_type (alice, "a_out", "left");

    fail_unless_equals_string (json_object_get_string_member (left, "reason"),
        "bye");
  }
  stop (alice);
}

GST_END_TEST;

/* Two participations, each with its own pair; no peer id is given to any. */
GST_START_TEST (id_comes_from_caps_or_first_message)
{
  static const char *const caps[] = {
    "application/x-mesh-signal,peer-id=(string)" FAKE_ALICE,
    "application/x-mesh-signal"
  };
  g_autofree char *link = ROOM_URL (&serving);

  for (guint i = 0; i < G_N_ELEMENTS (caps); i++) {
    GstElement *pipeline = launch (
        "signalsrc link=%s ! appsink name=out "
        "appsrc name=in ! signalsink link=%s", link, link);
    g_autoptr (GstElement) in = gst_bin_get_by_name (GST_BIN (pipeline), "in");
    g_autoptr (GstCaps) value = gst_caps_from_string (caps[i]);
    g_autoptr (JsonObject) welcome = NULL;

    g_object_set (in, "caps", value, NULL);
    play (pipeline);
    /* to nobody: what matters is from whom */
    push_chat (pipeline, "in", FAKE_ALICE, FAKE_BOB, "hello");
    welcome = pull_type (pipeline, "out", "welcome");
    fail_unless_equals_string (json_object_get_string_member (welcome, "id"),
        FAKE_ALICE);
    fail_unless_equals_int (json_array_get_length (
                                json_object_get_array_member (welcome,
                                    "members")),
        1);
    expect (pipeline, "out", "undeliverable", "to", FAKE_BOB);
    stop (pipeline);
  }
}

GST_END_TEST;

GST_START_TEST (source_alone_makes_an_id_up)
{
  g_autofree char *link = ROOM_URL (&serving);
  GstElement *pipeline = launch ("signalsrc link=%s ! appsink name=out", link);

  play (pipeline);
  json_object_unref (pull_type (pipeline, "out", "welcome"));
  stop (pipeline);
}

GST_END_TEST;

/* One process, one link: still two members. */
GST_START_TEST (pipelines_do_not_share)
{
  g_autofree char *link = ROOM_URL (&serving);
  GstElement *one = launch ("signalsrc link=%s ! appsink name=out", link);
  GstElement *two = launch ("signalsrc link=%s ! appsink name=out", link);
  g_autoptr (JsonObject) welcome = NULL;

  play (one);
  json_object_unref (pull_type (one, "out", "welcome"));
  play (two);
  welcome = pull_type (two, "out", "welcome");
  fail_unless_equals_int (json_array_get_length (
                              json_object_get_array_member (welcome,
                                  "members")),
      2);
  json_object_unref (pull_type (one, "out", "joined"));
  stop (one);
  stop (two);
}

GST_END_TEST;

/* Two rooms, and two participations in one room, in one pipeline. */
GST_START_TEST (participations_do_not_mix)
{
  g_autofree char *link = ROOM_URL (&serving);
  g_autofree char *other = make_link (&serving, OTHER_ROOM);
  GstElement *pipeline = launch (PAIR ("a", ALICE) ALICE " " PAIR ("b", BOB) BOB
      " " PAIR ("c", ALICE) ALICE,
      link, link, link, link, other, other);
  g_autoptr (JsonObject) welcome = NULL;

  play (pipeline);
  json_object_unref (pull_type (pipeline, "a_out", "welcome"));
  json_object_unref (pull_type (pipeline, "b_out", "welcome"));
  welcome = pull_type (pipeline, "c_out", "welcome");
  fail_unless_equals_string (json_object_get_string_member (welcome, "room"),
      OTHER_ROOM);
  push_chat (pipeline, "a_in", FAKE_ALICE, FAKE_BOB, "hello");
  push_chat (pipeline, "c_in", FAKE_ALICE, FAKE_BOB, "not there");
  expect (pipeline, "c_out", "undeliverable", "to", FAKE_BOB);
  for (;;) {                    /* who was first gets a joined before */
    g_autoptr (JsonObject) message = pull (pipeline, "b_out");

    if (json_object_has_member (message, "text"))
      break;
  }
  stop (pipeline);
}

GST_END_TEST;

/* As in meshroom. */
GST_START_TEST (pair_in_a_bin_of_its_own_shares)
{
  g_autofree char *link = ROOM_URL (&serving);
  GstElement *pipeline = launch (
      "bin.( signalsink link=%s name=sink signalsrc link=%s " ALICE
      " ! appsink name=out appsrc name=in caps=application/x-mesh-signal "
      "! sink. ) fakesrc num-buffers=1 ! fakesink",
      link, link);
  g_autoptr (JsonObject) welcome = NULL;

  play (pipeline);
  push_chat (pipeline, "in", FAKE_ALICE, FAKE_BOB, "not there");
  welcome = pull_type (pipeline, "out", "welcome");
  fail_unless_equals_int (json_array_get_length (
                              json_object_get_array_member (welcome,
                                  "members")),
      1);
  expect (pipeline, "out", "undeliverable", "to", FAKE_BOB);
  stop (pipeline);
}

GST_END_TEST;

GST_START_TEST (bad_settings_are_one_error)
{
  static const char *const lines[] = {
    "signalsrc ! fakesink",
    "signalsrc link=x ! fakesink",
    "signalsrc link=http://127.0.0.1/ ! fakesink",
    "signalsrc link=http://127.0.0.1/room/" FAKE_ROOM " peer-id=me ! fakesink",
    "appsrc ! signalsink",
    "appsrc ! signalsink link=ftp://127.0.0.1/room/" FAKE_ROOM,
  };

  for (guint i = 0; i < G_N_ELEMENTS (lines); i++) {
    GstElement *pipeline = launch ("%s", lines[i]);

    fail_unless (gst_element_set_state (pipeline, GST_STATE_PLAYING)
                 == GST_STATE_CHANGE_FAILURE);
    expect_one_error (pipeline, GST_RESOURCE_ERROR_SETTINGS, "");
    stop (pipeline);
  }
}

GST_END_TEST;

GST_START_TEST (unreachable_server_is_one_error)
{
  g_autoptr (FakeServer) server = fake_server_new (NULL);
  g_autofree char *link = NULL;
  GstElement *pipeline;

  link = fake_server_dup_link (server);
  g_clear_pointer (&server, fake_server_free);
  pipeline = launch (PAIR ("a", ALICE), link, link);
  play (pipeline);
  expect_one_error (pipeline, GST_RESOURCE_ERROR_OPEN_READ_WRITE,
      "could not reach 127.0.0.1");
  stop (pipeline);
}

GST_END_TEST;

/* (transfer full): what the server answers */
static char *
post (const char *path, const char *text)
{
  g_autoptr (SoupSession) session = soup_session_new ();
  g_autofree char *url = g_strconcat (serving.url, path, NULL);
  g_autoptr (SoupMessage) message = soup_message_new ("POST", url);
  g_autoptr (GBytes) body = g_bytes_new (text, strlen (text));
  g_autoptr (GBytes) answer = NULL;
  g_autoptr (GError) error = NULL;

  soup_message_set_request_body_from_bytes (message, "text/plain", body);
  answer = soup_session_send_and_read (session, message, NULL, &error);
  g_assert_no_error (error);
  fail_unless_equals_int (soup_message_get_status (message), 200);
  return g_strndup (g_bytes_get_data (answer, NULL), g_bytes_get_size (answer));
}

/* Says hello by long polling, and is never heard of again. */
static void
live_and_die (const char *id)
{
  g_autofree char *opened = post ("/v1/poll/open", "\x1e{\"v\":1}\n");
  g_autofree char *hello = NULL;
  char session[23];

  fail_unless (sscanf (opened, "\x1e{\"session\":\"%22[^\"]", session) == 1);
  hello = g_strdup_printf ("\x1e{\"session\":\"%s\",\"first\":1}\n\x1e"
      "{\"type\":\"hello\",\"v\":1,\"room\":\"" FAKE_ROOM "\",\"id\":\"%s\","
      "\"token\":\"AAAAAAAAAAAAAAAAAAAAAA\"}\n", session, id);
  g_free (post ("/v1/poll/send", hello));
}

/* As a service does that is restarted at once. */
GST_START_TEST (id_of_a_life_that_was_killed_is_waited_for)
{
  g_autofree char *link = ROOM_URL (&serving);
  GstElement *pipeline = launch (PAIR ("a", ALICE), link, link);
  g_autoptr (GstMessage) message = NULL;
  g_autoptr (GError) error = NULL;

  live_and_die (FAKE_ALICE);
  play (pipeline);
  message = wait_message (pipeline, GST_MESSAGE_WARNING);
  gst_message_parse_warning (message, &error, NULL);
  fail_unless (strstr (error->message, "trying again"), "it is %s",
      error->message);
  expect (pipeline, "a_out", "welcome", "host", FAKE_ALICE);
  stop (pipeline);
}

GST_END_TEST;

GST_START_TEST (refusal_is_one_error)
{
  g_autofree char *link = ROOM_URL (&serving);
  GstElement *one = launch ("signalsrc link=%s " ALICE
      " ! appsink name=out", link);
  GstElement *thief = launch (PAIR ("a", ALICE), link, link);
  GstElement *silent = launch ("appsrc name=in caps=application/x-mesh-signal "
      "! signalsink link=%s " ALICE, link);

  play (one);
  json_object_unref (pull_type (one, "out", "welcome"));
  play (thief);
  play (silent);                /* the sink says it, where there is no source */
  gst_message_unref (wait_message (thief, GST_MESSAGE_WARNING));
  gst_message_unref (wait_message (silent, GST_MESSAGE_WARNING));
  expect_one_error (thief, GST_RESOURCE_ERROR_NOT_AUTHORIZED, "id-taken");
  expect_one_error (silent, GST_RESOURCE_ERROR_NOT_AUTHORIZED, "id-taken");
  stop (silent);
  stop (thief);
  stop (one);
}

GST_END_TEST;

GST_START_TEST (junk_from_upstream_is_a_warning)
{
  g_autofree char *link = ROOM_URL (&serving);
  GstElement *pipeline = launch (PAIR ("a", ALICE), link, link);

  play (pipeline);
  json_object_unref (pull_type (pipeline, "a_out", "welcome"));
  push (pipeline, "a_in", "this is no message");
  gst_message_unref (wait_message (pipeline, GST_MESSAGE_WARNING));
  push_chat (pipeline, "a_in", FAKE_ALICE, FAKE_BOB, "not there");
  expect (pipeline, "a_out", "undeliverable", "to", FAKE_BOB);
  stop (pipeline);
}

GST_END_TEST;

typedef struct {
  GstElement *pipeline;
  const char *name;
  GstSample *sample;
} Pull;

static gboolean
try_pull (gpointer data)
{
  Pull *pull = data;
  g_autoptr (GstElement) sink
      = gst_bin_get_by_name (GST_BIN (pull->pipeline), pull->name);

  pull->sample = gst_app_sink_try_pull_sample (GST_APP_SINK (sink),
      10 * GST_MSECOND);
  g_main_context_wakeup (NULL);
  return pull->sample != NULL;
}

/* While the fake server, which lives on the main context, goes on. */
static void
expect_text (GstElement *pipeline, const char *name, const char *text)
{
  Pull pull = { pipeline, name, NULL };
  GstMapInfo map;

  fake_wait_until (try_pull, &pull);
  gst_buffer_map (gst_sample_get_buffer (pull.sample), &map, GST_MAP_READ);
  fail_unless (g_strstr_len ((char *) map.data, map.size, text), "%.*s",
      (int) map.size, map.data);
  gst_buffer_unmap (gst_sample_get_buffer (pull.sample), &map);
  gst_sample_unref (pull.sample);
}

GST_START_TEST (lost_server_is_no_error)
{
  g_autoptr (FakeServer) server = fake_server_new (NULL);
  g_autofree char *link = fake_server_dup_link (server);
  GstElement *pipeline = launch (PAIR ("a", ALICE), link, link);

  play (pipeline);
  json_object_unref (fake_server_welcome (server, "e1", FALSE, 0));
  expect_text (pipeline, "a_out", "\"welcome\"");
  fake_server_cut (server);
  expect_text (pipeline, "a_out", "\"offline\"");
  gst_message_unref (wait_message (pipeline, GST_MESSAGE_INFO));
  push_chat (pipeline, "a_in", FAKE_ALICE, FAKE_BOB, "meanwhile");
  json_object_unref (fake_server_welcome (server, "e1", TRUE, 0));
  expect_text (pipeline, "a_out", "\"welcome\"");
  json_object_unref (fake_server_wait_for (server, "payload"));
  fake_server_send (server, "this is no frame");
  fake_server_send (server, "{\"seq\":1,\"from\":\"" FAKE_BOB
      "\",\"payload\":{\"type\":\"chat\",\"from\":\"" FAKE_BOB
      "\",\"text\":\"back\"}}");
  expect_text (pipeline, "a_out", "\"back\"");
  gst_message_unref (wait_message (pipeline, GST_MESSAGE_WARNING));
  stop (pipeline);
}

GST_END_TEST;

/* Whoever says goodbye while the pipeline shuts down must not wait. */
GST_START_TEST (paused_sink_takes_messages)
{
  g_autofree char *link = ROOM_URL (&serving);
  GstElement *pipeline = launch (PAIR ("a", ALICE), link, link);
  g_autoptr (GstElement) in = NULL;
  g_autoptr (GstPad) pad = NULL;

  play (pipeline);
  json_object_unref (pull_type (pipeline, "a_out", "welcome"));
  push_chat (pipeline, "a_in", FAKE_ALICE, FAKE_BOB, "not there");
  expect (pipeline, "a_out", "undeliverable", "to", FAKE_BOB);
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  in = gst_bin_get_by_name (GST_BIN (pipeline), "a_in");
  pad = gst_element_get_static_pad (in, "src");
  fail_unless_equals_int (gst_pad_push (pad, gst_buffer_new_memdup ("x", 1)),
      GST_FLOW_OK);
  stop (pipeline);
}

GST_END_TEST;

GST_START_TEST (cycles_leave_nothing)
{
  g_autofree char *link = ROOM_URL (&serving);
  GstElement *pipeline = launch (PAIR ("a", ALICE), link, link);
  Traces before = { 0 };

  for (guint i = 0; i < 10; i++) {
    gint64 begin = g_get_monotonic_time ();

    play (pipeline);
    if (i % 2 == 0)             /* and once in a while, before it is there */
      json_object_unref (pull_type (pipeline, "a_out", "welcome"));
    gst_element_set_state (pipeline, GST_STATE_NULL);
    fail_unless (g_get_monotonic_time () - begin < 5 * G_TIME_SPAN_SECOND);
    if (i == 1)                 /* what is made once has been made */
      before = traces_settled ();
  }
  /* the server closes its end in its own time */
  traces_check (before);
  gst_object_unref (pipeline);
}

GST_END_TEST;

/* What the documentation of signalsrc shows. */
GST_START_TEST (example_line_runs)
{
  g_autofree char *link = ROOM_URL (&serving);
  GstElement *pipeline = launch ("signalsrc link=%s ! fakesink dump=false "
      "num-buffers=1", link);
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);

  play (pipeline);
  gst_message_unref (gst_bus_timed_pop_filtered (bus, PATIENCE,
      GST_MESSAGE_EOS));
  stop (pipeline);
}

GST_END_TEST;

static Suite *
signal_suite (void)
{
  Suite *suite = suite_create ("signal");
  TCase *tests = tcase_create ("general");

  suite_add_tcase (suite, tests);
  tcase_add_checked_fixture (tests, start_server, stop_server);
  tcase_add_test (tests, messages_go_both_ways);
  tcase_add_test (tests, id_comes_from_caps_or_first_message);
  tcase_add_test (tests, source_alone_makes_an_id_up);
  tcase_add_test (tests, pipelines_do_not_share);
  tcase_add_test (tests, participations_do_not_mix);
  tcase_add_test (tests, pair_in_a_bin_of_its_own_shares);
  tcase_add_test (tests, bad_settings_are_one_error);
  tcase_add_test (tests, unreachable_server_is_one_error);
  tcase_add_test (tests, refusal_is_one_error);
  tcase_add_test (tests, id_of_a_life_that_was_killed_is_waited_for);
  tcase_add_test (tests, junk_from_upstream_is_a_warning);
  tcase_add_test (tests, lost_server_is_no_error);
  tcase_add_test (tests, paused_sink_takes_messages);
  tcase_add_test (tests, cycles_leave_nothing);
  tcase_add_test (tests, example_line_runs);
  return suite;
}

GST_CHECK_MAIN (signal);
