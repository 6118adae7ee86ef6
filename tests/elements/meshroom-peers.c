/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a room tells of its peers in a call: their names and states, their
 * coming and going, their texts and their figures. */

#include <json-glib/json-glib.h>

#include "pair-fixture.h"

static gboolean
peer_event_says (Party *party, const char *peer, const char *name,
    gboolean muted, gboolean hidden)
{
  Stream *stream = party_stream_of (party, peer, TRUE);
  gboolean is_muted, is_hidden;

  return stream
      && g_strcmp0 (gst_structure_get_string (stream->peer, "name"), name) == 0
      && g_strcmp0 (stream->title, name) == 0
      && gst_structure_get_boolean (stream->peer, "muted", &is_muted)
      && gst_structure_get_boolean (stream->peer, "hidden", &is_hidden)
      && is_muted == muted && is_hidden == hidden;
}

GST_START_TEST (pads_say_whose_they_are)
{
  Pair p;
  Stream *video, *audio;
  g_autofree char *id = NULL;

  pair_start (&p, "display-name=Ada", AV (PARTY_RED, 500),
      "display-name=Bob", AV (PARTY_BLUE, 900));
  WAIT_FOR (peer_event_says (p.a, p.b->id, "Bob", FALSE, FALSE));
  WAIT_FOR (party_stream_of (p.a, p.b->id, FALSE));
  g_mutex_lock (&party_lock);
  video = party_stream_of (p.a, p.b->id, TRUE);
  audio = party_stream_of (p.a, p.b->id, FALSE);
  id = g_strdup_printf ("meshroom/%s/video", p.b->id);
  ck_assert_str_eq (video->stream_id, id);
  g_free (id);
  id = g_strdup_printf ("meshroom/%s/audio", p.b->id);
  ck_assert_str_eq (audio->stream_id, id);
  ck_assert_str_eq (video->name, "video_0");
  ck_assert_str_eq (audio->name, "audio_0");
  g_mutex_unlock (&party_lock);
  pair_stop (&p);
}

GST_END_TEST;

/* Otherwise the first copy of a packet of sound would end the attempt. */
GST_START_TEST (each_attempt_may_send_a_packet_twice)
{
  Pair p;
  GstIterator *iterator;
  GValue value = G_VALUE_INIT;
  guint n = 0;

  pair_start (&p, "", AV (PARTY_RED, 500), "", AV (PARTY_BLUE, 900));
  WAIT_FOR (party_stream_of (p.a, p.b->id, FALSE));
  iterator = gst_bin_iterate_all_by_element_factory_name
      (GST_BIN (p.a->room), "srtpenc");
  while (gst_iterator_next (iterator, &value) == GST_ITERATOR_OK) {
    gboolean may;

    g_object_get (g_value_get_object (&value), "allow-repeat-tx", &may, NULL);
    fail_unless (may);
    n++;
    g_value_unset (&value);
  }
  gst_iterator_free (iterator);
  ck_assert_uint_eq (n, 1);
  pair_stop (&p);
}

GST_END_TEST;

GST_START_TEST (an_odd_name_is_made_sayable)
{
  Pair p;
  g_autofree char *many = g_strnfill (255, 'x');
  g_autofree char *name = g_strconcat (many, "\xc3\xa4", NULL);

  pair_start (&p, "", PARTY_VIDEO (PARTY_RED), "", PARTY_VIDEO (PARTY_BLUE));
  WAIT_FOR (party_stream_of (p.a, p.b->id, TRUE));
  g_object_set (p.b->room, "display-name", name, NULL);
  WAIT_FOR (peer_event_says (p.a, p.b->id, many, FALSE, FALSE));
  g_object_set (p.b->room, "display-name", "a\xff", NULL);
  WAIT_FOR (peer_event_says (p.a, p.b->id, "a\xef\xbf\xbd", FALSE, FALSE));
  g_object_set (p.b->room, "display-name", " Zoe\xcc\x88\xc2\xa0\n", NULL);
  WAIT_FOR (peer_event_says (p.a, p.b->id, "Zo\xc3\xab", FALSE, FALSE));
  pair_stop (&p);
}

GST_END_TEST;

static void
send_hidden (Party *party, gboolean hidden)
{
  g_autoptr (GstPad) pad =
      gst_element_get_static_pad (party->room, "video_sink");

  gst_pad_send_event (pad, gst_event_new_custom
      (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
          gst_structure_new ("meshroom/hidden", "hidden", G_TYPE_BOOLEAN,
              hidden, NULL)));
}

