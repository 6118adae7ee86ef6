/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is counted of a connection, at times that the test names. */

#include <gst/check/gstcheck.h>

#undef GST_CAT_DEFAULT          /* the room's own is not used here */
#include "meshroom/meter.h"

#define SECOND G_TIME_SPAN_SECOND

/* A bin that has the pads of an rtpbin, and a meter of it. */
typedef struct {
  GstElement *rtpbin;
  MeshMeter *meter;
} Fixture;

static void
fixture_start (Fixture *f)
{
  f->rtpbin = gst_object_ref_sink (gst_bin_new (NULL));
  f->meter = mesh_meter_new (f->rtpbin);
}

static void
fixture_stop (Fixture *f)
{
  mesh_meter_unref (f->meter);
  ASSERT_OBJECT_REFCOUNT (f->rtpbin, "rtpbin", 1);
  gst_object_unref (f->rtpbin);
}

static GstPad *
add_pad (Fixture *f, const char *name, GstPadDirection direction)
{
  GstPad *pad = gst_pad_new (name, direction);

  gst_pad_set_active (pad, TRUE);
  gst_element_add_pad (f->rtpbin, pad);
  return pad;
}

static MeshFigures
read_at (Fixture *f, gint64 now)
{
  MeshFigures figures = { 0 };

  mesh_meter_read (f->meter, now, &figures);
  return figures;
}

