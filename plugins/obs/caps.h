/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The formats that OBS takes without a conversion, written as in a GStreamer
 * pipeline description. All other formats are converted first. */
#define CAPS_VIDEO \
  "video/x-raw,format=(string){I420,NV12,BGRA,BGRx,RGBA,YUY2,YVYU,UYVY," \
  "Y42B,Y444,GRAY8}"
#define CAPS_AUDIO \
  "audio/x-raw,format=(string){F32LE,S16LE,S32LE,U8}," \
  "channels=(int){1,2,3,4,5,6,8},layout=(string)interleaved"
