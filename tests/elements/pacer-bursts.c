/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a room plays what comes in bursts: whole, and evenly. */

#include "pacer-fixture.h"

#include <gst/audio/audio.h>

#define PART (20 * GST_MSECOND)
#define PART_SIZE (960 * 2)

/* Sound of which each sample has another value than the next one. */
static GstBuffer *
sound (guint samples, GstClockTime pts)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, samples * 2, NULL);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  for (guint i = 0; i < samples; i++)
    GST_WRITE_UINT16_LE (map.data + 2 * i, i);
  gst_buffer_unmap (buffer, &map);
  GST_BUFFER_PTS (buffer) = pts;
  return buffer;
}

static void
check_part (GstBuffer *buffer, guint part)
{
  GstMapInfo map;

  ck_assert_uint_eq (GST_BUFFER_DURATION (buffer), PART);
  gst_buffer_map (buffer, &map, GST_MAP_READ);
  ck_assert_uint_eq (map.size, PART_SIZE);
  for (guint i = 0; i < map.size / 2; i++)
    ck_assert_uint_eq (GST_READ_UINT16_LE (map.data + 2 * i), part * 960 + i);
  gst_buffer_unmap (buffer, &map);
  fail_if (
      part > 0 && GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DISCONT));
  gst_buffer_unref (buffer);
}

/* A second of sound is here when its last sample has been captured, so the
 * first one goes out a second late, and the others at the same distance from
 * their capture. Without a time it begins when it comes.
 *
 * {a file, live, live without times} */
GST_START_TEST (long_sound_goes_out_by_the_clock_and_whole)
{
  GstClockTime now = 10 * GST_SECOND;
  GstClockTime first = __i__ == 1 ? now - GST_SECOND : now;
  Fixture f;

  begin (&f, __i__ > 0, AUDIO);
  mesh_timeline_set_open (f.timeline, TRUE);
  gst_harness_set_time (f.h, now);
  g_queue_push_tail (
      &f.items, sound (48000, __i__ == 2 ? GST_CLOCK_TIME_NONE : first));
  start (&f);
  check_part (gst_harness_pull (f.h), 0);
  for (guint i = 1; i < 50; i++)
    check_part (pull_at (&f, now + i * PART, first + i * PART), i);
  finish (&f);
}

GST_END_TEST;

#define PLANAR "audio/x-raw,format=S16LE,layout=non-interleaved,rate=48000," \
    "channels=2,channel-mask=(bitmask)0x3"

/* Each channel lies in one piece, of which each part has its own. */
GST_START_TEST (long_planar_sound_is_cut_in_each_channel)
{
  GstBuffer *buffer = sound (2 * 9600, 0);
  g_autoptr (GstCaps) caps = gst_caps_from_string (PLANAR);
  GstAudioInfo info;
  Fixture f;

  fail_unless (gst_audio_info_from_caps (&info, caps));
  gst_buffer_add_audio_meta (buffer, &info, 9600, NULL);
  begin (&f, FALSE, PLANAR);
  mesh_timeline_set_open (f.timeline, TRUE);
  g_queue_push_tail (&f.items, buffer);
  start (&f);
  for (guint i = 0; i < 10; i++) {
    g_autoptr (GstBuffer) part =
        i ? pull_at (&f, i * PART, i * PART) : gst_harness_pull (f.h);
    GstAudioBuffer audio;

    fail_unless (gst_audio_buffer_map (&audio, &info, part, GST_MAP_READ));
    ck_assert_uint_eq (GST_AUDIO_BUFFER_N_SAMPLES (&audio), 960);
    for (guint channel = 0; channel < 2; channel++)
      ck_assert_uint_eq (GST_READ_UINT16_LE (audio.planes[channel]),
          channel * 9600 + i * 960);
    gst_audio_buffer_unmap (&audio);
  }
  finish (&f);
}

GST_END_TEST;

