/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When which frame is due: times in, times out. */

#include <gst/check/gstcheck.h>

#include "imageswitch/schedule.h"

#define SPAN (40 * GST_MSECOND)
#define NEVER GST_CLOCK_TIME_NONE

/* Plays at 25 pictures a second, behind a camera of no latency. */
static void
begin (Schedule *s, gboolean live)
{
  GstVideoInfo info;

  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_I420, 64, 48);
  info.fps_n = 25;
  info.fps_d = 1;
  imageswitch_schedule_reset (s);
  imageswitch_schedule_set_rate (s, &info);
  s->playing = TRUE;
  s->live = live;
}

/* The next picture, whenever it is due. */
static GstClockTime
take (Schedule *s, GstClockTime now)
{
  GstClockTime time;

  imageswitch_schedule_next (s, now, TRUE, &time);
  imageswitch_schedule_take (s, time);
  return time;
}

static GstClockTimeDiff
due (Schedule *s, GstClockTime now, gboolean hidden)
{
  GstClockTime time;

  return imageswitch_schedule_next (s, now, hidden, &time);
}

GST_START_TEST (an_odd_rate_does_not_drift)
{
  GstClockTime time, end = 0;
  GstVideoInfo info;
  Schedule s;
  guint i;

  begin (&s, TRUE);
  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_I420, 64, 48);
  info.fps_n = 30000;
  info.fps_d = 1001;
  imageswitch_schedule_set_rate (&s, &info);
  for (i = 0; i < 30000; i++) {
    imageswitch_schedule_next (&s, end, TRUE, &time);
    fail_unless_equals_uint64 (time, end);
    end = time + imageswitch_schedule_take (&s, time);
  }
  fail_unless_equals_uint64 (end, 1001 * GST_SECOND);
}
GST_END_TEST;

GST_START_TEST (fields_are_twice_as_many)
{
  GstVideoInfo info;
  Schedule s;

  begin (&s, TRUE);
  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_I420, 64, 48);
  info.fps_n = 25;
  info.fps_d = 1;
  info.interlace_mode = GST_VIDEO_INTERLACE_MODE_ALTERNATE;
  imageswitch_schedule_set_rate (&s, &info);
  fail_unless_equals_uint64 (imageswitch_schedule_span (&s, 1), SPAN / 2);
  imageswitch_schedule_set_rate (&s, NULL);
  fail_unless_equals_uint64 (imageswitch_schedule_span (&s, 30), GST_SECOND);
}
GST_END_TEST;

/* Also where the camera's first frame at the new rate has no time. */
GST_START_TEST (a_faster_rate_begins_at_once)
{
  GstVideoInfo info;
  Schedule s;

  begin (&s, TRUE);
  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_I420, 64, 48);
  info.fps_n = info.fps_d = 1;
  imageswitch_schedule_set_rate (&s, &info);
  fail_unless_equals_uint64 (take (&s, GST_SECOND), GST_SECOND);
  info.fps_n = 25;
  imageswitch_schedule_set_rate (&s, &info);
  imageswitch_schedule_sent (&s, NEVER, NEVER, GST_SECOND + SPAN / 2);
  fail_unless_equals_uint64 (take (&s, GST_SECOND + SPAN), GST_SECOND + SPAN);
  /* a slower one is no sooner */
  info.fps_n = 1;
  imageswitch_schedule_set_rate (&s, &info);
  fail_unless_equals_uint64 (take (&s, GST_SECOND + SPAN),
      GST_SECOND + 2 * SPAN);
}
GST_END_TEST;

GST_START_TEST (the_first_picture_is_due_at_once)
{
  Schedule s;

  begin (&s, TRUE);
  fail_unless_equals_int64 (due (&s, GST_SECOND, TRUE), GST_SECOND);
  fail_unless_equals_uint64 (take (&s, 2 * GST_SECOND), 2 * GST_SECOND);
  fail_unless_equals_int64 (due (&s, 2 * GST_SECOND, TRUE),
      2 * GST_SECOND + SPAN);

  /* where nothing is live, what follows has the time of two frames */
  begin (&s, FALSE);
  take (&s, GST_SECOND);
  fail_unless_equals_int64 (due (&s, GST_SECOND, TRUE), GST_SECOND - SPAN);

  /* nobody waits while paused */
  s.playing = FALSE;
  fail_unless (due (&s, 0, TRUE) < 0);
}
GST_END_TEST;

