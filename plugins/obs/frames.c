/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Hands GStreamer's frames to OBS. The only copy is the one that OBS makes,
 * since it keeps the frames that it is given. */

#include "frames.h"

#include <gst/audio/audio.h>
#include <gst/video/video.h>
#include <util/platform.h>

/* A timestamp that is further than this from the present was not made with this
 * clock; OBS would not accept it, either. */
#define MAX_DISTANCE (2 * GST_SECOND)

static const struct {
  GstVideoFormat from;
  enum video_format to;
} video_formats[] = {
  { GST_VIDEO_FORMAT_I420, VIDEO_FORMAT_I420 },
  { GST_VIDEO_FORMAT_NV12, VIDEO_FORMAT_NV12 },
  { GST_VIDEO_FORMAT_BGRA, VIDEO_FORMAT_BGRA },
  { GST_VIDEO_FORMAT_BGRx, VIDEO_FORMAT_BGRX },
  { GST_VIDEO_FORMAT_RGBA, VIDEO_FORMAT_RGBA },
  { GST_VIDEO_FORMAT_YUY2, VIDEO_FORMAT_YUY2 },
  { GST_VIDEO_FORMAT_YVYU, VIDEO_FORMAT_YVYU },
  { GST_VIDEO_FORMAT_UYVY, VIDEO_FORMAT_UYVY },
  { GST_VIDEO_FORMAT_Y42B, VIDEO_FORMAT_I422 },
  { GST_VIDEO_FORMAT_Y444, VIDEO_FORMAT_I444 },
  { GST_VIDEO_FORMAT_GRAY8, VIDEO_FORMAT_Y800 },
};

static enum video_format
video_format_to_obs (GstVideoFormat format)
{
  for (guint i = 0; i < G_N_ELEMENTS (video_formats); i++) {
    if (video_formats[i].from == format)
      return video_formats[i].to;
  }
  return VIDEO_FORMAT_NONE;
}

static enum audio_format
audio_format_to_obs (GstAudioFormat format)
{
  switch (format) {
    case GST_AUDIO_FORMAT_F32LE:
      return AUDIO_FORMAT_FLOAT;
    case GST_AUDIO_FORMAT_S16LE:
      return AUDIO_FORMAT_16BIT;
    case GST_AUDIO_FORMAT_S32LE:
      return AUDIO_FORMAT_32BIT;
    case GST_AUDIO_FORMAT_U8:
      return AUDIO_FORMAT_U8BIT;
    default:
      return AUDIO_FORMAT_UNKNOWN;
  }
}

/**
 * mesh_obs_frames_get_timestamp:
 * @sink: where @sample arrived
 * @extra: how much later than its running time it is due
 *
 * Sound and picture get their timestamps from OBS' clock. GStreamer's clock is
 * usually the same one (CLOCK_MONOTONIC). Where it is a sound card's, a
 * timestamp is converted by its distance from the present, which both clocks
 * can tell.
 *
 * Returns: when OBS should show or play the sample; the present, if the sample
 *   has no usable timestamp
 */
guint64
mesh_obs_frames_get_timestamp (GstElement *sink, GstSample *sample,
    GstClockTime extra)
{
  g_autoptr (GstClock) clock = gst_element_get_clock (sink);
  GstClockTime running = gst_segment_to_running_time (gst_sample_get_segment
      (sample), GST_FORMAT_TIME,
      GST_BUFFER_PTS (gst_sample_get_buffer (sample)));
  guint64 now = os_gettime_ns ();
  gint64 ahead;

  if (!clock || !GST_CLOCK_TIME_IS_VALID (running))
    return now;
  ahead = GST_CLOCK_DIFF (gst_clock_get_time (clock),
      gst_element_get_base_time (sink) + running + extra);
  return ABS (ahead) < (gint64) MAX_DISTANCE ? now + ahead : now;
}

