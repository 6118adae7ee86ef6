/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/port.h"

#include <string.h>

#include "core/message.h"

struct _MeshPort {
  GstElement parent;

  char *peer_id;
  MeshPortFunc received;
  gpointer user_data;
  GstPad *sinkpad;
  GstPad *srcpad;

  GMutex lock;                  /* guards: */
  GCond cond;
  GQueue messages;              /* char *, to be sent */
  gboolean sending;
  gboolean ending;              /* EOS follows what waits */
  gboolean flushing;
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

/* What goes in here does not come out there: a question that was passed on,
 * such as for the latency, would go round for ever between two rooms. */
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

/* At once, and not with the first message: a signalsink only knows who we are,
 * and connects, when it has the caps. */
static void
start_stream (MeshPort *self)
{
  g_autoptr (GstEvent) started =
      gst_pad_get_sticky_event (self->srcpad, GST_EVENT_SEGMENT, 0);
  g_autofree char *stream_id =
      g_strdup_printf ("meshroom/%s/signal", self->peer_id);
  g_autoptr (GstCaps) caps = gst_caps_new_simple (SIGNAL_CAPS, "peer-id",
      G_TYPE_STRING, self->peer_id, NULL);
  GstSegment segment;

  if (started)
    return;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (self->srcpad, gst_event_new_stream_start (stream_id));
  gst_pad_push_event (self->srcpad, gst_event_new_caps (caps));
  gst_pad_push_event (self->srcpad, gst_event_new_segment (&segment));
}

static void
push_message (MeshPort *self, char *json)
{
  GstBuffer *buffer = gst_buffer_new_wrapped (json, strlen (json));
  GstFlowReturn flow = gst_pad_push (self->srcpad, buffer);

  if (flow != GST_FLOW_OK)
    GST_DEBUG_OBJECT (self, "a message went nowhere: %s",
        gst_flow_get_name (flow));
}

/* The pad's own thread, since a sink that is paused holds on to it. */
static void
port_loop (gpointer user_data)
{
  MeshPort *self = user_data;
  gboolean end;
  char *json;

  start_stream (self);
  g_mutex_lock (&self->lock);
  self->sending = FALSE;
  g_cond_broadcast (&self->cond);
  while (!self->flushing && !self->ending
      && g_queue_is_empty (&self->messages))
    g_cond_wait (&self->cond, &self->lock);
  json = self->flushing ? NULL : g_queue_pop_head (&self->messages);
  self->sending = json != NULL;
  end = !json && !self->flushing;
  g_mutex_unlock (&self->lock);
  if (json)
    push_message (self, json);
  else
    gst_pad_pause_task (self->srcpad);
  if (end)
    gst_pad_push_event (self->srcpad, gst_event_new_eos ());
}

static gboolean
port_activate_mode (GstPad *pad, GstObject *parent, GstPadMode mode,
    gboolean active)
{
  MeshPort *self = MESH_PORT (parent);

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  g_mutex_lock (&self->lock);
  self->flushing = !active;
  self->ending = FALSE;
  if (!active)
    g_queue_clear_full (&self->messages, g_free);
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  if (active)
    return gst_pad_start_task (pad, port_loop, self, NULL);
  return gst_pad_stop_task (pad);
}

/**
 * mesh_port_send:
 * @port: the port
 * @json: a message
 *
 * Sends a message downstream, soon. Any thread; never blocks.
 *
 * Returns: %FALSE when the port is not active, or too many wait already
 *
 * Since: 0.1
 */
gboolean
mesh_port_send (MeshPort *port, const char *json)
{
  gboolean taken;

  g_mutex_lock (&port->lock);
  taken = !port->flushing && !port->ending
      && g_queue_get_length (&port->messages) < MESH_MESSAGE_MAX_WAITING;
  if (taken) {
    g_queue_push_tail (&port->messages, g_strdup (json));
    g_cond_broadcast (&port->cond);
  }
  g_mutex_unlock (&port->lock);
  return taken;
}

/**
 * mesh_port_end:
 * @port: the port
 *
 * Gives EOS downstream after what was sent. Any thread; never blocks.
 *
 * Since: 0.1
 */
void
mesh_port_end (MeshPort *port)
{
  g_mutex_lock (&port->lock);
  port->ending = TRUE;
  g_cond_broadcast (&port->cond);
  g_mutex_unlock (&port->lock);
}

/**
 * mesh_port_drain:
 * @port: the port
 * @timeout: how long to wait at the most, in microseconds
 *
 * Waits until what was sent has been taken downstream.
 *
 * Since: 0.1
 */
void
mesh_port_drain (MeshPort *port, gint64 timeout)
{
  gint64 end = g_get_monotonic_time () + timeout;

  g_mutex_lock (&port->lock);
  while (!port->flushing
      && (port->sending || !g_queue_is_empty (&port->messages))
      && g_cond_wait_until (&port->cond, &port->lock, end));
  g_mutex_unlock (&port->lock);
}

/**
 * mesh_port_let_go:
 * @port: the port
 *
 * Takes back the message that is still with somebody downstream, such as a
 * paused sink, for whom the port could else not be stopped. Nothing is sent
 * after this, until the port is activated again.
 *
 * Since: 0.1
 */
void
mesh_port_let_go (MeshPort *port)
{
  gboolean stuck;

  g_mutex_lock (&port->lock);
  port->flushing = TRUE;
  stuck = port->sending;
  g_cond_broadcast (&port->cond);
  g_mutex_unlock (&port->lock);
  if (!stuck)
    return;
  gst_pad_push_event (port->srcpad, gst_event_new_flush_start ());
  g_mutex_lock (&port->lock);
  while (port->sending)
    g_cond_wait (&port->cond, &port->lock);
  g_mutex_unlock (&port->lock);
  gst_pad_push_event (port->srcpad, gst_event_new_flush_stop (FALSE));
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
  MeshPort *self = MESH_PORT (object);

  g_free (self->peer_id);
  g_queue_clear_full (&self->messages, g_free);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  G_OBJECT_CLASS (mesh_port_parent_class)->finalize (object);
}

static void
mesh_port_init (MeshPort *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  g_queue_init (&self->messages);
  self->flushing = TRUE;
  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad, port_chain);
  gst_pad_set_event_function (self->sinkpad, port_event);
  gst_pad_set_query_function (self->sinkpad, port_query);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);
  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_activatemode_function (self->srcpad, port_activate_mode);
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