/* The first frame of each burst is as late as can be, and the others are held
 * until they are, but for what receivers bear. */
GST_START_TEST (a_burst_of_frames_is_spread_by_their_times)
{
  GstClockTime first = 10 * GST_SECOND, now = first + 10 * FRAME;
  Fixture f;

  begin (&f, TRUE, VIDEO);
  gst_harness_set_time (f.h, now);
  for (guint burst = 0; burst < 3; burst++) {
    add_frames (&f, first, 10);
    start (&f);
    expect_now (&f, first);
    expect_now (&f, first + FRAME);
    for (guint i = 2; i < 10; i++)
      gst_buffer_unref (
          pull_at (&f, now - 50 * GST_MSECOND + i * FRAME, first + i * FRAME));
    g_thread_join (g_steal_pointer (&f.feeder));
    first += 10 * FRAME;
    now += 10 * FRAME;
    gst_harness_set_time (f.h, now);
  }
  finish (&f);
}

GST_END_TEST;

static GstBuffer *
still (guint i, GstClockTime pts)
{
  return frame (pts);
}

static GstBuffer *
untimed (guint i, GstClockTime pts)
{
  return gst_buffer_new_allocate (NULL, 16, NULL);
}

/* As by do-timestamp, which stamps when a buffer is fetched. */
static GstBuffer *
stamped_as_it_came (guint i, GstClockTime pts)
{
  return frame (pts + i * 1000);
}

/* {frames that all have one time, none, their burst's} */
GST_START_TEST (a_burst_of_frames_without_good_times_is_spread)
{
  static GstBuffer *(*const makers[]) (
      guint, GstClockTime) = { still, untimed, stamped_as_it_came };
  GstClockTime early = __i__ == 2 ? 50 * GST_MSECOND : 0, times[5];
  Fixture f;

  begin (&f, TRUE, VIDEO);
  gst_harness_set_time (f.h, GST_SECOND);
  for (guint i = 0; i < 5; i++) {
    g_queue_push_tail (&f.items, makers[__i__](i, GST_SECOND));
    times[i] = GST_SECOND + i * FRAME * 9 / 10;
  }
  start (&f);
  for (guint i = 0; i < 5; i++) {
    if (times[i] - early <= GST_SECOND)
      expect_now (&f, times[i]);
    else
      gst_buffer_unref (pull_at (&f, times[i] - early, times[i]));
  }
  finish (&f);
}

GST_END_TEST;

/* Sound that is stamped as it comes, in a burst, goes on without a gap. */
GST_START_TEST (pieces_of_sound_are_joined)
{
  Fixture f;

  begin (&f, TRUE, AUDIO);
  gst_harness_set_time (f.h, GST_SECOND);
  for (guint i = 0; i < 5; i++)
    g_queue_push_tail (&f.items, sound (960, GST_SECOND + i));
  start (&f);
  for (guint i = 0; i < 3; i++)
    expect_now (&f, GST_SECOND + i * PART);
  for (guint i = 3; i < 5; i++)
    gst_buffer_unref (pull_at (
        &f, GST_SECOND + i * PART - 50 * GST_MSECOND, GST_SECOND + i * PART));
  finish (&f);
}

GST_END_TEST;

static Suite *
pacer_bursts_suite (void)
{
  Suite *suite = suite_create ("pacer-bursts");
  TCase *tcase = tcase_create ("pacer-bursts");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, 2 * PATIENCE);
  tcase_add_loop_test (tcase, long_sound_goes_out_by_the_clock_and_whole, 0, 3);
  tcase_add_test (tcase, long_planar_sound_is_cut_in_each_channel);
  tcase_add_test (tcase, a_burst_of_frames_is_spread_by_their_times);
  tcase_add_loop_test (
      tcase, a_burst_of_frames_without_good_times_is_spread, 0, 3);
  tcase_add_test (tcase, pieces_of_sound_are_joined);
  return suite;
}

GST_CHECK_MAIN (pacer_bursts);
