/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One source element that is held: shut down, started again, and kept from
 * ending the application when that fails.
 *
 * It is locked while it is SHUT, so that state changes of the pipeline pass it
 * by. It has a bus of ours for as long as it is held: an error on the way up
 * is ours to deal with.
 */
#include "held.h"

#include "../debug.h"

/* The delay before a source that failed is started again: doubled from the
 * first to the last. */
#define FIRST_DELAY (500 * G_TIME_SPAN_MILLISECOND)
#define LAST_DELAY (5 * G_TIME_SPAN_SECOND)

/* The data of a source's bus, which may outlive the element. */
struct _HeldGuard {
  GWeakRef element;
  Holds *holds;                 /* valid while the element exists */
  GstBus *former;
};

static void
guard_free (gpointer data)
{
  HeldGuard *guard = data;

  g_weak_ref_clear (&guard->element);
  gst_object_unref (guard->former);
  g_free (guard);
}

static void
held_free (gpointer data)
{
  Held *held = data;

  gst_object_unref (held->source);
  gst_clear_object (&held->bus);
  g_free (held->error);
}

static void
held_unref (gpointer held)
{
  g_atomic_rc_box_release_full (held, held_free);
}

static gpointer
held_ref (gconstpointer held, gpointer data)
{
  return g_atomic_rc_box_acquire ((gpointer) held);
}

void
imageswitch_holds_init (Holds *self, GstElement *element)
{
  self->element = element;
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  self->list = g_ptr_array_new_with_free_func (held_unref);
}

void
imageswitch_holds_clear (Holds *self)
{
  g_ptr_array_unref (self->list);
  g_cond_clear (&self->cond);
  g_mutex_clear (&self->lock);
}

void
imageswitch_holds_poke_locked (Holds *self)
{
  self->poked = TRUE;
  g_cond_signal (&self->cond);
}

GPtrArray *
imageswitch_holds_copy (Holds *self)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  GPtrArray *list = g_ptr_array_copy (self->list, held_ref, NULL);

  g_ptr_array_set_free_func (list, held_unref);
  return list;
}

/* Finds the entry of @source, or of the source that posts on @bus. */
static Held *
find_locked (Holds *self, GstElement *source, GstBus *bus)
{
  guint i;

  for (i = 0; i < self->list->len; i++)
    if (HELD (self, i)->source == source
        || (bus && HELD (self, i)->bus == bus))
      return HELD (self, i);
  return NULL;
}

static void
set_state (Holds *self, Held *held, HeldState state)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  held->state = state;
  g_clear_pointer (&held->error, g_free);
}

void
imageswitch_held_fail_locked (Holds *self, Held *held, const gchar *error)
{
  if (held->state == SHUT || held->state == BACK || held->error)
    return;
  held->error = g_strdup (error);
  imageswitch_holds_poke_locked (self);
}

/* Returns TRUE if the error came from a source that is being started or
 * shut. */
static gboolean
take_error (Holds *self, GstBus *bus, GstMessage *message)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  Held *held = find_locked (self, NULL, bus);
  g_autoptr (GError) error = NULL;

  gst_message_parse_error (message, &error, NULL);
  GST_INFO_OBJECT (self->element, "from the camera: %s", error->message);
  if (!held || held->state == BACK)
    return FALSE;
  imageswitch_held_fail_locked (self, held, error->message);
  return TRUE;
}

/* All messages but errors go where they would have gone. */
static GstBusSyncReply
on_message (GstBus *bus, GstMessage *message, gpointer data)
{
  HeldGuard *guard = data;
  g_autoptr (GstElement) element = g_weak_ref_get (&guard->element);

  if (element && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR
      && take_error (guard->holds, bus, message))
    gst_message_unref (message);
  else
    gst_bus_post (guard->former, message);
  return GST_BUS_DROP;
}

static void
put_guard (Holds *self, Held *held)
{
  g_autoptr (GstBus) former = gst_element_get_bus (held->source);
  HeldGuard *guard;

  if (!former)
    return;
  held->guard = guard = g_new0 (HeldGuard, 1);
  g_weak_ref_init (&guard->element, self->element);
  guard->holds = self;
  guard->former = g_steal_pointer (&former);
  held->bus = gst_bus_new ();
  gst_bus_set_sync_handler (held->bus, on_message, guard, guard_free);
  gst_element_set_bus (held->source, held->bus);
}

