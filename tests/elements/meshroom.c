/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls of two and three in one process, over their signal pads: what everybody
 * sees and hears. */

#include "latency.h"
#include "pair-fixture.h"

GST_START_TEST (picture_and_tone_arrive_both_ways)
{
  Pair p;

  pair_start (&p, "", AV (PARTY_RED, 500), "", AV (PARTY_BLUE, 900));
  WAIT_FOR (party_sees (p.a, p.b->id, PARTY_BLUE));
  WAIT_FOR (party_sees (p.b, p.a->id, PARTY_RED));
  WAIT_FOR (party_hears (p.a, p.b->id, 900));
  WAIT_FOR (party_hears (p.b, p.a->id, 500));
  ck_assert_uint_eq (p.a->streams->len, 2);
  ck_assert_uint_eq (p.b->streams->len, 2);
  pair_stop (&p);
}

GST_END_TEST;

GST_START_TEST (one_side_may_lack_a_camera)
{
  Pair p;

  pair_start (&p, "", PARTY_AUDIO (500), "", AV (PARTY_BLUE, 900));
  WAIT_FOR (party_sees (p.a, p.b->id, PARTY_BLUE));
  WAIT_FOR (party_hears (p.a, p.b->id, 900));
  WAIT_FOR (party_hears (p.b, p.a->id, 500));
  ck_assert_uint_eq (p.b->streams->len, 1);
  pair_stop (&p);
}

GST_END_TEST;

GST_START_TEST (one_side_may_lack_a_microphone)
{
  Pair p;

  pair_start (&p, "", AV (PARTY_RED, 500), "", PARTY_VIDEO (PARTY_BLUE));
  WAIT_FOR (party_sees (p.a, p.b->id, PARTY_BLUE));
  WAIT_FOR (party_sees (p.b, p.a->id, PARTY_RED));
  WAIT_FOR (party_hears (p.b, p.a->id, 500));
  ck_assert_uint_eq (p.a->streams->len, 1);
  pair_stop (&p);
}

GST_END_TEST;

/* The later of two members calls and the one that is called makes the offer, so
 * both orders are tried. */
GST_START_TEST (a_watcher_sees_and_is_not_seen)
{
  Pair p;

  if (__i__)
    pair_start (&p, "", "", "", AV (PARTY_BLUE, 900));
  else
    pair_start (&p, "", AV (PARTY_BLUE, 900), "", "");
  if (!__i__) {
    Party *watcher = p.b;

    p.b = p.a;
    p.a = watcher;
  }
  WAIT_FOR (party_sees (p.a, p.b->id, PARTY_BLUE));
  WAIT_FOR (party_hears (p.a, p.b->id, 900));
  WAIT_FOR (party_has (p.b->added, p.a->id));
  ck_assert_uint_eq (p.b->streams->len, 0);
  pair_stop (&p);
}

GST_END_TEST;

GST_START_TEST (two_watchers_know_of_each_other)
{
  Pair p;

  pair_start (&p, "display-name=Ada", "", "display-name=Bob", "");
  WAIT_FOR (party_has (p.a->added, p.b->id));
  WAIT_FOR (party_has (p.b->added, p.a->id));
  ck_assert_uint_eq (p.a->streams->len, 0);
  pair_stop (&p);
}

GST_END_TEST;

#define VP8_INPUT \
    " videotestsrc is-live=true pattern=solid-color foreground-color=" PARTY_RED \
    " ! video/x-raw,width=64,height=48,framerate=20/1 " \
    " ! vp8enc deadline=1 name=encoder ! room.video_sink "
#define OPUS_INPUT \
    " audiotestsrc is-live=true samplesperbuffer=480 volume=0.5 freq=500 " \
    " ! audio/x-raw,rate=48000,channels=1 ! opusenc ! room.audio_sink "
#define H264_SOURCE \
    " videotestsrc is-live=true pattern=solid-color foreground-color=" PARTY_RED \
    " ! video/x-raw,format=I420,width=64,height=48,framerate=20/1 " \
    " ! x264enc tune=zerolatency speed-preset=ultrafast " \
    " ! video/x-h264,profile=constrained-baseline "
