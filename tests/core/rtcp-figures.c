/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is read in RTCP: losses, round trip, requests for key frames. */

#include "core/rtcp-figures.h"

#include <string.h>

#define SECOND G_TIME_SPAN_SECOND

static void
put32 (guint8 *data, guint32 value)
{
  for (guint i = 0; i < 4; i++)
    data[i] = value >> (24 - 8 * i);
}

/* Writes the first four bytes. */
static void
put_head (guint8 *data, guint count, guint type, gsize size)
{
  put32 (data, (guint32) (0x80 | count) << 24 | type << 16
      | (guint32) (size / 4 - 1));
}

typedef struct {
  guint32 ssrc, lost, highest, sender_report, held;
} Block;

/* Writes a receiver report. Returns: its size */
static gsize
put_report (guint8 *data, const Block *blocks, guint n)
{
  gsize size = 8 + 24 * n;

  put_head (data, n, 201, size);
  put32 (data + 4, 0x1234);
  for (guint i = 0; i < n; i++) {
    guint8 *block = data + 8 + 24 * i;

    put32 (block, blocks[i].ssrc);
    put32 (block + 4, blocks[i].lost & 0xffffff);
    put32 (block + 8, blocks[i].highest);
    put32 (block + 12, 0);
    put32 (block + 16, blocks[i].sender_report);
    put32 (block + 20, blocks[i].held);
  }
  return size;
}

/* Writes a sender report without blocks. */
static gsize
put_sender_report (guint8 *data, guint64 ntp)
{
  memset (data, 0, 28);
  put_head (data, 0, 200, 28);
  put32 (data + 8, ntp >> 32);
  put32 (data + 12, ntp);
  return 28;
}

static void
receive (MeshRtcpFigures *figures, const Block *blocks, guint n, gint64 now)
{
  guint8 data[256];

  mesh_rtcp_figures_received (figures, data, put_report (data, blocks, n),
      now);
}

static void
losses_are_those_of_two_seconds (void)
{
  g_autoptr (MeshRtcpFigures) figures = mesh_rtcp_figures_new ();
  guint lost = 0;

  g_assert_cmpfloat (mesh_rtcp_figures_get_loss_sent (figures, SECOND), ==, 0);
  /* 100 packets a second, of which 10 are lost in each of the first 5 s */
  for (guint i = 0; i <= 10; i++) {
    Block block = { 7, lost, 1000 + 100 * i, 0, 0 };
    double loss;

    receive (figures, &block, 1, (i + 1) * SECOND);
    loss = mesh_rtcp_figures_get_loss_sent (figures, (i + 1) * SECOND);
    g_assert_cmpfloat_with_epsilon (loss, i == 0 ? 0 : i <= 5 ? 0.1
        : i == 6 ? 0.05 : 0, 1e-9);
    if (i < 5)
      lost += 10;
  }
  g_assert_cmpfloat (mesh_rtcp_figures_get_loss_received (figures,
          11 * SECOND), ==, 0);
}

static void
sound_and_picture_are_not_mixed (void)
{
  g_autoptr (MeshRtcpFigures) figures = mesh_rtcp_figures_new ();
  const Block first[] = { { 1, 0, 0x10000, 0, 0 }, { 2, 50, 500, 0, 0 } };
  const Block second[] = { { 1, 0, 0x10000 + 300, 0, 0 },
    { 2, 60, 600, 0, 0 }
  };

  receive (figures, first, 2, SECOND);
  receive (figures, second, 2, 3 * SECOND);
  g_assert_cmpfloat_with_epsilon (mesh_rtcp_figures_get_loss_sent (figures,
          3 * SECOND), 10.0 / 400, 1e-9);
  /* the stream that is not reported on any more is forgotten */
  for (guint i = 4; i < 16; i++) {
    Block block = { 1, 0, 0x10000 + 100 * i, 0, 0 };

    receive (figures, &block, 1, i * SECOND);
  }
  g_assert_cmpfloat (mesh_rtcp_figures_get_loss_sent (figures, 16 * SECOND),
      ==, 0);
}

