/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The properties stun-server and turn-servers: what they take, and what they
 * refuse, at once and in words. */

#include "party.h"

#include <json-glib/json-glib.h>
#include <string.h>

static GString *warned;
static GLogLevelFlags fatal;
static guint handler, loop_handler;

static void
on_warning (const char *domain, GLogLevelFlags level, const char *text,
    gpointer data)
{
  g_string_append_printf (warned, "%s\n", text);
}

static void
on_loop (const char *domain, GLogLevelFlags level, const char *text,
    gpointer data)
{
}

static void
set_up (void)
{
  warned = g_string_new (NULL);
  fatal = g_log_set_always_fatal (G_LOG_FATAL_MASK);
  /* two rooms that are linked to each other are a loop, which GStreamer
   * remarks upon */
  loop_handler = g_log_set_handler ("GStreamer", G_LOG_LEVEL_WARNING,
      on_loop, NULL);
  handler = g_log_set_handler ("meshroom", G_LOG_LEVEL_WARNING, on_warning, NULL);
}

static void
tear_down (void)
{
  g_log_remove_handler ("GStreamer", loop_handler);
  g_log_remove_handler ("meshroom", handler);
  g_log_set_always_fatal (fatal);
  g_string_free (warned, TRUE);
}

static JsonNode *
load_vectors (const char *list)
{
  g_autofree char *path
      = g_build_filename (g_getenv ("MESH_VECTORS"), "ice.json", NULL);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  JsonObject *root;

  json_parser_load_from_file (parser, path, &error);
  g_assert_no_error (error);
  root = json_node_get_object (json_parser_get_root (parser));
  return json_node_ref (json_object_get_member (root, list));
}

static void
set_relays (GstElement *room, const char *const *uris)
{
  g_auto (GValue) array = G_VALUE_INIT;

  g_value_init (&array, GST_TYPE_ARRAY);
  for (guint i = 0; uris[i]; i++) {
    g_auto (GValue) uri = G_VALUE_INIT;

    g_value_init (&uri, G_TYPE_STRING);
    g_value_set_string (&uri, uris[i]);
    gst_value_array_append_value (&array, &uri);
  }
  g_object_set_property (G_OBJECT (room), "turn-servers", &array);
}

/* Returns: (transfer full): the relays, with blanks between */
static char *
get_relays (GstElement *room)
{
  g_auto (GValue) array = G_VALUE_INIT;
  GString *text = g_string_new (NULL);

  g_value_init (&array, GST_TYPE_ARRAY);
  g_object_get_property (G_OBJECT (room), "turn-servers", &array);
  for (guint i = 0; i < gst_value_array_get_size (&array); i++)
    g_string_append_printf (text, "%s%s", i ? " " : "", g_value_get_string (
            gst_value_array_get_value (&array, i)));
  return g_string_free (text, FALSE);
}

GST_START_TEST (every_usual_spelling_is_taken)
{
  GstElement *room = gst_element_factory_make ("meshroom", NULL);
  g_autoptr (JsonNode) list = load_vectors ("taken");
  JsonArray *entries = json_node_get_array (list);

  for (guint i = 0; i < json_array_get_length (entries); i++) {
    JsonObject *entry = json_array_get_object_element (entries, i);
    const char *text = json_object_get_string_member (entry, "text");
    const char *gst = json_object_get_string_member (entry, "gst");
    g_autofree char *taken = NULL;

    g_object_set (room, "stun-server", NULL, NULL);
    if (json_object_has_member (entry, "user")) {
      set_relays (room, (const char *[]) { text, NULL });
      taken = get_relays (room);
    } else if (g_str_has_prefix (gst, "stun:")) {
      g_object_set (room, "stun-server", text, NULL);
      g_object_get (room, "stun-server", &taken, NULL);
    } else {
      continue;
    }
    assert_equals_string (taken, gst);
  }
  assert_equals_string (warned->str, "");
  gst_object_unref (room);
}

GST_END_TEST;

