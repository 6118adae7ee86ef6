/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/port.h"

#include <string.h>

struct _MeshPort {
  GstElement parent;

  char *peer_id;
  MeshPortFunc received;
  gpointer user_data;
  GstPad *sinkpad;
  GstPad *srcpad;
  gboolean started;             /* sending thread only */
};

G_DEFINE_FINAL_TYPE (MeshPort, mesh_port, GST_TYPE_ELEMENT)

#define SIGNAL_CAPS "application/x-mesh-signal"

static GstStaticPadTemplate sink_template =
GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (SIGNAL_CAPS));
static GstStaticPadTemplate src_template =
GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (SIGNAL_CAPS));

static GstFlowReturn
port_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  MeshPort *self = MESH_PORT (parent);
  GstMapInfo map;

  if (gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    self->received ((const char *) map.data, map.size, self->user_data);
    gst_buffer_unmap (buffer, &map);
  }
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

/* Nothing goes through, in either direction, and signalling that ends is no end
 * of the call. */
static gboolean
port_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  gst_event_unref (event);
  return TRUE;
}

/* What goes in here does not come out there: a question that was passed on, such as
 * for the latency, would go round for ever between two rooms. */
static gboolean
port_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CAPS:
    case GST_QUERY_ACCEPT_CAPS:
      return gst_pad_query_default (pad, parent, query);
    case GST_QUERY_LATENCY:
      gst_query_set_latency (query, FALSE, 0, GST_CLOCK_TIME_NONE);
      return TRUE;
    default:
      return FALSE;
  }
}

static void
start_stream (MeshPort *self)
{
  g_autofree char *stream_id =
      g_strdup_printf ("meshroom/%s/signal", self->peer_id);
  g_autoptr (GstCaps) caps = gst_caps_new_simple (SIGNAL_CAPS, "peer-id",
      G_TYPE_STRING, self->peer_id, NULL);
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (self->srcpad, gst_event_new_stream_start (stream_id));
  gst_pad_push_event (self->srcpad, gst_event_new_caps (caps));
  gst_pad_push_event (self->srcpad, gst_event_new_segment (&segment));
}

/**
 * mesh_port_send:
 * @port: the port, active
 * @json: a message
 *
 * Sends a message downstream. One thread at a time may call.
 *
 * Returns: whether somebody took it
 *
 * Since: 0.1
 */
gboolean
mesh_port_send (MeshPort *port, const char *json)
{
  GstBuffer *buffer = gst_buffer_new_memdup (json, strlen (json));
  GstFlowReturn flow;

  if (!port->started) {
    start_stream (port);
    port->started = TRUE;
  }
  flow = gst_pad_push (port->srcpad, buffer);
  if (flow == GST_FLOW_FLUSHING)
    port->started = FALSE;      /* a pad that was not active has kept nothing */
  if (flow != GST_FLOW_OK)
    GST_DEBUG_OBJECT (port, "a message went nowhere: %s",
        gst_flow_get_name (flow));
  return flow == GST_FLOW_OK;
}

/**
 * mesh_port_new:
 * @peer_id: who we are; part of the caps
 * @received: called for each message that comes in
 * @user_data: for @received
 *
 * Returns: (transfer floating): a port
 *
 * Since: 0.1
 */
MeshPort *
mesh_port_new (const char *peer_id, MeshPortFunc received, gpointer user_data)
{
  MeshPort *self = g_object_new (MESH_TYPE_PORT, NULL);

  self->peer_id = g_strdup (peer_id);
  self->received = received;
  self->user_data = user_data;
  return self;
}

static void
mesh_port_finalize (GObject *object)
{
  g_free (MESH_PORT (object)->peer_id);
  G_OBJECT_CLASS (mesh_port_parent_class)->finalize (object);
}

static void
mesh_port_init (MeshPort *self)
{
  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad, port_chain);
  gst_pad_set_event_function (self->sinkpad, port_event);
  gst_pad_set_query_function (self->sinkpad, port_query);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);
  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_event_function (self->srcpad, port_event);
  gst_pad_set_query_function (self->srcpad, port_query);
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);
}

static void
mesh_port_class_init (MeshPortClass *klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = mesh_port_finalize;
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Mesh signal port",
      "Generic", "Messages of a room as buffers", "The meshroom developers");
}
