/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/signal-channel.h"

#include <string.h>

#include "core/message.h"

struct _MeshSignalChannel {
  GstElement parent;

  char *peer_id;
  MeshSignalChannelFunc received;
  gpointer user_data;
  GstPad *sinkpad;
  GstPad *srcpad;

  GMutex lock;                  /* guards what follows; nothing is pushed under
                                 * it */
  GCond cond;
  GQueue messages;              /* char *, messages to be sent */
  gboolean sending;
  gboolean ending;              /* EOS is to follow the queued messages */
  gboolean flushing;
};

G_DEFINE_FINAL_TYPE (MeshSignalChannel, mesh_signal_channel, GST_TYPE_ELEMENT)

#define SIGNAL_CAPS "application/x-mesh-signal"

static GstStaticPadTemplate sink_template =
GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (SIGNAL_CAPS));
static GstStaticPadTemplate src_template =
GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (SIGNAL_CAPS));

static GstFlowReturn
channel_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  MeshSignalChannel *self = MESH_SIGNAL_CHANNEL (parent);
  GstMapInfo map;

  if (gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    self->received ((const char *) map.data, map.size, self->user_data);
    gst_buffer_unmap (buffer, &map);
  }
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

/* Events are not passed on in either direction. An EOS of the signalling does
 * not end the call. */
static gboolean
channel_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  gst_event_unref (event);
  return TRUE;
}

/* Queries are not passed on from one pad to the other: between two rooms that
 * are linked to each other, a latency query would circle without end. */
static gboolean
channel_query (GstPad *pad, GstObject *parent, GstQuery *query)
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

/* Pushes the caps when the pad starts, and not with the first message: a
 * signalsink learns our peer id from the caps, and connects only then. */
static void
start_stream (MeshSignalChannel *self)
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
push_message (MeshSignalChannel *self, char *json)
{
  GstBuffer *buffer = gst_buffer_new_wrapped (json, strlen (json));
  GstFlowReturn flow = gst_pad_push (self->srcpad, buffer);

  if (flow != GST_FLOW_OK)
    GST_DEBUG_OBJECT (self, "a message went nowhere: %s",
        gst_flow_get_name (flow));
}

/* Sends messages on the pad's own thread, since a paused sink blocks it. */
static void
channel_loop (gpointer user_data)
{
  MeshSignalChannel *self = user_data;
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
channel_activate_mode (GstPad *pad, GstObject *parent, GstPadMode mode,
    gboolean active)
{
  MeshSignalChannel *self = MESH_SIGNAL_CHANNEL (parent);

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
    return gst_pad_start_task (pad, channel_loop, self, NULL);
  return gst_pad_stop_task (pad);
}

/**
 * mesh_signal_channel_send:
 *
 * Sends a message downstream, soon. Any thread; never blocks.
 *
 * Returns: %FALSE when the channel is not active, or too many wait already
 */
gboolean
mesh_signal_channel_send (MeshSignalChannel *channel, const char *json)
{
  gboolean taken;

  g_mutex_lock (&channel->lock);
  taken = !channel->flushing && !channel->ending
      && g_queue_get_length (&channel->messages) < MESH_MESSAGE_MAX_WAITING;
  if (taken) {
    g_queue_push_tail (&channel->messages, g_strdup (json));
    g_cond_broadcast (&channel->cond);
  }
  g_mutex_unlock (&channel->lock);
  return taken;
}

/**
 * mesh_signal_channel_end:
 *
 * Gives EOS downstream after what was sent. Any thread; never blocks.
 */
void
mesh_signal_channel_end (MeshSignalChannel *channel)
{
  g_mutex_lock (&channel->lock);
  channel->ending = TRUE;
  g_cond_broadcast (&channel->cond);
  g_mutex_unlock (&channel->lock);
}

/**
 * mesh_signal_channel_drain:
 * @timeout: how long to wait at the most, in microseconds
 *
 * Waits until what was sent has been taken downstream.
 */
void
mesh_signal_channel_drain (MeshSignalChannel *channel, gint64 timeout)
{
  gint64 end = g_get_monotonic_time () + timeout;

  g_mutex_lock (&channel->lock);
  while (!channel->flushing
      && (channel->sending || !g_queue_is_empty (&channel->messages))
      && g_cond_wait_until (&channel->cond, &channel->lock, end));
  g_mutex_unlock (&channel->lock);
}

/**
 * mesh_signal_channel_let_go:
 *
 * Takes back the message that is still with somebody downstream, such as a
 * paused sink, for whom the channel could else not be stopped. Nothing is sent
 * after this, until the channel is activated again.
 */
void
mesh_signal_channel_let_go (MeshSignalChannel *channel)
{
  gboolean stuck;

  g_mutex_lock (&channel->lock);
  channel->flushing = TRUE;
  stuck = channel->sending;
  g_cond_broadcast (&channel->cond);
  g_mutex_unlock (&channel->lock);
  if (!stuck)
    return;
  gst_pad_push_event (channel->srcpad, gst_event_new_flush_start ());
  g_mutex_lock (&channel->lock);
  while (channel->sending)
    g_cond_wait (&channel->cond, &channel->lock);
  g_mutex_unlock (&channel->lock);
  gst_pad_push_event (channel->srcpad, gst_event_new_flush_stop (FALSE));
}

/**
 * mesh_signal_channel_new:
 * @peer_id: our peer id, which is put into the caps
 * @received: called for each message that is received
 * @user_data: for @received
 *
 * Returns: (transfer floating): a channel
 */
MeshSignalChannel *
mesh_signal_channel_new (const char *peer_id, MeshSignalChannelFunc received,
    gpointer user_data)
{
  MeshSignalChannel *self = g_object_new (MESH_TYPE_SIGNAL_CHANNEL, NULL);

  self->peer_id = g_strdup (peer_id);
  self->received = received;
  self->user_data = user_data;
  return self;
}

static void
mesh_signal_channel_finalize (GObject *object)
{
  MeshSignalChannel *self = MESH_SIGNAL_CHANNEL (object);

  g_free (self->peer_id);
  g_queue_clear_full (&self->messages, g_free);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  G_OBJECT_CLASS (mesh_signal_channel_parent_class)->finalize (object);
}

static void
mesh_signal_channel_init (MeshSignalChannel *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  g_queue_init (&self->messages);
  self->flushing = TRUE;
  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad, channel_chain);
  gst_pad_set_event_function (self->sinkpad, channel_event);
  gst_pad_set_query_function (self->sinkpad, channel_query);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);
  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_activatemode_function (self->srcpad, channel_activate_mode);
  gst_pad_set_event_function (self->srcpad, channel_event);
  gst_pad_set_query_function (self->srcpad, channel_query);
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);
}

static void
mesh_signal_channel_class_init (MeshSignalChannelClass *klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = mesh_signal_channel_finalize;
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Mesh signal port",
      "Generic", "Messages of a room as buffers", "The meshroom developers");
}
