/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One stream to many branches: what each gets, and that none gets in the way
 * of another. */

#include <gst/check/gstcheck.h>
#include <gst/video/video.h>

#include "meshroom/fanout.h"

#define WATCHDOG (20 * G_TIME_SPAN_SECOND)
#define FRAME (33 * GST_MSECOND)

/* Everything that the tests look at changes under this. */
static GMutex lock;
static GCond changed;

#define WAIT_FOR(condition) G_STMT_START { \
    gint64 until = g_get_monotonic_time () + WATCHDOG; \
    g_mutex_lock (&lock); \
    while (!(condition)) \
      fail_unless (g_cond_wait_until (&changed, &lock, until), \
          "waited in vain for " #condition); \
    g_mutex_unlock (&lock); \
  } G_STMT_END

/* What lies behind a branch: a pad that may block, as a stuck peer does. */
typedef struct {
  GstPad *branch;
  GstPad *pad;
  gboolean blocked;
  guint inside;                 /* pushes that are waiting */
  GArray *numbers;              /* guint, of the buffers that came */
  GPtrArray *buffers;
  GString *events;
  GstCaps *caps;
  GstFlowReturn flow;
} Out;

typedef struct {
  MeshFanout *fanout;
  GstPad *source;
  guint next;                   /* number of the next buffer */
  guint key_requests;
  gint64 requested_at[2];
  guint other_events;
} In;

static GstFlowReturn
out_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  Out *out = gst_pad_get_element_private (pad);
  guint number = GST_BUFFER_OFFSET (buffer);
  GstFlowReturn flow;

  g_mutex_lock (&lock);
  out->inside++;
  g_cond_broadcast (&changed);
  while (out->blocked)
    g_cond_wait (&changed, &lock);
  out->inside--;
  g_array_append_val (out->numbers, number);
  g_ptr_array_add (out->buffers, buffer);
  flow = out->flow;
  g_cond_broadcast (&changed);
  g_mutex_unlock (&lock);
  return flow;
}

static gboolean
out_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  Out *out = gst_pad_get_element_private (pad);

  g_mutex_lock (&lock);
  g_string_append_printf (out->events, "%s ", GST_EVENT_TYPE_NAME (event));
  if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS) {
    GstCaps *caps;

    gst_event_parse_caps (event, &caps);
    gst_caps_replace (&out->caps, caps);
  }
  g_cond_broadcast (&changed);
  g_mutex_unlock (&lock);
  gst_event_unref (event);
  return TRUE;
}

/* Like a payloader, it takes any caps that come. */
static gboolean
out_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  if (GST_QUERY_TYPE (query) != GST_QUERY_ACCEPT_CAPS)
    return FALSE;
  gst_query_set_accept_caps_result (query, TRUE);
  return TRUE;
}

static void
out_set_blocked (Out *out, gboolean blocked)
{
  g_mutex_lock (&lock);
  out->blocked = blocked;
  g_cond_broadcast (&changed);
  g_mutex_unlock (&lock);
}

static Out *
out_new (In *in)
{
  Out *out = g_new0 (Out, 1);

  out->numbers = g_array_new (FALSE, FALSE, sizeof (guint));
  out->buffers =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
  out->events = g_string_new (NULL);
  out->pad = gst_object_ref_sink (gst_pad_new (NULL, GST_PAD_SINK));
  gst_pad_set_element_private (out->pad, out);
  gst_pad_set_chain_function (out->pad, out_chain);
  gst_pad_set_event_function (out->pad, out_event);
  gst_pad_set_query_function (out->pad, out_query);
  gst_pad_set_active (out->pad, TRUE);
  out->branch = mesh_fanout_add_branch (in->fanout);
  ck_assert_int_eq (gst_pad_link_full (out->branch, out->pad,
          GST_PAD_LINK_CHECK_NOTHING), GST_PAD_LINK_OK);
  return out;
}

static Out *
out_new_open (In *in)
{
  Out *out = out_new (in);

  mesh_fanout_open_branch (in->fanout, out->branch);
  return out;
}

/* As a peer is taken down: first what lies behind the branch. */
static void
out_remove (In *in, Out *out)
{
  out_set_blocked (out, FALSE);
  gst_pad_set_active (out->pad, FALSE);
  mesh_fanout_remove_branch (in->fanout, out->branch);
  ASSERT_OBJECT_REFCOUNT (out->pad, "pad behind a branch", 1);
  gst_object_unref (out->pad);
  g_array_unref (out->numbers);
  g_ptr_array_unref (out->buffers);
  g_string_free (out->events, TRUE);
  gst_clear_caps (&out->caps);
  g_free (out);
}

static gboolean
in_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  In *in = gst_pad_get_element_private (pad);

  g_mutex_lock (&lock);
  if (gst_video_event_is_force_key_unit (event)) {
    if (in->key_requests < G_N_ELEMENTS (in->requested_at))
      in->requested_at[in->key_requests] = g_get_monotonic_time ();
    in->key_requests++;
  } else if (GST_EVENT_TYPE (event) != GST_EVENT_RECONFIGURE) {
    in->other_events++;
  }
  g_mutex_unlock (&lock);
  gst_event_unref (event);
  return TRUE;
}

