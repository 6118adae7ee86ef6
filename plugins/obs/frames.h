/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gst/gst.h>
#include <obs-module.h>

G_BEGIN_DECLS

/* What OBS takes as it is; anything else must be converted before. The words are
 * those of GStreamer's descriptions. */
#define FRAMES_VIDEO_CAPS \
  "video/x-raw,format=(string){I420,NV12,BGRA,BGRx,RGBA,YUY2,YVYU,UYVY," \
  "Y42B,Y444,GRAY8}"
#define FRAMES_AUDIO_CAPS \
  "audio/x-raw,format=(string){F32LE,S16LE,S32LE,U8}," \
  "channels=(int){1,2,3,4,5,6,8},layout=(string)interleaved"

guint64 frames_get_timestamp (GstElement *sink, GstSample *sample,
    GstClockTime extra);
gboolean frames_output_video (obs_source_t *source, GstSample *sample,
    guint64 timestamp);
gboolean frames_output_audio (obs_source_t *source, GstSample *sample,
    guint64 timestamp);

G_END_DECLS
