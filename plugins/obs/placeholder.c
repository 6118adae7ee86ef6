/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "placeholder.h"

#include <gst/app/gstappsink.h>

#define DRAWING_TIME (5 * GST_SECOND)

static GMutex lock;
static GstSample *last;         /* under lock; kept, since most placeholders
                                 * have one size */

static GstElement *
make (const char *picture, int width, int height)
{
  g_autofree char *text = g_strdup_printf ("videotestsrc pattern=black ! "
      "video/x-raw,format=I420,width=%d,height=%d,framerate=10/1 ! %s ! "
      "appsink name=out sync=false max-buffers=1", width, height, picture);

  return gst_parse_launch (text, NULL);
}

static GstSample *
draw (const char *picture, int width, int height)
{
  g_autoptr (GstElement) pipeline = make (picture, width, height);
  g_autoptr (GstElement) sink = NULL;
  GstSample *sample;

  if (!pipeline)
    return NULL;
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "out");
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  sample = sink ? gst_app_sink_try_pull_sample (GST_APP_SINK (sink),
      DRAWING_TIME) : NULL;
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return sample;
}

static gboolean
has_size (GstSample *sample, int width, int height)
{
  const GstStructure *s =
      gst_caps_get_structure (gst_sample_get_caps (sample), 0);
  int w = 0, h = 0;

  gst_structure_get_int (s, "width", &w);
  gst_structure_get_int (s, "height", &h);
  return w == width && h == height;
}

/**
 * mesh_obs_placeholder_get:
 * @width: in pixels
 * @height: in pixels
 *
 * Returns: (transfer full) (nullable): one frame with the placeholder; a black
 *   one where imageswitch is not installed
 */
GstSample *
mesh_obs_placeholder_get (int width, int height)
{
  GstSample *sample = NULL;

  g_mutex_lock (&lock);
  if (last && has_size (last, width, height))
    sample = gst_sample_ref (last);
  g_mutex_unlock (&lock);
  if (sample)
    return sample;

  sample = draw ("imageswitch hidden=true release-camera=false", width,
      height);
  if (!sample)
    sample = draw ("identity", width, height);
  g_mutex_lock (&lock);
  g_clear_pointer (&last, gst_sample_unref);
  last = sample ? gst_sample_ref (sample) : NULL;
  g_mutex_unlock (&lock);
  return sample;
}

void
mesh_obs_placeholder_forget (void)
{
  g_mutex_lock (&lock);
  g_clear_pointer (&last, gst_sample_unref);
  g_mutex_unlock (&lock);
}
