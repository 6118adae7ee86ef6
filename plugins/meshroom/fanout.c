/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The fan-out (fanout.h) as an element, and what flows into it. A tee would
 * fail for all branches when one fails, and send RECONFIGURE up to the camera
 * at each new branch. Any thread may call. */

#include "meshroom/fanout-private.h"

#include "meshroom/common.h"

G_DEFINE_FINAL_TYPE (MeshFanout, mesh_fanout, GST_TYPE_ELEMENT)

#define SINK_TEMPLATE(name) \
    GST_STATIC_PAD_TEMPLATE (name, GST_PAD_SINK, GST_PAD_ALWAYS, \
    GST_STATIC_CAPS_ANY)
static GstStaticPadTemplate sink_templates[MESH_RUNGS] = {
  SINK_TEMPLATE ("sink_0"), SINK_TEMPLATE ("sink_1"), SINK_TEMPLATE ("sink_2")
};

static GstStaticPadTemplate src_template =
GST_STATIC_PAD_TEMPLATE ("src_%u", GST_PAD_SRC, GST_PAD_REQUEST,
    GST_STATIC_CAPS_ANY);

static guint
get_rung (GstPad *pad)
{
  return GPOINTER_TO_UINT (gst_pad_get_element_private (pad));
}

/* Reads the running time, by which streams of different encoders can be
 * compared. */
static void
read_time_locked (const MeshInlet *inlet, MeshFrame *frame)
{
  const GstSegment *segment;

  frame->time = GST_CLOCK_TIME_NONE;
  if (!inlet->segment)
    return;
  gst_event_parse_segment (inlet->segment, &segment);
  frame->time = gst_segment_to_running_time (segment, GST_FORMAT_TIME,
      GST_BUFFER_PTS (frame->buffer));
}

/* Takes each second of the stream into the mean. A second with a key frame is
 * no measure by itself. */
static void
measure_locked (MeshInlet *inlet, const MeshFrame *frame)
{
  GstClockTime pts = GST_BUFFER_PTS (frame->buffer);
  guint64 bits;

  if (frame->layer > 0)
    inlet->layers = 2;
  if (!GST_CLOCK_TIME_IS_VALID (inlet->since) || pts < inlet->since) {
    inlet->since = pts;
    inlet->bytes = 0;
  } else if (GST_CLOCK_TIME_IS_VALID (pts)
      && pts - inlet->since >= GST_SECOND) {
    bits = gst_util_uint64_scale (8 * inlet->bytes, GST_SECOND,
        pts - inlet->since);
    inlet->bits = inlet->bits ? (3 * inlet->bits + bits) / 4 : bits;
    inlet->since = pts;
    inlet->bytes = 0;
  }
  inlet->bytes += gst_buffer_get_size (frame->buffer);
}

static GstFlowReturn
fanout_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  MeshFanout *self = MESH_FANOUT (parent);
  MeshFrame frame = {
    .buffer = buffer, .rung = get_rung (pad),
    .delta = GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT)
  };
  MeshInlet *inlet = &self->inlets[frame.rung];
  GQueue doomed = G_QUEUE_INIT;
  gboolean asks = FALSE;
  gint64 waited;

  frame.layer = mesh_frame_read_layer (buffer, &frame.sync);
  /* The lock is held while muted is checked and the item is queued, so that
   * nothing is queued after the setter has returned. */
  g_mutex_lock (&self->lock);
  read_time_locked (inlet, &frame);
  for (guint i = 0; !self->muted && i < self->branches->len; i++)
    asks |= mesh_branch_take_frame (g_ptr_array_index (self->branches, i),
        inlet, &frame, &doomed);
  waited = mesh_inlet_note_wait_locked (inlet, asks);
  asks |= mesh_inlet_note_frame_locked (inlet, &frame, self->muted);
  measure_locked (inlet, &frame);
  g_mutex_unlock (&self->lock);
  mesh_fanout_free_items (&doomed);
  gst_buffer_unref (buffer);

  if (asks)
    mesh_fanout_request_key_unit (self, frame.rung);
  if (waited > 0 && self->starved)
    self->starved (waited, self->user_data);
  return GST_FLOW_OK;
}

