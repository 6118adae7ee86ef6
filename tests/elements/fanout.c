/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One stream to many branches: what each of them gets, and from when on. */

#include "fanout-fixture.h"

GST_START_TEST (every_open_branch_gets_the_very_same_buffers)
{
  In *in = video_new ();
  Out *a = out_new_open (in);
  Out *b = out_new_open (in);

  push (in, TRUE);
  push (in, FALSE);
  push (in, FALSE);
  WAIT_FOR (a->numbers->len == 3 && b->numbers->len == 3);
  for (guint i = 0; i < 3; i++) {
    ck_assert_uint_eq (number (a, i), i);
    fail_unless (a->buffers->pdata[i] == b->buffers->pdata[i]);
  }
  fail_unless (g_str_has_prefix (a->events->str,
          "stream-start caps segment "));
  out_remove (in, a);
  out_remove (in, b);
  in_free (in);
}

GST_END_TEST;

GST_START_TEST (nothing_passes_a_closed_gate)
{
  In *in = video_new ();
  Out *out = out_new (in);

  push (in, TRUE);
  push (in, FALSE);
  mesh_fanout_open_branch (in->fanout, out->branch);
  push_key_through (in, out);
  ck_assert_uint_eq (out->numbers->len, 1);
  mesh_fanout_close_branch (out->branch);
  push (in, TRUE);
  push (in, FALSE);
  mesh_fanout_open_branch (in->fanout, out->branch);
  push_key_through (in, out);
  ck_assert_uint_eq (out->numbers->len, 2);
  ck_assert_uint_eq (number (out, 1), 5);
  out_remove (in, out);
  in_free (in);
}

GST_END_TEST;

GST_START_TEST (a_branch_starts_with_a_key_frame_and_asks_for_it)
{
  In *in = video_new ();
  Out *out = out_new_open (in);

  push (in, FALSE);
  push (in, FALSE);
  ck_assert_uint_eq (in->key_requests, 1);
  push_key_through (in, out);
  ck_assert_uint_eq (out->numbers->len, 1);
  ck_assert_uint_eq (number (out, 0), 2);
  ck_assert_uint_eq (mesh_fanout_branch_dropped (out->branch), 2);
  out_remove (in, out);
  in_free (in);
}

GST_END_TEST;

GST_START_TEST (audio_needs_no_key_frame)
{
  In *in = in_new ("audio/x-opus,channel-mapping-family=0");
  Out *out = out_new_open (in);

  push (in, FALSE);
  WAIT_FOR (out->numbers->len == 1);
  ck_assert_uint_eq (in->key_requests, 0);
  out_remove (in, out);
  in_free (in);
}

GST_END_TEST;

GST_START_TEST (nothing_goes_out_once_muted)
{
  In *in = in_new ("audio/x-opus");
  Out *out = out_new_open (in);

  push (in, TRUE);
  WAIT_FOR (out->numbers->len == 1);
  out_set_blocked (out, TRUE);
  push (in, TRUE);
  WAIT_FOR (out->inside == 1);
  push (in, TRUE);              /* 2 waits in the queue */
  mesh_fanout_set_muted (in->fanout, TRUE);
  out_set_blocked (out, FALSE);
  for (guint i = 0; i < 20; i++)
    push (in, TRUE);
  mesh_fanout_set_muted (in->fanout, FALSE);
  push_key_through (in, out);
  /* the one that was on its way, and what came after */
  ck_assert_uint_eq (out->numbers->len, 3);
  ck_assert_uint_eq (number (out, 1), 1);
  ck_assert_uint_eq (number (out, 2), in->next - 1);
  out_remove (in, out);
  in_free (in);
}

GST_END_TEST;

GST_START_TEST (a_branch_added_while_muted_is_muted)
{
  In *in = in_new ("audio/x-opus");
  Out *out;

  mesh_fanout_set_muted (in->fanout, TRUE);
  out = out_new_open (in);
  push (in, TRUE);
  mesh_fanout_set_muted (in->fanout, FALSE);
  push_key_through (in, out);
  ck_assert_uint_eq (out->numbers->len, 1);
  out_remove (in, out);
  in_free (in);
}

GST_END_TEST;

static gpointer
push_on (gpointer data)
{
  In *in = data;

  for (guint i = 0; i < 3000; i++)
    push (in, i % 10 == 0);
  return NULL;
}

GST_START_TEST (branches_come_and_go_while_data_flows)
{
  In *in = video_new ();
  Out *stays = out_new_open (in);
  GThread *thread = g_thread_new ("pusher", push_on, in);

  for (guint i = 0; i < 50; i++) {
    Out *out = out_new_open (in);

    if (i % 3 == 0)
      out_set_blocked (out, TRUE);
    if (i % 5 == 0)
      mesh_fanout_close_branch (out->branch);
    out_remove (in, out);
  }
  g_thread_join (thread);
  push_key_through (in, stays);
  for (guint i = 1; i < stays->numbers->len; i++)
    ck_assert_uint_gt (number (stays, i), number (stays, i - 1));
  out_remove (in, stays);
  in_free (in);
}

GST_END_TEST;

GST_START_TEST (a_late_branch_hears_of_the_caps_of_now)
{
  In *in = video_new ();
  Out *out;
  int width = 0;

  send_caps (in, "video/x-vp8,width=320,height=240");
  out = out_new_open (in);
  push_key_through (in, out);
  gst_structure_get_int (gst_caps_get_structure (out->caps, 0), "width",
      &width);
  ck_assert_int_eq (width, 320);
  send_caps (in, "video/x-vp8,width=640,height=480");
  push_key_through (in, out);
  gst_structure_get_int (gst_caps_get_structure (out->caps, 0), "width",
      &width);
  ck_assert_int_eq (width, 640);
  out_remove (in, out);
  in_free (in);
}

GST_END_TEST;

GST_START_TEST (the_end_of_the_stream_is_not_the_branches_end)
{
  In *in = video_new ();
  Out *out = out_new_open (in);

  push_key_through (in, out);
  gst_pad_push_event (in->source, gst_event_new_eos ());
  gst_pad_push_event (in->source, gst_event_new_flush_start ());
  gst_pad_push_event (in->source, gst_event_new_flush_stop (TRUE));
  start_stream (in, "video/x-vp8");
  push_key_through (in, out);
  fail_if (strstr (out->events->str, "eos"));
  fail_if (strstr (out->events->str, "flush"));
  out_remove (in, out);
  in_free (in);
}

GST_END_TEST;

static Suite *
fanout_suite (void)
{
  Suite *suite = suite_create ("fanout");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, every_open_branch_gets_the_very_same_buffers);
  tcase_add_test (tcase, nothing_passes_a_closed_gate);
  tcase_add_test (tcase, a_branch_starts_with_a_key_frame_and_asks_for_it);
  tcase_add_test (tcase, audio_needs_no_key_frame);
  tcase_add_test (tcase, nothing_goes_out_once_muted);
  tcase_add_test (tcase, a_branch_added_while_muted_is_muted);
  tcase_add_test (tcase, branches_come_and_go_while_data_flows);
  tcase_add_test (tcase, a_late_branch_hears_of_the_caps_of_now);
  tcase_add_test (tcase, the_end_of_the_stream_is_not_the_branches_end);
  return suite;
}

GST_CHECK_MAIN (fanout);
