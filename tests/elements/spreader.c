/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How fast an attempt sends: the rate, by what reports say of it, and the
 * spreader, which holds a picture's packets back. */

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

#include "meshroom/spreader.h"

#define SIZE 1000

static gint n_probings;

static void
on_probing (gpointer user_data)
{
  g_atomic_int_inc (&n_probings);
}

static MeshRate *
begin (void)
{
  MeshRate *rate = mesh_rate_new (on_probing, NULL);

  g_atomic_int_set (&n_probings, 0);
  mesh_rate_begin (rate, TRUE);
  return rate;
}

/* --- reports --- */

G_GNUC_BEGIN_IGNORE_DEPRECATIONS

static GstStructure *
new_reports (GValueArray **packets)
{
  GstStructure *reports = gst_structure_new_empty ("RTPTWCCPackets");
  GValue value = G_VALUE_INIT;

  *packets = g_value_array_new (0);
  g_value_init (&value, g_value_array_get_type ());
  g_value_take_boxed (&value, *packets);
  gst_structure_take_value (reports, "packets", &value);
  return reports;
}

static void
report (GValueArray *packets, guint64 sent, guint64 arrived, gboolean lost)
{
  g_auto (GValue) value = G_VALUE_INIT;

  g_value_init (&value, GST_TYPE_STRUCTURE);
  g_value_take_boxed (&value, gst_structure_new ("RTPTWCCPacket",
          "seqnum", G_TYPE_UINT, 1, "local-ts", G_TYPE_UINT64, sent,
          "remote-ts", G_TYPE_UINT64, arrived, "size", G_TYPE_UINT, SIZE,
          "lost", G_TYPE_BOOLEAN, lost, NULL));
  g_value_array_append (packets, &value);
}

G_GNUC_END_IGNORE_DEPRECATIONS

GST_START_TEST (reports_tell_what_arrives)
{
  g_autoptr (MeshRate) rate = begin ();
  GValueArray *packets;
  g_autoptr (GstStructure) reports = new_reports (&packets);
  guint64 now = g_get_monotonic_time () * GST_USECOND;
  MeshBweFigures figures;

  /* 100 packets a second by the receiver's clock, which is another one */
  for (guint i = 0; i < 100; i++) {
    guint64 sent = now - (100 - i) * 10 * GST_MSECOND;

    report (packets, sent, 5 * GST_SECOND + i * 10 * GST_MSECOND, i == 50);
  }
  ck_assert_uint_eq (mesh_rate_get_estimate (rate), 0);
  mesh_rate_take_reports (rate, reports);
  mesh_rate_get_figures (rate, &figures);
  /* each has its headers besides */
  ck_assert_uint_gt (figures.acked, 100 * 8 * SIZE);
  ck_assert_uint_lt (figures.acked, 100 * 8 * SIZE * 1.1);
  ck_assert_int_gt (figures.rtt, 0);
  ck_assert_uint_gt (mesh_rate_get_estimate (rate), 0);
}

GST_END_TEST;

GST_START_TEST (reports_of_others_count_for_nothing)
{
  g_autoptr (MeshRate) rate = begin ();
  GValueArray *packets;
  g_autoptr (GstStructure) reports = new_reports (&packets);
  g_autoptr (GstStructure) empty = gst_structure_new_empty ("RTPTWCCPackets");
  g_autoptr (GstStructure) odd = gst_structure_new ("RTPTWCCPackets",
      "packets", G_TYPE_STRING, "none", NULL);
  guint64 now = g_get_monotonic_time () * GST_USECOND;
  MeshBweFigures figures;

  report (packets, GST_CLOCK_TIME_NONE, GST_SECOND, FALSE);
  report (packets, now + 60 * GST_SECOND, GST_SECOND, FALSE);
  report (packets, 0, GST_SECOND, TRUE);
  report (packets, now, GST_CLOCK_TIME_NONE, FALSE);
  mesh_rate_take_reports (rate, reports);
  mesh_rate_take_reports (rate, empty);
  mesh_rate_take_reports (rate, odd);
  mesh_rate_get_figures (rate, &figures);
  ck_assert_uint_eq (figures.acked, 0);
  ck_assert_int_eq (figures.rtt, 0);
}

