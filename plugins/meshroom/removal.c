/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/removal.h"

#include <openssl/crypto.h>

#include "meshroom/certificate.h"

#define THREADS 4

/* How long the end of a call waits for the jobs. A job that is blocked by a
 * paused sink, or by a function of the application that itself ends the call,
 * is completed later, when the block ends. */
#define PATIENCE (5 * G_TIME_SPAN_SECOND)

/* How long a paused sink may hold up a pipeline that goes down as a whole: the
 * room may be stopped before the sink. */
#define PATIENCE_DOWN (200 * G_TIME_SPAN_MILLISECOND)

struct _MeshRemovals {
  GstElement *room;             /* valid until finished */
  MeshNotifier *notifier;
  GThreadPool *pool;

  GMutex lock;                  /* guards what follows */
  GCond cond;
  guint pending;                /* the number of jobs that
                                 * mesh_removals_finish() waits for */
  GQueue ended;                 /* Job: pads for the finishing thread */
  GList *leaving;               /* MeshMemberPads, being removed */
  GList *endings;               /* Job: single pads, being removed */
  GList *peers;                 /* MeshPeer, being closed */
  GHashTable *numbers;          /* of members' pads, as a set */
  gboolean finished;
};

/* One job. Exactly one of peer, member_pads and pad is set; the first job, the
 * certificate, has none of them. */
typedef struct {
  MeshRemovals *removals;
  MeshPeer *peer;
  MeshMemberPads *member_pads;
  GstPad *pad;                  /* gets EOS */
  gboolean removes;             /* and is removed */
  GQueue waiting;               /* Waiter: called when the pad is removed */
} Job;

/* A notice about a new pad, which waits until the old pad of the same name is
 * removed. */
typedef struct {
  MeshNotifyFunc func;
  gpointer data;
  GDestroyNotify destroy;
} Waiter;

static void
removals_clear (gpointer data)
{
  MeshRemovals *self = data;

  mesh_notifier_unref (self->notifier);
  g_hash_table_unref (self->numbers);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
}

static Job *
job_new (MeshRemovals *self)
{
  Job *job = g_new0 (Job, 1);

  job->removals = g_atomic_rc_box_acquire (self);
  g_queue_init (&job->waiting);
  g_mutex_lock (&self->lock);
  self->pending++;
  g_mutex_unlock (&self->lock);
  return job;
}

static void
job_free (gpointer data)
{
  Job *job = data;

  g_atomic_rc_box_release_full (job->removals, removals_clear);
  g_free (job);
}

