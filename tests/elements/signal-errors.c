/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What signalsrc and signalsink report of links, servers and messages that are
 * not as they should be: which of it is an error, and which a warning. */

#include <libsoup/soup.h>
#include <stdio.h>

#include "signal-fixture.h"

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

static Suite *
signal_errors_suite (void)
{
  Suite *suite = suite_create ("signal-errors");
  TCase *tests = tcase_create ("general");

  suite_add_tcase (suite, tests);
  tcase_add_checked_fixture (tests, start_server, stop_server);
  tcase_add_test (tests, bad_settings_are_one_error);
  tcase_add_test (tests, unreachable_server_is_one_error);
  tcase_add_test (tests, refusal_is_one_error);
  tcase_add_test (tests, id_of_a_life_that_was_killed_is_waited_for);
  tcase_add_test (tests, junk_from_upstream_is_a_warning);
  tcase_add_test (tests, lost_server_is_no_error);
  return suite;
}

GST_CHECK_MAIN (signal_errors);
