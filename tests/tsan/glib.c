/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tells ThreadSanitizer what GLib's locks and hand-overs order.
 *
 * GLib itself is not instrumented, and its mutexes are futexes of its own, so
 * TSan sees neither a lock nor that a callback runs after it was posted, and
 * reports everything they protect. This library is preloaded in a TSan build
 * (tests/meson.build): each function here calls GLib's, and says before or
 * after it what TSan would have seen.
 *
 * Where a hand-over has no object of its own (main contexts), one for all
 * contexts stands in: that can hide a race, but never invents one.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <gio/gio.h>

extern void __tsan_acquire (void *) __attribute__ ((weak));
extern void __tsan_release (void *) __attribute__ ((weak));

static char posted;             /* whatever is posted to any main context */

static void
acquire (gconstpointer what)
{
  if (__tsan_acquire)
    __tsan_acquire ((void *) what);
}

static void
release (gconstpointer what)
{
  if (__tsan_release)
    __tsan_release ((void *) what);
}

#define REAL(name) \
  ({ \
    static __typeof__ (&name) real; \
    if (!real) \
      real = (__typeof__ (&name)) dlsym (RTLD_NEXT, #name); \
    real; \
  })

#undef g_once_init_enter
#undef g_once_init_leave

/* Locks: what was done under them is seen by who takes them next. */

#define LOCK(name, type) \
  void name (type *lock) { REAL (name) (lock); acquire (lock); }
#define TRYLOCK(name, type) \
  gboolean name (type *lock) \
  { \
    gboolean got = REAL (name) (lock); \
    if (got) \
      acquire (lock); \
    return got; \
  }
#define UNLOCK(name, type) \
  void name (type *lock) { release (lock); REAL (name) (lock); }

LOCK (g_mutex_lock, GMutex)
TRYLOCK (g_mutex_trylock, GMutex)
UNLOCK (g_mutex_unlock, GMutex)
LOCK (g_rec_mutex_lock, GRecMutex)
TRYLOCK (g_rec_mutex_trylock, GRecMutex)
UNLOCK (g_rec_mutex_unlock, GRecMutex)
LOCK (g_rw_lock_writer_lock, GRWLock)
UNLOCK (g_rw_lock_writer_unlock, GRWLock)
LOCK (g_rw_lock_reader_lock, GRWLock)
UNLOCK (g_rw_lock_reader_unlock, GRWLock)

void
g_cond_wait (GCond *cond, GMutex *mutex)
{
  release (mutex);
  REAL (g_cond_wait) (cond, mutex);
  acquire (mutex);
}

gboolean
g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end)
{
  gboolean signalled;

  release (mutex);
  signalled = REAL (g_cond_wait_until) (cond, mutex, end);
  acquire (mutex);
  return signalled;
}

void
g_once_init_leave (volatile void *location, gsize result)
{
  release ((gconstpointer) location);
  REAL (g_once_init_leave) (location, result);
}

gboolean
g_once_init_enter (volatile void *location)
{
  gboolean first = REAL (g_once_init_enter) (location);

  acquire ((gconstpointer) location);
  return first;
}

/* The last owner sees what all the others did. */

#define UNREF(name, type) \
  void name (type *object) \
  { \
    release (object); \
    acquire (object); \
    REAL (name) (object); \
  }

UNREF (g_object_unref, void)
UNREF (g_bytes_unref, GBytes)
UNREF (g_main_context_unref, GMainContext)
UNREF (g_main_loop_unref, GMainLoop)
UNREF (g_source_unref, GSource)
UNREF (g_hash_table_unref, GHashTable)
UNREF (g_ptr_array_unref, GPtrArray)
UNREF (g_variant_unref, GVariant)
extern void gst_mini_object_unref (void *object);
UNREF (gst_mini_object_unref, void)

/* Queues. */

void
g_async_queue_push (GAsyncQueue *queue, gpointer item)
{
  release (queue);
  REAL (g_async_queue_push) (queue, item);
}

#define POP(name) \
  gpointer name (GAsyncQueue *queue) \
  { \
    gpointer item = REAL (name) (queue); \
    acquire (queue); \
    return item; \
  }

POP (g_async_queue_pop)
POP (g_async_queue_try_pop)

gpointer
g_async_queue_timeout_pop (GAsyncQueue *queue, guint64 timeout)
{
  gpointer item = REAL (g_async_queue_timeout_pop) (queue, timeout);

  acquire (queue);
  return item;
}

/* Main contexts: what came before a post is seen by what is posted. */

static int
poll_and_acquire (GPollFD *fds, guint n, int timeout)
{
  int ready = g_poll (fds, n, timeout);

  acquire (&posted);
  return ready;
}

GMainContext *
g_main_context_new (void)
{
  GMainContext *context = REAL (g_main_context_new) ();

  g_main_context_set_poll_func (context, poll_and_acquire);
  return context;
}

GMainContext *
g_main_context_default (void)
{
  GMainContext *context = REAL (g_main_context_default) ();

  g_main_context_set_poll_func (context, poll_and_acquire);
  return context;
}

guint
g_source_attach (GSource *source, GMainContext *context)
{
  release (&posted);
  return REAL (g_source_attach) (source, context);
}

void
g_source_destroy (GSource *source)
{
  release (&posted);
  REAL (g_source_destroy) (source);
}

void
g_main_loop_quit (GMainLoop *loop)
{
  release (&posted);
  REAL (g_main_loop_quit) (loop);
}

void
g_main_loop_run (GMainLoop *loop)
{
  REAL (g_main_loop_run) (loop);
  acquire (&posted);
}

void
g_main_context_wakeup (GMainContext *context)
{
  release (&posted);
  REAL (g_main_context_wakeup) (context);
}

/* A callback whose source came in between a context's poll and its check
 * has to look for itself. */
typedef struct {
  GSourceFunc function;
  gpointer data;
  GDestroyNotify notify;
} Posted;

static gboolean
run_posted (gpointer data)
{
  Posted *post = data;

  acquire (&posted);
  return post->function (post->data);
}

static void
free_posted (gpointer data)
{
  Posted *post = data;

  acquire (&posted);
  if (post->notify)
    post->notify (post->data);
  g_free (post);
}

void
g_main_context_invoke_full (GMainContext *context, int priority,
    GSourceFunc function, gpointer data, GDestroyNotify notify)
{
  Posted *post = g_new (Posted, 1);

  *post = (Posted) { function, data, notify };
  release (&posted);
  REAL (g_main_context_invoke_full) (context, priority, run_posted, post,
      free_posted);
}

void
g_main_context_invoke (GMainContext *context, GSourceFunc function,
    gpointer data)
{
  g_main_context_invoke_full (context, G_PRIORITY_DEFAULT, function, data,
      NULL);
}

guint
g_idle_add_full (int priority, GSourceFunc function, gpointer data,
    GDestroyNotify notify)
{
  Posted *post = g_new (Posted, 1);

  *post = (Posted) { function, data, notify };
  release (&posted);
  return REAL (g_idle_add_full) (priority, run_posted, post, free_posted);
}

guint
g_idle_add (GSourceFunc function, gpointer data)
{
  return g_idle_add_full (G_PRIORITY_DEFAULT_IDLE, function, data, NULL);
}

__attribute__ ((constructor))
static void
watch_default_context (void)
{
  g_main_context_default ();
}