static GstFlowReturn
take_buffer (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

/* Sends the events that come before the first buffer. */
static void
begin (GstPad *pad, const char *text)
{
  gboolean (*send) (GstPad *, GstEvent *) = GST_PAD_IS_SRC (pad)
      ? gst_pad_push_event : gst_pad_send_event;
  g_autoptr (GstCaps) caps = gst_caps_from_string (text);
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  send (pad, gst_event_new_stream_start ("meter"));
  send (pad, gst_event_new_caps (caps));
  send (pad, gst_event_new_segment (&segment));
}

GST_START_TEST (what_is_sent_is_counted_with_repetitions)
{
  Fixture f;
  GstPad *pad;
  GstBufferList *list;
  MeshFigures figures;

  fixture_start (&f);
  pad = add_pad (&f, "send_rtp_src_0", GST_PAD_SRC);
  begin (pad, "application/x-rtp");
  figures = read_at (&f, SECOND);
  ck_assert_uint_eq (figures.sent.bitrate, 0);
  /* nothing came until now, so it is from now on that is counted */
  read_at (&f, 9 * SECOND);
  gst_pad_push (pad, gst_buffer_new_allocate (NULL, 1000, NULL));
  list = gst_buffer_list_new ();
  gst_buffer_list_add (list, gst_buffer_new_allocate (NULL, 600, NULL));
  gst_buffer_list_add (list, gst_buffer_new_allocate (NULL, 400, NULL));
  gst_pad_push_list (pad, list);
  /* a moment later nothing can be said yet */
  figures = read_at (&f, 9 * SECOND + SECOND / 100);
  ck_assert_uint_eq (figures.sent.bitrate, 0);
  figures = read_at (&f, 10 * SECOND);
  ck_assert_uint_eq (figures.sent.bitrate, 16000);
  ck_assert_uint_eq (figures.received.bitrate, 0);
  /* two spans count */
  figures = read_at (&f, 11 * SECOND);
  ck_assert_uint_eq (figures.sent.bitrate, 8000);
  figures = read_at (&f, 11 * SECOND + SECOND / 2);
  ck_assert_uint_eq (figures.sent.bitrate, 0);
  fixture_stop (&f);
}

GST_END_TEST;

GST_START_TEST (what_comes_is_counted)
{
  Fixture f;
  GstPad *pad;

  fixture_start (&f);
  pad = add_pad (&f, "recv_rtp_sink_0", GST_PAD_SINK);
  gst_pad_set_chain_function (pad, take_buffer);
  begin (pad, "application/x-rtp");
  read_at (&f, SECOND);
  for (guint i = 0; i < 10; i++) {
    gst_pad_chain (pad, gst_buffer_new_allocate (NULL, 125, NULL));
    /* readings in between change nothing */
    read_at (&f, SECOND + i * SECOND / 10);
  }
  ck_assert_uint_eq (read_at (&f, 2 * SECOND).received.bitrate, 10000);
  fixture_stop (&f);
}

GST_END_TEST;

GST_START_TEST (the_count_goes_on_beyond_32_bits)
{
  Fixture f;
  GstPad *pad;
  g_autoptr (GstBuffer) buffer =
      gst_buffer_new_allocate (NULL, 1 << 20, NULL);

  fixture_start (&f);
  pad = add_pad (&f, "send_rtp_src_0", GST_PAD_SRC);
  begin (pad, "application/x-rtp");
  read_at (&f, SECOND);
  for (guint i = 0; i < 9; i++) {
    GstBufferList *list = gst_buffer_list_new ();

    /* 512 MiB of which one is in memory */
    for (guint k = 0; k < 512; k++)
      gst_buffer_list_add (list, gst_buffer_ref (buffer));
    gst_pad_push_list (pad, list);
    ck_assert_uint_eq (read_at (&f, (2 + i) * SECOND).sent.bitrate,
        G_GUINT64_CONSTANT (8) << 29);
  }
  fixture_stop (&f);
}

GST_END_TEST;

GST_START_TEST (pictures_have_a_size_and_a_rate)
{
  Fixture f;
  g_autoptr (GstPad) pad = gst_object_ref_sink (gst_pad_new ("src",
          GST_PAD_SRC));
  MeshFigures figures;

  fixture_start (&f);
  gst_pad_set_active (pad, TRUE);
  mesh_meter_watch_received (f.meter, pad, NULL);
  ck_assert_int_eq (read_at (&f, SECOND).received.width, 0);
  begin (pad, "video/x-raw,width=1280,height=720");
  for (guint i = 0; i < 30; i++)
    gst_pad_push (pad, gst_buffer_new ());
  figures = read_at (&f, 2 * SECOND);
  ck_assert_int_eq (figures.received.width, 1280);
  ck_assert_int_eq (figures.received.height, 720);
  fail_unless (figures.received.framerate == 30);
  ck_assert_int_eq (figures.sent.width, 0);
  fixture_stop (&f);
}

GST_END_TEST;

static GstBuffer *
new_vp8_frame (int width, int height)
{
  const guint8 key[] = { 0x10, 0, 0, 0x9d, 0x01, 0x2a, width & 0xff,
    width >> 8, height & 0xff, height >> 8
  };
  const guint8 delta[] = { 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
  GstBuffer *buffer =
      gst_buffer_new_memdup (width ? key : delta, sizeof key);

  if (!width)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  return buffer;
}

/* A rung changes the picture's size with a key frame, and its caps need not. */
GST_START_TEST (encoded_pictures_are_read)
{
  Fixture f;
  g_autoptr (GstPad) pad = gst_object_ref_sink (gst_pad_new ("src",
          GST_PAD_SRC));
  MeshFigures figures;

  fixture_start (&f);
  gst_pad_set_active (pad, TRUE);
  mesh_meter_watch_sent (f.meter, pad, mesh_codec_find ("VP8"));
  begin (pad, "video/x-vp8");
  gst_pad_push (pad, new_vp8_frame (640, 360));
  gst_pad_push (pad, new_vp8_frame (0, 0));
  figures = read_at (&f, SECOND);
  ck_assert_int_eq (figures.sent.width, 640);
  ck_assert_int_eq (figures.sent.height, 360);
  ck_assert_uint_eq (figures.counts.key_frames_sent, 1);
  gst_pad_push (pad, new_vp8_frame (320, 180));
  figures = read_at (&f, 2 * SECOND);
  ck_assert_int_eq (figures.sent.width, 320);
  ck_assert_int_eq (figures.sent.height, 180);
  ck_assert_uint_eq (figures.counts.key_frames_sent, 2);
  fixture_stop (&f);
}

GST_END_TEST;

GST_START_TEST (rtcp_is_read_both_ways)
{
  /* a request for a key frame */
  const guint8 request[] = { 0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2 };
  Fixture f;
  GstPad *received, *sent;

  fixture_start (&f);
  received = add_pad (&f, "recv_rtcp_sink_0", GST_PAD_SINK);
  gst_pad_set_chain_function (received, take_buffer);
  begin (received, "application/x-rtcp");
  sent = add_pad (&f, "send_rtcp_src_0", GST_PAD_SRC);
  begin (sent, "application/x-rtcp");
  gst_pad_chain (received, gst_buffer_new_memdup (request, sizeof request));
  gst_pad_push (sent, gst_buffer_new_memdup (request, sizeof request));
  ck_assert_uint_eq (read_at (&f, SECOND).counts.key_frames_asked, 1);
  fixture_stop (&f);
}

GST_END_TEST;

static Suite *
meter_suite (void)
{
  Suite *suite = suite_create ("meter");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, what_is_sent_is_counted_with_repetitions);
  tcase_add_test (tcase, what_comes_is_counted);
  tcase_add_test (tcase, the_count_goes_on_beyond_32_bits);
  tcase_add_test (tcase, pictures_have_a_size_and_a_rate);
  tcase_add_test (tcase, encoded_pictures_are_read);
  tcase_add_test (tcase, rtcp_is_read_both_ways);
  return suite;
}

GST_CHECK_MAIN (meter);
