/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sound that goes twice where packets are lost. */

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

#undef GST_CAT_DEFAULT          /* the room's own is not used here */
#include "meshroom/sound-copies.h"

#define OURS 0x01020304u

static void
on_probing (gpointer user_data)
{
}

/* Tells the rate of 200 packets of 1000 bytes within a second, of which one in
 * @every was lost; 0 = none. The rate is then some 1.5 Mbit/s. */
static void
report (MeshRate *rate, guint every)
{
G_GNUC_BEGIN_IGNORE_DEPRECATIONS
  GstStructure *reports = gst_structure_new_empty ("RTPTWCCPackets");
  GValueArray *packets = g_value_array_new (0);
  GValue value = G_VALUE_INIT;
  guint64 now = (guint64) g_get_monotonic_time () * 1000;

  for (guint i = 1; i <= 200; i++) {
    g_auto (GValue) packet = G_VALUE_INIT;

    g_value_init (&packet, GST_TYPE_STRUCTURE);
    g_value_take_boxed (&packet, gst_structure_new ("RTPTWCCPacket",
            "seqnum", G_TYPE_UINT, i, "local-ts", G_TYPE_UINT64,
            now - (200 - i) * 5 * GST_MSECOND, "remote-ts", G_TYPE_UINT64,
            GST_SECOND + i * 5 * GST_MSECOND, "size", G_TYPE_UINT, 1000,
            "lost", G_TYPE_BOOLEAN, every && i % every == 0, NULL));
    g_value_array_append (packets, &packet);
  }
  g_value_init (&value, g_value_array_get_type ());
  g_value_take_boxed (&value, packets);
  gst_structure_take_value (reports, "packets", &value);
  mesh_rate_take_reports (rate, reports);
  gst_structure_free (reports);
G_GNUC_END_IGNORE_DEPRECATIONS
}

static GstBuffer *
new_packet (guint16 seqnum, guint32 ssrc)
{
  guint8 bytes[20] = { 0x80, 111, (guint8) (seqnum >> 8), (guint8) seqnum };
  guint32 order = GUINT32_TO_BE (ssrc);

  memcpy (bytes + 8, &order, sizeof order);
  return gst_buffer_new_memdup (bytes, sizeof bytes);
}

static GstHarness *
begin (MeshRate *rate)
{
  GstElement *bin = gst_bin_new (NULL);
  GstElement *identity = gst_element_factory_make ("identity", NULL);
  g_autoptr (GstPad) sink = gst_element_get_static_pad (identity, "sink");
  g_autoptr (GstPad) src = gst_element_get_static_pad (identity, "src");
  GstHarness *h;

  gst_bin_add (GST_BIN (bin), identity);
  mesh_sound_copies_attach (bin, OURS, rate);
  gst_element_add_pad (bin, gst_ghost_pad_new ("send_rtp_sink_0", sink));
  gst_element_add_pad (bin, gst_ghost_pad_new ("send_rtp_src_0", src));
  h = gst_harness_new_with_element (bin, "send_rtp_sink_0", "send_rtp_src_0");
  gst_object_unref (bin);
  gst_harness_set_src_caps_str (h, "application/x-rtp");
  return h;
}

/* Sends packets 0 to 4, and compares the numbers of what comes out. */
static void
check_numbers (GstHarness *h, guint32 ssrc, const char *expected)
{
  g_autoptr (GString) found = g_string_new (NULL);
  GstBuffer *packet;

  for (guint16 i = 0; i < 5; i++)
    ck_assert_int_eq (gst_harness_push (h, new_packet (i, ssrc)), GST_FLOW_OK);
  while ((packet = gst_harness_try_pull (h))) {
    guint8 bytes[4];

    gst_buffer_extract (packet, 0, bytes, sizeof bytes);
    g_string_append_printf (found, "%u", bytes[3]);
    gst_buffer_unref (packet);
  }
  ck_assert_str_eq (found->str, expected);
}