GST_START_TEST (changes_are_told_while_playing)
{
  Pair p;

  pair_start (&p, "", AV (PARTY_RED, 500), "display-name=Bob",
      AV (PARTY_BLUE, 900));
  WAIT_FOR (peer_event_says (p.a, p.b->id, "Bob", FALSE, FALSE));
  g_object_set (p.b->room, "display-name", "Barbara", NULL);
  WAIT_FOR (peer_event_says (p.a, p.b->id, "Barbara", FALSE, FALSE));
  g_object_set (p.b->room, "muted", TRUE, NULL);
  WAIT_FOR (peer_event_says (p.a, p.b->id, "Barbara", TRUE, FALSE));
  send_hidden (p.b, TRUE);
  WAIT_FOR (peer_event_says (p.a, p.b->id, "Barbara", TRUE, TRUE));
  WAIT_FOR (party_knows (p.a, p.b->id, "hidden", "true"));
  g_object_set (p.b->room, "muted", FALSE, NULL);
  send_hidden (p.b, FALSE);
  WAIT_FOR (peer_event_says (p.a, p.b->id, "Barbara", FALSE, FALSE));
  pair_stop (&p);
}

GST_END_TEST;

GST_START_TEST (comings_and_goings_are_told)
{
  Pair p;
  const GstStructure *message;
  g_autofree char *gone = NULL;

  pair_start (&p, "display-name=Ada", AV (PARTY_RED, 500),
      "display-name=Bob", AV (PARTY_BLUE, 900));
  gone = g_strdup_printf ("%s left", p.b->id);
  WAIT_FOR (party_has (p.a->added, p.b->id));
  WAIT_FOR (party_has (p.b->added, p.a->id));
  WAIT_FOR ((message = party_message (p.a, "meshroom-peer-added", p.b->id)));
  ck_assert_str_eq (gst_structure_get_string (message, "name"), "Bob");
  WAIT_FOR (party_stream_of (p.a, p.b->id, TRUE)
      && party_stream_of (p.a, p.b->id, FALSE));

  party_leave (p.b);
  WAIT_FOR (party_has (p.a->removed, gone));
  WAIT_FOR ((message = party_message (p.a, "meshroom-peer-removed", p.b->id)));
  ck_assert_str_eq (gst_structure_get_string (message, "reason"), "left");
  WAIT_FOR (!party_stream (p.a, "video_0") && !party_stream (p.a, "audio_0"));
  ck_assert_uint_eq (p.a->added->len, 1);
  ck_assert_uint_eq (p.a->removed->len, 1);
  /* the sinks behind the pads are told that nothing comes any more */
  for (guint i = 0; i < p.a->streams->len; i++)
    ck_assert_uint_eq (((Stream *) p.a->streams->pdata[i])->eos, 1);
  pair_stop (&p);
}

GST_END_TEST;

GST_START_TEST (what_is_said_is_received)
{
  Pair p;
  g_autofree char *expected = NULL;
  const GstStructure *message;

  pair_start (&p, "", "", "", "");
  expected = g_strdup_printf ("%s Grüße, \"A\"\n", p.a->id);
  WAIT_FOR (party_has (p.a->added, p.b->id));
  WAIT_FOR (party_has (p.b->added, p.a->id));
  g_signal_emit_by_name (p.a->room, "send-message", "Grüße, \"A\"\n");
  WAIT_FOR (party_has (p.b->chat, expected));
  WAIT_FOR ((message = party_message (p.b, "meshroom-message-received",
              p.a->id)));
  ck_assert_str_eq (gst_structure_get_string (message, "text"),
      "Grüße, \"A\"\n");
  ck_assert_uint_eq (p.b->chat->len, 1);
  ck_assert_uint_eq (p.a->chat->len, 0);
  pair_stop (&p);
}

GST_END_TEST;

