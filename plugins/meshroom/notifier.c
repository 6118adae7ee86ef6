/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/notifier.h"

/* How long closing waits for the queued notices. The wait is limited, since a
 * handler may itself wait for the state change that closes the notifier, such
 * as one that changes the state of the same pipeline. */
#define PATIENCE (2 * G_TIME_SPAN_SECOND)

typedef struct {
  MeshNotifyFunc func;
  gpointer data;
  GDestroyNotify destroy;
} Notice;

struct _MeshNotifier {
  GstElement *element;          /* no reference: the element outlives the
                                 * notifier */

  GMutex lock;                  /* guards what follows */
  GCond cond;
  GQueue waiting;               /* Notice */
  GThread *thread;              /* the thread that runs a notice right now;
                                 * NULL: none */
  gboolean running;             /* a thread has been started and has not
                                 * ended */
  gboolean closed;              /* accepts no more notices */
  gboolean dropped;             /* runs no more notices */
};

static void
notice_free (gpointer data)
{
  Notice *notice = data;

  if (notice->destroy)
    notice->destroy (notice->data);
  g_free (notice);
}

static void
notifier_clear (gpointer data)
{
  MeshNotifier *self = data;

  g_queue_clear_full (&self->waiting, notice_free);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
}

/**
 * mesh_notifier_new:
 * @element: the element whose signals and messages these are; must outlive
 *   every mesh_notifier_post()
 *
 * Returns: (transfer full): a notifier
 */
MeshNotifier *
mesh_notifier_new (GstElement *element)
{
  MeshNotifier *self = g_atomic_rc_box_new0 (MeshNotifier);

  self->element = element;
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  g_queue_init (&self->waiting);
  return self;
}

MeshNotifier *
mesh_notifier_ref (MeshNotifier *notifier)
{
  return g_atomic_rc_box_acquire (notifier);
}

void
mesh_notifier_unref (MeshNotifier *notifier)
{
  g_atomic_rc_box_release_full (notifier, notifier_clear);
}

/* Takes the next notice; NULL ends the thread's work. An element closes its
 * notifier before it is freed, so the element exists as long as there is a
 * notice. */
static Notice *
take_next (MeshNotifier *self, GstElement **element)
{
  Notice *next;

  g_mutex_lock (&self->lock);
  next = self->dropped ? NULL : g_queue_pop_head (&self->waiting);
  if (next)
    *element = gst_object_ref (self->element);
  self->thread = next ? g_thread_self () : NULL;
  self->running = next != NULL;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
  return next;
}

/* Runs the notices. The reference to the element may be the last one, and is
 * released before a thread that waits for the handler continues. */
static void
run (gpointer data, gpointer user_data)
{
  g_autoptr (MeshNotifier) self = data;
  GstElement *element;
  Notice *notice;

  while ((notice = take_next (self, &element))) {
    notice->func (element, notice->data);
    notice_free (notice);
    gst_object_unref (element);
  }
}

static gpointer
make_pool (gpointer user_data)
{
  return g_thread_pool_new (run, NULL, -1, FALSE, NULL);
}

static void
start_thread (MeshNotifier *self)
{
  static GOnce once = G_ONCE_INIT;

  g_thread_pool_push (g_once (&once, make_pool, NULL), mesh_notifier_ref (self),
      NULL);
}

/**
 * mesh_notifier_post:
 * @func: called with the element and @data, after all notices that were posted
 *   before
 * @data: for @func
 * @destroy: (nullable): frees @data, also if @func is never called since the
 *   notifier was closed first
 *
 * Returns: %FALSE when the notifier is closed
 */
gboolean
mesh_notifier_post (MeshNotifier *notifier, MeshNotifyFunc func, gpointer data,
    GDestroyNotify destroy)
{
  Notice *notice = g_new (Notice, 1);
  gboolean closed, start;

  notice->func = func;
  notice->data = data;
  notice->destroy = destroy;
  g_mutex_lock (&notifier->lock);
  closed = notifier->closed;
  start = !closed && !notifier->running;
  if (start)
    notifier->running = TRUE;
  if (!closed)
    g_queue_push_tail (&notifier->waiting, notice);
  g_mutex_unlock (&notifier->lock);
  if (closed)
    notice_free (notice);
  else if (start)
    start_thread (notifier);
  return !closed;
}

static void
post (GstElement *element, gpointer message)
{
  gst_element_post_message (element, gst_message_ref (message));
}

/**
 * mesh_notifier_post_message:
 * @message: (transfer full): the message to post on the element's bus
 */
void
mesh_notifier_post_message (MeshNotifier *notifier, GstMessage *message)
{
  mesh_notifier_post (notifier, post, message,
      (GDestroyNotify) gst_message_unref);
}

/**
 * mesh_notifier_close:
 *
 * Waits for the queued notices, unless the caller is a handler. If that takes
 * too long, the remaining notices are dropped.
 */
void
mesh_notifier_close (MeshNotifier *notifier)
{
  gint64 end = g_get_monotonic_time () + PATIENCE;
  GQueue dropped = G_QUEUE_INIT;

  g_mutex_lock (&notifier->lock);
  notifier->closed = TRUE;
  while (notifier->running && notifier->thread != g_thread_self ()
      && g_cond_wait_until (&notifier->cond, &notifier->lock, end));
  notifier->dropped = TRUE;
  while (!g_queue_is_empty (&notifier->waiting))
    g_queue_push_tail (&dropped, g_queue_pop_head (&notifier->waiting));
  g_mutex_unlock (&notifier->lock);
  g_queue_clear_full (&dropped, notice_free);
}
