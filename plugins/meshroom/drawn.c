/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/drawn.h"

/* More viewers than a tee has branches. Whoever said so longest ago makes room
 * for another. */
#define MAX_VIEWERS 16

typedef struct {
  char *id;
  MeshWant size;
} Viewer;

static void
viewer_clear (gpointer data)
{
  g_free (((Viewer *) data)->id);
}

/**
 * mesh_drawn_clear:
 *
 * Frees what it holds.
 */
void
mesh_drawn_clear (MeshDrawn *drawn)
{
  g_clear_pointer (&drawn->viewers, g_array_unref);
}

/* Returns whether @s has a size that makes sense. */
static gboolean
read_size (const GstStructure *s, MeshWant *size)
{
  int width, height, fps = 0;

  if (!gst_structure_get (s, "width", G_TYPE_INT, &width, "height", G_TYPE_INT,
          &height, NULL) || width < 0 || height < 0)
    return FALSE;
  gst_structure_get_int (s, "fps", &fps);
  if (width > 0 && height > 0)
    *size = (MeshWant) { width, height, MAX (fps, 0) };
  return TRUE;
}

static void
remove_viewer (MeshDrawn *drawn, const char *id)
{
  for (guint i = 0; i < drawn->viewers->len; i++) {
    if (g_str_equal (g_array_index (drawn->viewers, Viewer, i).id, id)) {
      g_array_remove_index (drawn->viewers, i);
      return;
    }
  }
}

/**
 * mesh_drawn_take:
 * @event: an event from downstream
 *
 * Returns: whether the event says how large the picture is drawn
 */
gboolean
mesh_drawn_take (MeshDrawn *drawn, GstEvent *event)
{
  const GstStructure *s = gst_event_get_structure (event);
  const char *id;
  MeshWant size = { 0, };
  Viewer viewer;

  if (!gst_event_has_name (event, "meshroom/drawn") || !read_size (s, &size))
    return FALSE;
  id = gst_structure_get_string (s, "id");
  if (!id)
    id = "";
  if (!drawn->viewers) {
    drawn->viewers = g_array_new (FALSE, FALSE, sizeof (Viewer));
    g_array_set_clear_func (drawn->viewers, viewer_clear);
  }
  remove_viewer (drawn, id);
  if (size.width == 0)
    return TRUE;
  if (drawn->viewers->len == MAX_VIEWERS)
    g_array_remove_index (drawn->viewers, 0);
  viewer = (Viewer) { g_strdup (id), size };
  g_array_append_val (drawn->viewers, viewer);
  return TRUE;
}

/**
 * mesh_drawn_forget:
 *
 * Forgets all that was said, since something else is linked.
 *
 * Returns: whether anything had been said
 */
gboolean
mesh_drawn_forget (MeshDrawn *drawn)
{
  gboolean was_said = drawn->viewers != NULL;

  mesh_drawn_clear (drawn);
  return was_said;
}

/**
 * mesh_drawn_get_largest:
 * @largest: (out): the largest width, height and frame rate; 0 where nobody sees
 *   the picture. What nobody has said anything of may be as large as it is.
 */
void
mesh_drawn_get_largest (const MeshDrawn *drawn, MeshWant *largest)
{
  gboolean any_rate = FALSE;

  *largest = (MeshWant) { 0, };
  if (!drawn->viewers) {
    largest->width = largest->height = MESH_WANT_MAX_SIDE;
    return;
  }
  for (guint i = 0; i < drawn->viewers->len; i++) {
    const MeshWant *size = &g_array_index (drawn->viewers, Viewer, i).size;

    largest->width = MAX (largest->width, size->width);
    largest->height = MAX (largest->height, size->height);
    largest->fps = MAX (largest->fps, size->fps);
    any_rate |= size->fps == 0;
  }
  if (any_rate)
    largest->fps = 0;
}
