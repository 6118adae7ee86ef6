/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Finds the sources that feed an imageswitch and nothing else: they may be shut
 * down without taking anything away from others.
 *
 *   source ──► between ──► … ──► sink        shut down
 *   source ──► tee ──► … ──► sink            left alone: somebody else
 *               └────► elsewhere             watches
 */
#include "feeders.h"

#include <gst/base/gstbasesrc.h>
#include <string.h>

/* No pipeline has as many elements in a row. */
#define MAX_DEPTH 64

typedef struct {
  GstPad *sink;                 /* where all that the sources send has to end */
  Feeders *found;
  GHashTable *seen;             /* pads that have been looked at */
} Search;

static void climb (Search *search, GstPad *sink, guint depth);

static void
add_pad (const GValue *item, gpointer pads)
{
  g_ptr_array_add (pads, g_value_dup_object (item));
}

/* Returns the pads that @pad is connected with inside its element. */
static GPtrArray *
internal_links (GstPad *pad)
{
  GPtrArray *pads = g_ptr_array_new_with_free_func (gst_object_unref);
  GstIterator *links = gst_pad_iterate_internal_links (pad);

  while (links && gst_iterator_foreach (links, add_pad, pads)
      == GST_ITERATOR_RESYNC) {
    g_ptr_array_set_size (pads, 0);
    gst_iterator_resync (links);
  }
  g_clear_pointer (&links, gst_iterator_free);
  return pads;
}

static GPtrArray *
src_pads (GstElement *element)
{
  GPtrArray *pads = g_ptr_array_new_with_free_func (gst_object_unref);
  GList *l;

  GST_OBJECT_LOCK (element);
  for (l = element->srcpads; l; l = l->next)
    g_ptr_array_add (pads, gst_object_ref (l->data));
  GST_OBJECT_UNLOCK (element);
  return pads;
}

static gboolean all_lead_here (Search *search, GPtrArray *pads, guint depth);

/* Whether all that comes out of @src ends in the sink of the search, or
 * nowhere. */
static gboolean
leads_here (Search *search, GstPad *src, guint depth)
{
  g_autoptr (GstPad) peer = gst_pad_get_peer (src);
  g_autoptr (GstPad) inner = NULL;
  g_autoptr (GPtrArray) links = NULL;

  if (!peer || peer == search->sink)
    return TRUE;
  if (depth == MAX_DEPTH)
    return FALSE;
  if (GST_IS_PROXY_PAD (peer)) {        /* into a bin, or out of one */
    inner = GST_PAD (gst_proxy_pad_get_internal (GST_PROXY_PAD (peer)));
    return inner && leads_here (search, inner, depth + 1);
  }
  links = internal_links (peer);
  return links->len > 0 && all_lead_here (search, links, depth + 1);
}

static gboolean
all_lead_here (Search *search, GPtrArray *pads, guint depth)
{
  guint i;

  for (i = 0; i < pads->len; i++)
    if (!leads_here (search, g_ptr_array_index (pads, i), depth))
      return FALSE;
  return TRUE;
}

static void
note_fork (Search *search, GstElement *element)
{
  if (!search->found->fork)
    search->found->fork = gst_object_ref (element);
}

static void
take_source (Search *search, GstElement *source)
{
  if (!g_ptr_array_find (search->found->sources, source, NULL))
    g_ptr_array_add (search->found->sources, gst_object_ref (source));
}

/* A bin of sources is one source, unless something in it goes elsewhere. */
static void
climb_into (Search *search, GstPad *ghost, GstElement *bin, guint depth)
{
  g_autoptr (GstPad) inner = NULL;
  g_autoptr (GPtrArray) srcs = src_pads (bin);
  gboolean sink = GST_OBJECT_FLAG_IS_SET (bin, GST_ELEMENT_FLAG_SINK);

  if (bin->numsinkpads == 0 && !sink && all_lead_here (search, srcs, 0)) {
    take_source (search, bin);
    return;
  }
  inner = GST_PAD (gst_proxy_pad_get_internal (GST_PROXY_PAD (ghost)));
  if (inner)
    climb (search, inner, depth + 1);
}

static void
climb_over (Search *search, GstPad *src, GstElement *element, guint depth)
{
  g_autoptr (GPtrArray) sinks = NULL;
  guint i;

  if (element->numsinkpads == 0) {
    g_autoptr (GPtrArray) srcs = src_pads (element);

    if (all_lead_here (search, srcs, 0))
      take_source (search, element);
    else
      note_fork (search, element);
    return;
  }
  g_ptr_array_add (search->found->path, gst_object_ref (element));
  sinks = internal_links (src);
  for (i = 0; i < sinks->len; i++) {
    GstPad *sink = g_ptr_array_index (sinks, i);
    g_autoptr (GPtrArray) srcs = internal_links (sink);

    if (all_lead_here (search, srcs, 0))
      climb (search, sink, depth + 1);
    else
      note_fork (search, element);
  }
}

