/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "scene.h"

#include "tile.h"

MeshScene *
mesh_scene_new (void)
{
  MeshScene *scene = g_atomic_rc_box_new0 (MeshScene);

  g_mutex_init (&scene->lock);
  scene->tiles = g_ptr_array_new ();
  scene->voices = g_ptr_array_new ();
  scene->latency = MESH_SCENE_LATENCY;
  return scene;
}

MeshScene *
mesh_scene_ref (MeshScene *scene)
{
  return g_atomic_rc_box_acquire (scene);
}

static void
scene_clear (gpointer data)
{
  MeshScene *scene = data;

  g_ptr_array_unref (scene->tiles);
  g_ptr_array_unref (scene->voices);
  g_free (scene->solo);
  g_free (scene->speaker);
  g_mutex_clear (&scene->lock);
}

void
mesh_scene_unref (MeshScene *scene)
{
  if (scene)
    g_atomic_rc_box_release_full (scene, scene_clear);
}

/* Which of the tiles shown the layout is about. */
static int
find_focus (MeshScene *scene, GPtrArray *shown)
{
  if (scene->mode == MESH_LAYOUT_GRID)
    return -1;
  for (guint i = 0; i < shown->len; i++) {
    MeshInput *input = g_ptr_array_index (shown, i);

    if (scene->mode == MESH_LAYOUT_SPEAKER) {
      if (scene->speaker && g_strcmp0 (input->peer, scene->speaker) == 0)
        return i;
    } else if (scene->solo
        && mesh_input_is_called_locked (input, scene->solo)) {
      return i;
    }
  }
  return -1;
}

/* Gives every tile its place. To be called after any change that matters to
 * it; the next frame of the canvas has it all at once. */
void
mesh_scene_arrange_locked (MeshScene *scene)
{
  g_autoptr (GPtrArray) shown = g_ptr_array_new ();
  g_autofree double *aspects = g_new (double, scene->tiles->len + 1);
  g_autofree MeshRect *rects = g_new0 (MeshRect, scene->tiles->len + 1);
  MeshLayout layout = {
    .mode = scene->mode,
    .width = scene->canvas_width,
    .height = scene->canvas_height,
    .gap = 0,                   /* see EDGE in canvas.c */
  };

  for (guint i = 0; i < scene->tiles->len; i++) {
    MeshTile *tile = g_ptr_array_index (scene->tiles, i);

    mesh_tile_place_locked (tile, NULL);
    if (mesh_tile_get_aspect_locked (tile, &aspects[shown->len]))
      g_ptr_array_add (shown, tile);
  }
  layout.focus = find_focus (scene, shown);
  mesh_layout_arrange (&layout, aspects, shown->len, rects);
  for (guint i = 0; i < shown->len; i++)
    mesh_tile_place_locked (g_ptr_array_index (shown, i), &rects[i]);
}

GstClockTime
mesh_scene_get_latency (MeshScene *scene)
{
  GstClockTime latency;

  g_mutex_lock (&scene->lock);
  latency = scene->latency;
  g_mutex_unlock (&scene->lock);
  return latency;
}

/* Returns whether it was lower. It never sinks while running: that would make
 * frames late that are on their way. */
gboolean
mesh_scene_raise_latency (MeshScene *scene, GstClockTime latency)
{
  gboolean higher;

  g_mutex_lock (&scene->lock);
  higher = GST_CLOCK_TIME_IS_VALID (latency) && latency > scene->latency;
  if (higher)
    scene->latency = latency;
  g_mutex_unlock (&scene->lock);
  return higher;
}

/* (element-type MeshInput) (transfer full) */
GList *
mesh_scene_list_inputs (MeshScene *scene)
{
  GList *list = NULL;

  g_mutex_lock (&scene->lock);
  for (guint i = 0; i < scene->tiles->len; i++)
    list = g_list_prepend (list,
        gst_object_ref (g_ptr_array_index (scene->tiles, i)));
  for (guint i = 0; i < scene->voices->len; i++)
    list = g_list_prepend (list,
        gst_object_ref (g_ptr_array_index (scene->voices, i)));
  g_mutex_unlock (&scene->lock);
  return g_list_reverse (list);
}
