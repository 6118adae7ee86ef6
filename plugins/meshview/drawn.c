/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "drawn.h"

#include "tile.h"

static MeshTile *
find_untold_locked (MeshScene *scene)
{
  for (guint i = 0; i < scene->tiles->len; i++) {
    MeshTile *tile = g_ptr_array_index (scene->tiles, i);

    if (!mesh_tile_is_told_locked (tile))
      return tile;
  }
  return NULL;
}

/* Returns: (transfer full) (nullable): the next tile whose upstream is to be
 * told, and the event for it; %NULL when there is none any more */
static MeshTile *
take_untold (MeshScene *scene, GstEvent **event)
{
  MeshTile *tile;

  g_mutex_lock (&scene->lock);
  tile = find_untold_locked (scene);
  if (tile) {
    *event = mesh_tile_tell_locked (gst_object_ref (tile));
  } else {
    scene->telling = FALSE;
  }
  g_mutex_unlock (&scene->lock);
  return tile;
}

static void
tell (GstElement *element, gpointer user_data)
{
  MeshTile *tile;
  GstEvent *event;

  while ((tile = take_untold (user_data, &event))) {
    GST_DEBUG_OBJECT (tile, "%" GST_PTR_FORMAT, event);
    gst_pad_push_event (GST_PAD (tile), event);
    gst_object_unref (tile);
  }
}

/**
 * mesh_drawn_tell:
 * @element: the element that says so
 *
 * Tells upstream what has changed. This is done on another thread, one at a
 * time: the thread that paints must not wait for elements of the application,
 * nor an older event overtake a newer one.
 */
void
mesh_drawn_tell (MeshScene *scene, GstElement *element)
{
  gboolean start;

  g_mutex_lock (&scene->lock);
  start = !scene->telling && find_untold_locked (scene);
  scene->telling |= start;
  g_mutex_unlock (&scene->lock);
  if (start)
    gst_element_call_async (element, tell, mesh_scene_ref (scene),
        (GDestroyNotify) mesh_scene_unref);
}