static gboolean
fanout_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  MeshFanout *self = MESH_FANOUT (parent);
  guint rung = get_rung (pad);
  MeshInlet *inlet = &self->inlets[rung];
  GstEvent **latest;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      latest = &inlet->caps;
      break;
    case GST_EVENT_SEGMENT:
      latest = &inlet->segment;
      break;
    default:
      /* Other events are dropped: a branch has a stream-start of its own, and
       * the end of a file does not end the call. */
      gst_event_unref (event);
      return TRUE;
  }
  g_mutex_lock (&self->lock);
  gst_event_replace (latest, event);
  for (guint i = 0; i < self->branches->len; i++)
    mesh_branch_take_events (g_ptr_array_index (self->branches, i), inlet,
        rung);
  g_mutex_unlock (&self->lock);
  gst_event_unref (event);
  return TRUE;
}

static gboolean
fanout_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CAPS:
      mesh_fanout_answer_caps (MESH_FANOUT (parent), query);
      return TRUE;
    case GST_QUERY_ACCEPT_CAPS:
      return gst_pad_query_default (pad, parent, query);
    case GST_QUERY_DRAIN:
      return TRUE;
    default:
      /* a query that is passed on would wait for a branch that is stuck */
      return FALSE;
  }
}

/**
 * mesh_fanout_get_sink:
 * @rung: from 0, the full size, to MESH_RUNGS - 1; 0 for sound
 *
 * Returns: (transfer none): the sink pad for frames of @rung
 */
GstPad *
mesh_fanout_get_sink (MeshFanout *fanout, guint rung)
{
  return fanout->inlets[rung].pad;
}

/**
 * mesh_fanout_add_branch:
 * @fanout: the fan-out
 *
 * Makes a branch. Its gate is closed; it passes on what stream it carries as
 * soon as that is known.
 *
 * Returns: (transfer full): the branch's source pad, active and on the element
 */
GstPad *
mesh_fanout_add_branch (MeshFanout *fanout)
{
  MeshBranch *branch = mesh_branch_new (fanout->is_video);

  gst_pad_set_active (GST_PAD (branch), TRUE);
  gst_element_add_pad (GST_ELEMENT (fanout), GST_PAD (branch));
  g_mutex_lock (&fanout->lock);
  mesh_branch_begin (branch, fanout->inlets);
  g_ptr_array_add (fanout->branches, branch);
  g_mutex_unlock (&fanout->lock);
  return GST_PAD (branch);
}

/**
 * mesh_fanout_open_branch:
 * @fanout: the fan-out
 * @branch: one of its branches
 *
 * Opens the branch's gate. Video starts with a key frame, which is asked for.
 */
void
mesh_fanout_open_branch (MeshFanout *fanout, GstPad *branch)
{
  MeshBranch *self = MESH_BRANCH (branch);
  GQueue doomed = G_QUEUE_INIT;
  guint rung;

  g_mutex_lock (&self->lock);
  self->open = TRUE;
  mesh_branch_empty_locked (self, &doomed);
  rung = self->wanted;
  g_mutex_unlock (&self->lock);
  mesh_fanout_free_items (&doomed);
  if (rung < MESH_RUNGS)
    mesh_fanout_request_key_unit (fanout, rung);
}

/**
 * mesh_fanout_set_step:
 * @fanout: the fan-out
 * @branch: one of its branches, of video
 * @rung: the rung to take; MESH_RUNGS: none, so that the picture stands
 * @layers: of a stream in temporal layers, 1 = the lowest one, which is half
 *   the frames, 2 = all
 *
 * Chooses what the branch gets. Layers change at once; one that was left out
 * comes back with the next frame of @rung that allows it. The rung changes with the next
 * key frame of @rung, which is asked for; until one comes, the branch goes on
 * with the rung that it has. After MESH_RUNGS, too, it begins with a key frame.
 *
 * A caller that chooses a rung which is not encoded changes nothing, but for a
 * branch that has no picture yet: it gets none.
 */
