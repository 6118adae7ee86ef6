/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* meshstamp: a filter for tests. Each picture that passes becomes the time at
 * which it did: ms of CLOCK_MONOTONIC, in black and white blocks (the lower 24
 * bits, as tests/e2e/camera-frame.h has them). Whoever reads them off a screen
 * on the same machine knows how old the picture is.
 */

#include <gst/video/gstvideofilter.h>
#include <string.h>

#include "../e2e/camera-frame.h"

G_DECLARE_FINAL_TYPE (MeshStamp, mesh_stamp, MESH, STAMP, GstVideoFilter)

struct _MeshStamp {
  GstVideoFilter parent;
};

G_DEFINE_TYPE (MeshStamp, mesh_stamp, GST_TYPE_VIDEO_FILTER)

static GstFlowReturn
mesh_stamp_transform_frame_ip (GstVideoFilter *filter, GstVideoFrame *frame)
{
  camera_draw (frame, g_get_monotonic_time () / 1000 & 0xffffff);
  return GST_FLOW_OK;
}

static void
mesh_stamp_class_init (MeshStampClass *klass)
{
  GstElementClass *element = GST_ELEMENT_CLASS (klass);
  g_autoptr (GstCaps) caps =
      gst_caps_from_string (GST_VIDEO_CAPS_MAKE ("I420"));

  gst_element_class_add_pad_template (element, gst_pad_template_new ("sink",
          GST_PAD_SINK, GST_PAD_ALWAYS, caps));
  gst_element_class_add_pad_template (element, gst_pad_template_new ("src",
          GST_PAD_SRC, GST_PAD_ALWAYS, caps));
  gst_element_class_set_static_metadata (element, "Stamp", "Filter/Video",
      "Draws the time at which a picture passes", "meshroom");
  GST_VIDEO_FILTER_CLASS (klass)->transform_frame_ip =
      mesh_stamp_transform_frame_ip;
}

static void
mesh_stamp_init (MeshStamp *self)
{
}

static gboolean
plugin_init (GstPlugin *plugin)
{
  return gst_element_register (plugin, "meshstamp", GST_RANK_NONE,
      mesh_stamp_get_type ());
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, meshstamp,
    "A picture's time, for tests", plugin_init, MESH_VERSION, "LGPL",
    "meshroom", "meshroom")
