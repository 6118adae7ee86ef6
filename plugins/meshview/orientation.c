/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A phone that is held upright sends pictures that lie on their side, and a tag
 * with their orientation. The view rotates them after scaling, when there are
 * fewer pixels to move. (The element videoflip does the same, but has no
 * function that could be used here.) */

#include "orientation.h"

/* Forgets the tags, since another stream begins. */
void
mesh_orientation_reset (MeshOrientation *orientation)
{
  *orientation = (MeshOrientation) { GST_VIDEO_ORIENTATION_IDENTITY,
    GST_VIDEO_ORIENTATION_IDENTITY, FALSE };
}

/* Returns: whether the tags tell the orientation */
gboolean
mesh_orientation_take_tags (MeshOrientation *orientation, GstTagList *tags)
{
  GstVideoOrientationMethod method;

  if (!gst_video_orientation_from_tag (tags, &method))
    return FALSE;
  if (gst_tag_list_get_scope (tags) == GST_TAG_SCOPE_GLOBAL) {
    orientation->of_all = method;
  } else {
    orientation->of_stream = method;
    orientation->has_of_stream = TRUE;
  }
  return TRUE;
}

/* Returns the rotation that makes the pictures upright. */
GstVideoOrientationMethod
mesh_orientation_get (const MeshOrientation *orientation)
{
  return orientation->has_of_stream ? orientation->of_stream
      : orientation->of_all;
}

/* Whether the rotation exchanges width and height. */
gboolean
mesh_orientation_swaps_sides (GstVideoOrientationMethod method)
{
  return method == GST_VIDEO_ORIENTATION_90R
      || method == GST_VIDEO_ORIENTATION_90L
      || method == GST_VIDEO_ORIENTATION_UL_LR
      || method == GST_VIDEO_ORIENTATION_UR_LL;
}

/* Returns the source of the first pixel of the result, and the distance in the
 * source to the next column and to the next line. */
static const guint8 *
find_start (GstVideoFrame *picture, guint plane,
    GstVideoOrientationMethod method, int *column, int *line)
{
  const guint8 *data = GST_VIDEO_FRAME_PLANE_DATA (picture, plane);
  int stride = GST_VIDEO_FRAME_PLANE_STRIDE (picture, plane);
  int right = GST_VIDEO_FRAME_COMP_WIDTH (picture, plane) - 1;
  int bottom = (GST_VIDEO_FRAME_COMP_HEIGHT (picture, plane) - 1) * stride;

  switch (method) {
    case GST_VIDEO_ORIENTATION_90R:
      *column = -stride;
      *line = 1;
      return data + bottom;
    case GST_VIDEO_ORIENTATION_180:
      *column = -1;
      *line = -stride;
      return data + bottom + right;
    case GST_VIDEO_ORIENTATION_90L:
      *column = stride;
      *line = -1;
      return data + right;
    case GST_VIDEO_ORIENTATION_HORIZ:
      *column = -1;
      *line = stride;
      return data + right;
    case GST_VIDEO_ORIENTATION_VERT:
      *column = 1;
      *line = -stride;
      return data + bottom;
    case GST_VIDEO_ORIENTATION_UL_LR:
      *column = stride;
      *line = 1;
      return data;
    case GST_VIDEO_ORIENTATION_UR_LL:
      *column = -stride;
      *line = -1;
      return data + bottom + right;
    default:
      *column = 1;
      *line = stride;
      return data;
  }
}

static void
turn_plane (GstVideoFrame *picture, GstVideoFrame *turned, guint plane,
    GstVideoOrientationMethod method)
{
  int column, line;
  const guint8 *start = find_start (picture, plane, method, &column, &line);
  int width = GST_VIDEO_FRAME_COMP_WIDTH (turned, plane);
  int height = GST_VIDEO_FRAME_COMP_HEIGHT (turned, plane);

  for (int y = 0; y < height; y++) {
    guint8 *to = (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (turned, plane)
        + y * GST_VIDEO_FRAME_PLANE_STRIDE (turned, plane);
    const guint8 *from = start + y * line;

    for (int x = 0; x < width; x++)
      to[x] = from[x * column];
  }
}

/**
 * mesh_orientation_apply:
 * @picture: an I420 picture
 * @info: of the result: as @picture, with width and height the other way round
 *   where mesh_orientation_swaps_sides()
 *
 * Returns: (transfer full) (nullable): the rotated picture
 */
GstBuffer *
mesh_orientation_apply (GstVideoFrame *picture,
    GstVideoOrientationMethod method, const GstVideoInfo *info)
{
  g_autoptr (GstBuffer) buffer =
      gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (info), NULL);
  GstVideoFrame turned;

  if (!gst_video_frame_map (&turned, info, buffer, GST_MAP_WRITE))
    return NULL;
  for (guint plane = 0; plane < 3; plane++)
    turn_plane (picture, &turned, plane, method);
  gst_video_frame_unmap (&turned);
  return g_steal_pointer (&buffer);
}
