/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a room sends is exchanged in mid-call: sink pads that are requested and
 * released while it is PAUSED or PLAYING, as an application does that turns its
 * camera on later. */

#include <string.h>

#include "party.h"

#define RED PARTY_VIDEO (PARTY_RED)
#define HUM PARTY_AUDIO (500)
#define BLUE_AND_HUM PARTY_VIDEO (PARTY_BLUE) PARTY_AUDIO (900)
#define ANN "peer-id=0a000000-0000-4000-8000-000000000001"
#define BEN "peer-id=0b000000-0000-4000-8000-000000000002"

/* A stream that is added to a party that has begun, and goes again. */
typedef struct {
  Party *party;
  GstElement *bin;
  GstPad *pad;                  /* the room's */
} Extra;

static Extra
extra_new (Party *party, const char *pad, const char *description)
{
  g_autoptr (GError) error = NULL;
  Extra extra = { party };
  g_autoptr (GstPad) src = NULL;

  extra.bin = gst_parse_bin_from_description (description, TRUE, &error);
  g_assert_no_error (error);
  gst_object_ref_sink (extra.bin);
  extra.pad = gst_element_request_pad_simple (party->room, pad);
  fail_unless (extra.pad, "no %s", pad);
  gst_bin_add (GST_BIN (party->pipeline), extra.bin);
  src = gst_element_get_static_pad (extra.bin, "src");
  ck_assert_int_eq (gst_pad_link (src, extra.pad), GST_PAD_LINK_OK);
  return extra;
}

static void
extra_play (Extra *extra)
{
  fail_unless (gst_element_sync_state_with_parent (extra->bin));
}

static void
extra_end (Extra *extra)
{
  gst_element_set_locked_state (extra->bin, TRUE);
  gst_element_set_state (extra->bin, GST_STATE_NULL);
  gst_element_release_request_pad (extra->party->room, extra->pad);
  gst_clear_object (&extra->pad);
  gst_bin_remove (GST_BIN (extra->party->pipeline), extra->bin);
  gst_clear_object (&extra->bin);
}

static Extra
extra_start (Party *party, const char *pad, const char *description)
{
  Extra extra = extra_new (party, pad, description);

  extra_play (&extra);
  return extra;
}

#define GREEN_CAMERA "videotestsrc is-live=true pattern=solid-color " \
    "foreground-color=" PARTY_GREEN " ! video/x-raw,width=64,height=48," \
    "framerate=20/1 ! identity"
#define RED_CAMERA "videotestsrc is-live=true pattern=solid-color " \
    "foreground-color=" PARTY_RED " ! video/x-raw,width=64,height=48," \
    "framerate=20/1 ! identity"
#define HIGH_TONE "audiotestsrc is-live=true samplesperbuffer=480 volume=0.5 " \
    "freq=1300 ! audio/x-raw,rate=48000,channels=1 ! identity"

/* How long nothing came, by the times of what came. A machine that is held up
 * holds up everybody, also between two for whom nothing changes: so that is what
 * the others are compared with. */
typedef struct {
  GstClockTime last;
  GstClockTime longest;
  guint buffers;
} Gaps;

static GstPadProbeReturn
measure (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  GstClockTime time = GST_BUFFER_PTS (buffer);
  Gaps *gaps = user_data;

  g_mutex_lock (&party_lock);
  if (gaps->buffers++ > 0 && time > gaps->last)
    gaps->longest = MAX (gaps->longest, time - gaps->last);
  gaps->last = time;
  g_cond_broadcast (&party_changed);
  g_mutex_unlock (&party_lock);
  return GST_PAD_PROBE_OK;
}

static void
measure_stream (Party *party, Party *of, gboolean video, Gaps *gaps)
{
  GstPad *pad;

  g_mutex_lock (&party_lock);
  pad = gst_object_ref (party_stream_of (party, of->id, video)->pad);
  g_mutex_unlock (&party_lock);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, measure, gaps, NULL);
  gst_object_unref (pad);
}

#define NO_BREAK (1 * GST_SECOND)

