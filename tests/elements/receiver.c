/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From a peer's RTP to pictures, in every codec that is spoken: what is too large
 * reaches no decoder. */

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

#include "fake-av1-rtp.h"
#include "run-to-end.h"

#undef GST_CAT_DEFAULT
#include "meshroom/receiver.h"

static const MeshPlayoutConfig playout_config = { .fixed = TRUE };

typedef struct {
  guint refused;
  int width, height;            /* of what was refused */
  guint frames;
  int shown_width;
} Outcome;

static void
on_refused (int width, int height, gpointer user_data)
{
  Outcome *outcome = user_data;

  outcome->refused++;
  outcome->width = width;
  outcome->height = height;
}

static void
on_frame (GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer user_data)
{
  Outcome *outcome = user_data;
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);

  outcome->frames++;
  gst_structure_get_int (gst_caps_get_structure (caps, 0), "width",
      &outcome->shown_width);
}

static void
add (GstElement *pipeline, GstElement **last, GstElement *element)
{
  gst_bin_add (GST_BIN (pipeline), element);
  fail_unless (gst_element_link (*last, element));
  *last = element;
}

/* Temporal layers have rates of their own, which are set with the size. */
static const char *
without_layers (const MeshCodec *codec)
{
  return codec->encoders[0].layers > 1
      ? " temporal-scalability-number-layers=1" : "";
}

/* A sender that does not care how large its picture is, and us. */
static GstElement *
make_pipeline (const MeshCodec *codec, int width, int height, Outcome *outcome)
{
  g_autofree char *source = g_strdup_printf ("videotestsrc num-buffers=3 ! "
      "video/x-raw,format=I420,width=%d,height=%d,framerate=10/1 ! identity "
      "name=last", width, height);
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (source, &error);
  GstElement *last = gst_bin_get_by_name (GST_BIN (pipeline), "last");
  GstElement *sink = gst_element_factory_make ("fakesink", NULL);
  g_autoptr (GstElement) receiver = NULL;
  MeshPlayout *playout = mesh_playout_new (&playout_config);
  g_autofree char *encoder = g_strconcat (codec->encoders[0].element,
      without_layers (codec), NULL);

  gst_object_unref (last);
  add (pipeline, &last, mesh_codec_make (encoder, &error));
  if (codec->parser)
    add (pipeline, &last, mesh_codec_make (codec->parser, &error));
  add (pipeline, &last, mesh_codec_make ("identity name=sender", &error));
  if (codec->splitter)
    add (pipeline, &last, mesh_codec_make (codec->splitter, &error));
  add (pipeline, &last, mesh_codec_make (codec->payloader, &error));
  receiver = mesh_receiver_new (codec, TRUE, playout, on_refused, outcome,
      &error);
  mesh_playout_unref (playout);
  g_assert_no_error (error);
  add (pipeline, &last, receiver);
  g_object_set (sink, "signal-handoffs", TRUE, "sync", FALSE, NULL);
  g_signal_connect (sink, "handoff", G_CALLBACK (on_frame), outcome);
  add (pipeline, &last, sink);
  return pipeline;
}

static const char *const codecs[] = { "VP8", "H264", "VP9", "AV1" };

GST_START_TEST (a_picture_arrives)
{
  Outcome outcome = { 0 };

  run_to_end (make_pipeline (mesh_codec_find (codecs[__i__]), 320, 240, &outcome));
  ck_assert_uint_eq (outcome.refused, 0);
  ck_assert_uint_eq (outcome.frames, 3);
}

GST_END_TEST;

GST_START_TEST (a_picture_that_is_too_large_is_not_decoded)
{
  Outcome outcome = { 0 };

  run_to_end (make_pipeline (mesh_codec_find (codecs[__i__]), 4200, 2400, &outcome));
  ck_assert_uint_eq (outcome.refused, 1);
  ck_assert_int_eq (outcome.width, 4200);
  ck_assert_int_eq (outcome.height, 2400);
  ck_assert_uint_eq (outcome.frames, 0);
}

GST_END_TEST;

/* Behind the parser, which has looked at the first one alone. */
static GstPadProbeReturn
append_frame (GstPad *pad, GstPadProbeInfo *info, gpointer frame)
{
  GstBuffer *buffer = gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER
      (info));

  GST_PAD_PROBE_INFO_DATA (info) = gst_buffer_append (buffer,
      gst_buffer_ref (frame));
  return GST_PAD_PROBE_OK;
}

static GstBuffer *
make_frame (const MeshCodec *codec, int width, int height)
{
  g_autofree char *line = g_strdup_printf ("videotestsrc num-buffers=1 ! "
      "video/x-raw,format=I420,width=%d,height=%d ! %s%s", width, height,
      codec->encoders[0].element, without_layers (codec));
  GstHarness *h = gst_harness_new_parse (line);
  GstBuffer *frame;

  gst_harness_play (h);
  frame = gst_harness_pull (h);
  gst_harness_teardown (h);
  return frame;
}

/* libvpx would decode it: the size of the first one alone was looked at. */
GST_START_TEST (a_frame_behind_another_is_not_decoded)
{
  const MeshCodec *codec = mesh_codec_find ("VP9");
  g_autoptr (GstBuffer) large = make_frame (codec, 640, 480);
  Outcome outcome = { 0 };
  GstElement *pipeline = make_pipeline (codec, 320, 240, &outcome);
  g_autoptr (GstElement) last = gst_bin_get_by_name (GST_BIN (pipeline),
      "sender");
  g_autoptr (GstPad) sink = gst_element_get_static_pad (last, "sink");

  gst_pad_add_probe (sink, GST_PAD_PROBE_TYPE_BUFFER, append_frame, large,
      NULL);
  run_to_end (pipeline);
  ck_assert_uint_eq (outcome.frames, 3);
  ck_assert_int_eq (outcome.shown_width, 320);
}

GST_END_TEST;

static Suite *
receive_suite (void)
{
  Suite *suite = suite_create ("receiver");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_set_timeout (tcase, 120);
  tcase_add_checked_fixture (tcase, fake_av1_rtp_register, NULL);
  tcase_add_loop_test (tcase, a_picture_arrives, 0, G_N_ELEMENTS (codecs));
  tcase_add_test (tcase, a_frame_behind_another_is_not_decoded);
  tcase_add_loop_test (tcase, a_picture_that_is_too_large_is_not_decoded, 0,
      G_N_ELEMENTS (codecs));
  return suite;
}

GST_CHECK_MAIN (receive);