void
mesh_fanout_set_step (MeshFanout *fanout, GstPad *branch, guint rung,
    guint layers)
{
  MeshBranch *self = MESH_BRANCH (branch);
  GQueue doomed = G_QUEUE_INIT;
  gboolean asks;

  g_mutex_lock (&self->lock);
  asks = self->open && rung < MESH_RUNGS && rung != self->wanted
      && rung != self->rung;
  self->wanted = rung;
  self->layers = layers;
  if (layers < 2)
    mesh_branch_drop_layers_locked (self, &doomed);
  if (rung == MESH_RUNGS)
    mesh_branch_empty_locked (self, &doomed);
  g_mutex_unlock (&self->lock);
  mesh_fanout_free_items (&doomed);
  if (asks)
    mesh_fanout_request_key_unit (fanout, rung);
}

/**
 * mesh_fanout_is_outdated:
 * @branch: a branch of a fan-out
 *
 * Returns: whether the branch has come to a smaller rung since the frame was
 *   pushed that is on its way now. The key frame of that rung waits behind it.
 */
gboolean
mesh_fanout_is_outdated (GstPad *branch)
{
  MeshBranch *self = MESH_BRANCH (branch);
  gboolean outdated;

  g_mutex_lock (&self->lock);
  outdated = self->outdated;
  g_mutex_unlock (&self->lock);
  return outdated;
}

/**
 * mesh_fanout_set_rtt:
 * @branch: a branch of a fan-out
 * @rtt: the round-trip time of its path, with the queue there, in us; 0: not
 *   known
 *
 * A key frame is asked for in vain within that time after one has been sent:
 * the request was made before it came.
 */
void
mesh_fanout_set_rtt (GstPad *branch, gint64 rtt)
{
  MeshBranch *self = MESH_BRANCH (branch);

  g_mutex_lock (&self->lock);
  self->rtt = rtt;
  g_mutex_unlock (&self->lock);
}

/**
 * mesh_fanout_get_rung:
 * @branch: a branch of a fan-out
 *
 * Returns: the rung whose frames the branch gets; MESH_RUNGS: none, or none
 *   before a key frame
 */
guint
mesh_fanout_get_rung (GstPad *branch)
{
  MeshBranch *self = MESH_BRANCH (branch);
  guint rung;

  g_mutex_lock (&self->lock);
  rung = self->rung;
  g_mutex_unlock (&self->lock);
  return rung;
}

/**
 * mesh_fanout_close_branch:
 *
 * Closes the branch's gate and empties its queue.
 */
void
mesh_fanout_close_branch (GstPad *branch)
{
  MeshBranch *self = MESH_BRANCH (branch);
  GQueue doomed = G_QUEUE_INIT;

  g_mutex_lock (&self->lock);
  self->open = FALSE;
  mesh_branch_empty_locked (self, &doomed);
  g_mutex_unlock (&self->lock);
  mesh_fanout_free_items (&doomed);
}

/**
 * mesh_fanout_remove_branch:
 * @fanout: the fan-out
 * @branch: (transfer full): one of its branches
 *
 * Ends the branch and its thread. May wait for a push that is under way on the
 * branch, so what lies behind it must be shut down first.
 */
void
mesh_fanout_remove_branch (MeshFanout *fanout, GstPad *branch)
{
  g_mutex_lock (&fanout->lock);
  g_ptr_array_remove_fast (fanout->branches, branch);
  g_mutex_unlock (&fanout->lock);
  gst_pad_set_active (branch, FALSE);
  gst_element_remove_pad (GST_ELEMENT (fanout), branch);
  gst_object_unref (branch);
}

/**
 * mesh_fanout_branch_dropped:
 * Returns: how many buffers the branch has dropped since its gate opened
 */
guint64
mesh_fanout_branch_dropped (GstPad *branch)
{
  MeshBranch *self = MESH_BRANCH (branch);
  guint64 dropped;

  g_mutex_lock (&self->lock);
  dropped = self->dropped;
  g_mutex_unlock (&self->lock);
  return dropped;
}

/**
 * mesh_fanout_set_muted:
 * @fanout: the fan-out
 * @muted: whether to let nothing pass
 *
 * Mutes the stream for all branches. Nothing that arrives after this returned
 * goes out, nor what still lay in a branch's queue.
 */
