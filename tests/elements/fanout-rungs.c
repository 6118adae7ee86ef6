/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One picture in several rungs: what a branch gets of them, and when it
 * changes. */

#include "fanout-ladder.h"

static int
get_width (Out *out)
{
  int width = 0;

  gst_structure_get_int (gst_caps_get_structure (out->caps, 0), "width",
      &width);
  return width;
}

static GstClockTime
get_pts (Out *out, guint i)
{
  return GST_BUFFER_PTS ((GstBuffer *) out->buffers->pdata[i]);
}

GST_START_TEST (a_rung_changes_with_its_next_key_frame)
{
  Ladder l;

  set_up (&l);
  push_all (&l, TRUE);
  CAME (1, 0);
  set_step (&l, 1, 2);
  ck_assert_uint_eq (l.in[1]->key_requests, 1);
  push_all (&l, FALSE);
  push_all (&l, FALSE);
  CAME (3, 2);
  ck_assert_uint_eq (mesh_fanout_get_rung (l.out->branch), 0);

  push (l.in[1], TRUE);
  CAME (4, RUNG + 3);
  ck_assert_int_eq (get_width (l.out), 640);
  fail_unless (g_str_has_suffix (l.out->events->str, "caps segment buffer "));
  ck_assert_uint_eq (mesh_fanout_get_rung (l.out->branch), 1);
  push (l.in[0], TRUE);
  push (l.in[1], FALSE);
  CAME (5, RUNG + 4);
  ck_assert_uint_eq (l.in[0]->key_requests, 1);
  ck_assert_uint_eq (l.in[1]->key_requests, 1);
  ck_assert_uint_eq (l.in[2]->key_requests, 0);
  tear_down (&l);
}

GST_END_TEST;

GST_START_TEST (what_is_queued_of_the_former_rung_is_dropped)
{
  Ladder l;

  set_up (&l);
  out_set_blocked (l.out, TRUE);
  push_all (&l, TRUE);
  WAIT_FOR (l.out->inside == 1);
  push_all (&l, FALSE);
  push_all (&l, FALSE);
  set_step (&l, 2, 2);
  push_all (&l, TRUE);
  push_all (&l, FALSE);
  out_set_blocked (l.out, FALSE);
  CAME (3, 2 * RUNG + 4);
  ck_assert_uint_eq (number (l.out, 0), 0);
  ck_assert_uint_eq (number (l.out, 1), 2 * RUNG + 3);
  tear_down (&l);
}

GST_END_TEST;

/* A receiver takes frames of one RTP timestamp for one picture. */
GST_START_TEST (time_goes_on_when_the_next_rung_lags)
{
  Ladder l;
  GstBuffer *same;

  set_up (&l);
  push (l.in[0], TRUE);
  for (guint i = 0; i < 3; i++) {
    push (l.in[0], FALSE);
    CAME (2 + i, 1 + i);
  }
  set_step (&l, 1, 2);
  l.in[1]->next = RUNG + 1;     /* two frames behind the other encoder */
  push (l.in[1], TRUE);
  push (l.in[1], FALSE);
  push (l.in[1], FALSE);
  same = make_next (l.in[1], FALSE, 10);
  gst_pad_push (l.in[1]->source, gst_buffer_ref (same));
  CAME (8, RUNG + 4);
  for (guint i = 1; i < 8; i++)
    ck_assert_uint_gt (gst_util_uint64_scale (get_pts (l.out, i), 90000,
            GST_SECOND), gst_util_uint64_scale (get_pts (l.out, i - 1), 90000,
            GST_SECOND));
  ck_assert_uint_lt (get_pts (l.out, 6) - get_pts (l.out, 3), GST_MSECOND);
  /* which came in time, and is not touched */
  fail_unless (l.out->buffers->pdata[7] == same);
  ck_assert_uint_eq (get_pts (l.out, 7), 4 * FRAME);
  gst_buffer_unref (same);
  tear_down (&l);
}

GST_END_TEST;

