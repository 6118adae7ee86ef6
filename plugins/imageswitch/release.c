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
 *
 * A source that is held is locked while it is SHUT, so that state changes of
 * the pipeline pass it by. It has a bus of ours for as long as it is held: an
 * error on the way up is ours to deal with, and must not end the application.
 */
#include "held.h"

GST_DEBUG_CATEGORY_EXTERN (imageswitch_debug);
#define GST_CAT_DEFAULT imageswitch_debug

/* How soon to look again at a source that is behind those that it feeds: one
 * of them is on its way up, and does not say when it is there. */
#define CATCH_UP_DELAY (20 * G_TIME_SPAN_MILLISECOND)

void
release_poke_locked (ImageSwitch *self)
{
  self->release.poked = TRUE;
  g_cond_signal (&self->release.cond);
}

static gboolean
is_wanted_locked (ImageSwitch *self)
{
  return self->hidden && self->release.enabled && self->release.running;
}

/* Returns: whether the sources are to be shut
 * @running: (out) (optional): FALSE: nobody is to be started, either */
static gboolean
is_wanted (ImageSwitch *self, gboolean *running)
{
  gboolean wanted;

  g_mutex_lock (&self->lock);
  wanted = is_wanted_locked (self);
  if (running)
    *running = self->release.running;
  g_mutex_unlock (&self->lock);
  return wanted;
}

/* A frame of the camera that is stuck downstream keeps the camera's thread
 * there. Nobody but downstream can free it, and while we waited for that
 * inside the source's state change, the pipeline's own would wait for us.
 * When nobody is in there, nobody is let in until the source is shut; where
 * there is no source to shut, nobody is kept out. */
static gboolean
wait_until_out (ImageSwitch *self)
{
  gboolean out;

  g_mutex_lock (&self->lock);
  while (self->release.inside > 0 && is_wanted_locked (self))
    g_cond_wait (&self->release.cond, &self->lock);
  out = self->release.inside == 0 && is_wanted_locked (self);
  self->release.shutting = out && self->release.held->len > 0;
  g_mutex_unlock (&self->lock);
  return out;
}

/* Brings one source where it is wanted. Returns when to look at it again. */
static gint64
settle (ImageSwitch *self, Held *held, Upstream *upstream, gboolean wanted)
{
  gboolean failed;
  gint64 retry_at;

  g_mutex_lock (&self->lock);
  failed = held->error != NULL;
  if (wanted)
    held->attempts = held->retry_at = 0;
  retry_at = held->retry_at;
  g_mutex_unlock (&self->lock);

  switch (held_get_state (self, held)) {
    case SHUT:
      if (wanted)
        break;
      if (retry_at > g_get_monotonic_time ())
        return retry_at;
      held_start (self, held, upstream);
      return 0;
    case STARTING:
      if (wanted)
        held_shut (self, held);
      else if (failed)
        return held_try_again (self, held);
      else if (held_catch_up (self, held, upstream))
        return g_get_monotonic_time () + CATCH_UP_DELAY;
      break;
    default:
      if (wanted)
        held_shut (self, held);
      else if (failed)
        return held_try_again (self, held);
      else
        held_let_go (self, held);
      break;
  }
  return G_MAXINT64;
}

static void
tell_fork (ImageSwitch *self, Upstream *upstream)
{
  gboolean told;

  if (!upstream->fork)
    return;
  g_mutex_lock (&self->lock);
  told = self->release.fork_told;
  self->release.fork_told = TRUE;
  g_mutex_unlock (&self->lock);
  if (!told)
    GST_ELEMENT_INFO (self, RESOURCE, SETTINGS,
        ("The camera stays open while hidden: \"%s\" feeds others as well.",
            GST_ELEMENT_NAME (upstream->fork)), (NULL));
}

static GPtrArray *
list_held (ImageSwitch *self)
{
  GPtrArray *list;

  g_mutex_lock (&self->lock);
  list = g_ptr_array_copy (self->release.held, held_ref, NULL);
  g_ptr_array_set_free_func (list, held_unref);
  g_mutex_unlock (&self->lock);
  return list;
}

