/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The rungs of a source: which there are, which run, and what is known of
 * them. */

#include "source-fixture.h"

#define HD "video/x-raw,format=I420,width=1280,height=720,framerate=50/1"
#define HD_SIZE (1280 * 720 * 3 / 2)

/* Feeds pictures until @condition holds; the test's own timeout is the limit. */
#define FEED_UNTIL(condition) G_STMT_START { \
    while (!(condition)) { \
      push (&f, HD_SIZE, TRUE); \
      g_usleep (10000); \
    } \
  } G_STMT_END

static const MeshCodec *
vp8 (void)
{
  return mesh_codec_find ("VP8");
}

static MeshRung
get_rung (Fixture *f, guint rung)
{
  MeshRung rungs[MESH_RUNGS];

  mesh_source_get_rungs (f->source, vp8 (), rungs);
  return rungs[rung];
}

static guint
count_rungs (Fixture *f)
{
  MeshRung rungs[MESH_RUNGS];

  return mesh_source_get_rungs (f->source, vp8 (), rungs);
}

/* Returns: the width of the pictures that the fan-out gets of @rung; 0: none
 * have come */
static int
get_width (MeshFanout *fanout, guint rung)
{
  g_autoptr (GstCaps) caps =
      gst_pad_get_current_caps (mesh_fanout_get_sink (fanout, rung));
  int width = 0;

  if (caps)
    gst_structure_get_int (gst_caps_get_structure (caps, 0), "width", &width);
  return width;
}

static gint frames[MESH_RUNGS]; /* atomic */
static GstClockTime first[MESH_RUNGS], last[MESH_RUNGS];

static GstPadProbeReturn
on_frame (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  guint rung = GPOINTER_TO_UINT (user_data);

  last[rung] = GST_BUFFER_PTS (GST_PAD_PROBE_INFO_BUFFER (info));
  if (g_atomic_int_add (&frames[rung], 1) == 0)
    first[rung] = last[rung];
  return GST_PAD_PROBE_OK;
}

static MeshFanout *
start (Fixture *f)
{
  MeshFanout *fanout;

  set_up (f);
  set_caps (f, HD);
  fanout = mesh_source_get_fanout (f->source, vp8 ());
  for (guint r = 0; r < MESH_RUNGS; r++) {
    frames[r] = 0;
    gst_pad_add_probe (mesh_fanout_get_sink (fanout, r),
        GST_PAD_PROBE_TYPE_BUFFER, on_frame, GUINT_TO_POINTER (r), NULL);
  }
  return fanout;
}

GST_START_TEST (a_rung_runs_while_it_is_needed)
{
  Fixture f;
  g_autoptr (MeshFanout) fanout = start (&f);
  MeshRung rung;
  int seen;

  FEED_UNTIL (get_width (fanout, 0) == 1280 && count_rungs (&f) == 3);
  ck_assert_uint_eq (count_encoders (&f), 1);
  rung = get_rung (&f, 2);
  fail_if (rung.runs || rung.failed || rung.fixed);
  ck_assert_uint_eq (rung.width, 320);
  ck_assert_uint_eq (rung.height, 180);
  ck_assert_uint_eq (rung.framerate, 15);
  ck_assert_uint_eq (rung.layers, 2);
  ck_assert_uint_eq (rung.rate, rung.nominal);

  mesh_source_set_rate (f.source, vp8 (), 2, 100000);
  mesh_source_run_rung (f.source, vp8 (), 2, TRUE);
  FEED_UNTIL (get_width (fanout, 2) == 320);
  fail_unless (get_rung (&f, 2).runs);
  ck_assert_uint_eq (get_rung (&f, 2).rate, 100000);
  seen = g_atomic_int_get (&frames[2]);
  FEED_UNTIL (g_atomic_int_get (&frames[2]) > seen + 5);

  /* without one the other goes on, also without the full size */
  mesh_source_run_rung (f.source, vp8 (), 0, FALSE);
  FEED_UNTIL (!get_rung (&f, 0).runs && count_encoders (&f) == 1);
  seen = g_atomic_int_get (&frames[2]);
  FEED_UNTIL (g_atomic_int_get (&frames[2]) > seen + 5);
  mesh_source_run_rung (f.source, vp8 (), 2, FALSE);
  FEED_UNTIL (count_encoders (&f) == 0);
  mesh_source_run_rung (f.source, vp8 (), 0, TRUE);
  seen = g_atomic_int_get (&frames[0]);
  FEED_UNTIL (g_atomic_int_get (&frames[0]) > seen);
  gst_clear_object (&fanout);
  tear_down (&f);
}

GST_END_TEST;

/* A busy machine may leave some more out. */
GST_START_TEST (a_low_rung_has_fewer_frames)
{
  static const guint most[MESH_RUNGS] = { 50, 30, 15 };
  Fixture f;
  g_autoptr (MeshFanout) fanout = start (&f);

  for (guint r = 1; r < MESH_RUNGS; r++)
    mesh_source_run_rung (f.source, vp8 (), r, TRUE);
  FEED_UNTIL (g_atomic_int_get (&frames[2]) > 15);
  mesh_source_stop (f.source);
  for (guint r = 0; r < MESH_RUNGS; r++)
    ck_assert_uint_le (frames[r] - 1, 1 + gst_util_uint64_scale (last[r]
            - first[r], most[r], GST_SECOND));
  gst_clear_object (&fanout);
  tear_down (&f);
}