GST_START_TEST (a_rung_that_brings_nothing_changes_nothing)
{
  Ladder l;

  set_up (&l);
  push (l.in[0], TRUE);
  set_step (&l, 2, 2);
  for (guint i = 0; i < 20; i++) {
    push (l.in[0], FALSE);
    CAME (2 + i, 1 + i);
  }
  /* another choice needs no key frame, since the first rung has gone on */
  set_step (&l, 0, 2);
  push_all (&l, FALSE);
  CAME (22, 21);
  push (l.in[2], TRUE);
  push (l.in[0], FALSE);
  CAME (23, 22);
  ck_assert_uint_eq (l.in[0]->key_requests, 1);
  tear_down (&l);
}

GST_END_TEST;

GST_START_TEST (nothing_goes_out_without_a_rung)
{
  Ladder l;

  set_up (&l);
  push_all (&l, TRUE);
  CAME (1, 0);
  set_step (&l, MESH_RUNGS, 2);
  push_all (&l, FALSE);
  push_all (&l, TRUE);
  for (guint i = 0; i < 20; i++)
    push_all (&l, FALSE);
  ck_assert_uint_eq (l.in[0]->key_requests, 1);
  set_step (&l, 0, 2);
  ck_assert_uint_eq (l.in[0]->key_requests, 2);
  push_all (&l, FALSE);
  push_all (&l, TRUE);
  push_all (&l, FALSE);
  CAME (3, l.in[0]->next - 1);
  ck_assert_uint_eq (number (l.out, 1), l.in[0]->next - 2);
  ck_assert_uint_eq (l.in[0]->key_requests, 2);
  tear_down (&l);
}

GST_END_TEST;

GST_START_TEST (a_branch_can_begin_on_a_low_rung)
{
  Ladder l;
  Out *late;

  set_up (&l);
  push_all (&l, TRUE);
  CAME (1, 0);
  late = out_new (l.in[0]);
  mesh_fanout_set_step (l.in[0]->fanout, late->branch, 2, 2);
  mesh_fanout_open_branch (l.in[0]->fanout, late->branch);
  push_all (&l, FALSE);
  push (l.in[0], TRUE);
  push (l.in[2], TRUE);
  WAIT_FOR (late->numbers->len == 1);
  ck_assert_uint_eq (number (late, 0), 2 * RUNG + 2);
  ck_assert_int_eq (get_width (late), 320);
  ck_assert_uint_eq (l.in[0]->key_requests, 1);
  ck_assert_uint_eq (l.in[2]->key_requests, 1);
  out_remove (l.in[0], late);
  tear_down (&l);
}

GST_END_TEST;

static GstEvent *
key_request (void)
{
  return gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE,
      TRUE, 0);
}

GST_START_TEST (a_peer_asks_for_key_frames_of_the_rung_it_sees)
{
  Ladder l;

  set_up (&l);
  push_all (&l, TRUE);
  CAME (1, 0);
  set_step (&l, 1, 2);
  push (l.in[1], TRUE);
  CAME (2, RUNG + 1);
  for (guint i = 0; i < 20; i++) {
    push_all (&l, FALSE);
    CAME (3 + i, RUNG + 2 + i);
  }
  gst_pad_push_event (l.out->pad, key_request ());
  push_all (&l, FALSE);
  ck_assert_uint_eq (l.in[0]->key_requests, 1);
  ck_assert_uint_eq (l.in[1]->key_requests, 2);
  ck_assert_uint_eq (l.in[2]->key_requests, 0);
  tear_down (&l);
}

GST_END_TEST;

