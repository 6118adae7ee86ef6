/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/spreader.h"

/* How often it is asked whether a picture is of no use any more. */
#define LOOK (20 * G_TIME_SPAN_MILLISECOND)

struct _MeshSpreader {
  GstElement parent;

  GstPad *sinkpad;
  GstPad *srcpad;
  MeshRate *rate;
  MeshSpreaderOutdated outdated;        /* may be NULL */
  gpointer user_data;
  guint16 skipped;              /* packets that were left out; streaming thread
                                 * only */

  GMutex lock;                  /* guards what follows */
  GCond cond;
  gboolean flushing;
  gboolean stopped;
};

G_DEFINE_FINAL_TYPE (MeshSpreader, mesh_spreader, GST_TYPE_ELEMENT)

static GstStaticPadTemplate sink_template =
GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("application/x-rtp"));
static GstStaticPadTemplate src_template =
GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("application/x-rtp"));

static void
count (MeshSpreader *self, GstBuffer *packet)
{
  guint8 seqnum[2] = { 0, 0 };

  gst_buffer_extract (packet, 2, seqnum, sizeof seqnum);
  mesh_rate_sent_picture (self->rate, GST_READ_UINT16_BE (seqnum),
      gst_buffer_get_size (packet));
}

static gboolean
is_outdated (MeshSpreader *self)
{
  return self->outdated && self->outdated (self->user_data);
}

/* Waits until the next packet may go, or its picture is outdated. Returns:
 * FALSE when nothing may be sent any more */
static gboolean
wait_for_turn (MeshSpreader *self, guint queued)
{
  gboolean waits = TRUE, goes;

  while (waits) {
    gint64 when = mesh_rate_when (self->rate, queued);
    gint64 now = g_get_monotonic_time ();

    waits = when > now && !is_outdated (self);
    g_mutex_lock (&self->lock);
    waits &= !self->flushing && !self->stopped;
    if (waits)
      g_cond_wait_until (&self->cond, &self->lock, MIN (when, now + LOOK));
    g_mutex_unlock (&self->lock);
  }
  g_mutex_lock (&self->lock);
  goes = !self->flushing && !self->stopped;
  g_mutex_unlock (&self->lock);
  return goes;
}

/* Closes the gap in the sequence numbers that packets have left which were not
 * sent. Returns: (transfer full): the packet */
static GstBuffer *
number (MeshSpreader *self, GstBuffer *packet)
{
  guint8 seqnum[2] = { 0, 0 };

  if (self->skipped == 0)
    return gst_buffer_ref (packet);
  packet = gst_buffer_copy (packet);
  gst_buffer_extract (packet, 2, seqnum, sizeof seqnum);
  GST_WRITE_UINT16_BE (seqnum,
      (guint16) (GST_READ_UINT16_BE (seqnum) - self->skipped));
  gst_buffer_fill (packet, 2, seqnum, sizeof seqnum);
  return packet;
}

static GstFlowReturn
end (MeshSpreader *self)
{
  GstFlowReturn result;

  g_mutex_lock (&self->lock);
  result = self->flushing ? GST_FLOW_FLUSHING : GST_FLOW_OK;
  g_mutex_unlock (&self->lock);
  return result;
}

static GstFlowReturn
spreader_chain (GstPad *pad, GstObject *parent, GstBuffer *packet)
{
  MeshSpreader *self = MESH_SPREADER (parent);
  GstBuffer *numbered;

  /* a picture of one packet is let go, outdated or not */
  if (!wait_for_turn (self, gst_buffer_get_size (packet))) {
    gst_buffer_unref (packet);
    return end (self);
  }
  numbered = number (self, packet);
  gst_buffer_unref (packet);
  count (self, numbered);
  return gst_pad_push (self->srcpad, numbered);
}

/* Moves the packets from @from on that may go by now to a list of their own. */
static GstBufferList *
take_due (MeshSpreader *self, GstBufferList *list, guint *from, guint *queued)
{
  GstBufferList *due = gst_buffer_list_new ();
  guint n = gst_buffer_list_length (list);

  do {
    GstBuffer *packet = number (self, gst_buffer_list_get (list, (*from)++));

    count (self, packet);
    *queued -= gst_buffer_get_size (packet);
    gst_buffer_list_add (due, packet);
  } while (*from < n && mesh_rate_when (self->rate, *queued)
      <= g_get_monotonic_time ());
  return due;
}

