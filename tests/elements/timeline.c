/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where an input's buffers fall on the room's clock. */

#include <gst/check/gstcheck.h>

#include "meshroom/timeline.h"

#define MS(n) ((gint64) (n) * (gint64) GST_MSECOND)
#define S(n) ((gint64) (n) * (gint64) GST_SECOND)

static MeshTimeline *timeline;
static MeshTrack *picture, *sound;

static void
setup (void)
{
  timeline = mesh_timeline_new ();
  picture = mesh_track_new (timeline);
  sound = mesh_track_new (timeline);
  mesh_timeline_lock (timeline);
}

static void
teardown (void)
{
  mesh_timeline_unlock (timeline);
  mesh_track_free (picture);
  mesh_track_free (sound);
  mesh_timeline_unref (timeline);
}

/* Returns: when the buffer is due, -1 if it is dropped */
static gint64
place (MeshTrack *track, gint64 time, gint64 now)
{
  GstClockTime out;

  return mesh_track_place_locked (track, time, now, track == picture, &out)
      == MESH_PLACE_DROP ? -1 : (gint64) out;
}

static gint64
place_live (MeshTrack *track, gint64 time, gint64 now)
{
  GstClockTime out;

  mesh_track_place_live_locked (track, time, now, &out);
  return out;
}

GST_START_TEST (the_first_frame_is_due_now_whatever_its_time)
{
  static const gint64 starts[] = { 0, MS (40), S (3600), -S (1), S (100000) };
  gint64 start = starts[__i__];

  ck_assert_int_eq (place (picture, start, S (20)), S (20));
  ck_assert_int_eq (place (picture, start + MS (33), S (20)), S (20) + MS (33));
  ck_assert_int_eq (place (picture, start + S (30), S (20)), S (50));
}

GST_END_TEST;

GST_START_TEST (picture_and_sound_of_one_file_keep_their_distance)
{
  ck_assert_int_eq (place (sound, MS (21), S (20)), S (20));
  ck_assert_int_eq (place (picture, 0, S (20) + MS (3)), S (20) - MS (21));
  ck_assert_int_eq (place (picture, S (9), S (29)), S (29) - MS (21));
  /* a sound track that begins later than the picture */
  mesh_track_forget_locked (sound);
  ck_assert_int_eq (place (sound, S (12), S (29)), S (32) - MS (21));
}

GST_END_TEST;

GST_START_TEST (after_a_seek_both_begin_again_together)
{
  place (picture, 0, S (5));
  place (sound, 0, S (5));
  /* a seek flushes both before either goes on */
  mesh_track_forget_locked (picture);
  mesh_track_forget_locked (sound);
  ck_assert_int_eq (place (sound, MS (10), S (9)), S (9));
  ck_assert_int_eq (place (picture, 0, S (9) + MS (1)), S (9) - MS (10));
}

GST_END_TEST;

GST_START_TEST (another_file_does_not_move_the_one_that_plays)
{
  place (picture, 0, S (5));
  ck_assert_int_eq (place (sound, 0, S (65)), S (65));
  ck_assert_int_eq (place (picture, S (60), S (65)), S (65));
  ck_assert_int_eq (place (picture, S (61), S (66)), S (66));
}

GST_END_TEST;

GST_START_TEST (a_loop_whose_times_begin_anew_goes_on_now)
{
  place (picture, 0, S (5));
  place (picture, S (30), S (35));
  mesh_track_restart_locked (picture);
  ck_assert_int_eq (place (picture, 0, S (36)), S (36));
  ck_assert_int_eq (place (picture, MS (40), S (36)), S (36) + MS (40));
}

GST_END_TEST;

GST_START_TEST (a_loop_whose_times_go_on_has_no_gap)
{
  place (picture, 0, S (5));
  place (picture, S (30), S (35));
  mesh_track_restart_locked (picture);
  ck_assert_int_eq (place (picture, S (30) + MS (40), S (35) + MS (2)),
      S (35) + MS (40));
}

GST_END_TEST;

