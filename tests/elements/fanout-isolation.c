/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One stream to many branches: none of them gets in the way of another, or of
 * the encoder. */

#include "fanout-fixture.h"

GST_START_TEST (a_stuck_branch_holds_up_nobody)
{
  In *in = video_new ();
  Out *stuck = out_new_open (in);
  Out *fine = out_new_open (in);
  guint last;

  out_set_blocked (stuck, TRUE);
  push (in, TRUE);
  WAIT_FOR (stuck->inside == 1 && fine->numbers->len == 1);
  in->key_requests = 0;
  /* ten seconds of video, each frame of which the other one gets */
  for (guint i = 0; i < 300; i++) {
    push (in, FALSE);
    WAIT_FOR (fine->numbers->len == 2 + i);
  }
  ck_assert_uint_eq (stuck->numbers->len, 0);
  ck_assert_uint_ge (mesh_fanout_branch_dropped (stuck->branch), 290);
  ck_assert_uint_eq (mesh_fanout_branch_dropped (fine->branch), 0);
  /* nor is everybody's picture made of key frames on its account */
  ck_assert_uint_eq (in->key_requests, 0);

  /* moving again, it gets the frame that it had, and then a key frame */
  out_set_blocked (stuck, FALSE);
  WAIT_FOR (stuck->numbers->len == 1);
  last = in->next - 1;
  while (in->key_requests == 0)
    push (in, FALSE);
  push_key_through (in, stuck);
  push (in, FALSE);
  WAIT_FOR (stuck->numbers->len == 3);
  ck_assert_uint_eq (number (stuck, 0), 0);
  ck_assert_uint_gt (number (stuck, 1), last);
  out_remove (in, stuck);
  out_remove (in, fine);
  in_free (in);
}

GST_END_TEST;

/* A quarter of a second, 2 MiB or 256 pieces, whichever comes first. */
static void
check_overfull (const char *caps, guint n, gsize size, gboolean timestamps)
{
  In *in = in_new (caps);
  Out *out = out_new_open (in);

  out_set_blocked (out, TRUE);
  push (in, TRUE);
  WAIT_FOR (out->inside == 1);
  for (guint i = 0; i < n; i++) {
    if (!timestamps)
      in->next = 1;
    push_sized (in, FALSE, size);
  }
  ck_assert_uint_gt (mesh_fanout_branch_dropped (out->branch), 0);
  out_remove (in, out);
  in_free (in);
}

GST_START_TEST (a_branch_that_lies_too_far_behind_is_emptied)
{
  check_overfull ("video/x-vp8", 10, 10, TRUE);
  check_overfull ("video/x-vp8", 4, 1024 * 1024, FALSE);
  check_overfull ("video/x-vp8", 258, 10, FALSE);
  check_overfull ("audio/x-opus", 10, 10, TRUE);
}

GST_END_TEST;

GST_START_TEST (a_short_hiccup_drops_nothing)
{
  In *in = video_new ();
  Out *out = out_new_open (in);

  out_set_blocked (out, TRUE);
  push (in, TRUE);
  for (guint i = 0; i < 6; i++)
    push (in, FALSE);
  out_set_blocked (out, FALSE);
  WAIT_FOR (out->numbers->len == 7);
  ck_assert_uint_eq (mesh_fanout_branch_dropped (out->branch), 0);
  out_remove (in, out);
  in_free (in);
}

GST_END_TEST;

static GstEvent *
key_request (void)
{
  return gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE,
      TRUE, 0);
}

/* A request that comes too soon after another one is held back, and dropped
 * when a key frame has come before it is passed on. */
GST_START_TEST (a_key_frame_that_came_is_not_asked_for)
{
  In *in = video_new ();
  Out *first = out_new_open (in), *second = out_new_open (in);

  ck_assert_uint_eq (in->key_requests, 1);
  push (in, TRUE);
  WAIT_FOR (first->numbers->len == 1 && second->numbers->len == 1);
  for (guint i = 0; i < 20; i++) {
    push (in, FALSE);
    WAIT_FOR (first->numbers->len == second->numbers->len
        && first->numbers->len == in->next);
  }
  ck_assert_uint_eq (in->key_requests, 1);
  out_remove (in, first);
  out_remove (in, second);
  in_free (in);
}

GST_END_TEST;

/* The peer has asked before the key frame on its way could come. */
GST_START_TEST (a_key_frame_on_its_way_is_not_asked_for)
{
  In *in = video_new ();
  Out *out = out_new_open (in);

  mesh_fanout_set_rtt (out->branch, 3600 * G_TIME_SPAN_SECOND);
  push (in, TRUE);
  for (guint n = 1; n < 40; n++) {
    WAIT_FOR (out->numbers->len == n);
    if (n == 20)
      gst_pad_push_event (out->pad, key_request ());
    push (in, FALSE);
  }
  ck_assert_uint_eq (in->key_requests, 1);
  /* and after that it is */
  mesh_fanout_set_rtt (out->branch, 0);
  gst_pad_push_event (out->pad, key_request ());
  push (in, FALSE);
  ck_assert_uint_eq (in->key_requests, 2);
  out_remove (in, out);
  in_free (in);
}

