/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/video.h>

gboolean imageswitch_caps_are_raw (GstCaps *caps, GstVideoInfo *info);
GstCaps *imageswitch_caps_choose (GstPad *sinkpad, GstPad *srcpad);