#define H264_INPUT H264_SOURCE " ! room.video_sink "

GST_START_TEST (encoded_input_is_passed_through)
{
  Pair p;

  pair_start (&p, "", VP8_INPUT OPUS_INPUT, "", AV (PARTY_BLUE, 900));
  WAIT_FOR (party_sees (p.b, p.a->id, PARTY_RED));
  WAIT_FOR (party_hears (p.b, p.a->id, 500));
  WAIT_FOR (party_sees (p.a, p.b->id, PARTY_BLUE));
  ck_assert_uint_eq (party_count_elements (p.a, "vp8enc"), 0);
  ck_assert_uint_eq (party_count_elements (p.b, "vp8enc"), 1);
  pair_stop (&p);
}

GST_END_TEST;

GST_START_TEST (h264_is_spoken_when_asked_for)
{
  Pair p;

  pair_start (&p, "video-codecs=H264", AV (PARTY_RED, 500),
      "video-codecs=H264", AV (PARTY_BLUE, 900));
  WAIT_FOR (party_sees (p.b, p.a->id, PARTY_RED));
  WAIT_FOR (party_sees (p.a, p.b->id, PARTY_BLUE));
  ck_assert_uint_eq (party_count_elements (p.a, "vp8enc"), 0);
  pair_stop (&p);
}

GST_END_TEST;

GST_START_TEST (h264_input_decides_the_codec)
{
  Pair p;

  /* the other one speaks both, and would rather VP8 */
  pair_start (&p, "", H264_INPUT, "", AV (PARTY_BLUE, 900));
  WAIT_FOR (party_sees (p.b, p.a->id, PARTY_RED));
  WAIT_FOR (party_sees (p.a, p.b->id, PARTY_BLUE));
  pair_stop (&p);
}

GST_END_TEST;

/* The codec of the input is not known before the peers are connected, so they
 * connect anew. */
GST_START_TEST (h264_input_that_comes_late_decides_too)
{
  Pair p;
  g_autoptr (GstElement) entry = NULL;
  GstElement *camera;

  pair_start (&p, "", "identity name=entry ! room.video_sink", "",
      PARTY_VIDEO (PARTY_BLUE));
  WAIT_FOR (party_sees (p.a, p.b->id, PARTY_BLUE));
  WAIT_FOR (party_has (p.b->added, p.a->id));
  entry = gst_bin_get_by_name (GST_BIN (p.a->pipeline), "entry");
  camera = gst_parse_bin_from_description (H264_SOURCE, TRUE, NULL);
  gst_bin_add (GST_BIN (p.a->pipeline), camera);
  fail_unless (gst_element_link (camera, entry));
  gst_element_sync_state_with_parent (camera);
  WAIT_FOR (party_sees (p.b, p.a->id, PARTY_RED));
  WAIT_FOR (party_sees (p.a, p.b->id, PARTY_BLUE));
  ck_assert_uint_eq (p.a->removed->len + p.b->removed->len, 0);
  pair_stop (&p);
}

GST_END_TEST;

GST_START_TEST (without_decode_the_pads_carry_what_was_sent)
{
  Pair p;
  Stream *video, *audio;

  pair_start (&p, "decode=false", "", "", AV (PARTY_BLUE, 900));
  WAIT_FOR ((video = party_stream_of (p.a, p.b->id, TRUE))
      && video->frames > 5);
  WAIT_FOR ((audio = party_stream_of (p.a, p.b->id, FALSE))
      && audio->frames > 5);
  g_mutex_lock (&party_lock);
  fail_unless (gst_structure_has_name (gst_caps_get_structure (video->caps, 0),
          "video/x-vp8"));
  fail_unless (gst_structure_has_name (gst_caps_get_structure (audio->caps, 0),
          "audio/x-opus"));
  g_mutex_unlock (&party_lock);
  pair_stop (&p);
}

GST_END_TEST;

