/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever fails between the room's input and its peers: the call goes on, and
 * everybody sees what can be shown. */

#include "input-fixture.h"

static void
break_all (gboolean broken)
{
  breakable_set_broken ("x264enc", broken);
  breakable_set_broken ("openh264enc", broken);
  breakable_set_broken ("vp8enc", broken);
}

GST_START_TEST (another_encoder_takes_over)
{
  breakable_set_broken ("x264enc", TRUE);
  start ("", SOURCE (PARTY_RED) SMALL TO_ROOM PARTY_AUDIO (500),
      "video-codecs=H264", "");
  WAIT_FOR (party_sees (b, a->id, PARTY_RED));
  ck_assert_uint_eq (party_count_elements (a, "openh264enc"), 1);
  stop (0);
}

GST_END_TEST;

GST_START_TEST (an_encoder_that_fails_in_mid_call_is_replaced)
{
  start ("", SOURCE (PARTY_RED) SMALL TO_ROOM PARTY_AUDIO (500),
      "video-codecs=H264", "");
  WAIT_FOR (party_sees (b, a->id, PARTY_RED));
  breakable_set_broken ("x264enc", TRUE);
  set ("source", "foreground-color", PARTY_BLUE);
  WAIT_FOR (party_sees (b, a->id, PARTY_BLUE));
  WAIT_FOR (party_hears (b, a->id, 500));
  stop (0);
}

GST_END_TEST;

/* Before the call, or in it. */
GST_START_TEST (another_codec_takes_over)
{
  breakable_set_broken ("openh264enc", TRUE);
  breakable_set_broken ("x264enc", __i__ == 0);
  start ("video-codecs=H264,VP8", SOURCE (PARTY_RED) SMALL TO_ROOM,
      "video-codecs=H264,VP8", "");
  if (__i__) {
    WAIT_FOR (party_sees (b, a->id, PARTY_RED));
    breakable_set_broken ("x264enc", TRUE);
    set ("source", "foreground-color", PARTY_BLUE);
  }
  WAIT_FOR (party_sees (b, a->id, __i__ ? PARTY_BLUE : PARTY_RED));
  WAIT_FOR (party_has (a->warnings,
          "the stream on video_sink: it cannot be encoded as H264"));
  ck_assert_uint_eq (party_count_elements (a, "vp8enc"), 1);
  stop (1);
}

GST_END_TEST;

/* A peer that speaks only the codec whose encoder fails hears the room and is
 * told. Nobody else notices. */
GST_START_TEST (who_cannot_be_sent_our_picture_is_told)
{
  g_autofree char *words = NULL;
  Party *c;

  breakable_set_broken ("x264enc", TRUE);
  breakable_set_broken ("openh264enc", TRUE);
  start ("", SOURCE (PARTY_RED) SMALL TO_ROOM PARTY_AUDIO (500),
      "video-codecs=H264", PARTY_VIDEO (PARTY_GREEN));
  c = party_new (wire, "", "");
  party_start (c);
  words = g_strdup_printf ("%s my picture cannot be sent to you", a->id);
  WAIT_FOR (party_has (b->chat, words));
  WAIT_FOR (party_has (a->warnings, "the stream on video_sink: it cannot"));
  WAIT_FOR (party_hears (b, a->id, 500));
  WAIT_FOR (party_sees (a, b->id, PARTY_GREEN));
  WAIT_FOR (party_sees (c, a->id, PARTY_RED));
  ck_assert_uint_eq (c->chat->len, 0);
  party_free (c);
  stop_with_any_warnings ();
}

GST_END_TEST;

/* An error of any element in the room is a warning of the room. */
GST_START_TEST (an_error_of_any_child_is_a_warning)
{
  g_autoptr (GstIterator) iterator = NULL;
  g_auto (GValue) item = G_VALUE_INIT;
  guint n = 0;

  start ("", SOURCE (PARTY_RED) SMALL TO_ROOM PARTY_AUDIO (500), "",
      PARTY_VIDEO (PARTY_GREEN));
  WAIT_FOR (party_sees (b, a->id, PARTY_RED));
  iterator = gst_bin_iterate_elements (GST_BIN (a->room));
  while (gst_iterator_next (iterator, &item) == GST_ITERATOR_OK) {
    GstElement *child = g_value_get_object (&item);

    GST_ELEMENT_ERROR (child, STREAM, FAILED, ("an error of the test's"),
        (NULL));
    g_value_unset (&item);
    n++;
  }
  g_clear_pointer (&iterator, gst_iterator_free);
  ck_assert_uint_gt (n, 4);
  WAIT_FOR (party_has (a->warnings, "tee"));
  set ("source", "foreground-color", PARTY_BLUE);
  WAIT_FOR (party_sees (b, a->id, PARTY_BLUE));
  WAIT_FOR (party_hears (b, a->id, 500));
  stop_with_any_warnings ();
}

GST_END_TEST;

GST_START_TEST (without_any_encoder_the_call_goes_on)
{
  break_all (TRUE);
  start ("", SIZED ("width=64,height=48,framerate=20/1") PARTY_AUDIO (500), "",
      PARTY_VIDEO (PARTY_GREEN));
  WAIT_FOR (party_has (a->warnings,
          "the stream on video_sink: it cannot be encoded as VP8"));
  WAIT_FOR (party_hears (b, a->id, 500));
  break_all (FALSE);
  set ("size", "caps", "video/x-raw,width=66,height=48,framerate=20/1");
  WAIT_FOR (party_sees (b, a->id, PARTY_RED));
  stop_with_any_warnings ();
}

GST_END_TEST;

static void
set_up (void)
{
  static const char *const encoders[] = { "x264enc", "openh264enc", "vp8enc" };

  for (guint i = 0; i < G_N_ELEMENTS (encoders); i++)
    breakable_replace (encoders[i]);
  break_all (FALSE);
}

static Suite *
meshroom_failing_suite (void)
{
  Suite *suite = suite_create ("meshroom-failing");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_checked_fixture (tcase, set_up, NULL);
  tcase_add_test (tcase, another_encoder_takes_over);
  tcase_add_test (tcase, an_encoder_that_fails_in_mid_call_is_replaced);
  tcase_add_loop_test (tcase, another_codec_takes_over, 0, 2);
  tcase_add_test (tcase, who_cannot_be_sent_our_picture_is_told);
  tcase_add_test (tcase, an_error_of_any_child_is_a_warning);
  tcase_add_test (tcase, without_any_encoder_the_call_goes_on);
  return suite;
}

GST_CHECK_MAIN (meshroom_failing);