GST_END_TEST;

/* --- what is sent again --- */

GST_START_TEST (a_packet_is_repeated_once_a_round_trip)
{
  g_autoptr (MeshRate) rate = begin ();
  guint n = 0;

  fail_unless (mesh_rate_may_repeat (rate, 7));
  fail_if (mesh_rate_may_repeat (rate, 7));
  fail_unless (mesh_rate_may_repeat (rate, 8));
  for (guint i = 0; i < 1000; i++)
    n += mesh_rate_may_repeat (rate, 100 + i);
  ck_assert_uint_gt (n, 4);
  ck_assert_uint_lt (n, 500);
}

GST_END_TEST;

GST_START_TEST (where_packets_are_lost_it_is_repeated_twice)
{
  g_autoptr (MeshRate) rate = mesh_rate_new (on_probing, NULL);
  guint16 seqnum = 0;
  gint64 next;

  g_atomic_int_set (&n_probings, 0);
  mesh_rate_begin (rate, FALSE);
  fail_unless (mesh_rate_may_repeat (rate, 6));
  ck_assert_int_eq (g_atomic_int_get (&n_probings), 0);
  mesh_rate_take_loss (rate, .015, 20 * G_TIME_SPAN_MILLISECOND);
  fail_unless (mesh_rate_may_repeat (rate, 7));
  ck_assert_int_eq (g_atomic_int_get (&n_probings), 1);
  while (!mesh_rate_take_padding (rate, &seqnum, &next)) {
    ck_assert_int_le (next, g_get_monotonic_time ()
        + 15 * G_TIME_SPAN_MILLISECOND);
    g_thread_yield ();
  }
  ck_assert_uint_eq (seqnum, 7);
  fail_if (mesh_rate_take_padding (rate, &seqnum, &next));
}

GST_END_TEST;

GST_START_TEST (a_probe_is_filled_up_with_the_last_packets)
{
  g_autoptr (MeshRate) rate = begin ();
  guint16 seqnum;
  gint64 next;

  /* there is nothing to probe with yet */
  mesh_rate_want (rate, 2000000);
  ck_assert_int_eq (g_atomic_int_get (&n_probings), 0);
  fail_if (mesh_rate_take_padding (rate, &seqnum, &next));
  for (guint i = 0; i < 40; i++)
    mesh_rate_sent_picture (rate, 65530 + i, SIZE);
  mesh_rate_want (rate, 2000000);
  ck_assert_int_gt (g_atomic_int_get (&n_probings), 0);
  fail_unless (mesh_rate_take_padding (rate, &seqnum, &next));
  /* one of the last 32, the numbers of which have begun anew */
  ck_assert_uint_lt ((guint16) (seqnum - 65538), 32);
}

GST_END_TEST;

/* --- the spreader --- */

static GstBuffer *
make_packet (guint16 seqnum)
{
  GstBuffer *packet = gst_buffer_new_and_alloc (SIZE);
  guint8 head[4] = { 0x80, 96, seqnum >> 8, seqnum & 0xff };

  gst_buffer_fill (packet, 0, head, sizeof head);
  return packet;
}

static GstBufferList *
make_list_from (guint first, guint n)
{
  GstBufferList *list = gst_buffer_list_new ();

  for (guint i = 0; i < n; i++)
    gst_buffer_list_add (list, make_packet ((guint16) (first + i)));
  return list;
}

static GstBufferList *
make_list (guint n)
{
  return make_list_from (0, n);
}

static GstHarness *
make_harness (MeshRate *rate)
{
  GstHarness *h = gst_harness_new_with_element (GST_ELEMENT
      (gst_object_ref_sink (mesh_spreader_new (rate))), "sink", "src");

  gst_object_unref (h->element);
  gst_harness_set_src_caps_str (h, "application/x-rtp");
  return h;
}

static guint
pull_seqnum (GstHarness *h)
{
  g_autoptr (GstBuffer) packet = gst_harness_pull (h);
  guint8 seqnum[2];

  gst_buffer_extract (packet, 2, seqnum, 2);
  return GST_READ_UINT16_BE (seqnum);
}