GST_START_TEST (muting_stops_the_sound_and_nothing_else)
{
  Pair p;
  Stream *video, *audio;
  guint heard, seen;

  pair_start (&p, "", AV (PARTY_RED, 500), "", AV (PARTY_BLUE, 900));
  WAIT_FOR (party_hears (p.a, p.b->id, 900));
  WAIT_FOR (party_sees (p.a, p.b->id, PARTY_BLUE));
  g_object_set (p.b->room, "muted", TRUE, NULL);
  g_mutex_lock (&party_lock);
  video = party_stream_of (p.a, p.b->id, TRUE);
  audio = party_stream_of (p.a, p.b->id, FALSE);
  heard = audio->frames;
  seen = video->frames;
  g_mutex_unlock (&party_lock);
  /* two seconds of picture, while what was under way may still arrive */
  WAIT_FOR (video->frames > seen + 40);
  ck_assert_uint_lt (audio->frames - heard, 20);
  WAIT_FOR (party_hears (p.b, p.a->id, 500));

  audio->hz = 0;
  g_object_set (p.b->room, "muted", FALSE, NULL);
  WAIT_FOR (party_hears (p.a, p.b->id, 900));
  pair_stop (&p);
}

GST_END_TEST;

GST_START_TEST (who_starts_muted_is_not_heard)
{
  Pair p;

  pair_start (&p, "", "", "muted=true", AV (PARTY_BLUE, 900));
  WAIT_FOR (party_sees (p.a, p.b->id, PARTY_BLUE));
  WAIT_FOR (party_knows (p.a, p.b->id, "muted", "true"));
  WAIT_FOR (party_stream_of (p.a, p.b->id, TRUE)->frames > 20);
  g_mutex_lock (&party_lock);
  fail_if (party_stream_of (p.a, p.b->id, FALSE));
  g_mutex_unlock (&party_lock);
  pair_stop (&p);
}

GST_END_TEST;

GST_START_TEST (the_declared_latency_is_a_constant)
{
  Pair p;
  Stream *video, *audio;

  pair_start (&p, "latency=120", "", "", AV (PARTY_BLUE, 900));
  WAIT_FOR ((video = party_stream_of (p.a, p.b->id, TRUE)));
  WAIT_FOR ((audio = party_stream_of (p.a, p.b->id, FALSE)));
  ck_assert_uint_eq (live_latency (video->pad), 120 * GST_MSECOND);
  ck_assert_uint_eq (live_latency (audio->pad), 120 * GST_MSECOND);
  /* for the sinks that were linked to them in a pipeline that plays already */
  WAIT_FOR (p.a->latencies >= 2);
  pair_stop (&p);
}

GST_END_TEST;

/* Sealed calls need no server either. */
#define LINK "link=http://127.0.0.1:1/room/" \
    "6fa459ea-ee8a-4ca4-894e-db77e160355e#AAECAwQFBgcICQoLDA0ODw "

static char *
pass_only_sealed (Party *from, const char *json, gpointer data)
{
  g_assert_nonnull (strstr (json, "\"sealed\""));
  g_assert_null (strstr (json, "fingerprint"));
  return g_strdup (json);
}

GST_START_TEST (with_a_key_the_wire_carries_sealed_messages_only)
{
  Pair p;

  pair_start (&p, LINK, AV (PARTY_RED, 500), LINK, AV (PARTY_BLUE, 900));
  p.wire->filter = pass_only_sealed;
  WAIT_FOR (party_sees (p.a, p.b->id, PARTY_BLUE));
  WAIT_FOR (party_sees (p.b, p.a->id, PARTY_RED));
  pair_stop (&p);
}

GST_END_TEST;

