/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "meshroom/teller.h"

/* How long closing waits for what is left to tell. A handler that itself waits
 * for the state change, such as one that changes the state of the same
 * pipeline, ends only after the state change does. */
#define PATIENCE (2 * G_TIME_SPAN_SECOND)

typedef struct {
  MeshTellFunc func;
  gpointer data;
  GDestroyNotify destroy;
} Telling;

struct _MeshTeller {
  GstElement *element;          /* no reference: the element outlives us */

  GMutex lock;                  /* guards what follows */
  GCond cond;
  GQueue waiting;               /* Telling */
  GThread *thread;              /* tells right now; NULL: nobody does */
  gboolean running;             /* a thread is under way */
  gboolean closed;              /* takes nothing more */
  gboolean dropped;             /* tells nothing more */
};

static void
telling_free (gpointer data)
{
  Telling *telling = data;

  if (telling->destroy)
    telling->destroy (telling->data);
  g_free (telling);
}

static void
teller_clear (gpointer data)
{
  MeshTeller *self = data;

  g_queue_clear_full (&self->waiting, telling_free);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
}

/**
 * mesh_teller_new:
 * @element: whose signals and messages are told; must outlive every
 *   mesh_teller_tell()
 *
 * Returns: (transfer full): a teller
 *
 * Since: 0.1
 */
MeshTeller *
mesh_teller_new (GstElement *element)
{
  MeshTeller *self = g_atomic_rc_box_new0 (MeshTeller);

  self->element = element;
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  g_queue_init (&self->waiting);
  return self;
}

MeshTeller *
mesh_teller_ref (MeshTeller *teller)
{
  return g_atomic_rc_box_acquire (teller);
}

void
mesh_teller_unref (MeshTeller *teller)
{
  g_atomic_rc_box_release_full (teller, teller_clear);
}

/* The next one; NULL ends the thread's work. An element has its teller closed
 * before it goes, so it is still there if there is something to tell. */
static Telling *
take_next (MeshTeller *self, GstElement **element)
{
  Telling *next;

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

/* The reference to the element is given back before anybody who waits for the
 * handler goes on, and may have been the last. */
static void
run (gpointer data, gpointer user_data)
{
  g_autoptr (MeshTeller) self = data;
  GstElement *element;
  Telling *telling;

  while ((telling = take_next (self, &element))) {
    telling->func (element, telling->data);
    telling_free (telling);
    gst_object_unref (element);
  }
}

static gpointer
make_pool (gpointer user_data)
{
  return g_thread_pool_new (run, NULL, -1, FALSE, NULL);
}

static void
start_thread (MeshTeller *self)
{
  static GOnce once = G_ONCE_INIT;

  g_thread_pool_push (g_once (&once, make_pool, NULL), mesh_teller_ref (self),
      NULL);
}

/**
 * mesh_teller_tell:
 * @teller: the teller
 * @func: called with the element and @data, after all that was told before
 * @data: for @func
 * @destroy: (nullable): frees @data, also when @func was never called since the
 *   teller was closed first
 *
 * Returns: %FALSE when the teller is closed
 *
 * Since: 0.1
 */
gboolean
mesh_teller_tell (MeshTeller *teller, MeshTellFunc func, gpointer data,
    GDestroyNotify destroy)
{
  Telling *telling = g_new (Telling, 1);
  gboolean closed, start;

  telling->func = func;
  telling->data = data;
  telling->destroy = destroy;
  g_mutex_lock (&teller->lock);
  closed = teller->closed;
  start = !closed && !teller->running;
  if (start)
    teller->running = TRUE;
  if (!closed)
    g_queue_push_tail (&teller->waiting, telling);
  g_mutex_unlock (&teller->lock);
  if (closed)
    telling_free (telling);
  else if (start)
    start_thread (teller);
  return !closed;
}

static void
post (GstElement *element, gpointer message)
{
  gst_element_post_message (element, gst_message_ref (message));
}

/**
 * mesh_teller_tell_message:
 * @teller: the teller
 * @message: (transfer full): what to post on the element's bus
 *
 * Since: 0.1
 */
void
mesh_teller_tell_message (MeshTeller *teller, GstMessage *message)
{
  mesh_teller_tell (teller, post, message, (GDestroyNotify) gst_message_unref);
}

/**
 * mesh_teller_close:
 * @teller: the teller
 *
 * What is left to be told is waited for, unless a handler is the caller, or
 * takes long: then the rest is never told.
 *
 * Since: 0.1
 */
void
mesh_teller_close (MeshTeller *teller)
{
  gint64 end = g_get_monotonic_time () + PATIENCE;
  GQueue dropped = G_QUEUE_INIT;

  g_mutex_lock (&teller->lock);
  teller->closed = TRUE;
  while (teller->running && teller->thread != g_thread_self ()
      && g_cond_wait_until (&teller->cond, &teller->lock, end));
  teller->dropped = TRUE;
  while (!g_queue_is_empty (&teller->waiting))
    g_queue_push_tail (&dropped, g_queue_pop_head (&teller->waiting));
  g_mutex_unlock (&teller->lock);
  g_queue_clear_full (&dropped, telling_free);
}
