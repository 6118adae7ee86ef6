/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a room says on the bus at its start, where it can already be known that
 * nobody will be reached. No peer is there yet. */

#include "party.h"

#include <string.h>

#define RELAYLESS "ice-transport-policy is relay, but there is no TURN server"

/* Starts @text and returns the text of warnings up to the one with @awaited. */
static char *
await_warning (GstElement *pipeline, const char *awaited)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  GString *all = g_string_new (NULL);

  while (!strstr (all->str, awaited)) {
    g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (bus,
        60 * GST_SECOND, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR);
    g_autoptr (GError) warning = NULL;

    if (!message)
      fail ("waited in vain for \"%s\"; so far: %s", awaited, all->str);
    fail_unless (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING);
    gst_message_parse_warning (message, &warning, NULL);
    g_string_append_printf (all, "%s\n", warning->message);
  }
  return g_string_free (all, FALSE);
}

static GstElement *
launch (const char *text)
{
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_pipeline_new (NULL);
  GstElement *parsed = gst_parse_launch_full (text, NULL,
      GST_PARSE_FLAG_PLACE_IN_BIN, &error);

  g_assert_no_error (error);
  gst_bin_add (GST_BIN (pipeline), parsed);
  fail_if (gst_element_set_state (pipeline, GST_STATE_PLAYING)
      == GST_STATE_CHANGE_FAILURE);
  return pipeline;
}

static void
stop (GstElement *pipeline)
{
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

static guint
count (const char *text, const char *word)
{
  guint n = 0;

  for (; (text = strstr (text, word)); text++)
    n++;
  return n;
}

GST_START_TEST (relay_without_a_relay_is_told_at_once)
{
  GstElement *pipeline = launch ("meshroom name=room serve=127.0.0.1:0 "
      "ice-transport-policy=relay");
  g_autofree char *first = await_warning (pipeline, RELAYLESS);
  g_autoptr (GstElement) room = NULL;
  g_autofree char *rest = NULL;

  fail_unless (strstr (first, "set turn-servers") != NULL);
  /* once a call, however often it plays */
  room = gst_bin_get_by_name (GST_BIN (pipeline), "room");
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_object_set (room, "peer-id", "nonsense", NULL);
  gst_element_set_state (pipeline, GST_STATE_READY);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  rest = await_warning (pipeline, RELAYLESS);
  ck_assert_uint_eq (count (rest, RELAYLESS), 1);
  fail_unless (strstr (rest, "peer-id \"nonsense\" is not a UUID") != NULL);
  stop (pipeline);
}

GST_END_TEST;

/* The room asks its server for relays first, and the server names none. */
GST_START_TEST (a_server_that_names_no_relay_is_told)
{
  GstElement *host = launch ("meshroom name=host serve=127.0.0.1:0");
  g_autoptr (GstElement) room = gst_bin_get_by_name (GST_BIN (host), "host");
  g_autofree char *link = NULL, *text = NULL, *said = NULL;
  GstElement *guest;

  g_object_get (room, "link", &link, NULL);
  text = g_strdup_printf ("meshroom link=\"%s\" ice-transport-policy=relay",
      link);
  guest = launch (text);
  said = await_warning (guest, RELAYLESS);
  ck_assert_uint_eq (count (said, RELAYLESS), 1);
  stop (guest);
  stop (host);
}

GST_END_TEST;

GST_START_TEST (one_signal_pad_alone_is_told)
{
  static const struct {
    const char *text;
    const char *linked;
    const char *missing;
  } cases[] = {
    { "meshroom name=room serve=127.0.0.1:0 room. ! fakesink async=false",
        "signal_src is linked", "without signal_sink" },
    { "meshroom name=room link=http://127.0.0.1:9/room/"
        "7d2f1c1e-6a3b-4c0d-9e8f-0123456789ab "
        "fakesrc num-buffers=0 ! application/x-mesh-signal ! room.signal_sink",
        "signal_sink is linked", "without signal_src" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    GstElement *pipeline = launch (cases[i].text);
    g_autofree char *said = await_warning (pipeline, cases[i].linked);

    fail_unless (strstr (said, cases[i].missing) != NULL);
    fail_unless (strstr (said, "video_0") != NULL);
    stop (pipeline);
  }
}

GST_END_TEST;

static Suite *
warnings_suite (void)
{
  Suite *suite = suite_create ("meshroom-warnings");
  TCase *tcase = tcase_create ("general");

  tcase_set_timeout (tcase, 200);
  g_log_set_always_fatal (G_LOG_FATAL_MASK);
  tcase_add_test (tcase, relay_without_a_relay_is_told_at_once);
  tcase_add_test (tcase, a_server_that_names_no_relay_is_told);
  tcase_add_test (tcase, one_signal_pad_alone_is_told);
  suite_add_tcase (suite, tcase);
  return suite;
}

GST_CHECK_MAIN (warnings);