GST_END_TEST;

GST_START_TEST (a_rung_that_cannot_be_encoded_is_known)
{
  Fixture f;
  g_autoptr (MeshFanout) fanout = start (&f);

  FEED_UNTIL (frames[0] > 0);
  break_all (TRUE);
  mesh_source_run_rung (f.source, vp8 (), 1, TRUE);
  FEED_UNTIL (get_rung (&f, 0).failed && get_rung (&f, 1).failed);
  fail_if (get_rung (&f, 1).runs || get_rung (&f, 2).failed);
  break_all (FALSE);
  frames[1] = 0;
  set_caps (&f, HD ",colorimetry=bt709");
  FEED_UNTIL (frames[1] > 0);
  fail_if (get_rung (&f, 1).failed);
  gst_clear_object (&fanout);
  tear_down (&f);
}

GST_END_TEST;

GST_START_TEST (a_small_picture_has_no_rung_below)
{
  Fixture f;
  g_autoptr (MeshFanout) fanout = start (&f);

  mesh_source_run_rung (f.source, vp8 (), 1, TRUE);
  FEED_UNTIL (get_width (fanout, 1) == 640);
  set_caps (&f, RAW (50));
  while (get_width (fanout, 1) != 64) {
    push (&f, SIZE, TRUE);
    g_usleep (10000);
  }
  ck_assert_uint_eq (count_rungs (&f), 1);
  gst_clear_object (&fanout);
  tear_down (&f);
}

GST_END_TEST;

GST_START_TEST (an_encoded_input_has_one_rung)
{
  Fixture f;
  g_autoptr (MeshFanout) fanout = start (&f);
  MeshRung rung;

  set_caps (&f, "video/x-vp8,width=640,height=360,framerate=50/1");
  do {
    push (&f, 500, f.time == 0);
    g_usleep (10000);
    rung = get_rung (&f, 0);
  } while (rung.measured == 0);
  ck_assert_uint_eq (count_rungs (&f), 1);
  fail_unless (rung.fixed && rung.runs);
  ck_assert_uint_eq (rung.width, 640);
  ck_assert_uint_eq (rung.height, 360);
  ck_assert_uint_eq (rung.layers, 1);
  /* 500 bytes each 20 ms */
  ck_assert_uint_eq (rung.measured, 200000);
  ck_assert_uint_eq (rung.nominal, 200000);
  mesh_source_run_rung (f.source, vp8 (), 0, FALSE);
  fail_unless (get_rung (&f, 0).runs);
  ck_assert_uint_eq (mesh_source_get_rungs (f.source,
          mesh_codec_find ("H264"), (MeshRung[MESH_RUNGS]) { }), 0);
  gst_clear_object (&fanout);
  tear_down (&f);
}

GST_END_TEST;

static void
set_hidden (Fixture *f, gboolean hidden)
{
  gst_pad_push_event (f->feeder, gst_event_new_custom
      (GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new ("meshroom/hidden",
              "hidden", G_TYPE_BOOLEAN, hidden, NULL)));
}

static void
push_still (Fixture *f, GstBuffer *picture)
{
  GstBuffer *buffer = gst_buffer_copy (picture);

  GST_BUFFER_PTS (buffer) = f->time;
  f->time += 20 * GST_MSECOND;
  gst_pad_push (f->feeder, buffer);
  g_usleep (10000);
}

/* Once it is sharp, it is encoded twice a second, on each rung. */
GST_START_TEST (a_placeholder_costs_little_on_any_rung)
{
  Fixture f;
  g_autoptr (MeshFanout) fanout = start (&f);
  g_autoptr (GstBuffer) picture = gst_buffer_new_allocate (NULL, HD_SIZE, NULL);
  GstClockTime since;

  gst_buffer_memset (picture, 0, 100, HD_SIZE);
  mesh_source_run_rung (f.source, vp8 (), 1, TRUE);
  FEED_UNTIL (frames[1] > 0);
  set_hidden (&f, TRUE);
  for (since = f.time; f.time < since + 3 * GST_SECOND;)
    push_still (&f, picture);
  frames[0] = frames[1] = 0;
  for (since = f.time; f.time < since + 2 * GST_SECOND;)
    push_still (&f, picture);
  ck_assert_int_le (g_atomic_int_get (&frames[0]), 8);
  ck_assert_int_le (g_atomic_int_get (&frames[1]), 8);
  gst_clear_object (&fanout);
  tear_down (&f);
}

GST_END_TEST;

static Suite *
source_rungs_suite (void)
{
  Suite *suite = suite_create ("source-rungs");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, a_rung_runs_while_it_is_needed);
  tcase_add_test (tcase, a_low_rung_has_fewer_frames);
  tcase_add_test (tcase, a_rung_that_cannot_be_encoded_is_known);
  tcase_add_test (tcase, a_small_picture_has_no_rung_below);
  tcase_add_test (tcase, an_encoded_input_has_one_rung);
  tcase_add_test (tcase, a_placeholder_costs_little_on_any_rung);
  return suite;
}

GST_CHECK_MAIN (source_rungs);
