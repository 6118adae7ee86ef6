/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Caps for the picture, where the camera has not set any.
 */
#include "caps.h"

/* The format that a camera is most often asked for in a call. */
#define DEFAULT_WIDTH 640
#define DEFAULT_HEIGHT 360
#define DEFAULT_FPS 30

static gboolean
in_system_memory (GstCapsFeatures *features)
{
  guint i;

  if (gst_caps_features_is_any (features))
    return FALSE;
  for (i = 0; i < gst_caps_features_get_size (features); i++) {
    const gchar *name = gst_caps_features_get_nth (features, i);

    if (g_str_has_prefix (name, "memory:")
        && g_strcmp0 (name, GST_CAPS_FEATURE_MEMORY_SYSTEM_MEMORY) != 0)
      return FALSE;
  }
  return TRUE;
}

static gboolean
keep_system_memory (GstCapsFeatures *features, GstStructure *structure,
    gpointer data)
{
  return gst_structure_has_name (structure, "video/x-raw")
      && in_system_memory (features);
}

/* Whether a picture can be sent as @caps; if so, @info describes it. */
gboolean
imageswitch_caps_are_raw (GstCaps *caps, GstVideoInfo *info)
{
  gst_video_info_init (info);
  return gst_caps_is_fixed (caps)
      && keep_system_memory (gst_caps_get_features (caps, 0),
      gst_caps_get_structure (caps, 0), NULL)
      && gst_video_info_from_caps (info, caps)
      && GST_VIDEO_INFO_FORMAT (info) != GST_VIDEO_FORMAT_ENCODED
      && info->size > 0;
}

static void
only_raw (GstCaps **caps)
{
  *caps = gst_caps_make_writable (*caps);
  gst_caps_filter_and_map_in_place (*caps, keep_system_memory, NULL);
}

#define OPEN "width=(int)[1,max],height=(int)[1,max]," \
    "framerate=(fraction)[0,max]"

/* Chooses I420 where it is possible. A field that the caps do not have may have
 * any value. */
static GstCaps *
fixate (GstCaps *caps)
{
  g_autoptr (GstCaps) open = gst_caps_from_string ("video/x-raw(ANY),"
      "format=I420," OPEN ";video/x-raw(ANY)," OPEN);
  GstCaps *best = gst_caps_intersect_full (open, caps,
      GST_CAPS_INTERSECT_FIRST);
  GstStructure *structure;

  gst_caps_unref (caps);
  best = gst_caps_make_writable (gst_caps_truncate (best));
  structure = gst_caps_get_structure (best, 0);
  gst_structure_fixate_field_nearest_int (structure, "width", DEFAULT_WIDTH);
  gst_structure_fixate_field_nearest_int (structure, "height", DEFAULT_HEIGHT);
  gst_structure_fixate_field_nearest_fraction (structure, "framerate",
      DEFAULT_FPS, 1);
  if (gst_structure_has_field (structure, "pixel-aspect-ratio"))
    gst_structure_fixate_field_nearest_fraction (structure,
        "pixel-aspect-ratio", 1, 1);
  if (gst_structure_has_field (structure, "interlace-mode"))
    gst_structure_fixate_field_string (structure, "interlace-mode",
        "progressive");
  return gst_caps_fixate (best);
}

/* Caps that downstream takes: the camera's own where it has told them,
 * otherwise something that the camera could deliver later without a change.
 * NULL: there are none. */
GstCaps *
imageswitch_caps_choose (GstPad *sinkpad, GstPad *srcpad)
{
  g_autoptr (GstCaps) camera = gst_pad_get_current_caps (sinkpad);
  GstCaps *down, *both;
  GstVideoInfo info;

  down = gst_pad_peer_query_caps (srcpad, NULL);
  if (gst_caps_is_any (down)) {
    gst_caps_unref (down);
    down = gst_caps_from_string ("video/x-raw");
  }
  only_raw (&down);
  if (camera && imageswitch_caps_are_raw (camera, &info)
      && gst_caps_can_intersect (camera, down)) {
    gst_caps_unref (down);
    return g_steal_pointer (&camera);
  }
  both = gst_pad_peer_query_caps (sinkpad, down);
  only_raw (&both);
  if (gst_caps_is_empty (both))
    gst_caps_replace (&both, down);
  gst_caps_unref (down);
  if (gst_caps_is_empty (both)) {
    gst_caps_unref (both);
    return NULL;
  }
  both = fixate (both);
  if (!imageswitch_caps_are_raw (both, &info))
    gst_clear_caps (&both);
  return both;
}