GST_START_TEST (a_picture_goes_on_where_the_camera_was)
{
  Schedule s;

  begin (&s, TRUE);
  s.latency = 3 * SPAN;
  /* it hands its frames over 60 ms after they were taken */
  imageswitch_schedule_sent (&s, GST_SECOND, SPAN,
      GST_SECOND + 60 * GST_MSECOND);
  fail_unless_equals_int64 (due (&s, GST_SECOND, TRUE),
      GST_SECOND + SPAN + 60 * GST_MSECOND);
  fail_unless_equals_uint64 (take (&s, GST_SECOND), GST_SECOND + SPAN);

  /* one that came later than the latency says does not make pictures late */
  imageswitch_schedule_sent (&s, 2 * GST_SECOND, NEVER, 3 * GST_SECOND);
  fail_unless_equals_int64 (due (&s, 2 * GST_SECOND, TRUE),
      2 * GST_SECOND + SPAN + 3 * SPAN);
}
GST_END_TEST;

GST_START_TEST (pictures_are_left_out_only_after_half_a_second)
{
  Schedule s;

  begin (&s, TRUE);
  take (&s, 0);
  fail_unless_equals_uint64 (take (&s, SPAN + 500 * GST_MSECOND), SPAN);
  fail_unless_equals_uint64 (take (&s, 2 * SPAN + 501 * GST_MSECOND),
      2 * SPAN + 501 * GST_MSECOND);
}
GST_END_TEST;

GST_START_TEST (a_frame_that_did_not_leave_has_not_been)
{
  ScheduleLast before;
  Schedule s;

  begin (&s, TRUE);
  take (&s, GST_SECOND);
  before = s.last;
  imageswitch_schedule_sent (&s, 2 * GST_SECOND, SPAN, 2 * GST_SECOND);
  imageswitch_schedule_undo (&s, before);
  fail_unless_equals_uint64 (take (&s, GST_SECOND), GST_SECOND + SPAN);
}
GST_END_TEST;

GST_START_TEST (time_never_goes_back)
{
  static const struct
  {
    GstClockTime time;
    gboolean switching, late;
  } cases[] = {
    { GST_SECOND - 1, FALSE, TRUE }, { GST_SECOND - 1, TRUE, TRUE },
    { GST_SECOND, FALSE, FALSE }, { GST_SECOND, TRUE, TRUE },
    { GST_SECOND + 1, FALSE, FALSE }, { GST_SECOND + 1, TRUE, FALSE },
    { GST_CLOCK_TIME_NONE, TRUE, FALSE },
  };
  Schedule s;
  guint i;

  begin (&s, TRUE);
  fail_if (imageswitch_schedule_is_late (&s, 0, TRUE), "nothing went out yet");
  take (&s, GST_SECOND);
  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    fail_unless (imageswitch_schedule_is_late (&s, cases[i].time,
            cases[i].switching) == cases[i].late, "%u", i);
}
GST_END_TEST;

GST_START_TEST (a_camera_that_starts_anew_goes_on)
{
  GstClockTime last = 10 * GST_SECOND, now = last + SPAN;
  Schedule s;
  guint i;

  begin (&s, TRUE);
  imageswitch_schedule_sent (&s, last, SPAN, last);
  /* one frame may be wrong, two as well */
  for (i = 0; i < 2; i++)
    fail_unless_equals_uint64 (imageswitch_schedule_shift (&s, i * SPAN, now),
        i * SPAN);
  fail_unless_equals_uint64 (imageswitch_schedule_shift (&s, 2 * SPAN, now),
      last + SPAN + 1);
  fail_unless_equals_uint64 (imageswitch_schedule_shift (&s, 3 * SPAN, now),
      last + 2 * SPAN + 1);
  /* until its time is the old one again */
  fail_unless_equals_uint64 (imageswitch_schedule_shift (&s, last + 3 * SPAN,
          now), last + 3 * SPAN);
  fail_unless_equals_int64 (s.shift, 0);

  /* where the clock has gone on, so does the camera */
  for (i = 0; i < 3; i++)
    now = imageswitch_schedule_shift (&s, i * SPAN, 20 * GST_SECOND);
  fail_unless_equals_uint64 (now, 20 * GST_SECOND);
}
GST_END_TEST;

