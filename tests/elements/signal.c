/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* signalsrc and signalsink, as pipelines use them: which of them share a
 * connection, and what passes through them. */

#include "signal-fixture.h"
#include "traces.h"

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

/* A room that says goodbye while the pipeline shuts down must not wait. */
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
  tcase_add_test (tests, paused_sink_takes_messages);
  tcase_add_test (tests, cycles_leave_nothing);
  tcase_add_test (tests, example_line_runs);
  return suite;
}

GST_CHECK_MAIN (signal);
