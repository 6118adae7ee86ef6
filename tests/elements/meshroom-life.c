/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A meshroom's life outside of calls: states up and down again with nothing
 * left behind, pads requested and released, and what it says of itself. */

#include <stdlib.h>
#include <string.h>

#include "objects.h"
#include "party.h"
#include "traces.h"

#define RED PARTY_VIDEO (PARTY_RED) PARTY_AUDIO (500)
#define BLUE PARTY_VIDEO (PARTY_BLUE) PARTY_AUDIO (900)

/* --- what is left behind --- */

GST_START_TEST (ten_calls_leave_nothing_behind)
{
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, "", RED);
  Party *b = party_new (wire, "", BLUE);
  Traces before;

  for (guint i = 0; i < 10; i++) {
    party_start (a);
    party_start (b);
    WAIT_FOR (party_sees (a, b->id, PARTY_BLUE)
        && party_hears (a, b->id, 900)
        && party_sees (b, a->id, PARTY_RED) && party_hears (b, a->id, 500));
    if (i % 2)
      party_leave (b);
    party_stop (a);
    party_stop (b);
    g_ptr_array_set_size (a->streams, 0);
    g_ptr_array_set_size (b->streams, 0);
    /* what is made once and kept (a certificate, say) is there by now */
    if (i == 1) {
      before = traces_settled ();
      objects_start (FALSE);
    } else if (i > 1) {
      objects_check (before);
    }
  }
  ck_assert_uint_eq (a->added->len, 10);
  objects_stop ();
  party_free (a);
  party_free (b);
  wire_free (wire);
}

GST_END_TEST;

static char *
count_messages (Party *from, const char *json, gpointer data)
{
  ++*(guint *) data;
  return g_strdup (json);
}

GST_START_TEST (a_call_that_is_torn_down_at_once_leaves_nothing_behind)
{
  Traces before = { 0 };

  for (guint i = 0; i < 10; i++) {
    guint relayed = 0;
    Wire *wire = wire_new (count_messages, &relayed);
    Party *a = party_new (wire, "", RED);
    Party *b = party_new (wire, "", BLUE);

    party_start (a);
    party_start (b);
    /* a little further each time */
    WAIT_FOR (relayed >= MIN (2 * i, 12));
    if (i > 6)
      WAIT_FOR (a->added->len > 0 || b->added->len > 0);
    party_free (a);
    party_free (b);
    wire_free (wire);
    if (i == 1) {
      before = traces_settled ();
      objects_start (FALSE);
    } else if (i > 1) {
      objects_check (before);
    }
  }
  objects_stop ();
}

GST_END_TEST;

/* --- pads --- */

GST_START_TEST (request_pads_are_there_once)
{
  static const char *const names[] = { "video_sink", "audio_sink",
    "signal_sink", "signal_src"
  };
  GstElement *room = gst_check_setup_element ("meshroom");

  for (guint round = 0; round < 2; round++) {
    for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
      GstPad *pad = gst_element_request_pad_simple (room, names[i]);

      fail_unless (pad != NULL);
      ck_assert_str_eq (GST_PAD_NAME (pad), names[i]);
      fail_unless (gst_element_request_pad (room,
              gst_element_get_pad_template (room, names[i]), NULL, NULL)
          == NULL);
      gst_element_release_request_pad (room, pad);
      ASSERT_OBJECT_REFCOUNT (pad, names[i], 1);
      gst_object_unref (pad);
    }
  }
  ck_assert_uint_eq (room->numpads, 0);
  ck_assert_int_eq (gst_element_set_state (room, GST_STATE_READY),
      GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state (room, GST_STATE_NULL);
  gst_check_teardown_element (room);
}

GST_END_TEST;