static void
send_caps (In *in, const char *description)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string (description);

  fail_unless (gst_pad_push_event (in->source, gst_event_new_caps (caps)));
}

static void
start_stream (In *in, const char *caps)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (in->source, gst_event_new_stream_start ("test"));
  send_caps (in, caps);
  gst_pad_push_event (in->source, gst_event_new_segment (&segment));
}

static In *
in_new (const char *caps_description)
{
  In *in = g_new0 (In, 1);
  g_autoptr (GstCaps) caps = gst_caps_from_string (caps_description);
  g_autoptr (GstPad) sink = NULL;

  in->fanout = gst_object_ref_sink (mesh_fanout_new (caps));
  in->source = gst_object_ref_sink (gst_pad_new (NULL, GST_PAD_SRC));
  gst_pad_set_element_private (in->source, in);
  gst_pad_set_event_function (in->source, in_event);
  gst_pad_set_active (in->source, TRUE);
  sink = gst_element_get_static_pad (GST_ELEMENT (in->fanout), "sink");
  gst_pad_link_full (in->source, sink, GST_PAD_LINK_CHECK_NOTHING);
  gst_element_set_state (GST_ELEMENT (in->fanout), GST_STATE_PLAYING);
  start_stream (in, caps_description);
  return in;
}

static In *
video_new (void)
{
  return in_new ("video/x-vp8");
}

static void
in_free (In *in)
{
  gst_element_set_state (GST_ELEMENT (in->fanout), GST_STATE_NULL);
  ASSERT_OBJECT_REFCOUNT (in->fanout, "fan-out", 1);
  gst_object_unref (in->fanout);
  gst_object_unref (in->source);
  g_free (in);
}

static void
push_sized (In *in, gboolean key, gsize size)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size, NULL);

  GST_BUFFER_PTS (buffer) = in->next * FRAME;
  GST_BUFFER_OFFSET (buffer) = in->next++;
  if (!key)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  ck_assert_int_eq (gst_pad_push (in->source, buffer), GST_FLOW_OK);
}

static void
push (In *in, gboolean key)
{
  push_sized (in, key, 10);
}

static guint
number (Out *out, guint i)
{
  return g_array_index (out->numbers, guint, i);
}

/* A key frame that has come out proves that all before it are through. */
static void
push_key_through (In *in, Out *out)
{
  guint last = in->next;

  push (in, TRUE);
  WAIT_FOR (out->numbers->len > 0
      && number (out, out->numbers->len - 1) == last);
}

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

/* Asked for too soon after the one before, and there before it was passed on. */
GST_START_TEST (a_key_frame_that_came_is_not_asked_for)
{
  In *in = video_new ();
  Out *first = out_new_open (in), *second = out_new_open (in);
  gint64 quiet = g_get_monotonic_time () + G_TIME_SPAN_SECOND / 2;

  ck_assert_uint_eq (in->key_requests, 1);
  push (in, TRUE);
  WAIT_FOR (first->numbers->len == 1 && second->numbers->len == 1);
  while (g_get_monotonic_time () < quiet) {
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
  while (in->key_requests == 1)
    push (in, FALSE);
  for (guint i = 0; i < 100; i++)
    push (in, FALSE);
  ck_assert_uint_eq (in->key_requests, 2);
  ck_assert_int_ge (in->requested_at[1] - in->requested_at[0],
      200 * G_TIME_SPAN_MILLISECOND);
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
fanout_suite (void)
{
  Suite *suite = suite_create ("fanout");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, every_open_branch_gets_the_very_same_buffers);
  tcase_add_test (tcase, nothing_passes_a_closed_gate);
  tcase_add_test (tcase, a_branch_starts_with_a_key_frame_and_asks_for_it);
  tcase_add_test (tcase, audio_needs_no_key_frame);
  tcase_add_test (tcase, a_stuck_branch_holds_up_nobody);
  tcase_add_test (tcase, a_branch_that_lies_too_far_behind_is_emptied);
  tcase_add_test (tcase, a_short_hiccup_drops_nothing);
  tcase_add_test (tcase, a_key_frame_that_came_is_not_asked_for);
  tcase_add_test (tcase, key_frame_requests_of_all_are_merged);
  tcase_add_test (tcase, a_peers_other_wishes_do_not_reach_the_encoder);
  tcase_add_test (tcase, a_new_branch_does_not_reconfigure_the_camera);
  tcase_add_test (tcase, nothing_goes_out_once_muted);
  tcase_add_test (tcase, a_branch_added_while_muted_is_muted);
  tcase_add_test (tcase, branches_come_and_go_while_data_flows);
  tcase_add_test (tcase, a_late_branch_hears_of_the_caps_of_now);
  tcase_add_test (tcase, the_end_of_the_stream_is_not_the_branches_end);
  tcase_add_test (tcase, no_question_waits_for_a_stuck_branch);
  tcase_add_test (tcase, a_branch_that_fails_fails_alone);
  return suite;
}

GST_CHECK_MAIN (fanout);