void
mesh_fanout_set_muted (MeshFanout *fanout, gboolean muted)
{
  GQueue doomed = G_QUEUE_INIT;

  g_mutex_lock (&fanout->lock);
  fanout->muted = muted;
  for (guint i = 0; muted && i < fanout->branches->len; i++) {
    MeshBranch *branch = g_ptr_array_index (fanout->branches, i);

    g_mutex_lock (&branch->lock);
    mesh_branch_empty_locked (branch, &doomed);
    g_mutex_unlock (&branch->lock);
  }
  g_mutex_unlock (&fanout->lock);
  mesh_fanout_free_items (&doomed);
}

/**
 * mesh_fanout_measure:
 * @rung: a rung
 * @bits: (out): what came in by its sink pad in the last seconds of the stream,
 *   in bit/s; 0 in its first second
 * @layers: (out): 2 if frames of an upper temporal layer were among it, ever;
 *   else 1
 */
void
mesh_fanout_measure (MeshFanout *fanout, guint rung, guint *bits,
    guint *layers)
{
  g_mutex_lock (&fanout->lock);
  *bits = fanout->inlets[rung].bits;
  *layers = fanout->inlets[rung].layers;
  g_mutex_unlock (&fanout->lock);
}

/**
 * mesh_fanout_new:
 * @caps: (transfer none): the encoded stream's caps, fixed but for what only
 *   the data tells, such as its size
 *
 * Returns: (transfer floating): a fan-out
 */
MeshFanout *
mesh_fanout_new (GstCaps *caps)
{
  MeshFanout *self = g_object_new (MESH_TYPE_FANOUT, NULL);

  self->caps = gst_caps_ref (caps);
  self->is_video = g_str_has_prefix (gst_structure_get_name
      (gst_caps_get_structure (caps, 0)), "video/");
  return self;
}

/**
 * mesh_fanout_set_starved:
 * @fanout: a fan-out that gets nothing yet
 * @starved: what to call when upstream does not make the key frames that it is
 *   asked for
 * @user_data: for @starved
 */
void
mesh_fanout_set_starved (MeshFanout *fanout, MeshFanoutStarved starved,
    gpointer user_data)
{
  fanout->starved = starved;
  fanout->user_data = user_data;
}

static void
mesh_fanout_finalize (GObject *object)
{
  MeshFanout *self = MESH_FANOUT (object);

  gst_clear_caps (&self->caps);
  for (guint i = 0; i < MESH_RUNGS; i++) {
    gst_clear_event (&self->inlets[i].caps);
    gst_clear_event (&self->inlets[i].segment);
  }
  g_ptr_array_unref (self->branches);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (mesh_fanout_parent_class)->finalize (object);
}

static void
add_inlet (MeshFanout *self, guint rung)
{
  MeshInlet *inlet = &self->inlets[rung];
  GstStaticPadTemplate *template = &sink_templates[rung];
  GstPad *pad = gst_pad_new_from_static_template (template,
      template->name_template);

  gst_pad_set_element_private (pad, GUINT_TO_POINTER (rung));
  gst_pad_set_chain_function (pad, fanout_chain);
  gst_pad_set_event_function (pad, fanout_event);
  gst_pad_set_query_function (pad, fanout_query);
  gst_element_add_pad (GST_ELEMENT (self), pad);
  inlet->pad = pad;
  inlet->layers = 1;
  inlet->newest = inlet->asked_at = inlet->since = GST_CLOCK_TIME_NONE;
}

static void
mesh_fanout_init (MeshFanout *self)
{
  g_mutex_init (&self->lock);
  self->branches = g_ptr_array_new ();
  for (guint i = 0; i < MESH_RUNGS; i++)
    add_inlet (self, i);
}

static void
mesh_fanout_class_init (MeshFanoutClass *klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = mesh_fanout_finalize;
  for (guint i = 0; i < MESH_RUNGS; i++)
    gst_element_class_add_static_pad_template (element_class,
        &sink_templates[i]);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Mesh fan-out",
      "Generic", "Hands one encoded stream to many peers",
      "The meshroom developers");
}
