/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gst/gst.h>
#include <obs-module.h>

G_BEGIN_DECLS

guint64 mesh_obs_frames_get_timestamp (GstElement *sink, GstSample *sample,
    GstClockTime extra);
gboolean mesh_obs_frames_output_video (obs_source_t *source, GstSample *sample,
    guint64 timestamp);
gboolean mesh_obs_frames_output_audio (obs_source_t *source, GstSample *sample,
    guint64 timestamp);

G_END_DECLS
