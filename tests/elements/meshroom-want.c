/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is drawn of a picture downstream is said to the peer that sends it. */

#include <json-glib/json-glib.h>

#include "pair-fixture.h"

/* What has gone over the wire, under party_lock. */
typedef struct {
  guint count;
  char *from;
  char *to;
  int width, height, fps;
} Said;

static char *
listen_in (Party *from, const char *json, gpointer data)
{
  g_autoptr (JsonNode) node = json_from_string (json, NULL);
  JsonObject *object = json_node_get_object (node);
  Said *said = data;

  if (g_str_equal (json_object_get_string_member (object, "type"), "want")) {
    said->count++;
    g_free (said->from);
    g_free (said->to);
    said->from = g_strdup (json_object_get_string_member (object, "from"));
    said->to = g_strdup (json_object_get_string_member (object, "to"));
    said->width = json_object_get_int_member (object, "width");
    said->height = json_object_get_int_member (object, "height");
    said->fps = json_object_get_int_member (object, "fps");
    g_cond_broadcast (&party_changed);
  }
  return g_strdup (json);
}

static gboolean
is_said (const Said *said, int width, int height, int fps)
{
  return said->count > 0 && said->width == width && said->height == height
         && said->fps == fps;
}

static void
listen_to (Pair *pair, Said *said)
{
  g_mutex_lock (&party_lock);
  pair->wire->filter = listen_in;
  pair->wire->data = said;
  g_mutex_unlock (&party_lock);
}

static void
said_clear (Said *said)
{
  g_free (said->from);
  g_free (said->to);
}

/* As a view behind the room's pad does. */
static void
draw (Party *party, const char *peer, gboolean video, const char *id, int width,
    int height, int fps)
{
  g_autoptr (GstPad) pad = NULL;
  GstStructure *s = gst_structure_new ("meshroom/drawn", "width", G_TYPE_INT,
      width, "height", G_TYPE_INT, height, "fps", G_TYPE_INT, fps, NULL);

  if (id)
    gst_structure_set (s, "id", G_TYPE_STRING, id, NULL);
  g_mutex_lock (&party_lock);
  pad = gst_element_get_static_pad (party_stream_of (party, peer, video)->sink,
      "sink");
  g_mutex_unlock (&party_lock);
  gst_pad_push_event (pad, gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM, s));
}

static void
start (Pair *pair, Said *said)
{
  pair_start (pair, "", AV (PARTY_RED, 500), "", AV (PARTY_BLUE, 900));
  listen_to (pair, said);
  WAIT_FOR (party_sees (pair->a, pair->b->id, PARTY_BLUE));
  WAIT_FOR (party_hears (pair->a, pair->b->id, 900));
}

GST_START_TEST (what_is_drawn_is_wanted)
{
  Said said = { 0 };
  Pair p;

  start (&p, &said);
  /* nothing is said before, nor of sound */
  draw (p.a, p.b->id, FALSE, NULL, 99, 99, 9);
  draw (p.a, p.b->id, TRUE, NULL, 320, 180, 15);
  WAIT_FOR (said.count > 0);
  fail_unless (is_said (&said, 320, 180, 15));
  ck_assert_uint_eq (said.count, 1);
  ck_assert_str_eq (said.from, p.a->id);
  ck_assert_str_eq (said.to, p.b->id);
  draw (p.a, p.b->id, TRUE, NULL, 0, 0, 0);
  WAIT_FOR (is_said (&said, 0, 0, 0));
  draw (p.a, p.b->id, TRUE, NULL, 1280, 720, 0);
  WAIT_FOR (is_said (&said, 1280, 720, 0));
  pair_stop (&p);
  said_clear (&said);
}

GST_END_TEST;

GST_START_TEST (the_largest_of_several_counts)
{
  Said said = { 0 };
  Pair p;

  start (&p, &said);
  draw (p.a, p.b->id, TRUE, "one", 320, 100, 15);
  draw (p.a, p.b->id, TRUE, "two", 160, 200, 30);
  WAIT_FOR (is_said (&said, 320, 200, 30));
  draw (p.a, p.b->id, TRUE, "one", 0, 0, 0);
  WAIT_FOR (is_said (&said, 160, 200, 30));
  draw (p.a, p.b->id, TRUE, "one", 80, 80, 0);
  WAIT_FOR (is_said (&said, 160, 200, 0));
  draw (p.a, p.b->id, TRUE, "one", 0, 0, 0);
  draw (p.a, p.b->id, TRUE, "two", 0, 0, 0);
  WAIT_FOR (is_said (&said, 0, 0, 0));
  pair_stop (&p);
  said_clear (&said);
}

GST_END_TEST;

/* One that never says how large it draws has to get whatever there is. */
GST_START_TEST (what_is_linked_anew_may_say_nothing)
{
  g_autoptr (GstPad) pad = NULL;
  Said said = { 0 };
  GstPad *sink;
  Pair p;

  start (&p, &said);
  draw (p.a, p.b->id, TRUE, NULL, 0, 0, 0);
  WAIT_FOR (is_said (&said, 0, 0, 0));
  g_mutex_lock (&party_lock);
  pad = gst_object_ref (party_stream_of (p.a, p.b->id, TRUE)->pad);
  g_mutex_unlock (&party_lock);
  sink = gst_pad_get_peer (pad);
  gst_pad_unlink (pad, sink);
  fail_unless (gst_pad_link (pad, sink) == GST_PAD_LINK_OK);
  gst_object_unref (sink);
  WAIT_FOR (is_said (&said, 16384, 16384, 0));
  pair_stop (&p);
  said_clear (&said);
}

GST_END_TEST;

static Suite *
meshroom_want_suite (void)
{
  Suite *suite = suite_create ("meshroom-want");
  TCase *tc = tcase_create ("says");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, what_is_drawn_is_wanted);
  tcase_add_test (tc, the_largest_of_several_counts);
  tcase_add_test (tc, what_is_linked_anew_may_say_nothing);
  return suite;
}

GST_CHECK_MAIN (meshroom_want);