/* Its last packets only keep the smaller picture's key frame waiting. */
GST_START_TEST (a_frame_is_outdated_when_a_smaller_rung_has_come)
{
  Ladder l;

  set_up (&l);
  set_step (&l, 1, 2);
  out_set_blocked (l.out, TRUE);
  push (l.in[1], TRUE);
  WAIT_FOR (l.out->inside == 1);
  set_step (&l, 0, 2);
  push (l.in[0], TRUE);
  fail_if (mesh_fanout_is_outdated (l.out->branch));
  set_step (&l, 2, 2);
  push (l.in[2], FALSE);
  fail_if (mesh_fanout_is_outdated (l.out->branch));
  /* the queue becomes too long, and is emptied */
  for (guint i = 0; i < 20; i++)
    push (l.in[0], FALSE);
  fail_if (mesh_fanout_is_outdated (l.out->branch));
  push (l.in[2], TRUE);
  fail_unless (mesh_fanout_is_outdated (l.out->branch));
  out_set_blocked (l.out, FALSE);
  WAIT_FOR (l.out->numbers->len == 2);
  fail_if (mesh_fanout_is_outdated (l.out->branch));
  tear_down (&l);
}

GST_END_TEST;

GST_START_TEST (a_branch_that_lagged_starts_again_on_its_own_rung)
{
  Ladder l;

  set_up (&l);
  set_step (&l, 1, 2);
  out_set_blocked (l.out, TRUE);
  push (l.in[1], TRUE);
  WAIT_FOR (l.out->inside == 1);
  for (guint i = 0; i < 20; i++)
    push_all (&l, FALSE);
  ck_assert_uint_gt (mesh_fanout_branch_dropped (l.out->branch), 0);
  ck_assert_uint_eq (l.in[1]->key_requests, 1);
  out_set_blocked (l.out, FALSE);
  WAIT_FOR (l.out->numbers->len == 1);
  while (l.in[1]->key_requests == 1)
    push_all (&l, FALSE);
  push_all (&l, TRUE);
  CAME (2, l.in[1]->next - 1);
  ck_assert_uint_eq (l.in[0]->key_requests, 1);
  tear_down (&l);
}

GST_END_TEST;

/* While the frames of a branch wait for their packets to be paced, it asks for
 * what it needs; while it lies too far behind, for nothing. */
GST_START_TEST (a_branch_that_is_slow_can_change_its_rung)
{
  Out *other;
  Ladder l;

  set_up (&l);
  other = out_new_open (l.in[0]);
  push_all (&l, TRUE);
  CAME (1, 0);
  mesh_fanout_set_step (l.in[0]->fanout, other->branch, 1, 2);
  push (l.in[1], TRUE);
  push (l.in[0], FALSE);
  push (l.in[0], FALSE);
  CAME (3, 2);
  out_set_blocked (l.out, TRUE);
  push (l.in[0], FALSE);
  WAIT_FOR (l.out->inside == 1);
  set_step (&l, 1, 2);
  ck_assert_uint_eq (l.in[1]->key_requests, 1);
  for (guint i = 0; i < 30; i++) {
    push (l.in[1], FALSE);
    WAIT_FOR (other->numbers->len > 0
        && number (other, other->numbers->len - 1) == RUNG + 2 + i);
  }
  ck_assert_uint_eq (l.in[1]->key_requests, 2);
  out_set_blocked (l.out, FALSE);
  push (l.in[1], TRUE);
  CAME (5, l.in[1]->next - 1);
  out_remove (l.in[0], other);
  tear_down (&l);
}

GST_END_TEST;

GST_START_TEST (nothing_of_any_rung_goes_out_once_muted)
{
  Ladder l;

  set_up (&l);
  push_all (&l, TRUE);
  CAME (1, 0);
  set_step (&l, 1, 2);
  mesh_fanout_set_muted (l.in[0]->fanout, TRUE);
  push_all (&l, TRUE);
  mesh_fanout_set_muted (l.in[0]->fanout, FALSE);
  push_all (&l, FALSE);
  push_all (&l, TRUE);
  CAME (2, RUNG + 3);
  tear_down (&l);
}

GST_END_TEST;