static void
job_done (Job *job)
{
  MeshRemovals *self = job->removals;

  g_mutex_lock (&self->lock);
  self->pending--;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

/* --- pads of members who have left --- */

static void
end_pad (GstPad *pad, gpointer user_data)
{
  mesh_member_pad_end (pad);
}

static void
stop_pad (GstPad *pad, gpointer user_data)
{
  mesh_member_pad_stop (pad);
}

static void
remove_pad (GstPad *pad, gpointer room)
{
  mesh_member_pad_remove (pad, room);
}

/* Frees a member's pads. Their number is given to another member only after
 * they have been removed from the room. */
static void
free_member_pads (MeshRemovals *self, MeshMemberPads *member_pads)
{
  guint number = mesh_member_pads_get_number (member_pads);

  g_mutex_lock (&self->lock);
  self->leaving = g_list_remove (self->leaving, member_pads);
  g_mutex_unlock (&self->lock);
  mesh_member_pads_free (member_pads);
  g_mutex_lock (&self->lock);
  g_hash_table_remove (self->numbers, GUINT_TO_POINTER (number));
  g_mutex_unlock (&self->lock);
}

/* Called on the notifier's thread, or on the one that finishes. A handler of
 * the application may end the call, which must not wait for this job. */
static void
remove_tile (GstElement *room, gpointer data)
{
  Job *job = data;
  MeshMemberPads *member_pads = g_steal_pointer (&job->member_pads);

  job_done (job);
  mesh_member_pads_foreach (member_pads, remove_pad, room);
  free_member_pads (job->removals, member_pads);
}

/* --- single pads --- */

/* Takes the pad off the list, and posts the notices that have waited for its
 * name. */
static void
forget_ending (Job *job)
{
  MeshRemovals *self = job->removals;
  Waiter *waiter;

  g_mutex_lock (&self->lock);
  self->endings = g_list_remove (self->endings, job);
  g_mutex_unlock (&self->lock);
  while ((waiter = g_queue_pop_head (&job->waiting))) {
    mesh_notifier_post (self->notifier, waiter->func, waiter->data,
        waiter->destroy);
    g_free (waiter);
  }
}

/* Removes a single pad, on the threads on which remove_tile() is called. */
static void
remove_ending (GstElement *room, gpointer data)
{
  Job *job = data;
  MeshRemovals *self = job->removals;
  g_autoptr (GstPad) pad = NULL;

  g_mutex_lock (&self->lock);
  pad = g_steal_pointer (&job->pad);
  g_mutex_unlock (&self->lock);
  job_done (job);
  mesh_member_pad_remove (pad, room);
  forget_ending (job);
}

static void
remove_what (GstElement *room, gpointer data)
{
  if (((Job *) data)->member_pads)
    remove_tile (room, data);
  else
    remove_ending (room, data);
}

/* The notifier was closed. The thread that finishes removes the pads, or has
 * removed them already, and then only the memory is freed. */
static void
drop_removal (gpointer data)
{
  Job *job = data;
  MeshRemovals *self = job->removals;
  gboolean finished;

  if (!job->member_pads && !job->pad) {
    job_free (job);
    return;
  }
  g_mutex_lock (&self->lock);
  finished = self->finished;
  if (!finished)
    g_queue_push_tail (&self->ended, job);
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  if (!finished)
    return;
  if (job->member_pads)
    free_member_pads (self, g_steal_pointer (&job->member_pads));
  else
    forget_ending (job);
  gst_clear_object (&job->pad);
  job_free (job);
}

/* --- the threads --- */

static void
close_peer (MeshRemovals *self, MeshPeer *peer)
{
  mesh_peer_close (peer);
  g_mutex_lock (&self->lock);
  self->peers = g_list_remove (self->peers, peer);
  g_mutex_unlock (&self->lock);
  gst_object_unref (peer);
}

static void
run_job (gpointer data, gpointer user_data)
{
  Job *job = data;

  if (job->member_pads || job->removes) {
    if (job->member_pads) {
      mesh_member_pads_foreach (job->member_pads, end_pad, NULL);
      mesh_member_pads_foreach (job->member_pads, stop_pad, NULL);
    } else {
      mesh_member_pad_end (job->pad);
      mesh_member_pad_stop (job->pad);
    }
    mesh_notifier_post (job->removals->notifier, remove_what, job,
        drop_removal);
    return;
  }
  if (job->peer) {
    close_peer (job->removals, job->peer);
  } else if (job->pad) {
    mesh_member_pad_end (job->pad);
    gst_object_unref (job->pad);
  } else {
    mesh_certificate_make ();
  }
  /* OpenSSL cleans up its data of this thread now, as of the connections'
   * threads (mesh_peer_handle_message()), and not when the process exits. */
  OPENSSL_thread_stop ();
  job_done (job);
  job_free (job);
}

static void
start_job (gpointer data)
{
  g_thread_pool_push (((Job *) data)->removals->pool, data, NULL);
}

static void
wait_turn (GstElement *room, gpointer data)
{
}

/**
 * mesh_removals_new:
 * @room: the element whose pads and connections they are
 * @notifier: emits "pad-removed"
 *
 * The first job of the threads is the certificate, which the first connection
 * needs, and which takes long to make.
 *
 * Returns: (transfer full): for mesh_removals_finish()
 */
MeshRemovals *
mesh_removals_new (GstElement *room, MeshNotifier *notifier)
{
  MeshRemovals *self = g_atomic_rc_box_new0 (MeshRemovals);

  self->room = room;
  self->notifier = mesh_notifier_ref (notifier);
  self->pool = g_thread_pool_new (run_job, NULL, THREADS, FALSE, NULL);
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  g_queue_init (&self->ended);
  self->numbers = g_hash_table_new (NULL, NULL);
  start_job (job_new (self));
  return self;
}

/**
 * mesh_removals_take_number:
 * Returns: the lowest number that no member's pads have, nor a pad that is
 *   still there
 */
guint
mesh_removals_take_number (MeshRemovals *removals)
{
  guint number = 0;

  g_mutex_lock (&removals->lock);
  while (!g_hash_table_add (removals->numbers, GUINT_TO_POINTER (number)))
    number++;
  g_mutex_unlock (&removals->lock);
  return number;
}

/**
 * mesh_removals_push_peer:
 * @peer: (transfer full): an abandoned attempt, to be closed
 */
void
mesh_removals_push_peer (MeshRemovals *removals, MeshPeer *peer)
{
  Job *job = job_new (removals);

  job->peer = peer;
  g_mutex_lock (&removals->lock);
  removals->peers = g_list_prepend (removals->peers, peer);
  g_mutex_unlock (&removals->lock);
  start_job (job);
}

/**
 * mesh_removals_push_pads:
 * @member_pads: (transfer full): a member's pads, disconnected
 *
 * The pads give EOS and are removed, after all notices that were posted so far.
 */
void
mesh_removals_push_pads (MeshRemovals *removals, MeshMemberPads *member_pads)
{
  Job *job;

  /* a member without pads leaves nothing to wait for */
  if (!mesh_member_pads_have_any (member_pads)) {
    free_member_pads (removals, member_pads);
    return;
  }
  job = job_new (removals);
  job->member_pads = member_pads;
  g_mutex_lock (&removals->lock);
  removals->leaving = g_list_prepend (removals->leaving, member_pads);
  g_mutex_unlock (&removals->lock);
  mesh_notifier_post (removals->notifier, wait_turn, job, start_job);
}

static void
push_end (GstPad *pad, gpointer user_data)
{
  Job *job = job_new (user_data);

  job->pad = gst_object_ref (pad);
  mesh_notifier_post (job->removals->notifier, wait_turn, job, start_job);
}

/**
 * mesh_removals_end_pads:
 * @member_pads: (transfer none): a member's pads
 *
 * The pads give EOS, and stay in the room.
 */
void
mesh_removals_end_pads (MeshRemovals *removals, MeshMemberPads *member_pads)
{
  mesh_member_pads_foreach (member_pads, push_end, removals);
}

/**
 * mesh_removals_push_pad:
 * @pad: (transfer full): a pad that is not among any member's any more
 *
 * The pad gives EOS and is removed, as the pads of a member who has left.
 */
void
mesh_removals_push_pad (MeshRemovals *removals, GstPad *pad)
{
  Job *job = job_new (removals);

  job->pad = pad;
  job->removes = TRUE;
  g_mutex_lock (&removals->lock);
  removals->endings = g_list_prepend (removals->endings, job);
  g_mutex_unlock (&removals->lock);
  mesh_notifier_post (removals->notifier, wait_turn, job, start_job);
}

/* Finds the last pad of that name that is being removed. */
static Job *
find_ending_locked (MeshRemovals *self, const char *name)
{
  for (GList *l = self->endings; l; l = l->next) {
    Job *job = l->data;

    if (job->pad && g_str_equal (GST_PAD_NAME (job->pad), name))
      return job;
  }
  return NULL;
}

/**
 * mesh_removals_tell_of_pad:
 * @pad: a new pad of a member
 * @func: adds it to the room
 * @data: for @func
 * @destroy: frees @data
 *
 * As mesh_notifier_post(), but not before a pad of the same name has been
 * removed.
 */
void
mesh_removals_tell_of_pad (MeshRemovals *removals, GstPad *pad,
    MeshNotifyFunc func, gpointer data, GDestroyNotify destroy)
{
  Job *before;

  g_mutex_lock (&removals->lock);
  before = find_ending_locked (removals, GST_PAD_NAME (pad));
  if (before) {
    Waiter *waiter = g_new (Waiter, 1);

    *waiter = (Waiter) { func, data, destroy };
    g_queue_push_tail (&before->waiting, waiter);
  }
  g_mutex_unlock (&removals->lock);
  if (!before)
    mesh_notifier_post (removals->notifier, func, data, destroy);
}

static void
collect_pad (GstPad *pad, gpointer pads)
{
  g_ptr_array_add (pads, gst_object_ref (pad));
}

/* Returns: (transfer full): all pads that are being removed */
static GPtrArray *
collect_pads_locked (MeshRemovals *self)
{
  GPtrArray *pads = g_ptr_array_new_with_free_func (gst_object_unref);

  for (GList *l = self->leaving; l; l = l->next)
    mesh_member_pads_foreach (l->data, collect_pad, pads);
  for (GList *l = self->endings; l; l = l->next) {
    if (((Job *) l->data)->pad)
      collect_pad (((Job *) l->data)->pad, pads);
  }
  return pads;
}

static gboolean
pipeline_goes_down (GstElement *room)
{
  g_autoptr (GstObject) top = gst_object_ref (GST_OBJECT (room));
  GstObject *parent;

  while ((parent = gst_object_get_parent (top))) {
    gst_object_unref (top);
    top = parent;
  }
  return top != GST_OBJECT (room)
      && GST_STATE_TARGET (top) < GST_STATE_PAUSED;
}

/* Waits until all jobs are done. Returns FALSE if that takes longer than
 * @patience. */
static gboolean
wait_for_jobs (MeshRemovals *self, gint64 patience)
{
  gint64 end = g_get_monotonic_time () + patience;
  gboolean done;

  g_mutex_lock (&self->lock);
  while (self->pending > 0) {
    Job *job = g_queue_pop_head (&self->ended);

    if (!job) {
      if (!g_cond_wait_until (&self->cond, &self->lock, end))
        break;
      continue;
    }
    g_mutex_unlock (&self->lock);
    remove_what (self->room, job);
    job_free (job);
    g_mutex_lock (&self->lock);
  }
  done = self->pending == 0;
  g_mutex_unlock (&self->lock);
  return done;
}

/* Flushes the elements behind the pads, so that they release the buffers which
 * they block on: they are about to be stopped anyway. */
static void
flush_pads (MeshRemovals *self)
{
  g_autoptr (GPtrArray) pads = NULL;

  g_mutex_lock (&self->lock);
  pads = collect_pads_locked (self);
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < pads->len; i++)
    gst_pad_push_event (pads->pdata[i], gst_event_new_flush_start ());
}

