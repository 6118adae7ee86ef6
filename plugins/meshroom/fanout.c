/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The branches of a fan-out (fanout.h), and the stream to them. A tee would
 * fail for all branches when one fails, and send RECONFIGURE up to the camera
 * at each new branch. Any thread may call. */

#include "meshroom/fanout-private.h"

#include <gst/video/video.h>

#include "meshroom/common.h"

/* How far a branch may lie behind before it is emptied: a quarter of a second
 * is more than a scheduling hiccup and less than anybody wants to wait for
 * (guides of SFUs use 100-300 ms). The bytes bound a stream of wild bitrate. */
#define MAX_QUEUED_TIME (250 * GST_MSECOND)
#define MAX_QUEUED_BYTES (2 * 1024 * 1024)
#define MAX_QUEUED_ITEMS 256

G_DEFINE_FINAL_TYPE (MeshBranch, mesh_branch, GST_TYPE_PAD)

G_DEFINE_FINAL_TYPE (MeshFanout, mesh_fanout, GST_TYPE_ELEMENT)

static GstStaticPadTemplate sink_template =
GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template =
GST_STATIC_PAD_TEMPLATE ("src_%u", GST_PAD_SRC, GST_PAD_REQUEST,
    GST_STATIC_CAPS_ANY);

/* Moves the branch's buffers, and with @events_too its events, to @doomed. They
 * are freed without the lock: a buffer may go back to the pool of a camera. */
static void
clear_items_locked (MeshBranch *branch, gboolean events_too, GQueue *doomed)
{
  GQueue kept = G_QUEUE_INIT;
  GstMiniObject *item;

  while ((item = g_queue_pop_head (&branch->items))) {
    if (GST_IS_BUFFER (item))
      branch->dropped++;
    g_queue_push_tail (GST_IS_EVENT (item) && !events_too ? &kept : doomed,
        item);
  }
  branch->items = kept;
  branch->bytes = 0;
}

static void
free_items (GQueue *doomed)
{
  g_queue_clear_full (doomed, (GDestroyNotify) gst_mini_object_unref);
}

static void
mesh_branch_init (MeshBranch *branch)
{
  g_mutex_init (&branch->lock);
  g_cond_init (&branch->cond);
  g_queue_init (&branch->items);
}

static void
mesh_branch_finalize (GObject *object)
{
  MeshBranch *branch = MESH_BRANCH (object);

  free_items (&branch->items);
  g_mutex_clear (&branch->lock);
  g_cond_clear (&branch->cond);
  G_OBJECT_CLASS (mesh_branch_parent_class)->finalize (object);
}

static void
mesh_branch_class_init (MeshBranchClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mesh_branch_finalize;
}

/* The loop of a branch's thread: pushes one item. The flow return does not
 * matter to the other branches: a branch that fails goes on being fed, and
 * fails alone. */
static void
branch_loop (gpointer user_data)
{
  MeshBranch *branch = user_data;
  GstMiniObject *item;

  g_mutex_lock (&branch->lock);
  while (!branch->flushing && g_queue_is_empty (&branch->items))
    g_cond_wait (&branch->cond, &branch->lock);
  if (branch->flushing) {
    g_mutex_unlock (&branch->lock);
    gst_pad_pause_task (GST_PAD (branch));
    return;
  }
  item = g_queue_pop_head (&branch->items);
  if (GST_IS_BUFFER (item))
    branch->bytes -= gst_buffer_get_size (GST_BUFFER (item));
  branch->busy = TRUE;
  g_mutex_unlock (&branch->lock);

  if (GST_IS_BUFFER (item))
    gst_pad_push (GST_PAD (branch), GST_BUFFER (item));
  else
    gst_pad_push_event (GST_PAD (branch), GST_EVENT (item));

  g_mutex_lock (&branch->lock);
  branch->busy = FALSE;
  g_mutex_unlock (&branch->lock);
}

static gboolean
branch_activate_mode (GstPad *pad, GstObject *parent, GstPadMode mode,
    gboolean active)
{
  MeshBranch *branch = MESH_BRANCH (pad);
  GQueue doomed = G_QUEUE_INIT;

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  g_mutex_lock (&branch->lock);
  branch->flushing = !active;
  if (!active)
    clear_items_locked (branch, TRUE, &doomed);
  g_cond_signal (&branch->cond);
  g_mutex_unlock (&branch->lock);
  free_items (&doomed);

  if (active)
    return gst_pad_start_task (pad, branch_loop, pad, NULL);
  return gst_pad_stop_task (pad);
}