/* --- who is in a test's call --- */

static Wire *wire;
static Party *ann, *ben;

/* @sources: what Ann sends from the start */
static void
make_call (const char *sources, const char *ben_room)
{
  wire = wire_new (NULL, NULL);
  ann = party_new (wire, ANN, sources);
  ben = party_new (wire, ben_room, BLUE_AND_HUM);
}

static void
start_call (const char *sources)
{
  make_call (sources, BEN);
  party_start (ann);
  party_start (ben);
}

static void
end_call (void)
{
  party_free (ann);
  party_free (ben);
  wire_free (wire);
}

static guint
count (GPtrArray *texts, const char *text)
{
  guint n = 0;

  for (guint i = 0; i < texts->len; i++)
    n += strstr (g_ptr_array_index (texts, i), text) != NULL;
  return n;
}

/* --- the tests --- */

/* Turns a camera on later; and nothing that there is stops for it. */
static void
check_camera_on (const char *camera)
{
  Gaps sound = { 0 }, picture = { 0 }, own = { 0 }, control = { 0 };
  Party *carl;
  Extra extra;

  start_call (HUM);
  carl = party_new (wire, "", "");
  party_start (carl);
  WAIT_FOR (party_hears (carl, ben->id, 900));
  WAIT_FOR (party_hears (ben, ann->id, 500));
  WAIT_FOR (party_hears (ann, ben->id, 900));
  WAIT_FOR (party_sees (ann, ben->id, PARTY_BLUE));
  fail_if (party_stream_of (ben, ann->id, TRUE));
  measure_stream (carl, ben, FALSE, &control);
  measure_stream (ben, ann, FALSE, &own);
  measure_stream (ann, ben, FALSE, &sound);
  measure_stream (ann, ben, TRUE, &picture);

  extra = extra_start (ann, "video_sink", camera);
  WAIT_FOR (party_sees (ben, ann->id, PARTY_GREEN));
  WAIT_FOR (party_hears (ben, ann->id, 500));
  /* until the old connection is certainly gone */
  WAIT_FOR (sound.buffers > 400 && control.buffers > 400);
  g_mutex_lock (&party_lock);
  ck_assert_uint_lt (sound.longest, NO_BREAK + control.longest);
  ck_assert_uint_lt (picture.longest, NO_BREAK + control.longest);
  ck_assert_uint_lt (own.longest, NO_BREAK + control.longest);
  ck_assert_uint_eq (ann->removed->len + ben->removed->len, 0);
  fail_unless (party_stream_of (ann, ben->id, FALSE));
  ck_assert_uint_eq (ann->warnings->len + ben->warnings->len, 0);
  g_mutex_unlock (&party_lock);

  extra_end (&extra);
  party_free (carl);
  end_call ();
}

GST_START_TEST (a_camera_is_turned_on_later)
{
  check_camera_on (GREEN_CAMERA);
}

GST_END_TEST;

GST_START_TEST (an_encoded_camera_is_turned_on_later)
{
  static const char *const cameras[] = {
    GREEN_CAMERA " ! vp8enc deadline=1 keyframe-max-dist=20",
    GREEN_CAMERA " ! videoconvert ! x264enc tune=zerolatency key-int-max=20 ! "
    "video/x-h264,profile=constrained-baseline ! identity",
  };

  check_camera_on (cameras[__i__]);
}

GST_END_TEST;

/* A room with decode=false gets a pad for the new stream; the sound goes on. */
GST_START_TEST (a_camera_is_turned_on_for_one_who_does_not_decode)
{
  Gaps sound = { 0 };
  Extra extra;

  make_call (HUM, BEN " decode=false");
  party_start (ann);
  party_start (ben);
  WAIT_FOR (party_stream_of (ben, ann->id, FALSE)
      && party_stream_of (ben, ann->id, FALSE)->frames > 20);
  measure_stream (ben, ann, FALSE, &sound);
  extra = extra_start (ann, "video_sink", GREEN_CAMERA);
  WAIT_FOR (party_stream (ben, "video_0")
      && party_stream (ben, "video_0")->frames > 20);
  WAIT_FOR (sound.buffers > 400);
  extra_end (&extra);
  WAIT_FOR (party_stream (ben, "video_0") == NULL);
  end_call ();
}

