/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A branch of a fan-out: which frames of which rung it takes, its queue, and
 * the thread that pushes what is in there. */

#include "meshroom/fanout-private.h"

#include <gst/video/video.h>

#include "meshroom/common.h"

/* How far a branch may lie behind before it is emptied: a quarter of a second
 * is more than a scheduling hiccup and less than anybody wants to wait for
 * (guides of SFUs use 100-300 ms). The bytes bound a stream of wild bitrate. */
#define MAX_QUEUED_TIME (250 * GST_MSECOND)
#define MAX_QUEUED_BYTES (2 * 1024 * 1024)
#define MAX_QUEUED_ITEMS 256

/* The least difference of PTS that makes two RTP timestamps of video, which
 * count 90,000 a second, differ. */
#define RTP_TICK (GST_SECOND / 90000 + 1)

G_DEFINE_FINAL_TYPE (MeshBranch, mesh_branch, GST_TYPE_PAD)

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

void
mesh_fanout_free_items (GQueue *doomed)
{
  g_queue_clear_full (doomed, (GDestroyNotify) gst_mini_object_unref);
}

/* Drops what is queued. Picture ids are counted behind us, so the far end
 * cannot see the gap: a delta frame now would decode to garbage. */
void
mesh_branch_empty_locked (MeshBranch *branch, GQueue *doomed)
{
  clear_items_locked (branch, FALSE, doomed);
  if (branch->is_video)
    branch->rung = MESH_RUNGS;
}

/* Reads the temporal layer that a VP8 encoder has noted on the frame.
 *
 * Returns: the layer; @sync: (out) (optional): whether the frame needs none of
 *   the layers above the lowest */
guint
mesh_frame_read_layer (GstBuffer *buffer, gboolean *sync)
{
  GstCustomMeta *meta = gst_meta_get_info ("GstVP8Meta")
      ? gst_buffer_get_custom_meta (buffer, "GstVP8Meta") : NULL;
  GstStructure *s = meta ? gst_custom_meta_get_structure (meta) : NULL;
  guint layer = 0;

  if (s)
    gst_structure_get_uint (s, "layer-id", &layer);
  if (s && sync)
    gst_structure_get_boolean (s, "layer-sync", sync);
  return layer;
}

/* Leaves out the upper layers, also of what is queued. */
void
mesh_branch_drop_layers_locked (MeshBranch *branch, GQueue *doomed)
{
  GQueue kept = G_QUEUE_INIT;
  GstMiniObject *item;

  branch->top = 0;
  while ((item = g_queue_pop_head (&branch->items))) {
    gboolean spare = GST_IS_BUFFER (item)
        && mesh_frame_read_layer (GST_BUFFER (item), NULL) > 0;

    if (spare)
      branch->bytes -= gst_buffer_get_size (GST_BUFFER (item));
    g_queue_push_tail (spare ? doomed : &kept, item);
  }
  branch->items = kept;
}

static void
queue_locked (MeshBranch *branch, gpointer item)
{
  g_queue_push_tail (&branch->items, item);
  g_cond_signal (&branch->cond);
}

/* Queues the event that tells of the stream, unless it was the last one of its
 * kind. */
static void
tell_locked (MeshBranch *branch, GstEvent **told, GstEvent *event)
{
  if (event && !branch->flushing && gst_event_replace (told, event))
    queue_locked (branch, gst_event_ref (event));
}

static void
tell_all_locked (MeshBranch *branch, const MeshInlet *inlet)
{
  tell_locked (branch, &branch->caps, inlet->caps);
  tell_locked (branch, &branch->segment, inlet->segment);
}

/* Queues the events of @rung that have come, if the branch is on it. */
void
mesh_branch_take_events (MeshBranch *branch, const MeshInlet *inlet, guint rung)
{
  g_mutex_lock (&branch->lock);
  if (rung == (branch->rung < MESH_RUNGS ? branch->rung : branch->wanted))
    tell_all_locked (branch, inlet);
  g_mutex_unlock (&branch->lock);
}

/* Queues the first events of a new branch: those of the highest rung that is
 * known, since connections are negotiated by them. */