GST_START_TEST (a_picture_leaves_one_turn_to_the_camera)
{
  GstClockTime time = GST_SECOND;
  Schedule s;

  begin (&s, TRUE);
  take (&s, time);
  imageswitch_schedule_show (&s, time);
  /* a moment behind: at the same rate, it would be so for ever */
  imageswitch_schedule_yield (&s, time - GST_MSECOND, time);
  fail_unless_equals_int64 (due (&s, time, FALSE), time + 2 * SPAN);
  fail_unless_equals_int64 (due (&s, time, TRUE), time + SPAN);
  /* not again, before a second is over */
  take (&s, time);
  take (&s, time);
  imageswitch_schedule_yield (&s, time + 2 * SPAN - 1, time + 2 * SPAN);
  fail_unless_equals_int64 (due (&s, time + 2 * SPAN, FALSE),
      time + 3 * SPAN);
}
GST_END_TEST;

GST_START_TEST (a_camera_that_is_far_behind_is_waited_for)
{
  GstClockTime time = GST_SECOND;
  Schedule s;
  guint i;

  begin (&s, TRUE);
  imageswitch_schedule_show (&s, time);
  for (i = 0; i < 12; i++) {
    time = take (&s, time);
    imageswitch_schedule_yield (&s, time - 3 * SPAN, time);
    /* asked for the same picture again: it is held back once */
    imageswitch_schedule_yield (&s, time - 3 * SPAN, time);
  }
  /* ten of them could have passed */
  fail_unless_equals_int64 (due (&s, time, FALSE), time + SPAN + 2 * SPAN);
  fail_unless_equals_int64 (due (&s, time, TRUE), time + SPAN);
  imageswitch_schedule_show (&s, time);
  fail_unless_equals_int64 (due (&s, time, FALSE), time + SPAN);
}
GST_END_TEST;

GST_START_TEST (what_was_taken_while_hidden_is_told)
{
  GstClockTime shown = 10 * GST_SECOND, patience;
  Schedule s;

  begin (&s, TRUE);
  s.latency = SPAN;
  patience = SPAN + 500 * GST_MSECOND;
  imageswitch_schedule_show (&s, shown);
  fail_unless (imageswitch_schedule_was_taken_hidden (&s, shown - 1, shown));
  fail_if (imageswitch_schedule_was_taken_hidden (&s, shown, shown));
  fail_if (imageswitch_schedule_was_taken_hidden (&s, NEVER, shown));
  /* later on, such a time is only wrong */
  fail_if (imageswitch_schedule_was_taken_hidden (&s, shown - 1,
          shown + patience));
  /* a file takes no pictures */
  s.live = FALSE;
  fail_if (imageswitch_schedule_was_taken_hidden (&s, shown - 1, shown));
}
GST_END_TEST;

GST_START_TEST (a_flush_may_begin_time_anew)
{
  Schedule s;

  begin (&s, TRUE);
  take (&s, GST_SECOND);
  imageswitch_schedule_flush (&s, FALSE);
  fail_unless_equals_uint64 (take (&s, GST_SECOND), GST_SECOND + SPAN);
  imageswitch_schedule_flush (&s, TRUE);
  fail_unless_equals_uint64 (take (&s, 0), 0);
}
GST_END_TEST;

static Suite *
imageswitch_schedule_suite (void)
{
  Suite *suite = suite_create ("imageswitch-schedule");
  TCase *tcase = tcase_create ("schedule");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, an_odd_rate_does_not_drift);
  tcase_add_test (tcase, fields_are_twice_as_many);
  tcase_add_test (tcase, a_faster_rate_begins_at_once);
  tcase_add_test (tcase, the_first_picture_is_due_at_once);
  tcase_add_test (tcase, a_picture_goes_on_where_the_camera_was);
  tcase_add_test (tcase, pictures_are_left_out_only_after_half_a_second);
  tcase_add_test (tcase, a_frame_that_did_not_leave_has_not_been);
  tcase_add_test (tcase, time_never_goes_back);
  tcase_add_test (tcase, a_camera_that_starts_anew_goes_on);
  tcase_add_test (tcase, a_picture_leaves_one_turn_to_the_camera);
  tcase_add_test (tcase, a_camera_that_is_far_behind_is_waited_for);
  tcase_add_test (tcase, what_was_taken_while_hidden_is_told);
  tcase_add_test (tcase, a_flush_may_begin_time_anew);
  return suite;
}

GST_CHECK_MAIN (imageswitch_schedule);