/* Passes requests for key frames upstream. All other events (QOS, LATENCY,
 * RECONFIGURE, feedback of one peer's session) are dropped, since the encoder
 * serves all peers. */
static gboolean
branch_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  if (gst_video_event_is_force_key_unit (event))
    mesh_fanout_want_key_unit (MESH_FANOUT (parent));
  gst_event_unref (event);
  return TRUE;
}

static void
answer_caps (MeshFanout *self, GstQuery *query)
{
  GstCaps *filter;
  g_autoptr (GstCaps) caps = NULL;

  gst_query_parse_caps (query, &filter);
  caps = filter ? gst_caps_intersect (filter, self->caps)
      : gst_caps_ref (self->caps);
  gst_query_set_caps_result (query, caps);
}

static gboolean
branch_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  MeshFanout *self = MESH_FANOUT (parent);

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CAPS:
      answer_caps (self, query);
      return TRUE;
    case GST_QUERY_LATENCY:
      /* The frames are on time as they come: the encoder has no look-ahead,
       * and each peer's timing starts anew at its RTP sender. */
      gst_query_set_latency (query, TRUE, 0, GST_CLOCK_TIME_NONE);
      return TRUE;
    default:
      return gst_pad_query_default (pad, parent, query);
  }
}

static void
branch_add_event (MeshBranch *branch, GstEvent *event)
{
  g_mutex_lock (&branch->lock);
  if (branch->flushing) {
    gst_event_unref (event);
  } else {
    g_queue_push_tail (&branch->items, event);
    g_cond_signal (&branch->cond);
  }
  g_mutex_unlock (&branch->lock);
}

/* Whether the queue has grown past what a live branch may hold. */
static gboolean
is_overfull_locked (MeshBranch *branch, GstBuffer *buffer)
{
  GstMiniObject *head = g_queue_peek_head (&branch->items);
  GstClockTime oldest = head && GST_IS_BUFFER (head)
      ? GST_BUFFER_DTS_OR_PTS (GST_BUFFER (head)) : GST_CLOCK_TIME_NONE;
  GstClockTime newest = GST_BUFFER_DTS_OR_PTS (buffer);

  if (branch->bytes > MAX_QUEUED_BYTES
      || g_queue_get_length (&branch->items) >= MAX_QUEUED_ITEMS)
    return TRUE;
  return GST_CLOCK_TIME_IS_VALID (oldest) && GST_CLOCK_TIME_IS_VALID (newest)
      && newest > oldest && newest - oldest > MAX_QUEUED_TIME;
}

/* Returns: whether the branch needs a key frame to go on. One that is stuck
 * needs none before it moves again, or its peer would cost all others a
 * stream of key frames. */
static gboolean
branch_add_buffer (MeshFanout *self, MeshBranch *branch, GstBuffer *buffer,
    GQueue *doomed)
{
  gboolean delta = GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  gboolean need_key;

  g_mutex_lock (&branch->lock);
  if (!branch->open || branch->flushing) {
    g_mutex_unlock (&branch->lock);
    return FALSE;
  }
  if (is_overfull_locked (branch, buffer)) {
    clear_items_locked (branch, FALSE, doomed);
    /* Picture ids are counted behind us, so the far end cannot see the gap:
     * a delta frame now would decode to garbage. */
    branch->need_key = self->is_video;
  }
  if (!delta)
    branch->need_key = FALSE;
  need_key = branch->need_key;
  if (need_key) {
    branch->dropped++;
    need_key = !branch->busy;
  } else {
    g_queue_push_tail (&branch->items, gst_buffer_ref (buffer));
    branch->bytes += gst_buffer_get_size (buffer);
    g_cond_signal (&branch->cond);
  }
  g_mutex_unlock (&branch->lock);
  return need_key;
}