static void
check_order (GstHarness *h, guint n)
{
  for (guint i = 0; i < n; i++)
    ck_assert_uint_eq (pull_seqnum (h), i);
}

GST_START_TEST (packets_keep_their_order)
{
  g_autoptr (MeshRate) rate = mesh_rate_new (on_probing, NULL);
  GstHarness *h = make_harness (rate);

  /* nothing is held up before the attempt is connected */
  ck_assert_int_eq (gst_pad_push_list (h->srcpad, make_list (500)),
      GST_FLOW_OK);
  check_order (h, 500);
  mesh_rate_begin (rate, TRUE);
  ck_assert_int_eq (gst_pad_push_list (h->srcpad, make_list (30)),
      GST_FLOW_OK);
  check_order (h, 30);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A picture that would take a minute. */
static gpointer
push_much (gpointer user_data)
{
  GstHarness *h = user_data;

  return GINT_TO_POINTER (gst_pad_push_list (h->srcpad, make_list (60000)));
}

GST_START_TEST (what_is_held_is_dropped_when_nothing_may_be_sent)
{
  g_autoptr (MeshRate) rate = begin ();
  GstHarness *h = make_harness (rate);
  GThread *thread = g_thread_new ("pusher", push_much, h);
  gboolean flush = __i__;

  gst_buffer_unref (gst_harness_pull (h));
  if (flush)
    gst_pad_push_event (h->srcpad, gst_event_new_flush_start ());
  else
    mesh_spreader_stop ((MeshSpreader *) h->element);
  ck_assert_int_eq (GPOINTER_TO_INT (g_thread_join (thread)),
      flush ? GST_FLOW_FLUSHING : GST_FLOW_OK);
  ck_assert_uint_lt (gst_harness_buffers_received (h), 60000);
  gst_harness_teardown (h);
}

GST_END_TEST;

static gint outdated;

static gboolean
is_outdated (gpointer user_data)
{
  return g_atomic_int_get (&outdated);
}

GST_START_TEST (the_rest_of_an_outdated_picture_is_left_out)
{
  g_autoptr (MeshRate) rate = begin ();
  GstHarness *h = make_harness (rate);
  GThread *thread;
  guint n;

  g_atomic_int_set (&outdated, FALSE);
  mesh_spreader_set_outdated ((MeshSpreader *) h->element, is_outdated, NULL);
  thread = g_thread_new ("pusher", push_much, h);
  gst_buffer_unref (gst_harness_pull (h));
  g_atomic_int_set (&outdated, TRUE);
  ck_assert_int_eq (GPOINTER_TO_INT (g_thread_join (thread)), GST_FLOW_OK);
  n = gst_harness_buffers_received (h);
  ck_assert_uint_lt (n, 60000);
  for (guint i = 1; i < n; i++)
    gst_buffer_unref (gst_harness_pull (h));

  /* the next one, which is small, goes on with the next number */
  g_atomic_int_set (&outdated, FALSE);
  gst_harness_push (h, make_packet (60000));
  ck_assert_uint_eq (pull_seqnum (h), n);
  ck_assert_int_eq (gst_pad_push_list (h->srcpad, make_list_from (60001, 3)),
      GST_FLOW_OK);
  for (guint i = 0; i < 3; i++)
    ck_assert_uint_eq (pull_seqnum (h), n + 1 + i);
  gst_harness_teardown (h);
}

GST_END_TEST;

static Suite *
spreader_suite (void)
{
  Suite *suite = suite_create ("spreader");
  TCase *all = tcase_create ("all");

  suite_add_tcase (suite, all);
  tcase_add_test (all, reports_tell_what_arrives);
  tcase_add_test (all, reports_of_others_count_for_nothing);
  tcase_add_test (all, a_packet_is_repeated_once_a_round_trip);
  tcase_add_test (all, where_packets_are_lost_it_is_repeated_twice);
  tcase_add_test (all, a_probe_is_filled_up_with_the_last_packets);
  tcase_add_test (all, packets_keep_their_order);
  tcase_add_test (all, the_rest_of_an_outdated_picture_is_left_out);
  tcase_add_loop_test (all, what_is_held_is_dropped_when_nothing_may_be_sent,
      0, 2);
  return suite;
}

GST_CHECK_MAIN (spreader);