void
mesh_branch_begin (MeshBranch *branch, const MeshInlet *inlets)
{
  g_autofree char *stream_id =
      g_strdup_printf ("meshroom/%s", GST_OBJECT_NAME (branch));
  guint rung = 0;

  while (rung < MESH_RUNGS - 1 && !inlets[rung].caps)
    rung++;
  g_mutex_lock (&branch->lock);
  queue_locked (branch, gst_event_new_stream_start (stream_id));
  tell_all_locked (branch, &inlets[rung]);
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

/* Whether what the branch's thread pushes has been under way for longer than a
 * branch may lie behind. A peer whose packets are paced is not stuck. */
static gboolean
is_stuck_locked (MeshBranch *branch, const MeshFrame *frame)
{
  return branch->busy && !(GST_CLOCK_TIME_IS_VALID (branch->newest)
      && GST_CLOCK_TIME_IS_VALID (frame->time)
      && frame->time <= branch->newest + MAX_QUEUED_TIME);
}

/* Lets the frames of the wanted rung pass. Those of another one that are still
 * queued are dropped. */
static void
come_to_rung_locked (MeshBranch *branch, const MeshInlet *inlet, guint rung,
    GQueue *doomed)
{
  clear_items_locked (branch, FALSE, doomed);
  tell_all_locked (branch, inlet);
  branch->outdated |= branch->busy && branch->busy_with < rung;
  branch->rung = rung;
  branch->floor = branch->newest;
}

/* Whether the branch is to have the frame's layer, and can decode it. A layer
 * that was left out comes back with a frame that needs nothing of it, the
 * layers below first. It does not come back to a rung that is about to be left,
 * since a peer that goes down to all frames of a smaller rung has too little for
 * all frames of this one. */
static gboolean
takes_layer_locked (MeshBranch *branch, const MeshFrame *frame)
{
  gboolean all = branch->layers > 1 && branch->rung == branch->wanted;

  if (!frame->delta && all)
    branch->top = G_MAXUINT;
  if (frame->layer <= branch->top)
    return TRUE;
  if (!all || !frame->sync || frame->layer > branch->top + 1)
    return FALSE;
  branch->top = frame->layer;
  return TRUE;
}

/* Queues the frame, where the branch is to have it.
 *
 * Returns: whether the branch waits for a key frame of this rung. One that is
 * stuck needs none before it moves again, or its peer would cost all others a
 * stream of key frames. */
gboolean
mesh_branch_take_frame (MeshBranch *branch, const MeshInlet *inlet,
    const MeshFrame *frame, GQueue *doomed)
{
  gboolean waits = FALSE;

  g_mutex_lock (&branch->lock);
  if (!branch->open || branch->flushing) {
    g_mutex_unlock (&branch->lock);
    return FALSE;
  }
  if (frame->rung == branch->rung && is_overfull_locked (branch, frame->buffer))
    mesh_branch_empty_locked (branch, doomed);
  if (frame->rung == branch->wanted && frame->rung != branch->rung
      && !frame->delta)
    come_to_rung_locked (branch, inlet, frame->rung, doomed);
  if (frame->rung == branch->rung) {
    if (takes_layer_locked (branch, frame)) {
      queue_locked (branch, gst_buffer_ref (frame->buffer));
      branch->bytes += gst_buffer_get_size (frame->buffer);
    }
  } else if (frame->rung == branch->wanted) {
    branch->dropped += branch->rung == MESH_RUNGS;
    waits = !is_stuck_locked (branch, frame);
  }
  g_mutex_unlock (&branch->lock);
  return waits;
}

/* --- the branch's thread --- */

/* Returns: by how much the buffer's PTS is to be raised. Encoders take different
 * times for a frame, so the first frames of a rung may be of the same time as
 * frames of the former one that have been pushed. */
static GstClockTime
choose_delay_locked (MeshBranch *branch, GstBuffer *buffer)
{
  GstClockTime time = gst_segment_to_running_time (&branch->now,
      GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
  GstClockTime delay = 0;

  if (!GST_CLOCK_TIME_IS_VALID (time))
    return 0;
  if (GST_CLOCK_TIME_IS_VALID (branch->floor)
      && time < branch->floor + RTP_TICK) {
    delay = branch->floor + RTP_TICK - time;
    branch->floor += RTP_TICK;
  } else {
    branch->floor = GST_CLOCK_TIME_NONE;
  }
  branch->newest = time + delay;
  return delay;
}

static void
push_buffer (MeshBranch *branch, GstBuffer *buffer, GstClockTime delay)
{
  if (delay > 0) {
    buffer = gst_buffer_make_writable (buffer);
    GST_BUFFER_PTS (buffer) += delay;
    GST_BUFFER_DTS (buffer) = GST_BUFFER_PTS (buffer);
  }
  gst_pad_push (GST_PAD (branch), buffer);
}

/* The loop of a branch's thread: pushes one item. The flow return does not
 * matter to the other branches: a branch that fails goes on being fed, and
 * fails alone. */
static void
branch_loop (gpointer user_data)
{
  MeshBranch *branch = user_data;
  GstClockTime delay = 0;
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
  if (GST_IS_BUFFER (item)) {
    branch->bytes -= gst_buffer_get_size (GST_BUFFER (item));
    delay = choose_delay_locked (branch, GST_BUFFER (item));
    branch->busy_with_key = branch->is_video
        && !GST_BUFFER_FLAG_IS_SET (item, GST_BUFFER_FLAG_DELTA_UNIT);
  } else if (GST_EVENT_TYPE (item) == GST_EVENT_SEGMENT) {
    gst_event_copy_segment (GST_EVENT (item), &branch->now);
  }
  branch->busy = TRUE;
  branch->busy_with = branch->rung;
  g_mutex_unlock (&branch->lock);

  if (GST_IS_BUFFER (item))
    push_buffer (branch, GST_BUFFER (item), delay);
  else
    gst_pad_push_event (GST_PAD (branch), GST_EVENT (item));

  g_mutex_lock (&branch->lock);
  if (branch->busy_with_key)
    branch->key_sent_at = g_get_monotonic_time ();
  branch->busy = branch->busy_with_key = branch->outdated = FALSE;
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
  mesh_fanout_free_items (&doomed);

  if (active)
    return gst_pad_start_task (pad, branch_loop, pad, NULL);
  return gst_pad_stop_task (pad);
}

/* --- the pad --- */

/* Whether the peer has asked before the key frame that was sent last can have
 * come. Another one would take the path for as long again. */
static gboolean
is_on_its_way_locked (MeshBranch *branch)
{
  return branch->rung == branch->wanted && (branch->busy_with_key
      || (branch->key_sent_at > 0
          && g_get_monotonic_time () - branch->key_sent_at < branch->rtt));
}

/* Passes requests for key frames to the rung that the peer sees. All other
 * events (QOS, LATENCY, RECONFIGURE, feedback of one peer's session) are
 * dropped, since the encoder serves all peers. */
static gboolean
branch_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  MeshBranch *branch = MESH_BRANCH (pad);
  guint rung;

  if (gst_video_event_is_force_key_unit (event)) {
    g_mutex_lock (&branch->lock);
    rung = branch->rung < MESH_RUNGS ? branch->rung : branch->wanted;
    if (is_on_its_way_locked (branch))
      rung = MESH_RUNGS;
    g_mutex_unlock (&branch->lock);
    if (rung < MESH_RUNGS)
      mesh_fanout_want_key_unit (MESH_FANOUT (parent), rung);
  }
  gst_event_unref (event);
  return TRUE;
}

void
mesh_fanout_answer_caps (MeshFanout *self, GstQuery *query)
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
  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CAPS:
      mesh_fanout_answer_caps (MESH_FANOUT (parent), query);
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

/* Returns: (transfer full): a branch whose gate is closed, not active yet */
MeshBranch *
mesh_branch_new (gboolean is_video)
{
  static gint serial;
  g_autofree char *name =
      g_strdup_printf ("src_%d", g_atomic_int_add (&serial, 1));
  MeshBranch *branch = g_object_new (MESH_TYPE_BRANCH, "name", name,
      "direction", GST_PAD_SRC, NULL);

  gst_pad_set_activatemode_function (GST_PAD (branch), branch_activate_mode);
  gst_pad_set_event_function (GST_PAD (branch), branch_event);
  gst_pad_set_query_function (GST_PAD (branch), branch_query);
  branch->is_video = is_video;
  branch->rung = is_video ? MESH_RUNGS : 0;
  return gst_object_ref_sink (branch);
}

static void
mesh_branch_init (MeshBranch *branch)
{
  g_mutex_init (&branch->lock);
  g_cond_init (&branch->cond);
  g_queue_init (&branch->items);
  branch->layers = 2;
  branch->top = G_MAXUINT;
  gst_segment_init (&branch->now, GST_FORMAT_TIME);
  branch->newest = GST_CLOCK_TIME_NONE;
  branch->floor = GST_CLOCK_TIME_NONE;
}

static void
mesh_branch_finalize (GObject *object)
{
  MeshBranch *branch = MESH_BRANCH (object);

  mesh_fanout_free_items (&branch->items);
  gst_clear_event (&branch->caps);
  gst_clear_event (&branch->segment);
  g_mutex_clear (&branch->lock);
  g_cond_clear (&branch->cond);
  G_OBJECT_CLASS (mesh_branch_parent_class)->finalize (object);
}

static void
mesh_branch_class_init (MeshBranchClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mesh_branch_finalize;
}