GST_START_TEST (a_stall_is_a_pause_for_both)
{
  place (picture, 0, S (5));
  place (sound, 0, S (5));
  ck_assert_int_eq (place (sound, S (1), S (9)), S (9));
  ck_assert_int_eq (place (picture, S (1), S (9)), S (9));
  ck_assert_int_eq (place (picture, S (2), S (9)), S (10));
}

GST_END_TEST;

GST_START_TEST (a_slow_picture_loses_frames_not_the_sound)
{
  place (picture, 0, S (5));
  place (sound, 0, S (5));
  ck_assert_int_eq (place (sound, S (1), S (6)), S (6));
  ck_assert_int_eq (place (picture, MS (700), S (6)), -1);
  ck_assert_int_eq (place (picture, MS (900), S (6)), S (6) - MS (100));
  ck_assert_int_eq (place (sound, MS (1020), S (6)), S (6) + MS (20));
}

GST_END_TEST;

GST_START_TEST (live_times_are_right_as_they_are)
{
  ck_assert_int_eq (place_live (picture, S (5), S (5) + MS (30)), S (5));
  ck_assert_int_eq (place_live (picture, S (6), S (6) + MS (900)), S (6));
  /* a file beside the camera does not move the camera */
  ck_assert_int_eq (place (sound, S (6), S (6) + MS (900)), S (6) + MS (900));
  ck_assert_int_eq (place_live (picture, S (7), S (7) + MS (30)), S (7));
}

GST_END_TEST;

GST_START_TEST (live_times_that_cannot_be_meant_are_put_right_once)
{
  ck_assert_int_eq (place_live (picture, 0, S (40)), S (40));
  ck_assert_int_eq (place_live (sound, MS (20), S (40) + MS (5)),
      S (40) + MS (20));
  ck_assert_int_eq (place_live (picture, S (1), S (41) + MS (300)), S (41));
}

GST_END_TEST;

/* {back to 0, far ahead} */
GST_START_TEST (live_times_that_jump_go_on_now)
{
  static const gint64 begins[] = { 0, S (3600) };
  gint64 begin = begins[__i__];

  place_live (picture, S (50), S (50));
  place_live (sound, S (50), S (50));
  ck_assert_int_eq (place_live (picture, begin, S (60)), S (60));
  ck_assert_int_eq (
      place_live (sound, begin + MS (20), S (60) + MS (40)), S (60) + MS (20));
  ck_assert_int_eq (place_live (picture, begin + S (1), S (61)), S (61));
}

GST_END_TEST;

/* What has stalled comes late, and with the times of its capture. */
GST_START_TEST (live_times_that_are_late_are_no_jump)
{
  place_live (picture, S (50), S (50));
  ck_assert_int_eq (
      place_live (picture, S (50) + MS (33), S (80)), S (50) + MS (33));
  ck_assert_int_eq (place_live (picture, S (80), S (80)), S (80));
}

GST_END_TEST;

static Suite *
timeline_suite (void)
{
  Suite *suite = suite_create ("timeline");
  TCase *tcase = tcase_create ("timeline");

  suite_add_tcase (suite, tcase);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_loop_test (tcase, the_first_frame_is_due_now_whatever_its_time, 0,
      5);
  tcase_add_test (tcase, picture_and_sound_of_one_file_keep_their_distance);
  tcase_add_test (tcase, after_a_seek_both_begin_again_together);
  tcase_add_test (tcase, another_file_does_not_move_the_one_that_plays);
  tcase_add_test (tcase, a_loop_whose_times_begin_anew_goes_on_now);
  tcase_add_test (tcase, a_loop_whose_times_go_on_has_no_gap);
  tcase_add_test (tcase, a_stall_is_a_pause_for_both);
  tcase_add_test (tcase, a_slow_picture_loses_frames_not_the_sound);
  tcase_add_test (tcase, live_times_are_right_as_they_are);
  tcase_add_test (tcase, live_times_that_cannot_be_meant_are_put_right_once);
  tcase_add_loop_test (tcase, live_times_that_jump_go_on_now, 0, 2);
  tcase_add_test (tcase, live_times_that_are_late_are_no_jump);
  return suite;
}

GST_CHECK_MAIN (timeline);