GST_START_TEST (odd_texts_are_not_sent)
{
  Pair p;
  g_autofree char *huge = g_strnfill (5000, 'x');
  g_autofree char *expected = NULL;

  pair_start (&p, "", "", "", "");
  expected = g_strdup_printf ("%s good", p.a->id);
  WAIT_FOR (party_has (p.a->added, p.b->id));
  WAIT_FOR (party_has (p.b->added, p.a->id));
  g_signal_emit_by_name (p.a->room, "send-message", huge);
  g_signal_emit_by_name (p.a->room, "send-message", "\xff\xfe");
  g_signal_emit_by_name (p.a->room, "send-message", NULL);
  g_signal_emit_by_name (p.a->room, "send-message", "good");
  WAIT_FOR (party_has (p.b->chat, expected));
  ck_assert_uint_eq (p.b->chat->len, 1);
  /* who says it is told, and nobody else */
  WAIT_FOR (p.a->warnings->len > 0);
  ck_assert_uint_eq (p.a->warnings->len, 1);
  g_ptr_array_set_size (p.a->warnings, 0);
  pair_stop (&p);
}

GST_END_TEST;

static gboolean
stats_say_connected (Party *party, const char *peer)
{
  g_autoptr (GstStructure) stats = NULL;
  g_autoptr (GstStructure) one = NULL;
  gboolean verified = FALSE;
  guint connected = 0;

  g_object_get (party->room, "stats", &stats, NULL);
  gst_structure_get_uint (stats, "connected", &connected);
  gst_structure_get (stats, peer, GST_TYPE_STRUCTURE, &one, NULL);
  if (one)
    gst_structure_get_boolean (one, "verified", &verified);
  return connected == 1 && verified
      && gst_structure_has_field (one, "connection-state");
}

GST_START_TEST (peers_and_stats_show_who_is_there)
{
  Pair p;

  pair_start (&p, "", AV (PARTY_RED, 500), "display-name=Bob",
      AV (PARTY_BLUE, 900));
  WAIT_FOR (party_knows (p.a, p.b->id, "state", "connected"));
  WAIT_FOR (party_knows (p.a, p.b->id, "name", "Bob"));
  WAIT_FOR (party_knows (p.a, p.b->id, "number", "0"));
  WAIT_FOR (party_knows (p.a, p.b->id, "muted", "false"));
  WAIT_FOR (stats_say_connected (p.a, p.b->id));
  party_leave (p.b);
  WAIT_FOR (p.a->removed->len == 1);
  fail_if (party_knows (p.a, p.b->id, "name", "Bob"));
  pair_stop (&p);
}

GST_END_TEST;

/* Makes of the first offer the news that its attempt has failed. */
static char *
fail_once (Party *from, const char *json, gpointer data)
{
  gboolean *done = data;
  g_autoptr (JsonNode) node = json_from_string (json, NULL);
  JsonObject *object = json_node_get_object (node);

  if (*done || !strstr (json, "\"offer\""))
    return g_strdup (json);
  *done = TRUE;
  json_object_remove_member (object, "data");
  json_object_set_string_member (object, "type", "bye");
  json_object_set_string_member (object, "reason", "failed");
  return json_to_string (node, FALSE);
}

GST_START_TEST (a_failed_attempt_costs_neither_name_nor_number)
{
  gboolean done = FALSE;
  Wire *wire = wire_new (fail_once, &done);
  Party *a = party_new (wire, "display-name=Ada", PARTY_VIDEO (PARTY_RED));
  Party *b = party_new (wire, "display-name=Bob", PARTY_VIDEO (PARTY_BLUE));

  party_start (a);
  party_start (b);
  WAIT_FOR (peer_event_says (a, b->id, "Bob", FALSE, FALSE)
      && peer_event_says (b, a->id, "Ada", FALSE, FALSE));
  fail_unless (done);
  ck_assert_str_eq (party_stream_of (a, b->id, TRUE)->name, "video_0");
  ck_assert_str_eq (party_stream_of (b, a->id, TRUE)->name, "video_0");
  party_free (b);
  party_free (a);
  wire_free (wire);
}

GST_END_TEST;

static Suite *
meshroom_peers_suite (void)
{
  Suite *suite = suite_create ("meshroom-peers");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, pads_say_whose_they_are);
  tcase_add_test (tcase, changes_are_told_while_playing);
  tcase_add_test (tcase, each_attempt_may_send_a_packet_twice);
  tcase_add_test (tcase, an_odd_name_is_made_sayable);
  tcase_add_test (tcase, comings_and_goings_are_told);
  tcase_add_test (tcase, what_is_said_is_received);
  tcase_add_test (tcase, odd_texts_are_not_sent);
  tcase_add_test (tcase, peers_and_stats_show_who_is_there);
  tcase_add_test (tcase, a_failed_attempt_costs_neither_name_nor_number);
  return suite;
}

GST_CHECK_MAIN (meshroom_peers);
