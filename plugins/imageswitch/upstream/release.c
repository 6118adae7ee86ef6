/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Shuts the camera's source elements down while it is hidden, so that the
 * device is closed and its light is off, and starts them again.
 *
 * All of it is done by a thread of its own, which carries out what is wanted
 * at the time: state changes block, and the setter of `hidden` may be called
 * from anywhere, also by the source's own thread.
 *
 *          hidden          visible             first frame
 *   OPEN ──────────► SHUT ─────────► STARTING ─────────────► BACK
 *                     ▲                 │
 *                     └─────────────────┘
 *                      hidden, or failed
 */
#include "release.h"

#include "../debug.h"
#include "held.h"

/* How soon to look again at a source that is behind those that it feeds: one
 * of them is on its way up, and does not say when it is there. */
#define CATCH_UP_DELAY (20 * G_TIME_SPAN_MILLISECOND)

struct _Release {
  GstPad *sinkpad;
  Holds holds;                  /* its lock guards everything below */
  GThread *thread;
  gboolean enabled;             /* release-camera */
  gboolean hidden;
  gboolean running;             /* READY or above */
  gboolean hurry;               /* do not wait with the next attempt */
  gboolean fork_told;
  guint inside;                 /* camera threads that may be downstream */
};

static gboolean
is_wanted_locked (Release *self)
{
  return self->hidden && self->enabled && self->running;
}

/* Returns whether the sources are to be shut.
 *
 * @running: (out) (optional): FALSE if no source is to be started, either */
static gboolean
is_wanted (Release *self, gboolean *running)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->holds.lock);

  if (running)
    *running = self->running;
  return is_wanted_locked (self);
}

/* Waits until no camera thread is downstream. Downstream alone can free a frame
 * that is stuck there, and a wait inside the source's state change would hold
 * up the pipeline's own. From then on camera threads are kept out until the
 * source is shut, if there is one to shut. */
static gboolean
wait_until_out (Release *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->holds.lock);
  gboolean out;

  while (self->inside > 0 && is_wanted_locked (self))
    g_cond_wait (&self->holds.cond, &self->holds.lock);
  out = self->inside == 0 && is_wanted_locked (self);
  self->holds.shutting = out && self->holds.list->len > 0;
  return out;
}

/* Brings one source where it is wanted. Returns when to look at it again. */
static gint64
settle (Release *self, Held *held, Feeders *feeders, gboolean wanted)
{
  HeldState state;
  gboolean failed;
  gint64 retry_at;

  g_mutex_lock (&self->holds.lock);
  state = held->state;
  failed = held->error != NULL;
  if (wanted)
    held->attempts = held->retry_at = 0;
  retry_at = held->retry_at;
  g_mutex_unlock (&self->holds.lock);

  switch (state) {
    case SHUT:
      if (wanted)
        break;
      if (retry_at > g_get_monotonic_time ())
        return retry_at;
      imageswitch_held_start (&self->holds, held, feeders);
      return 0;
    case STARTING:
      if (wanted)
        imageswitch_held_shut (&self->holds, held);
      else if (failed)
        return imageswitch_held_try_again (&self->holds, held);
      else if (imageswitch_held_catch_up (&self->holds, held, feeders))
        return g_get_monotonic_time () + CATCH_UP_DELAY;
      break;
    default:
      if (wanted)
        imageswitch_held_shut (&self->holds, held);
      else if (failed)
        return imageswitch_held_try_again (&self->holds, held);
      else
        imageswitch_held_let_go (&self->holds, held);
      break;
  }
  return G_MAXINT64;
}

static void
tell_fork (Release *self, Feeders *feeders)
{
  gboolean told;

  g_mutex_lock (&self->holds.lock);
  told = self->fork_told;
  self->fork_told |= feeders->fork != NULL;
  g_mutex_unlock (&self->holds.lock);
  if (feeders->fork && !told)
    GST_ELEMENT_INFO (self->holds.element, RESOURCE, SETTINGS,
        ("The camera stays open while hidden: \"%s\" feeds others as well.",
            GST_ELEMENT_NAME (feeders->fork)), (NULL));
}