GST_START_TEST (three_in_a_room_and_one_leaves)
{
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, "", AV (PARTY_RED, 500));
  Party *b = party_new (wire, "", AV (PARTY_GREEN, 700));
  Party *c = party_new (wire, "", AV (PARTY_BLUE, 900));
  Stream *stream;
  guint frames;

  /* all at once: nobody is the host */
  party_start (a);
  party_start (b);
  party_start (c);
  WAIT_FOR (party_sees (a, b->id, PARTY_GREEN)
      && party_sees (a, c->id, PARTY_BLUE)
      && party_hears (a, b->id, 700) && party_hears (a, c->id, 900));
  WAIT_FOR (party_sees (b, a->id, PARTY_RED)
      && party_sees (b, c->id, PARTY_BLUE)
      && party_hears (b, a->id, 500) && party_hears (b, c->id, 900));
  WAIT_FOR (party_sees (c, a->id, PARTY_RED)
      && party_sees (c, b->id, PARTY_GREEN)
      && party_hears (c, a->id, 500) && party_hears (c, b->id, 700));
  ck_assert_uint_eq (a->streams->len, 4);
  ck_assert_uint_eq (party_count_elements (a, "vp8enc"), 1);

  party_leave (b);
  WAIT_FOR (a->removed->len == 1 && c->removed->len == 1);
  WAIT_FOR ((stream = party_stream_of (a, c->id, TRUE)));
  frames = stream->frames;
  WAIT_FOR (stream->frames > frames + 10);
  ck_assert_uint_eq (a->removed->len, 1);
  ck_assert_uint_eq (a->added->len, 2);

  /* and comes back, into the free place */
  party_stop (b);
  party_start (b);
  WAIT_FOR (party_sees (a, b->id, PARTY_GREEN)
      && party_sees (b, c->id, PARTY_BLUE));
  party_free (a);
  party_free (b);
  party_free (c);
  wire_free (wire);
}

GST_END_TEST;

GST_START_TEST (who_comes_late_finds_everybody)
{
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, "", PARTY_VIDEO (PARTY_RED));
  Party *b = party_new (wire, "", PARTY_VIDEO (PARTY_GREEN));
  Party *late = party_new (wire, "", "");

  party_start (a);
  party_start (b);
  WAIT_FOR (party_sees (a, b->id, PARTY_GREEN));
  party_start (late);
  WAIT_FOR (party_sees (late, a->id, PARTY_RED)
      && party_sees (late, b->id, PARTY_GREEN));
  party_free (late);
  party_free (b);
  party_free (a);
  wire_free (wire);
}

GST_END_TEST;

GST_START_TEST (max_peers_are_not_exceeded)
{
  Wire *wire = wire_new (NULL, NULL);
  Party *a = party_new (wire, "max-peers=1", PARTY_VIDEO (PARTY_RED));
  Party *b = party_new (wire, "", PARTY_VIDEO (PARTY_GREEN));
  Party *c = party_new (wire, "", "");

  party_start (a);
  party_start (b);
  WAIT_FOR (party_sees (b, a->id, PARTY_RED));
  party_start (c);
  WAIT_FOR (party_sees (c, b->id, PARTY_GREEN));
  ck_assert_uint_eq (a->added->len, 1);
  ck_assert_uint_eq (c->added->len, 1);
  party_free (c);
  party_free (b);
  party_free (a);
  wire_free (wire);
}

GST_END_TEST;

static Suite *
meshroom_suite (void)
{
  Suite *suite = suite_create ("meshroom");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, picture_and_tone_arrive_both_ways);
  tcase_add_test (tcase, one_side_may_lack_a_camera);
  tcase_add_test (tcase, one_side_may_lack_a_microphone);
  tcase_add_loop_test (tcase, a_watcher_sees_and_is_not_seen, 0, 2);
  tcase_add_test (tcase, two_watchers_know_of_each_other);
  tcase_add_test (tcase, encoded_input_is_passed_through);
  tcase_add_test (tcase, h264_is_spoken_when_asked_for);
  tcase_add_test (tcase, h264_input_decides_the_codec);
  tcase_add_test (tcase, h264_input_that_comes_late_decides_too);
  tcase_add_test (tcase, without_decode_the_pads_carry_what_was_sent);
  tcase_add_test (tcase, muting_stops_the_sound_and_nothing_else);
  tcase_add_test (tcase, who_starts_muted_is_not_heard);
  tcase_add_test (tcase, the_declared_latency_is_a_constant);
  tcase_add_test (tcase, with_a_key_the_wire_carries_sealed_messages_only);
  tcase_add_test (tcase, three_in_a_room_and_one_leaves);
  tcase_add_test (tcase, who_comes_late_finds_everybody);
  tcase_add_test (tcase, max_peers_are_not_exceeded);
  return suite;
}

GST_CHECK_MAIN (meshroom);