static void
climb (Search *search, GstPad *sink, guint depth)
{
  g_autoptr (GstPad) src = gst_pad_get_peer (sink);
  g_autoptr (GstPad) outer = NULL;
  g_autoptr (GstElement) element = NULL;

  if (!src || depth == MAX_DEPTH || !g_hash_table_add (search->seen, src))
    return;
  if (GST_IS_PROXY_PAD (src) && !GST_IS_GHOST_PAD (src)) {
    /* out of the bin that the pad is in */
    outer = GST_PAD (gst_proxy_pad_get_internal (GST_PROXY_PAD (src)));
    if (outer)
      climb (search, outer, depth + 1);
    return;
  }
  element = gst_pad_get_parent_element (src);
  if (!element)
    return;
  if (GST_IS_GHOST_PAD (src) && GST_IS_BIN (element))
    climb_into (search, src, element, depth);
  else
    climb_over (search, src, element, depth);
}

/* Looks for all sources that feed @sink and nobody else. Where something on the
 * way feeds others as well, what is above it is not looked at. */
Feeders *
imageswitch_feeders_find (GstPad *sink)
{
  Feeders *found = g_new0 (Feeders, 1);
  Search search = { sink, found, g_hash_table_new (NULL, NULL) };
  GstElement *element = gst_pad_get_parent_element (sink);

  found->sources = g_ptr_array_new_with_free_func (gst_object_unref);
  found->path = g_ptr_array_new_with_free_func (gst_object_unref);
  if (element)
    g_ptr_array_add (found->path, element);
  climb (&search, sink, 0);
  g_hash_table_unref (search.seen);
  return found;
}

void
imageswitch_feeders_free (Feeders *self)
{
  g_ptr_array_unref (self->sources);
  g_ptr_array_unref (self->path);
  gst_clear_object (&self->fork);
  g_free (self);
}

/* Returns the highest state that all elements between source and sink have
 * reached. A bin takes its elements up from sink to source: a source that is
 * started by another must not be ahead of the elements that it feeds. */
GstState
imageswitch_feeders_ready_for (Feeders *self)
{
  GstState lowest = GST_STATE_PLAYING;
  guint i;

  for (i = 0; i < self->path->len; i++) {
    GstElement *element = g_ptr_array_index (self->path, i);

    GST_OBJECT_LOCK (element);
    lowest = MIN (lowest, GST_STATE (element));
    GST_OBJECT_UNLOCK (element);
  }
  return lowest;
}

static gboolean
is_seekable (GstPad *src, GstFormat format)
{
  g_autoptr (GstQuery) query = gst_query_new_seeking (format);
  gboolean seekable = FALSE;

  if (gst_pad_query (src, query))
    gst_query_parse_seeking (query, NULL, &seekable, NULL, NULL);
  return seekable;
}

/* Most sources cannot be asked for their latency before they have started. */
static gboolean
is_live (GstElement *source, GstPad *src)
{
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  gboolean live = FALSE;

  if (GST_IS_BASE_SRC (source))
    return gst_base_src_is_live (GST_BASE_SRC (source));
  if (gst_pad_query (src, query))
    gst_query_parse_latency (query, &live, NULL, NULL);
  return live;
}

/* Whether the pad outlives a shutdown of the source. One that does not would
 * not be linked again. */
static gboolean
stays (GstPad *src)
{
  GstPadTemplate *template = GST_PAD_PAD_TEMPLATE (src);

  return !template || GST_PAD_TEMPLATE_PRESENCE (template) == GST_PAD_ALWAYS;
}

/* Whether @source may be shut down and started again. A live source may, and so
 * may one of which nothing is known. One that can be sought in is a file, which
 * would lose its place; and what an application feeds is the application's. */
gboolean
imageswitch_feeders_may_shut (GstElement *source)
{
  g_autoptr (GPtrArray) srcs = src_pads (source);
  const gchar *class = gst_element_class_get_metadata
      (GST_ELEMENT_GET_CLASS (source), GST_ELEMENT_METADATA_KLASS);
  gboolean live = FALSE, seekable = class && strstr (class, "File");
  guint i;

  if (g_strcmp0 (G_OBJECT_TYPE_NAME (source), "GstAppSrc") == 0)
    return FALSE;
  for (i = 0; i < srcs->len; i++) {
    GstPad *src = g_ptr_array_index (srcs, i);

    if (!stays (src))
      return FALSE;
    live |= is_live (source, src);
    seekable |= is_seekable (src, GST_FORMAT_TIME)
        || is_seekable (src, GST_FORMAT_BYTES);
  }
  return live || !seekable;
}