static void
hold_all (ImageSwitch *self, Upstream *upstream, gboolean wait)
{
  guint i;

  for (i = 0; i < upstream->sources->len; i++) {
    if (upstream_may_shut (g_ptr_array_index (upstream->sources, i)))
      held_take (self, g_ptr_array_index (upstream->sources, i), wait);
  }
}

/* Of @upstream's sources only; NULL: of none. */
static void
let_go_others (ImageSwitch *self, Upstream *upstream)
{
  g_autoptr (GPtrArray) list = list_held (self);
  guint i;

  for (i = 0; i < list->len; i++) {
    Held *held = g_ptr_array_index (list, i);

    if (!upstream
        || !g_ptr_array_find (upstream->sources, held->source, NULL))
      held_let_go (self, held);
  }
}

/* Brings all sources where they are wanted. Returns when to look again. */
static gint64
settle_all (ImageSwitch *self)
{
  g_autoptr (Upstream) upstream = upstream_find (self->sinkpad);
  g_autoptr (GPtrArray) list = NULL;
  gboolean running, wanted = is_wanted (self, &running);
  gint64 until = G_MAXINT64;
  guint i;

  /* A camera that is shut would be opened for a moment. */
  if (!running)
    return until;
  let_go_others (self, upstream);
  if (wanted) {
    tell_fork (self, upstream);
    hold_all (self, upstream, TRUE);
    if (!wait_until_out (self))
      return 0;
  }
  list = list_held (self);
  for (i = 0; i < list->len; i++)
    until = MIN (until,
        settle (self, g_ptr_array_index (list, i), upstream, wanted));
  g_mutex_lock (&self->lock);
  self->release.shutting = FALSE;
  g_mutex_unlock (&self->lock);
  return until;
}

static void
forget_delays_locked (ImageSwitch *self)
{
  guint i;

  for (i = 0; i < self->release.held->len; i++) {
    Held *held = g_ptr_array_index (self->release.held, i);

    held->attempts = held->retry_at = 0;
  }
}

static gpointer
release_thread (gpointer data)
{
  g_autoptr (ImageSwitch) self = data;
  gint64 until = 0;

  g_mutex_lock (&self->lock);
  while (self->release.running) {
    if (self->release.poked || until <= g_get_monotonic_time ()) {
      if (self->release.hurry)
        forget_delays_locked (self);
      self->release.poked = self->release.hurry = FALSE;
      g_mutex_unlock (&self->lock);
      until = settle_all (self);
      g_mutex_lock (&self->lock);
    } else if (until == G_MAXINT64) {
      g_cond_wait (&self->release.cond, &self->lock);
    } else {
      g_cond_wait_until (&self->release.cond, &self->lock, until);
    }
  }
  g_mutex_unlock (&self->lock);
  let_go_others (self, NULL);
  g_mutex_lock (&self->lock);
  if (self->release.thread == g_thread_self ())
    g_clear_pointer (&self->release.thread, g_thread_unref);
  g_mutex_unlock (&self->lock);
  return NULL;
}

/* Called whenever `hidden` is set, or what is linked may have changed. */
void
release_wake_locked (ImageSwitch *self)
{
  Release *release = &self->release;

  if (!release->running)
    return;
  release->hurry = TRUE;
  release_poke_locked (self);
  if (!release->thread && (is_wanted_locked (self) || release->held->len > 0))
    release->thread = g_thread_new ("imageswitch-release", release_thread,
        g_object_ref (self));
}

void
release_set_enabled (ImageSwitch *self, gboolean enabled)
{
  g_mutex_lock (&self->lock);
  self->release.enabled = enabled;
  release_wake_locked (self);
  g_mutex_unlock (&self->lock);
}

/* What has not been opened yet is locked at once, and so never opened: a bin
 * takes its elements up from sink to source, so we come first. */
static void
lock_all_unopened (ImageSwitch *self)
{
  g_autoptr (Upstream) upstream = upstream_find (self->sinkpad);
  g_autoptr (GPtrArray) list = NULL;
  guint i;

  hold_all (self, upstream, FALSE);
  list = list_held (self);
  for (i = 0; i < list->len; i++)
    held_lock_unopened (self, g_ptr_array_index (list, i));
}

/* What is linked has changed, or everything begins. */
static void
look_anew (ImageSwitch *self)
{
  if (is_wanted (self, NULL))
    lock_all_unopened (self);
  g_mutex_lock (&self->lock);
  release_wake_locked (self);
  g_mutex_unlock (&self->lock);
}