static GstFlowReturn
spreader_chain_list (GstPad *pad, GstObject *parent, GstBufferList *list)
{
  MeshSpreader *self = MESH_SPREADER (parent);
  guint n = gst_buffer_list_length (list);
  guint queued = gst_buffer_list_calculate_size (list), from = 0;
  GstFlowReturn result = GST_FLOW_OK;

  while (result == GST_FLOW_OK && from < n) {
    if (!wait_for_turn (self, queued)) {
      result = end (self);
      break;
    }
    if (is_outdated (self)) {
      GST_DEBUG_OBJECT (self, "%u of %u packets are left out", n - from, n);
      self->skipped = (guint16) (self->skipped + n - from);
      break;
    }
    result = gst_pad_push_list (self->srcpad, take_due (self, list, &from,
            &queued));
  }
  gst_buffer_list_unref (list);
  return result;
}

static void
set_flushing (MeshSpreader *self, gboolean flushing)
{
  g_mutex_lock (&self->lock);
  self->flushing = flushing;
  g_cond_signal (&self->cond);
  g_mutex_unlock (&self->lock);
}

static gboolean
spreader_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  MeshSpreader *self = MESH_SPREADER (parent);

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START)
    set_flushing (self, TRUE);
  else if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    set_flushing (self, FALSE);
  return gst_pad_push_event (self->srcpad, event);
}

static GstStateChangeReturn
mesh_spreader_change_state (GstElement *element, GstStateChange transition)
{
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
    set_flushing (MESH_SPREADER (element), FALSE);
  else if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    set_flushing (MESH_SPREADER (element), TRUE);
  return GST_ELEMENT_CLASS (mesh_spreader_parent_class)->change_state (element,
      transition);
}

/**
 * mesh_spreader_new:
 * @rate: the peer's rate
 *
 * Returns: (transfer floating): the element
 */
MeshSpreader *
mesh_spreader_new (MeshRate *rate)
{
  MeshSpreader *self = g_object_new (MESH_TYPE_SPREADER, NULL);

  self->rate = mesh_rate_ref (rate);
  return self;
}

/**
 * mesh_spreader_set_outdated:
 * @outdated: tells whether the rest of the picture that is being sent may be
 *   left out, as a key frame of a smaller one waits behind it
 * @user_data: for @outdated
 *
 * To be called before anything is sent.
 */
void
mesh_spreader_set_outdated (MeshSpreader *spreader,
    MeshSpreaderOutdated outdated, gpointer user_data)
{
  spreader->outdated = outdated;
  spreader->user_data = user_data;
}

/**
 * mesh_spreader_stop:
 *
 * Drops what is held, and what comes from now on. Any thread.
 */
void
mesh_spreader_stop (MeshSpreader *spreader)
{
  g_mutex_lock (&spreader->lock);
  spreader->stopped = TRUE;
  g_cond_signal (&spreader->cond);
  g_mutex_unlock (&spreader->lock);
}

static void
mesh_spreader_finalize (GObject *object)
{
  MeshSpreader *self = MESH_SPREADER (object);

  mesh_rate_unref (self->rate);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  G_OBJECT_CLASS (mesh_spreader_parent_class)->finalize (object);
}

static void
mesh_spreader_init (MeshSpreader *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad, spreader_chain);
  gst_pad_set_chain_list_function (self->sinkpad, spreader_chain_list);
  gst_pad_set_event_function (self->sinkpad, spreader_event);
  GST_PAD_SET_PROXY_CAPS (self->sinkpad);
  GST_PAD_SET_PROXY_ALLOCATION (self->sinkpad);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);
  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  GST_PAD_SET_PROXY_CAPS (self->srcpad);
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);
}

static void
mesh_spreader_class_init (MeshSpreaderClass *klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = mesh_spreader_finalize;
  element_class->change_state = mesh_spreader_change_state;
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Mesh spreader",
      "Network", "Spreads the packets of a picture over time",
      "The meshroom developers");
}
