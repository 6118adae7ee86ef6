/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "call-private.h"

#include <gst/app/gstappsrc.h>
#include <string.h>

#include "worker.h"

/* A collection that is loaded anew has destroyed its sources long before the same
 * ones are back. */
#define LEAVE_AFTER_MS 10000

static GMutex pool_lock;
static GHashTable *pool;        /* link -> Call that has not been left */

static void
person_free (gpointer data)
{
  CallPerson *person = data;

  g_free (person->name);
  g_free (person);
}

Call *
call_ref (Call *call)
{
  g_atomic_ref_count_inc (&call->refs);
  return call;
}

void
call_unref (gpointer data)
{
  Call *self = data;

  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_ptr_array_unref (self->viewers);
  g_ptr_array_unref (self->members);
  g_ptr_array_unref (self->people);
  seats_free (self->seats);
  g_mutex_clear (&self->lock);
  gst_clear_caps (&self->caps[0]);
  gst_clear_caps (&self->caps[1]);
  g_free (self->trouble);
  g_free (self->status);
  g_free (self->name);
  g_free (self->link);
  g_free (self);
}

/* Whether the latency is another one. */
static gboolean
take_self (Call *self, const CallSelf *own)
{
  gboolean anew;

  g_mutex_lock (&self->lock);
  g_free (self->name);
  self->name = g_strdup (own->name && *own->name ? own->name : "OBS");
  self->muted = own->muted;
  self->hidden = own->hidden;
  self->release_camera = own->release_camera;
  anew = self->latency != own->latency;
  self->latency = own->latency;
  self->leave_when_unused = own->leave_when_unused;
  g_mutex_unlock (&self->lock);
  return anew;
}

static Call *
call_new (const char *link, const CallSelf *own)
{
  Call *self = g_new0 (Call, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->lock);
  self->link = g_strdup (link);
  self->people = g_ptr_array_new_with_free_func (person_free);
  self->members = g_ptr_array_new_with_free_func (member_free);
  self->viewers = g_ptr_array_new_with_free_func (viewer_free);
  self->seats = seats_new ();
  take_self (self, own);
  self->runner = runner_new ("meshroom-call", &call_runner_events,
      call_ref (self));
  runner_start (self->runner);
  return self;
}

static char *
normalise (const char *link)
{
  char *text = g_strdup (link);

  return g_strstrip (text);
}

/**
 * call_get:
 * @link: the room's
 * @self: our own side of it
 *
 * Joins the room behind @link, unless we are in it.
 *
 * Returns: (transfer full): the one call with that link, for call_release()
 */
Call *
call_get (const char *link, const CallSelf *self)
{
  g_autofree char *key = normalise (link);
  Call *call;

  g_mutex_lock (&pool_lock);
  if (!pool)
    pool = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, call_unref);
  call = g_hash_table_lookup (pool, key);
  if (call) {
    call->users++;
    call_ref (call);
    g_mutex_unlock (&pool_lock);
    call_set_self (call, self);
    return call;
  }
  call = call_new (key, self);
  call->users = 1;
  g_hash_table_insert (pool, call->link, call_ref (call));
  g_mutex_unlock (&pool_lock);
  return call;
}

/* Says goodbye, some time soon; whoever has the call may go on asking. */
static void
leave_locked (Call *self)
{
  Runner *runner;

  g_mutex_lock (&self->lock);
  runner = g_steal_pointer (&self->runner);
  g_mutex_unlock (&self->lock);
  if (runner)
    runner_stop (runner);
}

static gboolean
leave_if_unused (gpointer user_data)
{
  Call *self = user_data;
  gint64 since = (LEAVE_AFTER_MS - 100) * G_TIME_SPAN_MILLISECOND;
  gboolean may_leave;

  g_mutex_lock (&pool_lock);
  g_mutex_lock (&self->lock);
  may_leave = self->leave_when_unused && self->runner;
  g_mutex_unlock (&self->lock);
  if (may_leave && self->users == 0
      && g_get_monotonic_time () - self->unused_since >= since) {
    leave_locked (self);
    g_hash_table_remove (pool, self->link);
  }
  g_mutex_unlock (&pool_lock);
  return G_SOURCE_REMOVE;
}

/**
 * call_release:
 * @call: (transfer full) (nullable): a call of call_get()
 */
void
call_release (Call *call)
{
  gboolean unused;

  if (!call)
    return;
  g_mutex_lock (&pool_lock);
  unused = --call->users == 0;
  if (unused)
    call->unused_since = g_get_monotonic_time ();
  g_mutex_unlock (&pool_lock);
  if (unused)
    g_source_unref (worker_after (LEAVE_AFTER_MS, leave_if_unused,
            call_ref (call), call_unref));
  call_unref (call);
}

/* OBS ends. */
void
call_leave_all (void)
{
  GHashTableIter iter;
  gpointer call;

  g_mutex_lock (&pool_lock);
  if (pool) {
    g_hash_table_iter_init (&iter, pool);
    while (g_hash_table_iter_next (&iter, NULL, &call))
      leave_locked (call);
    g_clear_pointer (&pool, g_hash_table_unref);
  }
  g_mutex_unlock (&pool_lock);
}