GST_START_TEST (caps_are_those_of_the_rung_that_flows)
{
  Ladder l;

  set_up (&l);
  push_all (&l, TRUE);
  CAME (1, 0);
  ck_assert_int_eq (get_width (l.out), 1280);
  send_caps (l.in[1], "video/x-vp8,width=480");
  set_step (&l, 1, 2);
  push_all (&l, FALSE);
  CAME (2, 1);
  ck_assert_int_eq (get_width (l.out), 1280);
  push (l.in[1], TRUE);
  CAME (3, RUNG + 2);
  ck_assert_int_eq (get_width (l.out), 480);
  send_caps (l.in[0], "video/x-vp8,width=960");
  push (l.in[1], FALSE);
  CAME (4, RUNG + 3);
  ck_assert_int_eq (get_width (l.out), 480);
  tear_down (&l);
}

GST_END_TEST;

/* --- all at once --- */

static gint over;               /* atomic */

static gpointer
push_on (gpointer data)
{
  In *in = data;

  while (!g_atomic_int_get (&over)) {
    push (in, in->next % 10 == 0);
    g_thread_yield ();
  }
  return NULL;
}

/* Whatever happens when, a frame follows the one before it on its rung, or is a
 * key frame. */
static void
check_order (Out *out)
{
  for (guint i = 1; i < out->numbers->len; i++) {
    guint n = number (out, i);

    ck_assert_uint_gt (get_pts (out, i), get_pts (out, i - 1));
    fail_unless (n == number (out, i - 1) + 1 || n % 10 == 0,
        "%u after %u", n, number (out, i - 1));
  }
}

GST_START_TEST (steps_change_while_all_rungs_flow)
{
  GThread *threads[MESH_RUNGS];
  Ladder l;
  Out *other;

  set_up (&l);
  other = out_new_open (l.in[0]);
  for (guint i = 0; i < MESH_RUNGS; i++)
    threads[i] = g_thread_new ("pusher", push_on, l.in[i]);
  for (guint i = 0; i < 1000; i++) {
    Out *out = i % 3 ? l.out : other;

    mesh_fanout_set_step (l.in[0]->fanout, out->branch,
        g_random_int_range (0, MESH_RUNGS + 1), 2);
    if (i % 100 == 0) {
      mesh_fanout_set_muted (l.in[0]->fanout, TRUE);
      mesh_fanout_set_muted (l.in[0]->fanout, FALSE);
    }
    g_thread_yield ();
  }
  for (guint rung = 0; rung < MESH_RUNGS; rung++) {
    set_step (&l, rung, 2);
    WAIT_FOR (mesh_fanout_get_rung (l.out->branch) == rung);
  }
  g_atomic_int_set (&over, TRUE);
  for (guint i = 0; i < MESH_RUNGS; i++)
    g_thread_join (threads[i]);
  g_mutex_lock (&lock);
  check_order (l.out);
  check_order (other);
  g_mutex_unlock (&lock);
  out_remove (l.in[0], other);
  tear_down (&l);
}

GST_END_TEST;

static Suite *
fanout_rungs_suite (void)
{
  Suite *suite = suite_create ("fanout-rungs");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, a_rung_changes_with_its_next_key_frame);
  tcase_add_test (tcase, what_is_queued_of_the_former_rung_is_dropped);
  tcase_add_test (tcase, time_goes_on_when_the_next_rung_lags);
  tcase_add_test (tcase, a_rung_that_brings_nothing_changes_nothing);
  tcase_add_test (tcase, nothing_goes_out_without_a_rung);
  tcase_add_test (tcase, a_branch_can_begin_on_a_low_rung);
  tcase_add_test (tcase, a_peer_asks_for_key_frames_of_the_rung_it_sees);
  tcase_add_test (tcase, a_frame_is_outdated_when_a_smaller_rung_has_come);
  tcase_add_test (tcase, a_branch_that_lagged_starts_again_on_its_own_rung);
  tcase_add_test (tcase, a_branch_that_is_slow_can_change_its_rung);
  tcase_add_test (tcase, nothing_of_any_rung_goes_out_once_muted);
  tcase_add_test (tcase, caps_are_those_of_the_rung_that_flows);
  tcase_add_test (tcase, steps_change_while_all_rungs_flow);
  return suite;
}

GST_CHECK_MAIN (fanout_rungs);