static void
frequent_reports_still_cover_the_window (void)
{
  g_autoptr (MeshRtcpFigures) figures = mesh_rtcp_figures_new ();

  /* one report in 50 ms, of 5 packets each; the losses have ended 1 s ago */
  for (guint i = 0; i <= 100; i++) {
    Block block = { 7, MIN (i, 80), 5 * i, 0, 0 };

    receive (figures, &block, 1, SECOND + i * SECOND / 20);
  }
  g_assert_cmpfloat_with_epsilon (mesh_rtcp_figures_get_loss_sent (figures,
          6 * SECOND), 0.1, 0.03);
}

static void
duplicates_are_no_negative_loss (void)
{
  g_autoptr (MeshRtcpFigures) figures = mesh_rtcp_figures_new ();
  Block block = { 7, 3, 100, 0, 0 };

  receive (figures, &block, 1, SECOND);
  block = (Block) { 7, (guint32) -5, 200, 0, 0 };
  receive (figures, &block, 1, 3 * SECOND);
  g_assert_cmpfloat (mesh_rtcp_figures_get_loss_sent (figures, 3 * SECOND),
      ==, 0);
}

static void
a_stream_that_begins_anew_has_lost_nothing (void)
{
  g_autoptr (MeshRtcpFigures) figures = mesh_rtcp_figures_new ();
  Block block = { 7, 3, 60000, 0, 0 };

  receive (figures, &block, 1, SECOND);
  block.highest = 12;
  receive (figures, &block, 1, 2 * SECOND);
  g_assert_cmpfloat (mesh_rtcp_figures_get_loss_sent (figures, 2 * SECOND),
      ==, 0);
  block.highest = 112;
  block.lost = 53;
  receive (figures, &block, 1, 3 * SECOND);
  g_assert_cmpfloat_with_epsilon (mesh_rtcp_figures_get_loss_sent (figures,
          3 * SECOND), 0.5, 1e-9);
}

static void
our_reports_tell_what_the_peer_loses (void)
{
  g_autoptr (MeshRtcpFigures) figures = mesh_rtcp_figures_new ();
  Block block = { 9, 0, 0, 0, 0 };
  guint8 data[64];

  mesh_rtcp_figures_sent (figures, data, put_report (data, &block, 1), SECOND);
  block = (Block) { 9, 25, 100, 0, 0 };
  mesh_rtcp_figures_sent (figures, data, put_report (data, &block, 1),
      3 * SECOND);
  g_assert_cmpfloat_with_epsilon (mesh_rtcp_figures_get_loss_received (figures,
          3 * SECOND), 0.25, 1e-9);
  g_assert_cmpfloat (mesh_rtcp_figures_get_loss_sent (figures, 3 * SECOND),
      ==, 0);
}

static void
the_round_trip_needs_our_clock_alone (void)
{
  g_autoptr (MeshRtcpFigures) figures = mesh_rtcp_figures_new ();
  Block block = { 7, 0, 100, 0xbbbbcccc, 65536 / 2 };
  guint8 data[64];

  receive (figures, &block, 1, SECOND);
  g_assert_cmpint (mesh_rtcp_figures_get_rtt (figures), ==, 0);
  mesh_rtcp_figures_sent (figures, data,
      put_sender_report (data, G_GUINT64_CONSTANT (0xaaaabbbbccccdddd)),
      SECOND);
  receive (figures, &block, 1, SECOND + SECOND / 2 + 40000);
  g_assert_cmpint (mesh_rtcp_figures_get_rtt (figures), ==, 40000);
  /* a report about no sender report of ours */
  block.sender_report = 0;
  receive (figures, &block, 1, 9 * SECOND);
  g_assert_cmpint (mesh_rtcp_figures_get_rtt (figures), ==, 40000);
  /* held for longer than there was time */
  block.sender_report = 0xbbbbcccc;
  receive (figures, &block, 1, SECOND + SECOND / 4);
  g_assert_cmpint (mesh_rtcp_figures_get_rtt (figures), ==, 1);
}