static void
hold_all (Release *self, Feeders *feeders, gboolean wait)
{
  guint i;

  for (i = 0; i < feeders->sources->len; i++) {
    GstElement *source = g_ptr_array_index (feeders->sources, i);

    if (imageswitch_feeders_may_shut (source))
      imageswitch_held_take (&self->holds, source, wait);
  }
}

/* Lets go of all sources that are not among those of @feeders; NULL: of all. */
static void
let_go_others (Release *self, Feeders *feeders)
{
  g_autoptr (GPtrArray) list = imageswitch_holds_copy (&self->holds);
  guint i;

  for (i = 0; i < list->len; i++) {
    Held *held = g_ptr_array_index (list, i);

    if (!feeders
        || !g_ptr_array_find (feeders->sources, held->source, NULL))
      imageswitch_held_let_go (&self->holds, held);
  }
}

/* Brings all sources where they are wanted. Returns when to look again. */
static gint64
settle_all (Release *self)
{
  g_autoptr (Feeders) feeders = imageswitch_feeders_find (self->sinkpad);
  g_autoptr (GPtrArray) list = NULL;
  gboolean running, wanted = is_wanted (self, &running);
  gint64 until = G_MAXINT64;
  guint i;

  /* letting go of a camera that is shut would open it for a moment */
  if (!running)
    return until;
  let_go_others (self, feeders);
  if (wanted) {
    tell_fork (self, feeders);
    hold_all (self, feeders, TRUE);
    if (!wait_until_out (self))
      return 0;
  }
  list = imageswitch_holds_copy (&self->holds);
  for (i = 0; i < list->len; i++)
    until = MIN (until,
        settle (self, g_ptr_array_index (list, i), feeders, wanted));
  g_mutex_lock (&self->holds.lock);
  self->holds.shutting = FALSE;
  g_mutex_unlock (&self->holds.lock);
  return until;
}

static void
forget_delays_locked (Release *self)
{
  guint i;

  for (i = 0; i < self->holds.list->len; i++)
    HELD (&self->holds, i)->attempts = HELD (&self->holds, i)->retry_at = 0;
}

static gpointer
release_thread (gpointer data)
{
  Release *self = data;
  GstElement *element = self->holds.element;
  gint64 until = 0;

  g_mutex_lock (&self->holds.lock);
  while (self->running) {
    if (self->holds.poked || until <= g_get_monotonic_time ()) {
      if (self->hurry)
        forget_delays_locked (self);
      self->holds.poked = self->hurry = FALSE;
      g_mutex_unlock (&self->holds.lock);
      until = settle_all (self);
      g_mutex_lock (&self->holds.lock);
    } else if (until == G_MAXINT64) {
      g_cond_wait (&self->holds.cond, &self->holds.lock);
    } else {
      g_cond_wait_until (&self->holds.cond, &self->holds.lock, until);
    }
  }
  g_mutex_unlock (&self->holds.lock);
  let_go_others (self, NULL);
  g_mutex_lock (&self->holds.lock);
  if (self->thread == g_thread_self ())
    g_clear_pointer (&self->thread, g_thread_unref);
  g_mutex_unlock (&self->holds.lock);
  gst_object_unref (element);
  return NULL;
}

static void
wake_locked (Release *self)
{
  if (!self->running)
    return;
  self->hurry = TRUE;
  imageswitch_holds_poke_locked (&self->holds);
  if (!self->thread && (is_wanted_locked (self) || self->holds.list->len > 0)) {
    gst_object_ref (self->holds.element);
    self->thread = g_thread_new ("imageswitch-release", release_thread, self);
  }
}

/* Called also without a change of `hidden`, when the links may have changed. */
void
imageswitch_release_set_hidden (Release *self, gboolean hidden)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->holds.lock);

  self->hidden = hidden;
  wake_locked (self);
}

void
imageswitch_release_set_enabled (Release *self, gboolean enabled)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->holds.lock);

  self->enabled = enabled;
  wake_locked (self);
}

gboolean
imageswitch_release_is_enabled (Release *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->holds.lock);

  return self->enabled;
}

/* Locks the sources that have not been opened yet, so that they never are: a
 * bin takes its elements up from sink to source, so this element comes
 * first. */