GST_END_TEST;

/* PAUSED is in mid-call as well: the way of the messages is chosen. */
GST_START_TEST (a_camera_is_requested_in_paused)
{
  Extra extra;

  make_call (HUM, BEN);
  ck_assert_int_eq (gst_element_set_state (ann->pipeline, GST_STATE_PAUSED),
      GST_STATE_CHANGE_NO_PREROLL);
  extra = extra_start (ann, "video_sink", GREEN_CAMERA);
  party_start (ann);
  party_start (ben);
  WAIT_FOR (party_sees (ben, ann->id, PARTY_GREEN));
  WAIT_FOR (party_hears (ben, ann->id, 500));
  extra_end (&extra);
  WAIT_FOR (party_stream_of (ben, ann->id, TRUE) == NULL);
  end_call ();
}

GST_END_TEST;

GST_START_TEST (a_microphone_is_turned_on_later)
{
  Gaps picture = { 0 };
  Extra extra;

  start_call (RED);
  WAIT_FOR (party_sees (ben, ann->id, PARTY_RED));
  measure_stream (ben, ann, TRUE, &picture);
  extra = extra_start (ann, "audio_sink", HIGH_TONE);
  WAIT_FOR (party_hears (ben, ann->id, 1300));
  WAIT_FOR (picture.buffers > 100);
  WAIT_FOR (party_sees (ben, ann->id, PARTY_RED));
  extra_end (&extra);
  end_call ();
}

GST_END_TEST;

/* A room without inputs gets its first one before any peer is there. */
GST_START_TEST (a_camera_before_anybody_else)
{
  Extra extra;

  make_call ("", BEN);
  party_start (ann);
  extra = extra_start (ann, "video_sink", GREEN_CAMERA);
  party_start (ben);
  WAIT_FOR (party_sees (ben, ann->id, PARTY_GREEN));
  WAIT_FOR (party_sees (ann, ben->id, PARTY_BLUE));
  extra_end (&extra);
  end_call ();
}

GST_END_TEST;

/* Until the input is known there is nothing to offer. */
GST_START_TEST (a_pad_without_a_stream_changes_nothing)
{
  Extra extra;

  start_call (HUM);
  WAIT_FOR (party_hears (ben, ann->id, 500));
  extra = extra_new (ann, "video_sink", GREEN_CAMERA);
  WAIT_FOR (party_hears (ann, ben->id, 900));
  g_mutex_lock (&party_lock);
  fail_if (party_stream_of (ben, ann->id, TRUE));
  g_mutex_unlock (&party_lock);
  extra_play (&extra);
  WAIT_FOR (party_sees (ben, ann->id, PARTY_GREEN));
  extra_end (&extra);
  end_call ();
}

GST_END_TEST;

/* Both at the same moment, and three of them. */
GST_START_TEST (all_turn_their_cameras_on_at_once)
{
  Party *parties[3];
  Extra extras[3];

  wire = wire_new (NULL, NULL);
  for (guint i = 0; i < 3; i++) {
    parties[i] = party_new (wire, "", HUM);
    party_start (parties[i]);
  }
  for (guint i = 0; i < 9; i++) {
    if (i / 3 != i % 3)
      WAIT_FOR (party_hears (parties[i / 3], parties[i % 3]->id, 500));
  }
  for (guint i = 0; i < 3; i++)
    extras[i] = extra_start (parties[i], "video_sink", GREEN_CAMERA);
  for (guint i = 0; i < 9; i++) {
    if (i / 3 != i % 3)
      WAIT_FOR (party_sees (parties[i / 3], parties[i % 3]->id, PARTY_GREEN));
  }
  for (guint i = 0; i < 3; i++)
    extra_end (&extras[i]);
  for (guint i = 0; i < 3; i++)
    party_free (parties[i]);
  wire_free (wire);
}

