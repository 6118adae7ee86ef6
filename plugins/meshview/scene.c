/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "scene.h"

#include "core/name.h"
#include "input.h"

MeshScene *
mesh_scene_new (void)
{
  MeshScene *scene = g_atomic_rc_box_new0 (MeshScene);

  g_mutex_init (&scene->lock);
  scene->tiles = g_ptr_array_new ();
  scene->voices = g_ptr_array_new ();
  mesh_grid_places_init (&scene->places);
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
  mesh_grid_places_clear (&scene->places);
  g_free (scene->solo);
  g_free (scene->solo_name);
  g_free (scene->speaker);
  g_mutex_clear (&scene->lock);
}

void
mesh_scene_unref (MeshScene *scene)
{
  if (scene)
    g_atomic_rc_box_release_full (scene, scene_clear);
}

/* Finds the input that `solo` names. A peer id counts before a name: nobody
 * else can have it, but anybody can take another member's id for a name. Of
 * several inputs with the name it is the first. An input that has stalled
 * comes after the others: it may be of the same person, who has crashed and
 * is back. */
static MeshInput *
find_called (MeshScene *scene, GPtrArray *inputs)
{
  MeshInput *named = NULL, *stalled = NULL;

  if (!scene->solo || !*scene->solo)
    return NULL;
  for (guint i = 0; i < inputs->len; i++) {
    MeshInput *input = g_ptr_array_index (inputs, i);

    if (g_strcmp0 (input->peer, scene->solo) == 0)
      return input;
    if (!*scene->solo_name || g_strcmp0 (mesh_input_get_name_locked (input),
            scene->solo_name) != 0)
      continue;
    if (!input->stalled && !named)
      named = input;
    if (input->stalled && !stalled)
      stalled = input;
  }
  return named ? named : stalled;
}

/* @solo, nullable: the peer id or display name of the member that the solo
 * layout shows */
void
mesh_scene_set_solo_locked (MeshScene *scene, const char *solo)
{
  g_free (scene->solo);
  g_free (scene->solo_name);
  scene->solo = g_strdup (solo);
  scene->solo_name = solo ? mesh_name_tidy (solo) : NULL;
}

static gboolean
get_aspect (MeshInput *tile, double *aspect)
{
  return MESH_INPUT_GET_CLASS (tile)->get_aspect (tile, aspect);
}

static void
place (MeshInput *tile, const MeshRect *rect)
{
  MESH_INPUT_GET_CLASS (tile)->place (tile, rect);
}

/* Returns: (transfer container): the tiles with a picture, in the order they
 * came */
static GPtrArray *
list_present (MeshScene *scene)
{
  GPtrArray *present = g_ptr_array_new ();
  double aspect;

  for (guint i = 0; i < scene->tiles->len; i++) {
    MeshInput *tile = g_ptr_array_index (scene->tiles, i);

    if (get_aspect (tile, &aspect))
      g_ptr_array_add (present, tile);
  }
  return present;
}

/* Returns: (nullable): the input of the one member who is heard in the solo
 * layout */
const MeshInput *
mesh_scene_find_soloist_locked (MeshScene *scene)
{
  g_autoptr (GPtrArray) present = list_present (scene);
  const MeshInput *who = find_called (scene, present);

  /* the member may have no tile, or a tile without a peer id */
  return who && who->peer ? who : find_called (scene, scene->voices);
}

/* Returns the index of the tile that the layout shows large or alone. */
static int
find_focus (MeshScene *scene, GPtrArray *present, GPtrArray *shown)
{
  gpointer focus = NULL;
  guint index;

  if (scene->mode == MESH_LAYOUT_SOLO)
    focus = find_called (scene, present);
  for (guint i = 0; scene->mode == MESH_LAYOUT_SPEAKER && scene->speaker
      && !focus && i < present->len; i++) {
    MeshInput *input = g_ptr_array_index (present, i);

    if (g_strcmp0 (input->peer, scene->speaker) == 0)
      focus = input;
  }
  return focus && g_ptr_array_find (shown, focus, &index) ? (int) index : -1;
}

static void
place_everybody (MeshScene *scene, const MeshLayout *layout, GPtrArray *present)
{
  g_autofree MeshGridPerson *people = g_new0 (MeshGridPerson, present->len + 1);

  for (guint i = 0; i < present->len; i++) {
    MeshInput *input = g_ptr_array_index (present, i);

    people[i].owner = input;
    people[i].peer = input->peer;
    people[i].name = mesh_input_get_name_locked (input);
    get_aspect (input, &people[i].aspect);
  }
  mesh_grid_places_update (&scene->places, layout, people, present->len);
}

/* Computes the rectangle of every tile. To be called after every change that
 * affects the layout; the next frame of the canvas shows all changes at
 * once. */
void
mesh_scene_arrange_locked (MeshScene *scene)
{
  g_autoptr (GPtrArray) present = list_present (scene);
  g_autoptr (GPtrArray) shown = g_ptr_array_new ();
  g_autofree double *aspects = NULL;
  g_autofree MeshRect *rects = NULL;
  MeshLayout layout = {
    .mode = scene->mode,
    .width = scene->canvas_width,
    .height = scene->canvas_height,
    .gap = 0,                   /* see EDGE in canvas.c */
  };

  place_everybody (scene, &layout, present);
  aspects = g_new (double, scene->places.places->len + 1);
  rects = g_new0 (MeshRect, scene->places.places->len + 1);
  for (guint i = 0; i < scene->places.places->len; i++) {
    MeshGridPlace *place = g_ptr_array_index (scene->places.places, i);

    /* only the grid layout shows free places */
    if (!place->owner && scene->mode != MESH_LAYOUT_GRID)
      continue;
    aspects[shown->len] = place->aspect;
    g_ptr_array_add (shown, (gpointer) place->owner);
  }
  layout.focus = find_focus (scene, present, shown);
  mesh_layout_arrange (&layout, aspects, shown->len, rects);
  for (guint i = 0; i < scene->tiles->len; i++)
    place (g_ptr_array_index (scene->tiles, i), NULL);
  for (guint i = 0; i < shown->len; i++) {
    if (g_ptr_array_index (shown, i))
      place (g_ptr_array_index (shown, i), &rects[i]);
  }
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

/* Raises the latency. Returns whether it was lower. The latency is never
 * lowered while running, since frames that are on their way would become
 * late. */
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

/* Returns: (element-type MeshInput) (transfer full): all inputs */
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