/* Gives the source its former bus back, unless it has another one by now. */
static void
take_guard (Held *held)
{
  g_autoptr (GstBus) now = gst_element_get_bus (held->source);

  if (held->bus && now == held->bus)
    gst_element_set_bus (held->source, held->guard->former);
}

/* Takes hold of a source, unless others have locked its state. The source's
 * state lock lets only one thread at a time take hold of it or let it go. A
 * caller that cannot wait for that lock leaves the source to the release
 * thread. */
void
imageswitch_held_take (Holds *self, GstElement *source, gboolean wait)
{
  gboolean is_ours;
  Held *held;

  if (wait)
    GST_STATE_LOCK (source);
  else if (!GST_STATE_TRYLOCK (source))
    return;
  g_mutex_lock (&self->lock);
  is_ours = find_locked (self, source, NULL) != NULL;
  g_mutex_unlock (&self->lock);
  if (!is_ours && !gst_element_is_locked_state (source)) {
    held = g_atomic_rc_box_new0 (Held);
    held->source = gst_object_ref (source);
    put_guard (self, held);
    g_mutex_lock (&self->lock);
    g_ptr_array_add (self->list, held);
    g_mutex_unlock (&self->lock);
  }
  GST_STATE_UNLOCK (source);
}

/* Sends the event straight to the pads that the source feeds, so that the
 * source's own thread comes out of them. */
static void
flush_peers (GstElement *source, GstEvent *event)
{
  g_autoptr (GPtrArray) peers =
      g_ptr_array_new_with_free_func (gst_object_unref);
  GList *l;
  guint i;

  GST_OBJECT_LOCK (source);
  for (l = source->srcpads; l; l = l->next) {
    if (GST_PAD_PEER (l->data))
      g_ptr_array_add (peers, gst_object_ref (GST_PAD_PEER (l->data)));
  }
  GST_OBJECT_UNLOCK (source);
  for (i = 0; i < peers->len; i++)
    gst_pad_send_event (g_ptr_array_index (peers, i), gst_event_ref (event));
  gst_event_unref (event);
}

/* Shuts the source down. Its state lock is held, so that no state change of a
 * bin comes between locking and shutting. Camera threads are kept out
 * (`shutting`) until the caller lets them in again. */
void
imageswitch_held_shut (Holds *self, Held *held)
{
  GstElement *source = held->source;
  gboolean flush;

  GST_STATE_LOCK (source);
  gst_element_set_locked_state (source, TRUE);
  flush = GST_STATE (source) > GST_STATE_READY;
  g_mutex_lock (&self->lock);
  self->shutting = TRUE;
  g_mutex_unlock (&self->lock);
  if (flush)
    flush_peers (source, gst_event_new_flush_start ());
  if (gst_element_set_state (source, GST_STATE_NULL)
      == GST_STATE_CHANGE_FAILURE)
    GST_WARNING_OBJECT (self->element, "%s does not shut down",
        GST_ELEMENT_NAME (source));
  if (flush)
    flush_peers (source, gst_event_new_flush_stop (FALSE));
  set_state (self, held, SHUT);
  GST_STATE_UNLOCK (source);
  GST_INFO_OBJECT (self->element, "%s is shut", GST_ELEMENT_NAME (source));
}

/* Gives the source the clock and the times of the element, as its bin would
 * have done: the pipeline may have been stopped and started meanwhile. */
static void
adopt_times (GstElement *element, GstElement *source)
{
  g_autoptr (GstClock) clock = gst_element_get_clock (element);

  if (clock)
    gst_element_set_clock (source, clock);
  gst_element_set_base_time (source, gst_element_get_base_time (element));
  gst_element_set_start_time (source, gst_element_get_start_time (element));
}