GST_END_TEST;

static guint
count_encoders (Party *party)
{
  g_autoptr (GstIterator) all =
      gst_bin_iterate_recurse (GST_BIN (party->room));
  GValue item = G_VALUE_INIT;
  guint n = 0;

  while (gst_iterator_next (all, &item) == GST_ITERATOR_OK) {
    GstElementFactory *factory = gst_element_get_factory (g_value_get_object
        (&item));

    n += factory && gst_element_factory_list_is_type (factory,
        GST_ELEMENT_FACTORY_TYPE_VIDEO_ENCODER);
    g_value_reset (&item);
  }
  return n;
}

/* Off, and on again in another colour, and quickly many times: what is left is
 * what the last one sends, and no more. */
GST_START_TEST (a_camera_goes_off_and_on)
{
  Extra extra;

  make_call (HUM, BEN);
  extra = extra_new (ann, "video_sink", RED_CAMERA);
  party_start (ann);
  party_start (ben);
  WAIT_FOR (party_sees (ben, ann->id, PARTY_RED));
  WAIT_FOR (party_hears (ben, ann->id, 500));
  extra_end (&extra);

  WAIT_FOR (party_stream_of (ben, ann->id, TRUE) == NULL);
  WAIT_FOR (party_hears (ben, ann->id, 500));
  for (guint i = 0; i < 10; i++) {
    extra = extra_start (ann, "video_sink", GREEN_CAMERA);
    if (i % 3 == 0)
      gst_element_get_state (extra.bin, NULL, NULL, GST_CLOCK_TIME_NONE);
    if (i < 9)
      extra_end (&extra);
  }
  WAIT_FOR (party_sees (ben, ann->id, PARTY_GREEN));
  WAIT_FOR (party_hears (ben, ann->id, 500));
  g_mutex_lock (&party_lock);
  ck_assert_uint_eq (ben->removed->len, 0);
  g_mutex_unlock (&party_lock);
  while (count_encoders (ann) > 1)
    g_thread_yield ();
  extra_end (&extra);
  WAIT_FOR (party_stream_of (ben, ann->id, TRUE) == NULL);
  end_call ();
}

GST_END_TEST;

GST_START_TEST (what_cannot_come_late_is_said)
{
  ann = party_new (NULL, "serve=127.0.0.1:0", RED HUM);
  party_start (ann);
  /* by its name GStreamer itself would say so */
  fail_if (gst_element_request_pad (ann->room, gst_element_get_pad_template
          (ann->room, "video_sink"), NULL, NULL));
  fail_if (gst_element_request_pad_simple (ann->room, "signal_src"));
  WAIT_FOR (count (ann->warnings, "there is a video_sink already") == 1);
  WAIT_FOR (count (ann->warnings, "signal_src must be requested") == 1);
  party_free (ann);
}

GST_END_TEST;

static Suite *
meshroom_exchange_suite (void)
{
  Suite *suite = suite_create ("meshroom-exchange");
  TCase *tests = tcase_create ("all");

  tcase_set_timeout (tests, 300);
  suite_add_tcase (suite, tests);
  tcase_add_test (tests, a_camera_is_turned_on_later);
  tcase_add_loop_test (tests, an_encoded_camera_is_turned_on_later, 0, 2);
  tcase_add_test (tests, a_camera_is_turned_on_for_one_who_does_not_decode);
  tcase_add_test (tests, a_camera_is_requested_in_paused);
  tcase_add_test (tests, a_microphone_is_turned_on_later);
  tcase_add_test (tests, a_camera_before_anybody_else);
  tcase_add_test (tests, a_pad_without_a_stream_changes_nothing);
  tcase_add_test (tests, all_turn_their_cameras_on_at_once);
  tcase_add_test (tests, a_camera_goes_off_and_on);
  tcase_add_test (tests, what_cannot_come_late_is_said);
  return suite;
}

GST_CHECK_MAIN (meshroom_exchange);