GST_START_TEST (what_is_none_is_refused_at_once)
{
  GstElement *room = gst_element_factory_make ("meshroom", NULL);
  g_autoptr (JsonNode) list = load_vectors ("refused");
  JsonArray *entries = json_node_get_array (list);

  for (guint i = 0; i < json_array_get_length (entries); i++) {
    JsonObject *entry = json_array_get_object_element (entries, i);
    const char *text = json_object_get_string_member (entry, "text");
    g_autofree char *stun = NULL, *relays = NULL, *lower = NULL;

    if (!*text)
      continue;
    g_string_truncate (warned, 0);
    g_object_set (room, "stun-server", text, NULL);
    set_relays (room, (const char *[]) { "turn:u:p@good", text, NULL });
    g_object_get (room, "stun-server", &stun, NULL);
    relays = get_relays (room);
    fail_unless (stun == NULL);
    assert_equals_string (relays, "turn://u:p@good:3478");
    lower = g_ascii_strdown (warned->str, -1);
    fail_unless (strstr (lower, json_object_get_string_member (entry, "says"))
        != NULL);
    fail_unless (strstr (lower, "meshroom: stun-server: ") != NULL);
    fail_unless (strstr (lower, "meshroom: turn-servers: ") != NULL);
    fail_unless (strstr (lower, "hush") == NULL);
  }
  gst_object_unref (room);
}

GST_END_TEST;

GST_START_TEST (one_in_the_wrong_place_is_told_the_right_one)
{
  static const char *const cases[][2] = {
    { "stun:s.example", "which stun-server takes" },
    { "turn:t.example", "needs its user and password" },
  };
  GstElement *room = gst_element_factory_make ("meshroom", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    set_relays (room, (const char *[]) { cases[i][0], NULL });
    fail_unless (strstr (warned->str, cases[i][1]) != NULL);
  }
  g_object_set (room, "stun-server", "turn:u:hush@t.example", NULL);
  fail_unless (strstr (warned->str, "which turn-servers takes") != NULL);
  g_object_set (room, "stun-server", "stuns:s.example", NULL);
  fail_unless (strstr (warned->str, "without TLS") != NULL);
  fail_unless (strstr (warned->str, "hush") == NULL);
  gst_object_unref (room);
}

GST_END_TEST;

/* The bus is told, and those who can meet without it do. */
GST_START_TEST (the_call_goes_on_without_it)
{
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch ("meshroom name=a stun-server=garbage "
      "meshroom name=b turn-servers=\"<\\\"turn:u:hush@h:0\\\">\" "
      "a.signal_src ! b.signal_sink b.signal_src ! a.signal_sink "
      "audiotestsrc is-live=true ! a.audio_sink "
      "audiotestsrc is-live=true ! b.audio_sink", &error);
  g_autoptr (GstBus) bus = NULL;
  g_autoptr (GString) bus_text = g_string_new (NULL);
  guint added = 0;

  g_assert_no_error (error);
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (added < 2) {
    g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (bus,
        60 * GST_SECOND, GST_MESSAGE_WARNING | GST_MESSAGE_ELEMENT
        | GST_MESSAGE_ERROR);

    fail_unless (message != NULL);
    fail_if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR);
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING) {
      g_autoptr (GError) warning = NULL;

      gst_message_parse_warning (message, &warning, NULL);
      g_string_append_printf (bus_text, "%s\n", warning->message);
    } else {
      added += gst_message_has_name (message, "meshroom-peer-added");
    }
  }
  fail_unless (strstr (bus_text->str, "stun-server: ") != NULL);
  fail_unless (strstr (bus_text->str, "turn-servers: ") != NULL);
  fail_unless (strstr (bus_text->str, "hush") == NULL);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

GST_END_TEST;

static Suite *
meshroom_ice_suite (void)
{
  Suite *suite = suite_create ("meshroom-ice");
  TCase *tc = tcase_create ("properties");

  tcase_set_timeout (tc, 120);
  tcase_add_checked_fixture (tc, set_up, tear_down);
  tcase_add_test (tc, every_usual_spelling_is_taken);
  tcase_add_test (tc, what_is_none_is_refused_at_once);
  tcase_add_test (tc, one_in_the_wrong_place_is_told_the_right_one);
  tcase_add_test (tc, the_call_goes_on_without_it);
  suite_add_tcase (suite, tc);
  return suite;
}

GST_CHECK_MAIN (meshroom_ice);
