/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From a source inside the view to its pad outside:
 *
 *   source ! queue ! converters ! ghost pad
 *
 * The queue holds frames that are early: a sink shows them at the latency of
 * the whole pipeline, which can be far more than the view's (an audio sink
 * alone adds 200 ms). The converters pass frames unchanged as long as the
 * elements downstream accept the view's format. */

#include "output.h"

#define QUEUE_TIME GST_SECOND

/* Pushes to the output; one that is not linked is no error. */
static GstFlowReturn
chain_even_unlinked (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstFlowReturn ret = gst_proxy_pad_chain_default (pad, parent, buffer);

  return ret == GST_FLOW_NOT_LINKED ? GST_FLOW_OK : ret;
}

static GstElement *
append (GstBin *bin, GstElement *last, GstElement *next)
{
  if (!next)
    return last;
  gst_bin_add (bin, next);
  gst_element_link (last, next);
  return next;
}

/**
 * mesh_output_add:
 * @source: (transfer floating): the element whose output it is
 * @templ: of the pad to make
 * @converters: (array zero-terminated=1): names of elements; one that is not
 *   installed is left out
 *
 * Returns: (transfer none): the new pad of @bin
 */
GstPad *
mesh_output_add (GstBin *bin, GstElement *source, GstPadTemplate *templ,
    const char *const *converters)
{
  GstElement *queue = gst_element_factory_make ("queue", NULL);
  GstElement *last = source;
  g_autoptr (GstPad) target = NULL;
  g_autoptr (GstProxyPad) inner = NULL;
  GstPad *pad;

  gst_bin_add (bin, source);
  if (queue)
    g_object_set (queue, "max-size-buffers", 0, "max-size-bytes", 0,
        "max-size-time", (guint64) QUEUE_TIME, "silent", TRUE, NULL);
  last = append (bin, last, queue);
  for (guint i = 0; converters[i]; i++)
    last = append (bin, last, gst_element_factory_make (converters[i], NULL));
  target = gst_element_get_static_pad (last, "src");
  pad = gst_ghost_pad_new_from_template (templ->name_template, target, templ);
  inner = gst_proxy_pad_get_internal (GST_PROXY_PAD (pad));
  gst_pad_set_chain_function (GST_PAD (inner), chain_even_unlinked);
  gst_element_add_pad (GST_ELEMENT (bin), pad);
  return pad;
}