static enum video_colorspace
get_colorspace (const GstVideoInfo *info)
{
  switch (info->colorimetry.matrix) {
    case GST_VIDEO_COLOR_MATRIX_BT601:
    case GST_VIDEO_COLOR_MATRIX_FCC:
      return VIDEO_CS_601;
    case GST_VIDEO_COLOR_MATRIX_RGB:
      return VIDEO_CS_SRGB;
    case GST_VIDEO_COLOR_MATRIX_UNKNOWN:
      return info->height <= 576 ? VIDEO_CS_601 : VIDEO_CS_709;
    default:
      return VIDEO_CS_709;
  }
}

static void
set_colours (struct obs_source_frame *frame, const GstVideoInfo *info)
{
  gboolean full = info->colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255
      || GST_VIDEO_INFO_IS_RGB (info) || GST_VIDEO_INFO_IS_GRAY (info);

  frame->full_range = full;
  video_format_get_parameters_for_format (get_colorspace (info),
      full ? VIDEO_RANGE_FULL : VIDEO_RANGE_PARTIAL, frame->format,
      frame->color_matrix, frame->color_range_min, frame->color_range_max);
}

/**
 * mesh_obs_frames_output_video:
 * @source: an OBS source of asynchronous video
 * @sample: a frame in one of %CAPS_VIDEO
 * @timestamp: when it is due
 *
 * Returns: whether OBS takes frames of this format
 */
gboolean
mesh_obs_frames_output_video (obs_source_t *source, GstSample *sample,
    guint64 timestamp)
{
  struct obs_source_frame frame = { .timestamp = timestamp };
  GstCaps *caps = gst_sample_get_caps (sample);
  GstVideoFrame mapped;
  GstVideoInfo info;

  if (!caps || !gst_video_info_from_caps (&info, caps))
    return FALSE;
  frame.format = video_format_to_obs (GST_VIDEO_INFO_FORMAT (&info));
  if (frame.format == VIDEO_FORMAT_NONE
      || !gst_video_frame_map (&mapped, &info,
          gst_sample_get_buffer (sample), GST_MAP_READ))
    return FALSE;
  frame.width = GST_VIDEO_FRAME_WIDTH (&mapped);
  frame.height = GST_VIDEO_FRAME_HEIGHT (&mapped);
  for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES (&mapped); i++) {
    frame.data[i] = GST_VIDEO_FRAME_PLANE_DATA (&mapped, i);
    frame.linesize[i] = GST_VIDEO_FRAME_PLANE_STRIDE (&mapped, i);
  }
  set_colours (&frame, &info);
  obs_source_output_video (source, &frame);
  gst_video_frame_unmap (&mapped);
  return TRUE;
}

/**
 * mesh_obs_frames_output_audio:
 * @source: an OBS source of audio
 * @sample: sound in one of %CAPS_AUDIO
 * @timestamp: when it is due
 *
 * Returns: whether OBS takes sound of this format
 */
gboolean
mesh_obs_frames_output_audio (obs_source_t *source, GstSample *sample,
    guint64 timestamp)
{
  struct obs_source_audio audio = { .timestamp = timestamp };
  GstCaps *caps = gst_sample_get_caps (sample);
  GstBuffer *buffer = gst_sample_get_buffer (sample);
  GstAudioInfo info;
  GstMapInfo map;

  if (!caps || !gst_audio_info_from_caps (&info, caps))
    return FALSE;
  audio.format = audio_format_to_obs (GST_AUDIO_INFO_FORMAT (&info));
  if (audio.format == AUDIO_FORMAT_UNKNOWN
      || !gst_buffer_map (buffer, &map, GST_MAP_READ))
    return FALSE;
  audio.data[0] = map.data;
  audio.frames = map.size / GST_AUDIO_INFO_BPF (&info);
  /* the enumeration's values are the numbers of channels */
  audio.speakers = (enum speaker_layout) GST_AUDIO_INFO_CHANNELS (&info);
  audio.samples_per_sec = GST_AUDIO_INFO_RATE (&info);
  obs_source_output_audio (source, &audio);
  gst_buffer_unmap (buffer, &map);
  return TRUE;
}
