/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/upstream.h"

/* The most elements that are followed upstream, so that a loop ends. */
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

/* Returns: (transfer full) (nullable): the pad to go on from, upstream of
 * @sink, and in *@element (transfer full) the element in between, if it is one;
 * NULL where the stream begins */
static GstPad *
step_up (GstPad *sink, GstElement **element)
{
  g_autoptr (GstPad) feeder = find_feeder (sink);
  g_autoptr (GstObject) parent =
      feeder ? gst_object_get_parent (GST_OBJECT (feeder)) : NULL;

  *element = NULL;
  if (parent && GST_IS_PAD (parent))
    return GST_PAD (g_steal_pointer (&parent));
  if (!parent || !GST_IS_ELEMENT (parent))
    return NULL;
  *element = GST_ELEMENT (g_steal_pointer (&parent));
  return get_first_sink (*element);
}

/* Returns: (transfer full) (nullable): the element upstream of @sink that
 * @is_it finds first; with no @is_it that in which the stream begins. Of
 * several streams that are brought together one is followed. */
static GstElement *
find_upstream (GstPad *sink, gboolean (*is_it) (GstElement *))
{
  GstPad *at = gst_object_ref (sink);

  for (guint i = 0; at && i < MAX_STEPS; i++) {
    GstElement *element = NULL;
    GstPad *next = step_up (at, &element);

    gst_object_unref (at);
    at = next;
    if (element && (is_it ? is_it (element) : !next)) {
      g_clear_object (&at);
      return element;
    }
    gst_clear_object (&element);
  }
  g_clear_object (&at);
  return NULL;
}

/* Returns: whether the stream begins in an element that stamps each buffer with
 * the clock's time, such as the appsrc or fdsrc of a camera's application. */
static gboolean
stamps_by_clock (GstPad *sink)
{
  g_autoptr (GstElement) source = find_upstream (sink, NULL);
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

/* A thread that changes an element's state, or sends it an event, holds the
 * element's state lock meanwhile. */
static gboolean
is_state_locked (GstElement *element)
{
  if (!g_rec_mutex_trylock (GST_STATE_GET_LOCK (element)))
    return TRUE;
  g_rec_mutex_unlock (GST_STATE_GET_LOCK (element));
  return FALSE;
}

/**
 * mesh_upstream_is_handled:
 * @sink: a linked sink pad
 *
 * To be called on the streaming thread of @sink.
 *
 * Returns: whether another thread is changing the state of an element that
 *   feeds @sink, or sends it an event. Both wait for the streaming thread: an
 *   element stops its thread, and GstBaseSrc takes its lock for EOS.
 */
gboolean
mesh_upstream_is_handled (GstPad *sink)
{
  g_autoptr (GstElement) handled = find_upstream (sink, is_state_locked);

  return handled != NULL;
}

static gboolean
is_video_encoder (GstElement *element)
{
  GstElementFactory *factory = gst_element_get_factory (element);

  return factory && gst_element_factory_list_is_type (factory,
      GST_ELEMENT_FACTORY_TYPE_VIDEO_ENCODER);
}

/**
 * mesh_upstream_dup_encoder_sink:
 * @sink: a sink pad
 *
 * Returns: (transfer full) (nullable): the sink pad of the video encoder that
 *   feeds @sink; %NULL where there is none
 */
GstPad *
mesh_upstream_dup_encoder_sink (GstPad *sink)
{
  g_autoptr (GstElement) encoder = find_upstream (sink, is_video_encoder);

  return encoder ? get_first_sink (encoder) : NULL;
}