static GstFlowReturn
fanout_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  MeshFanout *self = MESH_FANOUT (parent);
  GQueue doomed = G_QUEUE_INIT;
  gboolean waits = FALSE;
  gint64 waited;

  /* The lock is held while muted is checked and the item is queued, so that
   * nothing is queued after the setter has returned. */
  g_mutex_lock (&self->lock);
  /* A request that has not been passed on yet is fulfilled by this key
   * frame. */
  if (!self->muted && !GST_BUFFER_FLAG_IS_SET (buffer,
          GST_BUFFER_FLAG_DELTA_UNIT))
    g_atomic_int_set (&self->key_wanted, FALSE);
  for (guint i = 0; !self->muted && i < self->branches->len; i++) {
    if (branch_add_buffer (self, g_ptr_array_index (self->branches, i),
            buffer, &doomed)) {
      mesh_fanout_want_key_unit (self);
      waits = TRUE;
    }
  }
  waited = mesh_fanout_note_wait_locked (self, waits);
  g_mutex_unlock (&self->lock);
  free_items (&doomed);
  gst_buffer_unref (buffer);

  mesh_fanout_request_key_unit (self);
  if (waited > 0 && self->starved)
    self->starved (waited, self->user_data);
  return GST_FLOW_OK;
}

static gboolean
fanout_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  MeshFanout *self = MESH_FANOUT (parent);
  GstEvent **latest;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      latest = &self->caps_event;
      break;
    case GST_EVENT_SEGMENT:
      latest = &self->segment;
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
    branch_add_event (g_ptr_array_index (self->branches, i),
        gst_event_ref (event));
  g_mutex_unlock (&self->lock);
  gst_event_unref (event);
  return TRUE;
}

static gboolean
fanout_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  MeshFanout *self = MESH_FANOUT (parent);

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CAPS:
      answer_caps (self, query);
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
  static gint serial;
  g_autofree char *name =
      g_strdup_printf ("src_%d", g_atomic_int_add (&serial, 1));
  g_autofree char *stream_id = g_strdup_printf ("meshroom/%s", name);
  GstPad *pad = g_object_new (MESH_TYPE_BRANCH, "name", name, "direction",
      GST_PAD_SRC, NULL);

  gst_pad_set_activatemode_function (pad, branch_activate_mode);
  gst_pad_set_event_function (pad, branch_event);
  gst_pad_set_query_function (pad, branch_query);
  gst_object_ref_sink (pad);

  gst_pad_set_active (pad, TRUE);
  gst_element_add_pad (GST_ELEMENT (fanout), pad);
  g_mutex_lock (&fanout->lock);
  branch_add_event (MESH_BRANCH (pad), gst_event_new_stream_start (stream_id));
  if (fanout->caps_event)
    branch_add_event (MESH_BRANCH (pad), gst_event_ref (fanout->caps_event));
  if (fanout->segment)
    branch_add_event (MESH_BRANCH (pad), gst_event_ref (fanout->segment));
  g_ptr_array_add (fanout->branches, pad);
  g_mutex_unlock (&fanout->lock);
  return pad;
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

  g_mutex_lock (&self->lock);
  self->open = TRUE;
  self->need_key = fanout->is_video;
  g_mutex_unlock (&self->lock);
  mesh_fanout_want_key_unit (fanout);
  mesh_fanout_request_key_unit (fanout);
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
  clear_items_locked (self, FALSE, &doomed);
  g_mutex_unlock (&self->lock);
  free_items (&doomed);
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
    clear_items_locked (branch, FALSE, &doomed);
    branch->need_key = fanout->is_video;
    g_mutex_unlock (&branch->lock);
  }
  g_mutex_unlock (&fanout->lock);
  free_items (&doomed);
  if (!muted)
    mesh_fanout_want_key_unit (fanout);
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
  gst_clear_event (&self->caps_event);
  gst_clear_event (&self->segment);
  g_ptr_array_unref (self->branches);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (mesh_fanout_parent_class)->finalize (object);
}

static void
mesh_fanout_init (MeshFanout *self)
{
  g_mutex_init (&self->lock);
  self->branches = g_ptr_array_new ();
  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad, fanout_chain);
  gst_pad_set_event_function (self->sinkpad, fanout_event);
  gst_pad_set_query_function (self->sinkpad, fanout_query);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);
}

static void
mesh_fanout_class_init (MeshFanoutClass *klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = mesh_fanout_finalize;
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Mesh fan-out",
      "Generic", "Hands one encoded stream to many peers",
      "The meshroom developers");
}