GST_START_TEST (pads_may_be_released_before_the_element_goes)
{
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, "", RED);
  Party *b = party_new (wire, "", BLUE);
  g_autoptr (GstPad) video = NULL;
  g_autoptr (GstPad) peer = NULL;

  party_start (a);
  party_start (b);
  WAIT_FOR (party_sees (b, a->id, PARTY_RED));
  party_stop (a);
  video = gst_element_get_static_pad (a->room, "video_sink");
  peer = gst_pad_get_peer (video);
  gst_pad_unlink (peer, video);
  gst_element_release_request_pad (a->room, video);
  /* and go on without */
  gst_element_set_locked_state (GST_ELEMENT (GST_PAD_PARENT (peer)), TRUE);
  party_start (a);
  WAIT_FOR (party_sees (a, b->id, PARTY_BLUE)
      && party_hears (b, a->id, 500));
  party_free (a);
  party_free (b);
  wire_free (wire);
}

GST_END_TEST;

GST_START_TEST (a_pad_released_while_playing_does_no_harm)
{
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, "", RED);
  Party *b = party_new (wire, "", BLUE);
  g_autoptr (GstPad) audio = NULL;
  g_autoptr (GstPad) peer = NULL;
  GstElement *source;
  Stream *stream;
  guint frames;

  party_start (a);
  party_start (b);
  WAIT_FOR (party_sees (b, a->id, PARTY_RED) && party_hears (b, a->id, 500));
  audio = gst_element_get_static_pad (a->room, "audio_sink");
  peer = gst_pad_get_peer (audio);
  source = GST_ELEMENT (GST_PAD_PARENT (peer));
  gst_element_set_locked_state (source, TRUE);
  gst_element_set_state (source, GST_STATE_NULL);
  gst_pad_unlink (peer, audio);
  gst_element_release_request_pad (a->room, audio);
  WAIT_FOR ((stream = party_stream_of (b, a->id, TRUE)));
  frames = stream->frames;
  WAIT_FOR (stream->frames > frames + 20);
  g_ptr_array_set_size (a->errors, 0);  /* of the source that was cut off */
  party_free (a);
  party_free (b);
  wire_free (wire);
}

GST_END_TEST;

/* --- states and properties --- */

GST_START_TEST (a_paused_call_goes_on)
{
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, "", RED);
  Party *b = party_new (wire, "", BLUE);

  party_start (a);
  party_start (b);
  WAIT_FOR (party_sees (a, b->id, PARTY_BLUE)
      && party_sees (b, a->id, PARTY_RED));
  ck_assert_int_eq (gst_element_set_state (a->pipeline, GST_STATE_PAUSED),
      GST_STATE_CHANGE_NO_PREROLL);
  party_start (a);
  WAIT_FOR (party_sees (a, b->id, PARTY_BLUE)
      && party_sees (b, a->id, PARTY_RED));
  ck_assert_uint_eq (a->removed->len + b->removed->len, 0);
  party_free (a);
  party_free (b);
  wire_free (wire);
}

GST_END_TEST;

GST_START_TEST (every_property_is_explained)
{
  GstElement *room = gst_check_setup_element ("meshroom");
  guint n;
  g_autofree GParamSpec **specs =
      g_object_class_list_properties (G_OBJECT_GET_CLASS (room), &n);
  guint ours = 0;

  for (guint i = 0; i < n; i++) {
    const char *nick = g_param_spec_get_nick (specs[i]);
    const char *blurb = g_param_spec_get_blurb (specs[i]);

    if (specs[i]->owner_type != G_OBJECT_TYPE (room))
      continue;
    ours++;
    fail_unless (strlen (blurb) > strlen (nick), "%s: \"%s\"",
        specs[i]->name, blurb);
    if (specs[i]->flags & G_PARAM_WRITABLE)
      fail_unless (specs[i]->flags & (GST_PARAM_MUTABLE_READY
              | GST_PARAM_MUTABLE_PLAYING), "%s: when may it be changed?",
          specs[i]->name);
  }
  ck_assert_uint_ge (ours, 15);
  gst_check_teardown_element (room);
}

GST_END_TEST;

