/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a sink pad of the room asks of a source that can make many formats. */

#include <gst/check/gstcheck.h>

#undef GST_CAT_DEFAULT
#include "meshroom/common.h"
#include "meshroom/source-private.h"

static const MeshSourceEvents events = { NULL };

typedef struct {
  MeshKind kind;
  const char *offered;
  const char *best;             /* the first that is asked for */
} Case;

#define TESTED "width=[1,9000],height=[1,9000],framerate=[0/1,240/1]"

static const Case cases[] = {
  /* no conversion */
  { MESH_VIDEO, "video/x-raw,format={ABGR64_LE,NV12,I420}," TESTED,
      "video/x-raw,format=I420," TESTED },
  { MESH_VIDEO, "video/x-raw,format={ABGR64_LE,BGRx}," TESTED,
      "video/x-raw,format={ABGR64_LE,BGRx}," TESTED },
  { MESH_AUDIO, "audio/x-raw,format={F32LE,S16LE},layout={planar,interleaved},"
      "rate=[1,200000],channels=[1,64]",
      "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=[1,2]" },
  { MESH_AUDIO, "audio/x-raw,format=F32LE,rate=8000,channels=6",
      "audio/x-raw,format=F32LE,rate=8000,channels=6" },
  /* neither a size nor a rate is changed for nothing */
  { MESH_VIDEO, "video/x-raw,format=I420,width=1280,height=720,"
      "framerate=[0/1,240/1]",
      "video/x-raw,format=I420,width=1280,height=720,framerate=[0/1,240/1]" },
  /* what a camera can make thirty times a second, and not the largest */
  { MESH_VIDEO, "video/x-raw,format=YUY2,width=1920,height=1080,framerate=5/1;"
      "video/x-raw,format=YUY2,width=1280,height=720,framerate={30/1,10/1};"
      "video/x-raw,format=I420,width=640,height=480,framerate={30/1,5/1}",
      "video/x-raw,format=YUY2,width=1280,height=720,framerate=30/1" },
  { MESH_VIDEO, "video/x-raw,format=YUY2,width=1920,height=1080,framerate=5/1;"
      "video/x-raw,format=YUY2,width=1280,height=720,framerate=10/1;"
      "video/x-raw,format={YUY2,I420},width=640,height=480,"
      "framerate={30/1,5/1}",
      "video/x-raw,format=I420,width=640,height=480,framerate=30/1" },
  { MESH_VIDEO, "video/x-raw,format=YUY2,width=352,height=288,framerate=15/1",
      "video/x-raw,format=YUY2,width=352,height=288,framerate=15/1" },
  /* an encoded stream that upstream puts first is passed on */
  { MESH_VIDEO, "video/x-vp8;video/x-raw,format={NV12,I420}", "video/x-vp8" },
};

GST_START_TEST (the_best_is_asked_for_and_nothing_refused)
{
  const Case *c = &cases[__i__];
  GstElement *room = gst_object_ref_sink (gst_pipeline_new (NULL));
  MeshTimeline *timeline = mesh_timeline_new ();
  g_autoptr (GstCaps) all = gst_caps_from_string (c->kind == MESH_VIDEO
      ? "video/x-raw;video/x-vp8" : "audio/x-raw");
  g_autoptr (GstPadTemplate) template = gst_object_ref_sink (
      gst_pad_template_new (c->kind == MESH_VIDEO ? "video_sink" : "audio_sink",
      GST_PAD_SINK, GST_PAD_REQUEST, all));
  MeshSource *source = mesh_source_new (GST_BIN (room), template, c->kind,
      timeline, &events, NULL);
  g_autoptr (GstCaps) offered = gst_caps_from_string (c->offered);
  g_autoptr (GstCaps) best = gst_caps_from_string (c->best);
  g_autoptr (GstCaps) asked =
      gst_pad_query_caps (mesh_source_get_pad (source), offered);
  g_autoptr (GstCaps) first = gst_caps_copy_nth (asked, 0);

  fail_unless (gst_caps_is_equal (first, best), "%s", gst_caps_to_string
      (first));
  fail_unless (gst_caps_is_equal (asked, offered), "%s", gst_caps_to_string
      (asked));
  mesh_source_unref (source);
  mesh_timeline_unref (timeline);
  gst_object_unref (room);
}

GST_END_TEST;

static Suite *
source_caps_suite (void)
{
  Suite *suite = suite_create ("source-caps");
  TCase *tcase = tcase_create ("source-caps");

  suite_add_tcase (suite, tcase);
  tcase_add_loop_test (tcase, the_best_is_asked_for_and_nothing_refused, 0,
      G_N_ELEMENTS (cases));
  return suite;
}

GST_CHECK_MAIN (source_caps);