static void
lock_all_unopened (Release *self)
{
  g_autoptr (Feeders) feeders = imageswitch_feeders_find (self->sinkpad);
  g_autoptr (GPtrArray) list = NULL;
  guint i;

  hold_all (self, feeders, FALSE);
  list = imageswitch_holds_copy (&self->holds);
  for (i = 0; i < list->len; i++)
    imageswitch_held_lock_unopened (&self->holds, g_ptr_array_index (list, i));
}

/* The links upstream have changed, or the element has started. */
static void
look_anew (Release *self)
{
  if (is_wanted (self, NULL))
    lock_all_unopened (self);
  g_mutex_lock (&self->holds.lock);
  wake_locked (self);
  g_mutex_unlock (&self->holds.lock);
}

/* Before the parent class goes to READY. */
void
imageswitch_release_start (Release *self)
{
  g_mutex_lock (&self->holds.lock);
  self->running = TRUE;
  self->fork_told = FALSE;
  g_mutex_unlock (&self->holds.lock);
  look_anew (self);
}

/* Lets go of all sources. The release thread itself may have come here, by way
 * of the application's handler of a message; it then ends by itself. */
void
imageswitch_release_stop (Release *self)
{
  GThread *thread = NULL;

  g_mutex_lock (&self->holds.lock);
  self->running = FALSE;
  if (self->thread != g_thread_self ())
    thread = g_steal_pointer (&self->thread);
  g_cond_signal (&self->holds.cond);
  g_mutex_unlock (&self->holds.lock);
  if (thread)
    g_thread_join (thread);
}

/* Returns FALSE while a camera is being shut down. */
gboolean
imageswitch_release_enter (Release *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->holds.lock);

  if (!self->holds.shutting)
    self->inside++;
  return !self->holds.shutting;
}

/* Returns TRUE if no other thread is inside. */
gboolean
imageswitch_release_leave (Release *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->holds.lock);

  if (--self->inside > 0)
    return FALSE;
  g_cond_signal (&self->holds.cond);
  return TRUE;
}

gboolean
imageswitch_release_is_entered (Release *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->holds.lock);

  return self->inside > 0;
}

/* Whether a flush that comes in is our own. */
gboolean
imageswitch_release_is_shutting (Release *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->holds.lock);

  return self->holds.shutting;
}

static gboolean
is_awaiting_locked (Release *self)
{
  guint i;

  for (i = 0; i < self->holds.list->len; i++)
    if (HELD (&self->holds, i)->state != BACK)
      return TRUE;
  return FALSE;
}

/* Whether a camera is shut, or has not sent a frame since. */
gboolean
imageswitch_release_is_awaiting (Release *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->holds.lock);

  return is_awaiting_locked (self);
}

/* A frame has come on sink. */
void
imageswitch_release_saw_frame (Release *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->holds.lock);
  guint i;

  for (i = 0; i < self->holds.list->len; i++)
    if (HELD (&self->holds, i)->state == STARTING) {
      HELD (&self->holds, i)->state = BACK;
      imageswitch_holds_poke_locked (&self->holds);
    }
}

/* Returns TRUE if the EOS is that of a camera that is being shut or started. */
gboolean
imageswitch_release_take_eos (Release *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->holds.lock);
  gboolean taken = is_awaiting_locked (self);
  guint i;

  for (i = 0; taken && i < self->holds.list->len; i++)
    imageswitch_held_fail_locked (&self->holds, HELD (&self->holds, i),
        "it ended before its first frame");
  return taken;
}

Release *
imageswitch_release_new (GstElement *element, GstPad *sinkpad)
{
  Release *self = g_new0 (Release, 1);

  imageswitch_holds_init (&self->holds, element);
  self->enabled = TRUE;
  self->sinkpad = gst_object_ref (sinkpad);
  g_signal_connect_swapped (sinkpad, "linked", G_CALLBACK (look_anew), self);
  g_signal_connect_swapped (sinkpad, "unlinked", G_CALLBACK (look_anew), self);
  return self;
}

void
imageswitch_release_free (Release *self)
{
  g_signal_handlers_disconnect_by_data (self->sinkpad, self);
  gst_object_unref (self->sinkpad);
  imageswitch_holds_clear (&self->holds);
  g_free (self);
}