GST_END_TEST;

GST_START_TEST (key_frame_requests_of_all_are_merged)
{
  In *in = video_new ();
  Out *outs[8];

  for (guint i = 0; i < G_N_ELEMENTS (outs); i++)
    outs[i] = out_new_open (in);
  push (in, TRUE);
  ck_assert_uint_eq (in->key_requests, 1);

  for (guint i = 0; i < G_N_ELEMENTS (outs); i++)
    gst_pad_push_event (outs[i]->pad, key_request ());
  /* too soon for another one, but it is not forgotten */
  for (guint n = in->next; n < 100; n++) {
    push (in, FALSE);
    for (guint i = 0; i < G_N_ELEMENTS (outs); i++)
      WAIT_FOR (outs[i]->numbers->len == n + 1);
  }
  ck_assert_uint_eq (in->key_requests, 2);
  ck_assert_uint_eq (in->requested_at[1], 1 + 250 * GST_MSECOND / FRAME + 1);
  for (guint i = 0; i < G_N_ELEMENTS (outs); i++)
    out_remove (in, outs[i]);
  in_free (in);
}

GST_END_TEST;

GST_START_TEST (a_peers_other_wishes_do_not_reach_the_encoder)
{
  In *in = video_new ();
  Out *out = out_new_open (in);
  GstEvent *events[] = {
    gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 0.5, 0, 0),
    gst_event_new_latency (GST_SECOND),
    gst_event_new_reconfigure (),
    gst_event_new_seek (1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
        GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_NONE, 0),
    gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM,
        gst_structure_new_empty ("RTPTWCCPackets")),
  };

  push_key_through (in, out);
  gst_pad_check_reconfigure (in->source);
  for (guint i = 0; i < G_N_ELEMENTS (events); i++)
    gst_pad_push_event (out->pad, events[i]);
  push (in, FALSE);
  ck_assert_uint_eq (in->other_events, 0);
  fail_if (gst_pad_check_reconfigure (in->source));
  out_remove (in, out);
  in_free (in);
}

GST_END_TEST;

GST_START_TEST (a_new_branch_does_not_reconfigure_the_camera)
{
  In *in = video_new ();
  Out *out;

  gst_pad_check_reconfigure (in->source);
  out = out_new_open (in);
  fail_if (gst_pad_check_reconfigure (in->source));
  out_remove (in, out);
  in_free (in);
}

GST_END_TEST;

GST_START_TEST (no_question_waits_for_a_stuck_branch)
{
  In *in = video_new ();
  Out *out = out_new_open (in);
  g_autoptr (GstQuery) drain = gst_query_new_drain ();
  g_autoptr (GstQuery) allocation = gst_query_new_allocation (NULL, FALSE);
  g_autoptr (GstQuery) latency = gst_query_new_latency ();
  GstClockTime min;
  gboolean live;

  out_set_blocked (out, TRUE);
  push (in, TRUE);
  WAIT_FOR (out->inside == 1);
  fail_unless (gst_pad_peer_query (in->source, drain));
  fail_if (gst_pad_peer_query (in->source, allocation));
  fail_unless (gst_pad_query (out->branch, latency));
  gst_query_parse_latency (latency, &live, &min, NULL);
  fail_unless (live && min == 0);
  out_remove (in, out);
  in_free (in);
}

GST_END_TEST;

GST_START_TEST (a_branch_that_fails_fails_alone)
{
  In *in = video_new ();
  Out *bad = out_new_open (in);
  Out *good = out_new_open (in);

  bad->flow = GST_FLOW_ERROR;
  for (guint i = 0; i < 5; i++) {
    push_key_through (in, good);
    push_key_through (in, bad);
  }
  out_remove (in, bad);
  out_remove (in, good);
  in_free (in);
}

GST_END_TEST;

static Suite *
fanout_isolation_suite (void)
{
  Suite *suite = suite_create ("fanout-isolation");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, a_stuck_branch_holds_up_nobody);
  tcase_add_test (tcase, a_branch_that_lies_too_far_behind_is_emptied);
  tcase_add_test (tcase, a_short_hiccup_drops_nothing);
  tcase_add_test (tcase, a_key_frame_that_came_is_not_asked_for);
  tcase_add_test (tcase, a_key_frame_on_its_way_is_not_asked_for);
  tcase_add_test (tcase, key_frame_requests_of_all_are_merged);
  tcase_add_test (tcase, a_peers_other_wishes_do_not_reach_the_encoder);
  tcase_add_test (tcase, a_new_branch_does_not_reconfigure_the_camera);
  tcase_add_test (tcase, no_question_waits_for_a_stuck_branch);
  tcase_add_test (tcase, a_branch_that_fails_fails_alone);
  return suite;
}

GST_CHECK_MAIN (fanout_isolation);