GST_START_TEST (properties_have_the_promised_defaults)
{
  GstElement *room = gst_check_setup_element ("meshroom");
  GstElement *other = gst_check_setup_element ("meshroom");
  g_autofree char *link = NULL, *serve = NULL, *id = NULL, *other_id = NULL,
      *name = NULL, *stun = NULL, *codecs = NULL;
  gboolean muted, decode, verify;
  guint max_peers, latency;
  int policy;

  g_object_get (room, "link", &link, "serve", &serve, "peer-id", &id,
      "display-name", &name, "stun-server", &stun, "video-codecs", &codecs,
      "muted", &muted, "decode", &decode, "verify-fingerprint", &verify,
      "max-peers", &max_peers, "latency", &latency, "ice-transport-policy",
      &policy, NULL);
  g_object_get (other, "peer-id", &other_id, NULL);
  fail_unless (!link && !serve && !stun);
  fail_unless (g_uuid_string_is_valid (id));
  ck_assert_str_ne (id, other_id);
  ck_assert_uint_gt (strlen (name), 0);
  ck_assert_str_eq (codecs, "VP8,H264");
  fail_unless (!muted && decode && verify);
  ck_assert_uint_eq (max_peers, 32);
  ck_assert_uint_eq (latency, 80);
  ck_assert_int_eq (policy, 0);
  gst_check_teardown_element (room);
  gst_check_teardown_element (other);
}

GST_END_TEST;

GST_START_TEST (turn_servers_can_be_written_in_a_launch_line)
{
  g_autoptr (GError) error = NULL;
  GstElement *room = gst_parse_launch ("meshroom turn-servers="
      "\"<(string)\\\"turn://u:p@10.77.0.1:3478\\\",(string)\\\"turns://u:p@b\\\">\"",
      &error);
  g_auto (GValue) servers = G_VALUE_INIT;

  g_assert_no_error (error);
  g_object_get_property (G_OBJECT (room), "turn-servers", &servers);
  ck_assert_uint_eq (gst_value_array_get_size (&servers), 2);
  ck_assert_str_eq (g_value_get_string (gst_value_array_get_value (&servers,
              0)), "turn://u:p@10.77.0.1:3478");
  gst_object_unref (room);
}

GST_END_TEST;

/* The example launch lines of the element's documentation. */
GST_START_TEST (the_documented_launch_lines_parse)
{
  g_autofree char *path = g_build_filename (g_getenv ("MESH_SOURCE_ROOT"),
      "plugins", "meshroom", "meshroom.c", NULL);
  g_autofree char *text = NULL;
  guint n = 0;

  fail_unless (g_file_get_contents (path, &text, NULL, NULL));
  for (char *p = text; (p = strstr (p, "* gst-launch-1.0 ")); n++) {
    g_autoptr (GError) error = NULL;
    GstElement *pipeline;
    char *end = strstr (p, "* ]|");
    g_autoptr (GString) line = NULL;

    fail_unless (end != NULL);
    p += strlen ("* gst-launch-1.0 ");
    line = g_string_new_len (p, end - p);
    g_string_replace (line, "\\\n * ", " ", 0);
    g_string_replace (line, "\n * ", " ", 0);
    pipeline = gst_parse_launch_full (g_strstrip (line->str), NULL,
        GST_PARSE_FLAG_FATAL_ERRORS, &error);
    g_assert_no_error (error);
    gst_object_unref (pipeline);
  }
  ck_assert_uint_gt (n, 0);
}

GST_END_TEST;

/* --- two rooms in one pipeline, as DESIGN has it --- */

static void
count_warning (const char *domain, GLogLevelFlags level, const char *message,
    gpointer user_data)
{
  /* GStreamer cannot sort what goes round, says so, and goes on. */
  g_assert_nonnull (strstr (message, "loop detected"));
}

static GstPadProbeReturn
on_frame (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  guint *frames = user_data;

  g_mutex_lock (&party_lock);
  ++*frames;
  g_cond_broadcast (&party_changed);
  g_mutex_unlock (&party_lock);
  return GST_PAD_PROBE_OK;
}

static void
count_frames (GstElement *sink, guint *frames)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (sink, "sink");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_frame, frames, NULL);
}

/* In a circle a bin finds no first element, and may start the sources before the
 * rooms: a live one, and one that is not. With MESH_LONG that is tried 200
 * times. */