void
imageswitch_held_start (Holds *self, Held *held, Feeders *feeders)
{
  GstElement *source = held->source;
  GstStateChangeReturn ret = GST_STATE_CHANGE_SUCCESS;
  GstState state;

  GST_STATE_LOCK (source);
  set_state (self, held, STARTING);
  adopt_times (self->element, source);
  gst_element_set_locked_state (source, FALSE);
  state = imageswitch_feeders_ready_for (feeders);
  GST_INFO_OBJECT (self->element, "starting %s, to %s",
      GST_ELEMENT_NAME (source), gst_element_state_get_name (state));
  if (state > GST_STATE_NULL)
    ret = gst_element_set_state (source, state);
  if (ret == GST_STATE_CHANGE_FAILURE) {
    g_mutex_lock (&self->lock);
    imageswitch_held_fail_locked (self, held, "it could not be opened");
    g_mutex_unlock (&self->lock);
  }
  GST_STATE_UNLOCK (source);
}

/* Takes a source as far up as the elements that it feeds. Returns whether those
 * are still on their way up, so that it has to be looked at again. */
gboolean
imageswitch_held_catch_up (Holds *self, Held *held, Feeders *feeders)
{
  GstElement *source = held->source;
  GstState state = imageswitch_feeders_ready_for (feeders), now, pending;

  GST_STATE_LOCK (source);
  gst_element_get_state (source, &now, &pending, 0);
  if (now < state && pending == GST_STATE_VOID_PENDING)
    gst_element_set_state (source, state);
  GST_STATE_UNLOCK (source);
  return state < GST_STATE (self->element);
}

/* Whether the source is to run. An unlinked one would only fail, and one whose
 * pipeline is going down must not be opened for a moment. */
static gboolean
is_to_run (GstElement *source)
{
  gboolean linked = FALSE, running = FALSE;
  GstObject *bin, *parent;
  GList *l;

  GST_OBJECT_LOCK (source);
  for (l = source->srcpads; l; l = l->next)
    linked |= GST_PAD_PEER (l->data) != NULL;
  GST_OBJECT_UNLOCK (source);
  for (bin = gst_object_get_parent (GST_OBJECT (source)); bin; bin = parent) {
    running = GST_STATE_TARGET (bin) > GST_STATE_READY;
    parent = running ? gst_object_get_parent (bin) : NULL;
    gst_object_unref (bin);
  }
  return linked && running;
}

/* Hands the source back to its bin. */
void
imageswitch_held_let_go (Holds *self, Held *held)
{
  GstElement *source = held->source;
  gboolean was_shut, found;

  GST_STATE_LOCK (source);
  g_mutex_lock (&self->lock);
  was_shut = held->state == SHUT;
  found = g_ptr_array_remove (self->list, held);
  g_mutex_unlock (&self->lock);
  if (found)
    take_guard (held);
  if (found && was_shut) {
    adopt_times (self->element, source);
    gst_element_set_locked_state (source, FALSE);
    if (is_to_run (source))
      gst_element_sync_state_with_parent (source);
  }
  GST_STATE_UNLOCK (source);
}

/* Shuts a source that did not start. Returns when it will be started again. */
gint64
imageswitch_held_try_again (Holds *self, Held *held)
{
  g_autofree gchar *name = gst_object_get_name (GST_OBJECT (held->source));
  g_autofree gchar *error = NULL;
  gint64 delay, retry_at;

  g_mutex_lock (&self->lock);
  error = g_steal_pointer (&held->error);
  delay = MIN (FIRST_DELAY << MIN (held->attempts, 10), LAST_DELAY);
  held->attempts++;
  held->retry_at = retry_at = g_get_monotonic_time () + delay;
  g_mutex_unlock (&self->lock);
  imageswitch_held_shut (self, held);
  GST_ELEMENT_WARNING (self->element, RESOURCE, OPEN_READ,
      ("The camera \"%s\" does not start: %s", name, error),
      ("the picture stays, next attempt in %.1f s", delay / 1e6));
  return retry_at;
}

void
imageswitch_held_lock_unopened (Holds *self, Held *held)
{
  gboolean is_ours;

  if (!GST_STATE_TRYLOCK (held->source))
    return;
  g_mutex_lock (&self->lock);
  is_ours = g_ptr_array_find (self->list, held, NULL);
  g_mutex_unlock (&self->lock);
  if (is_ours && GST_STATE (held->source) == GST_STATE_NULL) {
    gst_element_set_locked_state (held->source, TRUE);
    set_state (self, held, SHUT);
    GST_INFO_OBJECT (self->element, "%s stays shut",
        GST_ELEMENT_NAME (held->source));
  }
  GST_STATE_UNLOCK (held->source);
}
