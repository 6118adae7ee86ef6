/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "frame.h"

#include "orientation.h"

/* Sets the format of the canvas, in the given size. */
void
mesh_frame_init_info (GstVideoInfo *info, int width, int height)
{
  gst_video_info_set_format (info, GST_VIDEO_FORMAT_I420, width, height);
  gst_video_colorimetry_from_string (&info->colorimetry,
      MESH_FRAME_COLORIMETRY);
}

/* @buffer: (transfer full) */
MeshFrame *
mesh_frame_new (GstBuffer *buffer, const GstVideoInfo *info, GstClockTime time)
{
  MeshFrame *frame = g_atomic_rc_box_new0 (MeshFrame);

  frame->buffer = buffer;
  frame->info = *info;
  frame->time = time;
  return frame;
}

MeshFrame *
mesh_frame_ref (MeshFrame *frame)
{
  return g_atomic_rc_box_acquire (frame);
}

static void
frame_clear (gpointer data)
{
  MeshFrame *frame = data;

  gst_buffer_unref (frame->buffer);
}

void
mesh_frame_unref (MeshFrame *frame)
{
  if (frame)
    g_atomic_rc_box_release_full (frame, frame_clear);
}

/* Whether the frame can be copied onto the canvas without a conversion. */
gboolean
mesh_frame_fits (const MeshFrame *frame, int width, int height)
{
  GstVideoInfo wanted;

  if (frame->turn != GST_VIDEO_ORIENTATION_IDENTITY
      || GST_VIDEO_INFO_FORMAT (&frame->info) != GST_VIDEO_FORMAT_I420
      || GST_VIDEO_INFO_WIDTH (&frame->info) != width
      || GST_VIDEO_INFO_HEIGHT (&frame->info) != height)
    return FALSE;
  mesh_frame_init_info (&wanted, width, height);
  return frame->info.colorimetry.range == wanted.colorimetry.range
      && frame->info.colorimetry.matrix == wanted.colorimetry.matrix;
}

void
mesh_scaler_clear (MeshScaler *scaler)
{
  g_clear_pointer (&scaler->converter, gst_video_converter_free);
  if (scaler->pool)
    gst_buffer_pool_set_active (scaler->pool, FALSE);
  gst_clear_object (&scaler->pool);
}

static gboolean
setup_pool (MeshScaler *scaler)
{
  g_autoptr (GstCaps) caps = gst_video_info_to_caps (&scaler->out);
  GstStructure *config;

  scaler->pool = gst_video_buffer_pool_new ();
  config = gst_buffer_pool_get_config (scaler->pool);
  gst_buffer_pool_config_set_params (config, caps, scaler->out.size, 0, 0);
  return gst_buffer_pool_set_config (scaler->pool, config)
      && gst_buffer_pool_set_active (scaler->pool, TRUE);
}

static gboolean
setup (MeshScaler *scaler, const GstVideoInfo *info, int width, int height)
{
  GstVideoInfo in = *info;

  /* the converter insists that both sides have these in common */
  in.interlace_mode = GST_VIDEO_INTERLACE_MODE_PROGRESSIVE;
  in.fps_n = 0;
  in.fps_d = 1;
  if (scaler->converter && gst_video_info_is_equal (&in, &scaler->in)
      && scaler->out.width == width && scaler->out.height == height)
    return TRUE;

  mesh_scaler_clear (scaler);
  scaler->in = in;
  mesh_frame_init_info (&scaler->out, width, height);
  /* the default, cubic, costs twice as much and shows no better at the size
   * of a tile */
  scaler->converter = gst_video_converter_new (&scaler->in, &scaler->out,
      gst_structure_new ("scale",
          GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD,
          GST_TYPE_VIDEO_RESAMPLER_METHOD, GST_VIDEO_RESAMPLER_METHOD_LINEAR,
          GST_VIDEO_CONVERTER_OPT_CHROMA_RESAMPLER_METHOD,
          GST_TYPE_VIDEO_RESAMPLER_METHOD, GST_VIDEO_RESAMPLER_METHOD_LINEAR,
          GST_VIDEO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_VIDEO_DITHER_METHOD,
          GST_VIDEO_DITHER_NONE, NULL));
  return scaler->converter && setup_pool (scaler);
}

/* Returns: (transfer full) (nullable): @frame as the scaler was set up */
static GstBuffer *
scale (MeshScaler *scaler, MeshFrame *frame)
{
  g_autoptr (GstBuffer) buffer = NULL;
  GstVideoFrame in, out;

  if (gst_buffer_pool_acquire_buffer (scaler->pool, &buffer, NULL)
      != GST_FLOW_OK
      || !gst_video_frame_map (&in, &scaler->in, frame->buffer, GST_MAP_READ))
    return NULL;
  if (!gst_video_frame_map (&out, &scaler->out, buffer, GST_MAP_WRITE)) {
    gst_video_frame_unmap (&in);
    return NULL;
  }
  gst_video_converter_frame (scaler->converter, &in, &out);
  gst_video_frame_unmap (&out);
  gst_video_frame_unmap (&in);
  return g_steal_pointer (&buffer);
}

static GstBuffer *
turn (GstBuffer *buffer, const GstVideoInfo *info,
    GstVideoOrientationMethod method, const GstVideoInfo *out)
{
  GstVideoFrame picture;
  GstBuffer *turned;

  if (!gst_video_frame_map (&picture, info, buffer, GST_MAP_READ))
    return NULL;
  turned = mesh_orientation_apply (&picture, method, out);
  gst_video_frame_unmap (&picture);
  return turned;
}

/**
 * mesh_scaler_scale:
 * Returns: (transfer full) (nullable): @frame in the canvas's format, upright
 *   and of that size; %NULL when it cannot be read
 */
MeshFrame *
mesh_scaler_scale (MeshScaler *scaler, MeshFrame *frame, int width, int height)
{
  gboolean upended = mesh_orientation_swaps_sides (frame->turn);
  g_autoptr (GstBuffer) buffer = NULL;
  g_autoptr (GstBuffer) turned = NULL;
  GstVideoInfo info;

  if (mesh_frame_fits (frame, width, height))
    return mesh_frame_ref (frame);
  if (!setup (scaler, &frame->info, upended ? height : width,
          upended ? width : height))
    return NULL;
  buffer = scale (scaler, frame);
  if (!buffer || frame->turn == GST_VIDEO_ORIENTATION_IDENTITY)
    return buffer ? mesh_frame_new (g_steal_pointer (&buffer), &scaler->out,
        frame->time) : NULL;
  mesh_frame_init_info (&info, width, height);
  turned = turn (buffer, &scaler->out, frame->turn, &info);
  return turned ? mesh_frame_new (g_steal_pointer (&turned), &info,
      frame->time) : NULL;
}