static void
check_two_rooms (void)
{
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch ("meshroom name=a "
      "videotestsrc is-live=true ! capsfilter ! a.video_sink "
      "meshroom name=b videotestsrc ! b.video_sink "
      "a.signal_src ! b.signal_sink b.signal_src ! a.signal_sink "
      "a.video_0 ! fakesink name=x async=false "
      "b.video_0 ! fakesink name=y async=false", &error);
  g_autoptr (GstElement) x = NULL, y = NULL;
  guint frames[2] = { 0, 0 };

  g_assert_no_error (error);
  x = gst_bin_get_by_name (GST_BIN (pipeline), "x");
  y = gst_bin_get_by_name (GST_BIN (pipeline), "y");
  count_frames (x, &frames[0]);
  count_frames (y, &frames[1]);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  WAIT_FOR (frames[0] > 10 && frames[1] > 10);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

GST_START_TEST (two_rooms_may_be_linked_to_each_other)
{
  GLogLevelFlags fatal = g_log_set_always_fatal (G_LOG_FATAL_MASK);
  guint handler = g_log_set_handler ("GStreamer", G_LOG_LEVEL_WARNING,
      count_warning, NULL);
  guint rounds = g_getenv ("MESH_LONG") ? 200 : 5;

  for (guint i = 0; i < rounds; i++)
    check_two_rooms ();
  g_log_remove_handler ("GStreamer", handler);
  g_log_set_always_fatal (fatal);
}

GST_END_TEST;

/* A demuxer that runs before us finds its way blocked, and gives up. */
GST_START_TEST (it_starts_before_what_feeds_it)
{
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch ("meshroom name=room "
      "fakesrc name=file ! matroskademux name=demux "
      "demux.video_0 ! queue name=queue ! room.video_sink", &error);
  g_autoptr (GstIterator) it = NULL;
  g_auto (GValue) item = G_VALUE_INIT;
  g_autoptr (GString) order = g_string_new (NULL);

  g_assert_no_error (error);
  it = gst_bin_iterate_sorted (GST_BIN (pipeline));
  while (gst_iterator_next (it, &item) == GST_ITERATOR_OK)
    g_string_append_printf (order, "%s ",
        GST_OBJECT_NAME (g_value_get_object (&item)));
  ck_assert_str_eq (order->str, "room queue demux file ");
  g_value_unset (&item);
  gst_object_unref (pipeline);
}

GST_END_TEST;

static Suite *
life_suite (void)
{
  Suite *suite = suite_create ("meshroom-life");
  TCase *tcase = tcase_create ("general");

  /* threads that wait for more work are none that were left behind */
  g_thread_pool_set_max_unused_threads (0);
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, ten_calls_leave_nothing_behind);
  tcase_add_test (tcase,
      a_call_that_is_torn_down_at_once_leaves_nothing_behind);
  tcase_add_test (tcase, request_pads_are_there_once);
  tcase_add_test (tcase, pads_may_be_released_before_the_element_goes);
  tcase_add_test (tcase, a_pad_released_while_playing_does_no_harm);
  tcase_add_test (tcase, a_paused_call_goes_on);
  tcase_add_test (tcase, every_property_is_explained);
  tcase_add_test (tcase, properties_have_the_promised_defaults);
  tcase_add_test (tcase, turn_servers_can_be_written_in_a_launch_line);
  tcase_add_test (tcase, the_documented_launch_lines_parse);
  tcase_add_test (tcase, two_rooms_may_be_linked_to_each_other);
  tcase_add_test (tcase, it_starts_before_what_feeds_it);
  return suite;
}

int
main (int argc, char **argv)
{
  /* Not the process' one DTLS agent, which GStreamer keeps. */
  objects_watch ("GstElement,GstPad,GstBus,GstTask,"
      "GstBuffer,GstEvent,GstMessage,GstQuery,GstPromise,GstWebRTCICE,"
      "GstWebRTCICETransport,GstWebRTCDTLSTransport,GstWebRTCRTPTransceiver");
  gst_check_init (&argc, &argv);
  return gst_check_run_suite (life_suite (), "meshroom-life", __FILE__);
}