static void
requests_for_key_frames_are_counted (void)
{
  g_autoptr (MeshRtcpFigures) figures = mesh_rtcp_figures_new ();
  guint8 data[32] = { 0 };
  const Block none = { 0 };
  gsize size = put_report (data, &none, 0);

  put_head (data + size, 1, 206, 12);
  mesh_rtcp_figures_received (figures, data, size + 12, SECOND);
  mesh_rtcp_figures_received (figures, data + size, 12, SECOND);
  g_assert_cmpuint (mesh_rtcp_figures_get_keys_asked (figures), ==, 2);
  /* FIR, repeated, and a further one */
  put_head (data, 4, 206, 20);
  mesh_rtcp_figures_received (figures, data, 20, SECOND);
  mesh_rtcp_figures_received (figures, data, 20, SECOND);
  g_assert_cmpuint (mesh_rtcp_figures_get_keys_asked (figures), ==, 3);
  data[16]++;
  mesh_rtcp_figures_received (figures, data, 20, SECOND);
  g_assert_cmpuint (mesh_rtcp_figures_get_keys_asked (figures), ==, 4);
  /* our own requests, and other feedback */
  mesh_rtcp_figures_sent (figures, data, 20, SECOND);
  put_head (data, 15, 206, 20);
  mesh_rtcp_figures_received (figures, data, 20, SECOND);
  g_assert_cmpuint (mesh_rtcp_figures_get_keys_asked (figures), ==, 4);
}

/* Each packet lies alone on the heap, so that a sanitizer sees what is read
 * beyond it. */
static void
broken_packets_are_passed_over (void)
{
  g_autoptr (MeshRtcpFigures) figures = mesh_rtcp_figures_new ();
  const Block blocks[] = { { 1, 0, 0, 0, 0 }, { 2, 0, 0, 0, 0 } };
  guint8 data[64];
  gsize size = put_report (data, blocks, 2);

  for (guint count = 0; count < 32; count++) {
    for (guint type = 198; type < 210; type++) {
      for (gsize cut = 0; cut <= size; cut++) {
        g_autofree guint8 *copy = g_memdup2 (data, cut);

        if (cut >= 4)
          put_head (copy, count, type, cut & 1 ? cut & ~3u : size);
        mesh_rtcp_figures_received (figures, copy, cut, SECOND);
        mesh_rtcp_figures_sent (figures, copy, cut, SECOND);
      }
    }
  }
  g_assert_cmpfloat (mesh_rtcp_figures_get_loss_sent (figures, SECOND), <=, 1);
}

static void
many_streams_take_no_more_room (void)
{
  g_autoptr (MeshRtcpFigures) figures = mesh_rtcp_figures_new ();
  Block block = { 0, 0, 0, 0, 0 };

  for (guint i = 0; i < 1000; i++) {
    block.ssrc = i;
    receive (figures, &block, 1, SECOND + i);
  }
  block = (Block) { 999, 50, 100, 0, 0 };
  receive (figures, &block, 1, 3 * SECOND);
  g_assert_cmpfloat_with_epsilon (mesh_rtcp_figures_get_loss_sent (figures,
          3 * SECOND), 0.5, 1e-9);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/losses of two seconds", losses_are_those_of_two_seconds);
  g_test_add_func ("/sound and picture", sound_and_picture_are_not_mixed);
  g_test_add_func ("/frequent reports",
      frequent_reports_still_cover_the_window);
  g_test_add_func ("/duplicates", duplicates_are_no_negative_loss);
  g_test_add_func ("/a stream that begins anew",
      a_stream_that_begins_anew_has_lost_nothing);
  g_test_add_func ("/our reports", our_reports_tell_what_the_peer_loses);
  g_test_add_func ("/round trip", the_round_trip_needs_our_clock_alone);
  g_test_add_func ("/key frames", requests_for_key_frames_are_counted);
  g_test_add_func ("/broken packets", broken_packets_are_passed_over);
  g_test_add_func ("/many streams", many_streams_take_no_more_room);
  return g_test_run ();
}
