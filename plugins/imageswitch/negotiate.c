/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Caps for the picture, where the camera has not set any.
 */
#include "imageswitch.h"

/* What the camera is most often asked for in a call. */
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
negotiate_is_raw (GstCaps *caps, GstVideoInfo *info)
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

static gboolean
add_if_missing (GstCapsFeatures *features, GstStructure *structure,
    gpointer data)
{
  if (!gst_structure_has_field (structure, "framerate"))
    gst_structure_set (structure, "framerate", GST_TYPE_FRACTION_RANGE, 0, 1,
        G_MAXINT, 1, NULL);
  if (!gst_structure_has_field (structure, "width"))
    gst_structure_set (structure, "width", GST_TYPE_INT_RANGE, 1, G_MAXINT,
        "height", GST_TYPE_INT_RANGE, 1, G_MAXINT, NULL);
  if (!gst_structure_has_field (structure, "height"))
    gst_structure_set (structure, "height", GST_TYPE_INT_RANGE, 1, G_MAXINT,
        NULL);
  if (!gst_structure_has_field (structure, "format"))
    gst_structure_set (structure, "format", G_TYPE_STRING, "I420", NULL);
  return TRUE;
}

static GstCaps *
fixate (GstCaps *caps)
{
  g_autoptr (GstCaps) i420 = gst_caps_from_string ("video/x-raw(ANY), "
      "format=I420");
  GstCaps *best;
  GstStructure *structure;

  caps = gst_caps_make_writable (caps);
  gst_caps_map_in_place (caps, add_if_missing, NULL);
  best = gst_caps_intersect_full (caps, i420, GST_CAPS_INTERSECT_FIRST);
  if (gst_caps_is_empty (best))
    gst_caps_replace (&best, caps);
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

/**
 * negotiate_choose:
 * @self: an #ImageSwitch
 *
 * Caps that downstream takes: the camera's own where it has told them,
 * otherwise something that the camera could deliver later without a change.
 *
 * Returns: (transfer full) (nullable): fixed caps
 */
GstCaps *
negotiate_choose (ImageSwitch *self)
{
  g_autoptr (GstCaps) camera = gst_pad_get_current_caps (self->sinkpad);
  GstCaps *down, *both;
  GstVideoInfo info;

  down = gst_pad_peer_query_caps (self->srcpad, NULL);
  if (gst_caps_is_any (down)) {
    gst_caps_unref (down);
    down = gst_caps_from_string ("video/x-raw");
  }
  only_raw (&down);
  if (camera && negotiate_is_raw (camera, &info)
      && gst_caps_can_intersect (camera, down)) {
    gst_caps_unref (down);
    return g_steal_pointer (&camera);
  }
  both = gst_pad_peer_query_caps (self->sinkpad, down);
  only_raw (&both);
  if (gst_caps_is_empty (both))
    gst_caps_replace (&both, down);
  gst_caps_unref (down);
  if (gst_caps_is_empty (both)) {
    gst_caps_unref (both);
    return NULL;
  }
  both = fixate (both);
  if (!negotiate_is_raw (both, &info))
    gst_clear_caps (&both);
  return both;
}
