/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/upstream.h"

/* No pipeline is longer; a loop would be. */
#define MAX_STEPS 64

/* Returns: (transfer full) (nullable): the pad that feeds @sink, of an element
 * or of the outside of the bin in which @sink is */
static GstPad *
find_feeder (GstPad *sink)
{
  GstPad *pad = gst_pad_get_peer (sink);

  while (pad && GST_IS_GHOST_PAD (pad)) {
    GstPad *target = gst_ghost_pad_get_target (GST_GHOST_PAD (pad));

    gst_object_unref (pad);
    pad = target;
  }
  return pad;
}

/* Returns: (transfer full) (nullable): the first sink pad of @element */
static GstPad *
get_first_sink (GstElement *element)
{
  GstPad *pad = NULL;

  GST_OBJECT_LOCK (element);
  if (element->sinkpads)
    pad = gst_object_ref (element->sinkpads->data);
  GST_OBJECT_UNLOCK (element);
  return pad;
}

/* Returns: (transfer full) (nullable): the element in which the stream to @sink
 * begins; of several that are brought together, one */
static GstElement *
find_source (GstPad *sink)
{
  g_autoptr (GstPad) at = gst_object_ref (sink);

  for (guint i = 0; i < MAX_STEPS; i++) {
    g_autoptr (GstPad) feeder = find_feeder (at);
    g_autoptr (GstObject) parent =
        feeder ? gst_object_get_parent (GST_OBJECT (feeder)) : NULL;
    GstPad *next = NULL;

    if (parent && GST_IS_PAD (parent))
      next = GST_PAD (gst_object_ref (parent));
    else if (parent && GST_IS_ELEMENT (parent))
      next = get_first_sink (GST_ELEMENT (parent));
    if (!next)
      return parent && GST_IS_ELEMENT (parent)
          ? GST_ELEMENT (g_steal_pointer (&parent)) : NULL;
    gst_object_unref (at);
    at = next;
  }
  return NULL;
}

/* A source that writes the time on each buffer as it comes, such as an appsrc
 * of a camera's application, or a pipe from one. */
static gboolean
stamps_by_clock (GstPad *sink)
{
  g_autoptr (GstElement) source = find_source (sink);
  gboolean stamps = FALSE;

  if (source && g_object_class_find_property (G_OBJECT_GET_CLASS (source),
          "do-timestamp"))
    g_object_get (source, "do-timestamp", &stamps, NULL);
  return stamps;
}

/**
 * mesh_upstream_is_live:
 * @sink: a linked sink pad
 *
 * Returns: whether what feeds @sink goes by the clock, and so cannot be asked
 *   to wait. No answer means no.
 *
 * Since: 0.1
 */
gboolean
mesh_upstream_is_live (GstPad *sink)
{
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  gboolean live = FALSE;

  if (gst_pad_peer_query (sink, query))
    gst_query_parse_latency (query, &live, NULL, NULL);
  return live || stamps_by_clock (sink);
}