GST_START_TEST (sound_goes_twice_where_packets_are_lost)
{
  g_autoptr (MeshRate) rate = mesh_rate_new (on_probing, NULL);
  GstHarness *h = begin (rate);

  check_numbers (h, OURS, "01234");
  mesh_rate_begin (rate, TRUE);
  check_numbers (h, OURS, "01234");
  report (rate, 10);
  fail_unless (mesh_rate_copies_sound (rate));
  check_numbers (h, OURS, "01021324");
  check_numbers (h, OURS + 1, "01234");
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (not_where_there_is_little_room)
{
  g_autoptr (MeshRate) rate = mesh_rate_new (on_probing, NULL);
  GstHarness *h = begin (rate);

  mesh_rate_begin (rate, TRUE);
  report (rate, 10);
  mesh_rate_set_share (rate, 75000, TRUE);
  check_numbers (h, OURS, "01234");
  /* A share that is small since no more is wanted is none of that. What passed
   * while nothing was copied is not copied late. */
  mesh_rate_set_share (rate, 75000, FALSE);
  check_numbers (h, OURS, "01021324");
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Copies make the loss look smaller. */
GST_START_TEST (it_lasts_when_the_loss_is_seen_no_more)
{
  g_autoptr (MeshRate) rate = mesh_rate_new (on_probing, NULL);
  GstHarness *h = begin (rate);
  guint64 copies;

  mesh_rate_begin (rate, TRUE);
  report (rate, 10);
  check_numbers (h, OURS, "01021324");
  ck_assert_uint_eq (mesh_rate_get_sound (rate, &copies), 90000);
  ck_assert_uint_eq (copies, 90000);
  for (guint i = 0; i < 20; i++)
    report (rate, 0);
  fail_unless (mesh_rate_copies_sound (rate));
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (not_where_nothing_is_lost)
{
  g_autoptr (MeshRate) rate = mesh_rate_new (on_probing, NULL);
  GstHarness *h = begin (rate);
  guint64 copies;

  mesh_rate_begin (rate, TRUE);
  report (rate, 0);
  check_numbers (h, OURS, "01234");
  mesh_rate_get_sound (rate, &copies);
  ck_assert_uint_eq (copies, 0);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* The elements of a webrtcbin let a packet pass twice on its way out, and once on
 * its way in. */
GST_START_TEST (a_copy_is_encrypted_and_dropped)
{
  static const char caps[] = "application/x-srtp,srtp-key=(buffer)"
      "012345678901234567890123456789012345678901234567890123456789,"
      "srtp-cipher=aes-128-icm,srtp-auth=hmac-sha1-80,"
      "srtcp-cipher=aes-128-icm,srtcp-auth=hmac-sha1-80,ssrc=(uint)16909060";
  GstElement *encrypter = gst_parse_launch ("srtpenc allow-repeat-tx=true "
      "key=012345678901234567890123456789012345678901234567890123456789",
      NULL);
  GstHarness *out = gst_harness_new_with_element (encrypter, "rtp_sink_0",
      "rtp_src_0");
  GstHarness *in = gst_harness_new_with_padnames ("srtpdec", "rtp_sink",
      "rtp_src");
  guint n = 0;

  gst_object_unref (encrypter);
  gst_harness_set_src_caps_str (out, "application/x-rtp,ssrc=(uint)16909060");
  gst_harness_set_src_caps_str (in, caps);
  for (guint16 i = 0; i < 3; i++) {
    for (guint copy = 0; copy < 2; copy++) {
      ck_assert_int_eq (gst_harness_push (out, new_packet (i, OURS)),
          GST_FLOW_OK);
      ck_assert_int_eq (gst_harness_push (in, gst_harness_pull (out)),
          GST_FLOW_OK);
    }
  }
  for (GstBuffer *packet; (packet = gst_harness_try_pull (in)); n++)
    gst_buffer_unref (packet);
  ck_assert_uint_eq (n, 3);
  gst_harness_teardown (in);
  gst_harness_teardown (out);
}

GST_END_TEST;

static Suite *
copies_suite (void)
{
  Suite *suite = suite_create ("sound-copies");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, sound_goes_twice_where_packets_are_lost);
  tcase_add_test (tcase, not_where_there_is_little_room);
  tcase_add_test (tcase, it_lasts_when_the_loss_is_seen_no_more);
  tcase_add_test (tcase, not_where_nothing_is_lost);
  tcase_add_test (tcase, a_copy_is_encrypted_and_dropped);
  return suite;
}

GST_CHECK_MAIN (copies);
