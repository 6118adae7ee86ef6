/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/rung.h"

#include <math.h>

/* Largest first. The rates are what libvpx in realtime mode needs for a decent
 * picture of a face at that size. */
static const struct {
  int pixels;
  int max_fps;
  guint nominal;
} lower[MESH_RUNGS - 1] = {
  { 640 * 360, 30, 500000 },
  { 320 * 180, 15, 150000 },
};

/* A rung whose sides are more than so much of those of the rung above saves too
 * little to be worth an encoder. */
#define MAX_SIDE 0.7
#define MAX_RATE_PERCENT 60     /* of the rung above */

/* Bits per pixel that libvpx in realtime mode needs for a decent picture;
 * within what a mesh's uplink can carry several times. */
static guint
get_full_rate (const MeshRungShape *shape)
{
  double fps = shape->fps_n > 0 ? (double) shape->fps_n / shape->fps_d : 30;

  return CLAMP ((double) shape->size.width * shape->size.height
      * MIN (fps, 60) * 0.1, 150000, 2500000);
}

static double
get_area (const MeshRungShape *shape)
{
  return (double) shape->size.width * shape->size.height;
}

/* Returns: whether the rung of lower[@which] is worth having below @above */
static gboolean
choose_lower (const MeshCodec *codec, const GstCaps *caps, guint which,
    const MeshRungShape *above, MeshRungShape *shape)
{
  int max_fps = lower[which].max_fps;

  *shape = *above;
  mesh_encoder_size_choose (codec, caps, lower[which].pixels, &shape->size);
  if (sqrt (get_area (shape) / get_area (above)) > MAX_SIDE)
    return FALSE;
  shape->max_fps = max_fps;
  shape->nominal = MIN (lower[which].nominal,
      above->nominal * MAX_RATE_PERCENT / 100);
  if (shape->fps_n > max_fps * shape->fps_d) {
    shape->fps_n = max_fps;
    shape->fps_d = 1;
  }
  return TRUE;
}

/**
 * mesh_rung_shapes_choose:
 * @codec: a video codec
 * @caps: fixed caps of raw video
 * @shapes: (out): the rungs, the full size first
 *
 * Returns: how many rungs there are, at least 1
 */
guint
mesh_rung_shapes_choose (const MeshCodec *codec, const GstCaps *caps,
    MeshRungShape shapes[MESH_RUNGS])
{
  MeshRungShape *full = &shapes[0];
  guint n = 1;

  *full = (MeshRungShape) { .fps_d = 1 };
  mesh_encoder_size_choose (codec, caps, MESH_MAX_PIXELS, &full->size);
  gst_structure_get_fraction (gst_caps_get_structure (caps, 0), "framerate",
      &full->fps_n, &full->fps_d);
  full->fps_d = MAX (full->fps_d, 1);
  full->nominal = get_full_rate (full);
  for (guint i = 0; i < G_N_ELEMENTS (lower); i++)
    n += choose_lower (codec, caps, i, &shapes[n - 1], &shapes[n]);
  return n;
}