/* --- what is asked of the runner's thread --- */

typedef struct {
  Call *call;
  Outlet *outlet;
  char *guest;
} Request;

static void
request_free (gpointer data)
{
  Request *request = data;

  call_unref (request->call);
  outlet_unref (request->outlet);
  g_free (request->guest);
  g_free (request);
}

static void
post_request (Call *self, GSourceFunc func, Outlet *outlet, const char *guest)
{
  Request *request = g_new0 (Request, 1);
  gboolean posted = FALSE;

  request->call = call_ref (self);
  request->outlet = outlet ? outlet_ref (outlet) : NULL;
  request->guest = g_strdup (guest);
  g_mutex_lock (&self->lock);
  if (self->runner) {
    runner_invoke (self->runner, func, request, request_free);
    posted = TRUE;
  }
  g_mutex_unlock (&self->lock);
  if (!posted)
    request_free (request);
}

static gboolean
do_attach (gpointer user_data)
{
  Request *request = user_data;

  call_set_viewer (request->call, request->outlet, request->guest);
  return G_SOURCE_REMOVE;
}

/**
 * call_attach:
 * @call: a call
 * @outlet: where to show a guest, whom it keeps showing when they leave and return
 * @guest: (nullable): a seat's number, or a display name
 *
 * May be called again, to show another one.
 */
void
call_attach (Call *call, Outlet *outlet, const char *guest)
{
  post_request (call, do_attach, outlet, guest);
}

static gboolean
do_detach (gpointer user_data)
{
  Request *request = user_data;

  call_remove_viewer (request->call, request->outlet);
  return G_SOURCE_REMOVE;
}

void
call_detach (Call *call, Outlet *outlet)
{
  post_request (call, do_detach, outlet, NULL);
}

/**
 * call_set_self:
 * @call: a call
 * @self: our own side
 *
 * Being muted or hidden takes effect before this returns.
 */
void
call_set_self (Call *call, const CallSelf *self)
{
  if (take_self (call, self)) {
    g_mutex_lock (&call->lock);
    if (call->runner)
      runner_restart (call->runner);
    g_mutex_unlock (&call->lock);
  }
  call_apply_self (call);
}

/* --- what can be asked --- */

/**
 * call_dup_status:
 * @call: a call
 * @bad: (out): whether somebody should look into it
 *
 * Returns: (transfer full): how it stands, in words
 */
char *
call_dup_status (Call *call, gboolean *bad)
{
  char *text;

  g_mutex_lock (&call->lock);
  text = g_strdup (call->status ? call->status : "Joining…");
  *bad = call->bad;
  g_mutex_unlock (&call->lock);
  return text;
}

/**
 * call_dup_people:
 * @call: a call
 *
 * Returns: (transfer full) (element-type CallPerson): who is there, as they came
 */
GPtrArray *
call_dup_people (Call *call)
{
  GPtrArray *people;

  g_mutex_lock (&call->lock);
  people = g_ptr_array_ref (call->people);
  g_mutex_unlock (&call->lock);
  return people;
}

/* --- sending --- */

/* Where a frame goes, or NULL. What is hidden is dropped here, so that not one frame
 * of it is even on its way. */
static GstElement *
open_source_locked (Call *self, CallKind kind, GstCaps *caps)
{
  if (!self->room || (kind == CALL_VIDEO && self->hidden
          && self->release_camera) || (kind == CALL_AUDIO && self->muted))
    return NULL;
  if (!self->caps[kind] || !gst_caps_is_equal (self->caps[kind], caps)) {
    gst_caps_replace (&self->caps[kind], caps);
    gst_app_src_set_caps (GST_APP_SRC (self->sources[kind]), caps);
  }
  return gst_object_ref (self->sources[kind]);
}

/**
 * call_send:
 * @call: a call
 * @kind: what it is
 * @caps: in what format
 * @buffer: (transfer full): the frame, its PTS by CLOCK_MONOTONIC
 *
 * Returns: whether it was taken
 */
gboolean
call_send (Call *call, CallKind kind, GstCaps *caps, GstBuffer *buffer)
{
  g_autoptr (GstElement) source = NULL;
  GstClockTime base;
  gboolean begun = FALSE;

  g_mutex_lock (&call->lock);
  if (kind == CALL_VIDEO && call->room && !call->sending)
    begun = call->sending = TRUE;
  source = open_source_locked (call, kind, caps);
  g_mutex_unlock (&call->lock);
  /* with the first frame the promise is imageswitch's to keep */
  if (begun)
    call_apply_self (call);
  if (!source) {
    gst_buffer_unref (buffer);
    return FALSE;
  }
  base = gst_element_get_base_time (source);
  buffer = gst_buffer_make_writable (buffer);
  if (GST_BUFFER_PTS (buffer) < base) {
    gst_buffer_unref (buffer);
    return FALSE;
  }
  GST_BUFFER_PTS (buffer) -= base;
  return gst_app_src_push_buffer (GST_APP_SRC (source), buffer) == GST_FLOW_OK;
}

void
call_stop_sending (Call *call)
{
  g_mutex_lock (&call->lock);
  call->sending = FALSE;
  g_mutex_unlock (&call->lock);
  call_apply_self (call);
}
