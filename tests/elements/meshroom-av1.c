/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* AV1, whose RTP elements are on few machines: where they are it is spoken, and
 * where they are not nobody is offered it. */

#include "fake-av1-rtp.h"
#include "input-fixture.h"

#define AV1 "av1enc usage-profile=realtime cpu-used=10 keyframe-max-dist=20 "

/* --- without them --- */

GST_START_TEST (what_is_not_installed_is_not_offered)
{
  start ("video-codecs=AV1,VP8", SOURCE (PARTY_RED) SMALL TO_ROOM,
      "video-codecs=AV1,VP8", PARTY_VIDEO (PARTY_GREEN));
  WAIT_FOR (party_sees (b, a->id, PARTY_RED));
  WAIT_FOR (party_sees (a, b->id, PARTY_GREEN));
  ck_assert_uint_eq (party_count_elements (a, "vp8enc"), 1);
  stop (0);
}

GST_END_TEST;

GST_START_TEST (nothing_else_is_one_clear_error)
{
  Party *party = party_new (NULL, "video-codecs=AV1,XY", "");

  gst_object_unref (gst_element_request_pad_simple (party->room,
          "signal_src"));
  ck_assert_int_eq (gst_element_set_state (party->pipeline,
          GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  ck_assert_uint_eq (party->errors->len, 1);
  ck_assert_str_eq (party->errors->pdata[0], "none of video-codecs can be used "
      "here: \"AV1\" needs elements that are not installed: rtpav1pay, "
      "rtpav1depay; \"XY\" is no video codec that meshroom knows");
  g_ptr_array_set_size (party->errors, 0);
  party_free (party);
}

GST_END_TEST;

GST_START_TEST (what_comes_in_is_decoded)
{
  start ("video-codecs=AV1,VP8", SOURCE (PARTY_RED) SMALL " ! " AV1 TO_ROOM, "",
      "");
  WAIT_FOR (party_sees (b, a->id, PARTY_RED));
  WAIT_FOR (party_has (a->warnings,
          "the stream on video_sink: peers speak no AV1"));
  stop (1);
}

GST_END_TEST;

/* --- with them --- */

static void
start_in_av1 (const char *source)
{
  start ("video-codecs=AV1,VP8", source, "video-codecs=AV1,VP8",
      PARTY_VIDEO (PARTY_GREEN));
  WAIT_FOR (party_sees (b, a->id, PARTY_RED));
  WAIT_FOR (party_sees (a, b->id, PARTY_GREEN));
  ck_assert_uint_eq (party_count_elements (b, "av1enc"), 1);
  ck_assert_uint_eq (party_count_elements (b, "rtpav1pay"), 1);
}

GST_START_TEST (raw_video_is_sent)
{
  start_in_av1 (SOURCE (PARTY_RED) SMALL TO_ROOM);
  ck_assert_uint_eq (party_count_elements (a, "av1enc"), 1);
  stop (0);
}

GST_END_TEST;

GST_START_TEST (av1_is_passed_on)
{
  start_in_av1 (SOURCE (PARTY_RED) SMALL ",format=I420 ! " AV1 TO_ROOM);
  ck_assert_uint_eq (party_count_elements (a, "av1enc"), 0);
  stop (0);
}

GST_END_TEST;

GST_START_TEST (another_profile_is_decoded)
{
  start_in_av1 (SOURCE (PARTY_RED) SMALL ",format=Y444 ! " AV1 TO_ROOM);
  WAIT_FOR (party_has (a->warnings, "the stream on video_sink: not every peer "
          "can decode AV1 in profile high"));
  stop (1);
}

GST_END_TEST;

static Suite *
meshroom_av1_suite (void)
{
  Suite *suite = suite_create ("meshroom-av1");
  TCase *without = tcase_create ("without");
  TCase *with = tcase_create ("with");

  suite_add_tcase (suite, without);
  tcase_add_checked_fixture (without, fake_av1_rtp_remove, NULL);
  tcase_add_test (without, what_is_not_installed_is_not_offered);
  tcase_add_test (without, nothing_else_is_one_clear_error);
  tcase_add_test (without, what_comes_in_is_decoded);
  suite_add_tcase (suite, with);
  tcase_add_checked_fixture (with, fake_av1_rtp_register, NULL);
  tcase_add_test (with, raw_video_is_sent);
  tcase_add_test (with, av1_is_passed_on);
  tcase_add_test (with, another_profile_is_decoded);
  return suite;
}

GST_CHECK_MAIN (meshroom_av1);