/* Removes what is left from the room, and leaves the rest to the threads:
 * connections that are being closed, whose state change would block the room's;
 * pads whose EOS is being pushed; and pads whose notice is still queued. */
static void
let_go (MeshRemovals *self)
{
  g_autoptr (GPtrArray) pads = NULL;
  g_autoptr (GPtrArray) peers =
      g_ptr_array_new_with_free_func (gst_object_unref);

  g_mutex_lock (&self->lock);
  pads = collect_pads_locked (self);
  for (GList *l = self->peers; l; l = l->next)
    g_ptr_array_add (peers, gst_object_ref (l->data));
  self->finished = TRUE;
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < peers->len; i++)
    mesh_peer_let_go (peers->pdata[i]);
  for (guint i = 0; i < pads->len; i++)
    mesh_member_pad_remove (pads->pdata[i], self->room);
}

/**
 * mesh_removals_finish:
 * @removals: (transfer full): the removals, with the notifier closed
 *
 * Waits until all jobs are done, unless this thread is one that a job waits
 * for. When it returns, no pad of a member and no connection is left in the
 * room in any case.
 */
void
mesh_removals_finish (MeshRemovals *removals)
{
  gboolean inside = mesh_member_pad_is_inside (removals->room);
  gboolean down = !inside && pipeline_goes_down (removals->room);
  gboolean done = wait_for_jobs (removals, inside ? 0
      : down ? PATIENCE_DOWN : PATIENCE);

  if (!done && down) {
    flush_pads (removals);
    done = wait_for_jobs (removals, PATIENCE);
  }
  if (!done)
    GST_WARNING_OBJECT (removals->room, "connections or pads are still held by "
        "what is linked to them, and go when that lets go of them");
  let_go (removals);
  g_thread_pool_free (removals->pool, FALSE, FALSE);
  g_atomic_rc_box_release_full (removals, removals_clear);
}
