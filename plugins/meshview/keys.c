/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Handles keys that are pressed in a window which shows the view. `s` changes
 * the layout; other keys are passed on upstream to the elements that feed the
 * view, among them meshroom. */

#include "keys.h"

#include <gst/video/navigation.h>

#include "input.h"

/* Sets the next layout: grid, then speaker, then solo if solo is set. */
static void
next_layout (GstElement *view)
{
  MeshLayoutMode mode;
  g_autofree char *solo = NULL;

  g_object_get (view, "layout", &mode, "solo", &solo, NULL);
  if (mode == MESH_LAYOUT_GRID)
    mode = MESH_LAYOUT_SPEAKER;
  else if (mode == MESH_LAYOUT_SPEAKER && solo && *solo)
    mode = MESH_LAYOUT_SOLO;
  else
    mode = MESH_LAYOUT_GRID;
  g_object_set (view, "layout", mode, NULL);
}

/* Sends the event once to every element that feeds the view: `m` twice would
 * have no effect. A meshroom behind other elements gets several events, all
 * with the same seqnum. */
static void
pass_on (MeshScene *scene, GstEvent *event)
{
  GList *inputs = mesh_scene_list_inputs (scene);
  g_autoptr (GPtrArray) told =
      g_ptr_array_new_with_free_func (gst_object_unref);

  for (GList *l = inputs; l; l = l->next) {
    g_autoptr (GstPad) peer = gst_pad_get_peer (l->data);
    GstElement *from = peer ? gst_pad_get_parent_element (peer) : NULL;

    if (from && g_ptr_array_find (told, from, NULL)) {
      gst_object_unref (from);
      continue;
    }
    if (from)
      g_ptr_array_add (told, from);
    gst_pad_push_event (l->data, gst_event_ref (event));
  }
  g_list_free_full (inputs, gst_object_unref);
}

static GstPadProbeReturn
on_event (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  MeshScene *scene = user_data;
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  const char *key = NULL;

  if (GST_EVENT_TYPE (event) != GST_EVENT_NAVIGATION)
    return GST_PAD_PROBE_OK;
  switch (gst_navigation_event_get_type (event)) {
    case GST_NAVIGATION_EVENT_KEY_PRESS:
    case GST_NAVIGATION_EVENT_KEY_RELEASE:
      gst_navigation_event_parse_key_event (event, &key);
      break;
    default:
      break;
  }
  if (key && g_ascii_strcasecmp (key, "s") != 0) {
    pass_on (scene, event);
  } else if (key && gst_navigation_event_get_type (event)
      == GST_NAVIGATION_EVENT_KEY_PRESS) {
    g_autoptr (GstElement) view = gst_pad_get_parent_element (pad);

    if (view)
      next_layout (view);
  }
  gst_event_unref (event);
  return GST_PAD_PROBE_HANDLED;
}

void
mesh_keys_watch (GstPad *video, MeshScene *scene)
{
  gst_pad_add_probe (video, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_event,
      mesh_scene_ref (scene), (GDestroyNotify) mesh_scene_unref);
}