/* Before the parent class goes to READY. */
void
release_start (ImageSwitch *self)
{
  g_mutex_lock (&self->lock);
  self->release.running = TRUE;
  self->release.fork_told = FALSE;
  g_mutex_unlock (&self->lock);
  look_anew (self);
}

/* In NULL nothing is held. The thread itself may have come here, by way of
 * the application's handler of a message: it ends by itself then. */
void
release_stop (ImageSwitch *self)
{
  GThread *thread = NULL;

  g_mutex_lock (&self->lock);
  self->release.running = FALSE;
  if (self->release.thread != g_thread_self ())
    thread = g_steal_pointer (&self->release.thread);
  g_cond_signal (&self->release.cond);
  g_mutex_unlock (&self->lock);
  if (thread)
    g_thread_join (thread);
}

/* Downstream hears of a latency by asking for it. */
void
release_start_stream (ImageSwitch *self)
{
  Release *release = &self->release;

  g_mutex_lock (&self->lock);
  release->told = GST_CLOCK_TIME_NONE;
  if (release_is_awaiting_locked (self)) {
    self->upstream_live = release_is_live_locked (self,
        &self->upstream_latency);
    /* as any live source, we have nothing to show in PAUSED */
    self->prerolled = self->upstream_live;
  }
  g_mutex_unlock (&self->lock);
}

/* Whether a camera that we keep shut makes us the live source. */
gboolean
release_is_source (ImageSwitch *self)
{
  GstClockTime latency;
  gboolean source;

  g_mutex_lock (&self->lock);
  source = release_is_awaiting_locked (self)
      && release_is_live_locked (self, &latency);
  g_mutex_unlock (&self->lock);
  return source;
}

/* Whether a camera is shut, or has not sent a frame since. */
gboolean
release_is_awaiting_locked (ImageSwitch *self)
{
  guint i;

  for (i = 0; i < self->release.held->len; i++) {
    Held *held = g_ptr_array_index (self->release.held, i);

    if (held->state != BACK)
      return TRUE;
  }
  return FALSE;
}

/* What a camera that cannot be asked would say: what it has said before, or
 * that it needs the time of one frame. */
gboolean
release_is_live_locked (ImageSwitch *self, GstClockTime *latency)
{
  *latency = self->release.known ? self->release.latency
      : output_span_locked (self, 1);
  return !self->release.known || self->release.live;
}

/* What the camera says itself. */
void
release_learn_locked (ImageSwitch *self, gboolean live, GstClockTime latency)
{
  self->upstream_live = self->release.live = live;
  self->upstream_latency = self->release.latency = latency;
  self->release.known = TRUE;
}

/* In order on sink: a frame has come. */
void
release_saw_frame_locked (ImageSwitch *self)
{
  guint i;

  for (i = 0; i < self->release.held->len; i++) {
    Held *held = g_ptr_array_index (self->release.held, i);

    if (held->state == STARTING) {
      held->state = BACK;
      release_poke_locked (self);
    }
  }
}

/* TRUE: it was a camera that is being shut or started which has ended. */
gboolean
release_take_eos (ImageSwitch *self)
{
  gboolean taken;
  guint i;

  g_mutex_lock (&self->lock);
  taken = release_is_awaiting_locked (self);
  for (i = 0; taken && i < self->release.held->len; i++)
    held_fail_locked (self, g_ptr_array_index (self->release.held, i),
        "it ended before its first frame");
  g_mutex_unlock (&self->lock);
  return taken;
}

void
release_init (ImageSwitch *self)
{
  self->release.enabled = TRUE;
  self->release.told = GST_CLOCK_TIME_NONE;
  self->release.held = g_ptr_array_new_with_free_func (held_unref);
  g_cond_init (&self->release.cond);
  g_signal_connect_object (self->sinkpad, "linked", G_CALLBACK (look_anew),
      self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->sinkpad, "unlinked", G_CALLBACK (look_anew),
      self, G_CONNECT_SWAPPED);
}

void
release_clear (ImageSwitch *self)
{
  g_ptr_array_unref (self->release.held);
  g_cond_clear (&self->release.cond);
}
