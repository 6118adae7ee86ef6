/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/check/gstcheck.h>

/* The least latency that a live source pad declares. */
static inline GstClockTime
live_latency (GstPad *pad)
{
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  GstClockTime min;
  gboolean live;

  fail_unless (gst_pad_query (pad, query));
  gst_query_parse_latency (query, &live, &min, NULL);
  fail_unless (live);
  return min;
}
